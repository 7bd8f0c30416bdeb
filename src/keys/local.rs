//! The local wrap: a wrapping key for each path, derived down the folder tree from a group's key
//! (`docs/FORMAT.md`, "Folder tree").

use async_trait::async_trait;

use super::{Unwrap, Wrap, Wrapped};
use crate::core::cipher::{Hash, hkdf, hmac512, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::GroupGen;
use crate::core::json::ascii_object;
use crate::core::path::{Prefix, SecretPath, escape};
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
    /// The folder whose key this tree grows from; most often that of everything.
    at: Prefix,
    key: Key,
}

impl Tree {
    /// The tree that grows from the group key `gk`.
    pub fn new(vault: Hash, group: GroupGen, gk: &Key) -> Self {
        let mut salt = b"vault/v1/root".to_vec();
        salt.extend(lps(&[&vault, group.group.as_bytes()]));
        salt.extend(group.generation.to_be_bytes());
        let key = hkdf(gk.bytes(), &sha256(&[&salt]), b"vault/v1/root");
        Self { vault, group, at: Prefix::default(), key }
    }

    /// The part of the tree below a folder, from that folder's key.
    pub fn below(vault: Hash, group: GroupGen, folder: Prefix, key: Key) -> Self {
        Self { vault, group, at: folder, key }
    }

    /// The key of a folder; `None` if it is not below where this tree begins.
    pub fn folder(&self, folder: &Prefix) -> Option<Key> {
        let below = self.below_here(folder.as_str())?;
        let mut key = self.key.duplicate();
        for segment in below {
            key = child(&key, b"vault/v1/dir", segment);
        }
        Some(key)
    }

    /// The wrapping key of `path`; `None` if it is not below where this tree begins.
    pub fn leaf(&self, path: &SecretPath) -> Option<Key> {
        let mut segments = self.below_here(path.as_str())?;
        let last = segments.pop()?;
        let mut key = self.key.duplicate();
        for segment in segments {
            key = child(&key, b"vault/v1/dir", segment);
        }
        Some(child(&key, b"vault/v1/leaf", last))
    }

    /// The segments of a path or folder from where this tree begins.
    fn below_here<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let rest = match self.at.as_str() {
            "" => path,
            at if at == path => "",
            at => path.strip_prefix(at)?.strip_prefix('/')?,
        };
        Some(if rest.is_empty() { Vec::new() } else { rest.split('/').collect() })
    }

    fn need_leaf(&self, path: &SecretPath) -> Result<Key> {
        self.leaf(path).ok_or_else(|| {
            let at = escape(self.at.as_str());
            Error::denied(format!("{path} is not below {at}, which is all that can be opened here"))
        })
    }

    /// A fresh data key for `path`, and its wrapped form.
    ///
    /// # Errors
    /// Denied if `path` is not below where this tree begins.
    pub fn seal(&self, path: &SecretPath) -> Result<(Key, Vec<u8>)> {
        let data_key = random::key();
        let wrapped = s3ec::wrap_aes(&self.need_leaf(path)?, &data_key);
        Ok((data_key, wrapped))
    }

    /// The data key of `path` in its wrapped form.
    ///
    /// # Errors
    /// Integrity; denied if `path` is not below where this tree begins.
    pub fn open(&self, path: &SecretPath, wrapped: &[u8]) -> Result<Key> {
        s3ec::unwrap_aes(&self.need_leaf(path)?, wrapped).map_err(|e| {
            Error::integrity(format!("the data key of {path} cannot be unwrapped")).because(e)
        })
    }
}

/// The materials description of what is wrapped for `path`.
pub fn description(vault: &Hash, group: &GroupGen, path: &SecretPath) -> String {
    let pairs = binding(vault, group, path);
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    ascii_object(&pairs)
}

/// True if this is a local wrap, of what was asked for.
///
/// # Errors
/// Integrity if it is bound to anything else.
pub fn is_ours(
    vault: &Hash,
    group: &GroupGen,
    path: &SecretPath,
    envelope: &Envelope,
) -> Result<bool> {
    if envelope.wrap() != WrapKind::Aes {
        return Ok(false);
    }
    // The text must be the canonical one: there is a single way to write it.
    if envelope.description() != description(vault, group, path) {
        return Err(Error::integrity(format!(
            "the object stored for {path} is bound to another path, group or vault"
        )));
    }
    Ok(true)
}

fn child(key: &Key, label: &[u8], segment: &str) -> Key {
    hmac512(key.bytes(), &[label, &lps(&[segment.as_bytes()])])
}

#[async_trait]
impl Wrap for Tree {
    async fn wrap(&self, path: &SecretPath) -> Result<Wrapped> {
        let (data_key, wrapped) = self.seal(path)?;
        let description = description(&self.vault, &self.group, path);
        Ok(Wrapped { data_key, kind: WrapKind::Aes, wrapped, description })
    }
}

#[async_trait]
impl Unwrap for Tree {
    async fn unwrap(&self, path: &SecretPath, envelope: &Envelope) -> Result<Option<Key>> {
        match is_ours(&self.vault, &self.group, path, envelope)? {
            true => self.open(path, envelope.wrapped()).map(Some),
            false => Ok(None),
        }
    }
}
