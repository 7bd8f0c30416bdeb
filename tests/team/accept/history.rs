//! One path's versions as the storage shows them, and the team around them.

pub mod random;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use vault::core::cipher::{PublicKey, sha256};
use vault::core::header::{self, GroupGen, Header, KeyId, Kind, Op, SignedHeader};
use vault::core::path::SecretPath;
use vault::core::secret::Key;
use vault::core::text::b64;
use vault::team::accept::{self, Standing, Verdict};
use vault::team::cut::CutEntry;
use vault::team::{State, rules};

use crate::support::identity;
use crate::support::team::{Chain, ops};

pub const PATH: &str = "p/x";
const VAULT: [u8; 32] = [77; 32];

/// Signing seeds and keys of the people, by number.
static PEOPLE: LazyLock<Vec<(Key, PublicKey)>> = LazyLock::new(|| {
    (0..16)
        .map(|n| {
            let who = identity(n);
            (who.signing_seed().duplicate(), who.public().key)
        })
        .collect()
});

pub fn path() -> SecretPath {
    SecretPath::parse(PATH).unwrap()
}

pub fn id(who: u8) -> KeyId {
    KeyId::of(&PEOPLE[usize::from(who)].1)
}

pub fn name(who: u8) -> &'static str {
    ["", "ann", "bob", "eve", "fay", "gus", "hal"][usize::from(who)]
}

/// Signs a header by `who`, whatever it says.
pub fn sign(header: &Header, who: u8) -> SignedHeader {
    let mut metadata: Vec<(String, String)> = vec![
        ("x-amz-c".to_owned(), "115".to_owned()),
        ("x-amz-d".to_owned(), b64(&[1; 28])),
        ("x-amz-i".to_owned(), b64(&[2; 28])),
    ];
    header::attach(&mut metadata, &VAULT, &path(), header, &PEOPLE[usize::from(who)].0);
    SignedHeader::parse(&VAULT, &path(), &metadata).unwrap()
}

#[derive(Clone)]
pub struct History {
    versions: BTreeMap<u64, Option<SignedHeader>>,
    state: State,
    seq: u64,
    cut: Option<CutEntry>,
    bodies: u64,
}

impl History {
    /// Ann is admin; these people read main and write everywhere.
    pub fn new(writers: &[u8]) -> Self {
        let state = Chain::new().state;
        let mut history = Self { versions: BTreeMap::new(), state, seq: 0, cut: None, bodies: 0 };
        for &who in writers {
            let name = name(who);
            let key = format!("key-add {name} {{k{who}}} age1x");
            let (read, write) =
                (format!("role {name} +read main"), format!("role {name} +write \"\""));
            history.change(&[&format!("member-add {name}"), &key, &read, &write]);
        }
        history
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// A note with these ops.
    pub fn change(&mut self, lines: &[&str]) {
        self.seq += 1;
        self.state = rules::after(&self.state, &ops(lines), self.seq)
            .unwrap_or_else(|e| panic!("{lines:?}: {e}"));
    }

    /// The newest cut has version `n` of the path (0: has no entry).
    pub fn cut_at(&mut self, n: u64) {
        let record = |n| self.signed(n).record_hash;
        self.cut = (n > 0).then(|| CutEntry { n, record: record(n) });
    }

    /// Removes a member; the cut has version `n`.
    pub fn remove(&mut self, who: u8, n: u64) {
        self.cut_at(n);
        let next = self.state.groups["main"].generation() + 1;
        let remove = format!("member-remove {}", name(who));
        self.change(&[&remove, &format!("keyring main {next} {{h9}}"), "cut main {h9}"]);
    }

    pub fn top(&self) -> u64 {
        self.versions.last_key_value().map_or(0, |(n, _)| *n)
    }

    pub fn signed(&self, n: u64) -> &SignedHeader {
        self.versions[&n].as_ref().unwrap()
    }

    /// What `who` would write next.
    pub fn header(&mut self, who: u8) -> Header {
        self.bodies += 1;
        let below = self.versions.last_key_value().and_then(|(_, v)| v.as_ref());
        Header {
            n: self.top() + 1,
            op: Op::Write,
            kind: Kind::Raw,
            group: self.state.current(&path()).unwrap(),
            from: below.map_or(1, |v| v.header.from),
            since: 0,
            prev: below.map_or([0; 32], |v| v.record_hash),
            body: sha256(&[&self.bodies.to_be_bytes()]),
            team_seq: self.seq,
            team_hash: [3; 16],
            time: 0,
            by: id(who),
        }
    }

    /// What `who`, who has not heard of the newest notes, would write next.
    pub fn old(&mut self, who: u8, group: &str) -> Header {
        let group = GroupGen::parse(group).unwrap();
        Header { group, team_seq: 0, ..self.header(who) }
    }

    pub fn write(&mut self, who: u8) {
        let header = self.header(who);
        self.push_signed(&header, who);
    }

    pub fn purge(&mut self, who: u8) {
        let header = self.header(who);
        let n = header.n;
        self.push_signed(&Header { op: Op::Purge, from: n, ..header }, who);
        self.versions.retain(|m, _| *m >= n);
    }

    /// Adds a version, signed by whom it names.
    pub fn push(&mut self, header: &Header) {
        let who = (0..16).find(|who| id(*who) == header.by).unwrap();
        self.push_signed(header, who);
    }

    pub fn push_signed(&mut self, header: &Header, who: u8) {
        self.versions.insert(header.n, Some(sign(header, who)));
    }

    pub fn replace(&mut self, n: u64, header: &Header) {
        assert_eq!(n, header.n);
        self.push(header);
    }

    pub fn drop_top(&mut self) {
        self.versions.pop_last();
    }

    /// The version is looked for, and not there.
    pub fn hide(&mut self, n: u64) {
        self.versions.insert(n, None);
    }

    /// The version was not looked for yet.
    pub fn forget(&mut self, n: u64) {
        self.versions.remove(&n);
    }

    pub fn judge(&self, n: u64) -> Verdict {
        accept::judge(&self.state, self.cut, &path(), &self.versions, n)
    }

    /// The verdict when what is not there was looked for.
    pub fn counts(&self, n: u64) -> bool {
        let mut versions = self.versions.clone();
        loop {
            match accept::judge(&self.state, self.cut, &path(), &versions, n) {
                Verdict::Yes => return true,
                Verdict::No(_) => return false,
                Verdict::Need(other) => drop(versions.insert(other, None)),
            }
        }
    }

    pub fn standing(&self, n: u64) -> Standing {
        accept::standing(&self.state, self.cut, &path(), self.signed(n))
    }
}
