//! What a storage hides, or somebody plants there, when keys are changed: it neither stands in the
//! way nor becomes what counts.

use std::sync::Arc;

use vault::store::{Condition, MemoryStore, Store, list_all};
use vault::vault::{Kind, Prefix, Role, Unshown, Vault};

use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, h, path, put, s};

const BOB: u8 = 2;
const EVE: u8 = 3;

/// Ann, with bob and eve who write.
async fn team() -> (World, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    (world, ann)
}

/// A copy of everything, where a removed one can go on by himself.
pub async fn copy_of(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    for key in list_all(store, "").await.unwrap() {
        plant(store, &copy, &key).await;
    }
    copy
}

/// Puts an object of one storage into another.
pub async fn plant(from: &MemoryStore, to: &MemoryStore, key: &str) {
    let (metadata, body) = image(from, key).await;
    to.put(key, &metadata, &body, &Condition::None).await.unwrap();
}

async fn on(world: &World, store: &MemoryStore, device: &str, seed: u8) -> Vault {
    world.open(Arc::new(store.clone()), device, seed).await.unwrap()
}

fn unshown(name: &str, n: u64) -> Vec<Unshown> {
    vec![Unshown { path: path(name), n }]
}

#[tokio::test]
async fn a_version_in_place_of_the_one_that_was_seen() {
    let (world, ann) = team().await;
    put(&ann, "x", "1").await.unwrap();
    let copy = copy_of(&world.store).await;
    put(&ann, "x", "2").await.unwrap();
    let eve = on(&world, &copy, "eve", EVE).await;
    put(&eve, "x", "evil").await.unwrap();
    let seen = copy_of(&world.store).await;
    for key in [h("x", 2), s("x")] {
        plant(&copy, &world.store, &key).await;
    }
    assert_eq!(get(&ann, "x").await, Err(Kind::Integrity));
    let removed = ann.remove_members(&["eve"]).await.unwrap().now().unwrap();
    assert_eq!((removed.unshown, removed.unnamed), (unshown("x", 2), 0));
    for device in ["ann", "fresh"] {
        assert_eq!(get(&world.device(device).await, "x").await, Err(Kind::Integrity), "{device}");
    }
    // Shown again, it is what counts.
    let again = copy_of(&world.store).await;
    plant(&seen, &again, &h("x", 2)).await;
    assert_eq!(get(&on(&world, &again, "other", 1).await, "x").await.as_deref(), Ok("2"));
    // Given up, what was there before it does; never what she planted.
    let loss = ann.loss().await.unwrap();
    let lost: Vec<_> = loss.versions.iter().map(|l| (l.path.as_str(), l.seen, l.stored)).collect();
    assert_eq!((lost, loss.settled), (vec![("x", 2, 2)], false));
    ann.accept_loss(None).await.unwrap();
    for device in ["ann", "third"] {
        assert_eq!(get(&world.device(device).await, "x").await.as_deref(), Ok("1"), "{device}");
    }
    assert_eq!(put(&ann, "x", "3").await.unwrap(), 2);
    assert!(ann.loss().await.unwrap().is_none());
}

#[tokio::test]
async fn a_version_that_contradicts_the_one_below_it() {
    let (world, ann) = team().await;
    let copy = copy_of(&world.store).await;
    let eve = on(&world, &copy, "eve", EVE).await;
    for value in ["evil 1", "evil 2", "evil 3"] {
        put(&eve, "x", value).await.unwrap();
    }
    put(&ann, "x", "1").await.unwrap();
    put(&ann, "x", "2").await.unwrap();
    for key in [h("x", 3), s("x")] {
        plant(&copy, &world.store, &key).await;
    }
    assert_eq!(get(&ann, "x").await, Err(Kind::Integrity));
    // Also one who has not seen the path does not take it into the cut.
    let remover = world.device("never saw it").await;
    let removed = remover.remove_members(&["eve"]).await.unwrap().now().unwrap();
    assert!(removed.unshown.is_empty() && removed.meanwhile.late.is_empty(), "{removed:?}");
    for device in ["ann", "fresh"] {
        assert_eq!(get(&world.device(device).await, "x").await.as_deref(), Ok("2"), "{device}");
    }
    assert_eq!(put(&ann, "x", "3").await.unwrap(), 4, "on top of what the remover sealed anew");
}

