use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::bucket::Bucket;
use super::output;
use super::session::{Session, shown, write_new};
use crate::config::{VaultEntry, add_vault, check_config, check_vault_name};
use crate::vault::{
    DeviceIdentity, Error, Init as NewVault, Kind, Location, Result, Storage, Vault, escape,
};

/// Make a new vault, and an identity if this device has none
///
/// Prints the join string on stdout. Shows the 24 recovery words once, on the terminal or into
/// the file that --recovery-out names.
#[derive(Args)]
#[command(after_help = "Examples:
  vault init                                  in a directory of your own
  vault init /srv/team/vault --name team      in a shared directory
  vault init s3://acme-vault/prod --region eu-west-1
  vault init s3://acme-vault/prod --kms alias/vault-prod
  vault init --no-passphrase --recovery-out recovery.txt    in a script")]
pub struct Init {
    /// A directory or s3://bucket/prefix; default: a directory below the user's data
    location: Option<String>,
    /// Wrap data keys with this AWS KMS key (ARN, id or alias/NAME), not with a key of the team:
    /// whoever IAM lets decrypt with it can read
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    kms: Option<String>,
    /// Name of the vault in the configuration; default: the last part of the location, or main
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
    /// Only one person on one machine will ever write: for a store that cannot keep writers apart
    #[arg(long)]
    single_writer: bool,
    #[command(flatten)]
    bucket: Bucket,
}

impl Init {
    pub async fn run(self, session: &Session) -> Result<()> {
        let settings = &session.settings;
        if let Some(name) = &self.name {
            check_vault_name(name)?;
        }
        let location = settings.new_location(self.location.as_deref(), self.name.as_deref())?;
        let name = config_name(self.name.as_deref(), self.location.as_deref(), &location)?;
        if settings.vaults.contains_key(&name) {
            return Err(Error::conflict(format!(
                "a vault {} is configured already",
                escape(&name)
            ))
            .hint("choose another name: --name NAME"));
        }
        if self.recovery_out.is_none() {
            session.prompt.need_terminal(
                "the recovery words are shown once",
                "write them to a file with --recovery-out FILE",
            )?;
        }
        // Everything that can fail fails before a person types passphrases and writes words down,
        // and before there is a vault that nobody knows of.
        let member = self.member.as_deref().or(settings.user.as_deref()).unwrap_or("owner");
        Vault::check_ready(member, &settings.places)?;
        check_config(&settings.config_file)?;
        let options = self.bucket.options(&location, self.kms.is_some())?;
        let storage = Storage::create(location.clone(), options.clone()).await?;
        Vault::check_vacant(&storage).await?;
        let storage = if self.single_writer { storage.for_one_writer() } else { storage };
        if !self.single_writer {
            storage.check_writers().await?;
        }
        let kms = match &self.kms {
            Some(key) => Some(Vault::check_kms(&storage, key).await?),
            None => None,
        };
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
        let new = NewVault { kms: kms.as_deref(), member, identity, recovery: &recovery };
        let made = Vault::init(storage, new, &settings.places).await;
        let vault = made.inspect_err(|e| {
            // Only where somebody else's vault is there are the words certainly of none.
            if let Some(file) = self.recovery_out.as_ref().filter(|_| e.kind == Kind::Conflict) {
                let _ = std::fs::remove_file(file);
            }
        })?;
        session.warn(&vault);
        let pin = vault.join().encode();
        // Printed first: the vault is there, whatever becomes of the configuration.
        if session.json {
            output::json(&serde_json::json!({
                "name": name, "location": location.to_string(), "vault": vault.id(), "join": pin,
            }))?;
        } else {
            output::line(&pin)?;
        }
        let mut entry = VaultEntry::new(location.to_string(), pin, options);
        entry.single_writer = self.single_writer;
        add_vault(&settings.config_file, &name, &entry)?;
        output::note(&format!(
            "The vault {} is in {}.",
            escape(&name),
            escape(&location.to_string())
        ));
        if let Some(arn) = &kms {
            output::note(&format!("Its data keys are wrapped by {}.", escape(arn)));
        }
        if let Some(file) = &self.recovery_out {
            output::note(&format!(
                "The 24 recovery words are in {}: print them or move them to a safe place, then \
                 remove the file.",
                shown(file)
            ));
        }
        Ok(())
    }
}

/// The name given, or that of the location, or `main`.
///
/// # Errors
/// Usage if that is no legal name of a vault.
pub fn config_name(name: Option<&str>, given: Option<&str>, location: &Location) -> Result<String> {
    let last = location.name().filter(|_| given.is_some());
    let name = name.or(last).unwrap_or("main");
    check_vault_name(name)?;
    Ok(name.to_owned())
}
