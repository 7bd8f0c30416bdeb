//! A bucket that came back from a backup.

use std::sync::Arc;

use vault::store::{Condition, MemoryStore, Store, list_all};
use vault::vault::{Kind, Prefix, Role, Vault};

use crate::hostile::liar::image;
use crate::support::{World, add, get, h, identity, path, put, s};

const BOB: u8 = 2;
const EVE: u8 = 3;

async fn copy(from: &MemoryStore, to: &MemoryStore) {
    for key in list_all(to, "").await.unwrap() {
        to.delete(&key, None).await.unwrap();
    }
    for key in list_all(from, "").await.unwrap() {
        let (metadata, body) = image(from, &key).await;
        to.put(&key, &metadata, &body, &Condition::None).await.unwrap();
    }
}

/// Puts a path back to how the backup has it, without its version `n`.
async fn roll_back(world: &World, backup: &MemoryStore, name: &str, n: u64) {
    world.store.delete(&h(name, n), None).await.unwrap();
    let (metadata, body) = image(backup, &s(name)).await;
    world.store.put(&s(name), &metadata, &body, &Condition::None).await.unwrap();
}

async fn as_seed(world: &World, name: &str, seed: u8) -> Vault {
    world.open(Arc::new(world.store.clone()), name, seed).await.unwrap()
}

/// Ann has seen more than what the backup holds: eve joined, bob was removed, values changed.
async fn team() -> (World, MemoryStore) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Admin, None).await;
    put(&ann, "a", "1").await.unwrap();
    put(&ann, "b", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    let eve = as_seed(&world, "eve", EVE).await;
    put(&eve, "a", "2").await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
    put(&ann, "new", "1").await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    (world, backup)
}

#[tokio::test]
async fn nothing_is_lost_while_nothing_is_lost() {
    let (world, _) = team().await;
    let ann = world.device("ann").await;
    let seq = ann.join().pin.seq;
    assert!(ann.loss().await.unwrap().is_none());
    ann.accept_loss(None).await.unwrap();
    assert_eq!(ann.join().pin.seq, seq);
}

#[tokio::test]
async fn an_admin_agrees_and_the_others_follow() {
    let (world, backup) = team().await;
    copy(&backup, &world.store).await;
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity));
    assert_eq!(eve.accept_loss(None).await.unwrap_err().kind, Kind::Denied, "no admin said so");
    let ann = world.device("ann").await;
    assert_eq!(get(&ann, "a").await, Err(Kind::Integrity));
    let loss = ann.loss().await.unwrap();
    assert_eq!((loss.kept, loss.notes, loss.unnamed, loss.settled), (1, 2, 0, false));
    let lost: Vec<_> = loss.versions.iter().map(|l| (l.path.as_str(), l.seen, l.stored)).collect();
    assert_eq!(lost, [("a", 2, 1), ("new", 1, 0)]);
    assert!(loss.undone.iter().any(|line| line.contains("eve had joined")), "{:?}", loss.undone);
    assert!(loss.undone.iter().any(|line| line.contains("bob had been removed")));
    ann.accept_loss(None).await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    assert_eq!(get(&ann, "new").await, Err(Kind::NotFound));
    let names: Vec<_> = ann.members().await.unwrap().into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["ann"], "bob is removed again");
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    put(&ann, "a", "3").await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "a").await, Err(Kind::Denied));
    assert_eq!(bob.rotate(None).await.unwrap_err().kind, Kind::Denied);
    // Eve's device has seen more than is there, and is asked once.
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity));
    let loss = eve.loss().await.unwrap();
    assert!(loss.settled && loss.notes == 1, "{loss:?}");
    eve.accept_loss(None).await.unwrap();
    assert_eq!(eve.member(), None, "she has to be added again");
    add(&ann, "eve", EVE, Role::Write, None).await;
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("3"));
    assert!(eve.loss().await.unwrap().is_none());
    assert!(world.device("ann").await.loss().await.unwrap().is_none());
}

