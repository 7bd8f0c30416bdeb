//! What the agent does with an identity, and that it does nothing else.

use vault::core::cipher::verify;
use vault::core::error::Kind;
use vault::core::header::{GroupGen, Header, KeyId, Kind as Content, Op, record};
use vault::core::text::b64;
use vault::keys::holder::DeviceFiles;
use vault::keys::keyring::Keyring;
use vault::team::{Note, Op as TeamOp};
use vault::vault::agent::{Agent, Answer, Problem, Request};

use super::{HOUR, TestClock, agent, hold, id, problem};
use crate::support::{ANN, identity, path};

const BOB: u8 = 2;

fn holding_ann() -> Agent {
    let mut agent = agent(&TestClock::default());
    assert!(matches!(agent.answer(hold(ANN, HOUR)), Answer::Public(_)));
    agent
}

fn header(by: KeyId) -> String {
    let group = GroupGen { group: "main".into(), generation: 1 };
    Header {
        n: 2,
        op: Op::Write,
        kind: Content::Doc,
        group,
        from: 1,
        since: 0,
        prev: [1; 32],
        body: [2; 32],
        team_seq: 0,
        team_hash: [3; 16],
        time: 1_763_806_000,
        by,
    }
    .to_string()
}

fn sign(header: String, suite: &str, message_id: &str) -> Request {
    Request::SignRecord {
        id: id(ANN),
        vault: [9; 32],
        path: path("a/b"),
        header,
        suite: suite.into(),
        message_id: message_id.into(),
        commitment: b64(&[4; 28]),
    }
}

fn note() -> Note {
    Note {
        vault: Some([9; 32]),
        seq: 3,
        prev: [1; 32],
        time: 1_763_806_000,
        state: [2; 32],
        ops: vec![TeamOp::MemberAdd("mira".into())],
    }
}

#[test]
fn records_and_notes_are_signed() {
    let (mut agent, key) = (holding_ann(), identity(ANN).public().key);
    let (message_id, commitment) = (b64(&[5; 28]), b64(&[4; 28]));
    let request = sign(header(id(ANN)), "115", &message_id);
    let Answer::Signature(signature) = agent.answer(request) else { panic!() };
    let signed = record(&[9; 32], &path("a/b"), &header(id(ANN)), "115", &message_id, &commitment);
    assert!(verify(&key, &signed, &signature));
    let text = note().text();
    let answer = agent.answer(Request::SignNote(id(ANN), text.clone()));
    let Answer::Signature(signature) = answer else { panic!() };
    assert!(verify(&key, text.as_bytes(), &signature));
}

#[test]
fn nothing_else_is_signed() {
    let (mut agent, message_id) = (holding_ann(), b64(&[5; 28]));
    let mut wrong = Vec::new();
    for text in [header(id(BOB)), String::new(), "vault-team/v1\n".into(), header(id(ANN)) + ";x"] {
        wrong.push(sign(text, "115", &message_id));
    }
    wrong.push(sign(header(id(ANN)), "116", &message_id));
    wrong.push(sign(header(id(ANN)), "115", &b64(&[5; 27])));
    wrong.push(sign(header(id(ANN)), "115", "any text at all"));
    let good = note().text();
    let unlike = [
        String::new(),
        "vault-object-v1\n".to_owned(),
        good.replace("seq 3", "seq 03"),
        good.replace("member-add", "member-odd"),
        good.clone() + "\n",
        good.trim_end().to_owned(),
        good.lines().take(6).fold(String::new(), |all, line| all + line + "\n"),
        // What an identity string signs.
        String::from_utf8_lossy(&identity(ANN).public().key).into_owned(),
    ];
    wrong.extend(unlike.into_iter().map(|text| Request::SignNote(id(ANN), text)));
    for (i, request) in wrong.into_iter().enumerate() {
        assert_eq!(problem(agent.answer(request)), Problem::Refused, "{i}");
    }
    // By an identity that is not held.
    let request = Request::SignNote(id(BOB), good);
    assert_eq!(problem(agent.answer(request)), Problem::NotHeld);
}

/// A keyring for one identity, and its hash.
fn keyring(group: &str, seed: u8) -> (Vec<u8>, [u8; 32]) {
    let recipient = identity(seed).public().recipient.clone();
    let file = Keyring::first(group).seal(&[&recipient]).unwrap().remove(0);
    let hash = vault::core::cipher::sha256(&[&file]);
    (file, hash)
}

fn data_key(keyring: [u8; 32], group: &str, generation: u64, wrapped: Option<Vec<u8>>) -> Request {
    let group = GroupGen { group: group.into(), generation };
    Request::DataKey { id: id(ANN), keyring, vault: [9; 32], group, path: path("a/b"), wrapped }
}

fn open(group: &str, newest: u64, file: &[u8]) -> Request {
    Request::OpenKeyring(id(ANN), group.into(), newest, file.to_vec())
}

