//! A storage that lies to readers.

use vault::vault::{Kind, Prefix};

use super::liar::{Liar, Lies};
use crate::support::{World, get, get_at, h, path, put, s};

/// `a` has the values 1, 2 and 3, `b` has x; the device `old` has seen all of it.
async fn world() -> (World, std::sync::Arc<Liar>) {
    let world = World::new().await;
    let vault = world.device("old").await;
    for value in ["1", "2", "3"] {
        put(&vault, "a", value).await.unwrap();
    }
    put(&vault, "b", "x").await.unwrap();
    assert_eq!(get(&vault, "a").await.unwrap(), "3");
    let liar = Liar::new(&world.store);
    (world, liar)
}

#[tokio::test]
async fn two_objects_are_swapped() {
    let (world, liar) = world().await;
    for name in ["old", "new"] {
        let vault = world.device_on(&liar, name).await;
        liar.show(&s("a"), &s("b")).await;
        liar.show(&s("b"), &s("a")).await;
        // The histories still tell the truth.
        assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
        assert_eq!(get(&vault, "b").await.as_deref(), Ok("x"));
        liar.show(&h("a", 1), &h("b", 1)).await;
        assert_eq!(get(&vault, "b").await, Err(Kind::Integrity));
        liar.honest();
    }
}

#[tokio::test]
async fn an_old_head_is_shown() {
    let (world, liar) = world().await;
    liar.show(&h("a", 2), &s("a")).await;
    let old = world.device_on(&liar, "old").await;
    assert_eq!(get(&old, "a").await.as_deref(), Ok("3"));
    assert!(old.take_warnings().iter().any(|w| w.contains("behind")));
    // A limit that the docs name: a brand-new device can be shown an old state.
    let new = world.device_on(&liar, "new").await;
    assert_eq!(get(&new, "a").await.as_deref(), Ok("2"));
    liar.honest();
    assert_eq!(get(&new, "a").await.as_deref(), Ok("3"));
}

#[tokio::test]
async fn everything_is_rolled_back() {
    let (world, liar) = world().await;
    liar.show(&h("a", 2), &s("a")).await;
    liar.lies().unlisted.push(h("a", 3));
    let old = world.device_on(&liar, "old").await;
    assert_eq!(get(&old, "a").await, Err(Kind::Integrity));
    assert_eq!(get_at(&old, "a", 1).await, Err(Kind::Integrity));
    assert_eq!(put(&old, "a", "4").await.unwrap_err().kind, Kind::Integrity);
    assert!(old.verify(&Prefix::default(), false).await.unwrap().has_errors());
    liar.honest();
    assert_eq!(get(&old, "a").await.as_deref(), Ok("3"));
    assert_eq!(put(&old, "a", "4").await.unwrap(), 4);
}

