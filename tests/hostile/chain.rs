//! A storage that lies about the team.

use std::sync::Arc;

use vault::core::cipher::sha256;
use vault::core::text::hex;
use vault::store::{Condition, Metadata, Store, list_all};
use vault::vault::{Kind, Pin};

use super::liar::{Liar, image};
use crate::support::team::{Chain, sign};
use crate::support::{ANN, World, get, put};

fn note(seq: u64) -> String {
    format!(".vault/team/{seq:016}")
}

async fn plant(world: &World, key: &str, body: &[u8]) {
    world.store.put(key, &Metadata::new(), body, &Condition::None).await.unwrap();
}

async fn chain(world: &World) -> Chain {
    Chain::from_first(&image(&world.store, &note(0)).await.1)
}

/// Adds a note by ann to the store, and the state that it pins.
async fn add(world: &World, chain: &mut Chain, lines: &[&str]) {
    let bytes = chain.add(lines);
    let state = chain.state.to_string();
    plant(world, &format!(".vault/obj/{}", hex(&chain.state.hash())), state.as_bytes()).await;
    plant(world, &note(chain.seq), &bytes).await;
}

#[tokio::test]
async fn junk_at_the_next_note_is_ignored_with_a_warning() {
    let world = World::new().await;
    let foreign = World::new().await;
    let other = image(&foreign.store, &note(0)).await.1;
    let mut stranger = chain(&world).await.draft(&["member-add eve"]);
    stranger.time = 9;
    let long = vec![b'x'; 1 << 20];
    for junk in [&b""[..], b"junk", &other, &sign(&stranger, 99), &long] {
        plant(&world, &note(1), junk).await;
        let vault = world.device("one").await;
        put(&vault, "a", "1").await.unwrap();
        assert_eq!(get(&vault, "a").await.as_deref(), Ok("1"));
        assert!(vault.take_warnings().iter().any(|w| w.contains("note 1")));
    }
}

#[tokio::test]
async fn a_note_that_an_admin_signed_and_that_breaks_a_rule_refuses_the_chain() {
    let world = World::new().await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    let chain = chain(&world).await;
    let mut wrong = chain.draft(&["member-add eve"]);
    wrong.state = [1; 32];
    plant(&world, &note(1), &sign(&wrong, ANN)).await;
    assert_eq!(get(&vault, "a").await, Err(Kind::Integrity));
    assert_eq!(put(&vault, "a", "2").await.unwrap_err().kind, Kind::Integrity);
}

#[tokio::test]
async fn a_replayed_or_reordered_note_ends_the_chain_and_can_be_replaced() {
    let world = World::new().await;
    let mut chain = chain(&world).await;
    add(&world, &mut chain, &["member-add eve"]).await;
    let first = image(&world.store, &note(1)).await.1;
    add(&world, &mut chain, &["member-add fay"]).await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    plant(&world, &note(3), &first).await;
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("1"));
    assert!(vault.take_warnings().iter().any(|w| w.contains("note 3")));
    world.store.delete(&note(3), None).await.unwrap();
    let second = image(&world.store, &note(2)).await.1;
    plant(&world, &note(1), &second).await;
    let new = world.device("new").await;
    // As if the storage withheld the notes: version 1 of `a` names one that is not to be had.
    assert_eq!(get(&new, "a").await, Err(Kind::Integrity));
    assert_eq!(get(&vault, "a").await.as_deref(), Ok("1"), "what was verified is remembered");
}

