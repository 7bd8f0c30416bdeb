//! New generations, re-seals, and what is known of them afterwards.

use std::sync::Arc;

use vault::store::Store;
use vault::vault::{GroupChange, Kind, Prefix, Reseal, Role, Vault};

use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, get_at, h, path, put, s};

const BOB: u8 = 2;

async fn team(values: &[&str]) -> (World, Vault, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    for name in values {
        put(&ann, name, "old").await.unwrap();
    }
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    (world, ann, bob)
}

async fn reseal(vault: &Vault, purge_history: bool) -> (usize, usize) {
    let done =
        vault.reseal(&Reseal { purge_history, ..Reseal::default() }, &mut |_, _| {}).await.unwrap();
    assert!(done.failed.is_empty(), "{:?}", done.failed);
    (done.done, done.current)
}

async fn exposed(vault: &Vault) -> Vec<String> {
    let list = vault.exposure(&Prefix::default()).await.unwrap();
    list.into_iter().map(|e| e.path.to_string()).collect()
}

async fn group_of(vault: &Vault, name: &str) -> String {
    let entry = vault.entry(path(name)).await.unwrap().unwrap();
    entry.header.unwrap().group.to_string()
}

#[tokio::test]
async fn a_rotation_takes_hold_with_the_next_write_or_at_once() {
    let (_world, ann, bob) = team(&["a", "b", "c"]).await;
    let rotated = ann.rotate(Some("main")).await.unwrap().unwrap();
    assert_eq!(rotated.groups, ["main"]);
    assert_eq!(group_of(&ann, "a").await, "main.1");
    put(&bob, "a", "new").await.unwrap();
    assert_eq!(group_of(&ann, "a").await, "main.2");
    let mut steps = Vec::new();
    let done = ann.reseal(&Reseal::default(), &mut |at, of| steps.push((at, of))).await.unwrap();
    assert_eq!((done.done, done.current, done.skipped), (2, 1, 0));
    assert_eq!((steps.first(), steps.last()), (Some(&(0, 3)), Some(&(3, 3))));
    assert_eq!(group_of(&ann, "b").await, "main.2");
    assert_eq!(reseal(&ann, false).await, (0, 3), "run again, there is nothing to do");
    for (name, value) in [("a", "new"), ("b", "old"), ("c", "old")] {
        assert_eq!(get(&bob, name).await.as_deref(), Ok(value));
    }
    assert_eq!(get_at(&ann, "b", 1).await.as_deref(), Ok("old"));
    assert!(exposed(&ann).await.is_empty(), "nobody lost a right");
    assert_eq!(ann.rotate(Some("none")).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn what_a_removed_member_knew_has_to_be_changed() {
    let (_world, ann, bob) = team(&["a", "b", "c"]).await;
    put(&bob, "c", "bobs").await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap().now().unwrap();
    assert_eq!(exposed(&ann).await, ["a", "b", "c"]);
    let why = ann.exposure(&Prefix::default()).await.unwrap()[0].why.clone();
    assert_eq!(why, ["bob was removed"]);
    // Sealing anew does not change a value, and neither do copies and moves of it.
    reseal(&ann, false).await;
    assert_eq!(exposed(&ann).await, ["a", "b", "c"]);
    ann.rename(&path("b"), &path("d")).await.unwrap();
    assert_eq!(exposed(&ann).await, ["a", "c", "d"]);
    ann.rollback(&path("a"), 1).await.unwrap();
    assert_eq!(exposed(&ann).await, ["a", "c", "d"]);
    put(&ann, "a", "new").await.unwrap();
    assert_eq!(exposed(&ann).await, ["c", "d"]);
    ann.delete(&path("c"), None).await.unwrap();
    assert_eq!(exposed(&ann).await, ["d"]);
    ann.undelete(&path("c")).await.unwrap();
    assert_eq!(exposed(&ann).await, ["c", "d"], "it is the old value again");
    assert_eq!(ann.exposure(&Prefix::parse("x").unwrap()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_removed_member_reads_and_writes_nothing_new() {
    let (world, ann, bob) = team(&["a"]).await;
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("old"));
    ann.remove_members(&["bob"]).await.unwrap().now().unwrap();
    put(&ann, "a", "new").await.unwrap();
    assert_eq!(get(&bob, "a").await, Err(Kind::Denied));
    assert_eq!(put(&bob, "a", "evil").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(put(&bob, "z", "evil").await.unwrap_err().kind, Kind::Denied);
    // Also where the storage keeps the note from him: he seals, and nobody takes it.
    let liar = crate::hostile::liar::Liar::new(&world.store);
    liar.lies().hidden.push(".vault/team/0000000000000002".into());
    let frozen = world.open(liar, "frozen", BOB).await.unwrap();
    assert_eq!(get(&frozen, "a").await, Err(Kind::Integrity));
    put(&frozen, "z", "evil").await.unwrap();
    assert_eq!(get(&ann, "z").await, Err(Kind::Integrity));
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("new"));
}

#[tokio::test]
async fn history_is_gone_for_good_if_asked() {
    let (_world, ann, bob) = team(&["a", "gone"]).await;
    put(&ann, "a", "newer").await.unwrap();
    ann.delete(&path("gone"), None).await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    reseal(&ann, true).await;
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("newer"));
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!(history.iter().map(|v| v.n).collect::<Vec<_>>(), [3]);
    assert!(ann.list_deleted(&Prefix::default()).await.unwrap().is_empty());
    assert_eq!(ann.undelete(&path("gone")).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(reseal(&ann, true).await.0, 0, "run again, it changes nothing");
    assert_eq!(ann.history(&path("a")).await.unwrap().len(), 1);
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(get(&bob, "a").await, Err(Kind::Denied));
}

#[tokio::test]
async fn a_reader_of_a_group_cannot_reseal_it() {
    let (world, ann, _) = team(&["a"]).await;
    add(&ann, "eve", 3, Role::Read, None).await;
    let eve = world.open(Arc::new(world.store.clone()), "eve", 3).await.unwrap();
    ann.rotate(None).await.unwrap();
    let done = eve.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    assert_eq!((done.done, done.skipped), (0, 1));
    assert_eq!(group_of(&ann, "a").await, "main.1");
}

#[tokio::test]
async fn a_head_that_nobody_signed_is_no_reason_to_remove_or_to_skip() {
    let (world, ann, _) = team(&["a"]).await;
    put(&ann, "a", "new").await.unwrap();
    ann.rotate(None).await.unwrap();
    let (mut metadata, body) = image(&world.store, &s("a")).await;
    let header = metadata.iter_mut().find(|(name, _)| name == "vault-h").unwrap();
    header.1 = header.1.replace(";n=2;", ";n=900;").replace(";from=1;", ";from=900;");
    header.1 = header.1.replace(";g=main.1;", ";g=main.2;");
    let forged = (metadata, body);
    for purge in [false, true] {
        let none = vault::store::Condition::None;
        world.store.put(&s("a"), &forged.0, &forged.1, &none).await.unwrap();
        reseal(&ann, purge).await;
        assert_eq!(get(&world.device("fresh").await, "a").await.as_deref(), Ok("new"));
        assert_eq!(group_of(&ann, "a").await, if purge { "main.3" } else { "main.2" });
        let kept = ann.history(&path("a")).await.unwrap().len();
        assert_eq!(kept, if purge { 1 } else { 3 }, "{purge}");
        if !purge {
            ann.rotate(None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_secret_without_a_head_is_sealed_anew_too() {
    let (world, ann, _) = team(&["a"]).await;
    world.store.delete(&s("a"), None).await.unwrap();
    ann.remove_members(&["bob"]).await.unwrap();
    assert_eq!(reseal(&ann, false).await, (1, 0));
    assert_eq!(group_of(&ann, "a").await, "main.2");
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("old"));
}

#[tokio::test]
async fn nobody_can_make_himself_unremovable() {
    // A version that names a note which is not there: of bob, who may write, until he may not.
    let (world, ann, bob) = team(&["a"]).await;
    let copy = Liar::new(&world.store);
    let theirs = vault::store::MemoryStore::new();
    for key in vault::store::list_all(&world.store, "").await.unwrap() {
        let (metadata, body) = image(&world.store, &key).await;
        theirs.put(&key, &metadata, &body, &vault::store::Condition::None).await.unwrap();
    }
    let other = world.open(Arc::new(theirs.clone()), "ann elsewhere", 1).await.unwrap();
    other.rotate(None).await.unwrap();
    let evil = world.open(Arc::new(theirs.clone()), "bob elsewhere", BOB).await.unwrap();
    put(&evil, "new", "evil").await.unwrap();
    let (metadata, body) = image(&theirs, &h("new", 1)).await;
    world.store.put(&h("new", 1), &metadata, &body, &vault::store::Condition::None).await.unwrap();
    let error = ann.rotate(None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Integrity);
    assert!(error.message.contains("new") && error.message.contains("bob"), "{}", error.message);
    ann.remove_members(&["bob"]).await.unwrap().now().unwrap();
    assert_eq!(put(&ann, "new", "anns").await.unwrap(), 1);
    assert_eq!(get(&ann, "new").await.as_deref(), Ok("anns"));
    drop((copy, bob));
}

#[tokio::test]
async fn exposure_follows_the_value_wherever_its_folder_goes() {
    let (_world, ann, _) = team(&["prod/k", "dev/k"]).await;
    ann.remove_members(&["bob"]).await.unwrap();
    let prefixes = Some([Prefix::parse("prod").unwrap()].into());
    let change = GroupChange { prefixes, ..GroupChange::default() };
    ann.add_group("pay", &change).await.unwrap();
    reseal(&ann, false).await;
    assert_eq!(exposed(&ann).await, ["dev/k", "prod/k"]);
    let none = GroupChange { prefixes: Some([].into()), ..GroupChange::default() };
    ann.set_group("pay", &none).await.unwrap();
    reseal(&ann, false).await;
    assert_eq!(exposed(&ann).await, ["dev/k", "prod/k"]);
    put(&ann, "prod/k", "new").await.unwrap();
    assert_eq!(exposed(&ann).await, ["dev/k"]);
}

/// Told to stop, it finishes what it began; the next run does the rest.
#[tokio::test]
async fn a_stopped_reseal_goes_on() {
    use std::sync::atomic::Ordering;
    let world = World::new().await;
    let ann = world.device("ann").await;
    for i in 0..40 {
        put(&ann, &format!("a/{i}"), "1").await.unwrap();
    }
    ann.rotate(None).await.unwrap();
    let what = Reseal::default();
    let stop = what.stop.clone();
    let mut progress = |done: usize, _: usize| {
        if done == 1 {
            stop.store(true, Ordering::SeqCst);
        }
    };
    let first = ann.reseal(&what, &mut progress).await.unwrap();
    assert!(first.left > 0 && first.done > 0 && first.failed.is_empty(), "{first:?}");
    assert_eq!(first.done + first.left, 40);
    let rest = ann.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    assert_eq!((rest.done, rest.current, rest.left), (first.left, first.done, 0));
}
