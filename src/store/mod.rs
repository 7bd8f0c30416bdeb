//! Where objects live: keys, bytes, metadata and etags. Knows no cryptography and nothing of
//! secrets; everything in a store is assumed to be readable and changeable by others.
//!
//! The trait is what Amazon S3 gives and no more, with conditional writes in it from the first
//! day: a version number is claimed by [`Condition::Absent`], a head is moved by
//! [`Condition::Matches`]. One conformance suite (`tests/store/`) runs on every implementation.

use async_trait::async_trait;

pub mod dir;
mod listing;
pub mod memory;
mod page;
pub mod probe;
mod rules;
pub mod s3;
mod single;

pub use dir::DirStore;
pub use listing::{list_all, list_pages, list_wide};
pub use memory::MemoryStore;
pub use s3::S3Store;
pub use single::SingleWriter;

/// User metadata in the order stored. Names are compared without regard to case; a store may
/// answer with names of another case, so readers look them up case-insensitively.
pub type Metadata = Vec<(String, String)>;

/// Longest key in bytes (Amazon S3's limit).
pub const MAX_KEY: usize = 1024;
/// Most metadata of one object in bytes, names plus values (Amazon S3's limit).
pub const MAX_METADATA: usize = 2048;

/// An opaque tag that changes with every write of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(pub String);

/// What must hold for a write to happen. Checking and writing are one atomic step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there is replaced.
    None,
    /// Create-only: nothing may be there (`If-None-Match: *`).
    Absent,
    /// The object that is there has this etag (`If-Match`).
    Matches(Etag),
}

/// A whole object.
#[derive(Debug)]
pub struct Object {
    /// Its user metadata.
    pub metadata: Metadata,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its etag.
    pub etag: Etag,
}

/// An object without its body.
#[derive(Debug)]
pub struct Head {
    /// Its user metadata.
    pub metadata: Metadata,
    /// Length of the body in bytes.
    pub size: u64,
    /// Its etag.
    pub etag: Etag,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// Only keys that begin with this text (bytewise, not by segment).
    pub prefix: &'a str,
    /// With `Some('/')`: keys that hold the delimiter behind the prefix are rolled up into one
    /// common prefix (which ends in the delimiter).
    pub delimiter: Option<char>,
    /// Only keys, and common prefixes, that sort after this one.
    pub start_after: &'a str,
    /// At most this many keys and common prefixes together; 0 means the store's own page size.
    pub limit: usize,
}

/// One page of a listing, in the order of the keys' UTF-8 bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys. Names only: a size would cost a directory store one file access a key.
    pub keys: Vec<String>,
    /// Common prefixes, each ending in the delimiter.
    pub prefixes: Vec<String>,
    /// If there is more: the `start_after` of the next page.
    pub next: Option<String>,
}

