//! Answers that are late, lost, cut or "try again".

use std::time::{Duration, Instant};

use super::super::{metadata, wait};
use super::fresh_prefix;
use crate::support::doubles::{Act, Double, answer, error};
use crate::support::servers::{self, Server, make_bucket};
use vault::aws::{Aws, AwsOptions};
use vault::store::{Condition, Metadata, S3Store, Store, StoreError};

/// How often a request is sent at most.
const ATTEMPTS: usize = 5;

fn server() -> &'static Server {
    let server = servers::seaweedfs();
    make_bucket(server, "faults");
    server
}

/// A store that talks to the double, and gives up an attempt after a second.
fn through(double: &Double) -> S3Store {
    through_with(double, Duration::from_secs(1))
}

fn through_with(double: &Double, attempt: Duration) -> S3Store {
    let options = AwsOptions {
        attempt_timeout: Some(attempt),
        ..server().options_at(double.endpoint.clone())
    };
    S3Store::new(&wait(Aws::load(options)).unwrap(), "faults", &fresh_prefix()).unwrap()
}

async fn create(store: &S3Store) -> Result<(), StoreError> {
    store.put("k", &metadata(&[("a", "b")]), b"body", &Condition::Absent).await.map(|_| ())
}

#[test]
fn what_failed_before_it_was_done_is_done_again() {
    type Make = fn() -> Act;
    let acts: [Make; 7] = [
        || Act::Answer(error(503, "SlowDown")),
        || Act::Answer(error(500, "InternalError")),
        || Act::Answer(error(429, "TooManyRequests")),
        || Act::Answer(error(409, "ConditionalRequestConflict")),
        || Act::Answer(answer(502, "", "<html>not from S3")),
        || Act::Drop,
        || Act::Hang(Duration::from_secs(2)),
    ];
    for act in acts {
        let double =
            Double::new(server().port, move |n, _| if n < 2 { act() } else { Act::Forward });
        let store = through(&double);
        wait(async {
            create(&store).await.unwrap();
            assert_eq!(double.seen().len(), 3);
            assert_eq!(store.get("k", 9).await.unwrap().body, b"body");
        });
    }
}

#[test]
fn a_lost_answer_to_a_creation_is_a_conflict_with_our_own_object() {
    for lost in [|| Act::Instead(error(503, "SlowDown")), || Act::Cut(0)] {
        let double =
            Double::new(server().port, move |n, _| if n == 0 { lost() } else { Act::Forward });
        let store = through(&double);
        wait(async {
            let created = create(&store).await;
            assert!(matches!(created, Err(StoreError::Conflict { .. })), "{created:?}");
            // What the vault does then: it looks whether the object is its own.
            assert_eq!(store.get("k", 9).await.unwrap().body, b"body");
        });
    }
}

#[test]
fn attempts_are_bounded() {
    type Make = fn() -> Act;
    let acts: [Make; 4] = [
        || Act::Answer(error(503, "SlowDown")),
        || Act::Answer(error(429, "TooManyRequests")),
        || Act::Drop,
        || Act::Hang(Duration::from_secs(20)),
    ];
    for act in acts {
        let double = Double::new(0, move |_, _| act());
        let store = through_with(&double, Duration::from_millis(300));
        wait(async {
            let begun = Instant::now();
            let created = create(&store).await;
            assert!(matches!(created, Err(StoreError::Network { .. })), "{created:?}");
            assert_eq!(double.seen().len(), ATTEMPTS);
            assert!(begun.elapsed() < Duration::from_secs(15));
        });
    }
    let double = Double::new(0, |_, _| Act::Answer(error(409, "ConditionalRequestConflict")));
    let store = through(&double);
    wait(async {
        let created = create(&store).await;
        assert!(matches!(created, Err(StoreError::Conflict { .. })), "{created:?}");
        assert_eq!(double.seen().len(), ATTEMPTS);
    });
}

#[test]
fn a_body_that_breaks_off_is_read_again() {
    let whole = || Act::Answer(answer(200, "ETag: \"e\"\r\n", "0123456789"));
    let cut = || {
        let text = answer(200, "ETag: \"e\"\r\n", "0123456789");
        Act::Answer(text[..text.len() - 4].to_owned())
    };
    let double = Double::new(0, move |n, _| if n == 0 { cut() } else { whole() });
    let store = through(&double);
    wait(async {
        let object = store.get("k", 10).await.unwrap();
        assert_eq!((object.body.as_slice(), object.etag.0.as_str()), (&b"0123456789"[..], "\"e\""));
        assert_eq!(double.seen().len(), 2);
    });
    let double = Double::new(0, move |_, _| cut());
    let store = through(&double);
    wait(async {
        let read = store.get("k", 10).await.map(|_| ());
        assert!(matches!(read, Err(StoreError::Network { .. })), "{read:?}");
        assert_eq!(double.seen().len(), 3);
    });
}

#[test]
fn the_limit_holds_whatever_length_is_announced() {
    let chunked = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 1000000000000\r\n\r\n0";
    for text in [chunked, endless] {
        let double = Double::new(0, move |_, _| Act::Answer(text.to_owned()));
        let store = through(&double);
        wait(async {
            let read = store.get("k", 9).await.map(|_| ());
            assert!(matches!(read, Err(StoreError::TooLarge { limit: 9, .. })), "{read:?}");
            assert_eq!(double.seen().len(), 1);
        });
    }
    let double = Double::new(0, move |_, _| Act::Answer(chunked.to_owned()));
    let store = through(&double);
    let read = wait(store.get("k", 10));
    assert_eq!(read.unwrap().body, b"0123456789");
}

#[test]
fn a_store_that_refuses_trailing_checksums_is_served() {
    let double = Double::new(server().port, |_, request| {
        let newer = ["aws-chunked", "x-amz-trailer", "x-amz-checksum", "x-amz-sdk-checksum"];
        match newer.iter().any(|word| request.head.contains(word)) {
            true => Act::Answer(error(400, "XAmzContentSHA256Mismatch")),
            false => Act::Forward,
        }
    });
    let store = through(&double);
    wait(async {
        create(&store).await.unwrap();
        let object = store.get("k", 9).await.unwrap();
        store.put("k", &Metadata::new(), b"", &Condition::Matches(object.etag)).await.unwrap();
        assert_eq!(store.head("k").await.unwrap().size, 0);
        // The body is covered all the same, and by what every store knows.
        let sent = &double.seen()[0].head;
        assert!(sent.contains("\r\ncontent-md5: hbotajrya9fhfedfpclg/a=="), "{sent}");
        assert!(
            sent.contains("\r\nx-amz-content-sha256: 230d8358dc8e8890b4c58deeb62912ee"),
            "{sent}"
        );
    });
}
