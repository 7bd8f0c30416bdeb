use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::bucket::Bucket;
use super::output;
use super::session::{Session, shown};
use crate::config::{NewVault, add_vault};
use crate::vault::{DeviceIdentity, Kind, Result, escape};

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
        let member = self.member.as_deref().or(settings.user.as_deref()).unwrap_or("owner");
        let (location, name) = (self.location.as_deref(), self.name.as_deref());
        let mut new = NewVault::new(settings, location, name, member)?;
        session.check_words(self.recovery_out.as_deref())?;
        new.aws = self.bucket.options(&new.location, self.kms.is_some())?;
        (new.kms, new.single_writer) = (self.kms, self.single_writer);
        let ready = new.check(settings).await?;
        let (name, kms) = (ready.new.name.clone(), ready.kms.clone());
        let identity = match session.has_identity() {
            true => session.unlock().await?,
            false => session.new_identity(self.no_passphrase).await?,
        };
        let recovery = DeviceIdentity::random();
        session.hand_over(&recovery, self.recovery_out.as_deref()).await?;
        let made = ready.make(settings, identity, &recovery).await;
        let (vault, entry) = made.inspect_err(|e| {
            // Only where somebody else's vault is there are the words certainly of none.
            if let Some(file) = self.recovery_out.as_ref().filter(|_| e.kind == Kind::Conflict) {
                let _ = std::fs::remove_file(file);
            }
        })?;
        session.warn(&vault);
        // Printed first: the vault is there, whatever becomes of the configuration.
        if session.json {
            output::json(&serde_json::json!({
                "name": name, "location": entry.location, "vault": vault.id(), "join": entry.pin,
            }))?;
        } else {
            output::line(&entry.pin)?;
        }
        add_vault(&settings.config_file, &name, &entry)?;
        output::note(&format!("The vault {} is in {}.", escape(&name), escape(&entry.location)));
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
