//! A note of the chain as bytes: a C2SP *signed note* with exactly one signature line.

use std::fmt::Write as _;

use super::ops::Op;
use crate::core::cipher::{Hash, PublicKey, sha256, sign, verify};
use crate::core::header::KeyId;
use crate::core::secret::Key;
use crate::core::text::{b64, b64_array, decimal, hex, hex_array};

/// Largest note in bytes.
pub const MAX_NOTE: usize = 256 * 1024;
/// Most ops of one note.
pub const MAX_OPS: usize = 1024;
/// Signature type of Ed25519 in the C2SP signed-note specification.
const ED25519: u8 = 1;

/// The content of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Vault id, or `None` in note 0 (whose hash it is).
    pub vault: Option<Hash>,
    /// Its place in the chain, from 0.
    pub seq: u64,
    /// SHA-256 of the note before; 32 zero bytes in note 0.
    pub prev: Hash,
    /// The author's clock, seconds since 1970.
    pub time: u64,
    /// SHA-256 of the canonical team state after this note.
    pub state: Hash,
    /// What it does, in order.
    pub ops: Vec<Op>,
}

impl Note {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = String::from("vault-team/v1\n");
        let vault = self.vault.map_or("genesis".to_owned(), |v| hex(&v));
        writeln!(text, "vault {vault}\nseq {}\nprev {}", self.seq, hex(&self.prev))
            .expect("writing to a string");
        writeln!(text, "time {}\nstate {}", self.time, hex(&self.state))
            .expect("writing to a string");
        for op in &self.ops {
            writeln!(text, "{op}").expect("writing to a string");
        }
        text
    }

    /// Reads a text; `None` unless it is exactly what [`Self::text`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        if field("vault-team/v1").is_some() {
            return None;
        }
        let vault = match field("vault")? {
            "genesis" => None,
            id => Some(hex_array(id)?),
        };
        let seq = decimal(field("seq")?)?;
        let prev = hex_array(field("prev")?)?;
        let time = decimal(field("time")?)?;
        let state = hex_array(field("state")?)?;
        let ops = lines.map(Op::parse).collect::<Option<Vec<Op>>>()?;
        let note = Self { vault, seq, prev, time, state, ops };
        let bounded = (1..=MAX_OPS).contains(&note.ops.len());
        (bounded && note.vault.is_none() == (seq == 0) && note.text() == text).then_some(note)
    }

    /// The note as stored: the text, an empty line, one signature line.
    pub fn sign(&self, seed: &Key, key: &PublicKey) -> Vec<u8> {
        let text = self.text();
        Self::signed(&text, &sign(seed, text.as_bytes()), key)
    }

    /// The note as stored, from its [`Self::text`] and the signature of that.
    pub fn signed(text: &str, signature: &[u8; 64], key: &PublicKey) -> Vec<u8> {
        let id = KeyId::of(key);
        let mut bytes = key_hash(key).to_vec();
        bytes.extend_from_slice(signature);
        format!("{text}\n\u{2014} {id} {}\n", b64(&bytes)).into_bytes()
    }
}

/// A stored note, split into what is signed and who claims to have signed it. Nothing in the
/// text may be believed before [`Self::verify`].
pub struct SignedNote<'a> {
    text: &'a str,
    /// The key that claims to have signed.
    pub by: KeyId,
    key_hash: [u8; 4],
    signature: [u8; 64],
}

impl<'a> SignedNote<'a> {
    /// Splits stored bytes; `None` unless there is exactly one canonical signature line.
    pub fn split(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_NOTE {
            return None;
        }
        let all = std::str::from_utf8(bytes).ok()?;
        let (text, line) = all.rsplit_once("\n\n")?;
        let text = &all[..=text.len()];
        if text.contains("\n\n") {
            return None;
        }
        let line = line.strip_prefix("\u{2014} ")?.strip_suffix('\n')?;
        let (by, blob) = line.split_once(' ')?;
        let blob: [u8; 68] = b64_array(blob)?;
        Some(Self {
            text,
            by: KeyId(hex_array(by)?),
            key_hash: *blob.first_chunk()?,
            signature: *blob.last_chunk()?,
        })
    }

    /// The signed text, if `key` made the signature.
    pub fn verify(&self, key: &PublicKey) -> Option<&'a str> {
        let ours = KeyId::of(key) == self.by && key_hash(key) == self.key_hash;
        (ours && verify(key, self.text.as_bytes(), &self.signature)).then_some(self.text)
    }

    /// The text before any check, for a note that is known by its hash.
    pub fn unverified(&self) -> &'a str {
        self.text
    }
}

/// C2SP signed note: the first 4 bytes of SHA-256 over name, newline, type and key.
fn key_hash(key: &PublicKey) -> [u8; 4] {
    let name = KeyId::of(key).to_string();
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519], key]);
    *hash.first_chunk().expect("a hash has more than 4 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{cipher::public_key, random};

    fn note() -> Note {
        Note {
            vault: Some([9; 32]),
            seq: 3,
            prev: [1; 32],
            time: 1_763_806_000,
            state: [2; 32],
            ops: vec![Op::MemberAdd("mira".into()), Op::Restored([3; 32])],
        }
    }

    #[test]
    fn a_signed_note_verifies_and_reads_back() {
        let seed = random::key();
        let key = public_key(&seed);
        let bytes = note().sign(&seed, &key);
        let signed = SignedNote::split(&bytes).expect("well-formed");
        assert_eq!(signed.by, KeyId::of(&key));
        assert_eq!(Note::parse(signed.verify(&key).expect("signed")), Some(note()));
        assert!(signed.verify(&public_key(&random::key())).is_none());
    }

    #[test]
    fn any_change_of_the_bytes_is_refused() {
        let seed = random::key();
        let key = public_key(&seed);
        let bytes = note().sign(&seed, &key);
        let good = |bytes: &[u8]| {
            SignedNote::split(bytes).and_then(|s| Note::parse(s.verify(&key)?)).is_some()
        };
        assert!(good(&bytes));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert!(!good(&other), "byte {at} bit {bit}");
            }
            assert!(!good(&bytes[..at]), "cut at {at}");
        }
        let line = bytes[bytes.windows(2).position(|w| w == b"\n\n").unwrap() + 2..].to_vec();
        assert!(!good(&[&bytes[..], &line].concat()), "two signature lines");
        assert!(!good(&[&bytes[..], b"\n"].concat()));
        assert!(!good(&[b"\n", &bytes[..]].concat()));
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        let text = note().text();
        for (from, to) in [
            ("vault-team/v1", "vault-team/v2"),
            ("seq 3", "seq 03"),
            ("seq 3", "seq 0"),
            ("prev", "prew"),
            ("time 1", "time -1"),
            ("member-add mira\n", "member-add mira\n\n"),
            ("member-add", "member-odd"),
            ("member-add mira\n", ""),
        ] {
            let other = text.replacen(from, to, 1);
            let same_ops = from == "member-add mira\n" && to.is_empty();
            assert_eq!(Note::parse(&other).is_some(), same_ops, "{from}");
        }
        assert_eq!(Note::parse(text.trim_end()), None);
        assert_eq!(Note::parse(&text.replace('\n', "\r\n")), None);
    }
}