#[tokio::test]
async fn two_who_protect_each_other_are_removed_together() {
    let (world, _) = team().await;
    let mut copies = Vec::new();
    for (seed, name) in [(BOB, "b"), (EVE, "e")] {
        let copy = copy_of(&world.store).await;
        on(&world, &copy, &format!("beside {name}"), 1).await.rotate(None).await.unwrap();
        put(&on(&world, &copy, "elsewhere", seed).await, name, "evil").await.unwrap();
        copies.push((copy, name));
    }
    for (copy, name) in &copies {
        plant(copy, &world.store, &h(name, 1)).await;
    }
    let ann = world.device("ann").await;
    for name in ["bob", "eve"] {
        let error = ann.remove_members(&[name]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Integrity, "{}", error.message);
    }
    assert_eq!(ann.remove_members(&["bob", "nobody"]).await.unwrap_err().kind, Kind::NotFound);
    let removed = ann.remove_members(&["bob", "eve"]).await.unwrap().now().unwrap();
    assert_eq!(removed.groups, ["main"]);
    assert_eq!(ann.members().await.unwrap().len(), 1);
    assert_eq!(put(&ann, "b", "mine").await.unwrap(), 1);
    assert!(ann.remove_members(&["eve", "bob"]).await.unwrap().now().is_none(), "done");
}

/// Whatever part of a path is hidden while keys are changed, what was seen is what counts after.
#[tokio::test]
async fn a_rotation_does_not_make_a_rollback_final() {
    let versions = [h("a", 1), h("a", 2)];
    let all = [h("a", 1), h("a", 2), s("a")];
    for (device, unlisted, hidden, shown) in [
        ("ann", &versions[..0], &versions[1..], true),
        ("ann", &versions[..], &versions[..0], true),
        ("ann", &all[..], &versions[..0], true),
        ("ann", &all[..], &all[..], false),
        ("ann", &[h("a", 2), s("a")][..], &[h("a", 2), s("a")][..], false),
        // One that has not seen it knows what the head says.
        ("fresh", &versions[..], &versions[..0], true),
    ] {
        let (world, ann) = team().await;
        put(&ann, "a", "old").await.unwrap();
        put(&ann, "a", "new").await.unwrap();
        let liar = Liar::new(&world.store);
        liar.lies().unlisted.extend(unlisted.to_vec());
        liar.lies().hidden.extend(hidden.to_vec());
        let vault = world.device_on(&liar, device).await;
        let rotated = vault.rotate(None).await.unwrap().unwrap();
        let expected = if shown { vec![] } else { unshown("a", 2) };
        assert_eq!(rotated.unshown, expected, "{device} {unlisted:?} {hidden:?}");
        // To everybody, also who never saw the path: what is older does not count any more, and
        // that nothing is there is a lie.
        liar.honest();
        liar.lies().unlisted.extend([h("a", 2), s("a")]);
        liar.lies().hidden.extend([h("a", 2), s("a")]);
        assert_eq!(get(&world.device_on(&liar, "new 1").await, "a").await, Err(Kind::Integrity));
        liar.lies().unlisted.push(h("a", 1));
        liar.lies().hidden.push(h("a", 1));
        let new = world.device_on(&liar, "new 2").await;
        assert_eq!(get(&new, "a").await, Err(Kind::Integrity));
        assert_eq!(put(&new, "a", "x").await.unwrap_err().kind, Kind::Integrity);
        assert_eq!(get(&new, "b").await, Err(Kind::NotFound));
        for device in ["ann", "new 1", "new 3"] {
            assert_eq!(get(&world.device(device).await, "a").await.as_deref(), Ok("new"));
        }
    }
}

