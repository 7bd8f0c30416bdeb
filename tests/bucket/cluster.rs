//! A store of several machines that loses one and gets it back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};

use super::{Bucket, Wrapping};
use crate::support::servers::Cluster;
use crate::support::{get, put};
use vault::vault::Kind;

const WRITES: usize = 500;
const AT_ONCE: usize = 8;

#[tokio::test]
async fn what_was_acknowledged_outlives_a_volume_server() {
    let cluster = Cluster::start();
    let bucket = Bucket::new(cluster.server(), Wrapping::Local).await;
    let vault = Arc::new(bucket.device("one", cluster.server().options()).await.unwrap());
    let done = AtomicUsize::new(0);
    let errors: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    let count = |kind: Kind| *errors.lock().unwrap().entry(kind.name()).or_default() += 1;
    let (vault, cluster, done, count) = (&vault, &cluster, &done, &count);
    let write = |i: usize| async move {
        match done.fetch_add(1, Ordering::Relaxed) {
            150 => cluster.stop_one(),
            350 => cluster.start_it_again(),
            _ => {}
        }
        let name = format!("load/{:02}/{i:03}", i % 20);
        let written = put(vault, &name, &i.to_string()).await;
        match written {
            Ok(_) => {}
            // Claimed or not, it was not acknowledged.
            Err(e) if matches!(e.kind, Kind::Network | Kind::Partial) => {
                count(e.kind);
                return None;
            }
            Err(e) => panic!("{name}: {e:?}"),
        }
        match get(vault, &name).await {
            Ok(value) => assert_eq!(value, i.to_string()),
            Err(Kind::Network) => count(Kind::Network),
            Err(kind) => panic!("{name}: {kind:?}"),
        }
        Some((name, i))
    };
    let acknowledged: Vec<_> =
        stream::iter(0..WRITES).map(write).buffer_unordered(AT_ONCE).collect().await;
    let acknowledged: Vec<_> = acknowledged.into_iter().flatten().collect();
    cluster.wait_until_whole();
    let fresh = bucket.device("fresh", cluster.server().options()).await.unwrap();
    for (name, i) in &acknowledged {
        assert_eq!(get(&fresh, name).await.as_deref(), Ok(i.to_string().as_str()), "{name}");
    }
    println!(
        "cluster: {} of {WRITES} acknowledged, errors: {:?}",
        acknowledged.len(),
        errors.lock()
    );
    assert!(acknowledged.len() > WRITES / 2);
}
