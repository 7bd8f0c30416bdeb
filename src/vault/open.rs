//! Opening a vault that exists.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use super::chain::{Secrets, View, from_pin};
use super::{Device, Vault};
use crate::core::error::{Error, Result};
use crate::keys::identity::Identity;
use crate::store::{DirStore, Store};
use crate::team::Pin;
use crate::team::join::Join;

/// Where a vault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory, as an absolute path.
    Dir(PathBuf),
}

impl Location {
    /// Reads an absolute path.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage) for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("s3://") {
            return Err(Error::usage("this version cannot use buckets yet")
                .hint("give a directory instead"));
        }
        let path = PathBuf::from(text);
        if path.is_absolute() && !text.contains('\0') {
            Ok(Self::Dir(path))
        } else {
            Err(Error::usage("the location of a vault is an absolute path of a directory"))
        }
    }

    pub(super) fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Dir(path) => Ok(Arc::new(DirStore::open(path)?)),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where this device keeps what it remembers.
#[derive(Clone, Debug)]
pub struct Places {
    /// Directory of the marks.
    pub state: PathBuf,
    /// Directory of the cache.
    pub cache: PathBuf,
}

impl Vault {
    /// Opens the vault at `location` that `pin` names. No request if this device has seen it.
    ///
    /// # Errors
    /// Not found; integrity if another vault is there.
    pub async fn open_at(
        location: Location,
        region: &str,
        pin: &Pin,
        places: &Places,
        identity: Identity,
    ) -> Result<Self> {
        Self::open_on(location.open()?, location, region, pin, places, identity).await
    }

    /// [`Self::open_at`] with the store at `location` already open.
    ///
    /// # Errors
    /// As [`Self::open_at`].
    pub async fn open_on(
        store: Arc<dyn Store>,
        location: Location,
        region: &str,
        pin: &Pin,
        places: &Places,
        identity: Identity,
    ) -> Result<Self> {
        let device = Device::new(pin.vault, &places.state, &places.cache, &identity);
        let remembered = Self::remembered(&*store, &device, pin).await?;
        let known = remembered.is_some();
        let view = match remembered {
            Some(view) => view,
            None => from_pin(&*store, pin).await?,
        };
        let vault = Self::assemble(store, location, region, pin.vault, identity, device, view);
        if known {
            vault.reach(pin).await?;
        } else {
            let view = vault.view();
            let (first, hashes, state) = (view.first, view.hashes.clone(), view.state.clone());
            vault.adopt(View { first, hashes, state })?;
        }
        Ok(vault)
    }

    pub(super) fn assemble(
        store: Arc<dyn Store>,
        location: Location,
        region: &str,
        id: crate::core::cipher::Hash,
        identity: Identity,
        device: Device,
        view: View,
    ) -> Self {
        Self {
            store,
            location,
            region: region.to_owned(),
            id,
            identity,
            device,
            view: RwLock::new(Arc::new(view)),
            secrets: Mutex::new(Secrets::default()),
            warnings: Mutex::new(Vec::new()),
        }
    }

    /// Fetches and verifies the newest team notes, and checks that this identity is a member.
    ///
    /// # Errors
    /// Integrity; denied if it is not a member.
    pub async fn check_membership(&self) -> Result<()> {
        self.refresh().await?;
        if self.member().is_some() {
            return Ok(());
        }
        Err(Error::denied("this identity is not a member of the vault")
            .hint("send an admin what `vault id show` prints; they add it with `vault member add`"))
    }

    /// The join string for the newest note that this client has verified.
    pub fn join(&self) -> Join {
        let view = self.view();
        Join {
            location: self.location.to_string(),
            region: self.region.clone(),
            pin: Pin { vault: self.id, seq: view.seq(), hash: *view.hash() },
        }
    }
}
