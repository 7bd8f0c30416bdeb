//! What the UI reads and writes on this device: settings, the identity, and the vault that they
//! lead to. The one place where a vault is opened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::effect::{Founding, Place};
use super::message::{Founded, Identity, Session};
use super::model::Start;
use crate::config::{NewVault, Ready, Settings, add_vault, private};
use crate::vault::agent::Remote;
use crate::vault::{
    Ask, DeviceIdentity, Error, IdentityHolder, Kind, LockedIdentity, Result, Secret, Vault,
};

/// How the keys themselves come into this process.
const TYPE_IT: &str = "`L` locks, and the passphrase then opens it without the agent";

/// Where vaults come from.
#[async_trait]
pub trait Device: Send + Sync {
    /// Opens the vault of this name; none: the one that is configured.
    ///
    /// # Errors
    /// Not found, credentials, integrity.
    async fn open(
        &self,
        name: Option<String>,
        passphrase: Option<Secret>,
    ) -> Result<(Vault, Session)>;

    /// Checks everything that making a vault there needs, before words are written down.
    ///
    /// # Errors
    /// Conflict if there is a vault already; usage; denied.
    async fn check_vacant(&self, place: Place) -> Result<Identity>;

    /// Makes a vault.
    ///
    /// # Errors
    /// As [`Device::check_vacant`].
    async fn found(&self, founding: Founding) -> Result<Founded>;
}

/// The device that the settings describe.
pub struct Configured {
    settings: Settings,
    vault: Option<String>,
    /// The place that was checked, for the vault that is made there.
    ready: Mutex<Option<(Place, Ready)>>,
}

impl Configured {
    /// `vault` is the `--vault` flag.
    ///
    /// # Errors
    /// Those of the settings.
    pub fn new(settings: Settings, vault: Option<String>) -> Self {
        Self { settings, vault, ready: Mutex::default() }
    }

    /// What the UI starts with.
    ///
    /// # Errors
    /// Usage; not found if the vault that is meant is not configured.
    pub fn start(&self, interface: crate::config::Interface, size: (u16, u16)) -> Result<Start> {
        let settings = &self.settings;
        let identity = &settings.identity.value;
        let vaults: Vec<_> =
            settings.vaults.iter().map(|(name, v)| (name.clone(), v.location.clone())).collect();
        let meant = settings.selected.is_some() || settings.pin.is_some();
        let vault = match meant {
            true => {
                let target = settings.target()?;
                Some((target.name.map(str::to_owned), target.join.location))
            }
            false => None,
        };
        // What is wrong with it is said when it is opened; where there is none, too.
        let files = identity.exists().then(|| private::read_identity(settings));
        let locked = files.and_then(Result::ok).map(|files| files.locked);
        let sealed = locked.as_ref().is_some_and(LockedIdentity::needs_passphrase);
        let held =
            locked.filter(|_| sealed).is_some_and(|locked| held(settings, &locked).is_some());
        Ok(Start {
            interface,
            vaults,
            vault,
            sealed,
            held,
            usual: settings.new_location(None, None)?.to_string(),
            user: settings.user.clone(),
            size,
        })
    }

    /// Without a passphrase, one that has one is the agent's.
    fn holder(
        &self,
        passphrase: Option<Secret>,
    ) -> Result<(Box<dyn IdentityHolder>, Option<String>)> {
        let files = private::read_identity(&self.settings)?;
        let warning = files.exposed.first().map(|path| private::exposed(path));
        if passphrase.is_none() && files.locked.needs_passphrase() {
            let remote = held(&self.settings, &files.locked).ok_or_else(|| {
                Error::credentials("the agent does not hold the identity any more")
            })?;
            let refuse = |why: &str| Err(Error::credentials(why.to_owned()).hint(TYPE_IT));
            return Ok((remote.with_fallback(Box::new(refuse)).into(), warning));
        }
        self.identity(passphrase).map(|(identity, warning)| (identity.into(), warning))
    }

