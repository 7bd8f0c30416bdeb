//! Versions that this device keeps, as the storage had them, for when it cannot be reached
//! (`docs/FORMAT.md`, §15). Only paths that somebody asked for are kept, and nothing that was not
//! verified and opened before.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::device::Device;
use super::files::{cannot, entries, read, replace};
use crate::core::cipher::{self, NONCE, hmac};
use crate::core::error::Result;
use crate::core::path::SecretPath;
use crate::core::random;
use crate::core::secret::Secret;
use crate::core::text::{hex, lps};
use crate::store::Metadata;

/// What the names of the files are derived with, and what they are sealed for.
const PURPOSE: &[u8] = b"vault/v1/cache-head";

/// One version of a secret on this device.
pub struct Kept {
    /// Of which secret.
    pub path: SecretPath,
    /// When it was verified to be the newest, in seconds since 1970.
    pub time: u64,
    /// As the storage had it.
    pub metadata: Metadata,
    /// Still encrypted under its data key.
    pub body: Vec<u8>,
}

/// What stands in front of the body.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    metadata: Metadata,
    path: String,
    time: u64,
}

impl Device {
    /// True if anything may be kept.
    pub(super) fn keeps_any(&self) -> bool {
        self.kept_dir().exists()
    }

    /// True if this path is kept, whatever is in its file.
    pub(super) fn keeps(&self, path: &SecretPath) -> bool {
        self.kept_file(path).exists()
    }

    /// The version of a path that is kept. A damaged one is none.
    pub fn kept(&self, path: &SecretPath) -> Option<Kept> {
        self.open_kept(&self.kept_file(path)).filter(|kept| kept.path == *path)
    }

    /// All that is kept, in the order of the paths.
    ///
    /// # Errors
    /// If the cache directory cannot be read.
    pub(super) fn all_kept(&self) -> Result<Vec<Kept>> {
        let files = entries(&self.kept_dir())?;
        let mut all: Vec<Kept> = files.iter().filter_map(|file| self.open_kept(file)).collect();
        all.sort_by(|a, b| a.path.as_str().cmp(b.path.as_str()));
        Ok(all)
    }

    /// Keeps version `n`, unless another process has seen a newer one meanwhile: that one may be
    /// kept already.
    ///
    /// # Errors
    /// If the cache directory cannot be written, or the mark cannot be read.
    pub(super) fn keep(&self, kept: &Kept, n: u64) -> Result<()> {
        let _lock = self.lock()?;
        if self.mark(&kept.path)?.is_some_and(|mark| mark.n > n) {
            return Ok(());
        }
        let front =
            Front { metadata: kept.metadata.clone(), path: kept.path.to_string(), time: kept.time };
        let mut text = serde_json::to_vec(&front).expect("strings and a number are JSON");
        text.push(b'\n');
        text.extend(&kept.body);
        let nonce = random::array::<NONCE>();
        let sealed = cipher::seal(self.cache_key(), &nonce, &self.bound(), Secret::new(text));
        replace(&self.kept_file(&kept.path), &[&nonce[..], &sealed].concat())
    }

    /// Keeps it no longer.
    ///
    /// # Errors
    /// If the cache directory cannot be written.
    pub(super) fn drop_kept(&self, path: &SecretPath) -> Result<()> {
        let file = self.kept_file(path);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(cannot("remove", &file, e)),
            _ => Ok(()),
        }
    }

    /// Keeps nothing any longer, damaged files included.
    ///
    /// # Errors
    /// If the cache directory cannot be written.
    pub(super) fn drop_all_kept(&self) -> Result<()> {
        let dir = self.kept_dir();
        match fs::remove_dir_all(&dir) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(cannot("remove", &dir, e)),
            _ => Ok(()),
        }
    }

    fn open_kept(&self, file: &std::path::Path) -> Option<Kept> {
        let bytes = read(file).ok()??;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let text = cipher::open(self.cache_key(), nonce, &self.bound(), sealed.to_vec())?;
        let text = text.into_public();
        let end = text.iter().position(|&b| b == b'\n')?;
        let front: Front = serde_json::from_slice(&text[..end]).ok()?;
        Some(Kept {
            path: SecretPath::parse(&front.path).ok()?,
            time: front.time,
            metadata: front.metadata,
            body: text[end + 1..].to_vec(),
        })
    }

    /// The key is the identity's: what is sealed for one vault is for no other.
    fn bound(&self) -> Vec<u8> {
        [PURPOSE, &lps(&[self.vault()])].concat()
    }

    fn kept_dir(&self) -> PathBuf {
        self.cache_dir().join("head")
    }

    /// Named by a MAC, so that the cache does not list the names of secrets.
    fn kept_file(&self, path: &SecretPath) -> PathBuf {
        let named = lps(&[self.vault(), path.as_str().as_bytes()]);
        let name = hmac(self.cache_key().bytes(), &[PURPOSE, &named]);
        self.kept_dir().join(hex(name.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::header::KeyId;
    use crate::keys::identity::Identity;
    use crate::vault::device::Mark;

    /// What a slower process read before somebody wrote does not take the place of the newer one.
    #[test]
    fn an_older_version_does_not_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::from_seed(random::key());
        let device = Device::new([1; 32], dir.path(), dir.path(), &identity).unwrap();
        let path = SecretPath::parse("a/b").unwrap();
        let version = |body: &[u8]| Kept {
            path: path.clone(),
            time: 1,
            metadata: Metadata::new(),
            body: body.to_vec(),
        };
        let body = || device.kept(&path).map(|kept| kept.body);
        let raise = |n| {
            let mark = Mark { n, record: [0; 32], by: KeyId([0; 8]), restored: 0 };
            device.raise(&path, mark, false).unwrap();
        };
        raise(2);
        device.keep(&version(b"two"), 2).unwrap();
        device.keep(&version(b"one"), 1).unwrap();
        assert_eq!(body().as_deref(), Some(&b"two"[..]));
        raise(3);
        device.keep(&version(b"three"), 3).unwrap();
        assert_eq!(body().as_deref(), Some(&b"three"[..]));
    }
}
