//! Any store, for one writer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Condition, Etag, Head, Listing, Metadata, Object, Page, Result, Store, StoreError};

/// A store whose conditions are checked here, by a look before each change, because the store
/// below does not check them. That keeps one writer from overwriting what it does not know; of
/// two at the same moment, one loses its write.
pub struct SingleWriter(Arc<dyn Store>);

impl SingleWriter {
    /// The same objects.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    async fn etag(&self, key: &str) -> Result<Option<Etag>> {
        match self.0.head(key).await {
            Ok(head) => Ok(Some(head.etag)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            // What cannot be read can be replaced by whoever has seen it.
            Err(StoreError::Damaged { etag: Some(etag), .. }) => Ok(Some(etag)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Store for SingleWriter {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        self.0.get(key, limit).await
    }

    async fn head(&self, key: &str) -> Result<Head> {
        self.0.head(key).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Etag> {
        let holds = match condition {
            Condition::None => true,
            Condition::Absent => self.etag(key).await?.is_none(),
            Condition::Matches(etag) => self.etag(key).await?.as_ref() == Some(etag),
        };
        if !holds {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        self.0.put(key, metadata, body, &Condition::None).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        if let Some(etag) = etag {
            match self.etag(key).await? {
                None => return Err(StoreError::NotFound { key: key.to_owned() }),
                Some(there) if there != *etag => {
                    return Err(StoreError::Conflict { key: key.to_owned() });
                }
                Some(_) => {}
            }
        }
        self.0.delete(key, None).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        self.0.list(listing).await
    }

    async fn sweep(&self, age: Duration) -> Result<()> {
        self.0.sweep(age).await
    }
}
