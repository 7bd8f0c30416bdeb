use clap::Args;

use super::output;
use crate::vault::Result;
use crate::vault::generate::Spec;

/// Generate a password or passphrase, without storing it
#[derive(Args)]
#[command(after_help = "Examples:
  vault gen                                   24 letters and digits
  vault gen 40
  vault gen password:32:symbols
  vault gen passphrase:6
  vault put prod/db/password --generate       generates and stores")]
pub struct Gen {
    /// LENGTH, password[:LENGTH[:alnum|symbols|digits|hex]] or passphrase[:WORDS]
    #[arg(default_value = "password")]
    spec: String,
}

impl Gen {
    pub fn run(self, json: bool) -> Result<()> {
        let value = Spec::parse(&self.spec)?.generate();
        if json {
            let text = value.text().unwrap_or_default();
            return output::json(&serde_json::json!({ "value": text }));
        }
        output::secret(&value, None, false)
    }
}
