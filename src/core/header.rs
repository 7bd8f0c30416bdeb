//! The signed header of a version: `vault-h`, `vault-s`, and the record that both make up with
//! the key commitment (`docs/FORMAT.md`, "Signed record").

use std::fmt;
use std::sync::OnceLock;

use super::cipher::{Hash, PublicKey, sha256, sign, verify};
use super::error::Result;
use super::path::SecretPath;
use super::secret::Key;
use super::text::{b64, b64_array, decimal, hex, hex_array, lps};

/// Metadata name of the header.
pub const HEADER: &str = "vault-h";
/// Metadata name of the signature.
pub const SIGNATURE: &str = "vault-s";
/// Longest header in bytes: 9 fields of bounded length need less than 400.
const MAX_HEADER: usize = 512;
/// Longest group name in bytes.
pub const MAX_GROUP: usize = 32;

/// What a version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `w`: a new value.
    Write,
    /// `d`: a tombstone.
    Delete,
    /// `r`: an earlier plaintext under a fresh data key (re-seal, roll-back, undelete).
    Reseal,
    /// `p`: a tombstone after which nothing older is kept.
    Purge,
}

impl Op {
    /// True if the version says that the secret is gone.
    pub fn is_tombstone(self) -> bool {
        matches!(self, Self::Delete | Self::Purge)
    }

    /// The word for it in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Reseal => "restore",
            Self::Purge => "purge",
        }
    }

    fn letter(self) -> &'static str {
        match self {
            Self::Write => "w",
            Self::Delete => "d",
            Self::Reseal => "r",
            Self::Purge => "p",
        }
    }

    fn parse(letter: &str) -> Option<Self> {
        [Self::Write, Self::Delete, Self::Reseal, Self::Purge]
            .into_iter()
            .find(|op| op.letter() == letter)
    }
}

/// What the plaintext of a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A JSON document of fields.
    Doc,
    /// The bytes themselves.
    Raw,
}

/// A group and one of its generations, such as `main.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupGen {
    /// Name of the group, `[a-z0-9-]{1,32}`.
    pub group: String,
    /// Generation, from 1.
    pub generation: u64,
}

impl GroupGen {
    /// Reads `name.generation`.
    pub fn parse(text: &str) -> Option<Self> {
        let (group, generation) = text.split_once('.')?;
        let generation = decimal(generation).filter(|&g| g >= 1)?;
        is_group_name(group).then(|| Self { group: group.to_owned(), generation })
    }
}

impl fmt::Display for GroupGen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.group, self.generation)
    }
}