/// Why a request to a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object has this key.
    #[error("no object {key:?}")]
    NotFound {
        /// The key asked for.
        key: String,
    },
    /// The [`Condition`] does not hold; nothing was written.
    #[error("the object {key:?} was changed by somebody else")]
    Conflict {
        /// The key of the write.
        key: String,
    },
    /// The object is larger than the caller is willing to read.
    #[error("the object {key:?} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The key asked for.
        key: String,
        /// Its size in bytes.
        size: u64,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// The key or the metadata cannot be stored (limits, illegal characters).
    #[error("cannot be stored: {reason}")]
    Invalid {
        /// The rule that is broken.
        reason: String,
    },
    /// What is stored is not an object of this store (a torn or foreign file).
    #[error("the object {key:?} is damaged: {reason}")]
    Damaged {
        /// The key asked for.
        key: String,
        /// What is wrong with it.
        reason: String,
        /// By which it can be replaced or removed all the same, if it can.
        etag: Option<Etag>,
    },
    /// The store itself is not there (no such directory, no such bucket).
    #[error("there is no store at {location}")]
    Missing {
        /// Where it was looked for.
        location: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket {bucket:?} ({place})")]
    NoBucket {
        /// Its name.
        bucket: String,
        /// The endpoint or region that was asked.
        place: String,
    },
    /// The object is in an archive and cannot be read before somebody restores it.
    #[error("the object {key:?} is in an archive storage class")]
    Archived {
        /// The key asked for.
        key: String,
    },
    /// Nothing but this device is asked, and it does not have it.
    #[error("{what} {why}")]
    NotKept {
        /// What was asked for.
        what: String,
        /// Why it cannot be had.
        why: String,
    },
    /// The system refused the access.
    #[error("not allowed to {action} {target:?}")]
    Denied {
        /// What was tried.
        action: &'static str,
        /// On what.
        target: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// No space is left; what was there before is intact.
    #[error("no space left to {action} {target:?}")]
    Full {
        /// What was tried.
        action: &'static str,
        /// On what.
        target: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// There are no credentials, or the service does not know them or takes them no longer.
    #[error("the credentials for the storage cannot be used: {reason}")]
    Credentials {
        /// What it, or the SDK, said.
        reason: String,
    },
    /// The credentials are good but do not allow it; or, where the service gives no reason, are
    /// not.
    #[error("not allowed: {action} on {resource}: {reason}")]
    Refused {
        /// The permission that is needed, as policies name it.
        action: &'static str,
        /// What it is needed for, as policies name it.
        resource: String,
        /// A condition key and its pattern, where a policy should narrow the permission.
        condition: Option<(&'static str, String)>,
        /// What the service said.
        reason: String,
    },
    /// This computer's clock differs too much from the service's.
    #[error("the clocks of this computer and of {place} differ too much")]
    ClockSkew {
        /// The endpoint or region.
        place: String,
    },
    /// The bucket is in another region than the one that was asked.
    #[error("the bucket {bucket:?} is in another region{}", region.as_ref().map_or(String::new(), |r| format!(": {r}")))]
    WrongRegion {
        /// The bucket.
        bucket: String,
        /// Its region, if the service says so.
        region: Option<String>,
    },
    /// No connection, no answer in time, or a service that is overloaded or out of order, after
    /// all attempts. What was asked may have happened.
    #[error("no answer from {place}: {reason}")]
    Network {
        /// The endpoint or region.
        place: String,
        /// What is known.
        reason: String,
    },
    /// The service lacks what was asked of it.
    #[error("the storage service cannot do {action}: {reason}")]
    Unsupported {
        /// The permission that it would take.
        action: &'static str,
        /// What the service said.
        reason: String,
    },
    /// Any other refusal of the service.
    #[error("the storage service refuses {action}: {reason}")]
    Service {
        /// The permission that it takes.
        action: &'static str,
        /// What the service said.
        reason: String,
    },
    /// Any other failure of the system.
    #[error("cannot {action} {target:?}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        target: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// The result of a request.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A store of objects. Small enough for every implementation to get right.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads an object of at most `limit` body bytes; a larger one is refused before it is read.
    async fn get(&self, key: &str, limit: u64) -> Result<Object>;

    /// Reads an object's metadata, size and etag.
    async fn head(&self, key: &str) -> Result<Head>;

    /// Writes an object, if `condition` holds, and answers its new etag. When this returns `Ok`
    /// the object is durable; when it fails, the old object is whole (a failure of the network
    /// may leave open which of the two is there).
    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Etag>;

    /// Removes an object: with an etag only if that is still its etag ([`StoreError::Conflict`]
    /// otherwise). Removing what is not there succeeds without an etag, and is
    /// [`StoreError::NotFound`] with one.
    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()>;

    /// One page of keys.
    async fn list(&self, listing: &Listing<'_>) -> Result<Page>;

    /// Removes what interrupted writes of this store left behind at least `age` ago, if this kind
    /// of store leaves anything.
    async fn sweep(&self, _age: std::time::Duration) -> Result<()> {
        Ok(())
    }
}
