//! The recovery key.

use std::sync::Arc;

use vault::vault::{Kind, Prefix, Role, Vault};

use crate::support::{RECOVERY, World, add, get, identity, put};

const BOB: u8 = 2;

async fn as_seed(world: &World, name: &str, seed: u8) -> Vault {
    world.open(Arc::new(world.store.clone()), name, seed).await.unwrap()
}

#[tokio::test]
async fn the_words_make_one_admin_and_everybody_sees_it() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(bob.recover(&identity(77), "bob").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(bob.recover(&identity(RECOVERY), "b b").await.unwrap_err().kind, Kind::Usage);
    assert!(ann.recovery_uses().is_empty());
    bob.recover(&identity(RECOVERY), "bob").await.unwrap();
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    put(&bob, "a", "2").await.unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
    let uses = ann.recovery_uses();
    assert_eq!((uses[0].seq, uses[0].member.as_str()), (1, "bob"));
    let log = ann.team_log().await.unwrap();
    assert_eq!(log.iter().find(|e| e.seq == 1).unwrap().author.as_deref(), Some("recovery"));
    add(&bob, "eve", 3, Role::Read, None).await;
    // Once more: nothing but the keyrings is written again.
    bob.recover(&identity(RECOVERY), "bob").await.unwrap();
    assert_eq!(bob.recovery_uses().len(), 1);
}

#[tokio::test]
async fn a_member_who_forgot_everything_comes_back_under_the_same_name() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let new = as_seed(&world, "new", 11).await;
    new.recover(&identity(RECOVERY), "ann").await.unwrap();
    let members = new.members().await.unwrap();
    assert_eq!((members.len(), members[0].devices.len()), (1, 2));
    assert_eq!(get(&new, "a").await.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_removed_key_is_not_recovered() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    add(&ann, "bob", BOB, Role::Admin, None).await;
    ann.remove_members(&["bob"]).await.unwrap();
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(bob.recover(&identity(RECOVERY), "bob").await.unwrap_err().kind, Kind::Conflict);
}

#[tokio::test]
async fn new_words_put_an_end_to_the_old_ones() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let rotated = ann.replace_recovery(&identity(201)).await.unwrap().unwrap();
    assert_eq!(rotated.groups, ["main"]);
    assert!(ann.replace_recovery(&identity(201)).await.unwrap().is_none());
    let bob = as_seed(&world, "bob", BOB).await;
    assert_eq!(bob.recover(&identity(RECOVERY), "bob").await.unwrap_err().kind, Kind::Denied);
    bob.recover(&identity(201), "bob").await.unwrap();
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    assert_eq!(bob.exposure(&Prefix::default()).await.unwrap().len(), 1, "the old words knew it");
    add(&ann, "eve", 3, Role::Write, None).await;
    let eve = as_seed(&world, "eve", 3).await;
    assert_eq!(eve.replace_recovery(&identity(202)).await.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn a_use_is_news_on_each_device_until_it_is_seen_there() {
    let world = World::new().await;
    let ann = world.device("ann").await;
    ann.check_membership().await.unwrap();
    assert!(ann.recovery_news().is_empty());
    let bob = as_seed(&world, "bob", BOB).await;
    bob.recover(&identity(RECOVERY), "bob").await.unwrap();
    ann.check_membership().await.unwrap();
    assert_eq!(ann.recovery_news().len(), 1);
    assert_eq!(ann.recovery_news(), ann.recovery_uses());
    ann.saw_recovery(1).unwrap();
    assert!(ann.recovery_news().is_empty() && ann.recovery_uses().len() == 1);
    assert!(world.device("ann").await.recovery_news().is_empty(), "remembered");
    let other = world.device("other").await;
    other.check_membership().await.unwrap();
    assert_eq!(other.recovery_news().len(), 1, "another device");
    // Another use, and an older number that comes late.
    as_seed(&world, "eve", 3).await.recover(&identity(RECOVERY), "eve").await.unwrap();
    ann.check_membership().await.unwrap();
    ann.saw_recovery(0).unwrap();
    let news = ann.recovery_news();
    assert_eq!(news.iter().map(|used| used.member.as_str()).collect::<Vec<_>>(), ["eve"]);
}
