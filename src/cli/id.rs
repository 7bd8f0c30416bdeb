use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::{Session, read_words};
use crate::vault::{DeviceIdentity, Error, IdentityHolder, Result, Secret};

/// Make, show or export the identity of this device
#[derive(Args)]
#[command(after_help = "Examples:
  vault id new                                asks for a passphrase
  vault id new --ssh ~/.ssh/id_ed25519        with an SSH key that you have
  vault id new --age-plugin yubikey.txt       with the key on a token
  vault id show                               what an admin needs to add you
  vault id export --age -o key.txt            for stock age
  vault id export --age --words-file words.txt -o key.txt")]
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
        /// Open with this SSH key (ed25519, the private half), which has to stay where it is
        #[arg(long, value_name = "FILE", conflicts_with = "no_passphrase")]
        ssh: Option<PathBuf>,
        /// Open with the key of an age plugin, from the identity file that the plugin made; every
        /// admin of the team needs the plugin, too
        #[arg(long, value_name = "FILE", conflicts_with_all = ["no_passphrase", "ssh"])]
        age_plugin: Option<PathBuf>,
        /// What is encrypted to for that key, if no comment in the file says so
        #[arg(long, value_name = "age1…", requires = "age_plugin")]
        recipient: Option<String>,
    },
    /// Print the public string and its 8 words
    Show,
    /// Print the secret key in the form of another program
    Export {
        /// As an age secret key, with which stock age opens keyrings
        #[arg(long, required = true)]
        age: bool,
        /// Not of this device: of the 24 recovery words in this file, which open everything
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        /// Write it to this file, readable by you alone
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl Id {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::New { no_passphrase, ssh, age_plugin, recipient } => {
                if session.has_identity() {
                    return Err(Error::conflict("this device has an identity already")
                        .hint("`vault id show` prints it; VAULT_IDENTITY names another file"));
                }
                let identity = match (ssh, age_plugin) {
                    (Some(key), _) => session.new_identity_with_ssh_key(&key)?,
                    (_, Some(file)) => {
                        session.new_identity_with_plugin(&file, recipient.as_deref())?
                    }
                    _ => session.new_identity(no_passphrase).await?,
                };
                show(session, &identity)
            }
            Action::Show => show(session, &*session.holder().await?),
            Action::Export { age: _, words_file, output: file } => {
                let identity = match &words_file {
                    Some(words) => DeviceIdentity::from_words(&read_words(words)?)?,
                    None => session.unlock().await?,
                };
                let mut key = identity.age_secret_key()?;
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

fn show(session: &Session, identity: &dyn IdentityHolder) -> Result<()> {
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
