//! Reading without the storage: a store of what this device keeps, through which everything is
//! verified as it is through the real one.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::device::Device;
use super::kept::Kept;
use super::open::{Location, Places, Storage};
use super::standing::Newest;
use super::{Vault, head_key, now, version_number};
use crate::aws::AwsOptions;
use crate::core::cipher::{self, Hash};
use crate::core::error::{Error, Kind, Result};
use crate::core::path::{Prefix, SecretPath, escape};
use crate::core::text::hex;
use crate::keys::holder::Holder;
use crate::keys::keyring::MAX_KEYRING;
use crate::store::{
    Condition, Etag, Head, Listing, Metadata, Object, Page, Result as StoreResult, Store,
    StoreError,
};
use crate::team::Pin;
use crate::team::cut::MAX_CUT;

/// How far ahead of this computer's clock a time may be.
const SKEW: u64 = 60;
/// Secrets that are read at once.
const ROUND: usize = 512;

/// One secret that this device keeps.
#[derive(Debug)]
pub struct KeptSecret {
    /// Where it is.
    pub path: SecretPath,
    /// When it was last verified to be the newest version, in seconds since 1970.
    pub time: u64,
    /// Bytes of its ciphertext.
    pub size: u64,
}

/// What became of [`Vault::keep`].
#[derive(Default)]
pub struct Keeping {
    /// How many secrets are kept now.
    pub kept: u64,
    /// How many are not, because only KMS opens them.
    pub by_kms: u64,
    /// How many are not, because this identity may not read them.
    pub hidden: u64,
    /// What could not be read, and why.
    pub failed: Vec<(SecretPath, Error)>,
}

impl Keeping {
    /// True if there was nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.kept + self.by_kms + self.hidden == 0 && self.failed.is_empty()
    }
}

/// Marks a vault that is open without its storage.
pub(super) struct Offline {
    /// When what was asked for was verified last.
    asked: Mutex<HashMap<SecretPath, u64>>,
    /// The oldest of these times of what was read; `u64::MAX` for none.
    oldest: AtomicU64,
}

impl Places {
    /// True if some identity keeps secrets of this vault on this device.
    pub fn keep_any(&self, vault: &Hash) -> bool {
        let of_vault = hex(&vault[..16]);
        let dirs = std::fs::read_dir(&self.cache).into_iter().flatten().flatten();
        let mut heads = dirs
            .filter(|dir| dir.file_name().to_string_lossy().starts_with(&of_vault))
            .filter_map(|dir| std::fs::read_dir(dir.path().join("head")).ok());
        heads.any(|mut files| files.next().is_some())
    }
}

impl Vault {
    /// Opens the vault that `pin` names as this device knows it, without its storage. What is
    /// read was verified at most `max_age` ago.
    ///
    /// # Errors
    /// Network if this device has not seen the vault; those of [`Vault::open_in`].
    pub async fn open_offline(
        location: Location,
        pin: &Pin,
        places: &Places,
        identity: impl Into<Box<dyn Holder>>,
        max_age: Option<Duration>,
    ) -> Result<Self> {
        let identity = identity.into();
        let device = Device::new(pin.vault, &places.state, &places.cache, &*identity)?;
        let unseen = |what: &str| {
            Err(Error::new(Kind::Network, format!("this device has not seen {what}")).hint(
                "it has to be read once with its storage; `vault lock --all` removes whatever is kept",
            ))
        };
        let Some(chain) = device.chain()? else { return unseen("the vault yet") };
        let next_note = chain.first + chain.hashes.len() as u64;
        if pin.seq >= next_note {
            return unseen("the team's note that the join string names");
        }
        let offline =
            Arc::new(Offline { asked: Mutex::default(), oldest: AtomicU64::new(u64::MAX) });
        let store = KeptStore { device, next_note, max_age, offline: offline.clone() };
        let storage = Storage::of(Arc::new(store), location, AwsOptions::default());
        let mut vault = Self::open_held(storage, pin, places, Some(identity)).await?;
        vault.offline = Some(offline);
        Ok(vault)
    }

    /// Since when what was read without the storage may have changed, in seconds since 1970;
    /// `None` if nothing was.
    pub fn offline_since(&self) -> Option<u64> {
        let oldest = self.offline.as_ref()?.oldest.load(Ordering::Relaxed);
        (oldest != u64::MAX).then_some(oldest)
    }

    /// Remembers that what is kept of a path was good.
    pub(super) fn was_read_offline(&self, path: &SecretPath) {
        let Some(offline) = &self.offline else { return };
        let asked = offline.asked.lock().expect("no panic holds this lock");
        if let Some(time) = asked.get(path) {
            offline.oldest.fetch_min(*time, Ordering::Relaxed);
        }
    }

