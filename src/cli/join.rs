use clap::Args;

use super::bucket::Bucket;
use super::output;
use super::session::Session;
use crate::config::{VaultEntry, add_vault, name_of};
use crate::vault::{Error, Join as JoinString, Kind, Location, Result, Storage, Vault, escape};

/// Open a vault that somebody else made, with the join string from them
///
/// Shows 8 words; compare them with what the other side sees before you trust the vault.
#[derive(Args)]
#[command(after_help = "Examples:
  vault join vault-join1AAAA…
  vault join vault-join1AAAA… --name team
  vault join vault-join1AAAA… --location /mnt/shared/vault")]
pub struct Join {
    /// What `vault init` or `vault member add` printed
    join: String,
    /// Name of the vault in the configuration; default: the last part of the location
    #[arg(long)]
    name: Option<String>,
    /// A directory or s3://bucket/prefix, if it is not where the join string says
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// The store cannot keep two writers apart, and nobody else writes at the same time
    #[arg(long)]
    single_writer: bool,
    #[command(flatten)]
    bucket: Bucket,
}

impl Join {
    pub async fn run(self, session: &Session) -> Result<()> {
        let mut join = JoinString::parse(&self.join)?;
        if let Some(given) = &self.location {
            join.location = session.settings.new_location(Some(given), None)?.to_string();
        }
        let location = Location::parse(&join.location)?;
        let name = name_of(self.name.as_deref(), &location, true)?;
        let known = session.settings.vaults.get(&name).map(VaultEntry::join).transpose()?;
        if known.is_some_and(|known| known.pin.vault != join.pin.vault) {
            return Err(Error::conflict(format!(
                "another vault is configured as {}",
                escape(&name)
            ))
            .hint("choose another name: --name NAME"));
        }
        output::note(&format!("Compare these words with the other side: {}", join.pin.words()));
        let options = self.bucket.options(&location, true)?;
        let mut reach = options.clone();
        reach.region = reach.region.or(Some(join.region.clone()).filter(|r| !r.is_empty()));
        let identity = session.holder().await?;
        let storage = Storage::open(location, reach).await?;
        let storage = match self.single_writer {
            true => storage.for_one_writer(),
            // Whoever may not write need not know.
            false => match storage.check_writers().await {
                Err(e) if e.kind != Kind::Denied => return Err(e),
                _ => storage,
            },
        };
        let places = &session.settings.places;
        let vault = Vault::open_in(storage, &join.pin, places, Some(identity)).await?;
        vault.check_membership().await?;
        session.warn(&vault);
        let mut entry = VaultEntry::new(join.location.clone(), join.encode(), options);
        entry.single_writer = self.single_writer;
        add_vault(&session.settings.config_file, &name, &entry)?;
        let member = vault.member().unwrap_or_default();
        if session.json {
            return output::json(&serde_json::json!({
                "name": name, "location": join.location, "vault": vault.id(), "member": member,
            }));
        }
        output::note(&format!("The vault {} is open; you are {member} in it.", escape(&name)));
        Ok(())
    }
}