    fn identity(&self, passphrase: Option<Secret>) -> Result<(DeviceIdentity, Option<String>)> {
        let files = private::read_identity(&self.settings)?;
        let warning = files.exposed.first().map(|path| private::exposed(path));
        let identity = files.locked.open(Arc::new(Typed(Mutex::new(passphrase))))?;
        Ok((identity, warning))
    }

    /// Settings as they are on the disk now: a vault may have been added since the start.
    fn current(&self, name: Option<&str>) -> Result<Settings> {
        Settings::load(name.or(self.vault.as_deref()))
    }
}

#[async_trait]
impl Device for Configured {
    async fn open(
        &self,
        name: Option<String>,
        passphrase: Option<Secret>,
    ) -> Result<(Vault, Session)> {
        let settings = self.current(name.as_deref())?;
        let target = settings.target()?;
        let (identity, warning) =
            match settings.identity.value.exists() || target.takes_an_identity()? {
                true => self.holder(passphrase).map(|(holder, w)| (Some(holder), w))?,
                false => (None, None),
            };
        let storage = target.storage().await?;
        let vault = Vault::open_in(storage, &target.join.pin, &settings.places, identity).await?;
        let session = Session { member: vault.member(), warning };
        Ok((vault, session))
    }

    async fn check_vacant(&self, place: Place) -> Result<Identity> {
        let settings = &self.settings;
        let ready = self.check(&place).await?;
        *self.ready() = Some((place, ready));
        let identity = &settings.identity.value;
        if !identity.exists() {
            return Ok(Identity::Missing);
        }
        match private::read_identity(settings)?.locked.needs_passphrase() {
            true => Ok(Identity::Sealed),
            false => Ok(Identity::Plain),
        }
    }

    async fn found(&self, founding: Founding) -> Result<Founded> {
        let Founding { place, passphrase, recovery } = founding;
        let settings = &self.settings;
        let checked = self.ready().take().filter(|(checked, _)| *checked == place);
        let ready = match checked {
            Some((_, ready)) => ready,
            None => self.check(&place).await?,
        };
        let file = &settings.identity.value;
        let identity = match file.exists() {
            true => self.identity(passphrase)?.0,
            false => {
                let identity = DeviceIdentity::random();
                private::write_new(file, &identity.to_file(passphrase.as_ref()))?;
                identity
            }
        };
        let name = ready.new.name.clone();
        let (_, entry) = ready.make(settings, identity, &recovery).await?;
        add_vault(&settings.config_file, &name, &entry)?;
        Ok(Founded { name, location: entry.location })
    }
}

impl Configured {
    /// What was checked last.
    fn ready(&self) -> MutexGuard<'_, Option<(Place, Ready)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As `vault init` does.
    async fn check(&self, place: &Place) -> Result<Ready> {
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let location = given(&place.location);
        let mut new = NewVault::new(&self.settings, location.as_deref(), None, &place.member)
            .map_err(|e| match e.kind {
                Kind::Conflict => e.hint("`vault init LOCATION --name NAME` gives it another name"),
                _ => e,
            })?;
        new.aws.region = given(&place.region);
        new.aws.endpoint_s3 = given(&place.endpoint);
        new.kms = given(&place.kms);
        new.check(&self.settings).await
    }
}

/// The identity if the agent holds it. One that cannot be used is none: a passphrase is asked for.
fn held(settings: &Settings, locked: &LockedIdentity) -> Option<Remote> {
    let client = settings.agent.client().ok().flatten()?;
    Remote::find(client, locked.hash()).ok().flatten()
}

/// A passphrase that was typed before. The screen is the UI's, so nothing else can be asked.
struct Typed(Mutex<Option<Secret>>);

impl Ask for Typed {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        let typed = self.0.lock().expect("no panic holds this lock").take();
        typed.ok_or_else(|| Error::credentials(format!("{what} has a passphrase")))
    }
}
