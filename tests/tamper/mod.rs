//! No change of a stored object is ever read as a value: not of a bit, not of a form.

mod mutants;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, Store,
};
use vault::vault::Kind;

use crate::support::{World, h, path, s};
use mutants::Mutant;

/// A store that shows other objects under some keys, whatever a real one would let in.
struct Planted {
    inner: MemoryStore,
    planted: Mutex<BTreeMap<String, Mutant>>,
}

impl Planted {
    fn find(&self, key: &str) -> Option<Mutant> {
        self.planted.lock().unwrap().get(key).cloned()
    }
}

#[async_trait]
impl Store for Planted {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        match self.find(key) {
            Some((metadata, body)) => Ok(Object { metadata, body, etag: Etag("planted".into()) }),
            None => self.inner.get(key, limit).await,
        }
    }

    async fn head(&self, key: &str) -> Result<Head> {
        match self.find(key) {
            Some((metadata, body)) => {
                Ok(Head { metadata, size: body.len() as u64, etag: Etag("planted".into()) })
            }
            None => self.inner.head(key).await,
        }
    }

    async fn put(&self, key: &str, m: &Metadata, body: &[u8], c: &Condition) -> Result<Etag> {
        self.inner.put(key, m, body, c).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        self.inner.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        self.inner.list(listing).await
    }
}

/// Objects of every kind: name, version and whether every bit of the body is tried.
async fn objects(world: &World) -> Vec<(&'static str, u64, bool)> {
    let vault = world.device("writer").await;
    for (name, size) in [("empty", 0), ("one", 1), ("long", 700), ("a/deep/one", 20)] {
        crate::support::put(&vault, name, &"x".repeat(size)).await.unwrap();
    }
    vault
        .put(&path("doc"), None, &mut |document, seq| {
            let value = vault::vault::Secret::copy_of(b"secret");
            document.set("password", None, value, seq)
        })
        .await
        .unwrap();
    crate::support::put(&vault, "one", "2").await.unwrap();
    vec![
        ("empty", 1, true),
        ("one", 2, true),
        ("long", 1, false),
        ("a/deep/one", 1, true),
        ("doc", 1, true),
    ]
}

#[tokio::test]
async fn no_mutant_is_accepted() {
    let world = World::new().await;
    let objects = objects(&world).await;
    let store = Arc::new(Planted { inner: world.store.clone(), planted: Mutex::default() });
    // Nothing is ever accepted, so that this device stays a fresh one.
    let reader = world.device_on(&store, "reader").await;
    let mut count = 0;
    for (name, n, thorough) in objects {
        let Object { metadata, body, .. } = world.store.get(&h(name, n), 1 << 20).await.unwrap();
        let other = world.store.get(&h("long", 1), 1 << 20).await.unwrap();
        let other = if name == "long" {
            world.store.get(&h("one", 2), 1 << 20).await.unwrap()
        } else {
            other
        };
        let swapped = (other.metadata, other.body);
        let original = (metadata, body);
        for (what, mutant) in mutants::all(&original, &swapped, thorough) {
            assert_ne!(mutant, original, "{name}: {what} changes nothing");
            store.planted.lock().unwrap().insert(s(name), mutant.clone());
            store.planted.lock().unwrap().insert(h(name, n), mutant);
            match reader.read(&path(name), None).await {
                Ok(opened) => assert!(opened.n < n, "{name}: {what} was read"),
                Err(e) => assert_eq!(e.kind, Kind::Integrity, "{name}: {what}: {e}"),
            }
            reader.take_warnings();
            count += 1;
        }
        store.planted.lock().unwrap().clear();
        assert!(world.device("fresh").await.read(&path(name), None).await.is_ok(), "{name}");
    }
    println!("tamper: {count} mutants, 0 accepted");
    assert!(count >= 50_000, "{count}");
}
