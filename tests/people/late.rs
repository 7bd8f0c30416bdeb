//! What is written while a generation is opened.

use std::sync::Arc;

use vault::vault::{Kind, Late, Role, Vault};

use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, h, path, put};

const BOB: u8 = 2;
const EVE: u8 = 3;

/// Two writers; one of them knows only the notes up to 2.
async fn team() -> (World, Vault) {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    add(&ann, "eve", EVE, Role::Write, None).await;
    put(&ann, "a", "1").await.unwrap();
    (world, ann)
}

async fn frozen(world: &World, seed: u8) -> Vault {
    let liar = Liar::new(&world.store);
    liar.lies().hidden.extend((3..9).map(|seq| format!(".vault/team/{seq:016}")));
    world.open(liar, &format!("frozen {seed}"), seed).await.unwrap()
}

/// Versions that were claimed before the note, and that the remover's listing did not show.
async fn remove_with_late_writes(world: &World) -> vault::vault::Rotated {
    let (bob, eve) = (frozen(world, BOB).await, frozen(world, EVE).await);
    put(&bob, "a", "bobs").await.unwrap();
    put(&eve, "b", "eves").await.unwrap();
    let hidden = [h("a", 2), h("b", 1)];
    let liar = Liar::new(&world.store);
    liar.lies().unlisted.extend(hidden.clone());
    // They come to light when the note is there.
    let note = ".vault/team/0000000000000003".to_owned();
    let shown = image(&world.store, &h("b", 1)).await;
    liar.lies().before = Some((note, h("b", 1), shown));
    let ann = world.device_on(&liar, "ann").await;
    let view = ann.remove_member("bob", None).await.unwrap().now().unwrap();
    assert!(
        view.meanwhile.late.is_empty() && view.meanwhile.resealed.is_empty(),
        "it was still hidden"
    );
    let ann = world.device("ann").await;
    ann.rotate(None).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_members_write_counts_and_a_removed_ones_is_reported() {
    let (world, ann) = team().await;
    let rotated = remove_with_late_writes(&world).await;
    // Eve may still write: hers is in the second cut. Bob's is not, and never counts again.
    assert_eq!(get(&ann, "b").await.as_deref(), Ok("eves"));
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    let late: Vec<_> =
        rotated.meanwhile.late.iter().map(|l| (l.path.as_str(), l.n, l.author.as_str())).collect();
    assert_eq!(late, [("a", 2, "bob")]);
    ann.resolve_late(&rotated.meanwhile.late[0], Late::Drop).await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!(history[0].author.as_deref(), Some("ann"));
    assert!(history.iter().all(|v| v.refused.is_none()));
}

#[tokio::test]
async fn a_late_write_can_be_adopted() {
    let (world, ann) = team().await;
    let rotated = remove_with_late_writes(&world).await;
    ann.resolve_late(&rotated.meanwhile.late[0], Late::Adopt).await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("bobs"));
    let fresh = world.device("fresh").await;
    assert_eq!(get(&fresh, "a").await.as_deref(), Ok("bobs"));
    let history = ann.history(&path("a")).await.unwrap();
    assert_eq!((history[0].n, history[0].author.as_deref()), (2, Some("ann")));
}

#[tokio::test]
async fn what_nobody_of_the_team_signed_cannot_be_adopted() {
    let (world, ann) = team().await;
    let mut rotated = remove_with_late_writes(&world).await;
    let (mut metadata, body) = image(&world.store, &h("a", 2)).await;
    let signature = metadata.iter_mut().find(|(name, _)| name == "vault-s").unwrap();
    signature.1 = vault::core::text::b64(&[7; 64]);
    let none = vault::store::Condition::None;
    vault::store::Store::put(&world.store, &h("a", 2), &metadata, &body, &none).await.unwrap();
    let adopted = ann.resolve_late(&rotated.meanwhile.late[0], Late::Adopt).await;
    assert_eq!(adopted.unwrap_err().kind, Kind::Integrity);
    rotated.meanwhile.late[0].n = 9;
    let missing = ann.resolve_late(&rotated.meanwhile.late[0], Late::Adopt).await;
    assert_eq!(missing.unwrap_err().kind, Kind::NotFound);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_frozen_writer_goes_on_and_loses_nothing() {
    let (world, ann) = team().await;
    let eve = frozen(&world, EVE).await;
    ann.remove_member("bob", None).await.unwrap();
    assert_eq!(put(&eve, "a", "eves").await.unwrap(), 2);
    assert_eq!(put(&eve, "a", "eves again").await.unwrap(), 3);
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves again"), "a straggler of a member");
    let rotated = ann.rotate(None).await.unwrap().unwrap();
    assert!(rotated.meanwhile.late.is_empty());
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("eves again"));
    let eve = world.open(Arc::new(world.store.clone()), "frozen 3", EVE).await.unwrap();
    assert_eq!(get(&eve, "a").await.as_deref(), Ok("eves again"));
}
