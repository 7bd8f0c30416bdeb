//! A member who signs headers of his own making, as no program of ours would, and puts them into
//! the storage: removing him is the end of it.

use std::sync::Arc;

use vault::core::header::{self, Header, SignedHeader};
use vault::core::text::DECIMAL_MAX;
use vault::store::{Condition, MemoryStore, Store};
use vault::vault::{Changed, Kind, Late, Prefix, Role, Unshown, Vault};

use super::hidden::{copy_of, plant};
use crate::hostile::liar::image;
use crate::support::{World, add, get, h, identity, path, put, s};

const BOB: u8 = 2;
const EVE: u8 = 3;

async fn team() -> (World, Vault, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    let bob = on(&world, &world.store, "bob", BOB).await;
    (world, ann, bob)
}

async fn on(world: &World, store: &MemoryStore, device: &str, seed: u8) -> Vault {
    world.open(Arc::new(store.clone()), device, seed).await.unwrap()
}

/// Eve's next version of a path, with whatever she says of it, under that number in the history and
/// as the head.
async fn forge(world: &World, name: &str, change: impl FnOnce(&mut Header)) {
    let copy = copy_of(&world.store).await;
    let eve = on(world, &copy, "eve elsewhere", EVE).await;
    let n = put(&eve, name, "evil").await.unwrap();
    let (mut metadata, body) = image(&copy, &h(name, n)).await;
    let vault = world.pin.vault;
    let mut header = SignedHeader::parse(&vault, &path(name), &metadata).unwrap().header;
    change(&mut header);
    metadata.retain(|(name, _)| name != "vault-h" && name != "vault-s");
    header::attach(&mut metadata, &vault, &path(name), &header, identity(EVE).signing_seed());
    for key in [h(name, header.n), s(name)] {
        world.store.put(&key, &metadata, &body, &Condition::None).await.unwrap();
    }
}

async fn is_clean(vault: &Vault) {
    let report = vault.verify(&Prefix::default(), true).await.unwrap();
    assert!(!report.has_errors(), "{:?}", report.findings);
}

/// Whether whoever removes her has read what she made, or not.
#[tokio::test]
async fn numbers_that_are_used_up_are_free_again() {
    for remover in ["ann", "never saw it"] {
        let (world, ann, bob) = team().await;
        for name in ["a", "b", "c"] {
            put(&ann, name, "1").await.unwrap();
            put(&bob, name, "2").await.unwrap();
        }
        let jump = |n| move |header: &mut Header| (header.n, header.from) = (n, n);
        forge(&world, "a", jump(DECIMAL_MAX)).await;
        forge(&world, "b", jump(DECIMAL_MAX - 1)).await;
        forge(&world, "c", jump(900)).await;
        // And on a path that nobody else has written.
        forge(&world, "d", |header| {
            (header.n, header.from, header.prev) = (DECIMAL_MAX, DECIMAL_MAX, [7; 32]);
        })
        .await;
        for name in ["a", "b", "c", "d"] {
            let read = ann.read(&path(name), None).await.map(crate::support::text);
            assert_eq!(read.unwrap(), "evil", "she may write, so far");
        }
        let used_up = put(&bob, "a", "3").await.unwrap_err();
        assert!(used_up.message.contains("used up"), "{}", used_up.message);
        assert_eq!(used_up.kind, Kind::Integrity);
        // That she says that nothing older is kept does not make it go.
        let report = bob.verify(&Prefix::default(), true).await.unwrap();
        let odd = report.findings.iter().filter(|f| f.message.contains("follows nothing")).count();
        assert_eq!(odd, 3, "{:?}", report.findings);
        assert!(image(&world.store, &h("a", 2)).await.1.len() > 1);
        let by = world.device(remover).await;
        let removed = by.remove_members(&["eve"]).await.unwrap().now().unwrap();
        assert!(removed.unshown.is_empty() && removed.meanwhile.unfinished.is_none());
        let told = by.take_warnings();
        assert!(
            told.iter().any(|w| w.contains("it is passed over, and version 2 counts")),
            "{told:?}"
        );
        for vault in [&ann, &bob, &world.device("fresh").await] {
            for name in ["a", "b"] {
                assert_eq!(get(vault, name).await.as_deref(), Ok("2"), "{remover} {name}");
            }
            // She might purge: there is room enough above.
            assert_eq!(get(vault, "c").await.as_deref(), Ok("evil"), "{remover}");
            assert_eq!(get(vault, "d").await, Err(Kind::NotFound), "{remover}");
        }
        for (name, n) in [("a", 4), ("b", 4), ("c", 901), ("d", 2)] {
            assert_eq!(put(&bob, name, "3").await.unwrap(), n, "{name}");
        }
    }
}

