use clap::Args;

use super::put::done;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Bring a deleted secret back
#[derive(Args)]
#[command(after_help = "Examples:
  vault ls --deleted
  vault undelete prod/db/password")]
pub struct Undelete {
    /// What to bring back
    path: String,
}

impl Undelete {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        let vault = session.vault().await?;
        let written = vault.undelete(&path).await;
        session.warn(&vault);
        done(session, path.as_str(), written?)
    }
}
