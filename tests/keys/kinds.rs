//! Keyrings for every kind of recipient at once, and identities whose key is one of SSH.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use vault::core::error::{Error, Kind, Result};
use vault::core::secret::Secret;
use vault::keys::identity::{Identity, Keeper, LockedIdentity, PublicIdentity, with_ssh_key};
use vault::keys::keyring::Keyring;
use vault::keys::plugin::Ask;
use vault::keys::recipient::{self, Recipient};

use crate::support::plugins::{ssh_key, ssh_key_path};

const TAG: &str = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";
pub const TAG_PQ: &str = include_str!("tagpq.txt");

/// Answers each question with the next of its answers, and notes the questions.
#[derive(Default)]
pub struct Answers {
    pub answers: std::sync::Mutex<Vec<&'static str>>,
    pub asked: std::sync::Mutex<Vec<String>>,
}

impl Answers {
    pub fn new(answers: &[&'static str]) -> Arc<Self> {
        let answers = answers.iter().rev().copied().collect::<Vec<_>>().into();
        Arc::new(Self { answers, ..Self::default() })
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn next(&self, question: &str) -> Result<&'static str> {
        self.asked.lock().unwrap().push(question.to_owned());
        self.answers.lock().unwrap().pop().ok_or_else(|| Error::usage("nobody is there"))
    }
}

impl Ask for Answers {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        self.next(what).map(|answer| Secret::copy_of(answer.as_bytes()))
    }

    fn tell(&self, message: &str) {
        self.asked.lock().unwrap().push(format!("told: {message}"));
    }

    fn hidden(&self, question: &str) -> Result<Secret> {
        self.passphrase(question)
    }

    fn line(&self, question: &str) -> Result<String> {
        self.next(question).map(str::to_owned)
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool> {
        self.next(&format!("{question} {yes}/{}", no.unwrap_or("-"))).map(|answer| answer == yes)
    }
}

/// An identity with an SSH key, and its file.
fn of_ssh(name: &str) -> (Identity, Secret) {
    let ask = Answers::new(&["correct horse"]);
    with_ssh_key(&ssh_key_path(name), &ssh_key(name), &*ask).unwrap()
}

fn reopen(file: &Secret, key: &str, ask: Arc<dyn Ask>) -> Result<Identity> {
    let locked = LockedIdentity::parse(file)?;
    let path = locked.ssh_key_path().expect("names a key").to_owned();
    locked.with_ssh_key(path, ssh_key(key)).open(ask)
}

fn opens(files: &[Vec<u8>], who: &Identity) -> Vec<bool> {
    let open = |file: &Vec<u8>| Keyring::open(file, "main", 1, who.age()).unwrap().is_some();
    files.iter().map(open).collect()
}

/// The header of an age file: who can open it.
fn header(file: &[u8]) -> String {
    let end = file.windows(4).position(|w| w == b"\n---").expect("an age file");
    String::from_utf8(file[..end].to_vec()).unwrap()
}

#[test]
fn every_kind_opens_a_keyring_that_is_sealed_to_all_of_them() {
    let (own, stranger) = (Identity::random(), Identity::random());
    let (ssh, sealed) = (of_ssh("ed25519").0, of_ssh("ed25519-sealed").0);
    let to = [TAG_PQ.trim(), TAG, &ssh.public().recipient, &own.public().recipient];
    let to = [&to[..], &[&sealed.public().recipient]].concat();
    let keyring = Keyring::first("main");
    let files = keyring.seal(&to).unwrap();
    assert_eq!(files.len(), 2);
    for who in [&own, &ssh, &sealed] {
        assert_eq!(opens(&files, who), [true, false], "{}", who.keeper());
    }
    assert_eq!(opens(&files, &stranger), [false, false]);
    let kinds = |file: &[u8]| {
        let header = header(file);
        ["-> X25519 ", "-> ssh-ed25519 ", "-> p256tag ", "-> mlkem768p256tag "]
            .map(|kind| header.matches(kind).count())
    };
    assert_eq!(kinds(&files[0]), [1, 2, 1, 0]);
    assert_eq!(kinds(&files[1]), [0, 0, 0, 1]);
}

#[test]
fn kinds_that_can_share_a_file_do() {
    let own = Identity::random();
    let keyring = Keyring::first("main");
    let count = |to: &[&str]| keyring.seal(to).unwrap().len();
    assert_eq!(count(&[&own.public().recipient]), 1);
    assert_eq!(count(&[TAG_PQ.trim(), TAG_PQ.trim()]), 1);
    assert_eq!(count(&[TAG_PQ.trim(), &own.public().recipient, TAG_PQ.trim()]), 2);
    let text = Secret::copy_of(b"x");
    assert!(recipient::encrypt(&[TAG, &own.public().recipient], &text).is_ok());
    let mixed = recipient::encrypt(&[TAG_PQ.trim(), &own.public().recipient], &text).unwrap_err();
    assert_eq!(mixed.message, "these recipients cannot share one age file");
    assert!(keyring.seal(&[]).is_err());
}

#[test]
fn a_file_that_nobody_would_read_is_not_written() {
    let (own, keyring) = (Identity::random(), Keyring::first("main"));
    let mut to = vec![TAG_PQ.trim(); 600];
    assert_eq!(keyring.seal(&to).unwrap().len(), 1);
    to.extend([TAG_PQ.trim(); 100]);
    to.push(&own.public().recipient);
    let error = keyring.seal(&to).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert!(error.message.contains("too many recipients"), "{}", error.message);
}

#[test]
fn one_bad_recipient_seals_nothing() {
    let own = Identity::random();
    let rsa = std::fs::read_to_string(ssh_key_path("rsa.pub")).unwrap();
    for (bad, says) in [
        (rsa.trim(), "RSA keys of SSH are not taken as recipients"),
        ("age1xyz", "not a recipient: age1xyz"),
        ("", "not a recipient: "),
        ("ssh-ed25519 AAAA", "not a recipient: ssh-ed25519 AAAA"),
    ] {
        let error = Keyring::first("main").seal(&[&own.public().recipient, bad]).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::Usage, says));
        assert!(error.hint.is_some());
    }
}

