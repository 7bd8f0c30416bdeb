//! What is written while a generation is opened.

use std::sync::Arc;

use vault::store::{Condition, MemoryStore, Store, list_all};
use vault::vault::{Changed, Grant, Kind, Late, LateWrite, Meanwhile, Prefix, Role, Vault};

use super::hidden::{copy_of, plant};
use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, h, path, put, s};

const BOB: u8 = 2;
const EVE: u8 = 3;

/// Two writers, and a value of ann's.
pub async fn team() -> (World, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    (world, ann)
}

async fn frozen(world: &World, seed: u8, from: u64) -> Vault {
    let liar = Liar::new(&world.store);
    liar.lies().hidden.extend((from..9).map(|seq| format!(".vault/team/{seq:016}")));
    world.open(liar, &format!("frozen {seed}"), seed).await.unwrap()
}

/// Ann removes bob; in the moment before her note is stored, somebody claims a version.
pub async fn remove_while(world: &World, seed: u8, name: &str, n: u64, value: &str) -> Meanwhile {
    let copy = MemoryStore::new();
    for key in list_all(&world.store, "").await.unwrap() {
        let (metadata, body) = image(&world.store, &key).await;
        copy.put(&key, &metadata, &body, &Condition::None).await.unwrap();
    }
    let author = world.open(Arc::new(copy.clone()), "elsewhere", seed).await.unwrap();
    assert_eq!(put(&author, name, value).await.unwrap(), n);
    let liar = Liar::new(&world.store);
    let note = ".vault/team/0000000000000003".to_owned();
    liar.lies().before = Some((note, h(name, n), image(&copy, &h(name, n)).await));
    let ann = world.device_on(&liar, "ann").await;
    let removed = ann.remove_members(&["bob"]).await.unwrap().now().unwrap();
    assert!(removed.meanwhile.unfinished.is_none());
    removed.meanwhile
}

fn told(late: &[LateWrite]) -> Vec<(&str, u64, &str)> {
    late.iter().map(|late| (late.path.as_str(), late.n, late.author.as_str())).collect()
}

#[tokio::test]
async fn a_members_write_is_sealed_anew() {
    let (world, ann) = team().await;
    let found = remove_while(&world, EVE, "a", 2, "eves").await;
    assert!(found.late.is_empty());
    assert_eq!(found.resealed, [path("a")]);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves"));
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!(history.iter().filter(|v| v.refused.is_none()).count(), 3);
}

