//! The chain as stored: junk, replays, forks, and its log.

use std::sync::Arc;

use vault::store::{Condition, Store};
use vault::vault::{Kind, Role};

use crate::hostile::liar::{Liar, image};
use crate::support::{World, add, get, identity, put};

fn note(seq: u64) -> String {
    format!(".vault/team/{seq:016}")
}

async fn plant(world: &World, key: &str, body: &[u8]) {
    world.store.put(key, &Vec::new(), body, &Condition::None).await.unwrap();
}

#[tokio::test]
async fn a_squatted_note_is_replaced() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", 2, Role::Write, None).await;
    for junk in [&b"junk"[..], b"", &vec![b'x'; 300 * 1024], &image(&world.store, &note(1)).await.1]
    {
        let seq = ann.join().pin.seq + 1;
        plant(&world, &note(seq), junk).await;
        let who = format!("m{seq}");
        add(&ann, &who, 20 + seq as u8, Role::Read, None).await;
        assert_eq!(ann.join().pin.seq, seq);
        let fresh = world.device(&format!("fresh {seq}")).await;
        assert!(fresh.members().await.unwrap().iter().any(|m| m.name == who));
    }
    // A flood of it further on is not looked at.
    for seq in 100..200 {
        plant(&world, &note(seq), b"junk").await;
    }
    put(&ann, "a", "1").await.unwrap();
    assert_eq!(get(&world.device("last").await, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_note_by_somebody_who_is_no_admin_is_void() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", 2, Role::Admin, None).await;
    // Bob signs note 3 while he is an admin, in a world of his own; then he is removed.
    let fork = Liar::new(&world.store);
    let copy = vault::store::MemoryStore::new();
    for key in vault::store::list_all(&world.store, "").await.unwrap() {
        let (metadata, body) = image(&world.store, &key).await;
        copy.put(&key, &metadata, &body, &Condition::None).await.unwrap();
    }
    let bob = world.open(Arc::new(copy.clone()), "bob", 2).await.unwrap();
    add(&bob, "x", 30, Role::Read, None).await;
    add(&bob, "evil", 31, Role::Admin, None).await;
    ann.remove_members(&["bob"]).await.unwrap();
    plant(&world, &note(3), &image(&copy, &note(3)).await.1).await;
    let seen = world.device("fresh").await;
    seen.check_membership().await.unwrap();
    assert!(seen.members().await.unwrap().iter().all(|m| m.name == "ann"));
    assert!(seen.take_warnings().iter().any(|w| w.contains("junk")));
    add(&seen, "eve", 3, Role::Read, None).await;
    // And his note 2 in the place of the one that removed him: a fork for whoever has seen more.
    let theirs = image(&copy, &note(2)).await;
    fork.lies().shown.insert(note(2), theirs);
    let late = world.device_on(&fork, "fresh").await;
    assert!(late.members().await.is_ok(), "it remembers note 2");
    assert_eq!(late.team_log().await.unwrap_err().kind, Kind::Integrity);
}

#[tokio::test]
async fn a_keyring_that_was_swapped_or_lost_is_an_integrity_error() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let objects = vault::store::list_all(&world.store, ".vault/obj/").await.unwrap();
    add(&ann, "bob", 2, Role::Write, None).await;
    let all = vault::store::list_all(&world.store, ".vault/obj/").await.unwrap();
    let old = objects.iter().map(String::as_str).collect::<Vec<_>>();
    let new: Vec<_> = all.iter().filter(|key| !old.contains(&key.as_str())).collect();
    for key in &new {
        let liar = Liar::new(&world.store);
        let other = image(&world.store, old[1]).await;
        for (i, lie) in [Some(other), None].into_iter().enumerate() {
            match lie {
                Some(image) => drop(liar.lies().shown.insert((*key).clone(), image)),
                None => liar.lies().hidden.push((*key).clone()),
            }
            // A device that has nothing in its cache.
            let bob = world.open(liar.clone(), &format!("bob {i} {key}"), 2).await.unwrap();
            let is_keyring = image(&world.store, key).await.1.starts_with(b"age-encryption");
            let got = get(&bob, "a").await;
            match is_keyring {
                true => assert_eq!(got, Err(Kind::Integrity)),
                false => assert_eq!(got.as_deref(), Ok("1"), "the state was computed"),
            }
        }
    }
    assert_eq!(new.len(), 2, "a keyring and a state");
}

#[tokio::test]
async fn the_log_says_who_did_what() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", 2, Role::Admin, None).await;
    let bob = world.open(Arc::new(world.store.clone()), "bob", 2).await.unwrap();
    add(&bob, "eve", 3, Role::Write, Some("dev")).await;
    ann.remove_members(&["eve"]).await.unwrap();
    let log = ann.team_log().await.unwrap();
    let told: Vec<_> = log
        .iter()
        .map(|entry| {
            let text: Vec<_> = entry.changes.iter().map(|c| c.text.as_str()).collect();
            (entry.seq, entry.author.as_deref().unwrap(), text.join("; "))
        })
        .collect();
    assert_eq!(told[0].0, 3);
    assert_eq!(told[0].1, "ann");
    assert_eq!(told[0].2, "eve was removed; the group main has a new generation");
    assert_eq!(told[1].1, "bob");
    assert!(told[1].2.starts_with("eve joined; eve has a device: "), "{}", told[1].2);
    assert!(told[1].2.ends_with("eve may read the group main; eve may write dev/"));
    assert_eq!(told[3].2.split("; ").next(), Some("the vault was made"));
    // Somebody who joined later checks the older ones too.
    let pin = ann.join().pin;
    let store = Liar::new(&world.store);
    let late = world.open_pin(&pin, store.clone(), "late", 2).await.unwrap();
    assert_eq!(late.team_log().await.unwrap().len(), 4);
    store.lies().hidden.push(note(1));
    assert_eq!(late.team_log().await.unwrap_err().kind, Kind::Integrity);
    store.honest();
    store.show(&note(2), &note(1)).await;
    assert_eq!(late.team_log().await.unwrap_err().kind, Kind::Integrity);
    drop(identity(1));
}
