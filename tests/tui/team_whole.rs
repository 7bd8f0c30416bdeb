//! The team in the whole loop, on a store in memory.

use std::sync::Arc;

use vault::store::{Condition, Store};
use vault::vault::Kind;

use super::stand::{running, world};
use super::team_samples::public;
use crate::hostile::liar::image;
use crate::support::{ANN, RECOVERY, get, identity, path, put};

const BOB: u8 = 2;

/// Ann adds bob, removes him, sees what he knew, and goes there.
#[tokio::test]
async fn a_member_comes_and_goes() {
    let world = world().await;
    let ann = world.device("other").await;
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    // What was asked for while it was opened is used up by this.
    assert!(bob.check_membership().await.is_err());
    let ui = running(world);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("m");
    ui.shows("ann (you)");
    ui.key("a");
    ui.shows("Add to the team");
    ui.text(&public(BOB));
    ui.shows("Compare with them");
    ui.key("down");
    ui.text("bob");
    ui.key("down");
    ui.text("write");
    ui.key("ctrl-s");
    ui.shows("bob is in the team");
    ui.shows("vault-join1");
    ui.key("y");
    ui.shows("Copied the join string");
    let join = ui.clipboard.0.lock().unwrap().last().unwrap().clone().unwrap();
    assert!(join.starts_with("vault-join1"), "{join}");
    assert!(bob.read(&path("acme/web"), None).await.is_ok());
    ui.key("esc");
    ui.shows("read, write");
    ui.key("down d");
    ui.shows("Remove bob");
    ui.text("bob");
    ui.key("enter");
    ui.shows("New generation: main.");
    ui.shows("3 values sealed anew");
    ui.shows("Change these values");
    ui.key("down");
    ui.shows("> ! acme/web");
    ui.shows("bob was removed");
    ui.key("enter");
    ui.shows("─ acme/web ");
    // The list knows it, too.
    ui.shows("! change it: somebody who");
    ui.key("r");
    ui.shows("New value of acme/web");
    ui.text("new-value");
    ui.key("enter");
    ui.shows("acme/web: version 3.");
    ui.key("X");
    ui.shows("> ! acme/db");
    assert!(!ui.screen.text().contains("! acme/web"), "{}", ui.screen.text());
    ui.key("esc T");
    ui.shows("bob joined");
    ui.quit();
    assert_eq!(get(&bob, "acme/web").await, Err(Kind::Denied));
    let left = ann.exposure(&Default::default()).await.unwrap();
    assert_eq!(left.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["acme/db", "home/wifi"]);
}

/// The last admin is refused, with a way out.
#[tokio::test]
async fn the_last_admin_cannot_be_removed() {
    let world = world().await;
    let ann = world.device("other").await;
    let ui = running(world);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("m");
    ui.shows("ann (you)");
    ui.key("d");
    ui.text("ann");
    ui.key("enter");
    ui.shows("the last admin cannot");
    ui.shows("in the members, r");
    ui.key("esc");
    ui.quit();
    assert_eq!(ann.members().await.unwrap().len(), 1);
}

/// The use of the recovery key is news until somebody says that they know, also after a start.
#[tokio::test]
async fn the_recovery_key_was_used() {
    let world = world().await;
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    bob.recover(&identity(RECOVERY), "bob").await.unwrap();
    let ui = running(world);
    ui.unlock();
    ui.shows("The recovery key made bob an admin.");
    ui.key("L");
    ui.until("locked", |screen| !screen.contains("recovery key"));
    ui.unlock();
    ui.shows("The recovery key made bob an admin.");
    ui.key("B");
    ui.until("away", |screen| !screen.contains("recovery key"));
    ui.key("L");
    ui.shows("Unlock team");
    ui.unlock();
    ui.shows("Loaded 3 names.");
    assert!(!ui.screen.text().contains("recovery key"), "{}", ui.screen.text());
    ui.quit();
}

/// A store that shows an older version than this device has seen: the line of news says what to do.
#[tokio::test]
async fn back_from_a_backup() {
    let world = world().await;
    let store = world.store.clone();
    let ann = world.open(Arc::new(store.clone()), "ui", ANN).await.unwrap();
    put(&ann, "a", "1").await.unwrap();
    let (metadata, body) = image(&store, "s/a").await;
    put(&ann, "a", "2").await.unwrap();
    store.put("s/a", &metadata, &body, &Condition::None).await.unwrap();
    store.delete("h/a/.vault/0000000000000002", None).await.unwrap();
    let ui = running(world);
    ui.unlock();
    ui.shows("─ a ");
    ui.key("enter");
    ui.shows("From a backup? `vault team restored`. Lost: 1 secret");
    ui.key("B");
    ui.until("away", |screen| !screen.contains("From a backup?"));
    ui.quit();
}