    /// Fetches what the newest state of the team pins, if something is kept: with a new note and
    /// without these, nothing could be read offline.
    pub(super) async fn keep_team(&self) {
        if self.offline.is_some() || !self.device.files().is_some_and(Device::keeps_any) {
            return;
        }
        let view = self.view();
        let me = self.identity.as_ref().and_then(|me| view.state.member_of(me.public().id()));
        let Some((_, me)) = me else { return };
        let readable = view.state.groups.iter().filter(|(name, _)| view.state.may_read(me, name));
        for (_, group) in readable {
            // One that cannot be had now is asked for when it is needed.
            for hash in &group.keyring {
                let _ = self.pinned(hash, MAX_KEYRING, "keyring").await;
            }
            if let Some(hash) = &group.cut {
                let _ = self.pinned(hash, MAX_CUT, "cut").await;
            }
        }
    }

    /// Keeps the newest versions of all secrets below a folder on this device, and forgets those
    /// that are not there any more. Later reads and writes keep them current.
    ///
    /// # Errors
    /// If they cannot be listed, or the cache cannot be written.
    pub async fn keep(&self, prefix: &Prefix) -> Result<Keeping> {
        let device = self.device.files().ok_or_else(|| {
            Error::usage("keeping secrets on this device takes an identity")
                .hint("a capability, or KMS alone, has nothing to seal them under")
        })?;
        let mut paths = self.list(prefix).await?;
        // What is not listed may be hidden: it is kept until it was read that it is gone.
        for kept in device.all_kept()? {
            if prefix.covers(&kept.path)
                && let Err(at) = paths.binary_search(&kept.path)
            {
                paths.insert(at, kept.path);
            }
        }
        let mut done = Keeping::default();
        for paths in paths.chunks(ROUND) {
            for path in paths {
                self.wanted().insert(path.clone());
            }
            for (path, answer) in paths.iter().zip(self.read_many(paths).await?) {
                match answer {
                    Ok(_) if !self.wanted().remove(path) => done.kept += 1,
                    Ok(_) if self.is_by_kms(path) => done.by_kms += 1,
                    Ok(_) => done
                        .failed
                        .push((path.clone(), Error::general("it cannot be written here"))),
                    Err(e) if e.kind == Kind::NotFound => device.drop_kept(path)?,
                    Err(e) if e.kind == Kind::Denied => done.hidden += 1,
                    Err(e) => done.failed.push((path.clone(), e)),
                }
            }
        }
        Ok(done)
    }

    fn is_by_kms(&self, path: &SecretPath) -> bool {
        self.view().state.current(path).is_some_and(|group| self.is_wrapped_by_kms(&group))
    }

    /// What this device keeps below a folder.
    ///
    /// # Errors
    /// If the cache cannot be read.
    pub fn kept(&self, prefix: &Prefix) -> Result<Vec<KeptSecret>> {
        let all = self.device.files().map_or(Ok(Vec::new()), Device::all_kept)?;
        let below = all.into_iter().filter(|kept| prefix.covers(&kept.path));
        let shown = |kept: Kept| {
            let size = kept.body.len() as u64;
            KeptSecret { path: kept.path, time: kept.time, size }
        };
        Ok(below.map(shown).collect())
    }

    /// Forgets what this device keeps below a folder, and says how many secrets that were.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn forget_kept(&self, prefix: &Prefix) -> Result<usize> {
        let Some(device) = self.device.files() else { return Ok(0) };
        let below: Vec<Kept> = device.all_kept()?;
        let below: Vec<_> = below.iter().filter(|kept| prefix.covers(&kept.path)).collect();
        if *prefix == Prefix::default() {
            device.drop_all_kept()?;
        }
        for kept in &below {
            device.drop_kept(&kept.path)?;
        }
        Ok(below.len())
    }

    /// What is to be kept of a version that is about to be opened.
    pub(super) fn to_keep(&self, path: &SecretPath, newest: &Newest) -> Option<Kept> {
        let device = self.device.files().filter(|_| self.offline.is_none())?;
        let wanted = self.wanted().contains(path);
        // Without KMS these cannot be opened.
        let header = &newest.signed.header;
        let useful = !self.is_wrapped_by_kms(&header.group)
            // A damaged one is read from the history instead.
            && cipher::sha256(&[&newest.object.body]) == header.body;
        (useful && (wanted || device.keeps(path))).then(|| Kept {
            path: path.clone(),
            time: now(),
            metadata: newest.object.metadata.clone(),
            body: newest.object.body.clone(),
        })
    }

    /// Keeps a version that was verified, or written. A cache that cannot be written is a warning:
    /// the version itself is good.
    pub(super) fn keep_current(&self, kept: &Kept, n: u64) {
        let Some(device) = self.device.files() else { return };
        match device.keep(kept, n) {
            Ok(()) => drop(self.wanted().remove(&kept.path)),
            Err(e) => {
                let why = e.in_full();
                self.warn(format!("{} cannot be kept for reading offline: {why}", kept.path));
            }
        }
    }

    fn wanted(&self) -> MutexGuard<'_, HashSet<SecretPath>> {
        self.wanted.lock().expect("no panic holds this lock")
    }

    /// As [`Self::keep_current`], for one that was written, if the path is kept.
    pub(super) fn keep_written(&self, path: &SecretPath, n: u64, metadata: &Metadata, body: &[u8]) {
        if self.device.files().is_some_and(|device| device.keeps(path)) {
            let (metadata, body) = (metadata.clone(), body.to_vec());
            self.keep_current(&Kept { path: path.clone(), time: now(), metadata, body }, n);
        }
    }

    /// For a path that holds nothing any more.
    pub(super) fn keep_no_longer(&self, path: &SecretPath) {
        if self.offline.is_none()
            && let Some(device) = self.device.files()
            && let Err(e) = device.drop_kept(path)
        {
            self.warn(format!("{path} cannot be removed from what is kept offline: {e}"));
        }
    }
}

