//! A vault in a bucket of a real server.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleExpiration,
    LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration, VersioningConfiguration,
};
use vault::aws::{Aws, AwsOptions};

use super::super::home::{Home, finish};
use super::{Found, wait};
use crate::support::doubles::{Act, Double};
use crate::support::servers::{self, Server, make_bucket, make_key};

/// A bucket of its own, and a vault below a prefix in it.
struct Place {
    home: Home,
    server: &'static Server,
    bucket: String,
    client: aws_sdk_s3::Client,
}

fn place(server: &'static Server, more: &[&str]) -> Place {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let bucket = format!("doctor-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let client = wait(Aws::load(server.options())).unwrap().s3(&bucket).unwrap();
    wait(client.create_bucket().bucket(&bucket).send()).unwrap();
    let place = Place { home: Home::new(), server, bucket, client };
    let location = format!("s3://{}/team", place.bucket);
    let endpoint = server.endpoint();
    let mut init = vec!["init", &location, "--no-passphrase", "--recovery-out", "r"];
    init.extend(["--endpoint-s3", &endpoint, "--region", "us-east-1"]);
    init.extend(more);
    finish(place.command(&init), b"").ok();
    place
}

impl Place {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("AWS_ACCESS_KEY_ID", &self.server.access_key);
        command.env("AWS_SECRET_ACCESS_KEY", &self.server.secret_key);
        command
    }

    fn doctor(&self) -> Found {
        Found::of(finish(self.command(&["doctor", "--json"]), b""))
    }
}

#[test]
fn a_bucket_is_looked_at() {
    let place = place(servers::ministack(), &[]);
    let found = place.doctor();
    found.only(&["credentials", "passphrase"]);
    found.has("credentials", "skipped", "not asked");
    found.has("bucket", "ok", "is there");
    found.has("clock", "ok", "agree");
    found.has("store: conditional write", "ok", "works");
    found.has("permission to delete", "ok", "allowed");
    found.has("lifecycle rules", "ok", "none");
    let bucket = &place.bucket;
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(false)
        .restrict_public_buckets(true)
        .build();
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let rule = |prefix: &str| {
        let rule = LifecycleRule::builder().id("tidy up").status(ExpirationStatus::Enabled);
        let rule = rule.filter(LifecycleRuleFilter::builder().prefix(prefix).build());
        let rule =
            rule.expiration(LifecycleExpiration::builder().days(30).build()).build().unwrap();
        BucketLifecycleConfiguration::builder().rules(rule).build().unwrap()
    };
    let client = &place.client;
    wait(async {
        let put = client.put_public_access_block().bucket(bucket);
        put.public_access_block_configuration(block).send().await.unwrap();
        let put = client.put_bucket_versioning().bucket(bucket);
        put.versioning_configuration(on).send().await.unwrap();
        let put = client.put_bucket_lifecycle_configuration().bucket(bucket);
        put.lifecycle_configuration(rule("team/.vault/share/")).send().await.unwrap();
    });
    let found = place.doctor();
    found.only(&["bucket versioning", "credentials", "passphrase", "public access block"]);
    found.has("public access block", "warning", "everybody");
    found.has("bucket versioning", "warning", "noncurrent");
    wait(async {
        let put = client.put_bucket_lifecycle_configuration().bucket(bucket);
        put.lifecycle_configuration(rule("te")).send().await.unwrap();
    });
    place.doctor().has("lifecycle rules", "error", "tidy up removes");
}

#[test]
fn who_you_are_is_asked_where_that_is_known() {
    let place = place(servers::ministack(), &[]);
    let mut command = place.command(&["doctor", "--json"]);
    command.env("AWS_ENDPOINT_URL_STS", place.server.endpoint());
    Found::of(finish(command, b"")).has("credentials", "ok", "user/admin");
    let mut command = place.command(&["doctor", "--json"]);
    command.env("AWS_SECRET_ACCESS_KEY", "wrong");
    let found = Found::of(finish(command, b""));
    found.has("bucket", "warning", "not allowed");
    found.has("permission to read", "error", "AWS_PROFILE");
    found.has("store", "skipped", "nothing may be written");
}