/// True for a legal name of a group: `[a-z0-9-]{1,32}`, but not `-`, which stands for "no group"
/// in the canonical team state.
pub fn is_group_name(name: &str) -> bool {
    (1..=MAX_GROUP).contains(&name.len())
        && name != "-"
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The first 8 bytes of SHA-256 of an Ed25519 public key: how a header names its author.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// The id of a public key.
    pub fn of(key: &PublicKey) -> Self {
        let hash = sha256(&[key]);
        Self(*hash.first_chunk().expect("a hash has more than 8 bytes"))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The fields of `vault-h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version number, from 1.
    pub n: u64,
    /// What the version does.
    pub op: Op,
    /// What its plaintext is.
    pub kind: Kind,
    /// Group and generation whose key wraps the data key.
    pub group: GroupGen,
    /// Lowest version number that is still kept.
    pub from: u64,
    /// Team seq known to the author when the oldest secret value inside was set.
    pub since: u64,
    /// Record hash of the previous accepted version, 32 zero bytes for the first.
    pub prev: Hash,
    /// SHA-256 of the body (ciphertext with tag).
    pub body: Hash,
    /// Seq of the newest team note known to the author.
    pub team_seq: u64,
    /// First 16 bytes of that note's hash.
    pub team_hash: [u8; 16],
    /// The author's clock, seconds since 1970.
    pub time: u64,
    /// The author's key.
    pub by: KeyId,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "1;n={};op={};k={};g={};from={};since={};prev={};body={};team={}.{};t={};by={}",
            self.n,
            self.op.letter(),
            match self.kind {
                Kind::Doc => "doc",
                Kind::Raw => "raw",
            },
            self.group,
            self.from,
            self.since,
            b64(&self.prev),
            b64(&self.body),
            self.team_seq,
            hex(&self.team_hash),
            self.time,
            self.by,
        )
    }
}

impl Header {
    /// Reads a header: exactly these fields, in this order, once, each in its one form.
    ///
    /// # Errors
    /// The name of the field that is wrong.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        if text.len() > MAX_HEADER {
            return Err("length");
        }
        let mut fields = text.split(';');
        if fields.next() != Some("1") {
            return Err("format");
        }
        let mut field = |name: &'static str| {
            let (key, value) = fields.next().and_then(|f| f.split_once('=')).ok_or(name)?;
            if key == name { Ok(value) } else { Err(name) }
        };
        let n = field("n").and_then(|v| decimal(v).filter(|&n| n >= 1).ok_or("n"))?;
        let op = field("op").and_then(|v| Op::parse(v).ok_or("op"))?;
        let kind = match field("k")? {
            "doc" => Kind::Doc,
            "raw" => Kind::Raw,
            _ => return Err("k"),
        };
        let group = field("g").and_then(|v| GroupGen::parse(v).ok_or("g"))?;
        let from =
            field("from").and_then(|v| decimal(v).filter(|f| (1..=n).contains(f)).ok_or("from"))?;
        let since = field("since").and_then(|v| decimal(v).ok_or("since"))?;
        let prev: Hash = field("prev").and_then(|v| b64_array(v).ok_or("prev"))?;
        let body = field("body").and_then(|v| b64_array(v).ok_or("body"))?;
        let (team_seq, team_hash) = field("team").and_then(|v| {
            let (seq, hash) = v.split_once('.').ok_or("team")?;
            Ok((decimal(seq).ok_or("team")?, hex_array(hash).ok_or("team")?))
        })?;
        let time = field("t").and_then(|v| decimal(v).ok_or("t"))?;
        let by = field("by").and_then(|v| hex_array(v).map(KeyId).ok_or("by"))?;
        if fields.next().is_some() {
            return Err("extra field");
        }
        if op.is_tombstone() && kind != Kind::Raw {
            return Err("k");
        }
        if op == Op::Purge && from != n {
            return Err("from");
        }
        if (n == 1) != (prev == [0; 32]) {
            return Err("prev");
        }
        let header =
            Self { n, op, kind, group, from, since, prev, body, team_seq, team_hash, time, by };
        Ok(header)
    }
}

/// The bytes that `vault-s` signs. The three S3EC values are taken as stored ASCII.
pub fn record(
    vault: &Hash,
    path: &SecretPath,
    header: &str,
    suite: &str,
    message_id: &str,
    commitment: &str,
) -> Vec<u8> {
    let mut out = b"vault-object-v1\n".to_vec();
    out.extend(lps(&[
        vault,
        path.as_str().as_bytes(),
        header.as_bytes(),
        suite.as_bytes(),
        message_id.as_bytes(),
        commitment.as_bytes(),
    ]));
    out
}

/// What makes up a record, before it is signed.
pub struct Record<'a> {
    /// The vault's id.
    pub vault: &'a Hash,
    /// What the version is a version of.
    pub path: &'a SecretPath,
    /// `vault-h`
    pub header: &'a str,
    /// `x-amz-c`
    pub suite: &'a str,
    /// `x-amz-i`
    pub message_id: &'a str,
    /// `x-amz-d`
    pub commitment: &'a str,
}

impl Record<'_> {
    /// The bytes that are signed.
    pub fn bytes(&self) -> Vec<u8> {
        record(self.vault, self.path, self.header, self.suite, self.message_id, self.commitment)
    }
}

/// A version's signed metadata, read but not yet judged: who may have written it is for the
/// team state to say.
#[derive(Clone, Debug)]
pub struct SignedHeader {
    /// The fields.
    pub header: Header,
    /// SHA-256 of the record: the version's identity in `prev`, cuts and marks.
    pub record_hash: Hash,
    record: Vec<u8>,
    signature: [u8; 64],
    /// The first key that it was checked with, and what came of it: a long history is walked
    /// many times, and the bytes above never change.
    checked: OnceLock<(PublicKey, bool)>,
}

impl SignedHeader {
    /// Reads header and signature of the object stored for `path` of `vault` out of its
    /// metadata (names without `x-amz-meta-`, in any case, each once).
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(
        vault: &Hash,
        path: &SecretPath,
        metadata: &[(String, String)],
    ) -> std::result::Result<Self, &'static str> {
        let text = lookup(metadata, HEADER)?;
        let signature =
            b64_array(lookup(metadata, SIGNATURE)?).ok_or("the signature is not base64")?;
        let record = record(
            vault,
            path,
            text,
            lookup(metadata, "x-amz-c")?,
            lookup(metadata, "x-amz-i")?,
            lookup(metadata, "x-amz-d")?,
        );
        let header = Header::parse(text).map_err(|_| "the signed header is malformed")?;
        let record_hash = sha256(&[&record]);
        Ok(Self { header, record_hash, record, signature, checked: OnceLock::new() })
    }

    /// True if `key` is the author named in the header and made the signature.
    pub fn verify(&self, key: &PublicKey) -> bool {
        let check =
            |key| KeyId::of(key) == self.header.by && verify(key, &self.record, &self.signature);
        let (first, good) = self.checked.get_or_init(|| (*key, check(key)));
        if first == key { *good } else { check(key) }
    }
}

/// Signs `header` for `path` and adds `vault-h` and `vault-s` to the metadata of a sealed object.
///
/// # Panics
/// If the metadata is not that of a sealed S3EC V3 object.
pub fn attach(
    metadata: &mut Vec<(String, String)>,
    vault: &Hash,
    path: &SecretPath,
    header: &Header,
    signing_seed: &Key,
) -> Hash {
    let by_seed = |record: &Record<'_>| Ok(sign(signing_seed, &record.bytes()));
    attach_with(metadata, vault, path, header, by_seed).expect("a seed always signs")
}

/// As [`attach`], with a signature by whoever holds the key.
///
/// # Errors
/// Those of `signature`.
///
/// # Panics
/// As [`attach`].
pub fn attach_with(
    metadata: &mut Vec<(String, String)>,
    vault: &Hash,
    path: &SecretPath,
    header: &Header,
    signature: impl FnOnce(&Record<'_>) -> Result<[u8; 64]>,
) -> Result<Hash> {
    let text = header.to_string();
    let get = |name| lookup(metadata, name).expect("sealed objects have all S3EC names");
    let (suite, message_id, commitment) = (get("x-amz-c"), get("x-amz-i"), get("x-amz-d"));
    let record = Record { vault, path, header: &text, suite, message_id, commitment };
    let (signature, hash) = (b64(&signature(&record)?), sha256(&[&record.bytes()]));
    metadata.push((HEADER.to_owned(), text));
    metadata.push((SIGNATURE.to_owned(), signature));
    Ok(hash)
}

/// The one value of `name`, compared without regard to case.
fn lookup<'a>(
    metadata: &'a [(String, String)],
    name: &str,
) -> std::result::Result<&'a str, &'static str> {
    let mut found = metadata.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let (_, value) = found.next().ok_or("a part of the signed record is missing")?;
    if found.next().is_some() {
        return Err("a part of the signed record is there twice");
    }
    if value.len() > MAX_HEADER {
        Err("a part of the signed record is too long")
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Header {
        Header {
            n: 7,
            op: Op::Write,
            kind: Kind::Doc,
            group: GroupGen { group: "main".into(), generation: 1 },
            from: 1,
            since: 9,
            prev: [1; 32],
            body: [2; 32],
            team_seq: 12,
            team_hash: [3; 16],
            time: 1_763_806_000,
            by: KeyId([4; 8]),
        }
    }

    #[test]
    fn the_text_form_round_trips() {
        let text = example().to_string();
        assert!(text.starts_with("1;n=7;op=w;k=doc;g=main.1;from=1;since=9;prev=AQEB"), "{text}");
        assert!(text.ends_with(";t=1763806000;by=0404040404040404"), "{text}");
        assert_eq!(Header::parse(&text), Ok(example()));
    }

    #[test]
    fn every_other_form_is_refused() {
        let text = example().to_string();
        for (from, to) in [
            ("1;n", "2;n"),
            ("n=7", "n=07"),
            ("n=7", "n=0"),
            ("n=7;", ""),
            ("op=w", "op=x"),
            ("op=w", "op=d"),
            ("op=w;k=doc", "op=p;k=raw"),
            ("k=doc", "k=Doc"),
            ("main.1", "main.0"),
            ("main.1", "Main.1"),
            ("main.1", "main"),
            ("main.1", ".1"),
            ("from=1", "from=8"),
            ("from=1", "from=0"),
            ("since=9", "since="),
            ("prev=A", "prev=B="),
            ("team=12.", "team=12"),
            ("team=12", "team=-1"),
            ("by=04", "by=0"),
            ("by=04", "by=G4"),
            ("t=1", "t= 1"),
            ("from=1;since=9", "since=9;from=1"),
            ("n=7", "n=7;n=7"),
            ("n=7", "n=1"),
            ("n=7", "n=10000000000000000"),
            ("by=0404040404040404", "by=0404040404040404;x=1"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(Header::parse(&other).is_err(), "{other}");
        }
        assert!(Header::parse(&text.replace(';', "; ")).is_err());
        assert!(Header::parse(&"1;".repeat(1000)).is_err());
    }

    #[test]
    fn group_names_are_short_and_plain() {
        for ok in ["a", "main", "pay-2", &"x".repeat(32)] {
            assert!(is_group_name(ok));
        }
        for bad in ["", "-", "Main", "a.b", "a b", "ä", &"x".repeat(33)] {
            assert!(!is_group_name(bad));
        }
    }
}
