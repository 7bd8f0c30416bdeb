use std::path::PathBuf;

use clap::Args;

use super::output;
use super::session::Session;
use crate::vault::{Error, Path, Prefix, Result, Secret, escape};

/// Print the keys of one folder, for a machine that only reads there
///
/// Give the string to the machine as the secret variable VAULT_CAPABILITY. Whoever has it reads
/// everything below the folder, without being a member, until a new generation is opened and the
/// values are changed.
#[derive(Args)]
#[command(after_help = "Examples:
  vault capability prod/web/ -o capability.txt
  VAULT_CAPABILITY=$(cat capability.txt) vault get prod/web/token")]
pub struct Capability {
    /// The folder
    folder: String,
    /// Write it to this file, readable by you alone
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Capability {
    pub async fn run(self, session: &Session) -> Result<()> {
        let folder = Prefix::parse(&self.folder)?;
        let vault = session.vault().await?;
        let is_empty = vault.list(&folder).await?.is_empty();
        if is_empty
            && let Ok(path) = Path::parse(folder.as_str())
            && vault.exists(&path).await?
        {
            return Err(Error::usage(format!(
                "{path} is a secret, and a capability is for a folder"
            ))
            .hint("the folder above it, or a new one of its own (`vault mv`)"));
        }
        let made = vault.capability(&folder).await;
        session.warn(&vault);
        let made = made?;
        let generations: Vec<_> = made.keys.iter().map(|(number, _)| number.to_string()).collect();
        output::note(&format!(
            "Whoever has this reads everything below {}/ ({}, generation {}).",
            escape(folder.as_str()),
            made.group,
            generations.join(", ")
        ));
        for other in vault.groups_below(&folder) {
            output::note(&format!(
                "It does not open {}/, which is of another group.",
                escape(&other)
            ));
        }
        if is_empty {
            output::note(&format!("There is nothing below {}/ yet.", escape(folder.as_str())));
        }
        let mut text = match session.json {
            false => made.encode(),
            true => {
                let mut text = Secret::copy_of(b"{\"capability\":\"");
                text.extend(made.encode().bytes());
                text.extend(b"\"}");
                text
            }
        };
        if self.output.is_some() || !output::to_terminal() {
            text.push(b'\n');
        }
        output::secret(&text, self.output.as_deref(), false)
    }
}
