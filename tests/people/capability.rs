//! The keys of one folder.

use std::sync::Arc;

use vault::vault::{
    AwsOptions, Capability, GroupChange, Kind, Location, Places, Prefix, Reseal, Role, Storage,
    Vault,
};

use crate::support::{World, add, get, put};

async fn open(world: &World, capability: &Capability) -> Vault {
    let text = capability.encode();
    let location = Location::Dir("/memory".into());
    let store = Arc::new(world.store.clone());
    let storage = Storage::of(store, location, AwsOptions::default());
    let none = std::path::PathBuf::from("/nonexistent");
    let places = Places { state: none.clone(), cache: none };
    let capability = Capability::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    Vault::open_with(storage, capability, &places).await.unwrap()
}

fn folder(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

async fn make(vault: &Vault, text: &str) -> Result<Capability, Kind> {
    vault.capability(&folder(text)).await.map_err(|e| e.kind)
}

#[tokio::test]
async fn it_opens_its_folder_until_the_next_generation() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    for name in ["prod/a", "prod/b/c", "dev/x", "prod"] {
        put(&ann, name, name).await.unwrap();
    }
    let capability = make(&ann, "prod").await.unwrap_or_else(|k| panic!("{k:?}"));
    let ci = open(&world, &capability).await;
    assert_eq!(get(&ci, "prod/a").await.as_deref(), Ok("prod/a"));
    assert_eq!(get(&ci, "prod/b/c").await.as_deref(), Ok("prod/b/c"));
    for outside in ["dev/x", "prod"] {
        assert_eq!(get(&ci, outside).await, Err(Kind::Denied), "{outside}");
    }
    assert_eq!(put(&ci, "prod/a", "x").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(make(&ci, "prod").await.err(), Some(Kind::Denied));
    ann.rotate(None).await.unwrap();
    assert_eq!(get(&ci, "prod/a").await.as_deref(), Ok("prod/a"), "still of the old generation");
    put(&ann, "prod/a", "new").await.unwrap();
    assert_eq!(get(&ci, "prod/a").await, Err(Kind::Denied));
    let newer = make(&ann, "prod/").await.unwrap_or_else(|k| panic!("{k:?}"));
    assert_eq!(newer.keys.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2]);
    let ci = open(&world, &newer).await;
    assert_eq!(get(&ci, "prod/a").await.as_deref(), Ok("new"));
    assert_eq!(get(&ci, "prod/b/c").await.as_deref(), Ok("prod/b/c"));
}

#[tokio::test]
async fn it_opens_no_other_group_and_no_more_than_its_maker_can() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "prod/pay/x", "1").await.unwrap();
    add(&ann, "bob", 2, Role::Read, None).await;
    let prefixes = Some([folder("prod/pay")].into());
    ann.add_group("pay", &GroupChange { prefixes, ..GroupChange::default() }).await.unwrap();
    ann.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    let ci = open(&world, &make(&ann, "prod").await.unwrap_or_else(|k| panic!("{k:?}"))).await;
    assert_eq!(get(&ci, "prod/pay/x").await, Err(Kind::Denied));
    let bob = world.open(Arc::new(world.store.clone()), "bob", 2).await.unwrap();
    assert_eq!(make(&bob, "prod/pay").await.err(), Some(Kind::Denied));
    assert!(make(&bob, "prod").await.is_ok());
    assert_eq!(make(&ann, "").await.err(), Some(Kind::Usage));
    let pay = open(&world, &make(&ann, "prod/pay").await.unwrap_or_else(|k| panic!("{k:?}"))).await;
    assert_eq!(get(&pay, "prod/pay/x").await.as_deref(), Ok("1"));
}
