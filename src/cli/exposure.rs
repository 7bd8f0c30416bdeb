use clap::Args;

use super::output;
use super::rotation::{exposed_json, print_exposed};
use super::session::Session;
use crate::vault::{Prefix, Result};

/// List the values that somebody knows who may not any more
///
/// Removing a person does not un-read a secret: change the listed values. A new value clears its
/// entry.
#[derive(Args)]
#[command(after_help = "Examples:
  vault exposure
  vault exposure prod --json")]
pub struct Exposure {
    /// Only below this folder
    prefix: Option<String>,
}

impl Exposure {
    pub async fn run(self, session: &Session) -> Result<()> {
        let prefix = self.prefix.as_deref().map(Prefix::parse).transpose()?.unwrap_or_default();
        let vault = session.vault().await?;
        let exposed = vault.exposure(&prefix).await;
        session.warn(&vault);
        let exposed = exposed?;
        if session.json {
            return output::json(&exposed.iter().map(exposed_json).collect());
        }
        if exposed.is_empty() {
            output::note("No value has to be changed.");
        }
        print_exposed(&exposed)
    }
}
