//! A vault whose identity the agent holds: read, written, and used as any other; and what happens
//! when the agent goes away.

use std::sync::{Arc, Mutex};

use vault::vault::agent::Remote;
use vault::vault::{AwsOptions, Kind, Location, Places, Prefix, Role, Storage, Vault};

use super::{HOUR, Served, fallback, handover, id};
use crate::support::{ANN, World, add, get, identity, put};

const BOB: u8 = 2;

/// Ann on a device that was not used before, and what it remembers.
async fn open(world: &World, remote: Remote) -> (Vault, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let places = Places { state: dir.path().join("state"), cache: dir.path().join("cache") };
    let store = Arc::new(world.store.clone());
    let storage = Storage::of(store, Location::Dir("/memory".into()), AwsOptions::default());
    let vault = Vault::open_in(storage, &world.pin, &places, Some(remote)).await.unwrap();
    (vault, dir)
}

#[tokio::test]
async fn a_vault_is_read_and_written_through_it() {
    let (world, served) = (World::new().await, Served::new());
    let device = world.device("ann").await;
    put(&device, "a", "one").await.unwrap();
    let (vault, _dir) = open(&world, served.ann()).await;
    assert_eq!(get(&vault, "a").await.unwrap(), "one");
    assert_eq!(put(&vault, "a", "two").await.unwrap(), 2);
    put(&vault, "b/c", "three").await.unwrap();
    // What it wrote counts for others.
    assert_eq!(get(&device, "a").await.unwrap(), "two");
    assert_eq!(get(&device, "b/c").await.unwrap(), "three");
    assert_eq!(vault.member().as_deref(), Some("ann"));
}

/// Notes are signed; keyrings, which hand keys on, are not sealed by it.
#[tokio::test]
async fn what_hands_keys_on_takes_the_identity() {
    let (world, served) = (World::new().await, Served::new());
    let (vault, _dir) = open(&world, served.ann()).await;
    let rotate = vault.rotate(None).await;
    assert_eq!(rotate.err().unwrap().kind, Kind::Credentials);
    let folder = Prefix::parse("prod").unwrap();
    assert_eq!(vault.capability(&folder).await.err().unwrap().kind, Kind::Credentials);
    // With somebody who can open it here, it is asked for once.
    let told = Arc::default();
    let (vault, _dir) = open(&world, served.ann().with_fallback(fallback(ANN, &told))).await;
    add(&vault, "bob", BOB, Role::Read, None).await;
    assert!(told.lock().unwrap().contains("does not give out"), "{told:?}");
    assert!(vault.capability(&folder).await.is_ok());
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    put(&vault, "a", "one").await.unwrap();
    assert_eq!(get(&bob, "a").await.unwrap(), "one");
}

#[tokio::test]
async fn an_agent_that_is_locked_or_gone_is_done_without() {
    let world = World::new().await;
    put(&world.device("ann").await, "a", "one").await.unwrap();
    for killed in [false, true] {
        let (served, told) = (Served::new(), Arc::default());
        let (vault, _dir) = open(&world, served.ann().with_fallback(fallback(ANN, &told))).await;
        assert_eq!(get(&vault, "a").await.unwrap(), "one");
        match killed {
            false => assert!(served.client().lock(id(ANN)).unwrap()),
            true => drop(served.end()),
        }
        // In the middle of what a command does: keys that were opened before are not lost.
        assert_eq!(get(&vault, "a").await.unwrap(), "one");
        put(&vault, "a", "one").await.unwrap();
        let why = told.lock().unwrap().clone();
        // One that holds nothing more ends, so that the two cannot always be told apart.
        assert!(why.starts_with("the agent was locked"), "{why}");
        assert!(!killed || why.ends_with(", or has ended"), "{why}");
    }
}

#[tokio::test]
async fn without_anybody_to_ask_it_is_an_error() {
    let (world, served) = (World::new().await, Served::new());
    put(&world.device("ann").await, "a", "one").await.unwrap();
    let (vault, _dir) = open(&world, served.ann()).await;
    drop(served.end());
    for _ in 0..2 {
        assert_eq!(get(&vault, "a").await.unwrap_err(), Kind::Credentials);
        assert_eq!(put(&vault, "a", "x").await.unwrap_err().kind, Kind::Credentials);
    }
}

/// The agent was ended and started again between two requests: the keyring is given to it anew.
#[tokio::test]
async fn a_new_agent_is_given_the_keyring_again() {
    let (world, served) = (World::new().await, Served::new());
    put(&world.device("ann").await, "a", "one").await.unwrap();
    let (vault, _dir) = open(&world, served.ann()).await;
    assert_eq!(get(&vault, "a").await.unwrap(), "one");
    let again = Served::in_dir(served.end());
    again.client().hold(handover(ANN), HOUR).unwrap();
    assert_eq!(get(&vault, "a").await.unwrap(), "one");
    put(&vault, "a", "two").await.unwrap();
    assert!(!again.agent.lock().unwrap().is_empty());
}

/// The identity that is opened in its place must be the same one.
#[tokio::test]
async fn another_identity_does_not_take_its_place() {
    let (world, served, told) = (World::new().await, Served::new(), Arc::<Mutex<_>>::default());
    put(&world.device("ann").await, "a", "one").await.unwrap();
    let (vault, _dir) = open(&world, served.ann().with_fallback(fallback(BOB, &told))).await;
    drop(served.end());
    assert_eq!(get(&vault, "a").await.unwrap_err(), Kind::Credentials);
    assert_ne!(identity(BOB).public(), identity(ANN).public());
}