#[tokio::test]
async fn a_removed_ones_write_is_reported_and_dropped() {
    let (world, ann) = team().await;
    let found = remove_while(&world, BOB, "a", 2, "bobs").await;
    assert_eq!(told(&found.late), [("a", 2, "bob")]);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"), "it does not count");
    assert!(ann.resolve_late(&found.late[0], Late::Drop).await.unwrap());
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!((history[0].n, history[0].author.as_deref()), (2, Some("ann")));
    assert!(history.iter().all(|v| v.refused.is_none()));
    assert_eq!(list_all(&world.store, ".vault/void/").await.unwrap().len(), 1, "evidence");
    assert!(!ann.resolve_late(&found.late[0], Late::Adopt).await.unwrap(), "decided");
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn it_can_be_adopted_also_by_a_later_run() {
    let (world, ann) = team().await;
    remove_while(&world, BOB, "a", 2, "bobs").await;
    let again = ann.remove_members(&["bob"]).await.unwrap();
    let Changed::Before(found) = again else { panic!("it was done before") };
    assert_eq!(told(&found.late), [("a", 2, "bob")]);
    assert!(ann.resolve_late(&found.late[0], Late::Adopt).await.unwrap());
    for device in ["ann", "fresh"] {
        assert_eq!(get(&world.device(device).await, "a").await.as_deref(), Ok("bobs"));
    }
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!((history[0].n, history[0].author.as_deref()), (2, Some("ann")));
    assert!(ann.look_again(None).await.unwrap().late.is_empty());
}

#[tokio::test]
async fn a_new_secret_of_a_removed_one_is_adopted() {
    let (world, ann) = team().await;
    let found = remove_while(&world, BOB, "new", 1, "bobs").await;
    assert_eq!(get(&ann, "new").await, Err(Kind::Integrity));
    assert!(ann.resolve_late(&found.late[0], Late::Adopt).await.unwrap());
    assert_eq!(get(&ann, "new").await.as_deref(), Ok("bobs"));
    assert!(!ann.resolve_late(&found.late[0], Late::Drop).await.unwrap(), "decided");
}

#[tokio::test]
async fn a_new_secret_of_a_removed_one_is_dropped_on_every_device() {
    let (world, ann) = team().await;
    let eve = world.open(Arc::new(world.store.clone()), "eve", EVE).await.unwrap();
    let elsewhere = copy_of(&world.store).await;
    let bob = world.open(Arc::new(elsewhere.clone()), "bob", BOB).await.unwrap();
    put(&bob, "new", "bobs").await.unwrap();
    // Eve saw it before bob was removed; the storage hid it from ann then.
    let copy = elsewhere.clone();
    let seen = world.open(Arc::new(copy), "eve", EVE).await.unwrap();
    assert_eq!(get(&seen, "new").await.as_deref(), Ok("bobs"));
    ann.remove_members(&["bob"]).await.unwrap();
    for key in [h("new", 1), s("new")] {
        plant(&elsewhere, &world.store, &key).await;
    }
    assert_eq!(get(&eve, "new").await, Err(Kind::Integrity));
    let found = ann.look_again(None).await.unwrap();
    assert_eq!(told(&found.late), [("new", 1, "bob")]);
    assert!(ann.resolve_late(&found.late[0], Late::Drop).await.unwrap());
    for vault in [&ann, &eve, &world.device("fresh").await] {
        assert_eq!(get(vault, "new").await, Err(Kind::NotFound));
    }
    assert!(ann.look_again(None).await.unwrap().late.is_empty(), "asked once");
    let exposed = ann.exposure(&Prefix::default()).await.unwrap();
    assert_eq!(exposed.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(ann.rotate(None).await.unwrap().is_some());
    assert_eq!(put(&eve, "new", "eves").await.unwrap(), 2);
}

/// A removed one has his key still, and writes on a copy from before he was removed.
#[tokio::test]
async fn what_nobody_can_have_written_then_is_not_asked_about() {
    let (world, ann) = team().await;
    put(&ann, "b", "1").await.unwrap();
    let copy = copy_of(&world.store).await;
    let bob = world.open(Arc::new(copy.clone()), "bob", BOB).await.unwrap();
    for i in 2..6 {
        put(&bob, "a", &format!("evil {i}")).await.unwrap();
        put(&bob, "b", &format!("evil {i}")).await.unwrap();
    }
    ann.remove_members(&["bob"]).await.unwrap();
    // A number out of the air: nothing leads up to it. It is no question, and it is overruled.
    plant(&copy, &world.store, &h("a", 5)).await;
    let found = ann.look_again(None).await.unwrap();
    assert_eq!((found.late.len(), found.overruled), (0, vec![path("a")]));
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    // All of it: one question, about the newest; and it is about what is there now.
    for n in 2..6 {
        plant(&copy, &world.store, &h("b", n)).await;
    }
    let found = ann.look_again(None).await.unwrap();
    assert_eq!(told(&found.late), [("b", 5, "bob")]);
    let eve = world.open(Arc::new(world.store.clone()), "eve", EVE).await.unwrap();
    assert_eq!(put(&eve, "b", "eves").await.unwrap(), 2);
    for what in [Late::Adopt, Late::Drop] {
        assert!(!ann.resolve_late(&found.late[0], what).await.unwrap(), "{what:?}");
    }
    assert_eq!(get(&ann, "b").await.as_deref(), Ok("eves"));
    let found = ann.look_again(None).await.unwrap();
    assert!(found.late.is_empty() && found.overruled.is_empty(), "it stands on nothing now");
    // Nor what he makes up on top of what was written since.
    let since = copy_of(&world.store).await;
    let liar = Liar::new(&since);
    liar.lies().hidden.extend((3..9).map(|seq| format!(".vault/team/{seq:016}")));
    let frozen = world.open(liar, "frozen bob", BOB).await.unwrap();
    assert_eq!(put(&frozen, "b", "evil").await.map_err(|e| e.kind), Err(Kind::Integrity));
    // The decision holds for this device also where the storage shows the old state again.
    for n in 2..6 {
        plant(&copy, &world.store, &h("b", n)).await;
    }
    assert_eq!(get(&ann, "b").await.as_deref(), Ok("eves"), "the head has it");
    assert!(ann.look_again(None).await.unwrap().late.is_empty());
}

#[tokio::test]
async fn a_later_rotation_does_not_hide_what_an_earlier_one_left() {
    let (world, ann) = team().await;
    remove_while(&world, BOB, "a", 2, "bobs").await;
    ann.rotate(None).await.unwrap();
    let found = ann.look_again(Some("main")).await.unwrap();
    assert_eq!(told(&found.late), [("a", 2, "bob")]);
    // The same for a role that is less.
    let copy = copy_of(&world.store).await;
    let eve = world.open(Arc::new(copy.clone()), "eve", EVE).await.unwrap();
    put(&eve, "e", "eves").await.unwrap();
    let less = Grant { role: Role::Read, path: None };
    assert!(ann.set_role("eve", &less).await.unwrap().now().is_some());
    plant(&copy, &world.store, &h("e", 1)).await;
    let Changed::Before(found) = ann.set_role("eve", &less).await.unwrap() else {
        panic!("it was done before")
    };
    assert_eq!(told(&found.late), [("e", 1, "eve")]);
}

#[tokio::test]
async fn what_somebody_wrote_meanwhile_stands() {
    let (world, ann) = team().await;
    let found = remove_while(&world, BOB, "a", 2, "bobs").await;
    let eve = world.open(Arc::new(world.store.clone()), "eve", EVE).await.unwrap();
    put(&eve, "a", "eves").await.unwrap();
    for what in [Late::Drop, Late::Adopt] {
        assert!(!ann.resolve_late(&found.late[0], what).await.unwrap());
        assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves"));
    }
}

#[tokio::test]
async fn who_had_no_right_before_is_not_asked_about() {
    let (world, ann) = team().await;
    // Eve may only read since note 3; the storage keeps that from her.
    ann.set_role("eve", &Grant { role: Role::Read, path: None }).await.unwrap();
    let eve = frozen(&world, EVE, 3).await;
    put(&eve, "a", "eves").await.unwrap();
    let removed = ann.remove_members(&["bob"]).await.unwrap().now().unwrap();
    assert!(removed.meanwhile.late.is_empty(), "{:?}", removed.meanwhile.late);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn what_was_changed_after_the_question_is_not_adopted() {
    let (world, ann) = team().await;
    let found = remove_while(&world, BOB, "a", 2, "bobs").await;
    let (mut metadata, body) = image(&world.store, &h("a", 2)).await;
    let signature = metadata.iter_mut().find(|(name, _)| name == "vault-h").unwrap();
    signature.1 = signature.1.replace("op=w", "op=r");
    world.store.put(&h("a", 2), &metadata, &body, &Condition::None).await.unwrap();
    let adopted = ann.resolve_late(&found.late[0], Late::Adopt).await;
    assert_eq!(adopted.unwrap_err().kind, Kind::Integrity);
    world.store.delete(&h("a", 2), None).await.unwrap();
    let adopted = ann.resolve_late(&found.late[0], Late::Adopt).await;
    assert_eq!(adopted.unwrap_err().kind, Kind::NotFound);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_frozen_writer_goes_on_and_loses_nothing() {
    let (world, ann) = team().await;
    let eve = frozen(&world, EVE, 3).await;
    ann.remove_members(&["bob"]).await.unwrap();
    assert_eq!(put(&eve, "a", "eves").await.unwrap(), 2);
    assert_eq!(put(&eve, "a", "eves again").await.unwrap(), 3);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves again"), "a straggler of a member");
    let rotated = ann.rotate(None).await.unwrap().unwrap();
    assert!(rotated.meanwhile.late.is_empty());
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves again"));
    let eve = world.open(Arc::new(world.store.clone()), "frozen 3", EVE).await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("eves again"));
}
