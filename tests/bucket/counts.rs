//! How many requests each thing takes, and how many are under way at once.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Bucket, Wrapping};
use crate::support::doubles::{Act, Double};
use crate::support::servers;
use crate::support::{path, put};
use vault::vault::{Prefix, Secret, Vault, login_password};

fn passing(bucket: &Bucket) -> Double {
    Double::new(bucket.server.port, |_, _| Act::Forward)
}

/// Requests by their first words since the last call.
struct Count<'d> {
    double: &'d Double,
    before: usize,
}

impl<'d> Count<'d> {
    fn of(double: &'d Double) -> Self {
        Self { double, before: double.seen().len() }
    }

    fn take(&mut self) -> Vec<String> {
        let seen = self.double.seen();
        let new = seen[self.before..].iter().map(|request| {
            let line = request.head.lines().next().unwrap_or_default();
            let mut words = line.split(' ');
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let kms = request.head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
            match kms {
                Some(target) => target.to_owned(),
                None if target.contains("list-type") => "list".to_owned(),
                None => format!("{method} {}", kind(target)),
            }
        });
        let mut new: Vec<String> = new.collect();
        self.before = seen.len();
        new.sort();
        new
    }
}

fn kind(target: &str) -> &'static str {
    match target {
        t if t.contains("/.vault/team/") => "note",
        t if t.contains("/.vault/obj/") => "pinned",
        t if t.contains("/h/") => "version",
        t if t.contains("/s/") => "head",
        _ => "other",
    }
}

async fn device(bucket: &Bucket, double: &Double, name: &str) -> Vault {
    bucket.device(name, bucket.server.options_at(double.endpoint.clone())).await.unwrap()
}

#[tokio::test]
async fn with_kms() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let double = passing(&bucket);
    put(&device(&bucket, &double, "one").await, "a", "1").await.unwrap();
    let mut count = Count::of(&double);
    // Opening asks nothing on a device that knows the vault.
    let vault = device(&bucket, &double, "one").await;
    assert!(count.take().is_empty());
    vault.read(&path("a"), None).await.unwrap();
    assert_eq!(count.take(), ["get head", "get note", "trentservice.decrypt"]);
    // A raw value over another: nothing has to be opened.
    put(&vault, "a", "2").await.unwrap();
    let generate = "trentservice.generatedatakey";
    assert_eq!(count.take(), ["get head", "get note", "put head", "put version", generate]);
    // A new one: that there is none is asked for along with the head, not after it. The second
    // list shows whether it was deleted while it had no head.
    put(&vault, "new", "1").await.unwrap();
    let all =
        ["get head", "get note", "get note", "list", "list", "put head", "put version", generate];
    assert_eq!(count.take(), all);
    vault.list(&Prefix::default()).await.unwrap();
    assert_eq!(count.take(), ["list"]);

    // Somebody with nothing but the pin and credentials.
    let options = bucket.server.options_at(double.endpoint.clone());
    let reader = bucket.reader(options, "a").await.unwrap();
    reader.read(&path("a"), None).await.unwrap();
    let all = ["get head", "get note", "get note", "trentservice.decrypt"];
    assert_eq!(count.take(), all);
    // Not taken twice: the second read asks again.
    reader.read(&path("a"), None).await.unwrap();
    assert_eq!(count.take(), ["get head", "get note", "trentservice.decrypt"]);

    // Which key it is, the notes say.
    assert_eq!(key_of(&vault).await, bucket.kms);
    assert_eq!(count.take(), ["head head"]);
}

/// The KMS key of the secret `a`.
async fn key_of(vault: &Vault) -> Option<String> {
    let header = vault.entry(path("a")).await.unwrap().unwrap().header.unwrap();
    vault.folder(&path("a"), Some(&header)).unwrap().kms
}

#[tokio::test]
async fn with_a_local_wrap() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Local).await;
    let double = passing(&bucket);
    let vault = device(&bucket, &double, "one").await;
    put(&vault, "a", "1").await.unwrap();
    vault.read(&path("a"), None).await.unwrap();
    let mut count = Count::of(&double);
    // The keyring is in the cache by now, of another run too.
    let vault = device(&bucket, &double, "one").await;
    vault.read(&path("a"), None).await.unwrap();
    assert_eq!(count.take(), ["get head", "get note"]);
    put(&vault, "a", "2").await.unwrap();
    assert_eq!(count.take(), ["get head", "get note", "put head", "put version"]);
    vault.history(&path("a")).await.unwrap();
    assert_eq!(count.take(), ["get note", "head version", "head version", "list"]);
    assert_eq!(key_of(&vault).await, None);
}

/// Holds requests for heads until enough of them are under way.
#[derive(Default)]
struct Gate {
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self, want: usize) {
        let mut waiting = self.waiting.lock().unwrap();
        *waiting += 1;
        self.changed.notify_all();
        let enough = |waiting: &mut usize| *waiting < want;
        let limit = Duration::from_secs(20);
        let (waiting, timeout) = self.changed.wait_timeout_while(waiting, limit, enough).unwrap();
        assert!(!timeout.timed_out(), "only {waiting} requests are under way");
    }
}