#[tokio::test]
async fn a_removed_admin_cannot_come_back_with_a_backup() {
    let (world, backup) = team().await;
    copy(&backup, &world.store).await;
    // In the backup bob is an admin; he says that it is one, and removes ann.
    let bob = as_seed(&world, "bob", BOB).await;
    add(&bob, "evil", 40, Role::Admin, None).await;
    bob.remove_members(&["ann"]).await.unwrap();
    let ann = world.device("ann").await;
    assert_eq!(ann.loss().await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(ann.accept_loss(None).await.unwrap_err().kind, Kind::Integrity);
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn only_secrets_came_back() {
    let (world, _) = team().await;
    let ann = world.device("ann").await;
    let eve = as_seed(&world, "eve", EVE).await;
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    put(&ann, "a", "newer").await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("newer"));
    copy(&backup, &world.store).await;
    assert_eq!(get(&ann, "a").await, Err(Kind::Integrity));
    let loss = ann.loss().await.unwrap();
    assert_eq!((loss.notes, loss.versions.len(), loss.settled), (0, 1, false));
    ann.accept_loss(None).await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity), "her device was not asked yet");
    let loss = eve.loss().await.unwrap();
    assert!(loss.settled, "{loss:?}");
    eve.accept_loss(None).await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("2"));
    // Another loss is another question, and an admin says so first.
    put(&ann, "a", "4").await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("4"));
    world.store.delete(&h("a", 3), None).await.unwrap();
    world.store.delete(&s("a"), None).await.unwrap();
    assert!(!eve.loss().await.unwrap().settled);
    assert_eq!(eve.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    drop((identity(1), path("a")));
}

#[tokio::test]
async fn what_was_written_after_the_backup_came_back_is_no_obstacle() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    put(&ann, "x", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    ann.rotate(None).await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "x").await.as_deref(), Ok("1"));
    copy(&backup, &world.store).await;
    // He does not notice, and writes under keys that are gone, on a note that is gone. A new
    // secret makes him look.
    put(&bob, "x", "2").await.unwrap();
    assert_eq!(put(&bob, "y", "2").await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(get(&ann, "x").await, Err(Kind::Integrity), "its keys are gone");
    let ann = world.device("ann").await;
    ann.accept_loss(None).await.unwrap();
    let fresh = world.device("fresh").await;
    for vault in [&ann, &fresh] {
        assert_eq!(get(vault, "x").await.as_deref(), Ok("1"));
        assert!(vault.take_warnings().iter().any(|w| w.contains("write the value again")));
    }
    assert_eq!(put(&ann, "x", "3").await.unwrap(), 2);
    assert_eq!(put(&ann, "y", "3").await.unwrap(), 1);
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "x").await, Err(Kind::Integrity), "his device was not asked yet");
    bob.accept_loss(None).await.unwrap();
    assert_eq!(get(&bob, "x").await.as_deref(), Ok("3"));
    assert_eq!(get(&bob, "y").await.as_deref(), Ok("3"));
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn nothing_is_built_upon_a_note_that_is_gone() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Read, None).await;
    put(&ann, "a", "1").await.unwrap();
    let zed = as_seed(&world, "zed", 9).await;
    assert_eq!(zed.check_membership().await.unwrap_err().kind, Kind::Denied);
    world.store.delete(".vault/team/0000000000000002", None).await.unwrap();
    assert_eq!(ann.rotate(None).await.unwrap_err().kind, Kind::Integrity);
    let words = identity(crate::support::RECOVERY);
    assert_eq!(zed.recover(&words, "zed").await.unwrap_err().kind, Kind::Integrity);
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.has_errors());
    // One in the middle is found by a check, and by the log.
    let seq = |n: u64| format!(".vault/team/{n:016}");
    let (metadata, body) = image(&world.store, &seq(1)).await;
    world.store.delete(&seq(1), None).await.unwrap();
    assert_eq!(ann.team_log().await.unwrap_err().kind, Kind::Integrity);
    world.store.put(&seq(1), &metadata, &body, &Condition::None).await.unwrap();
}

