//! Writers who meet, and writers who were cut off.

use vault::core::header::{self, Op, SignedHeader};
use vault::store::{Condition, Store};
use vault::vault::{Kind, Prefix, Vault};

use super::liar::{Liar, image};
use crate::support::{ANN, World, get, get_at, h, identity, path, put, s};

async fn clean(vault: &Vault) {
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// `a` has the versions 1 and 2, but its head is still the first.
async fn behind() -> World {
    let world = World::new().await;
    let vault = world.device("writer").await;
    put(&vault, "a", "1").await.unwrap();
    put(&vault, "a", "2").await.unwrap();
    Liar::new(&world.store).plant(&h("a", 1), &s("a")).await;
    world
}

#[tokio::test]
async fn a_head_behind_is_finished_by_the_next_writer() {
    let world = behind().await;
    let vault = world.device("other").await;
    assert_eq!(put(&vault, "a", "3").await.unwrap(), 3);
    assert_eq!(get_at(&vault, "a", 2).await.as_deref(), Ok("2"));
    clean(&vault).await;
}

#[tokio::test]
async fn a_head_behind_is_finished_by_a_writer_who_gives_up() {
    let world = behind().await;
    let vault = world.device("other").await;
    let value = vault::vault::Secret::copy_of(b"3");
    let lost = vault.put_raw(&path("a"), Some(1), &value).await;
    assert_eq!(lost.unwrap_err().kind, Kind::Conflict);
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("2"));
    clean(&vault).await;
}

