//! A bucket that came back from a backup.

use std::sync::Arc;

use vault::store::{Condition, MemoryStore, Store, list_all};
use vault::vault::{Kind, Prefix, Role, Vault};

use crate::hostile::liar::image;
use crate::support::{World, add, get, identity, path, put};

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
    ann.remove_member("bob", None).await.unwrap();
    (world, backup)
}

#[tokio::test]
async fn nothing_is_lost_while_nothing_is_lost() {
    let (world, _) = team().await;
    let ann = world.device("ann").await;
    let seq = ann.join().pin.seq;
    assert!(ann.loss().await.unwrap().is_none());
    ann.accept_loss().await.unwrap();
    assert_eq!(ann.join().pin.seq, seq);
}

#[tokio::test]
async fn an_admin_agrees_and_the_others_follow() {
    let (world, backup) = team().await;
    copy(&backup, &world.store).await;
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity));
    assert_eq!(eve.accept_loss().await.unwrap_err().kind, Kind::Denied, "no admin said so");
    let ann = world.device("ann").await;
    assert_eq!(get(&ann, "a").await, Err(Kind::Integrity));
    let loss = ann.loss().await.unwrap();
    assert_eq!((loss.kept, loss.notes, loss.unnamed, loss.settled), (1, 2, 1, false));
    let lost: Vec<_> = loss.versions.iter().map(|l| (l.path.as_str(), l.seen, l.stored)).collect();
    assert_eq!(lost, [("a", 2, 1)]);
    assert!(loss.undone.iter().any(|line| line.contains("eve had joined")), "{:?}", loss.undone);
    assert!(loss.undone.iter().any(|line| line.contains("bob had been removed")));
    ann.accept_loss().await.unwrap();
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
    eve.accept_loss().await.unwrap();
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
    bob.remove_member("ann", None).await.unwrap();
    let ann = world.device("ann").await;
    assert_eq!(ann.loss().await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(ann.accept_loss().await.unwrap_err().kind, Kind::Integrity);
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
    ann.accept_loss().await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
    assert_eq!(get(&eve, "a").await, Err(Kind::Integrity), "her device was not asked yet");
    let loss = eve.loss().await.unwrap();
    assert!(loss.settled, "{loss:?}");
    eve.accept_loss().await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("2"));
    // Another loss is another question, and an admin says so first.
    put(&ann, "a", "4").await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("4"));
    world.store.delete(&crate::support::h("a", 3), None).await.unwrap();
    world.store.delete(&crate::support::s("a"), None).await.unwrap();
    assert!(!eve.loss().await.unwrap().settled);
    assert_eq!(eve.accept_loss().await.unwrap_err().kind, Kind::Denied);
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
    ann.accept_loss().await.unwrap();
    let fresh = world.device("fresh").await;
    for vault in [&ann, &fresh] {
        assert_eq!(get(vault, "x").await.as_deref(), Ok("1"));
        assert!(vault.take_warnings().iter().any(|w| w.contains("write the value again")));
    }
    assert_eq!(put(&ann, "x", "3").await.unwrap(), 2);
    assert_eq!(put(&ann, "y", "3").await.unwrap(), 1);
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "x").await, Err(Kind::Integrity), "his device was not asked yet");
    bob.accept_loss().await.unwrap();
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
