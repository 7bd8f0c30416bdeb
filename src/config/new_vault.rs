//! Making a vault and its entry in the configuration, for the command and for the terminal UI.

use super::{Settings, VaultEntry, check_config, check_vault_name};
use crate::vault::{
    AwsOptions, DeviceIdentity, Error, Init, Location, Result, Storage, Vault, escape,
};

/// A vault that is to be made.
pub struct NewVault {
    /// Where.
    pub location: Location,
    /// Its name in the configuration.
    pub name: String,
    /// Name of its first member.
    pub member: String,
    /// How its bucket and KMS are reached.
    pub aws: AwsOptions,
    /// The KMS key that is to wrap its data keys, by ARN, id or alias.
    pub kms: Option<String>,
    /// Its store need not keep writers apart.
    pub single_writer: bool,
}

impl NewVault {
    /// A vault at this location (none: the usual directory) under this name (none: the last part
    /// of the location that was given, or `main`).
    ///
    /// # Errors
    /// Usage for what is no location or no name; conflict for a name that is taken.
    pub fn new(
        settings: &Settings,
        location: Option<&str>,
        name: Option<&str>,
        member: &str,
    ) -> Result<Self> {
        if let Some(name) = name {
            check_vault_name(name)?;
        }
        let given = location;
        let location = settings.new_location(given, name)?;
        let name = name_of(name, &location, given.is_some())?;
        if settings.vaults.contains_key(&name) {
            return Err(Error::conflict(format!(
                "a vault {} is configured already",
                escape(&name)
            ))
            .hint("choose another name: --name NAME"));
        }
        let (member, aws) = (member.to_owned(), AwsOptions::default());
        Ok(Self { location, name, member, aws, kms: None, single_writer: false })
    }

    /// Everything that can fail fails here, before a person types passphrases and writes words
    /// down, and before there is a vault that nobody knows of.
    ///
    /// # Errors
    /// Conflict if there is a vault already; usage; denied; whatever the storage or KMS says.
    pub async fn check(self, settings: &Settings) -> Result<Ready> {
        Vault::check_ready(&self.member, &settings.places)?;
        check_config(&settings.config_file)?;
        let storage = Storage::create(self.location.clone(), self.aws.clone()).await?;
        Vault::check_vacant(&storage).await?;
        let storage = match self.single_writer {
            true => storage.for_one_writer(),
            false => {
                storage.check_writers().await?;
                storage
            }
        };
        let kms = match &self.kms {
            Some(key) => Some(Vault::check_kms(&storage, key).await?),
            None => None,
        };
        Ok(Ready { new: self, storage, kms })
    }
}

/// A vault that can be made.
pub struct Ready {
    /// What was checked.
    pub new: NewVault,
    /// ARN of the KMS key.
    pub kms: Option<String>,
    storage: Storage,
}

impl Ready {
    /// Makes it. The entry is for [`super::add_vault`].
    ///
    /// # Errors
    /// Those of [`Vault::init`].
    pub async fn make(
        self,
        settings: &Settings,
        identity: DeviceIdentity,
        recovery: &DeviceIdentity,
    ) -> Result<(Vault, VaultEntry)> {
        let Self { new, kms, storage } = self;
        let init = Init { kms: kms.as_deref(), member: &new.member, identity, recovery };
        let vault = Vault::init(storage, init, &settings.places).await?;
        let mut entry = VaultEntry::new(new.location.to_string(), vault.join().encode(), new.aws);
        entry.single_writer = new.single_writer;
        Ok((vault, entry))
    }
}

/// The name given, or that of the location if somebody chose it, or `main`.
///
/// # Errors
/// Usage if that is no legal name of a vault.
pub fn name_of(name: Option<&str>, location: &Location, chosen: bool) -> Result<String> {
    let last = location.name().filter(|_| chosen);
    let name = name.or(last).unwrap_or("main");
    check_vault_name(name)?;
    Ok(name.to_owned())
}
