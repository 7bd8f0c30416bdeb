//! A store that fails once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, Store, StoreError,
};

/// Fails the request with number `at` (from 1) that changes something, and works after that.
pub struct Faulty {
    inner: MemoryStore,
    at: usize,
    after: bool,
    count: AtomicUsize,
}

impl Faulty {
    pub fn new(inner: &MemoryStore, at: usize, after: bool) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), at, after, count: AtomicUsize::new(0) })
    }

    /// True if the request that fails was reached.
    pub fn reached(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.at
    }

    fn now(&self) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.at
    }
}

fn fault<T>(key: &str) -> Result<T> {
    let source = std::io::Error::other("the test cut the connection");
    Err(StoreError::Io { action: "write", target: key.to_owned(), source })
}

#[async_trait]
impl Store for Faulty {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        self.inner.get(key, limit).await
    }

    async fn head(&self, key: &str) -> Result<Head> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, m: &Metadata, body: &[u8], c: &Condition) -> Result<Etag> {
        match self.now() {
            false => self.inner.put(key, m, body, c).await,
            true if self.after => self.inner.put(key, m, body, c).await.and_then(|_| fault(key)),
            true => fault(key),
        }
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        match self.now() {
            false => self.inner.delete(key, etag).await,
            true if self.after => self.inner.delete(key, etag).await.and_then(|()| fault(key)),
            true => fault(key),
        }
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        self.inner.list(listing).await
    }
}
