use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::output;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Answer with the exit code whether a secret is there: 0 yes, 3 no
#[derive(Args)]
#[command(after_help = "Examples:
  vault exists prod/db/password || vault put prod/db/password --generate")]
pub struct Exists {
    /// The path to look for
    path: String,
}

impl Exists {
    pub async fn run(self, session: &Session) -> Result<Exit> {
        let path = target::path(&self.path)?;
        let vault = session.vault().await?;
        let exists = vault.exists(&path).await;
        session.warn(&vault);
        let exists = exists?;
        if session.json {
            output::json(&json!({ "path": path.as_str(), "exists": exists }))?;
        }
        Ok(if exists { Exit::Ok } else { Exit::NotFound })
    }
}