#[test]
fn data_keys_are_made_and_opened() {
    let (mut agent, (file, hash)) = (holding_ann(), keyring("main", ANN));
    let early = agent.answer(data_key(hash, "main", 1, None));
    assert_eq!(problem(early), Problem::UnknownKeyring);
    for _ in 0..2 {
        assert!(matches!(agent.answer(open("main", 1, &file)), Answer::Opened(true)));
    }
    let Answer::Fresh(key, wrapped) = agent.answer(data_key(hash, "main", 1, None)) else {
        panic!()
    };
    let again = agent.answer(data_key(hash, "main", 1, Some(wrapped.clone())));
    assert!(matches!(again, Answer::Key(again) if again.bytes() == key.bytes()));
    let mut broken = wrapped.clone();
    broken[20] ^= 1;
    let broken = agent.answer(data_key(hash, "main", 1, Some(broken)));
    assert_eq!(problem(broken), Problem::Failed(Kind::Integrity));
    let group = GroupGen { group: "main".into(), generation: 1 };
    let (vault, other) = ([9; 32], path("a/c"));
    let elsewhere = Request::DataKey {
        id: id(ANN),
        keyring: hash,
        vault,
        group,
        path: other,
        wrapped: Some(wrapped),
    };
    assert_eq!(problem(agent.answer(elsewhere)), Problem::Failed(Kind::Integrity));
    assert_eq!(problem(agent.answer(data_key(hash, "main", 2, None))), Problem::Refused);
}

#[test]
fn keyrings_of_others_do_not_open() {
    let mut agent = holding_ann();
    let (file, hash) = keyring("pay", ANN);
    let other = agent.answer(open("main", 1, &file));
    assert_eq!(problem(other), Problem::Failed(Kind::Integrity), "it is of another group");
    let newer = agent.answer(open("pay", 2, &file));
    assert_eq!(problem(newer), Problem::Failed(Kind::Integrity), "it is of another generation");
    assert!(matches!(agent.answer(open("pay", 1, &file)), Answer::Opened(true)));
    let other = agent.answer(open("main", 1, &file));
    assert_eq!(problem(other), Problem::Failed(Kind::Integrity), "also once it is open");
    assert_eq!(problem(agent.answer(data_key(hash, "main", 1, None))), Problem::UnknownKeyring);
    let (bobs, hash) = keyring("main", BOB);
    assert!(matches!(agent.answer(open("main", 1, &bobs)), Answer::Opened(false)));
    assert_eq!(problem(agent.answer(data_key(hash, "main", 1, None))), Problem::UnknownKeyring);
    let junk = agent.answer(open("main", 1, b"no age file"));
    assert_eq!(problem(junk), Problem::Failed(Kind::Integrity));
}

/// Everything that it ever gives out: no answer holds the seed, the signing key, the age key or a
/// group's key.
#[test]
fn no_answer_holds_a_key_that_stays() {
    let ann = identity(ANN);
    let scalar = ann.age_secret_key().unwrap();
    let ring = Keyring::first("main");
    let file = ring.seal(&[&ann.public().recipient]).unwrap().remove(0);
    let hash = vault::core::cipher::sha256(&[&file]);
    let keys = ring.generation(1).unwrap();
    let mut agent = agent(&TestClock::default());
    let requests = [
        hold(ANN, HOUR),
        Request::Status,
        Request::Find([ANN; 32]),
        Request::KeyOfFiles(id(ANN), DeviceFiles::Marks),
        Request::KeyOfFiles(id(ANN), DeviceFiles::Cache),
        open("main", 1, &file),
        data_key(hash, "main", 1, None),
        Request::SignNote(id(ANN), note().text()),
        sign(header(id(ANN)), "115", &b64(&[5; 28])),
    ];
    let kept: [&[u8]; 6] = [
        &[ANN; 32],
        ann.signing_seed().bytes(),
        scalar.bytes(),
        keys.gk.bytes(),
        keys.bk.bytes(),
        keys.nk.bytes(),
    ];
    for request in requests {
        let answer = agent.answer(request).encode();
        for key in kept {
            assert!(!answer.bytes().windows(key.len()).any(|part| part == key));
        }
    }
}

#[test]
fn what_is_no_identity_is_not_held() {
    let mut agent = agent(&TestClock::default());
    let mut given = super::handover(ANN);
    given.file = vault::core::secret::Secret::copy_of(b"vault-identity/v1 plain\nAAAA\n");
    let answer = agent.answer(Request::Hold(Box::new(given), 60, 0));
    assert_eq!(problem(answer), Problem::Failed(Kind::Credentials));
    let mut plugin = super::handover(ANN);
    plugin.file = vault::core::secret::Secret::copy_of(
        b"vault-identity/v1 age\nplugin AGE-PLUGIN-X-1QQQ\nAAAA\n",
    );
    let answer = agent.answer(Request::Hold(Box::new(plugin), 60, 0));
    assert_eq!(problem(answer), Problem::Refused);
    for seed in 1..=16 {
        assert!(matches!(agent.answer(hold(seed, HOUR)), Answer::Public(_)));
    }
    assert_eq!(problem(agent.answer(hold(17, HOUR))), Problem::Refused, "it holds enough");
    assert!(matches!(agent.answer(hold(16, HOUR)), Answer::Public(_)), "one that it has");
}