#[tokio::test]
async fn a_head_behind_is_finished_by_a_repair() {
    let world = behind().await;
    let vault = world.device("other").await;
    assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
    vault.verify(&Prefix::default(), true).await.unwrap();
    clean(&vault).await;
    assert_eq!(get(&world.device("fresh").await, "a").await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_repair_that_meets_a_writer_does_not_take_the_head_back() {
    let world = behind().await;
    let vault = world.device("other").await;
    put(&vault, "a", "3").await.unwrap();
    let third = image(&world.store, &h("a", 3)).await;
    let liar = Liar::new(&world.store);
    // Version 3 is claimed after the repair has listed what there is.
    for listings in 1..=3 {
        world.store.delete(&h("a", 3), None).await.unwrap();
        liar.plant(&h("a", 1), &s("a")).await;
        let images = vec![(h("a", 3), third.clone()), (s("a"), third.clone())];
        liar.lies().after_listings = Some((listings, "h/a/.vault/", images));
        let repairer = world.device_on(&liar, &format!("repair{listings}")).await;
        repairer.verify(&Prefix::default(), true).await.unwrap();
        if liar.lies().after_listings.take().is_none() {
            assert_eq!(image(&world.store, &s("a")).await, third, "after {listings} listings");
        } else {
            world.store.put(&h("a", 3), &third.0, &third.1, &Condition::None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_writer_itself_never_goes_behind_its_own_claim() {
    let world = behind().await;
    let vault = world.device("writer").await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn of_two_writers_one_has_the_number_and_both_are_kept() {
    let world = World::new().await;
    let (one, two) = (world.device("one").await, world.device("two").await);
    put(&one, "a", "0").await.unwrap();
    let (first, second) = futures_util::join!(put(&one, "a", "1"), put(&two, "a", "2"));
    let mut numbers = [first.unwrap(), second.unwrap()];
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3]);
    clean(&one).await;
    let mut values = vec![get_at(&one, "a", 2).await.unwrap(), get_at(&two, "a", 3).await.unwrap()];
    values.sort();
    assert_eq!(values, ["1", "2"]);
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    let world = World::new().await;
    let mut devices = Vec::new();
    for i in 0..4 {
        devices.push(world.device(&format!("{i}")).await);
    }
    let all = devices.iter().enumerate().map(|(i, vault)| async move {
        for k in 0..10 {
            put(vault, "a", &format!("{i}.{k}")).await.unwrap();
        }
    });
    futures_util::future::join_all(all).await;
    let history = devices[0].history(&path("a")).await.unwrap();
    assert_eq!(history.len(), 40);
    assert!(history.iter().all(|v| v.refused.is_none()));
    clean(&devices[0]).await;
    let newest = get_at(&devices[0], "a", 40).await.unwrap();
    assert_eq!(get(&world.device("fresh").await, "a").await.unwrap(), newest);
}

#[tokio::test]
async fn a_write_meets_a_delete() {
    let world = World::new().await;
    let liar = Liar::new(&world.store);
    let (one, two) = (world.device_on(&liar, "one").await, world.device("two").await);
    put(&two, "a", "1").await.unwrap();
    two.delete(&path("a"), None).await.unwrap();
    let tombstone = image(&world.store, &h("a", 2)).await;
    two.undelete(&path("a")).await.unwrap();
    // Back to version 1; the tombstone arrives just before the claim of one's write.
    for n in [2, 3] {
        world.store.delete(&h("a", n), None).await.unwrap();
    }
    liar.plant(&h("a", 1), &s("a")).await;
    liar.lies().before = Some((h("a", 2), h("a", 2), tombstone));
    assert_eq!(put(&one, "a", "3").await.unwrap(), 3);
    assert_eq!(get(&one, "a").await.as_deref(), Ok("3"));
    clean(&one).await;
}

#[tokio::test]
async fn a_purge_between_claim_and_head_leaves_no_head() {
    let world = World::new().await;
    let liar = Liar::new(&world.store);
    let vault = world.device_on(&liar, "one").await;
    put(&vault, "a", "1").await.unwrap();
    vault.delete(&path("a"), None).await.unwrap();
    // Somebody purges version 3 just before its head is put where none is.
    let (mut metadata, body) = image(&world.store, &h("a", 2)).await;
    let id = &world.pin.vault;
    let mut purge = SignedHeader::parse(id, &path("a"), &metadata).unwrap().header;
    (purge.n, purge.from, purge.op) = (4, 4, Op::Purge);
    metadata.retain(|(name, _)| !name.starts_with("vault-"));
    header::attach(&mut metadata, id, &path("a"), &purge, identity(ANN).signing_seed());
    liar.lies().before = Some((s("a"), h("a", 4), (metadata, body)));
    assert_eq!(put(&vault, "a", "3").await.unwrap(), 3);
    assert!(world.store.head(&s("a")).await.is_err(), "a purged value has no head");
    assert_eq!(get(&world.device("fresh").await, "a").await, Err(Kind::NotFound));
}

#[tokio::test]
async fn a_delete_meets_a_write() {
    let world = World::new().await;
    let liar = Liar::new(&world.store);
    let (one, two) = (world.device_on(&liar, "one").await, world.device("two").await);
    put(&two, "a", "1").await.unwrap();
    let first = image(&world.store, &h("a", 1)).await;
    put(&two, "a", "2").await.unwrap();
    let second = image(&world.store, &h("a", 2)).await;
    world.store.delete(&h("a", 2), None).await.unwrap();
    world.store.put(&s("a"), &first.0, &first.1, &Condition::None).await.unwrap();
    liar.lies().before = Some((h("a", 2), h("a", 2), second));
    // The delete was of whatever is newest.
    assert_eq!(one.delete(&path("a"), None).await.unwrap().n, 3);
    assert_eq!(get(&one, "a").await, Err(Kind::NotFound));
    assert_eq!(one.undelete(&path("a")).await.unwrap().n, 4);
    assert_eq!(get(&two, "a").await.as_deref(), Ok("2"));
    clean(&one).await;
}

#[tokio::test]
async fn an_undelete_does_not_undo_a_new_value() {
    let world = World::new().await;
    let liar = Liar::new(&world.store);
    let (one, two) = (world.device_on(&liar, "one").await, world.device("two").await);
    put(&two, "a", "1").await.unwrap();
    two.delete(&path("a"), None).await.unwrap();
    put(&two, "a", "new").await.unwrap();
    let newer = image(&world.store, &h("a", 3)).await;
    for key in [h("a", 3), s("a")] {
        world.store.delete(&key, None).await.unwrap();
    }
    liar.lies().before = Some((h("a", 3), h("a", 3), newer));
    assert_eq!(one.undelete(&path("a")).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(get(&one, "a").await.as_deref(), Ok("new"));
}

#[tokio::test]
async fn a_folder_of_the_same_name_survives_a_purge() {
    let world = World::new().await;
    let vault = world.device("one").await;
    for name in ["a", "a/b", "a/b/c", "ab"] {
        put(&vault, name, name).await.unwrap();
        put(&vault, name, name).await.unwrap();
    }
    vault.purge(&path("a")).await.unwrap();
    vault.purge(&path("a/b/c")).await.unwrap();
    for name in ["a/b", "ab"] {
        assert_eq!(get(&vault, name).await.as_deref(), Ok(name));
        assert_eq!(get_at(&vault, name, 1).await.as_deref(), Ok(name));
    }
    assert_eq!(get(&vault, "a").await, Err(Kind::NotFound));
    clean(&vault).await;
}

#[tokio::test]
async fn a_purge_that_was_cut_off_is_finished() {
    for left in 1..=3 {
        for repair in [false, true] {
            let world = World::new().await;
            let vault = world.device("one").await;
            for value in ["1", "2", "3"] {
                put(&vault, "a", value).await.unwrap();
            }
            let mut images = Vec::new();
            for n in left..=3 {
                images.push((h("a", n), image(&world.store, &h("a", n)).await));
            }
            vault.purge(&path("a")).await.unwrap();
            for (key, (metadata, body)) in &images {
                world.store.put(key, metadata, body, &Condition::None).await.unwrap();
            }
            assert_eq!(get(&vault, "a").await, Err(Kind::NotFound));
            assert_eq!(get_at(&vault, "a", 3).await, Err(Kind::NotFound));
            assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
            if repair {
                vault.verify(&Prefix::default(), true).await.unwrap();
            } else {
                let again = vault.purge(&path("a")).await.unwrap();
                assert_eq!((again.n, again.removed as u64), (4, 4 - left));
            }
            clean(&vault).await;
        }
    }
}

#[tokio::test]
async fn what_a_purge_left_goes_even_when_the_path_is_used_again() {
    let world = World::new().await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    let old = image(&world.store, &h("a", 1)).await;
    vault.purge(&path("a")).await.unwrap();
    put(&vault, "a", "3").await.unwrap();
    world.store.put(&h("a", 1), &old.0, &old.1, &Condition::None).await.unwrap();
    assert_eq!(get_at(&vault, "a", 1).await, Err(Kind::NotFound));
    assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
    vault.verify(&Prefix::default(), true).await.unwrap();
    clean(&vault).await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("3"));
}
