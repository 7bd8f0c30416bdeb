//! The wrap of a group is changed, and its folders move, while people write.

use std::collections::BTreeSet;

use super::{Bucket, Wrapping};
use crate::support::servers::{self, make_key};
use crate::support::{get, identity, path, put};
use vault::vault::{Grant, GroupChange, Kind, Prefix, Reseal, Role, Vault, Wrapping as Wrap};

const BOB: u8 = 2;
const ROUNDS: usize = 6;

fn wrap(wrap: Wrap) -> GroupChange {
    GroupChange { wrapping: Some(wrap), ..GroupChange::default() }
}

async fn reseal(vault: &Vault) {
    let done = vault.reseal(&Reseal::default(), &mut |_, _| {}).await.unwrap();
    assert!(done.failed.is_empty(), "{:?}", done.failed);
}

/// A header's wrap: `kms+context` or the raw AES key, as the envelope says.
async fn wrapped_by_kms(vault: &Vault, name: &str) -> bool {
    let header = vault.entry(path(name)).await.unwrap().unwrap().header.unwrap();
    let generation = header.group.generation;
    let groups = vault.groups().await.unwrap();
    let group = groups.iter().find(|g| g.name == header.group.group).unwrap();
    assert_eq!(group.generation, generation, "{name} is sealed anew");
    matches!(group.wrapping, Wrap::Kms(_))
}

#[tokio::test]
async fn wraps_and_folders_change_while_somebody_writes() {
    let server = servers::ministack();
    let bucket = Bucket::new(server, Wrapping::Kms).await;
    let ann = bucket.device("ann", server.options()).await.unwrap();
    let everywhere = Grant { role: Role::Write, path: None };
    ann.add_member("bob", identity(BOB).public(), Some(&everywhere)).await.unwrap();
    let bob = bucket.device_of("bob", BOB, server.options()).await.unwrap();
    for name in ["pay/a", "pay/b", "dev/c"] {
        put(&ann, name, "0").await.unwrap();
    }
    let prefixes = |list: &[&str]| -> Option<BTreeSet<Prefix>> {
        Some(list.iter().map(|p| Prefix::parse(p).unwrap()).collect())
    };
    let other = make_key(server);
    let change = GroupChange {
        prefixes: prefixes(&["pay"]),
        wrapping: Some(Wrap::Local),
        readers: vec!["bob".into()],
    };
    ann.add_group("pay", &change).await.unwrap();
    let writes = async {
        let mut n = 0;
        for round in 1..=4 * ROUNDS {
            for name in ["pay/a", "dev/c"] {
                let value = round.to_string();
                // Refused means that nothing was written: it is tried again.
                while let Err(e) = put(&bob, name, &value).await {
                    assert_eq!(e.kind, Kind::Conflict, "{e:?}");
                }
                n += 1;
                assert_eq!(get(&bob, name).await.as_deref(), Ok(value.as_str()));
            }
        }
        n
    };
    let changes = async {
        for round in 0..ROUNDS {
            let to = if round % 2 == 0 { Wrap::Kms(other.clone()) } else { Wrap::Local };
            ann.set_group("pay", &wrap(to)).await.unwrap().unwrap();
            let folders: &[&str] = if round % 2 == 0 { &["pay", "dev"] } else { &["pay"] };
            let change = GroupChange { prefixes: prefixes(folders), ..GroupChange::default() };
            ann.set_group("pay", &change).await.unwrap().unwrap();
            reseal(&ann).await;
        }
    };
    let (written, ()) = tokio::join!(writes, changes);
    assert_eq!(written, 8 * ROUNDS);
    reseal(&ann).await;
    let last = (4 * ROUNDS).to_string();
    let fresh = bucket.device("fresh", server.options()).await.unwrap();
    for vault in [&ann, &bob, &fresh] {
        assert_eq!(get(vault, "pay/a").await.as_deref(), Ok(last.as_str()));
        assert_eq!(get(vault, "dev/c").await.as_deref(), Ok(last.as_str()));
        assert_eq!(get(vault, "pay/b").await.as_deref(), Ok("0"));
    }
    assert!(!wrapped_by_kms(&ann, "pay/a").await && wrapped_by_kms(&ann, "dev/c").await);
    let report = fresh.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    // One write is never two: what was read in between is all in the history, once.
    let history = fresh.history(&path("pay/a")).await.unwrap();
    assert!(history.iter().all(|version| version.refused.is_none()));
}

#[tokio::test]
async fn a_value_is_under_the_wrap_that_the_team_says() {
    let server = servers::ministack();
    let bucket = Bucket::new(server, Wrapping::Local).await;
    let ann = bucket.device("ann", server.options()).await.unwrap();
    put(&ann, "a", "1").await.unwrap();
    assert!(!wrapped_by_kms(&ann, "a").await);
    ann.set_group("main", &wrap(Wrap::Kms(make_key(server)))).await.unwrap().unwrap();
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"), "the old wrap holds for what is old");
    reseal(&ann).await;
    assert!(wrapped_by_kms(&ann, "a").await);
    // Somebody with IAM alone reads it now, and did not before.
    let reader = bucket.reader(server.options(), "a").await.unwrap();
    assert_eq!(get(&reader, "a").await.as_deref(), Ok("1"));
    ann.set_group("main", &wrap(Wrap::Local)).await.unwrap().unwrap();
    reseal(&ann).await;
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
    let reader = bucket.reader(server.options(), "a").await.unwrap();
    assert!(get(&reader, "a").await.is_err(), "without an identity the tree opens nothing");
    let wrong = ann.set_group("main", &wrap(Wrap::Kms("no-such-key".into()))).await;
    assert!(wrong.is_err());
    assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
}
