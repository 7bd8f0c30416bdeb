//! What goes wrong for a reason, and how it is told; and what the options do.

use std::process::Command;
use std::time::{Duration, Instant};

use super::super::wait;
use super::fresh_prefix;
use crate::support::doubles::{Act, Double, answer, error};
use crate::support::servers::{self, Server, make_bucket};
use vault::aws::{Aws, AwsOptions, Sse};
use vault::store::{Condition, Etag, Listing, Metadata, Result, S3Store, Store, StoreError};
use vault::vault::{Error, Kind};

async fn store(options: AwsOptions, bucket: &str) -> S3Store {
    S3Store::new(&Aws::load(options).await.unwrap(), bucket, &fresh_prefix()).unwrap()
}

async fn put(store: &S3Store) -> Result<Etag> {
    store.put("k", &Metadata::new(), b"x", &Condition::None).await
}

/// Get, put, list and delete of one store, each without its result.
async fn all(store: &S3Store) -> [Result<()>; 4] {
    [
        store.get("k", 9).await.map(|_| ()),
        put(store).await.map(|_| ()),
        store.list(&Listing::default()).await.map(|_| ()),
        store.delete("k", None).await,
    ]
}

#[test]
fn wrong_keys_are_wrong_credentials() {
    let servers: [&Server; 2] = [servers::ministack(), servers::seaweedfs()];
    for server in servers {
        make_bucket(server, "errors");
        for (access_key, secret_key) in [(server.access_key.as_str(), "wrong"), ("nobody", "wrong")]
        {
            let credentials = Some(servers::credentials(access_key, secret_key));
            let options = AwsOptions { credentials, ..server.options() };
            for failed in wait(async { all(&store(options, "errors").await).await }) {
                let error = failed.unwrap_err();
                assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
                let text = format!("{error:?}");
                assert!(!text.contains("wrong"), "{text}");
                assert_eq!(Error::from(error).kind, Kind::Credentials);
            }
        }
    }
}

#[test]
fn a_missing_bucket_is_missing() {
    for server in [servers::ministack(), servers::seaweedfs(), servers::moto()] {
        let mut failed = wait(async {
            let store = store(server.options(), "no-such-bucket").await;
            let listed = store.list(&Listing::default()).await.map(|_| ());
            vec![store.get("k", 9).await.map(|_| ()), listed]
        });
        // SeaweedFS makes the bucket of an administrator who writes.
        if server.port != servers::seaweedfs().port {
            failed.extend(wait(async {
                all(&store(server.options(), "no-such-bucket").await).await
            }));
        }
        for failed in failed {
            let missing = matches!(&failed, Err(StoreError::NoBucket { bucket, .. })
                if bucket == "no-such-bucket");
            assert!(missing, "{}: {failed:?}", server.endpoint());
        }
    }
}

#[test]
fn a_closed_port_is_the_network() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = servers::ministack().options_at(format!("http://127.0.0.1:{port}"));
    let error = wait(async { put(&store(options, "bucket").await).await.unwrap_err() });
    let StoreError::Network { place, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*place, format!("http://127.0.0.1:{port}"));
    let error = Error::from(error);
    assert_eq!(error.kind, Kind::Network);
    assert!(error.hint.unwrap().contains("check the network, the endpoint"));
}

#[test]
fn a_port_without_tls_is_told() {
    let port = servers::ministack().port;
    let options = servers::ministack().options_at(format!("https://127.0.0.1:{port}"));
    let error =
        Error::from(wait(async { put(&store(options, "bucket").await).await.unwrap_err() }));
    assert_eq!(error.kind, Kind::Network);
    assert!(error.message.contains("TLS handshake"), "{error}");
    assert!(error.hint.unwrap().contains("speaks no TLS"));
}

