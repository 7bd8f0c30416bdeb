//! The store in a bucket, on real servers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::{Fixture, fill, wait};
use crate::support::servers::{self, RUNTIME, Server, make_bucket, on};
use vault::aws::Aws;
use vault::store::{
    Condition, Etag, Head, Listing, Metadata, Object, Page, Result, S3Store, Store, list_all,
};

mod errors;
mod faults;

/// Checks that a server is not made for, and why. Everything else runs on every server.
const NOT_FOR: [(&str, &[&str], &str); 8] = [
    (
        "every_write_has_a_new_etag",
        &["ministack", "seaweedfs", "moto"],
        "the etag is a digest of the body; see another_body_has_another_etag",
    ),
    (
        "odd_names_are_plain_names",
        &["seaweedfs"],
        "keys are paths in a tree of files: no `.`, `..`, `//`",
    ),
    ("an_object_and_a_folder_share_a_name", &["seaweedfs"], "the same"),
    ("missing_objects_are_not_found", &["seaweedfs"], "the same: `a/` is there once `a/b` is"),
    ("listings_follow_changes", &["seaweedfs"], "the same: an emptied directory stays a while"),
    ("long_paths_are_stored", &["seaweedfs"], "the same: names of at most 255 bytes"),
    ("no_update_is_lost", &["moto"], "it checks and writes in two steps, without a lock"),
    ("one_of_many_creators_wins", &["moto"], "the same"),
];

pub fn ministack(check: &str) -> Option<Fixture<Elsewhere>> {
    open("ministack", servers::ministack, check)
}

pub fn seaweedfs(check: &str) -> Option<Fixture<Elsewhere>> {
    open("seaweedfs", servers::seaweedfs, check)
}

pub fn moto(check: &str) -> Option<Fixture<Elsewhere>> {
    open("moto", servers::moto, check)
}

fn open(name: &str, server: fn() -> &'static Server, check: &str) -> Option<Fixture<Elsewhere>> {
    let skip = |(c, servers, _): &(&str, &[&str], &str)| *c == check && servers.contains(&name);
    if NOT_FOR.iter().any(skip) {
        return None;
    }
    // The longest keys leave no room for a prefix.
    let (bucket, prefix) = match check {
        "long_paths_are_stored" => ("long-paths", String::new()),
        _ => ("conformance", fresh_prefix()),
    };
    Some(Fixture { store: store(server(), bucket, &prefix), _keep: None })
}

/// A prefix that no other test uses.
pub(super) fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test {}/", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store of the server's administrator in a bucket that is made if need be.
pub(super) fn store(server: &Server, bucket: &str, prefix: &str) -> Elsewhere {
    store_at(server, server.endpoint(), bucket, prefix)
}

/// The same through another address.
pub(super) fn store_at(server: &Server, at: String, bucket: &str, prefix: &str) -> Elsewhere {
    make_bucket(server, bucket);
    let aws = on(Aws::load(server.options_at(at))).unwrap();
    Elsewhere(S3Store::new(&aws, bucket, prefix).unwrap())
}

/// A store whose requests run there.
pub struct Elsewhere(S3Store);

impl Elsewhere {
    async fn run<T, F>(&self, act: impl FnOnce(S3Store) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        RUNTIME.spawn(act(self.0.clone())).await.unwrap()
    }
}

#[async_trait]
impl Store for Elsewhere {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        let key = key.to_owned();
        self.run(|store| async move { store.get(&key, limit).await }).await
    }

    async fn head(&self, key: &str) -> Result<Head> {
        let key = key.to_owned();
        self.run(|store| async move { store.head(&key).await }).await
    }

    async fn put(&self, key: &str, meta: &Metadata, body: &[u8], on: &Condition) -> Result<Etag> {
        let (key, meta, body, on) = (key.to_owned(), meta.clone(), body.to_vec(), on.clone());
        self.run(|store| async move { store.put(&key, &meta, &body, &on).await }).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        let (key, etag) = (key.to_owned(), etag.cloned());
        self.run(|store| async move { store.delete(&key, etag.as_ref()).await }).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        let (prefix, start) = (listing.prefix.to_owned(), listing.start_after.to_owned());
        let (delimiter, limit) = (listing.delimiter, listing.limit);
        self.run(|store| async move {
            store.list(&Listing { prefix: &prefix, delimiter, start_after: &start, limit }).await
        })
        .await
    }
}

/// The order of a server must not decide what is found: here a page would end, in the order of
/// directories, behind names that sort later than ones still to come.
fn pages_are_whole(server: &Server) {
    let store = store(server, "conformance", &fresh_prefix());
    let mut keys = ["a/1", "a/2", "a/3", "a-b", "a b", "a.c/d", "b", "a/-/x", "a/z"];
    wait(async {
        fill(&store, &keys).await;
        keys.sort();
        assert_eq!(list_all(&store, "").await.unwrap(), keys);
        for limit in 1..=keys.len() {
            for (i, start) in keys.iter().enumerate() {
                let listing = Listing { start_after: start, limit, ..Listing::default() };
                let page = store.list(&listing).await.unwrap();
                assert_eq!(
                    page.keys,
                    keys[i + 1..].iter().copied().take(limit).collect::<Vec<_>>()
                );
                assert_eq!(page.next.is_some(), i + 1 + limit < keys.len(), "{start} {limit}");
            }
        }
    });
}

#[test]
fn nothing_is_lost_between_pages() {
    for server in [servers::ministack(), servers::seaweedfs(), servers::moto()] {
        pages_are_whole(server);
    }
}

#[test]
fn more_than_one_answer_is_read() {
    let server = servers::ministack();
    let store = store(server, "conformance", &fresh_prefix());
    let keys: Vec<String> = (0..1_005).map(|i| format!("k{i:04}")).collect();
    wait(async {
        for key in &keys {
            store.put(key, &Metadata::new(), b"", &Condition::None).await.unwrap();
        }
        assert_eq!(list_all(&store, "").await.unwrap(), keys);
        let first = store.list(&Listing { limit: 1_001, ..Listing::default() }).await.unwrap();
        assert_eq!(first.keys.len(), 1_001);
        assert_eq!(first.next.as_ref(), first.keys.last());
    });
}

#[test]
fn another_body_has_another_etag() {
    for server in [servers::ministack(), servers::seaweedfs(), servers::moto()] {
        let store = store(server, "conformance", &fresh_prefix());
        wait(async {
            let mut etags = HashSet::new();
            for body in [&b"1"[..], b"2", b"", b"12"] {
                let etag = store.put("k", &Metadata::new(), body, &Condition::None).await.unwrap();
                assert!(etags.insert(etag.0));
            }
        });
    }
}
