//! Stores: one suite for all of them, and what is special about each.

mod conformance;
mod dir;
mod listing;
mod model;
mod probe;
mod s3;

use vault::store::{DirStore, MemoryStore, Metadata, Store};

/// A store under test, and what must live as long as it does.
struct Fixture<S> {
    store: S,
    _keep: Option<tempfile::TempDir>,
}

/// A fresh store in memory.
fn memory() -> Fixture<MemoryStore> {
    Fixture { store: MemoryStore::new(), _keep: None }
}

/// A fresh store in a directory.
fn dir() -> Fixture<DirStore> {
    let keep = tempfile::tempdir().unwrap();
    let store = DirStore::create(&keep.path().join("store")).unwrap();
    Fixture { store, _keep: Some(keep) }
}

/// For the suite: all checks are for it.
fn any_memory(_check: &str) -> Option<Fixture<MemoryStore>> {
    Some(memory())
}

/// For the suite: all checks are for it.
fn any_dir(_check: &str) -> Option<Fixture<DirStore>> {
    Some(dir())
}

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn metadata(entries: &[(&str, &str)]) -> Metadata {
    entries.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The value of a metadata entry, found as readers must: without regard to case.
fn value<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a str> {
    metadata.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Writes objects whose bodies are their keys.
async fn fill(store: &dyn Store, keys: &[&str]) {
    for key in keys {
        let condition = vault::store::Condition::None;
        store.put(key, &Metadata::new(), key.as_bytes(), &condition).await.unwrap();
    }
}
