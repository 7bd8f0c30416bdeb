//! What holds the keys of an identity: this process, or an agent that was given them. What asks
//! for something does not know which.

use std::sync::Arc;

use super::DataKeys;
use super::identity::{Identity, PublicIdentity};
use super::keyring::Keyring;
use super::local::Tree;
use crate::core::cipher::{Hash, sign};
use crate::core::error::Result;
use crate::core::header::{GroupGen, Record};
use crate::core::secret::Key;

/// The keys of an identity, wherever they are.
pub trait Holder: Send + Sync {
    /// The public half.
    fn public(&self) -> &PublicIdentity;

    /// The self-signed public string.
    fn id_string(&self) -> String;

    /// Signs the record of a version.
    ///
    /// # Errors
    /// If the keys are out of reach, or this is no record by this identity.
    fn sign_record(&self, record: &Record<'_>) -> Result<[u8; 64]>;

    /// Signs the text of a note of the team.
    ///
    /// # Errors
    /// If the keys are out of reach, or this is no note.
    fn sign_note(&self, text: &str) -> Result<[u8; 64]>;

    /// Opens an age file that the chain pins as keyring of `group`; `None` if it is not for this
    /// identity.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    fn open_keyring(
        &self,
        file: &[u8],
        group: &str,
        newest: u64,
    ) -> Result<Option<Arc<dyn GroupKeys>>>;

    /// The key for files that only this identity writes and reads on this device.
    ///
    /// # Errors
    /// If the keys are out of reach.
    fn key_of_files(&self, files: DeviceFiles) -> Result<Key>;

    /// The identity itself, for what hands keys on: keyrings that are sealed anew.
    ///
    /// # Errors
    /// If the keys do not leave where they are, and nobody can be asked for them.
    fn identity(&self) -> Result<&Identity>;
}

/// Files of this device that have a key of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFiles {
    /// What it has seen.
    Marks,
    /// What it keeps of a vault, to ask less.
    Cache,
}

impl DeviceFiles {
    /// What the key is derived with.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Marks => "vault/v1/marks",
            Self::Cache => "vault/v1/cache",
        }
    }
}

/// The keys of a group, wherever they are.
pub trait GroupKeys: Send + Sync {
    /// Name of the group.
    fn group(&self) -> &str;

    /// The newest generation's number.
    fn newest(&self) -> u64;

    /// What wraps and unwraps in one generation; `None` if there is no such one.
    fn data_keys(self: Arc<Self>, vault: Hash, generation: u64) -> Option<Box<dyn DataKeys>>;

    /// The keys themselves, if they are in this process.
    fn keyring(self: Arc<Self>) -> Option<Arc<Keyring>>;
}

impl Holder for Identity {
    fn public(&self) -> &PublicIdentity {
        self.public()
    }

    fn id_string(&self) -> String {
        self.id_string()
    }

    fn sign_record(&self, record: &Record<'_>) -> Result<[u8; 64]> {
        Ok(sign(self.signing_seed(), &record.bytes()))
    }

    fn sign_note(&self, text: &str) -> Result<[u8; 64]> {
        Ok(sign(self.signing_seed(), text.as_bytes()))
    }

    fn open_keyring(
        &self,
        file: &[u8],
        group: &str,
        newest: u64,
    ) -> Result<Option<Arc<dyn GroupKeys>>> {
        let opened = Keyring::open(file, group, newest, self.age())?;
        Ok(opened.map(|keyring| Arc::new(keyring) as Arc<dyn GroupKeys>))
    }

    fn key_of_files(&self, files: DeviceFiles) -> Result<Key> {
        Ok(self.device_key(files.purpose()))
    }

    fn identity(&self) -> Result<&Identity> {
        Ok(self)
    }
}

impl From<Identity> for Box<dyn Holder> {
    fn from(identity: Identity) -> Self {
        Box::new(identity)
    }
}

impl GroupKeys for Keyring {
    fn group(&self) -> &str {
        &self.group
    }

    fn newest(&self) -> u64 {
        self.newest()
    }

    fn data_keys(self: Arc<Self>, vault: Hash, generation: u64) -> Option<Box<dyn DataKeys>> {
        let keys = self.generation(generation)?;
        let group = GroupGen { group: self.group.clone(), generation };
        Some(Box::new(Tree::new(vault, group, &keys.gk)))
    }

    fn keyring(self: Arc<Self>) -> Option<Arc<Keyring>> {
        Some(self)
    }
}
