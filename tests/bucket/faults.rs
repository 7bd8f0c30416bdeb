//! Every request of a command, to the bucket or to KMS, fails once: for a moment, and the command
//! goes on; or for good, and running it again ends where it was meant to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Bucket, Wrapping};
use crate::support::commands::Command::{self, Delete, Get, MoveTo, Purge, Put, PutNew, Undelete};
use crate::support::commands::value;
use crate::support::doubles::{Act, Double, error};
use crate::support::put;
use crate::support::servers;
use vault::aws::AwsOptions;
use vault::vault::{Kind, Prefix, Vault};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing is done, and the connection is closed.
    Dropped,
    /// It is done, but the answer says "later".
    AnswerLost,
    /// No answer in time; nothing is done.
    Late,
    /// It is refused for good.
    Refused,
    /// It is done, but refused for good.
    DoneAndRefused,
}

impl Fault {
    const ALL: [Self; 5] =
        [Self::Dropped, Self::AnswerLost, Self::Late, Self::Refused, Self::DoneAndRefused];

    fn act(self) -> Act {
        match self {
            Self::Dropped => Act::Drop,
            Self::AnswerLost => Act::Instead(error(503, "SlowDown")),
            Self::Late => Act::Hang(Duration::from_millis(400)),
            Self::Refused => Act::Answer(error(400, "Odd")),
            Self::DoneAndRefused => Act::Instead(error(400, "Odd")),
        }
    }

    fn passes(self) -> bool {
        !matches!(self, Self::Refused | Self::DoneAndRefused)
    }
}

/// True if the command did not get as far as request `at`.
async fn one(command: Command, fault: Fault, at: usize) -> bool {
    let what = format!("{command:?}, {fault:?} at request {at}");
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let direct = bucket.device("one", bucket.server.options()).await.unwrap();
    command.prepare(&direct).await;
    let reached = Arc::new(AtomicUsize::new(0));
    let count = reached.clone();
    let double = Double::new(bucket.server.port, move |n, _| {
        count.store(n + 1, Ordering::Relaxed);
        if n == at { fault.act() } else { Act::Forward }
    });
    let options = AwsOptions {
        attempt_timeout: Some(Duration::from_millis(300)),
        ..bucket.server.options_at(double.endpoint.clone())
    };
    // Where the server itself is slow for a moment, more than one attempt may be too late.
    let outcome = command.run(&bucket.device("one", options).await.unwrap()).await;
    let reached = reached.load(Ordering::Relaxed) > at;
    if fault.passes() {
        assert!(outcome.is_ok(), "{what}: {:?}", outcome.err());
    }
    let [old, new] = command.values();
    for (i, name) in ["a", "b"].into_iter().enumerate() {
        let found = value(&direct, name).await;
        let found = found.as_deref();
        assert!(found == old[i] || found == new[i], "{what}: {found:?}");
        assert!(outcome.is_err() || found == new[i], "{what}: acknowledged, but {found:?}");
    }
    command.run_again(&direct, &what).await;
    for (i, name) in ["a", "b"].into_iter().enumerate() {
        assert_eq!(value(&direct, name).await.as_deref(), new[i], "{what}: {name}");
    }
    direct.verify(&Prefix::default(), true).await.unwrap();
    let report = direct.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
    !reached
}

async fn all(command: Command) {
    let mut survived = 0;
    for fault in Fault::ALL {
        for at in 0.. {
            if one(command, fault, at).await {
                break;
            }
            survived += 1;
        }
    }
    println!("faults: {command:?} survived {survived}");
    assert!(survived >= 15, "{survived}");
}

/// The answer to the last request of all is lost: the vault is there, and ours.
#[tokio::test]
async fn of_init() {
    for lost in [|| Act::Instead(error(503, "SlowDown")), || Act::Cut(0)] {
        let server = servers::ministack();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let double = Double::new(server.port, move |_, request| {
            let note = request.head.starts_with("put ") && request.head.contains("/.vault/team/");
            match note && count.fetch_add(1, Ordering::Relaxed) == 0 {
                true => lost(),
                false => Act::Forward,
            }
        });
        let made =
            Bucket::through(server, Wrapping::Local, server.options_at(double.endpoint.clone()));
        let bucket = made.await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2, "it was sent twice");
        let vault = bucket.device("one", server.options()).await.unwrap();
        put(&vault, "a", "1").await.unwrap();
        // Another one at the same place is refused, as ever.
        let storage = super::storage(&bucket.prefix, server.options()).await;
        let taken = Vault::check_vacant(&storage).await.unwrap_err();
        assert_eq!(taken.kind, Kind::Conflict);
    }
}

#[tokio::test]
async fn of_get() {
    all(Get).await;
}

#[tokio::test]
async fn of_put() {
    all(PutNew).await;
    all(Put).await;
}

#[tokio::test]
async fn of_delete() {
    all(Delete).await;
    all(Undelete).await;
}

#[tokio::test]
async fn of_move() {
    all(MoveTo).await;
}

#[tokio::test]
async fn of_purge() {
    all(Purge).await;
}
