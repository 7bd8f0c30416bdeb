//! A store in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::page::{Filler, Place};
use super::rules::{check_key, check_metadata};
use super::{Condition, Etag, Head, Listing, Metadata, Object, Page, Result, Store, StoreError};

/// As Amazon S3's, so that whoever forgets to page is found by a test.
const PAGE: usize = 1000;

/// A store in memory. Clones share the same contents.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<String, Stored>,
    /// Counts the writes; the source of the etags.
    writes: u64,
}

#[derive(Debug)]
struct Stored {
    metadata: Metadata,
    body: Vec<u8>,
    etag: Etag,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Every change is one insert or remove, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn find(&self, key: &str) -> Result<&Stored> {
        check_key(key)?;
        self.objects.get(key).ok_or_else(|| StoreError::NotFound { key: key.to_owned() })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        let contents = self.contents();
        let Stored { metadata, body, etag } = contents.find(key)?;
        let size = body.len() as u64;
        if size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size, limit });
        }
        Ok(Object { metadata: metadata.clone(), body: body.clone(), etag: etag.clone() })
    }

    async fn head(&self, key: &str) -> Result<Head> {
        let contents = self.contents();
        let Stored { metadata, body, etag } = contents.find(key)?;
        Ok(Head { metadata: metadata.clone(), size: body.len() as u64, etag: etag.clone() })
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Etag> {
        check_key(key)?;
        let metadata = check_metadata(metadata)?;
        let mut contents = self.contents();
        let there = contents.objects.get(key).map(|stored| &stored.etag);
        let holds = match condition {
            Condition::None => true,
            Condition::Absent => there.is_none(),
            Condition::Matches(etag) => there == Some(etag),
        };
        if !holds {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        contents.writes += 1;
        let etag = Etag(format!("{:032x}", contents.writes));
        let stored = Stored { metadata, body: body.to_vec(), etag: etag.clone() };
        contents.objects.insert(key.to_owned(), stored);
        Ok(etag)
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        check_key(key)?;
        let mut contents = self.contents();
        if let Some(etag) = etag
            && contents.find(key)?.etag != *etag
        {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        contents.objects.remove(key);
        Ok(())
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        let contents = self.contents();
        let mut page = Filler::new(listing, PAGE);
        let start = if listing.start_after < listing.prefix {
            Bound::Included(listing.prefix)
        } else {
            Bound::Excluded(listing.start_after)
        };
        let keys = contents.objects.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key);
        for key in keys.take_while(|key| key.starts_with(listing.prefix)) {
            let room = match page.place(key) {
                Place::Nowhere => true,
                Place::Itself => page.key(key),
                Place::Prefix(end) => page.prefix(&key[..end]),
            };
            if !room {
                break;
            }
        }
        Ok(page.finish())
    }
}
