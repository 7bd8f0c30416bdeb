//! The local wrap: a wrapping key for each path, derived down the folder tree from a group's key
//! (`docs/FORMAT.md`, "Folder tree").

use async_trait::async_trait;

use super::{Unwrap, Wrap, Wrapped};
use crate::core::cipher::{Hash, hkdf, hmac512, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::GroupGen;
use crate::core::json::ascii_object;
use crate::core::path::SecretPath;
use crate::core::random;
use crate::core::s3ec::{self, Envelope, WrapKind};
use crate::core::secret::Key;
use crate::core::text::{hex, lps};

/// What every wrap is bound to: the group's generation, the path and the vault. For a local
/// wrap this is the materials description, for KMS (with one reserved pair) the context.
pub fn binding(vault: &Hash, group: &GroupGen, path: &SecretPath) -> Vec<(String, String)> {
    vec![
        ("group".to_owned(), group.to_string()),
        ("path".to_owned(), path.to_string()),
        ("vault".to_owned(), hex(&vault[..16])),
    ]
}

/// The folder tree of one generation of a group.
pub struct Tree {
    vault: Hash,
    group: GroupGen,
    root: Key,
}

impl Tree {
    /// The tree that grows from the group key `gk`.
    pub fn new(vault: Hash, group: GroupGen, gk: &Key) -> Self {
        let mut salt = b"vault/v1/root".to_vec();
        salt.extend(lps(&[&vault, group.group.as_bytes()]));
        salt.extend(group.generation.to_be_bytes());
        let root = hkdf(gk.bytes(), &sha256(&[&salt]), b"vault/v1/root");
        Self { vault, group, root }
    }

    /// The wrapping key of `path`.
    pub fn leaf(&self, path: &SecretPath) -> Key {
        let mut segments: Vec<&str> = path.segments().collect();
        let last = segments.pop().expect("a path has at least one segment");
        let mut key = self.root.duplicate();
        for segment in segments {
            key = child(&key, b"vault/v1/dir", segment);
        }
        child(&key, b"vault/v1/leaf", last)
    }

    /// The materials description of `path`.
    fn description(&self, path: &SecretPath) -> String {
        let pairs = binding(&self.vault, &self.group, path);
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        ascii_object(&pairs)
    }
}

fn child(key: &Key, label: &[u8], segment: &str) -> Key {
    hmac512(key.bytes(), &[label, &lps(&[segment.as_bytes()])])
}

#[async_trait]
impl Wrap for Tree {
    async fn wrap(&self, path: &SecretPath) -> Result<Wrapped> {
        let data_key = random::key();
        let wrapped = s3ec::wrap_aes(&self.leaf(path), &data_key);
        let description = self.description(path);
        Ok(Wrapped { data_key, kind: WrapKind::Aes, wrapped, description })
    }
}

#[async_trait]
impl Unwrap for Tree {
    async fn unwrap(&self, path: &SecretPath, envelope: &Envelope) -> Result<Option<Key>> {
        if envelope.wrap() != WrapKind::Aes {
            return Ok(None);
        }
        // The text must be the canonical one: there is a single way to write it.
        if envelope.description() != self.description(path) {
            return Err(Error::integrity(format!(
                "the object stored for {path} is bound to another path, group or vault"
            )));
        }
        let key = s3ec::unwrap_aes(&self.leaf(path), envelope.wrapped());
        key.map(Some).map_err(|e| {
            Error::integrity(format!("the data key of {path} cannot be unwrapped")).because(e)
        })
    }
}