/// Cut off after the note, the same command goes on: who saw what she left goes on, too.
#[tokio::test]
async fn what_is_passed_over_late_is_overruled_by_the_next_run() {
    let (world, ann, bob) = team().await;
    put(&bob, "a", "1").await.unwrap();
    forge(&world, "a", |header| (header.n, header.from) = (DECIMAL_MAX, DECIMAL_MAX)).await;
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("evil"));
    // Hidden while the note is made.
    let liar = crate::hostile::liar::Liar::new(&world.store);
    for key in [h("a", DECIMAL_MAX), s("a")] {
        liar.lies().unlisted.push(key.clone());
        liar.lies().hidden.push(key);
    }
    let beset = world.device_on(&liar, "ann").await;
    let removed = beset.remove_members(&["eve"]).await.unwrap().now().unwrap();
    assert!(removed.meanwhile.overruled.is_empty());
    assert_eq!(get(&bob, "a").await, Err(Kind::Integrity), "he has seen more");
    let Changed::Before(found) = ann.remove_members(&["eve"]).await.unwrap() else {
        panic!("it was done before")
    };
    assert_eq!((found.overruled, found.late.len()), (vec![path("a")], 0));
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    assert_eq!(put(&bob, "a", "2").await.unwrap(), 3);
    assert!(ann.look_again(None).await.unwrap().overruled.is_empty(), "once");
}

/// That something below is missing is no reason to go back: the storage can bring that about.
#[tokio::test]
async fn a_gap_does_not_make_a_rollback() {
    let (world, ann, bob) = team().await;
    put(&bob, "x", "1").await.unwrap();
    put(&bob, "x", "2").await.unwrap();
    put(&bob, "y", "1").await.unwrap();
    let old = image(&world.store, &h("y", 1)).await;
    let eve = on(&world, &world.store, "eve", EVE).await;
    put(&eve, "x", "eves").await.unwrap();
    eve.purge(&path("y")).await.unwrap();
    world.store.delete(&h("x", 2), None).await.unwrap();
    world.store.put(&h("y", 1), &old.0, &old.1, &Condition::None).await.unwrap();
    ann.remove_members(&["eve"]).await.unwrap().now().unwrap();
    for device in ["ann", "fresh"] {
        let vault = world.device(device).await;
        assert_eq!(get(&vault, "x").await.as_deref(), Ok("eves"), "{device}");
        assert_eq!(get(&vault, "y").await, Err(Kind::NotFound), "{device}: it was purged");
    }
}

/// What one device saw of eve does not stand above what bob wrote.
#[tokio::test]
async fn what_she_took_back_is_not_held_against_who_stays() {
    let (world, ann, bob) = team().await;
    put(&bob, "x", "1").await.unwrap();
    let before = copy_of(&world.store).await;
    let eve = on(&world, &world.store, "eve", EVE).await;
    put(&eve, "x", "evil").await.unwrap();
    assert_eq!(get(&ann, "x").await.as_deref(), Ok("evil"));
    world.store.delete(&h("x", 2), None).await.unwrap();
    plant(&before, &world.store, &s("x")).await;
    assert_eq!(put(&bob, "x", "honest").await.unwrap(), 2);
    assert_eq!(get(&ann, "x").await, Err(Kind::Integrity));
    let removed = ann.remove_members(&["eve"]).await.unwrap().now().unwrap();
    assert!(removed.unshown.is_empty(), "{:?}", removed.unshown);
    for vault in [&ann, &bob, &world.device("fresh").await] {
        assert_eq!(get(vault, "x").await.as_deref(), Ok("honest"));
    }
    is_clean(&ann).await;
}

