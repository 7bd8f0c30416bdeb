//! Members and what they may do.

use std::sync::Arc;

use vault::vault::{Grant, Kind, Prefix, Role, Vault};

use crate::support::{ANN, World, add, get, identity, put};

const BOB: u8 = 2;
const EVE: u8 = 3;

async fn as_seed(world: &World, name: &str, seed: u8) -> Vault {
    world.open(Arc::new(world.store.clone()), name, seed).await.unwrap()
}

fn grant(role: Role, folder: Option<&str>) -> Grant {
    Grant { role, path: folder.map(|folder| Prefix::parse(folder).unwrap()) }
}

#[tokio::test]
async fn a_member_reads_and_writes_from_the_note_on() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(get(&bob, "a").await, Err(Kind::Denied));
    assert_eq!(put(&bob, "a", "2").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(bob.check_membership().await.unwrap_err().kind, Kind::Denied);
    add(&ann, "bob", BOB, Role::Write, None).await;
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    assert_eq!(put(&bob, "a", "2").await.unwrap(), 2);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
    assert_eq!(bob.member().as_deref(), Some("bob"));
}

#[tokio::test]
async fn a_reader_reads_and_cannot_write() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    add(&ann, "eve", EVE, Role::Read, None).await;
    let eve = as_seed(&world, "eve", EVE).await;
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("1"));
    assert_eq!(put(&eve, "a", "2").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(put(&eve, "b", "2").await.unwrap_err().kind, Kind::Denied);
    let stranger = grant(Role::Read, None);
    let added = eve.add_member("zed", identity(9).public(), Some(&stranger)).await;
    assert_eq!(added.unwrap_err().kind, Kind::Denied);
    assert_eq!(eve.rotate(None).await.unwrap_err().kind, Kind::Denied);
    assert_eq!(eve.remove_members(&["ann"]).await.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn a_writer_of_a_folder_writes_there_only() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, Some("dev")).await;
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(put(&bob, "dev/a", "1").await.unwrap(), 1);
    for name in ["prod/a", "dev", "development/a"] {
        assert_eq!(put(&bob, name, "1").await.unwrap_err().kind, Kind::Denied, "{name}");
    }
    // More, then less again.
    ann.set_role("bob", &grant(Role::Write, Some("prod"))).await.unwrap();
    assert_eq!(put(&bob, "prod/a", "1").await.unwrap(), 1);
    let changed =
        ann.set_role("bob", &grant(Role::Read, Some("prod"))).await.unwrap().now().unwrap();
    assert_eq!(changed.groups, ["main"], "a right to write was taken");
    assert_eq!(put(&bob, "prod/a", "2").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(put(&bob, "dev/a", "2").await.unwrap(), 2);
    assert_eq!(get(&bob, "prod/a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_role_is_set_once_and_then_there_is_nothing_to_do() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    assert!(ann.set_role("bob", &grant(Role::Write, None)).await.unwrap().now().is_none());
    let before = ann.join().pin.seq;
    add(&ann, "bob", BOB, Role::Write, None).await;
    assert_eq!(ann.join().pin.seq, before, "no note without a change");
    assert!(ann.set_role("bob", &grant(Role::Admin, None)).await.unwrap().now().is_some());
    let bob = as_seed(&world, "bob", BOB).await;
    add(&bob, "eve", EVE, Role::Read, None).await;
    let less = bob.set_role("bob", &grant(Role::Read, None)).await.unwrap().now().unwrap();
    assert_eq!(less.groups, ["main"]);
    assert_eq!(bob.rotate(None).await.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    let seq = ann.join().pin.seq;
    let new = identity(9);
    let try_add = async |name: &str, seed: u8, grant: Option<Grant>| {
        let kind = ann.add_member(name, identity(seed).public(), grant.as_ref()).await;
        kind.unwrap_err().kind
    };
    let read = || Some(grant(Role::Read, None));
    assert_eq!(try_add("zed", 9, None).await, Kind::Usage, "somebody new without a role");
    assert_eq!(try_add("z\u{202e}d", 9, read()).await, Kind::Usage);
    assert_eq!(try_add("", 9, read()).await, Kind::Usage);
    assert_eq!(try_add("zed", BOB, read()).await, Kind::Conflict, "bob's device");
    assert_eq!(try_add("zed", ANN, read()).await, Kind::Conflict);
    assert_eq!(try_add("zed", 200, read()).await, Kind::Conflict, "the recovery key");
    assert_eq!(try_add("zed", 9, Some(grant(Role::Read, Some("dev")))).await, Kind::Usage);
    assert_eq!(try_add("zed", 9, Some(grant(Role::Admin, Some("dev")))).await, Kind::Usage);
    assert_eq!(try_add("zed", 9, Some(grant(Role::None, None))).await, Kind::Usage);
    let set = async |name: &str, grant: Grant| ann.set_role(name, &grant).await.unwrap_err().kind;
    assert_eq!(set("nobody", grant(Role::Read, None)).await, Kind::NotFound);
    assert_eq!(set("ann", grant(Role::Read, None)).await, Kind::Usage, "the last admin");
    assert_eq!(set("bob", grant(Role::Read, Some("dev"))).await, Kind::Usage, "writes above it");
    assert_eq!(ann.remove_members(&["ann"]).await.unwrap_err().kind, Kind::Usage);
    assert_eq!(ann.remove_members(&["nobody"]).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(ann.remove_device("bob", "0000").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(ann.join().pin.seq, seq, "nothing was written");
    drop(new);
}

#[tokio::test]
async fn a_lost_device_goes_and_the_other_one_stays() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    add(&ann, "bob", BOB, Role::Write, None).await;
    ann.add_member("bob", identity(12).public(), None).await.unwrap();
    let (lost, kept) = (as_seed(&world, "lost", BOB).await, as_seed(&world, "kept", 12).await);
    assert_eq!(put(&lost, "a", "2").await.unwrap(), 2);
    assert_eq!(get(&kept, "a").await.as_deref(), Ok("2"));
    let id = identity(BOB).public().id().to_string();
    let gone = ann.remove_device("bob", &id).await.unwrap().now().unwrap();
    assert_eq!(gone.groups, ["main"]);
    assert!(ann.remove_device("bob", &id).await.unwrap().now().is_none(), "done already");
    assert_eq!(put(&lost, "a", "3").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(put(&kept, "a", "3").await.unwrap(), 3);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("3"));
    // A key that is gone never returns, under whatever name.
    for name in ["bob", "rob"] {
        let again = grant(Role::Read, None);
        let added = ann.add_member(name, identity(BOB).public(), Some(&again)).await;
        assert_eq!(added.unwrap_err().kind, Kind::Conflict);
    }
    let bob = ann.members().await.unwrap().into_iter().find(|m| m.name == "bob").unwrap();
    assert_eq!(bob.devices.len(), 1);
    assert_eq!(bob.devices[0].words, identity(12).public().fingerprint());
}

#[tokio::test]
async fn a_name_can_come_back_with_another_device() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    ann.remove_members(&["bob"]).await.unwrap();
    assert!(ann.remove_members(&["bob"]).await.unwrap().now().is_none());
    add(&ann, "bob", 12, Role::Read, None).await;
    let bob = as_seed(&world, "bob", 12).await;
    assert_eq!(put(&bob, "a", "1").await.unwrap_err().kind, Kind::Denied);
    let old = as_seed(&world, "old", BOB).await;
    assert_eq!(old.member(), None);
}
