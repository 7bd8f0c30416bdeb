use clap::Args;

use super::put::done;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Copy the newest version of a secret
///
/// The age of its values is carried on.
#[derive(Args)]
#[command(after_help = "Examples:
  vault cp prod/db/password prod/postgres/password")]
pub struct Cp {
    /// The old path
    from: String,
    /// The new path; nothing may be there
    to: String,
}

impl Cp {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (from, to) = (target::path(&self.from)?, target::path(&self.to)?);
        let vault = session.vault().await?;
        let written = vault.copy(&from, &to).await;
        session.warn(&vault);
        done(session, to.as_str(), written?)
    }
}
