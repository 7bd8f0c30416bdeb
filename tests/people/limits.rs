//! What cannot be noticed, as `docs/THREATS.md` says: each limit is pinned here, with the case
//! beside it in which it is noticed.

use std::sync::Arc;

use vault::vault::{Kind, Prefix, Role};

use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, h, path, put, s};

const BOB: u8 = 2;

fn note(seq: u64) -> String {
    format!(".vault/team/{seq:016}")
}

#[tokio::test]
async fn a_new_device_with_an_old_pin_can_be_kept_in_the_past() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let before = Liar::new(&world.store);
    before.lies().hidden.push(note(2));
    let bob = world.open(before.clone(), "bob", BOB).await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    put(&bob, "a", "evil").await.unwrap();
    // Everything after note 1 is hidden: the removal, and that what bob wrote is void.
    let frozen = world.device_on(&before, "new").await;
    assert_eq!(get(&frozen, "a").await.as_deref(), Ok("evil"));
    // With the newest pin, or having seen the note, it is refused.
    let pinned = world.open_pin(&ann.join().pin, before.clone(), "pinned", 1).await;
    assert_eq!(pinned.err().map(|e| e.kind), Some(Kind::NotFound));
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    // And the frozen one notices as soon as it is shown anything that was made after.
    put(&ann, "b", "2").await.unwrap();
    assert_eq!(get(&frozen, "b").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn a_path_that_a_device_never_saw_can_be_hidden_or_old() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let old = image(&world.store, &s("a")).await;
    put(&ann, "a", "2").await.unwrap();
    let liar = Liar::new(&world.store);
    liar.lies().shown.insert(s("a"), old);
    let new = world.device_on(&liar, "new").await;
    assert_eq!(get(&new, "a").await.as_deref(), Ok("1"), "never seen: nothing to compare");
    liar.lies().hidden.extend([s("a"), h("a", 1), h("a", 2)]);
    liar.lies().unlisted.extend([s("a"), h("a", 1), h("a", 2)]);
    liar.lies().shown.clear();
    let other = world.device_on(&liar, "other").await;
    assert_eq!(get(&other, "a").await, Err(Kind::NotFound));
    assert_eq!(get(&world.device_on(&liar, "ann").await, "a").await, Err(Kind::Integrity));
    assert_eq!(get(&world.device_on(&liar, "new").await, "a").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn a_remover_who_never_saw_a_path_cannot_save_it_from_being_hidden() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    put(&bob, "a", "bobs").await.unwrap();
    let hide = |liar: &Liar| {
        liar.lies().unlisted.extend([s("a"), h("a", 1)]);
        liar.lies().hidden.extend([s("a"), h("a", 1)]);
    };
    let liar = Liar::new(&world.store);
    hide(&liar);
    // Head and history of a path that this device never read: the cut is without it.
    let remover = world.device_on(&liar, "ann").await;
    remover.remove_members(&["bob"]).await.unwrap();
    assert_eq!(get(&world.device("ann").await, "a").await, Err(Kind::Integrity), "void, not read");
    // Shown later, it is reported as a write of somebody who was removed, and can be adopted.
    let ann = world.device("ann").await;
    let found = ann.look_again(None).await.unwrap();
    assert_eq!(found.late.len(), 1);
    assert!(ann.resolve_late(&found.late[0], vault::vault::Late::Adopt).await.unwrap());
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("bobs"));
}

#[tokio::test]
async fn whoever_has_a_value_carries_it_where_its_mark_does_not_follow() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Read, None).await;
    let prefixes = Some([Prefix::parse("pay").unwrap()].into());
    let change = vault::vault::GroupChange { prefixes, ..Default::default() };
    ann.add_group("pay", &change).await.unwrap();
    put(&ann, "a", "1").await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    ann.copy(&path("a"), &path("b")).await.unwrap();
    let names = async || {
        let list = ann.exposure(&Prefix::default()).await.unwrap();
        list.into_iter().map(|e| e.path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["a", "b"], "a copy in the same group is marked as well");
    ann.copy(&path("a"), &path("pay/a")).await.unwrap();
    assert_eq!(names().await, ["a", "b"], "in another group it is not");
    let told = ann.take_warnings();
    assert!(told.iter().any(|w| w.contains("has to be changed")), "but it is said: {told:?}");
}

#[tokio::test]
async fn a_version_in_place_of_another_is_taken_by_whoever_saw_neither() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let copy = super::hidden::copy_of(&world.store).await;
    put(&ann, "a", "2").await.unwrap();
    let bob = world.open(Arc::new(copy.clone()), "bob", BOB).await.unwrap();
    put(&bob, "a", "bobs").await.unwrap();
    for key in [h("a", 2), s("a")] {
        super::hidden::plant(&copy, &world.store, &key).await;
    }
    let fresh = world.device("fresh").await;
    assert_eq!(get(&fresh, "a").await.as_deref(), Ok("bobs"));
    assert_eq!(get(&ann, "a").await, Err(Kind::Integrity), "who saw the first refuses it");
    // Also a cut, if nobody who makes it saw the first; whose bob's is, everybody sees.
    fresh.remove_members(&["bob"]).await.unwrap();
    assert_eq!(get(&world.device("other").await, "a").await.as_deref(), Ok("bobs"));
    let entry = fresh.entry(path("a")).await.unwrap().unwrap();
    assert_eq!(entry.author.as_deref(), Some("bob"));
}

#[tokio::test]
async fn whoever_writes_says_how_old_a_value_is() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Read, None).await;
    put(&ann, "a", "1").await.unwrap();
    put(&ann, "b", "1").await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    put(&ann, "a", "1").await.unwrap();
    let names = ann.exposure(&Prefix::default()).await.unwrap();
    let names: Vec<_> = names.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(names, ["b"], "the same value, put again, is new; one that was not, is not");
}

#[tokio::test]
async fn who_writes_everything_writes_in_every_group_that_he_is_given_to_read() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    let prefixes = Some([Prefix::parse("pay").unwrap()].into());
    let readers = vec!["bob".to_owned()];
    let change = vault::vault::GroupChange { prefixes, readers, ..Default::default() };
    ann.add_group("pay", &change).await.unwrap();
    let prefixes = Some([Prefix::parse("ops").unwrap()].into());
    let change = vault::vault::GroupChange { prefixes, ..Default::default() };
    ann.add_group("ops", &change).await.unwrap();
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    assert_eq!(put(&bob, "ops/a", "1").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(put(&bob, "pay/a", "1").await.map_err(|e| e.kind), Ok(1), "a reader, by its name");
}
