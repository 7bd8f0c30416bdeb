//! What every store must do. To test another store, give `suite!` a function that opens one.

use std::thread;

use vault::store::{
    Condition, Etag, Listing, MAX_KEY, MAX_METADATA, Metadata, Page, Store, StoreError, list_all,
};

use super::{fill, metadata, value, wait};

/// Makes a module with one test a check. A store says itself which checks it is not made for.
macro_rules! suite {
    ($name:ident, $open:path, [$($check:ident),* $(,)?]) => {
        mod $name {
            $(#[test]
            fn $check() {
                let Some(fixture) = $open(stringify!($check)) else { return };
                super::super::wait(super::$check(&fixture.store));
            })*
        }
    };
}

macro_rules! suites {
    ($($name:ident = $open:path),* $(,)? ; $checks:tt) => { $(suite!($name, $open, $checks);)* };
}

suites!(
    memory = super::super::any_memory,
    dir = super::super::any_dir,
    s3_ministack = super::super::s3::ministack,
    s3_seaweedfs = super::super::s3::seaweedfs,
    s3_moto = super::super::s3::moto;
[
    bodies_and_metadata_come_back,
    metadata_names_have_no_case,
    an_entry_may_be_called_etag,
    missing_objects_are_not_found,
    get_keeps_to_its_limit,
    create_only_refuses_an_existing_object,
    if_match_needs_the_current_etag,
    every_write_has_a_new_etag,
    delete_with_and_without_etag,
    an_object_and_a_folder_share_a_name,
    odd_names_are_plain_names,
    long_paths_are_stored,
    unfit_keys_are_refused,
    unfit_metadata_is_refused,
    keys_are_listed_in_byte_order,
    a_prefix_may_end_inside_a_segment,
    a_delimiter_rolls_up,
    start_after_excludes,
    pages_follow_each_other,
    listings_follow_changes,
    one_of_many_creators_wins,
    no_update_is_lost,
]);

async fn put(store: &dyn Store, key: &str, body: &[u8], condition: Condition) -> Etag {
    store.put(key, &Metadata::new(), body, &condition).await.unwrap()
}

async fn list(store: &dyn Store, listing: Listing<'_>) -> (Vec<String>, Vec<String>) {
    let Page { keys, prefixes, next } = store.list(&listing).await.unwrap();
    assert_eq!(next, None);
    (keys, prefixes)
}

async fn bodies_and_metadata_come_back(store: &dyn Store) {
    let large: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
    let written = metadata(&[("x-amz-v", "3"), ("vault-h", "a b: c=\"d\""), ("a.b_c-1", "{}")]);
    for body in [&b""[..], b"\n", b"\n\n", &large] {
        let etag = store.put("dir/key", &written, body, &Condition::None).await.unwrap();
        let object = store.get("dir/key", body.len() as u64).await.unwrap();
        assert!(object.body == body, "{} bytes", body.len());
        assert_eq!(object.etag, etag);
        let head = store.head("dir/key").await.unwrap();
        assert_eq!((head.size, head.etag), (body.len() as u64, etag));
        for (name, text) in &written {
            assert_eq!(value(&object.metadata, name), Some(text.as_str()));
            assert_eq!(value(&head.metadata, name), Some(text.as_str()));
        }
        assert_eq!((object.metadata.len(), head.metadata.len()), (3, 3));
    }
}

async fn metadata_names_have_no_case(store: &dyn Store) {
    let written = metadata(&[("Vault-H", "Kept As Is")]);
    store.put("k", &written, b"", &Condition::None).await.unwrap();
    let head = store.head("k").await.unwrap();
    assert_eq!(value(&head.metadata, "vault-h"), Some("Kept As Is"));
    let twice = metadata(&[("name", "1"), ("NAME", "2")]);
    let refused = store.put("k", &twice, b"", &Condition::None).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}

async fn an_entry_may_be_called_etag(store: &dyn Store) {
    let text = "0123456789abcdef0123456789abcdef";
    let etag = store.put("k", &metadata(&[("etag", text)]), b"", &Condition::None).await.unwrap();
    let head = store.head("k").await.unwrap();
    assert_eq!(value(&head.metadata, "etag"), Some(text));
    assert!(head.etag == etag && etag.0 != text);
}

async fn missing_objects_are_not_found(store: &dyn Store) {
    fill(store, &["a/b"]).await;
    for key in ["x", "a", "a/b/c", "a/", "x/y/z"] {
        let got = store.get(key, 9).await.map(|_| ());
        assert!(matches!(&got, Err(StoreError::NotFound { key: k }) if k == key), "{got:?}");
        let head = store.head(key).await.map(|_| ());
        assert!(matches!(&head, Err(StoreError::NotFound { key: k }) if k == key), "{head:?}");
    }
}