#[tokio::test]
async fn a_fork_is_refused_by_whoever_knows_the_other_one() {
    let world = World::new().await;
    let mut one = chain(&world).await;
    let mut two = one.clone();
    add(&world, &mut one, &["member-add eve"]).await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    // The storage takes the note back and shows another one, which ann signed as well.
    add(&world, &mut two, &["member-add fay"]).await;
    add(&world, &mut two, &["member-add gus"]).await;
    assert_eq!(get(&vault, "a").await, Err(Kind::Integrity));
    let reopened = world.device("one").await;
    assert_eq!(get(&reopened, "a").await, Err(Kind::Integrity));
    // A new device sees the fork when it meets a version of the other side.
    assert_eq!(get(&world.device("new").await, "a").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn a_chain_that_is_shorter_than_a_version_says_is_refused() {
    let world = World::new().await;
    let mut chain = chain(&world).await;
    add(&world, &mut chain, &["member-add eve"]).await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    let liar = Liar::new(&world.store);
    liar.lies().hidden.push(note(1));
    let new = world.device_on(&liar, "new").await;
    assert_eq!(get(&new, "a").await, Err(Kind::Integrity));
    let old = world.device_on(&liar, "one").await;
    assert_eq!(get(&old, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_pin_is_reached_from_what_the_device_remembers() {
    let world = World::new().await;
    let mut honest = chain(&world).await;
    let mut fork = honest.clone();
    add(&world, &mut honest, &["member-add eve"]).await;
    world.device("one").await.check_membership().await.unwrap();
    let pinned = |chain: &Chain| Pin { vault: chain.vault, seq: chain.seq, hash: chain.hash };
    add(&world, &mut honest, &["member-add gus"]).await;
    let open = |pin: Pin| {
        let store: Arc<dyn Store> = Arc::new(world.store.clone());
        let world = &world;
        async move {
            let opened = world.open_pin(&pin, store, "one", ANN).await;
            opened.map(|_| ()).map_err(|e| e.kind)
        }
    };
    assert_eq!(open(pinned(&honest)).await, Ok(()));
    fork.add(&["member-add fay"]);
    fork.add(&["member-add hal"]);
    fork.add(&["member-add ivy"]);
    assert_eq!(open(pinned(&fork)).await, Err(Kind::Integrity));
    plant(&world, &note(3), b"junk").await;
    assert_eq!(open(pinned(&fork)).await, Err(Kind::Integrity));
}

#[tokio::test]
async fn another_vault_at_the_location_is_refused() {
    let (world, foreign) = (World::new().await, World::new().await);
    let opened = world.open(Arc::new(foreign.store.clone()), "new", ANN).await;
    assert_eq!(opened.err().unwrap().kind, Kind::Integrity);
    let empty = vault::store::MemoryStore::new();
    let opened = world.open(Arc::new(empty), "new", ANN).await;
    assert_eq!(opened.err().unwrap().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_pinned_object_that_is_missing_or_replaced_is_an_error_and_never_empty() {
    let world = World::new().await;
    let vault = world.device("one").await;
    put(&vault, "a", "1").await.unwrap();
    let objects = list_all(&world.store, ".vault/obj/").await.unwrap();
    assert_eq!(objects.len(), 2, "keyring and state");
    let mut chain = chain(&world).await;
    add(&world, &mut chain, &["member-add eve"]).await;
    let state = format!(".vault/obj/{}", hex(&chain.state.hash()));
    let first_state = Chain::from_first(&image(&world.store, &note(0)).await.1).state.hash();
    let mut tried = 0;
    for key in [&objects[..], &[state]].concat() {
        let good = image(&world.store, &key).await.1;
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        for bad in [None, Some(vec![]), Some(flipped), Some(b"junk".to_vec())] {
            match &bad {
                Some(bytes) => plant(&world, &key, bytes).await,
                None => world.store.delete(&key, None).await.unwrap(),
            }
            // The state matters to whoever begins at the newest note, the keyring to all.
            let pin = Pin { vault: chain.vault, seq: 1, hash: chain.hash };
            tried += 1;
            let store = Arc::new(world.store.clone());
            let read = match world.open_pin(&pin, store, &format!("new{tried}"), ANN).await {
                Ok(vault) => get(&vault, "a").await,
                Err(e) => Err(e.kind),
            };
            let needed = sha256(&[&good]) != first_state;
            let expected = if needed { Err(Kind::Integrity) } else { Ok("1".to_owned()) };
            assert_eq!(read, expected, "{key}");
        }
        plant(&world, &key, &good).await;
    }
}
