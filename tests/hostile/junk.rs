//! Junk in the way of writers.

use std::sync::Arc;

use vault::core::header::{self, SignedHeader};
use vault::store::{Condition, Metadata, Store, list_all};
use vault::vault::{Kind, Prefix, Vault};

use super::liar::{Liar, image};
use crate::support::{World, get, h, identity, path, put, s};

async fn plant(world: &World, key: &str, metadata: &Metadata, body: &[u8]) {
    world.store.put(key, metadata, body, &Condition::None).await.unwrap();
}

async fn voids(world: &World) -> Vec<String> {
    list_all(&world.store, ".vault/void/").await.unwrap()
}

async fn clean(vault: &Vault) {
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// `a` has the value 1.
async fn world() -> (World, Vault) {
    let world = World::new().await;
    let vault = world.device("a").await;
    put(&vault, "a", "1").await.unwrap();
    (world, vault)
}

#[tokio::test]
async fn junk_at_the_next_number_is_replaced() {
    let (world, vault) = world().await;
    for (n, body) in [(2, vec![]), (3, vec![7; 100]), (4, vec![7; 20 << 20])] {
        plant(&world, &h("a", n), &Metadata::new(), &body).await;
        let before = get(&vault, "a").await.unwrap();
        assert_eq!(before, (n - 1).to_string());
        assert_eq!(put(&vault, "a", &n.to_string()).await.unwrap(), n);
        assert!(vault.take_warnings().iter().any(|w| w.contains("junk")));
    }
    assert_eq!(voids(&world).await.len(), 0, "nobody signed it");
    clean(&vault).await;
}

#[tokio::test]
async fn junk_where_nothing_was_is_not_nothing() {
    let (world, vault) = world().await;
    plant(&world, &h("new", 1), &Metadata::new(), b"junk").await;
    assert_eq!(get(&vault, "new").await, Err(Kind::Integrity));
    assert_eq!(vault.delete(&path("new"), None).await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(vault.purge(&path("new")).await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(put(&vault, "new", "x").await.unwrap(), 1);
    plant(&world, &s("newer"), &Metadata::new(), b"junk").await;
    assert_eq!(get(&vault, "newer").await, Err(Kind::Integrity));
    assert_eq!(put(&vault, "newer", "y").await.unwrap(), 1);
    assert_eq!(get(&vault, "newer").await.as_deref(), Ok("y"));
    clean(&vault).await;
}

#[tokio::test]
async fn a_junk_head_is_replaced() {
    let (world, vault) = world().await;
    for body in [&b"junk"[..], &vec![7; 20 << 20]] {
        plant(&world, &s("a"), &Metadata::new(), body).await;
        get(&vault, "a").await.unwrap();
        assert!(vault.verify(&Prefix::default(), false).await.unwrap().has_warnings());
        put(&vault, "a", "2").await.unwrap();
        clean(&vault).await;
        plant(&world, &s("a"), &Metadata::new(), body).await;
        vault.verify(&Prefix::default(), true).await.unwrap();
        clean(&vault).await;
    }
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_copy_of_an_older_version_is_junk_with_evidence() {
    let (world, vault) = world().await;
    put(&vault, "a", "2").await.unwrap();
    let liar = Liar::new(&world.store);
    liar.plant(&h("a", 1), &h("a", 3)).await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("2"));
    assert_eq!(put(&vault, "a", "3").await.unwrap(), 3);
    let kept = voids(&world).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(image(&world.store, &kept[0]).await, image(&world.store, &h("a", 1)).await);
    clean(&vault).await;
}

#[tokio::test]
async fn a_strangers_signature_is_junk_without_evidence() {
    let (world, vault) = world().await;
    let (mut metadata, body) = image(&world.store, &h("a", 1)).await;
    let signed = SignedHeader::parse(&world.pin.vault, &path("a"), &metadata).unwrap();
    let stranger = identity(77);
    let mut forged = signed.header.clone();
    (forged.n, forged.prev, forged.by) = (2, signed.record_hash, stranger.public().id());
    metadata.retain(|(name, _)| !name.starts_with("vault-"));
    let vault_id = &world.pin.vault;
    header::attach(&mut metadata, vault_id, &path("a"), &forged, stranger.signing_seed());
    plant(&world, &h("a", 2), &metadata, &body).await;
    plant(&world, &s("a"), &metadata, &body).await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("1"));
    assert_eq!(put(&vault, "a", "2").await.unwrap(), 2);
    assert_eq!(voids(&world).await.len(), 0);
    clean(&vault).await;
}

#[tokio::test]
async fn a_version_of_a_note_that_nobody_shows_is_no_junk() {
    let (world, vault) = world().await;
    let (mut metadata, body) = image(&world.store, &h("a", 1)).await;
    let signed = SignedHeader::parse(&world.pin.vault, &path("a"), &metadata).unwrap();
    let ann = identity(crate::support::ANN);
    let mut ahead = signed.header.clone();
    (ahead.n, ahead.prev, ahead.team_seq) = (2, signed.record_hash, 5);
    metadata.retain(|(name, _)| !name.starts_with("vault-"));
    header::attach(&mut metadata, &world.pin.vault, &path("a"), &ahead, ann.signing_seed());
    plant(&world, &h("a", 2), &metadata, &body).await;
    assert_eq!(put(&vault, "a", "2").await.unwrap_err().kind, Kind::Integrity);
    assert_eq!(image(&world.store, &h("a", 2)).await.0, metadata, "not replaced");
    let mut fork = ahead;
    (fork.team_seq, fork.team_hash) = (0, [9; 16]);
    metadata.retain(|(name, _)| !name.starts_with("vault-"));
    header::attach(&mut metadata, &world.pin.vault, &path("a"), &fork, ann.signing_seed());
    plant(&world, &h("a", 2), &metadata, &body).await;
    assert_eq!(put(&vault, "a", "2").await.unwrap_err().kind, Kind::Integrity);
}

#[tokio::test]
async fn a_flood_of_junk_numbers_costs_what_is_stored_and_no_more() {
    let (world, vault) = world().await;
    for n in [5, 1 << 40, 9_999_999_999_999_999] {
        plant(&world, &h("a", n), &Metadata::new(), b"junk").await;
    }
    let liar = Liar::new(&world.store);
    let _: Arc<dyn Store> = liar;
    assert_eq!(vault.history(&path("a")).await.unwrap().len(), 4);
    assert_eq!(put(&vault, "a", "2").await.unwrap(), 2);
    vault.verify(&Prefix::default(), true).await.unwrap();
    vault.delete(&path("a"), None).await.unwrap();
    assert_eq!(get(&vault, "a").await, Err(Kind::NotFound));
    assert_eq!(vault.undelete(&path("a")).await.unwrap().n, 4);
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("2"));
}
