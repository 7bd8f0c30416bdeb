use clap::Args;

use super::output;
use crate::vault::generate::Spec;
use crate::vault::{Charset, Result, Secret, write_string};

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
            // Not through a general JSON library: it would leave copies behind.
            let mut text = Secret::copy_of(b"{\"value\":");
            write_string(&mut text, value.text().unwrap_or_default(), Charset::Utf8);
            text.extend(b"}\n");
            return output::secret(&text, None, true);
        }
        output::secret(&value, None, false)
    }
}