#[tokio::test]
async fn what_an_earlier_cut_holds_is_carried_on() {
    let (world, ann) = team().await;
    put(&ann, "a", "old").await.unwrap();
    put(&ann, "a", "new").await.unwrap();
    ann.rotate(None).await.unwrap();
    // Nobody who makes the next cuts has seen the path, and the storage hides all of it, or the
    // newest version.
    let all = [h("a", 1), h("a", 2), s("a")];
    for (hidden, unshown_, unnamed) in [(&all[..], vec![], 1), (&all[1..], unshown("a", 2), 0)] {
        let liar = Liar::new(&world.store);
        liar.lies().unlisted.extend(hidden.to_vec());
        liar.lies().hidden.extend(hidden.to_vec());
        let fresh = world.device_on(&liar, &format!("fresh {unnamed}")).await;
        let rotated = fresh.rotate(None).await.unwrap().unwrap();
        assert_eq!((rotated.unshown, rotated.unnamed), (unshown_, unnamed));
        assert!(fresh.exposure(&Prefix::default()).await.is_ok());
        let told = fresh.take_warnings().iter().any(|w| w.contains("not listed any more"));
        assert_eq!(told, unnamed == 1);
    }
    let liar = Liar::new(&world.store);
    liar.lies().unlisted.extend([h("a", 2), s("a")]);
    liar.lies().hidden.extend([h("a", 2), s("a")]);
    assert_eq!(get(&world.device_on(&liar, "other").await, "a").await, Err(Kind::Integrity));
    assert_eq!(get(&world.device("third").await, "a").await.as_deref(), Ok("new"));
}

#[tokio::test]
async fn reads_of_the_same_device_beside_a_rotation_are_no_lie() {
    let (world, _ann) = team().await;
    let bob = on(&world, &world.store, "bob", BOB).await;
    for i in 0..30 {
        put(&bob, &format!("k/{i}"), "1").await.unwrap();
    }
    let reads = async {
        let reader = world.device("ann").await;
        for i in 0..30 {
            put(&bob, &format!("n/{i}"), "1").await.unwrap();
            assert_eq!(get(&reader, &format!("n/{i}")).await.as_deref(), Ok("1"));
            assert_eq!(get(&reader, &format!("k/{i}")).await.as_deref(), Ok("1"));
        }
    };
    let rotations = async {
        let ann = world.device("ann").await;
        for _ in 0..10 {
            let rotated = ann.rotate(None).await.unwrap().unwrap();
            assert!(rotated.unshown.is_empty(), "{:?}", rotated.unshown);
        }
    };
    tokio::join!(reads, rotations);
}

#[tokio::test]
async fn exposure_does_not_believe_a_head_alone() {
    let (world, ann) = team().await;
    put(&ann, "x", "1").await.unwrap();
    put(&ann, "y", "1").await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    put(&ann, "x", "2").await.unwrap();
    let head = image(&world.store, &s("x")).await;
    ann.rollback(&path("x"), 1).await.unwrap();
    let exposed = async |device: &str, liar: &Arc<Liar>| {
        let list = world.device_on(liar, device).await.exposure(&Prefix::default()).await.unwrap();
        list.into_iter().map(|e| (e.path.to_string(), e.version, e.why[0].clone())).collect()
    };
    let was = |name: &str, n| (name.to_owned(), n, "bob was removed".to_owned());
    let expected: Vec<(String, u64, String)> = vec![was("x", 3), was("y", 1)];
    let liar = Liar::new(&world.store);
    let found: Vec<_> = exposed("ann", &liar).await;
    assert_eq!(found, expected);
    // An older head, and none at all: the history says what is so.
    liar.lies().shown.insert(s("x"), head);
    liar.lies().unlisted.push(s("y"));
    liar.lies().hidden.push(s("y"));
    for device in ["ann", "fresh"] {
        let found: Vec<_> = exposed(device, &liar).await;
        assert_eq!(found, expected, "{device}");
    }
    // All of it hidden: what this device has seen is not passed over in silence.
    liar.lies().unlisted.extend([h("x", 3), h("y", 1)]);
    liar.lies().hidden.extend([h("x", 3), h("y", 1)]);
    let found: Vec<(String, u64, String)> = exposed("ann", &liar).await;
    let odd =
        |name: &str, n| (name.to_owned(), n, "the storage does not show what was there".into());
    assert_eq!(found, [odd("x", 3), odd("y", 1)]);
}