#[test]
fn a_bucket_that_is_gone_is_an_error() {
    let place = place(servers::seaweedfs(), &[]);
    place.doctor().has("store: race of creators", "ok", "works");
    let config = place.home.path().join(".config/vault/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&place.bucket, "never-made")).unwrap();
    let found = place.doctor();
    found.has("bucket", "error", "no bucket");
    found.has("team chain", "error", "");
}

#[test]
fn kms_keys_are_proved() {
    let server = servers::ministack();
    let endpoint = server.endpoint();
    let options = AwsOptions { endpoint_kms: Some(endpoint.clone()), ..server.options() };
    let kms = wait(Aws::load(options)).unwrap().kms("us-east-1");
    let key = make_key(server);
    let place = place(server, &["--kms", &key, "--endpoint-kms", &endpoint]);
    place.doctor().has("KMS key of main", "ok", "wraps and unwraps");
    wait(kms.disable_key().key_id(&key).send()).unwrap();
    place.doctor().has("KMS key of main", "error", "isabled");
}

/// A server that ignores conditions.
fn careless() -> Double {
    Double::new(servers::moto().port, |_, request| match &request.head {
        head if head.contains("\nif-none-match: ") => Act::Without("if-none-match"),
        head if head.contains("\nif-match: ") => Act::Without("if-match"),
        _ => Act::Forward,
    })
}

#[test]
fn a_store_that_cannot_keep_writers_apart_is_for_one() {
    let double = careless();
    make_bucket(servers::moto(), "careless");
    let home = Home::new();
    let run = |args: &[&str], stdin: &[u8]| {
        let mut command = home.command(args);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
        finish(command, stdin)
    };
    let mut init = vec!["init", "s3://careless/team", "--no-passphrase", "--recovery-out", "r"];
    init.extend(["--endpoint-s3", &double.endpoint, "--region", "us-east-1"]);
    run(&init, b"").fails(1, "cannot keep two writers apart (create-only write");
    run(&init, b"").fails(1, "--single-writer");
    assert!(!home.path().join("r").exists() && !home.identity().exists());
    init.push("--single-writer");
    run(&init, b"").ok();
    let config = std::fs::read_to_string(home.path().join(".config/vault/config.toml")).unwrap();
    assert!(config.contains("single_writer = true"), "{config}");
    for value in [b"1", b"2"] {
        let put = run(&["put", "a"], value).ok();
        assert!(put.stderr.contains("for a single writer"), "{}", put.stderr);
    }
    let get = run(&["get", "a"], b"").ok();
    assert_eq!((get.text().as_str(), get.stderr.as_str()), ("2", ""));
    run(&["put", "a", "--if-version", "1"], b"3").fails(6, "at version 2");
    let rm = run(&["rm", "a"], b"").ok();
    assert!(rm.stderr.contains("for a single writer"), "{}", rm.stderr);
    run(&init, b"").fails(6, "");
    // Whoever joins finds out as well.
    let list = run(&["vaults", "--json"], b"").ok().json();
    let string = list[0]["join"].as_str().unwrap();
    let join = ["join", string, "--name", "again", "--endpoint-s3", &double.endpoint];
    run(&join, b"").fails(1, "cannot keep two writers apart");
    run(&[&join[..], &["--single-writer"]].concat(), b"").ok();
    let config = std::fs::read_to_string(home.path().join(".config/vault/config.toml")).unwrap();
    assert_eq!(config.matches("single_writer = true").count(), 2, "{config}");
    let found = Found::of(run(&["doctor", "--json"], b""));
    found.has("writers", "warning", "one");
    found.has("store: create-only write", "warning", "accepted");
    found.has("store: metadata", "ok", "works");
    let config = home.path().join(".config/vault/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("single_writer = true", "", 1)).unwrap();
    let without = Found::of(run(&["doctor", "--json"], b""));
    without.has("store: create-only write", "error", "--single-writer");
    std::fs::write(&config, text).unwrap();
    assert!(run(&["config", "list"], b"").ok().text().contains("single_writer\ttrue"));
}

#[test]
fn whoever_only_reads_is_told_what_is_missing() {
    let place = place(servers::ministack(), &[]);
    let bucket = &place.bucket;
    let statements = format!(
        r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}},
        {{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::{bucket}"}}"#
    );
    let reader = servers::user(place.server, "doctor-reader", &statements);
    let mut command = place.command(&["doctor", "--json"]);
    command.env("AWS_ACCESS_KEY_ID", &reader.access_key);
    command.env("AWS_SECRET_ACCESS_KEY", &reader.secret_key);
    let found = Found::of(finish(command, b""));
    found.has("permission to write", "warning", r#""Action":"s3:PutObject""#);
    found.has("permission to delete", "warning", r#""Action":"s3:DeleteObject""#);
    found.has("permission to read", "ok", "allowed");
    found.has("permission to list", "ok", "allowed");
    found.has("store", "skipped", "nothing may be written");
    found.has("bucket versioning", "skipped", "s3:GetBucketVersioning");
    found.has("team chain", "ok", "note 0");
}
