use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::output;
use super::session::{Session, shown};
use crate::vault::{
    Error, FileFormat, ImportPlan, ItemContent, MAX_IMPORT, Parsed, Path, Planned, Prefix, Result,
    Secret, Vault, escape, parse_import, plan_import,
};

mod s3ec;

/// Bring secrets in from elsewhere
///
/// Everything is read, checked and decrypted before anything is written, and nothing that is there
/// already is replaced. The format is told by the name of the file and by what is in it.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  vault import .env prod/api --dry-run        names only
  vault import bitwarden.json team/logins
  vault import passwords.csv web --rename     names that are illegal or come twice are changed
  vault import s3ec s3://old-bucket/app/ prod/app --kms alias/old --dry-run"
)]
pub struct Import {
    #[command(subcommand)]
    from: Option<From>,
    #[command(flatten)]
    source: Option<Source>,
}

#[derive(Subcommand)]
enum From {
    S3ec(s3ec::S3ec),
}

#[derive(Args)]
struct Source {
    /// The file; `-` is standard input
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The folder for all of it [default: none, at the top]
    path: Option<String>,
    /// What SOURCE is, if its name and what is in it do not tell
    #[arg(short, long, value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(FileFormat::ALL.map(|(name, _)| name)))]
    format: Option<String>,
    /// Read and check everything, but only show what would be written, by name
    #[arg(long)]
    dry_run: bool,
    /// Change names that are illegal or come twice, as the refusal without this flag shows them
    #[arg(long)]
    rename: bool,
    /// Leave what is there already as it is, and import the rest
    #[arg(long)]
    skip_existing: bool,
}

impl Import {
    pub async fn run(self, session: &Session) -> Result<()> {
        match (self.from, self.source) {
            (Some(From::S3ec(import)), _) => import.run(session).await,
            (None, Some(source)) => source.run(session).await,
            (None, None) => Err(Error::usage("nothing to import").hint("`vault help import`")),
        }
    }
}

impl Source {
    async fn run(self, session: &Session) -> Result<()> {
        let folder = Prefix::parse(self.path.as_deref().unwrap_or_default())?;
        let parsed = self.parse()?;
        let mut plan = plan_import(parsed, &folder, self.rename)?;
        let vault = session.vault().await?;
        let paths: Vec<Path> = plan.secrets.iter().map(|secret| secret.path.clone()).collect();
        if self.skip_existing {
            let there = vault.present(&paths).await?;
            plan.secrets.retain(|secret| !there.contains(&secret.path));
            plan.left.extend(there.iter().map(|path| format!("{path}: it is there already")));
        } else {
            vault.check_absent(&paths).await.map_err(|e| {
                e.hint(
                    "nothing was written; import to another place, or leave them as they are \
                        with --skip-existing",
                )
            })?;
        }
        if !self.dry_run {
            write(session, &vault, &plan).await?;
        }
        session.warn(&vault);
        self.report(session, &plan)
    }

    fn parse(&self) -> Result<Parsed> {
        let bytes = read(&self.source)?;
        let name = FilePath::new(&self.source).file_name().and_then(|name| name.to_str());
        let format = match &self.format {
            Some(name) => FileFormat::parse(name).expect("clap takes no other"),
            None => FileFormat::detect(name.filter(|_| self.source != "-"), &bytes)?,
        };
        parse_import(format, &bytes)
    }

    fn report(&self, session: &Session, plan: &ImportPlan) -> Result<()> {
        for (was, is) in &plan.renamed {
            output::note(&format!("renamed: {} is {}", escape(was), escape(is)));
        }
        for what in &plan.left {
            output::note(&format!("not imported: {}", escape(what)));
        }
        let count = output::count(plan.secrets.len(), "secret");
        output::note(&match self.dry_run {
            true => format!("{count} would be written; nothing was"),
            false => format!("{count} written"),
        });
        if session.json {
            let one = |secret: &Planned| {
                let fields = match &secret.content {
                    ItemContent::Raw(_) => None,
                    ItemContent::Fields(fields) => {
                        Some(fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())
                    }
                };
                json!({ "path": secret.path.as_str(), "fields": fields })
            };
            return output::json(&plan.secrets.iter().map(one).collect());
        }
        let fields = |secret: &Planned| match &secret.content {
            ItemContent::Raw(_) => String::new(),
            ItemContent::Fields(fields) => {
                fields.iter().map(|field| escape(&field.name)).collect::<Vec<_>>().join(", ")
            }
        };
        let rows: Vec<_> =
            plan.secrets.iter().map(|s| vec![s.path.to_string(), fields(s)]).collect();
        output::table(&["PATH", "FIELDS"], &rows)
    }
}

/// Writes a plan, with a bar on a terminal.
///
/// # Errors
/// Those of [`crate::vault::ImportOutcome::check`].
async fn write(session: &Session, vault: &Vault, plan: &ImportPlan) -> Result<()> {
    let style = ProgressStyle::with_template("importing {bar:30} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    // Draws on stderr, and on a terminal only.
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let outcome = vault.import(plan, &mut progress).await;
    bar.finish_and_clear();
    outcome.check().inspect_err(|_| session.warn(vault))
}

/// A file, or standard input, in zeroed memory.
fn read(source: &str) -> Result<Secret> {
    if source == "-" {
        return read_all(std::io::stdin().lock(), "standard input");
    }
    let path = FilePath::new(source);
    let name = shown(path);
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("there is no file {name}")),
        _ => Error::usage(format!("cannot read {name}")).because(e),
    })?;
    read_all(file, &name)
}

fn read_all(mut source: impl Read, name: &str) -> Result<Secret> {
    let mut all = Secret::with_capacity(64 * 1024);
    let mut chunk = zeroize::Zeroizing::new(vec![0u8; 64 * 1024]);
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(all),
            Ok(len) => all.extend(&chunk[..len]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::usage(format!("cannot read {name}")).because(e)),
        }
        if all.len() > MAX_IMPORT {
            let limit = MAX_IMPORT / 1024 / 1024;
            return Err(Error::usage(format!("{name} is larger than {limit} MiB")));
        }
    }
}
