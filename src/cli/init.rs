use std::path::PathBuf;

use clap::Args;

use super::output;
use super::session::{Session, shown, write_new};
use crate::config::{VaultEntry, add_vault};
use crate::vault::{DeviceIdentity, Error, Init as NewVault, Location, Result, Vault, escape};

/// Make a new vault, and an identity if this device has none
///
/// Prints the join string on stdout. Shows the 24 recovery words once, on the terminal or into
/// the file that --recovery-out names.
#[derive(Args)]
#[command(after_help = "Examples:
  vault init                                  in a directory of your own
  vault init /srv/team/vault --name team      in a shared directory
  vault init --no-passphrase --recovery-out recovery.txt    in a script")]
pub struct Init {
    /// A directory; default: one below the user's data directory
    location: Option<String>,
    /// Name of the vault in the configuration; default: the directory's name, or main
    #[arg(long)]
    name: Option<String>,
    /// Your name in the team; everybody who sees the vault sees it. Default: the login name
    #[arg(long)]
    member: Option<String>,
    /// Keep a new identity without a passphrase: for machines that nobody types at
    #[arg(long)]
    no_passphrase: bool,
    /// Write the recovery words to this new file instead of showing them
    #[arg(long, value_name = "FILE")]
    recovery_out: Option<PathBuf>,
}

impl Init {
    pub async fn run(self, session: &Session) -> Result<()> {
        let settings = &session.settings;
        let location = settings.new_location(self.location.as_deref(), self.name.as_deref())?;
        let name = config_name(self.name.as_deref(), self.location.as_deref(), &location);
        if settings.vaults.contains_key(&name) {
            return Err(Error::conflict(format!(
                "a vault {} is configured already",
                escape(&name)
            ))
            .hint("choose another name: --name NAME"));
        }
        let Location::Dir(dir) = &location;
        if self.recovery_out.is_none() {
            session.prompt.need_terminal(
                "the recovery words are shown once",
                "write them to a file with --recovery-out FILE",
            )?;
        }
        // Before a person types passphrases and writes down words for nothing.
        Vault::check_vacant(&location).await?;
        let identity = match session.has_identity() {
            true => session.unlock().await?,
            false => session.new_identity(self.no_passphrase).await?,
        };
        let recovery = DeviceIdentity::random();
        match &self.recovery_out {
            Some(file) => {
                let mut words = recovery.to_words();
                words.push(b'\n');
                write_new(file, &words)?;
            }
            None => session.prompt.show_words(&recovery.to_words()).await?,
        }
        let member = self.member.as_deref().or(settings.user.as_deref()).unwrap_or("owner");
        let new = NewVault { location: location.clone(), member, identity, recovery: &recovery };
        let made = Vault::init(new, &settings.places).await;
        let vault = made.inspect_err(|_| {
            if let Some(file) = &self.recovery_out {
                // Words of a vault that does not exist would only be mistaken for others.
                let _ = std::fs::remove_file(file);
            }
        })?;
        let pin = vault.join().encode();
        let entry = VaultEntry { location: location.to_string(), pin: pin.clone() };
        add_vault(&settings.config_file, &name, &entry)?;
        output::note(&format!("The vault {} is in {}.", escape(&name), shown(dir)));
        if let Some(file) = &self.recovery_out {
            output::note(&format!(
                "The 24 recovery words are in {}: print them or move them to a safe place, then \
                 remove the file.",
                shown(file)
            ));
        }
        if session.json {
            return output::json(&serde_json::json!({
                "name": name, "location": location.to_string(), "vault": vault.id(), "join": pin,
            }));
        }
        output::line(&pin)
    }
}

/// The name given, or that of the directory, or `main`.
pub fn config_name(name: Option<&str>, given: Option<&str>, location: &Location) -> String {
    let Location::Dir(dir) = location;
    let dir_name = dir.file_name().and_then(|n| n.to_str()).filter(|_| given.is_some());
    name.or(dir_name).unwrap_or("main").to_owned()
}
