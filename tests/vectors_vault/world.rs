//! The vault of the vectors: everybody and everything in it grows from fixed seeds.

use std::sync::LazyLock;

use vault::core::cipher::{self, Hash, sha256};
use vault::core::header::{self, GroupGen, Header, KeyId, Kind, Op as HeaderOp, SignedHeader};
use vault::core::path::{Prefix, SecretPath};
use vault::core::secret::{Key, Secret};
use vault::core::text::b64;
use vault::keys::identity::Identity;
use vault::team::ops::{Op, Right, WrapChoice};
use vault::team::{Note, State, rules};

pub const TIME: u64 = 1_763_806_000;

/// A seed, key or id of the vectors: `SHA-256("vault test vector: " || label)`.
pub fn seed(label: &str) -> Hash {
    sha256(&[b"vault test vector: ", label.as_bytes()])
}

pub fn key(label: &str) -> Key {
    Key::new(seed(label))
}

pub fn person(name: &str) -> Identity {
    Identity::from_seed(key(name))
}

pub fn secret(text: &str) -> Secret {
    Secret::copy_of(text.as_bytes())
}

pub fn path(text: &str) -> SecretPath {
    SecretPath::parse(text).unwrap()
}

pub fn group(text: &str) -> GroupGen {
    GroupGen::parse(text).unwrap()
}

/// A note, the state after it, and its hash.
pub struct Step {
    pub note: Vec<u8>,
    pub state: State,
    pub hash: Hash,
    pub seq: u64,
}

/// Note 0 (Ann's vault) and note 1 (Bob, Carol and Dave come in).
pub static CHAIN: LazyLock<[Step; 2]> = LazyLock::new(|| {
    let zero = step(None, &State::default(), 0, [0; 32], first_ops(), "ann");
    let one = step(Some(zero.hash), &zero.state, 1, zero.hash, second_ops(), "ann");
    [zero, one]
});

pub fn vault() -> Hash {
    CHAIN[0].hash
}

/// Signs the note that `ops` make, and computes where it leads.
pub fn step(
    vault: Option<Hash>,
    before: &State,
    seq: u64,
    prev: Hash,
    ops: Vec<Op>,
    by: &str,
) -> Step {
    let state = rules::after(before, &ops, seq).unwrap();
    let note = Note { vault, seq, prev, time: TIME + seq, state: state.hash(), ops };
    let by = person(by);
    let note = note.sign(by.signing_seed(), &by.public().key);
    Step { hash: sha256(&[&note]), note, state, seq }
}

pub fn first_ops() -> Vec<Op> {
    let recovery = person("recovery");
    vec![
        Op::Genesis(*seed("genesis").first_chunk().unwrap()),
        Op::MemberAdd("ann".into()),
        key_add("ann", "ann"),
        role("ann", true, Right::Admin),
        Op::RecoverySet {
            key: recovery.public().key,
            recipient: recovery.public().recipient.clone(),
        },
        group_set("main", &[""]),
        Op::Keyring {
            group: "main".into(),
            generation: 1,
            files: vec![sha256(&[&super::keyring::frozen_file(1)])],
        },
    ]
}

fn second_ops() -> Vec<Op> {
    let mut ops = Vec::new();
    for name in ["bob", "carol", "dave"] {
        ops.extend([Op::MemberAdd(name.into()), key_add(name, name)]);
        ops.push(role(name, true, Right::Read("main".into())));
    }
    ops.push(role("bob", true, Right::Write(Prefix::parse("prod").unwrap())));
    ops.push(role("dave", true, Right::Write(Prefix::default())));
    ops
}

pub fn key_add(member: &str, who: &str) -> Op {
    let public = person(who).public().clone();
    Op::KeyAdd { member: member.into(), key: public.key, recipient: public.recipient }
}

pub fn role(member: &str, grant: bool, right: Right) -> Op {
    Op::Role { member: member.into(), grant, right }
}

pub fn group_set(group: &str, prefixes: &[&str]) -> Op {
    let prefixes = prefixes.iter().map(|p| Prefix::parse(p).unwrap()).collect();
    Op::GroupSet { group: group.into(), wrap: WrapChoice::Local, prefixes }
}

/// The two ops that every rotation has.
pub fn rotate(group: &str, generation: u64, cut: Hash) -> [Op; 2] {
    let files = vec![seed(&format!("keyring {group}.{generation}"))];
    [
        Op::Keyring { group: group.into(), generation, files },
        Op::Cut { group: group.into(), hash: cut },
    ]
}

/// A header as `by` would write it, knowing note 1.
pub fn header(n: u64, g: &str, prev: Hash, by: &Identity) -> Header {
    Header {
        n,
        op: HeaderOp::Write,
        kind: Kind::Doc,
        group: group(g),
        from: 1,
        since: 1,
        prev,
        body: seed("body"),
        team_seq: 1,
        team_hash: *CHAIN[1].hash.first_chunk().unwrap(),
        time: TIME + n,
        by: by.public().id(),
    }
}

/// The S3EC part of a record, for what needs no body.
pub fn bare_metadata(label: &str) -> Vec<(String, String)> {
    let id = |kind: &str| b64(&seed(&format!("{kind} {label}"))[..28]);
    vec![
        ("x-amz-c".into(), "115".into()),
        ("x-amz-d".into(), id("commitment")),
        ("x-amz-i".into(), id("message id")),
    ]
}

/// Metadata with header and signature, and what a reader makes of it.
pub fn sign(
    mut metadata: Vec<(String, String)>,
    path: &SecretPath,
    header: &Header,
    by: &Identity,
) -> (Vec<(String, String)>, SignedHeader) {
    header::attach(&mut metadata, &vault(), path, header, by.signing_seed());
    let signed = SignedHeader::parse(&vault(), path, &metadata).unwrap();
    (metadata, signed)
}

pub fn key_id(who: &str) -> KeyId {
    person(who).public().id()
}

/// The folder tree of the format, written down a second time.
pub fn root(vault: &Hash, group: &str, generation: u64, gk: &Hash) -> Key {
    let mut salt = b"vault/v1/root".to_vec();
    vault::core::text::lp(&mut salt, vault);
    vault::core::text::lp(&mut salt, group.as_bytes());
    salt.extend(generation.to_be_bytes());
    cipher::hkdf(gk, &sha256(&[&salt]), b"vault/v1/root")
}

pub fn child(key: &Key, label: &str, segment: &str) -> Key {
    let len = u32::try_from(segment.len()).unwrap().to_be_bytes();
    cipher::hmac512(key.bytes(), &[label.as_bytes(), &len, segment.as_bytes()])
}
