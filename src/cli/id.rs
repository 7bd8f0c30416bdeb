use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{DeviceIdentity, Error, Result, Secret};

/// Make, show or export the identity of this device
#[derive(Args)]
#[command(after_help = "Examples:
  vault id new                                asks for a passphrase
  vault id show                               what an admin needs to add you
  vault id export --age -o key.txt            for stock age")]
pub struct Id {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make an identity for this device
    New {
        /// Keep it without a passphrase: for machines that nobody types at
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Print the public string and its 8 words
    Show,
    /// Print the secret key in the form of another program
    Export {
        /// As an age secret key, with which stock age opens keyrings
        #[arg(long, required = true)]
        age: bool,
        /// Write it to this file, readable by you alone
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl Id {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::New { no_passphrase } => {
                if session.has_identity() {
                    return Err(Error::conflict("this device has an identity already")
                        .hint("`vault id show` prints it; VAULT_IDENTITY names another file"));
                }
                show(session, &session.new_identity(no_passphrase).await?)
            }
            Action::Show => show(session, &session.unlock().await?),
            Action::Export { age: _, output: file } => {
                let mut key = session.unlock().await?.age_secret_key();
                if session.json {
                    let mut text = Secret::copy_of(b"{\"age\":\"");
                    text.extend(key.bytes());
                    text.extend(b"\"}\n");
                    return output::secret(&text, file.as_deref(), true);
                }
                if file.is_some() || !output::to_terminal() {
                    key.push(b'\n');
                }
                output::secret(&key, file.as_deref(), false)
            }
        }
    }
}

fn show(session: &Session, identity: &DeviceIdentity) -> Result<()> {
    let public = identity.public();
    if session.json {
        return output::json(&json!({
            "id": identity.id_string(),
            "key": public.id().to_string(),
            "recipient": public.recipient,
            "words": public.fingerprint(),
        }));
    }
    output::note(&format!("Words to compare: {}", public.fingerprint()));
    output::line(&identity.id_string())
}
