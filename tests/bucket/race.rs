//! Many writers of one secret.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Bucket, Wrapping};
use crate::support::servers::{self, Server};
use crate::support::{path, put};
use vault::vault::{Kind, Prefix};

const WRITERS: usize = 16;
const UPDATES: usize = 25;

async fn race(server: &'static Server) {
    let bucket = Arc::new(Bucket::new(server, Wrapping::Local).await);
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let vault = bucket.device(&format!("writer {writer}"), server.options()).await.unwrap();
        writers.push(tokio::spawn(async move {
            let (mut numbers, mut refused) = (Vec::new(), 0);
            for update in 0..UPDATES {
                loop {
                    match put(&vault, "contended", &format!("{writer} {update}")).await {
                        Ok(n) => break numbers.push(n),
                        // Ten seconds were not enough: nothing was written, so it is tried again.
                        Err(e) if e.kind == Kind::Conflict => refused += 1,
                        Err(e) => panic!("{e:?}"),
                    }
                }
            }
            (numbers, refused)
        }));
    }
    let (mut numbers, mut refused) = (BTreeSet::new(), 0);
    for writer in writers {
        let (of_writer, times) = writer.await.unwrap();
        assert!(of_writer.windows(2).all(|two| two[0] < two[1]));
        numbers.extend(of_writer);
        refused += times;
    }
    // Every write has a number of its own, and there are no others.
    assert_eq!(numbers, (1..=(WRITERS * UPDATES) as u64).collect());
    let vault = bucket.device("reader", server.options()).await.unwrap();
    let history = vault.history(&path("contended")).await.unwrap();
    assert_eq!(history.len(), WRITERS * UPDATES);
    assert!(history.iter().all(|version| version.refused.is_none()));
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    println!("race: {} acknowledged, {refused} refused and repeated", numbers.len());
}

#[tokio::test]
async fn no_update_is_lost_on_seaweedfs() {
    race(servers::seaweedfs()).await;
}

#[tokio::test]
async fn no_update_is_lost_on_ministack() {
    race(servers::ministack()).await;
}
