use clap::Args;

use super::put::done;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Rename a secret
///
/// Its history stays under the old name, which gets a tombstone.
#[derive(Args)]
#[command(after_help = "Examples:
  vault mv prod/db/password prod/postgres/password")]
pub struct Mv {
    /// The old path
    from: String,
    /// The new path; nothing may be there
    to: String,
}

impl Mv {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (from, to) = (target::path(&self.from)?, target::path(&self.to)?);
        let vault = session.vault().await?;
        let written = vault.rename(&from, &to).await;
        session.warn(&vault);
        done(session, to.as_str(), written?)
    }
}
