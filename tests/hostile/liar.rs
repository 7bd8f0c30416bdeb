//! A store that misbehaves as a test tells it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, Store, StoreError,
};

/// What a stored object is replaced by.
type Image = (Metadata, Vec<u8>);

/// Objects and their keys.
type Images = Vec<(String, Image)>;

/// How it misbehaves. Whatever is not set is done right.
#[derive(Default)]
pub struct Lies {
    /// Keys that show another object.
    pub shown: BTreeMap<String, Image>,
    /// Keys that GET and HEAD do not find.
    pub hidden: Vec<String>,
    /// Keys that no listing has.
    pub unlisted: Vec<String>,
    /// Keys that listings have beside the real ones.
    pub phantoms: Vec<String>,
    /// Listings are in reverse order, and each key twice.
    pub unordered: bool,
    /// Deletes do nothing.
    pub keeps: bool,
    /// Writes below this prefix happen, and are answered with a conflict.
    pub denies: Option<&'static str>,
    /// Every etag that is told is wrong.
    pub wrong_etags: bool,
    /// Conditions of writes are not looked at.
    pub unconditional: bool,
    /// The listing never ends.
    pub circles: bool,
    /// After this many listings of the path's history, objects are put there.
    pub after_listings: Option<(usize, &'static str, Images)>,
    /// Before the next write of the first key, an object is put at the second.
    pub before: Option<(String, String, Image)>,
}

pub struct Liar {
    pub inner: MemoryStore,
    lies: Mutex<Lies>,
}

impl Liar {
    pub fn new(inner: &MemoryStore) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), lies: Mutex::default() })
    }

    pub fn lies(&self) -> MutexGuard<'_, Lies> {
        self.lies.lock().unwrap()
    }

    /// Tells the truth again.
    pub fn honest(&self) {
        *self.lies() = Lies::default();
    }

    /// Shows what is stored under `from` at `to`.
    pub async fn show(&self, from: &str, to: &str) {
        let image = image(&self.inner, from).await;
        self.lies().shown.insert(to.to_owned(), image);
    }

    /// Puts what is stored under `from` at `to`, for good.
    pub async fn plant(&self, from: &str, to: &str) {
        let (metadata, body) = image(&self.inner, from).await;
        self.inner.put(to, &metadata, &body, &Condition::None).await.unwrap();
    }

    fn etag(&self, etag: Etag) -> Etag {
        if self.lies().wrong_etags { Etag(format!("{}x", etag.0)) } else { etag }
    }

    fn look(&self, key: &str) -> Result<Option<Image>> {
        let lies = self.lies();
        if lies.hidden.iter().any(|k| k == key) {
            return Err(StoreError::NotFound { key: key.to_owned() });
        }
        Ok(lies.shown.get(key).cloned())
    }
}

/// What is stored under a key.
pub async fn image(store: &MemoryStore, key: &str) -> Image {
    let object = store.get(key, 1 << 30).await.unwrap();
    (object.metadata, object.body)
}

#[async_trait]
impl Store for Liar {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        if let Some((metadata, body)) = self.look(key)? {
            let etag = self.inner.head(key).await.map_or(Etag("shown".into()), |head| head.etag);
            return Ok(Object { metadata, body, etag: self.etag(etag) });
        }
        let object = self.inner.get(key, limit).await?;
        Ok(Object { etag: self.etag(object.etag.clone()), ..object })
    }

    async fn head(&self, key: &str) -> Result<Head> {
        let Object { metadata, body, etag } = self.get(key, 1 << 30).await?;
        Ok(Head { metadata, size: body.len() as u64, etag })
    }

    async fn put(&self, key: &str, m: &Metadata, body: &[u8], c: &Condition) -> Result<Etag> {
        let (denied, unconditional, before) = {
            let mut lies = self.lies();
            let now = lies.before.as_ref().is_some_and(|(k, _, _)| k == key);
            let before = if now { lies.before.take() } else { None };
            (lies.denies.is_some_and(|p| key.starts_with(p)), lies.unconditional, before)
        };
        if let Some((_, key, (metadata, body))) = before {
            self.inner.put(&key, &metadata, &body, &Condition::None).await?;
        }
        let condition = if unconditional { &Condition::None } else { c };
        let etag = self.inner.put(key, m, body, condition).await?;
        if denied { Err(StoreError::Conflict { key: key.to_owned() }) } else { Ok(self.etag(etag)) }
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        if self.lies().keeps {
            return Ok(());
        }
        self.inner.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        let mut page = self.inner.list(listing).await?;
        let now = {
            let mut lies = self.lies();
            match &mut lies.after_listings {
                Some((count, prefix, _)) if *prefix == listing.prefix => {
                    *count -= 1;
                    *count == 0
                }
                _ => false,
            }
        };
        let images = if now { self.lies().after_listings.take() } else { None };
        for (key, (metadata, body)) in images.map(|(_, _, images)| images).unwrap_or_default() {
            self.inner.put(&key, &metadata, &body, &Condition::None).await?;
        }
        let lies = self.lies();
        page.keys.retain(|key| !lies.unlisted.contains(key));
        let phantoms = lies.phantoms.iter().filter(|key| key.as_str() > listing.start_after);
        page.keys.extend(phantoms.cloned());
        page.keys.sort();
        if lies.unordered {
            page.keys = page.keys.iter().rev().flat_map(|key| [key.clone(), key.clone()]).collect();
        }
        if lies.circles {
            page.next = Some(listing.prefix.to_owned());
        }
        Ok(page)
    }
}