#[tokio::test]
async fn who_joined_after_the_backup_was_made_follows() {
    let (world, backup) = team().await;
    let ann = world.device("ann").await;
    // Dave's device begins with a note that is not in the backup.
    add(&ann, "dave", 4, Role::Write, None).await;
    let pin = ann.join().pin;
    let dave = async || {
        let store = Arc::new(world.store.clone());
        world.open_pin(&pin, store, "dave", 4).await
    };
    assert_eq!(get(&dave().await.unwrap(), "new").await.as_deref(), Ok("1"));
    copy(&backup, &world.store).await;
    let unsettled = dave().await.unwrap();
    assert_eq!(get(&unsettled, "a").await, Err(Kind::Integrity));
    assert!(!unsettled.loss().await.unwrap().settled);
    assert_eq!(unsettled.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    // Bob, an admin in the backup whom dave does not know as one, cannot lead him away.
    let bobs = MemoryStore::new();
    copy(&world.store, &bobs).await;
    let bob = world.open(Arc::new(bobs.clone()), "bob", BOB).await.unwrap();
    put(&bob, "a", "2").await.unwrap();
    bobs.delete(&h("a", 2), None).await.unwrap();
    bobs.delete(&s("a"), None).await.unwrap();
    bob.accept_loss(None).await.unwrap();
    let led = world.open_pin(&pin, Arc::new(bobs), "dave", 4).await.unwrap();
    assert!(!led.loss().await.unwrap().settled, "bob is no admin to him");
    assert_eq!(led.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    // Ann says so.
    world.device("ann").await.accept_loss(None).await.unwrap();
    let ann = world.device("ann").await;
    add(&ann, "dave", 4, Role::Write, None).await;
    let follows = dave().await.unwrap();
    let loss = follows.loss().await.unwrap();
    assert!(loss.settled && loss.notes > 0, "{loss:?}");
    follows.accept_loss(None).await.unwrap();
    assert_eq!(get(&follows, "a").await.as_deref(), Ok("1"));
    // With the newest pin in the place of the one that is gone.
    let pin = ann.join().pin;
    let again = world.open_pin(&pin, Arc::new(world.store.clone()), "dave", 4).await.unwrap();
    assert!(again.loss().await.unwrap().is_none());
    assert_eq!(put(&again, "a", "daves").await.unwrap(), 2);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("daves"));
}

#[tokio::test]
async fn what_the_first_admin_did_not_know_of_is_taken_away_by_the_next() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Admin, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    add(&ann, "carol", 5, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    // Ann sees a newer value, and not that bob removed eve and takes from carol.
    put(&ann, "a", "2").await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    bob.remove_members(&["eve"]).await.unwrap();
    let less = vault::vault::Grant { role: Role::Read, path: None };
    bob.set_role("carol", &less).await.unwrap();
    let carol = as_seed(&world, "carol", 5).await;
    assert_eq!(get(&carol, "a").await.as_deref(), Ok("2"));
    copy(&backup, &world.store).await;
    ann.accept_loss(None).await.unwrap();
    assert_eq!(ann.members().await.unwrap().len(), 4, "eve is a member again");
    // Carol is told, and can do nothing about it.
    let loss = carol.loss().await.unwrap();
    let told = |line: &str| loss.undone.iter().any(|l| l.contains(line));
    assert!(told("eve had been removed: is there again: an admin"), "{:?}", loss.undone);
    carol.accept_loss(None).await.unwrap();
    // Bob's device takes away again what it knows of.
    let bob = as_seed(&world, "bob", BOB).await;
    let loss = bob.loss().await.unwrap();
    assert!(loss.settled);
    let told = |line: &str| loss.undone.iter().any(|l| l.contains(line));
    assert!(told("eve had been removed: is removed again"), "{:?}", loss.undone);
    bob.accept_loss(None).await.unwrap();
    let names: Vec<_> = bob.members().await.unwrap().into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["ann", "bob", "carol"]);
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(put(&eve, "a", "evil").await.map_err(|e| e.kind), Err(Kind::Denied));
    assert_eq!(put(&carol, "a", "3").await.map_err(|e| e.kind), Err(Kind::Denied));
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    let seq = ann.join().pin.seq;
    as_seed(&world, "bob", BOB).await.accept_loss(None).await.unwrap();
    assert_eq!(world.device("ann").await.join().pin.seq, seq, "once");
    // Somebody of the same name who was added since is not taken for the old one.
    add(&ann, "eve", 6, Role::Read, None).await;
    let fresh = as_seed(&world, "bob", BOB).await;
    fresh.accept_loss(None).await.unwrap();
    assert_eq!(fresh.members().await.unwrap().len(), 4);
}