#[test]
fn stock_age_opens_with_the_ssh_key_what_is_sealed_to_it() {
    let (ssh, _) = of_ssh("ed25519");
    let files = Keyring::first("main").seal(&[&ssh.public().recipient]).unwrap();
    // As ssh and age both want it: for the owner alone.
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::copy(ssh_key_path("ed25519"), &key).unwrap();
    let mut age = Command::new("age");
    age.args(["-d", "-i"]).arg(&key).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = age.spawn().expect("`age` is there");
    child.stdin.take().unwrap().write_all(&files[0]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(Keyring::decode(&output.stdout).is_ok());
}

#[test]
fn an_identity_with_an_ssh_key_comes_back_from_its_file() {
    for (name, asked) in [("ed25519", 0), ("ed25519-sealed", 1)] {
        let (identity, file) = of_ssh(name);
        let ask = Answers::new(&["correct horse"]);
        let back = reopen(&file, name, ask.clone()).unwrap();
        assert_eq!(back.public(), identity.public());
        assert_eq!(back.signing_seed().bytes(), identity.signing_seed().bytes());
        assert_eq!(back.keeper(), &Keeper::Ssh(ssh_key_path(name)));
        assert_eq!(ask.asked().len(), asked);
        assert_eq!(PublicIdentity::parse(&back.id_string()).unwrap(), *identity.public());
        let public = std::fs::read_to_string(ssh_key_path(&format!("{name}.pub"))).unwrap();
        assert_eq!(back.public().recipient, Recipient::read(&public).unwrap().to_string());
        let key = back.age_secret_key().map(drop).unwrap_err();
        assert!(key.message.starts_with("this identity's key is the SSH key /"));
    }
    let same = (of_ssh("ed25519").0, of_ssh("ed25519").0);
    assert_ne!(same.0.public().key, same.1.public().key, "each has a signing key of its own");
}

#[test]
fn it_opens_with_that_key_and_passphrase_only() {
    let (_, file) = of_ssh("ed25519");
    let nobody = || Answers::new(&[]);
    let refused = |result: Result<Identity>, kind: Kind, says: &str| {
        let error = result.map(drop).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.starts_with(says), "{}", error.message);
    };
    let other = reopen(&file, "ed25519-sealed", Answers::new(&["correct horse"]));
    refused(other, Kind::Credentials, "the identity was not made with the SSH key /");
    refused(reopen(&file, "ed25519.pub", nobody()), Kind::Usage, "the SSH key /");
    let alone = LockedIdentity::parse(&file).unwrap();
    assert!(!alone.needs_passphrase());
    refused(alone.open(nobody()), Kind::Credentials, "opening the identity takes the SSH key /");
    let closed = Identity::from_file(&file, || panic!("asks nothing"));
    refused(closed, Kind::Credentials, "cannot open the identity");

    let (_, file) = of_ssh("ed25519-sealed");
    let locked = LockedIdentity::parse(&file).unwrap();
    assert!(locked.with_ssh_key("/k".into(), ssh_key("ed25519-sealed")).needs_passphrase());
    let wrong = reopen(&file, "ed25519-sealed", Answers::new(&["correct house"]));
    refused(wrong, Kind::Credentials, "cannot open the SSH key /");
    let empty = reopen(&file, "ed25519-sealed", Answers::new(&[""]));
    refused(empty, Kind::Credentials, "cannot open the SSH key /");
    refused(reopen(&file, "ed25519-sealed", nobody()), Kind::Usage, "nobody is there");
}

