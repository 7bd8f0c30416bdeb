use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Remove a secret and all its versions for good
///
/// Cannot be undone. A tombstone stays, so that the storage cannot bring the values back. Of a
/// secret that the storage does not show any more as it was seen, this gives up what is gone.
#[derive(Args)]
#[command(after_help = "Examples:
  vault purge prod/db/old-password            asks for the name
  vault purge prod/db/old-password --yes")]
pub struct Purge {
    /// What to remove
    path: String,
}

impl Purge {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        if !session.yes {
            let warning = format!("This removes {path} and all its versions for good");
            session.prompt.confirm_name(&warning, path.as_str()).await?;
        }
        let vault = session.vault().await?;
        let purged = vault.purge(&path).await;
        session.warn(&vault);
        let purged = purged?;
        if session.json {
            return output::json(&json!({
                "path": path.as_str(), "version": purged.n, "removed": purged.removed,
            }));
        }
        output::note(&format!("{path}: {} removed", output::count(purged.removed, "version")));
        Ok(())
    }
}
