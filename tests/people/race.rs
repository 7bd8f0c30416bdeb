//! Admins who change the team at the same time.

use std::sync::Arc;

use vault::vault::{Grant, Role};

use crate::support::{World, add, identity};

const ADMINS: u8 = 8;
const NOTES: u8 = 50;

#[tokio::test]
async fn eight_admins_lose_no_note() {
    let world = Arc::new(World::new().await);
    let ann = world.device("ann").await;
    for admin in 1..ADMINS {
        add(&ann, &format!("admin{admin}"), 10 + admin, Role::Admin, None).await;
    }
    let mut tasks = Vec::new();
    for admin in 0..ADMINS {
        let world = world.clone();
        tasks.push(tokio::spawn(async move {
            let seed = if admin == 0 { 1 } else { 10 + admin };
            let store = Arc::new(world.store.clone());
            let vault = world.open(store, &format!("device {admin}"), seed).await.unwrap();
            for i in 0..NOTES {
                // Each admin's own member, whose role goes back and forth: no note may be lost.
                let name = format!("m{admin}");
                let role = if i % 2 == 0 { Role::Read } else { Role::Write };
                let grant = Grant { role, path: None };
                match i {
                    0 => {
                        let id = identity(50 + admin);
                        vault.add_member(&name, id.public(), Some(&grant)).await.unwrap();
                    }
                    _ => drop(vault.set_role(&name, &grant).await.unwrap()),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let fresh = world.device("fresh").await;
    let members = fresh.members().await.unwrap();
    assert_eq!(members.len(), 2 * usize::from(ADMINS));
    let log = fresh.team_log().await.unwrap();
    let total = u64::from(ADMINS - 1) + u64::from(ADMINS) * u64::from(NOTES);
    assert_eq!(log.first().map(|entry| entry.seq), Some(total), "none lost, none doubled");
    assert_eq!(log.len() as u64, total + 1, "gapless");
}