#[tokio::test]
async fn where_no_admin_of_then_is_left_the_recovery_words_begin() {
    let (world, backup) = team().await;
    let ann = world.device("ann").await;
    let eve = as_seed(&world, "eve", EVE).await;
    ann.set_role("eve", &vault::vault::Grant { role: Role::Admin, path: None }).await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("2"));
    eve.remove_members(&["ann"]).await.unwrap();
    add(&eve, "dave", 4, Role::Read, None).await;
    let dave = as_seed(&world, "dave", 4).await;
    assert_eq!(get(&dave, "a").await.as_deref(), Ok("2"));
    copy(&backup, &world.store).await;
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(eve.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    let wrong = identity(77);
    let refused = eve.accept_loss(Some((&wrong, "eve"))).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Denied);
    let words = identity(crate::support::RECOVERY);
    eve.accept_loss(Some((&words, "eve"))).await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("1"));
    let names: Vec<_> = eve.members().await.unwrap().into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["eve"], "ann and bob are removed again");
    // The others follow her, whom the words made an admin; ann's device does not hold her for one
    // but knows the words.
    let dave = as_seed(&world, "dave", 4).await;
    assert!(dave.loss().await.unwrap().settled);
    dave.accept_loss(None).await.unwrap();
    assert_eq!(dave.member(), None);
    let seen = as_seed(&world, "eve", EVE).await;
    assert_eq!(seen.recovery_uses().len(), 1, "everybody sees that they were used");
}

