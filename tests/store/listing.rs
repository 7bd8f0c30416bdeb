//! Listings of many names.

use async_trait::async_trait;
use tokio::sync::Barrier;

use super::metadata;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, Store, list_all,
    list_wide,
};

/// Answers listings of folders only when so many of them are under way; counts listings.
struct Held {
    inner: MemoryStore,
    folders: Barrier,
}

#[async_trait]
impl Store for Held {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        self.inner.get(key, limit).await
    }

    async fn head(&self, key: &str) -> Result<Head> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, m: &Metadata, body: &[u8], c: &Condition) -> Result<Etag> {
        self.inner.put(key, m, body, c).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        self.inner.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        if listing.prefix.starts_with("s/f") && listing.start_after.is_empty() {
            self.folders.wait().await;
        }
        self.inner.list(listing).await
    }
}

async fn fill(names: impl Iterator<Item = String>) -> MemoryStore {
    let store = MemoryStore::new();
    for name in names {
        store.put(&name, &metadata(&[]), b"", &Condition::Absent).await.unwrap();
    }
    store
}

#[tokio::test]
async fn folders_are_listed_side_by_side() {
    let names = (0..4).flat_map(|f| (0..700).map(move |i| format!("s/f{f}/{i:03}")));
    let inner = fill(names.chain(["s/z".into(), "other".into()])).await;
    let store = Held { inner: inner.clone(), folders: Barrier::new(4) };
    let listed = list_wide(&store, "s/", 4).await.unwrap();
    assert_eq!(listed, list_all(&inner, "s/").await.unwrap());
    assert_eq!(listed.len(), 2801);
}

/// Few names, flat ones, one folder, and too many folders.
#[tokio::test]
async fn all_names_are_there_whatever_the_shape() {
    let shapes: [Vec<String>; 5] = [
        (0..10).map(|i| format!("s/a/{i}")).collect(),
        (0..2500).map(|i| format!("s/{i:04}")).collect(),
        (0..2500).map(|i| format!("s/a/{i:04}")).collect(),
        (0..2500).map(|i| format!("s/{i:04}/a")).collect(),
        // A name and a folder of that name, and characters around the slash.
        (0..2500).map(|i| format!("s/x{}{i:04}", ["", "/", "-", "0"][i % 4])).collect(),
    ];
    for shape in shapes {
        let store = fill(shape.iter().cloned().chain(["t/other".into()])).await;
        let mut wanted = shape;
        wanted.sort();
        assert_eq!(list_wide(&store, "s/", 8).await.unwrap(), wanted);
        assert_eq!(list_all(&store, "s/").await.unwrap(), wanted);
    }
}
