use clap::Args;

use super::output;
use super::put::done;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Delete a secret; `vault undelete` brings it back
///
/// A tombstone is put on top of its history. `vault purge` removes the values for good.
#[derive(Args)]
#[command(after_help = "Examples:
  vault rm prod/db/password")]
pub struct Rm {
    /// What to delete
    path: String,
    /// Delete only if N is the newest version
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

impl Rm {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        let vault = session.vault().await?;
        let written = vault.delete(&path, self.if_version).await;
        session.warn(&vault);
        done(session, path.as_str(), written?)?;
        if !session.json {
            let vault = session.vault_flag();
            output::note(&format!("Undo: vault{vault} undelete {}", path.quoted()));
        }
        Ok(())
    }
}
