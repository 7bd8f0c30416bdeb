use std::path::PathBuf;

use clap::Args;

use super::output;
use super::resolve::{self, Resolver};
use super::session::Session;
use crate::vault::{Charset, Reference, Result, Secret, write_string, write_value};

/// Print the value that a reference names
///
/// Prints the bytes as they are, and a newline behind them on a terminal only. `vault help
/// references` has the form of references.
#[derive(Args)]
#[command(after_help = "Examples:
  vault read vault://prod/db/password
  vault read 'vault://prod/db#user'                   a field
  vault read 'vault://@team/prod/db?version=3#user'   an earlier version, in another vault
  vault read 'vault://web/admin?attribute=otp'        the present one-time password
  vault read vault://prod/tls/key -o key.pem          into a file that only you can read")]
pub struct Read {
    /// What to read: vault://[@NAME/]PATH[?version=N&attribute=otp][#FIELD]
    reference: String,
    /// Write the value to this file, readable by you alone
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a binary value on a terminal all the same
    #[arg(long)]
    force: bool,
}

impl Read {
    pub async fn run(self, session: &Session) -> Result<()> {
        let reference = Reference::parse(&self.reference)?;
        let mut resolver = Resolver::new(session);
        let found = resolver.read(resolve::places([&reference])).await;
        let value = resolve::value(&reference, &found)?.value;
        if session.json {
            let text = as_json(&reference, &value);
            return output::secret(&text, self.output.as_deref(), true);
        }
        output::secret(&value, self.output.as_deref(), self.force)
    }
}

fn as_json(reference: &Reference, value: &Secret) -> Secret {
    let mut out = Secret::with_capacity(4096);
    out.extend(b"{\"reference\":");
    write_string(&mut out, &reference.to_string(), Charset::Utf8);
    out.push(b',');
    write_value(&mut out, value);
    out.extend(b"}\n");
    out
}