/// A consent is about one loss, and not about what is taken away later.
#[tokio::test]
async fn a_consent_does_not_cover_a_later_loss() {
    let (world, _) = team().await;
    let ann = world.device("ann").await;
    let eve = as_seed(&world, "eve", EVE).await;
    for name in ["x", "y"] {
        put(&ann, name, "1").await.unwrap();
    }
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    put(&ann, "y", "2").await.unwrap();
    // Eve has seen no more than what comes back.
    assert_eq!(get(&eve, "y").await.as_deref(), Ok("2"));
    roll_back(&world, &backup, "y", 2).await;
    ann.accept_loss(None).await.unwrap();
    let dan = as_seed(&world, "eve", EVE).await;
    assert!(dan.loss().await.unwrap().settled, "what ann said is about this");
    // What eve sees from now on is not.
    assert_eq!(put(&ann, "x", "2").await.unwrap(), 2);
    assert_eq!(get(&eve, "x").await.as_deref(), Ok("2"));
    roll_back(&world, &backup, "x", 2).await;
    let again = as_seed(&world, "eve", EVE).await;
    assert!(!again.loss().await.unwrap().settled);
    assert_eq!(again.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
}

/// Two backups were brought back, one after the other; the storage shows the first branch again.
#[tokio::test]
async fn a_consent_is_about_one_chain() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    ann.rotate(None).await.unwrap();
    copy(&backup, &world.store).await;
    ann.accept_loss(None).await.unwrap();
    let first = MemoryStore::new();
    copy(&world.store, &first).await;
    ann.rotate(None).await.unwrap();
    copy(&backup, &world.store).await;
    world.device("ann").await.accept_loss(None).await.unwrap();
    let ann = world.device("ann").await;
    let carol = identity(7);
    let grant = vault::vault::Grant { role: Role::Read, path: None };
    ann.add_member("carol", carol.public(), Some(&grant)).await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    let pin = ann.join().pin;
    let open = async |store: &MemoryStore| {
        world.open_pin(&pin, Arc::new(store.clone()), "carol", 7).await.unwrap()
    };
    assert_eq!(get(&open(&world.store).await, "a").await.as_deref(), Ok("1"));
    // In the first branch bob is a member, and ann's consent is in it.
    let late = open(&first).await;
    assert!(!late.loss().await.unwrap().settled, "carol joined later");
    assert_eq!(late.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    let on_first = world.open(Arc::new(first.clone()), "ann", 1).await.unwrap();
    assert!(!on_first.loss().await.unwrap().settled, "nor is it a consent to herself");
}

/// The words were replaced after the backup was made, and nobody else is left of then.
#[tokio::test]
async fn words_of_then_are_good_for_who_is_an_admin_now() {
    let (world, backup) = team().await;
    let ann = world.device("ann").await;
    let eve = as_seed(&world, "eve", EVE).await;
    ann.set_role("eve", &vault::vault::Grant { role: Role::Admin, path: None }).await.unwrap();
    eve.remove_members(&["ann"]).await.unwrap();
    eve.replace_recovery(&identity(88)).await.unwrap();
    add(&eve, "dave", 4, Role::Read, None).await;
    let dave = as_seed(&world, "dave", 4).await;
    assert_eq!(get(&dave, "a").await.as_deref(), Ok("2"));
    copy(&backup, &world.store).await;
    let then = MemoryStore::new();
    copy(&backup, &then).await;
    let eve = as_seed(&world, "eve", EVE).await;
    let words = identity(crate::support::RECOVERY);
    eve.accept_loss(Some((&words, "eve"))).await.unwrap();
    let dave = as_seed(&world, "dave", 4).await;
    assert!(dave.loss().await.unwrap().settled);
    dave.accept_loss(None).await.unwrap();
    assert_eq!(dave.members().await.unwrap().len(), 1);
    // Whoever else has these words gets nobody to follow.
    let mallory = world.open(Arc::new(then.clone()), "mallory", 9).await.unwrap();
    mallory.recover(&words, "mallory").await.unwrap();
    let led = world.open(Arc::new(then), "eve 2", EVE).await.unwrap();
    drop(led);
}

/// Whoever missed the first of two consents is not left behind by the second.
#[tokio::test]
async fn the_same_backup_comes_back_twice() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    ann.rotate(None).await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(put(&bob, "a", "2").await.unwrap(), 2);
    for _ in 0..2 {
        copy(&backup, &world.store).await;
        world.device("ann").await.accept_loss(None).await.unwrap();
    }
    assert_eq!(get(&bob, "a").await, Err(Kind::Integrity));
    assert!(bob.loss().await.unwrap().settled);
    bob.accept_loss(None).await.unwrap();
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
}

/// An admin who had not seen what is gone changes the team on top of the backup.
#[tokio::test]
async fn an_admin_who_did_not_notice_is_no_obstacle() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Admin, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    let backup = MemoryStore::new();
    copy(&world.store, &backup).await;
    let bob = as_seed(&world, "bob", BOB).await;
    bob.rotate(None).await.unwrap();
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(put(&eve, "a", "2").await.unwrap(), 2);
    copy(&backup, &world.store).await;
    ann.rotate(None).await.unwrap();
    assert_eq!(eve.accept_loss(None).await.unwrap_err().kind, Kind::Denied);
    let bob = as_seed(&world, "bob", BOB).await;
    assert!(!bob.loss().await.unwrap().settled);
    bob.accept_loss(None).await.unwrap();
    assert!(eve.loss().await.unwrap().settled);
    eve.accept_loss(None).await.unwrap();
    for vault in [&ann, &bob, &eve] {
        assert_eq!(get(vault, "a").await.as_deref(), Ok("1"));
    }
    assert_eq!(put(&eve, "a", "3").await.unwrap(), 2);
}
