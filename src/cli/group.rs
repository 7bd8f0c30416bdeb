use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::rotation::{LateFlag, Reason};
use super::session::Session;
use crate::vault::{GroupChange, Moved, Prefix, Result, Wrapping, escape};

/// Give folders keys of their own
///
/// A group is a set of folders that some members read and others do not. Everything else is in
/// the group `main`. A group may have a KMS key of its own.
#[derive(Args)]
#[command(after_help = "Examples:
  vault group add pay --path prod/pay --reader jon
  vault group add prod --path prod --kms alias/vault-prod
  vault group set pay --path prod/pay --path dev/pay
  vault group ls")]
pub struct Group {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a group and move folders to it; their values are sealed anew at once
    Add {
        /// Its name: 1 to 32 of a-z 0-9 -; never used again
        name: String,
        /// A folder; may be given several times
        #[arg(long = "path", value_name = "FOLDER", required = true)]
        paths: Vec<String>,
        /// A member that reads it, beside admins; may be given several times
        #[arg(long = "reader", value_name = "MEMBER")]
        readers: Vec<String>,
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        late: LateFlag,
    },
    /// Change the folders or the wrap of a group; values are sealed anew at once
    Set {
        /// The group
        name: String,
        /// A folder; all of them, the others leave the group
        #[arg(long = "path", value_name = "FOLDER")]
        paths: Vec<String>,
        /// No folder at all: the group is retired
        #[arg(long, conflicts_with = "paths")]
        no_path: bool,
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        late: LateFlag,
    },
    /// List the groups
    Ls,
}

#[derive(Args)]
#[group(multiple = false)]
struct Wrap {
    /// Wrap its data keys with this AWS KMS key (ARN, id or alias/NAME)
    #[arg(long, value_name = "KEY")]
    kms: Option<String>,
    /// Wrap its data keys with a key of the team's own
    #[arg(long)]
    local: bool,
}

impl Wrap {
    fn wrapping(self) -> Option<Wrapping> {
        match (self.kms, self.local) {
            (Some(key), _) => Some(Wrapping::Kms(key)),
            (None, true) => Some(Wrapping::Local),
            (None, false) => None,
        }
    }
}

impl Group {
    pub async fn run(self, session: &Session) -> Result<()> {
        let prefixes = |paths: &[String]| {
            paths.iter().map(|path| Prefix::parse(path)).collect::<Result<BTreeSet<Prefix>>>()
        };
        let (name, change, late, add) = match self.action {
            Action::Ls => return list(session).await,
            Action::Add { name, paths, readers, wrap, late } => {
                let prefixes = Some(prefixes(&paths)?);
                (name, GroupChange { prefixes, wrapping: wrap.wrapping(), readers }, late, true)
            }
            Action::Set { name, paths, no_path, wrap, late } => {
                let given = no_path || !paths.is_empty();
                let prefixes = if given { Some(prefixes(&paths)?) } else { None };
                let wrapping = wrap.wrapping();
                (name, GroupChange { prefixes, wrapping, readers: Vec::new() }, late, false)
            }
        };
        let vault = session.vault().await?;
        let changed = match add {
            true => vault.add_group(&name, &change).await,
            false => vault.set_group(&name, &change).await,
        };
        let changed = changed?;
        for Moved { folder, from, to, readers } in vault.moves(changed.as_ref().map(|c| c.seq)) {
            let folder = match folder.as_str() {
                "" => "everything else".to_owned(),
                folder => format!("{}/", escape(folder)),
            };
            let was = from.filter(|from| *from != to);
            let was = was.map_or_else(String::new, |from| format!(", and was of {from}"));
            output::note(&format!("{folder} is of {to} now{was}; read by {}.", readers.join(", ")));
        }
        late.with_reseal().finish(session, &vault, changed, Reason::Rotation(None)).await
    }
}

async fn list(session: &Session) -> Result<()> {
    let vault = session.vault().await?;
    let groups = vault.groups().await;
    session.warn(&vault);
    let groups = groups?;
    let wrapping = |wrapping: &Wrapping| match wrapping {
        Wrapping::Local => "local".to_owned(),
        Wrapping::Kms(arn) => format!("kms:{arn}"),
    };
    if session.json {
        let list = groups.iter().map(|group| {
            json!({
                "name": group.name,
                "generation": group.generation,
                "paths": group.prefixes.iter().map(Prefix::as_str).collect::<Vec<_>>(),
                "wrap": wrapping(&group.wrapping),
                "readers": group.readers,
            })
        });
        return output::json(&list.collect());
    }
    let rows = groups.iter().map(|group| {
        let folders = group.prefixes.iter().map(|prefix| match prefix.as_str() {
            "" => "(all else)".to_owned(),
            folder => format!("{folder}/"),
        });
        vec![
            group.name.clone(),
            group.generation.to_string(),
            wrapping(&group.wrapping),
            folders.collect::<Vec<_>>().join(","),
            group.readers.join(","),
        ]
    });
    let heading = ["GROUP", "GENERATION", "WRAP", "FOLDERS", "READERS"];
    output::table(&heading, &rows.collect::<Vec<_>>())
}
