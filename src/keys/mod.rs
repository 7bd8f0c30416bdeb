//! Who holds which key, and how a data key is wrapped: identities, age recipients, keyrings,
//! the folder tree, KMS.

use async_trait::async_trait;

use crate::core::error::Result;
use crate::core::path::SecretPath;
use crate::core::s3ec::{Envelope, WrapKind};
use crate::core::secret::Key;

pub mod age_file;
pub mod holder;
pub mod identity;
pub mod keyring;
pub mod kms;
pub mod local;
pub mod plugin;
pub mod recipient;

/// A fresh data key and its wrapped form, as they go into an object.
pub struct Wrapped {
    /// The data key: seals exactly one body.
    pub data_key: Key,
    /// Which wrap it is (`x-amz-w`).
    pub kind: WrapKind,
    /// The wrapped data key (`x-amz-3`).
    pub wrapped: Vec<u8>,
    /// What the wrap is bound to (`x-amz-m` or `x-amz-t`).
    pub description: String,
}

/// The power to make data keys for a path.
#[async_trait]
pub trait Wrap: Send + Sync {
    /// A fresh data key for `path`.
    async fn wrap(&self, path: &SecretPath) -> Result<Wrapped>;
}

/// The power to open data keys of a path.
#[async_trait]
pub trait Unwrap: Send + Sync {
    /// The data key of an object that was asked for as `path`; `None` if this is not a wrap of
    /// ours. Where a wrap is ours but does not open, that is an integrity error.
    async fn unwrap(&self, path: &SecretPath, envelope: &Envelope) -> Result<Option<Key>>;
}

/// Both powers, over the data keys of one generation of a group.
pub trait DataKeys: Wrap + Unwrap {}

impl<T: Wrap + Unwrap> DataKeys for T {}