/// Answers as Amazon gives them, and what they are for people.
#[test]
fn answers_have_their_meaning() {
    let redirect = || {
        let body = "<Error><Code>PermanentRedirect</Code></Error>";
        answer(301, "x-amz-bucket-region: eu-north-1\r\n", body)
    };
    let hidden = "<Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: \
                  s3:ListBucket on resource: y</Message></Error>";
    let odd = answer(301, "x-amz-bucket-region: eu-west-1; rm -rf /\r\n", "");
    let answers: [(String, Kind, &str, &str); 15] = [
        // What S3 says of something that is missing to whoever may not list.
        (
            answer(403, "", hidden),
            Kind::Denied,
            "s3:ListBucket on arn:aws:s3:::bucket",
            "s3:prefix",
        ),
        (odd, Kind::Usage, "is in another region", "set the vault's region"),
        (
            error(403, "AccessDenied"),
            Kind::Denied,
            "s3:PutObject on arn:aws:s3:::bucket/test",
            "{\"Action\":\"s3:PutObject\",\"Effect\":\"Allow\"",
        ),
        (
            error(403, "RequestTimeTooSkewed"),
            Kind::Credentials,
            "clocks",
            "set this computer's clock",
        ),
        (error(400, "ExpiredToken"), Kind::Credentials, "ExpiredToken: said so", "log in again"),
        (
            error(403, "SignatureDoesNotMatch"),
            Kind::Credentials,
            "SignatureDoesNotMatch",
            "AWS_PROFILE",
        ),
        (redirect(), Kind::Usage, "another region: eu-north-1", "--region eu-north-1"),
        (error(501, "NotImplemented"), Kind::General, "cannot do s3:PutObject", ""),
        (error(404, "NoSuchBucket"), Kind::NotFound, "no bucket \"bucket\"", "check the name"),
        (error(403, "InvalidObjectState"), Kind::General, "archive", "restore it"),
        (error(503, "SlowDown"), Kind::Network, "SlowDown", "then try again"),
        (error(412, "PreconditionFailed"), Kind::Conflict, "changed by somebody else", "try again"),
        (error(400, "MetadataTooLarge"), Kind::Usage, "MetadataTooLarge", ""),
        (error(400, "SomethingNew"), Kind::General, "SomethingNew: said so", ""),
        (answer(403, "", "no XML at all"), Kind::Denied, "s3:PutObject", "a policy has to say"),
    ];
    for (answer, kind, text, hint) in answers {
        let shown = answer.clone();
        let double = Double::new(0, move |_, _| Act::Answer(answer.clone()));
        let options = servers::moto().options_at(double.endpoint.clone());
        let error = wait(async { put(&store(options, "bucket").await).await.unwrap_err() });
        let error = Error::from(error);
        assert_eq!(error.kind, kind, "{shown}: {error:?}");
        assert!(error.message.contains(text), "{shown}: {error}");
        assert!(error.hint.unwrap_or_default().contains(hint), "{shown}: {hint}");
    }
}

#[test]
fn what_is_stored_badly_is_damaged() {
    let etag = "ETag: \"e\"\r\n";
    let broken = [
        answer(200, "", "no etag"),
        answer(200, &format!("{etag}x-amz-missing-meta: 1\r\n"), "metadata that cannot be sent"),
    ];
    for answer in broken {
        let double = Double::new(0, move |_, _| Act::Answer(answer.clone()));
        let options = servers::moto().options_at(double.endpoint.clone());
        let read = wait(async { store(options, "bucket").await.get("k", 99).await.map(|_| ()) });
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    }
}

#[test]
fn options_are_sent() {
    let double = Double::new(0, |_, _| Act::Answer(answer(200, "ETag: \"e\"\r\n", "")));
    let options = AwsOptions {
        requester_pays: true,
        expected_owner: Some("123456789012".to_owned()),
        storage_class: Some("STANDARD_IA".to_owned()),
        sse: Sse::Kms { key: Some("a-key".to_owned()), bucket_key: true },
        ..servers::moto().options_at(double.endpoint.clone())
    };
    wait(async {
        let store = store(options, "bucket").await;
        put(&store).await.unwrap();
        store.get("k", 9).await.unwrap();
        store.head("k").await.unwrap();
        store.delete("k", Some(&Etag("\"e\"".to_owned()))).await.unwrap();
    });
    let seen = double.seen();
    for request in &seen {
        assert!(request.head.contains("\r\nx-amz-request-payer: requester"), "{}", request.head);
        assert!(request.head.contains("\r\nx-amz-expected-bucket-owner: 123456789012"));
        assert!(request.head.split("\r\n").next().unwrap().contains(" /bucket/test"));
    }
    for header in [
        "x-amz-storage-class: standard_ia",
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: a-key",
        "x-amz-server-side-encryption-bucket-key-enabled: true",
    ] {
        assert!(seen[0].head.contains(header), "{header}: {}", seen[0].head);
    }
    assert!(seen[3].head.contains("\r\nif-match: \"e\""), "{}", seen[3].head);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let at = |endpoint: &str| AwsOptions {
        endpoint_s3: Some(endpoint.to_owned()),
        ..servers::moto().options()
    };
    wait(async {
        for endpoint in ["http://s3.example.org", "s3.example.org", "http://10.0.0.1"] {
            assert!(Aws::load(at(endpoint)).await.is_err(), "{endpoint}");
        }
        let aws = Aws::load(at("https://s3.example.org")).await.unwrap();
        for (bucket, prefix) in [("UPPER", ""), ("b", ""), ("bucket", "line\nbreak")] {
            let refused = S3Store::new(&aws, bucket, prefix).map(|_| ());
            assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{bucket} {prefix:?}");
        }
        // Options that exclude each other are only known to the SDK.
        let both = AwsOptions { dual_stack: true, ..at("https://s3.example.org") };
        let refused = put(&store(both, "bucket").await).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    });
}

/// Set in the process that is started with nothing else.
const CHILD: &str = "VAULT_TEST_CHILD";

#[test]
fn nothing_waits_for_instance_metadata() {
    if std::env::var_os(CHILD).is_some() {
        return without_anything();
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["store::s3::errors::nothing_waits_for_instance_metadata", "--exact"]);
    command.env_clear().env(CHILD, "1").env("HOME", home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn without_anything() {
    let begun = Instant::now();
    wait(async {
        let error = Aws::load(AwsOptions::default()).await.unwrap_err();
        assert!(error.to_string().contains("no region"), "{error}");
        let options =
            AwsOptions { region: Some("eu-central-1".to_owned()), ..AwsOptions::default() };
        let error = put(&store(options, "bucket").await).await.unwrap_err();
        assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
    });
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}