/// What this device keeps, as a store.
struct KeptStore {
    device: Device,
    /// Seq of the first note that this device has not seen.
    next_note: u64,
    max_age: Option<Duration>,
    offline: Arc<Offline>,
}

impl KeptStore {
    fn object(&self, key: &str) -> StoreResult<Object> {
        let missing = || StoreError::NotFound { key: key.to_owned() };
        if let Some(seq) = key.strip_prefix(".vault/team/").and_then(version_number) {
            // As far as anybody here knows, this is the end of the chain.
            return Err(if seq >= self.next_note { missing() } else { not_kept(key) });
        }
        let path = key.strip_prefix("s/").and_then(|path| SecretPath::parse(path).ok());
        let kept = path.and_then(|path| self.device.kept(&path)).ok_or_else(|| not_kept(key))?;
        if self.max_age.is_some_and(|most| is_too_old(kept.time, now(), most)) {
            return Err(StoreError::NotKept {
                what: kept.path.to_string(),
                why: "was verified longer ago than --max-age allows (or in the future)".to_owned(),
            });
        }
        let mut asked = self.offline.asked.lock().expect("no panic holds this lock");
        asked.insert(kept.path, kept.time);
        Ok(Object { metadata: kept.metadata, body: kept.body, etag: Etag("kept".to_owned()) })
    }
}

/// True for a time that is too long ago, or in the future: then the clock was wrong, and nobody knows
/// how long ago it was.
fn is_too_old(time: u64, now: u64, most: Duration) -> bool {
    now.saturating_sub(time) >= most.as_secs() || time > now + SKEW
}

/// The error for what is not here, named as people know it.
fn not_kept(key: &str) -> StoreError {
    let what = match key.strip_prefix("s/") {
        Some(path) => path.to_owned(),
        None => match key.strip_prefix("h/").and_then(|key| key.split_once("/.vault/")) {
            Some((path, _)) => format!("the history of {path}"),
            None => "a part of the team's history".to_owned(),
        },
    };
    StoreError::NotKept { what, why: "is not kept on this device".to_owned() }
}

fn not_written() -> StoreError {
    let what = "--offline".to_owned();
    StoreError::NotKept { what, why: "only reads".to_owned() }
}

#[async_trait]
impl Store for KeptStore {
    async fn get(&self, key: &str, limit: u64) -> StoreResult<Object> {
        let object = self.object(key)?;
        let size = object.body.len() as u64;
        if size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size, limit });
        }
        Ok(object)
    }

    async fn head(&self, key: &str) -> StoreResult<Head> {
        let Object { metadata, body, etag } = self.object(key)?;
        Ok(Head { metadata, size: body.len() as u64, etag })
    }

    async fn put(&self, _: &str, _: &Metadata, _: &[u8], _: &Condition) -> StoreResult<Etag> {
        Err(not_written())
    }

    async fn delete(&self, _: &str, _: Option<&Etag>) -> StoreResult<()> {
        Err(not_written())
    }

    /// Heads are listed; of anything else nobody here knows what there is.
    async fn list(&self, listing: &Listing<'_>) -> StoreResult<Page> {
        if !listing.prefix.starts_with("s/") {
            return Err(not_kept(listing.prefix));
        }
        let failed = |e: Error| StoreError::NotKept {
            what: "the cache of this device".to_owned(),
            why: escape(&e.to_string()),
        };
        let heads = crate::store::MemoryStore::new();
        for kept in self.device.all_kept().map_err(failed)? {
            heads.put(&head_key(&kept.path), &vec![], b"", &Condition::None).await?;
        }
        heads.list(listing).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old() {
        let hour = Duration::from_secs(3600);
        for (time, too_old) in [
            (10_000, false),
            (6_401, false),
            (6_400, true),
            (0, true),
            (10_060, false),
            (10_061, true),
        ] {
            assert_eq!(is_too_old(time, 10_000, hour), too_old, "{time}");
        }
        assert!(is_too_old(10_000, 10_000, Duration::ZERO), "nothing is new enough");
    }
}