/// What nobody shows any more can be given up, one path at a time.
#[tokio::test]
async fn one_path_is_given_up_by_a_purge() {
    let (world, ann, bob) = team().await;
    put(&bob, "x", "1").await.unwrap();
    put(&bob, "y", "1").await.unwrap();
    let before = copy_of(&world.store).await;
    let eve = on(&world, &world.store, "eve", EVE).await;
    for _ in 0..4 {
        put(&eve, "x", "evil").await.unwrap();
    }
    assert_eq!(get(&ann, "x").await.as_deref(), Ok("evil"));
    for n in 2..6 {
        world.store.delete(&h("x", n), None).await.unwrap();
    }
    plant(&before, &world.store, &s("x")).await;
    let removed = ann.remove_members(&["eve"]).await.unwrap().now().unwrap();
    assert_eq!(removed.unshown, [Unshown { path: path("x"), n: 5 }]);
    let carol = world.device("another").await;
    for vault in [&ann, &bob, &carol] {
        assert_eq!(get(vault, "x").await, Err(Kind::Integrity));
        assert_eq!(put(vault, "x", "2").await.unwrap_err().kind, Kind::Integrity);
    }
    let reader = on(&world, &world.store, "eve", EVE).await;
    assert!(reader.purge(&path("x")).await.is_err(), "not by whoever may not write");
    let purged = bob.purge(&path("x")).await.unwrap();
    assert_eq!(purged.n, 6);
    for vault in [&ann, &bob, &carol, &world.device("fresh").await] {
        assert_eq!(get(vault, "x").await, Err(Kind::NotFound));
        assert_eq!(get(vault, "y").await.as_deref(), Ok("1"));
    }
    assert_eq!(put(&carol, "x", "2").await.unwrap(), 7);
    assert_eq!(get(&ann, "x").await.as_deref(), Ok("2"));
    is_clean(&ann).await;
    // A lie that is not about this path is not given up.
    world.store.delete(".vault/team/0000000000000003", None).await.unwrap();
    assert_eq!(ann.purge(&path("none")).await.unwrap_err().kind, Kind::Integrity);
}

/// Whoever saw a late write that was dropped goes on, also after more rotations.
#[tokio::test]
async fn what_was_dropped_locks_nobody_out() {
    let (world, ann, bob) = team().await;
    put(&bob, "x", "1").await.unwrap();
    let copy = copy_of(&world.store).await;
    let eve = on(&world, &copy, "eve", EVE).await;
    put(&eve, "x", "late").await.unwrap();
    let seen = on(&world, &copy, "bob", BOB).await;
    assert_eq!(get(&seen, "x").await.as_deref(), Ok("late"));
    ann.remove_members(&["eve"]).await.unwrap();
    for key in [h("x", 2), s("x")] {
        plant(&copy, &world.store, &key).await;
    }
    let Changed::Before(found) = ann.remove_members(&["eve"]).await.unwrap() else {
        panic!("it was done before")
    };
    assert!(ann.resolve_late(&found.late[0], Late::Drop).await.unwrap());
    ann.rotate(None).await.unwrap();
    ann.rotate(None).await.unwrap();
    let bob = on(&world, &world.store, "bob", BOB).await;
    assert_eq!(get(&bob, "x").await.as_deref(), Ok("1"));
    assert_eq!(put(&bob, "x", "2").await.unwrap(), 3);
    // The cut moves a mark up, never below itself.
    let old = image(&world.store, &h("x", 2)).await;
    world.store.put(&s("x"), &old.0, &old.1, &Condition::None).await.unwrap();
    assert_eq!(get(&bob, "x").await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_purge_of_an_earlier_generation_is_no_obstacle() {
    let (_world, ann, bob) = team().await;
    put(&bob, "a", "1").await.unwrap();
    put(&bob, "b", "1").await.unwrap();
    ann.purge(&path("a")).await.unwrap();
    ann.remove_members(&["eve"]).await.unwrap();
    let what = vault::vault::Reseal { purge_history: true, ..Default::default() };
    let done = ann.reseal(&what, &mut |_, _| {}).await.unwrap();
    assert!(done.failed.is_empty(), "{:?}", done.failed);
    let done = ann.reseal(&what, &mut |_, _| {}).await.unwrap();
    assert_eq!((done.done, done.failed.len()), (0, 0));
    assert_eq!(get(&bob, "b").await.as_deref(), Ok("1"));
}
