use clap::Args;

use super::put::done;
use super::session::Session;
use super::target;
use crate::vault::{Error, Result};

/// Make an earlier version the newest again
///
/// Writes its value as a new version; nothing is lost.
#[derive(Args)]
#[command(after_help = "Examples:
  vault history prod/db/password
  vault rollback prod/db/password@3")]
pub struct Rollback {
    /// PATH@N: the version to go back to
    #[arg(value_name = "PATH@N")]
    path: String,
}

impl Rollback {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (path, n) = target::versioned(&self.path)?;
        let n = n.ok_or_else(|| {
            Error::usage("no version is named")
                .hint(format!("`vault history {}` lists the versions; then PATH@N", path.quoted()))
        })?;
        let vault = session.vault().await?;
        let written = vault.rollback(&path, n).await;
        session.warn(&vault);
        done(session, path.as_str(), written?)
    }
}
