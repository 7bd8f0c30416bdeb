//! Every request that changes something fails once, before or after its effect: afterwards the
//! old or the new value is there, a repair leaves nothing to find, and running it again ends
//! where it was meant to.

use vault::vault::{Prefix, Vault};

use crate::support::commands::Command::{
    self, CopyTo, Delete, MoveTo, Purge, Put, PutNew, Rollback, Undelete,
};
use crate::support::commands::value;
use crate::support::faulty::Faulty;
use crate::support::{World, get_at};

async fn clean(vault: &Vault, what: &str) {
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
}

/// True if the command did not get as far as request `at`.
async fn one(command: Command, at: usize, after: bool, repair: bool) -> bool {
    let what = format!("{command:?}, request {at}, after: {after}, repair: {repair}");
    let world = World::new().await;
    command.prepare(&world.device("one").await).await;
    let store = Faulty::new(&world.store, at, after);
    let outcome = command.run(&world.device_on(&store, "one").await).await;
    let reached = store.reached();
    let [old, new] = command.values();
    for device in ["one", "fresh"] {
        let vault = world.device(device).await;
        for (i, name) in ["a", "b"].into_iter().enumerate() {
            let found = value(&vault, name).await;
            let found = found.as_deref();
            assert!(found == old[i] || found == new[i], "{what}: {device} reads {found:?}");
            assert!(outcome.is_err() || found == new[i], "{what}: acknowledged, but {found:?}");
        }
        assert_eq!(value(&vault, "other").await.as_deref(), Some("other"), "{what}");
    }
    let vault = world.device("one").await;
    if repair {
        vault.verify(&Prefix::default(), true).await.unwrap();
        clean(&vault, &what).await;
    }
    // Again; what is done already says so.
    command.run_again(&vault, &what).await;
    for device in ["one", "fresh", "newest"] {
        let vault = world.device(device).await;
        for (i, name) in ["a", "b"].into_iter().enumerate() {
            assert_eq!(value(&vault, name).await.as_deref(), new[i], "{what}: {device}: {name}");
        }
    }
    // Names are those of heads: nothing is left half written or half removed.
    let names = vault.list(&Prefix::default()).await.unwrap();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let wanted = [("a", new[0]), ("b", new[1]), ("other", Some(""))];
    let wanted: Vec<&str> = wanted.iter().filter(|(_, v)| v.is_some()).map(|(n, _)| *n).collect();
    assert_eq!(names, wanted, "{what}");
    vault.verify(&Prefix::default(), true).await.unwrap();
    clean(&vault, &what).await;
    if matches!(command, Put | Delete | MoveTo | CopyTo | Rollback) {
        assert_eq!(get_at(&vault, "a", 2).await.as_deref(), Ok("2"), "{what}: history");
    }
    !reached
}

async fn all(command: Command) {
    let mut faults = 0;
    for after in [false, true] {
        for repair in [false, true] {
            for at in 1.. {
                if one(command, at, after, repair).await {
                    break;
                }
                faults += 1;
            }
        }
    }
    println!("faults: {command:?} survived {faults}");
    assert!(faults >= 8, "{faults}");
}

#[tokio::test]
async fn put_new() {
    all(PutNew).await;
}

#[tokio::test]
async fn put_over() {
    all(Put).await;
}

#[tokio::test]
async fn delete() {
    all(Delete).await;
}

#[tokio::test]
async fn undelete() {
    all(Undelete).await;
}

#[tokio::test]
async fn rollback() {
    all(Rollback).await;
}

#[tokio::test]
async fn rename() {
    all(MoveTo).await;
}

#[tokio::test]
async fn copy() {
    all(CopyTo).await;
}

#[tokio::test]
async fn purge() {
    all(Purge).await;
}