#[tokio::test]
async fn many_are_read_side_by_side() {
    const ALL: usize = 40;
    const AT_ONCE: usize = 32;
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let direct = bucket.device("one", bucket.server.options()).await.unwrap();
    let paths: Vec<_> = (0..ALL).map(|i| path(&format!("many/{i:02}"))).collect();
    for (i, path) in paths.iter().enumerate() {
        put(&direct, path.as_str(), &i.to_string()).await.unwrap();
    }
    let gate = Arc::new(Gate::default());
    let held = gate.clone();
    let double = Double::new(bucket.server.port, move |_, request| {
        if request.head.contains("/s/many/") {
            held.pass(AT_ONCE);
        }
        Act::Forward
    });
    let vault = device(&bucket, &double, "one").await;
    let mut paths = paths;
    paths.push(path("many/none"));
    let read = vault.read_many(&paths).await.unwrap();
    let kinds: Vec<bool> = read.iter().map(Result::is_ok).collect();
    assert_eq!(kinds.iter().filter(|ok| **ok).count(), ALL);
    assert!(!kinds[ALL], "one that is not there is no reason to fail the others");
    for (i, opened) in read.into_iter().take(ALL).enumerate() {
        assert_eq!(crate::support::text(opened.unwrap()), i.to_string());
    }
    let seen = double.seen();
    let notes = seen.iter().filter(|request| request.head.contains("/.vault/team/")).count();
    // One for all of them, and one to see that the vault is there where a name is not.
    assert_eq!(notes, 2, "the team's notes are asked for once, not once a secret");
}

#[tokio::test]
async fn a_login_is_found_with_a_list_and_read_with_a_get() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Local).await;
    let double = passing(&bucket);
    let vault = device(&bucket, &double, "one").await;
    let place = Prefix::parse("git/github.com").unwrap();
    let password = Secret::copy_of(b"s3cret");
    vault.keep_login(&place, "ann", &password).await.unwrap().expect("written");
    let mut count = Count::of(&double);
    let logins = vault.logins(&place).await.unwrap();
    let ann = vault.newest_login(logins).await.unwrap().unwrap();
    assert_eq!((count.take(), ann.user.as_str()), (vec!["list".to_owned()], "ann"));
    let opened = vault.read_if_there(&ann.path).await.unwrap().unwrap();
    assert_eq!(login_password(&ann.path, &opened).unwrap().bytes(), b"s3cret");
    assert_eq!(count.take(), ["get head", "get note"]);
    // What git stores after each fetch is there already.
    assert_eq!(vault.keep_login(&place, "ann", &password).await.unwrap(), None);
    assert_eq!(count.take(), ["get head", "get note", "list"]);
    let elsewhere = vault.logins(&Prefix::parse("git/other").unwrap()).await.unwrap();
    assert!(elsewhere.is_empty());
    assert_eq!(count.take(), ["get note", "list"], "is it still the vault that it was?");
    vault.keep_login(&place, "bob", &password).await.unwrap().expect("written");
    count.take();
    let logins = vault.logins(&place).await.unwrap();
    assert_eq!(vault.newest_login(logins).await.unwrap().unwrap().user.len(), 3);
    assert_eq!(count.take(), ["get note", "head head", "head head", "list"]);
    // Another password than the one that is there is not what was refused.
    let other = Secret::copy_of(b"other");
    assert_eq!(vault.drop_login(&ann, Some(&other)).await.unwrap(), None);
    vault.drop_login(&ann, Some(&password)).await.unwrap().expect("deleted");
    assert_eq!(vault.drop_login(&ann, Some(&password)).await.unwrap(), None);
    assert_eq!(vault.drop_login(&ann, None).await.unwrap(), None);
}

#[tokio::test]
async fn names_come_a_thousand_at_a_time() {
    const NAMES: usize = 5_000;
    let bucket = Bucket::new(servers::ministack(), Wrapping::Local).await;
    // Names are all that a listing needs.
    let script = format!(
        "s3 = client('s3')\nfrom concurrent.futures import ThreadPoolExecutor\n\
         def put(i): s3.put_object(Bucket='vaults', Key=f'{}s/load/{{i:05}}', Body=b'x')\n\
         list(ThreadPoolExecutor(8).map(put, range({NAMES})))",
        bucket.key("")
    );
    servers::python(bucket.server, &script);
    let double = passing(&bucket);
    let vault = device(&bucket, &double, "one").await;
    let mut count = Count::of(&double);
    let names = vault.list(&Prefix::parse("load").unwrap()).await.unwrap();
    assert_eq!(names.len(), NAMES);
    assert!(names.windows(2).all(|two| two[0] < two[1]));
    let requests = count.take();
    assert_eq!(requests, vec!["list"; NAMES / 1000]);
}