#[test]
fn no_changed_file_opens() {
    let (identity, file) = of_ssh("ed25519");
    let text = file.text().unwrap();
    let key_line = text.lines().next().unwrap().len() + 1;
    let path_end = key_line + text.lines().nth(1).unwrap().len();
    for at in 0..file.len() {
        let mut edited = file.bytes().to_vec();
        edited[at] ^= 1;
        let edited = Secret::new(edited);
        let Ok(locked) = LockedIdentity::parse(&edited) else { continue };
        let opened = locked.with_ssh_key("/k".into(), ssh_key("ed25519")).open(Answers::new(&[]));
        // Where the key is said to be is no secret, and what is found there has to open it.
        let harmless = (key_line + 5..path_end).contains(&at);
        assert_eq!(opened.is_ok(), harmless, "{at}");
        assert!(opened.is_err() || opened.is_ok_and(|i| i.public() == identity.public()));
    }
    for at in 0..file.len() {
        let cut = Secret::copy_of(&file.bytes()[..at]);
        let opened = LockedIdentity::parse(&cut)
            .and_then(|l| l.with_ssh_key("/k".into(), ssh_key("ed25519")).open(Answers::new(&[])));
        assert!(opened.is_err(), "{at}");
    }
}

#[test]
fn the_recipient_cannot_be_exchanged_in_the_file() {
    let (ann, _) = of_ssh("ed25519");
    let eve = of_ssh("ed25519-sealed").0;
    // Whoever writes the file does not know the seed, and cannot keep it with another recipient.
    let mut inside = vault::core::text::lps(&[eve.public().recipient.as_bytes()]);
    inside.extend([7; 32]);
    let sealed = recipient::encrypt(&[&ann.public().recipient], &Secret::new(inside)).unwrap();
    let b64 = vault::core::text::b64(&sealed);
    let file = Secret::new(format!("vault-identity/v1 age\nssh /k\n{b64}\n").into_bytes());
    let opened = reopen(&file, "ed25519", Answers::new(&[]));
    assert_eq!(opened.map(drop).unwrap_err().message, "cannot open the identity");
}

#[test]
fn other_ssh_keys_are_refused_with_a_way_out() {
    let junk = Secret::copy_of(b"junk");
    let relative = with_ssh_key(Path::new("id"), &ssh_key("ed25519"), &*Answers::new(&[]));
    assert_eq!(relative.map(drop).unwrap_err().kind, Kind::Usage);
    for (name, says) in [
        ("rsa", "of the kind ssh-rsa, and only ed25519 is taken"),
        ("ecdsa", "of the kind ecdsa-sha2-nistp256, and only ed25519 is taken"),
        ("rsa-pem", "is in an old form"),
        ("ed25519.pub", "is no private key in the form of OpenSSH"),
        ("junk", "is no private key in the form of OpenSSH"),
    ] {
        let key = if name == "junk" { Secret::copy_of(junk.bytes()) } else { ssh_key(name) };
        let made = with_ssh_key(Path::new("/k"), &key, &*Answers::new(&[]));
        let error = made.map(drop).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.message.contains(says), "{name}: {}", error.message);
        assert!(error.hint.is_some(), "{name}");
    }
}
