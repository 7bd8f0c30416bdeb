//! What a store really does: measured, because stores that speak the same protocol keep
//! different parts of its promises, and a lost update shows only when it is too late.
//!
//! Each check looks at the object afterwards and not only at the answer: there are stores that
//! refuse a write and have done it all the same. Everything is written below [`PROBES`], under a
//! name that no other probe has, and removed again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use rand::TryRng;
use rand::rngs::SysRng;

use super::{Condition, Etag, Metadata, Object, Store, StoreError};

mod checks;
mod race;

/// Where probes write.
pub const PROBES: &str = ".vault/probe/";

/// Longest object that a probe reads back; its own are shorter.
const MAX_BODY: u64 = 4096;

/// Something that a vault asks of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// A read shows the last write, and its etag changes with every write.
    ReadAfterWrite,
    /// 2,048 bytes of metadata come back whole.
    Metadata,
    /// A listing shows the last write and the last delete.
    Listing,
    /// A create-only write refuses what is there.
    CreateOnly,
    /// A write with an etag happens with the right one only.
    Replace,
    /// A delete with an etag happens with the right one only.
    Delete,
    /// Of several creators at the same time one wins.
    CreateRace,
    /// Of several writers with the same etag at the same time one wins.
    ReplaceRace,
}

impl Capability {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 8] = [
        Self::ReadAfterWrite,
        Self::Metadata,
        Self::Listing,
        Self::CreateOnly,
        Self::Replace,
        Self::Delete,
        Self::CreateRace,
        Self::ReplaceRace,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadAfterWrite => "read after write",
            Self::Metadata => "metadata",
            Self::Listing => "listing",
            Self::CreateOnly => "create-only write",
            Self::Replace => "conditional write",
            Self::Delete => "conditional delete",
            Self::CreateRace => "race of creators",
            Self::ReplaceRace => "race of writers",
        }
    }

    /// Whether two writers lose each other's updates without it.
    pub fn keeps_writers_apart(self) -> bool {
        matches!(self, Self::CreateOnly | Self::Replace | Self::CreateRace | Self::ReplaceRace)
    }
}

/// What was found.
#[derive(Debug)]
pub enum Verdict {
    /// It does it.
    Works,
    /// It does not; this was seen.
    Broken(String),
    /// It could not be tried.
    Unknown(StoreError),
}

/// What a store does.
#[derive(Debug)]
pub struct Report {
    /// One for each of [`Capability::ALL`], in that order.
    pub verdicts: Vec<(Capability, Verdict)>,
    /// Objects of this probe that could not be removed.
    pub left: Vec<String>,
}

impl Report {
    /// Whether any number of writers can use the store at the same time.
    pub fn safe_for_many_writers(&self) -> bool {
        !self.verdicts.iter().any(is_against)
    }

    /// The first reason why several writers cannot use the store at the same time.
    pub fn against_many_writers(self) -> Option<(Capability, Verdict)> {
        self.verdicts.into_iter().find(is_against)
    }
}

fn is_against((capability, verdict): &(Capability, Verdict)) -> bool {
    capability.keeps_writers_apart() && !matches!(verdict, Verdict::Works)
}

/// Measures a store. Some 50 requests, most of them side by side.
///
/// # Panics
/// If the system has no randomness to give.
pub async fn probe(store: &dyn Store) -> Report {
    let mut random = [0; 16];
    SysRng.try_fill_bytes(&mut random).expect("the operating system's random generator failed");
    let run = base16ct::lower::encode_string(&random);
    let bench = Bench { store, run, written: Mutex::default() };
    let check = async |capability: Capability| {
        let result = match capability {
            Capability::ReadAfterWrite => bench.reads_what_was_written().await,
            Capability::Metadata => bench.keeps_metadata().await,
            Capability::Listing => bench.lists_what_is_there().await,
            Capability::CreateOnly => bench.creates_only().await,
            Capability::Replace => bench.replaces_by_etag().await,
            Capability::Delete => bench.deletes_by_etag().await,
            Capability::CreateRace => bench.one_creator_wins().await,
            Capability::ReplaceRace => bench.one_writer_wins().await,
        };
        (capability, result.map_or_else(Flaw::verdict, |()| Verdict::Works))
    };
    let verdicts = join_all(Capability::ALL.map(check)).await;
    Report { verdicts, left: bench.clean().await }
}

/// Why a check did not pass.
enum Flaw {
    Seen(String),
    Failed(StoreError),
}

impl Flaw {
    fn verdict(self) -> Verdict {
        match self {
            Self::Seen(what) => Verdict::Broken(what),
            // The store's own fault, whatever it says.
            Self::Failed(
                error @ (StoreError::NotFound { .. }
                | StoreError::Conflict { .. }
                | StoreError::TooLarge { .. }
                | StoreError::Invalid { .. }
                | StoreError::Damaged { .. }
                | StoreError::Unsupported { .. }
                | StoreError::Service { .. }),
            ) => Verdict::Broken(error.to_string()),
            Self::Failed(error) => Verdict::Unknown(error),
        }
    }
}

impl From<StoreError> for Flaw {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

fn seen<T>(what: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw::Seen(what.into()))
}

/// A store on the bench.
struct Bench<'a> {
    store: &'a dyn Store,
    /// In every key and body, so that nothing earlier can be taken for ours.
    run: String,
    written: Mutex<BTreeSet<String>>,
}

impl Bench<'_> {
    fn key(&self, name: &str) -> String {
        format!("{PROBES}{}-{name}", self.run)
    }

    fn body(&self, text: &str) -> Vec<u8> {
        format!("{} {text}", self.run).into_bytes()
    }

    /// Writes an object whose body is `text`, unlike that of any other write.
    async fn put(&self, name: &str, text: &str, on: Condition) -> Result<Etag, StoreError> {
        self.put_with(name, &Metadata::new(), text, on).await
    }

    async fn put_with(
        &self,
        name: &str,
        metadata: &Metadata,
        text: &str,
        on: Condition,
    ) -> Result<Etag, StoreError> {
        let (key, body) = (self.key(name), self.body(text));
        // Before it is written: a request that fails may have happened.
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        self.store.put(&key, metadata, &body, &on).await
    }

    async fn get(&self, name: &str) -> Result<Object, StoreError> {
        self.store.get(&self.key(name), MAX_BODY).await
    }

    /// Whether what is stored was written as `text`.
    async fn holds(&self, name: &str, text: &str) -> Result<bool, StoreError> {
        match self.get(name).await {
            Ok(object) => Ok(object.body == self.body(text)),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes everything that was written; answers what stays.
    async fn clean(&self) -> Vec<String> {
        let written =
            std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner));
        let remove = async |key: String| match self.store.delete(&key, None).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => None,
            // Where a writer was refused everything, there is nothing to leave behind.
            Err(_) => match self.store.head(&key).await {
                Err(StoreError::NotFound { .. }) => None,
                _ => Some(key),
            },
        };
        join_all(written.into_iter().map(remove)).await.into_iter().flatten().collect()
    }
}
