//! Chains of notes, written as text.

use vault::core::cipher::{Hash, sha256};
use vault::core::text::hex;
use vault::keys::identity::Identity;
use vault::team::ops::Op;
use vault::team::rules::{self, Refusal};
use vault::team::{Note, State};

use super::identity;

/// Reads ops. `{k5}` is the public key of the identity with seed 5, `{h5}` a hash of 5s.
pub fn ops(lines: &[&str]) -> Vec<Op> {
    let read = |line: &&str| {
        let line = fill(line);
        Op::parse(&line).unwrap_or_else(|| panic!("not an op: {line}"))
    };
    lines.iter().map(read).collect()
}

fn fill(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap();
        let number: u8 = name[1..].parse().unwrap();
        let bytes = match &name[..1] {
            "k" => identity(number).public().key,
            "h" => [number; 32],
            other => panic!("{other}"),
        };
        out.push_str(before);
        out.push_str(&hex(&bytes));
        rest = tail;
    }
    out + rest
}

/// The newest note of a chain and what it leads to.
#[derive(Clone)]
pub struct Chain {
    pub vault: Hash,
    pub seq: u64,
    pub hash: Hash,
    pub state: State,
}

/// The ops of a first note by the identity with seed 1; its recovery key has seed 200.
pub const GENESIS: [&str; 7] = [
    "genesis abababababababababababababababab",
    "member-add ann",
    "key-add ann {k1} age1ann",
    "role ann +admin",
    "recovery-set {k200} age1recovery",
    "group-set main local [\"\"]",
    "keyring main 1 {h1}",
];

/// Note 0 with these ops.
pub fn genesis(ops: Vec<Op>, signer: &Identity) -> Vec<u8> {
    let state = rules::after(&State::default(), &ops, 0).map_or([0; 32], |state| state.hash());
    let note = Note { vault: None, seq: 0, prev: [0; 32], time: 1, state, ops };
    note.sign(signer.signing_seed(), &signer.public().key)
}

impl Chain {
    /// A chain of note 0 only.
    pub fn new() -> Self {
        Self::from_first(&genesis(ops(&GENESIS), &identity(1)))
    }

    pub fn from_first(bytes: &[u8]) -> Self {
        let (_, state) = rules::first(bytes).unwrap();
        let hash = sha256(&[bytes]);
        Self { vault: hash, seq: 0, hash, state }
    }

    /// The content of the next note; its state hash is right if the ops are legal.
    pub fn draft(&self, lines: &[&str]) -> Note {
        let ops = ops(lines);
        let seq = self.seq + 1;
        let state = rules::after(&self.state, &ops, seq).map_or([0; 32], |state| state.hash());
        Note { vault: Some(self.vault), seq, prev: self.hash, time: 1, state, ops }
    }

    /// What a reader at this note says of the next one.
    pub fn judge(&self, bytes: &[u8]) -> Result<State, Refusal> {
        rules::next(&self.vault, self.seq, &self.hash, &self.state, bytes).map(|(_, state)| state)
    }

    /// What a reader says of these ops, signed by `signer`.
    pub fn try_ops(&self, signer: u8, lines: &[&str]) -> Result<State, Refusal> {
        self.judge(&sign(&self.draft(lines), signer))
    }

    /// Adds a note by ann; answers its bytes.
    pub fn add(&mut self, lines: &[&str]) -> Vec<u8> {
        let bytes = sign(&self.draft(lines), 1);
        self.state = self.judge(&bytes).unwrap_or_else(|e| panic!("{lines:?}: {e:?}"));
        self.seq += 1;
        self.hash = sha256(&[&bytes]);
        bytes
    }
}

/// A note signed by the identity with this seed.
pub fn sign(note: &Note, signer: u8) -> Vec<u8> {
    let signer = identity(signer);
    note.sign(signer.signing_seed(), &signer.public().key)
}