#[tokio::test]
async fn a_path_is_rolled_back_to_nothing() {
    let (world, liar) = world().await;
    liar.lies().hidden.push(s("a"));
    liar.lies().unlisted.extend([1, 2, 3].map(|n| h("a", n)));
    let old = world.device_on(&liar, "old").await;
    assert_eq!(get(&old, "a").await, Err(Kind::Integrity));
    assert_eq!(put(&old, "a", "4").await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(old.history(&path("a")).await.unwrap_err().kind, Kind::Integrity);
    let new = world.device_on(&liar, "new").await;
    assert_eq!(get(&new, "a").await, Err(Kind::NotFound));
}

#[tokio::test]
async fn a_hidden_head_is_read_from_the_history() {
    let (world, liar) = world().await;
    liar.lies().hidden.push(s("a"));
    for name in ["old", "new"] {
        let vault = world.device_on(&liar, name).await;
        assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
        assert!(!vault.take_warnings().is_empty());
    }
}

#[tokio::test]
async fn a_version_in_the_middle_is_hidden() {
    let (world, liar) = world().await;
    liar.lies().hidden.push(h("a", 2));
    let vault = world.device_on(&liar, "new").await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
    assert_eq!(get_at(&vault, "a", 2).await, Err(Kind::Integrity));
    assert_eq!(get_at(&vault, "a", 1).await, Err(Kind::Integrity), "nothing links it");
    assert!(vault.verify(&Prefix::default(), true).await.unwrap().has_errors());
    let history = vault.history(&path("a")).await.unwrap();
    assert!(history.iter().find(|v| v.n == 2).unwrap().refused.is_some());
    liar.lies().unlisted.push(h("a", 2));
    let history = vault.history(&path("a")).await.unwrap();
    assert!(history.iter().find(|v| v.n == 2).unwrap().refused.is_some());
}

#[tokio::test]
async fn the_loser_of_a_race_is_shown_as_an_older_version() {
    let world = World::new().await;
    let liar = Liar::new(&world.store);
    let (vault, other) = (world.device("a").await, world.device("b").await);
    put(&vault, "a", "1").await.unwrap();
    // Both sign a version 2; the storage keeps a copy of the one that it refuses.
    let before = super::liar::image(&world.store, &h("a", 1)).await;
    put(&vault, "a", "loser").await.unwrap();
    let loser = super::liar::image(&world.store, &h("a", 2)).await;
    for key in [s("a"), h("a", 2)] {
        vault::store::Store::delete(&world.store, &key, None).await.unwrap();
    }
    let none = vault::store::Condition::None;
    vault::store::Store::put(&world.store, &s("a"), &before.0, &before.1, &none).await.unwrap();
    put(&other, "a", "winner").await.unwrap();
    put(&other, "a", "3").await.unwrap();
    put(&other, "a", "4").await.unwrap();
    let new = world.device_on(&liar, "c").await;
    assert_eq!(get_at(&new, "a", 2).await.as_deref(), Ok("winner"));
    liar.lies().shown.insert(h("a", 2), loser);
    assert_eq!(get_at(&new, "a", 2).await, Err(Kind::Integrity));
    assert!(new.verify(&Prefix::default(), false).await.unwrap().has_errors());
    let history = new.history(&path("a")).await.unwrap();
    assert!(history.iter().find(|v| v.n == 2).unwrap().refused.is_some());
}

#[tokio::test]
async fn phantoms_in_listings_do_no_harm() {
    let (world, liar) = world().await;
    liar.lies().phantoms = vec![
        h("a", 9),
        h("a", 9_999_999_999_999_999),
        h("ghost", 1),
        "h/a/.vault/junk".into(),
        "h/\u{202e}/.vault/0000000000000001".into(),
        "x".into(),
        "\u{fc}".into(),
        s("ghost"),
    ];
    let vault = world.device_on(&liar, "old").await;
    liar.lies().hidden.push(s("a"));
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
    assert_eq!(get(&vault, "ghost").await, Err(Kind::NotFound));
    assert_eq!(vault.history(&path("a")).await.unwrap().last().unwrap().n, 1);
    liar.lies().hidden.clear();
    assert_eq!(put(&vault, "a", "4").await.unwrap(), 4);
    vault.verify(&Prefix::default(), true).await.unwrap();
    vault.list_long(&Prefix::default()).await.unwrap();
    vault.list_deleted(&Prefix::default()).await.unwrap();
}

#[tokio::test]
async fn listings_out_of_order_do_no_harm() {
    let (world, liar) = world().await;
    liar.lies().unordered = true;
    liar.lies().hidden.push(s("a"));
    let vault = world.device_on(&liar, "new").await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
    assert_eq!(vault.history(&path("a")).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_listing_without_end_is_refused() {
    let (world, liar) = world().await;
    liar.lies().circles = true;
    liar.lies().hidden.push(s("a"));
    let vault = world.device_on(&liar, "new").await;
    assert_eq!(get(&vault, "a").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn a_body_is_cut_or_grown() {
    let (world, liar) = world().await;
    let vault = world.device_on(&liar, "old").await;
    let (metadata, body) = super::liar::image(&world.store, &s("a")).await;
    let long = [&body[..], &vec![0; 20 << 20]].concat();
    for other in [vec![], body[..body.len() - 1].to_vec(), long] {
        liar.lies().shown.insert(s("a"), (metadata.clone(), other.clone()));
        assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
        liar.lies().shown.insert(h("a", 3), (metadata.clone(), other));
        assert_eq!(get(&vault, "a").await, Err(Kind::Integrity));
        assert_eq!(get_at(&vault, "a", 3).await, Err(Kind::Integrity));
        assert!(vault.verify(&Prefix::default(), true).await.unwrap().has_errors());
        liar.honest();
    }
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
}

#[tokio::test]
async fn mending_never_takes_a_head_back() {
    let (world, liar) = world().await;
    // The history hides the newest version; the head has it.
    liar.lies().unlisted.push(h("a", 3));
    let vault = world.device_on(&liar, "new").await;
    vault.verify(&Prefix::default(), true).await.unwrap();
    liar.lies().hidden.push(h("a", 3));
    assert!(vault.verify(&Prefix::default(), true).await.unwrap().has_errors());
    liar.lies().unlisted.extend([h("a", 1), h("a", 2)]);
    assert!(vault.verify(&Prefix::default(), true).await.unwrap().has_errors());
    liar.honest();
    assert_eq!(get(&world.device("other").await, "a").await.as_deref(), Ok("3"));
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn finishing_a_copy_never_takes_a_head_back() {
    let (world, liar) = world().await;
    let vault = world.device("old").await;
    vault.copy(&path("a"), &path("c")).await.unwrap();
    put(&vault, "a", "4").await.unwrap();
    put(&vault, "c", "4").await.unwrap();
    liar.lies().unlisted.push(h("c", 2));
    let new = world.device_on(&liar, "new").await;
    // The head was read, so that the history is known to be a lie.
    let refused = new.copy(&path("a"), &path("c")).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Integrity);
    liar.honest();
    assert_eq!(super::liar::image(&world.store, &s("c")).await.0, {
        super::liar::image(&world.store, &h("c", 2)).await.0
    });
}

#[tokio::test]
async fn deletes_are_ignored() {
    let (world, liar) = world().await;
    liar.lies().keeps = true;
    let vault = world.device_on(&liar, "old").await;
    vault.delete(&path("a"), None).await.unwrap();
    assert_eq!(get(&vault, "a").await, Err(Kind::NotFound));
    assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
    vault.purge(&path("a")).await.unwrap();
    assert_eq!(get(&vault, "a").await, Err(Kind::NotFound));
    assert_eq!(get_at(&vault, "a", 3).await, Err(Kind::NotFound));
    assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
    liar.honest();
    vault.verify(&Prefix::default(), true).await.unwrap();
    assert!(vault.verify(&Prefix::default(), false).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn a_write_is_answered_with_a_conflict() {
    let (world, liar) = world().await;
    for prefix in ["h/", "s/", ""] {
        let vault = world.device_on(&liar, "old").await;
        liar.lies().denies = Some(prefix);
        let n = put(&vault, "a", prefix).await.unwrap();
        liar.honest();
        assert_eq!(get(&vault, "a").await.as_deref(), Ok(prefix));
        let history = vault.history(&path("a")).await.unwrap();
        assert_eq!(history[0].n, n);
        assert!(history.iter().all(|v| v.refused.is_none()));
        assert!(vault.verify(&Prefix::default(), false).await.unwrap().findings.is_empty());
    }
}

#[tokio::test]
async fn wrong_etags_end_in_an_error() {
    let (world, liar) = world().await;
    let vault = world.device_on(&liar, "old").await;
    liar.lies().wrong_etags = true;
    assert_eq!(put(&vault, "a", "4").await.unwrap_err().kind, Kind::Partial);
    assert_eq!(vault.delete(&path("b"), None).await.unwrap_err().kind, Kind::Partial);
    liar.honest();
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("4"));
    assert_eq!(get(&vault, "b").await, Err(Kind::NotFound));
}

#[tokio::test]
async fn a_store_without_conditions_cannot_make_a_wrong_value() {
    let (world, liar) = world().await;
    let vault = world.device_on(&liar, "old").await;
    *liar.lies() = Lies { unconditional: true, ..Lies::default() };
    put(&vault, "a", "4").await.unwrap();
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("4"));
    // Another device, shown the state before, overwrites version 4: this one notices.
    let other = world.device_on(&liar, "other").await;
    liar.show(&h("a", 3), &s("a")).await;
    assert_eq!(put(&other, "a", "other").await.unwrap(), 4);
    liar.honest();
    assert_eq!(get(&vault, "a").await, Err(Kind::Integrity));
}
