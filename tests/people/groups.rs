//! Groups: folders with keys of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use vault::vault::{Error, GroupChange, Kind, Prefix, Reseal, Role, Rotated, Vault, Wrapping};

use crate::support::{World, add, get, get_at, path, put};

const BOB: u8 = 2;
const EVE: u8 = 3;

fn prefixes(list: &[&str]) -> Option<BTreeSet<Prefix>> {
    Some(list.iter().map(|p| Prefix::parse(p).unwrap()).collect())
}

async fn group(vault: &Vault, name: &str, list: &[&str], readers: &[&str]) -> Result<(), Error> {
    let readers = readers.iter().map(|r| (*r).to_owned()).collect();
    let change = GroupChange { prefixes: prefixes(list), wrapping: None, readers };
    vault.add_group(name, &change).await?;
    vault.reseal(&Reseal::default(), &mut |_, _| {}).await.map(drop)
}

async fn set(vault: &Vault, name: &str, list: &[&str]) -> Result<Option<Rotated>, Error> {
    let change = GroupChange { prefixes: prefixes(list), ..GroupChange::default() };
    vault.set_group(name, &change).await
}

async fn as_seed(world: &World, name: &str, seed: u8) -> Vault {
    world.open(Arc::new(world.store.clone()), name, seed).await.unwrap()
}

async fn team() -> (World, Vault, Vault, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "pay/stripe", "s1").await.unwrap();
    put(&ann, "pay/stripe", "s2").await.unwrap();
    put(&ann, "dev/x", "x").await.unwrap();
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Read, None).await;
    let (bob, eve) = (as_seed(&world, "bob", BOB).await, as_seed(&world, "eve", EVE).await);
    (world, ann, bob, eve)
}

#[tokio::test]
async fn a_group_is_closed_to_everybody_else() {
    let (_world, ann, bob, eve) = team().await;
    assert_eq!(get(&eve, "pay/stripe").await.as_deref(), Ok("s2"));
    group(&ann, "pay", &["pay"], &["bob"]).await.unwrap();
    assert_eq!(get(&bob, "pay/stripe").await.as_deref(), Ok("s2"));
    assert_eq!(get(&bob, "dev/x").await.as_deref(), Ok("x"));
    assert_eq!(get(&eve, "pay/stripe").await, Err(Kind::Denied));
    assert_eq!(get(&eve, "dev/x").await.as_deref(), Ok("x"));
    // What was there before stays below the keys that it was written under.
    assert_eq!(get_at(&eve, "pay/stripe", 1).await.as_deref(), Ok("s1"));
    // Locked, not hidden.
    let names = eve.list(&Prefix::default()).await.unwrap();
    assert!(names.contains(&path("pay/stripe")));
    assert!(!eve.folder(&path("pay/stripe"), None).unwrap().may_read);
    // A right to write everything does not reach into a group that one cannot read.
    put(&bob, "pay/new", "n").await.unwrap();
    assert_eq!(put(&eve, "pay/new", "n").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(get(&ann, "pay/new").await.as_deref(), Ok("n"));
    for vault in [&ann, &bob, &eve] {
        let report = vault.verify(&Prefix::default(), false).await.unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
    let exposed = ann.exposure(&Prefix::default()).await.unwrap();
    assert_eq!(exposed.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["pay/stripe"]);
}

#[tokio::test]
async fn a_group_whose_readers_all_stay_exposes_nothing() {
    let (_world, ann, _, eve) = team().await;
    group(&ann, "pay", &["pay"], &["bob", "eve"]).await.unwrap();
    assert!(ann.exposure(&Prefix::default()).await.unwrap().is_empty());
    assert_eq!(get(&eve, "pay/stripe").await.as_deref(), Ok("s2"));
}

#[tokio::test]
async fn folders_move_on_and_back() {
    let (_world, ann, bob, eve) = team().await;
    group(&ann, "pay", &["pay"], &["bob"]).await.unwrap();
    group(&ann, "ops", &["pay/bank", "ops"], &[]).await.unwrap();
    put(&ann, "pay/bank/pin", "1").await.unwrap();
    assert_eq!(get(&bob, "pay/bank/pin").await, Err(Kind::Denied), "the longest folder decides");
    // From group to group, then retired: all back in main.
    set(&ann, "ops", &["ops", "pay"]).await.unwrap().unwrap();
    ann.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    assert_eq!(get(&bob, "pay/stripe").await, Err(Kind::Denied));
    let groups = ann.groups().await.unwrap();
    let of = |name: &str| groups.iter().find(|g| g.name == name).unwrap();
    assert!(of("pay").prefixes.is_empty());
    assert_eq!(of("ops").prefixes.len(), 2);
    assert!(set(&ann, "ops", &["ops", "pay"]).await.unwrap().is_none(), "it is so already");
    set(&ann, "ops", &[]).await.unwrap().unwrap();
    ann.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    for name in ["pay/stripe", "pay/bank/pin"] {
        assert!(get(&eve, name).await.is_ok(), "{name}");
    }
    assert_eq!(ann.history(&path("pay/stripe")).await.unwrap().len(), 5);
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn groups_that_cannot_be_are_refused() {
    let (_world, ann, bob, _) = team().await;
    let kind = |result: Result<(), Error>| result.unwrap_err().kind;
    assert_eq!(kind(group(&ann, "Pay", &["pay"], &[]).await), Kind::Usage);
    assert_eq!(kind(group(&ann, "-", &["pay"], &[]).await), Kind::Usage);
    assert_eq!(kind(group(&ann, "pay", &[], &[]).await), Kind::Usage);
    assert_eq!(kind(group(&ann, "pay", &[""], &[]).await), Kind::Usage);
    assert_eq!(kind(group(&ann, "main", &["pay"], &[]).await), Kind::Conflict);
    assert_eq!(kind(group(&ann, "pay", &["pay"], &["nobody"]).await), Kind::NotFound);
    assert_eq!(kind(group(&bob, "pay", &["pay"], &[]).await), Kind::Denied);
    assert_eq!(set(&ann, "none", &["pay"]).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(set(&ann, "main", &["pay"]).await.unwrap_err().kind, Kind::Usage);
    assert_eq!(ann.groups().await.unwrap().len(), 1);
    let local = Some(Wrapping::Local);
    let same = GroupChange { wrapping: local, ..GroupChange::default() };
    assert!(ann.set_group("main", &same).await.unwrap().is_none());
}

#[tokio::test]
async fn a_put_that_races_with_a_move_is_not_lost() {
    let (world, ann, bob, _) = team().await;
    // Bob knows the team from before: what he writes now is of the old group.
    let before = world.store.clone();
    let liar = crate::hostile::liar::Liar::new(&before);
    liar.lies().hidden.push(".vault/team/0000000000000003".into());
    let late = world.open(liar, "late", BOB).await.unwrap();
    let change = GroupChange {
        prefixes: prefixes(&["pay"]),
        readers: vec!["bob".into()],
        ..GroupChange::default()
    };
    ann.add_group("pay", &change).await.unwrap();
    assert_eq!(put(&late, "pay/stripe", "s3").await.unwrap(), 3);
    assert_eq!(put(&late, "pay/fresh", "f").await.unwrap(), 1);
    assert_eq!(get(&ann, "pay/stripe").await.as_deref(), Ok("s3"));
    ann.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    for (name, value) in [("pay/stripe", "s3"), ("pay/fresh", "f")] {
        assert_eq!(get(&bob, name).await.as_deref(), Ok(value));
        assert_eq!(get(&ann, name).await.as_deref(), Ok(value));
    }
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}
