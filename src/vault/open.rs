//! Opening a vault that exists.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use futures_util::{StreamExt, stream};

use super::ahead::Ahead;
use super::chain::{Secrets, View, from_pin};
use super::device::Memory;
use super::standing::MAX_BODY;
use super::{PARALLEL, Vault, head_key, note_key};
use crate::aws::{AwsOptions, LazyAws};
use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::path::SecretPath;
use crate::keys::holder::Holder;
use crate::store::{DirStore, S3Store, Store};
use crate::team::Pin;
use crate::team::join::Join;
use crate::team::note::MAX_NOTE;

/// Where a vault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory, as an absolute path.
    Dir(PathBuf),
    /// A bucket, or what is below a prefix in it.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Without a slash at either end; empty for all of the bucket.
        prefix: String,
    },
}

impl Location {
    /// Reads an absolute path or `s3://bucket[/prefix]`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage) for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            return Self::parse_s3(rest);
        }
        let path = PathBuf::from(text);
        if path.is_absolute() && !text.contains('\0') {
            Ok(Self::Dir(path))
        } else {
            Err(Error::usage(
                "a vault is in a directory (an absolute path) or at s3://bucket/prefix",
            ))
        }
    }

    fn parse_s3(rest: &str) -> Result<Self> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let wrong = |why: &str| {
            Err(Error::usage(format!("not a location of a vault: {why}"))
                .hint("it is s3://bucket or s3://bucket/prefix"))
        };
        if bucket.is_empty() {
            return wrong("the name of the bucket is missing");
        }
        // A query would be a part of the prefix, and nobody means that.
        if bucket.contains(['?', '#', '@', ':']) || prefix.contains(['?', '#']) {
            return wrong("it holds more than a bucket and a prefix");
        }
        let dots = |segment: &str| matches!(segment, "" | "." | "..");
        if !prefix.is_empty() && prefix.split('/').any(dots) {
            return wrong("the prefix has an empty segment, or one of dots");
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// The last part of it, as a name for people.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Dir(path) => path.file_name()?.to_str(),
            Self::S3 { bucket, prefix } => {
                prefix.rsplit('/').next().filter(|last| !last.is_empty()).or(Some(bucket))
            }
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// A location that can be asked: the store there, and AWS for the keys in KMS.
pub struct Storage {
    pub(super) store: Arc<dyn Store>,
    pub(super) location: Location,
    pub(super) region: String,
    pub(super) aws: Arc<LazyAws>,
    pub(super) single_writer: bool,
    ahead: Vec<SecretPath>,
}

impl Storage {
    /// The store at `location`. Of a bucket nothing is asked yet.
    ///
    /// # Errors
    /// Usage for settings that cannot work; not found for a directory that is not there.
    pub async fn open(location: Location, options: AwsOptions) -> Result<Self> {
        Self::with(location, options, |path| Ok(DirStore::open(path)?)).await
    }

    /// As [`Self::open`], for a vault that is to be made: makes the directory.
    ///
    /// # Errors
    /// As [`Self::open`]; usage if the directory holds other things.
    pub async fn create(location: Location, options: AwsOptions) -> Result<Self> {
        Self::with(location, options, |path| Ok(DirStore::create(path)?)).await
    }

    async fn with(
        location: Location,
        options: AwsOptions,
        dir: impl Fn(&PathBuf) -> Result<DirStore>,
    ) -> Result<Self> {
        let aws = Arc::new(LazyAws::new(options));
        let (store, region): (Arc<dyn Store>, _) = match &location {
            Location::Dir(path) => (Arc::new(dir(path)?), String::new()),
            Location::S3 { bucket, prefix } => {
                let aws = aws.get().await?;
                let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                (Arc::new(S3Store::new(aws, bucket, &below)?), aws.region().to_owned())
            }
        };
        Ok(Self { store, location, region, aws, single_writer: false, ahead: Vec::new() })
    }

    /// A store that is open already, known as `location`.
    pub fn of(store: Arc<dyn Store>, location: Location, options: AwsOptions) -> Self {
        let aws = Arc::new(LazyAws::new(options));
        Self {
            store,
            location,
            region: String::new(),
            aws,
            single_writer: false,
            ahead: Vec::new(),
        }
    }

    /// The same, about to be read at these paths: a device that has not seen the vault asks for
    /// them along with the team's notes.
    pub fn reading(mut self, paths: &[SecretPath]) -> Self {
        self.ahead = paths.to_vec();
        self
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

/// How somebody becomes a member.
pub(super) const TO_JOIN: &str =
    "send an admin what `vault id show` prints; they add it with `vault member add`";

impl Vault {
    /// Opens the vault in `storage` that `pin` names. No request if this device has seen it.
    /// Without an identity nothing is remembered, and only what KMS wraps can be read.
    ///
    /// # Errors
    /// Not found; integrity if another vault is there.
    pub async fn open_in(
        storage: Storage,
        pin: &Pin,
        places: &Places,
        identity: Option<impl Into<Box<dyn Holder>>>,
    ) -> Result<Self> {
        Self::open_held(storage, pin, places, identity.map(Into::into)).await
    }

    pub(super) async fn open_held(
        storage: Storage,
        pin: &Pin,
        places: &Places,
        identity: Option<Box<dyn Holder>>,
    ) -> Result<Self> {
        let device = Memory::new(pin.vault, places, identity.as_deref())?;
        let store = &*storage.store;
        let remembered = Self::remembered(store, &device, pin).await?;
        if let Some(view) = remembered {
            let vault = Self::assemble(storage, pin.vault, identity, device, view);
            vault.reach(pin).await?;
            return Ok(vault);
        }
        let keys: Vec<String> = storage.ahead.iter().map(head_key).collect();
        let get = |key: String| async move {
            let got = store.get(&key, MAX_BODY).await;
            (key, got)
        };
        let objects = stream::iter(keys).map(get).buffer_unordered(PARALLEL).collect::<Vec<_>>();
        // The note after the pinned one is most often not there; then nothing else has to be asked.
        let next = note_key(pin.seq + 1);
        let (view, next_note, objects) =
            futures_util::join!(from_pin(store, pin), store.get(&next, MAX_NOTE as u64), objects);
        let view = view?;
        let (first, hashes, state) = (view.first, view.hashes.clone(), view.state.clone());
        let vault = Self::assemble(storage, pin.vault, identity, device, view);
        vault.adopt(View { first, hashes, state })?;
        vault.ahead.keep(next, next_note);
        for (key, object) in objects {
            vault.ahead.keep(key, object);
        }
        Ok(vault)
    }

    pub(super) fn assemble(
        storage: Storage,
        id: Hash,
        identity: Option<Box<dyn Holder>>,
        device: Memory,
        view: View,
    ) -> Self {
        let Storage { store, location, region, aws, single_writer, ahead: _ } = storage;
        Self {
            store,
            location,
            region,
            aws,
            single_writer,
            id,
            identity,
            device,
            view: RwLock::new(Arc::new(view)),
            secrets: Mutex::new(Secrets::default()),
            warnings: Mutex::new(Vec::new()),
            ahead: Ahead::default(),
            capability: None,
            lost: Mutex::default(),
            offline: None,
            wanted: Mutex::default(),
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
        Err(Error::denied("this identity is not a member of the vault").hint(self.ask_for(TO_JOIN)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_have_one_form() {
        for (text, shown, name) in [
            ("/srv/vault", "/srv/vault", "vault"),
            ("s3://bucket", "s3://bucket", "bucket"),
            ("s3://bucket/", "s3://bucket", "bucket"),
            ("s3://bucket/team/a/", "s3://bucket/team/a", "a"),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!((location.to_string().as_str(), location.name()), (shown, Some(name)));
            assert_eq!(Location::parse(shown).unwrap(), location);
        }
        for bad in [
            "",
            "vault",
            "s3:/bucket",
            "s3://",
            "s3:///a",
            "s3://b//a",
            "s3://b/a//",
            "s3://b/../a",
            "s3://b/a?x=1",
            "s3://key:secret@b/a",
            "/a\0b",
            "https://host/bucket",
        ] {
            assert_eq!(Location::parse(bad).unwrap_err().kind, crate::vault::Kind::Usage, "{bad}");
        }
    }
}