async fn get_keeps_to_its_limit(store: &dyn Store) {
    put(store, "k", b"12345", Condition::None).await;
    assert_eq!(store.get("k", 5).await.unwrap().body, b"12345");
    let refused = store.get("k", 4).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::TooLarge { size: 5, limit: 4, .. })), "{refused:?}");
}

async fn create_only_refuses_an_existing_object(store: &dyn Store) {
    let etag = put(store, "a/k", b"first", Condition::Absent).await;
    let second = store.put("a/k", &Metadata::new(), b"second", &Condition::Absent).await;
    assert!(matches!(second, Err(StoreError::Conflict { .. })), "{second:?}");
    let object = store.get("a/k", 9).await.unwrap();
    assert_eq!((object.body.as_slice(), &object.etag), (&b"first"[..], &etag));
    store.delete("a/k", None).await.unwrap();
    put(store, "a/k", b"third", Condition::Absent).await;
}

async fn if_match_needs_the_current_etag(store: &dyn Store) {
    let first = put(store, "k", b"1", Condition::None).await;
    let other = put(store, "other", b"1", Condition::None).await;
    let second = put(store, "k", b"2", Condition::Matches(first.clone())).await;
    for wrong in [first, other, Etag(String::new()), Etag("*".to_owned())] {
        let refused = store.put("k", &Metadata::new(), b"3", &Condition::Matches(wrong)).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(store.get("k", 9).await.unwrap().body, b"2");
    store.delete("k", None).await.unwrap();
    let refused = store.put("k", &Metadata::new(), b"3", &Condition::Matches(second)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert!(matches!(store.head("k").await, Err(StoreError::NotFound { .. })));
}

async fn every_write_has_a_new_etag(store: &dyn Store) {
    let mut etags = Vec::new();
    for body in [b"a", b"a", b"b", b"a"] {
        etags.push(put(store, "k", body, Condition::None).await.0);
        store.delete("k", None).await.unwrap();
        etags.push(put(store, "k", body, Condition::Absent).await.0);
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 8);
}

async fn delete_with_and_without_etag(store: &dyn Store) {
    store.delete("k", None).await.unwrap();
    store.delete("a/b/k", None).await.unwrap();
    let gone = put(store, "k", b"1", Condition::None).await;
    let etag = put(store, "k", b"2", Condition::None).await;
    let refused = store.delete("k", Some(&gone)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    store.delete("k", Some(&etag)).await.unwrap();
    assert!(matches!(store.head("k").await, Err(StoreError::NotFound { .. })));
    let refused = store.delete("k", Some(&etag)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

async fn an_object_and_a_folder_share_a_name(store: &dyn Store) {
    let keys = ["a", "a/", "a//", "a//b", "a/b", "a/b/c"];
    fill(store, &keys).await;
    for key in keys {
        assert_eq!(store.get(key, 9).await.unwrap().body, key.as_bytes());
    }
    assert_eq!(list_all(store, "").await.unwrap(), keys);
    store.delete("a/b", None).await.unwrap();
    assert_eq!(store.get("a/b/c", 9).await.unwrap().body, b"a/b/c");
    store.delete("a/b/c", None).await.unwrap();
    store.delete("a//b", None).await.unwrap();
    assert_eq!(list_all(store, "").await.unwrap(), ["a", "a/", "a//"]);
}

async fn odd_names_are_plain_names(store: &dyn Store) {
    let mut keys = vec![
        " ",
        " a b ",
        "%2F",
        "%",
        "+",
        "?x=1&y",
        "#frag",
        "'",
        "\"q\"",
        "back\\slash",
        "*",
        "~",
        "x.o",
        "x.d",
        "x.d/y.o",
        ".o",
        ".d",
        ".",
        "..",
        "../..",
        "./a",
        "/",
        "/abs",
        "-rf",
        "tmp",
        "tmp/x",
        "lock",
        "vault-store",
        "Key",
        "key",
        "KEY/a",
        "\u{e9}",
        "e\u{301}",
        "日本/キー",
        "🔑",
        "tab\there",
        "\u{7f}",
        "<&>",
        "a:b",
        ".vault/team/0000000000000001",
    ];
    fill(store, &keys).await;
    for key in &keys {
        assert_eq!(store.get(key, 99).await.unwrap().body, key.as_bytes(), "{key:?}");
    }
    keys.sort();
    assert_eq!(list_all(store, "").await.unwrap(), keys);
    for key in &keys {
        let (found, _) = list(store, Listing { prefix: key, ..Listing::default() }).await;
        assert_eq!(found[0], **key);
        store.delete(key, None).await.unwrap();
    }
    assert!(list_all(store, "").await.unwrap().is_empty());
}

async fn long_paths_are_stored(store: &dyn Store) {
    // The longest path of a secret, with its history.
    let path = format!("{}/{}/{}", "a".repeat(200), "é".repeat(100), "z".repeat(110));
    assert_eq!(path.len(), 512);
    let key = format!("h/{path}/.vault/0000000000000001");
    let deep = "dirname/".repeat(MAX_KEY / 8);
    fill(store, &[&key, &deep]).await;
    assert_eq!(list_all(store, "").await.unwrap(), [deep.as_str(), key.as_str()]);
    assert_eq!(store.head(&deep).await.unwrap().size, MAX_KEY as u64);
}

async fn unfit_keys_are_refused(store: &dyn Store) {
    let long = "k/".repeat(MAX_KEY / 2) + "k";
    for key in ["", "nul\0", "line\nbreak", &long] {
        let refused = [
            store.put(key, &Metadata::new(), b"", &Condition::None).await.map(|_| ()),
            store.get(key, 0).await.map(|_| ()),
            store.head(key).await.map(|_| ()),
            store.delete(key, None).await,
        ];
        for refused in refused {
            assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{key:?}: {refused:?}");
        }
    }
}

async fn unfit_metadata_is_refused(store: &dyn Store) {
    let fits = metadata(&[("name", &"v".repeat(MAX_METADATA - 4))]);
    store.put("k", &fits, b"", &Condition::None).await.unwrap();
    let half = "v".repeat(MAX_METADATA / 2);
    let long_name = "n".repeat(129);
    let unfit = [
        metadata(&[("name", &"v".repeat(MAX_METADATA - 3))]),
        metadata(&[("a", &half), ("b", &half)]),
        metadata(&[("", "v")]),
        metadata(&[(&long_name, "v")]),
        metadata(&[("a b", "v")]),
        metadata(&[("a:", "v")]),
        metadata(&[("é", "v")]),
        metadata(&[("n", "secret\n")]),
        metadata(&[("n", "secret\r")]),
        metadata(&[("n", " secret")]),
        metadata(&[("n", "secret ")]),
        metadata(&[("n", "secreté")]),
    ];
    for metadata in unfit {
        let refused = store.put("k", &metadata, b"", &Condition::None).await;
        let Err(StoreError::Invalid { reason }) = refused else {
            panic!("{metadata:?}: {refused:?}");
        };
        assert!(!reason.contains("secret"), "{reason}");
    }
    assert_eq!(store.head("k").await.unwrap().metadata, fits);
}

const TREE: [&str; 12] =
    ["a", "a-x", "a-x/b", "a.x", "a/b", "a/b-c", "a/b/c", "a0", "ab/c", "b/c/d", "b/e", "日/本"];

async fn keys_are_listed_in_byte_order(store: &dyn Store) {
    assert_eq!(list(store, Listing::default()).await, (vec![], vec![]));
    let mut keys = TREE;
    keys.reverse();
    fill(store, &keys).await;
    assert_eq!(list_all(store, "").await.unwrap(), TREE);
}

async fn a_prefix_may_end_inside_a_segment(store: &dyn Store) {
    fill(store, &TREE).await;
    assert_eq!(list_all(store, "a-").await.unwrap(), ["a-x", "a-x/b"]);
    assert_eq!(list_all(store, "a/b").await.unwrap(), ["a/b", "a/b-c", "a/b/c"]);
    assert_eq!(list_all(store, "a/b/").await.unwrap(), ["a/b/c"]);
    assert_eq!(list_all(store, "b/c/d").await.unwrap(), ["b/c/d"]);
    for none in ["b/c/d/", "c", "a//", "a/b/c/d", "x/y", "line\nbreak", &"l".repeat(2000)] {
        assert!(list_all(store, none).await.unwrap().is_empty(), "{none:?}");
    }
}

async fn a_delimiter_rolls_up(store: &dyn Store) {
    fill(store, &TREE).await;
    let by =
        |prefix, delimiter| Listing { prefix, delimiter: Some(delimiter), ..Listing::default() };
    let (keys, prefixes) = list(store, by("", '/')).await;
    assert_eq!(keys, ["a", "a-x", "a.x", "a0"]);
    assert_eq!(prefixes, ["a-x/", "a/", "ab/", "b/", "日/"]);
    let (keys, prefixes) = list(store, by("a/", '/')).await;
    assert_eq!((keys, prefixes), (vec!["a/b".into(), "a/b-c".into()], vec!["a/b/".into()]));
    let (keys, prefixes) = list(store, by("a", '/')).await;
    assert_eq!((keys.len(), prefixes), (4, vec!["a-x/".into(), "a/".into(), "ab/".into()]));
    let (keys, prefixes) = list(store, by("", '-')).await;
    assert_eq!(keys, ["a", "a.x", "a/b", "a/b/c", "a0", "ab/c", "b/c/d", "b/e", "日/本"]);
    assert_eq!(prefixes, ["a-", "a/b-"]);
    let (keys, prefixes) = list(store, by("日", '本')).await;
    assert_eq!((keys, prefixes), (vec![], vec!["日/本".into()]));
}

async fn start_after_excludes(store: &dyn Store) {
    fill(store, &TREE).await;
    let after = |start_after| Listing { start_after, ..Listing::default() };
    for (i, key) in TREE.iter().enumerate() {
        assert_eq!(list(store, after(key)).await.0, TREE[i + 1..]);
    }
    assert_eq!(list(store, after("a/b/")).await.0, TREE[6..]);
    assert_eq!(list(store, after("a/zzz")).await.0, TREE[7..]);
    assert_eq!(list(store, after("Z")).await.0, TREE);
    assert_eq!(list(store, after("\u{10ffff}")).await.0.len(), 0);

    let rolled = |prefix, start_after| Listing {
        prefix,
        delimiter: Some('/'),
        start_after,
        ..Listing::default()
    };
    // A common prefix, and a key inside of what it stands for: neither brings it back.
    for start in ["a/", "a/b"] {
        let (keys, prefixes) = list(store, rolled("", start)).await;
        assert_eq!((keys, prefixes.len()), (vec!["a0".to_owned()], 3));
    }
    // Before the prefix, and behind it.
    assert_eq!(list(store, rolled("b/", "a")).await.1, ["b/c/"]);
    assert_eq!(list(store, rolled("b/", "c")).await, (vec![], vec![]));
}

async fn pages_follow_each_other(store: &dyn Store) {
    fill(store, &TREE).await;
    for limit in 1..=TREE.len() + 1 {
        let mut keys = Vec::new();
        let mut start_after = String::new();
        loop {
            let listing = Listing { start_after: &start_after, limit, ..Listing::default() };
            let page = store.list(&listing).await.unwrap();
            assert!(page.keys.len() == limit || page.next.is_none());
            keys.extend(page.keys);
            match page.next {
                Some(next) => start_after = next,
                None => break,
            }
        }
        assert_eq!(keys, TREE, "limit {limit}");
    }
}

async fn listings_follow_changes(store: &dyn Store) {
    let folders = || Listing { delimiter: Some('/'), ..Listing::default() };
    fill(store, &["a/b/c/d", "a/b/x"]).await;
    assert_eq!(list(store, folders()).await.1, ["a/"]);
    store.delete("a/b/c/d", None).await.unwrap();
    assert_eq!(list_all(store, "").await.unwrap(), ["a/b/x"]);
    store.delete("a/b/x", None).await.unwrap();
    assert_eq!(list(store, folders()).await, (vec![], vec![]));
    fill(store, &["a/b"]).await;
    assert_eq!(list_all(store, "").await.unwrap(), ["a/b"]);
}

async fn one_of_many_creators_wins(store: &dyn Store) {
    let winners: Vec<u8> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16u8)
            .map(|i| {
                scope.spawn(move || {
                    let (metadata, body) = (Metadata::new(), [i]);
                    let put = store.put("new/folder/k", &metadata, &body, &Condition::Absent);
                    match wait(put) {
                        Ok(_) => Some(i),
                        Err(StoreError::Conflict { .. }) => None,
                        Err(error) => panic!("{error:?}"),
                    }
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(store.get("new/folder/k", 1).await.unwrap().body, winners);
}

async fn no_update_is_lost(store: &dyn Store) {
    put(store, "n/counter", b"0", Condition::Absent).await;
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                wait(async {
                    for _ in 0..25 {
                        increment(store).await
                    }
                })
            });
        }
    });
    assert_eq!(store.get("n/counter", 9).await.unwrap().body, b"400");
}

async fn increment(store: &dyn Store) {
    loop {
        let object = store.get("n/counter", 9).await.unwrap();
        let n: u32 = String::from_utf8(object.body).unwrap().parse().unwrap();
        let (body, condition) = ((n + 1).to_string(), Condition::Matches(object.etag));
        match store.put("n/counter", &Metadata::new(), body.as_bytes(), &condition).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
