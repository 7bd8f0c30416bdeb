//! A cut: the newest acceptable version of every path of a group at the moment in which a new
//! generation begins. Nothing older can be added to behind it.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::cipher::{Hash, sha256};
use crate::core::path::SecretPath;
use crate::core::text::{DECIMAL_MAX, lps};

/// Largest cut in bytes: a million paths.
pub const MAX_CUT: u64 = 72_000_000;
const ENTRY: usize = 72;

/// The newest version of one path in a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutEntry {
    /// Version number.
    pub n: u64,
    /// Record hash.
    pub record: Hash,
}

/// Entries by the hash of their path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut(BTreeMap<Hash, CutEntry>);

impl Cut {
    /// How a cut names a path: it must not list names that the storage does not have anyway.
    pub fn path_hash(vault: &Hash, path: &SecretPath) -> Hash {
        sha256(&[&lps(&[vault, path.as_str().as_bytes()])])
    }

    /// Sets the entry of a path.
    pub fn insert(&mut self, vault: &Hash, path: &SecretPath, entry: CutEntry) {
        self.0.insert(Self::path_hash(vault, path), entry);
    }

    /// The entry of a path.
    pub fn get(&self, vault: &Hash, path: &SecretPath) -> Option<CutEntry> {
        self.0.get(&Self::path_hash(vault, path)).copied()
    }

    /// Takes over the entries of another cut whose paths `known` does not have. Answers which.
    pub fn carry(&mut self, other: &Self, known: &BTreeSet<Hash>) -> Vec<Hash> {
        let carried: Vec<Hash> = other.unknown(known).collect();
        for path in &carried {
            self.0.entry(*path).or_insert(other.0[path]);
        }
        carried
    }

    /// The hashes of the paths that `known` does not have.
    pub fn unknown(&self, known: &BTreeSet<Hash>) -> impl Iterator<Item = Hash> {
        self.0.keys().filter(|path| !known.contains(*path)).copied()
    }

    /// The stored bytes: sorted 72-byte entries.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * ENTRY);
        for (path, entry) in &self.0 {
            out.extend_from_slice(path);
            out.extend_from_slice(&entry.n.to_be_bytes());
            out.extend_from_slice(&entry.record);
        }
        out
    }

    /// Reads stored bytes; `None` unless they are whole entries, strictly ascending.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        let mut map = BTreeMap::new();
        let mut last: Option<&[u8]> = None;
        for entry in entries {
            let (path, tail) = entry.split_first_chunk::<32>()?;
            let (n, record) = tail.split_first_chunk::<8>()?;
            let n = u64::from_be_bytes(*n);
            if last.is_some_and(|last| last >= path.as_slice()) || !(1..=DECIMAL_MAX).contains(&n) {
                return None;
            }
            last = Some(path);
            map.insert(*path, CutEntry { n, record: record.try_into().ok()? });
        }
        rest.is_empty().then_some(Self(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_round_trip_and_have_one_form() {
        let vault = [1; 32];
        let path = |p| SecretPath::parse(p).unwrap();
        let mut cut = Cut::default();
        for (i, name) in ["a", "b/c", "d"].into_iter().enumerate() {
            cut.insert(&vault, &path(name), CutEntry { n: i as u64 + 1, record: [i as u8; 32] });
        }
        let bytes = cut.encode();
        assert_eq!(bytes.len(), 3 * ENTRY);
        assert_eq!(Cut::decode(&bytes).as_ref(), Some(&cut));
        assert_eq!(cut.get(&vault, &path("b/c")).unwrap().n, 2);
        assert_eq!(cut.get(&[2; 32], &path("b/c")), None);
        assert_eq!(Cut::decode(b""), Some(Cut::default()));

        assert_eq!(Cut::decode(&bytes[..71]), None);
        let swapped = [&bytes[ENTRY..2 * ENTRY], &bytes[..ENTRY]].concat();
        assert_eq!(Cut::decode(&swapped), None);
        let twice = [&bytes[..ENTRY], &bytes[..ENTRY]].concat();
        assert_eq!(Cut::decode(&twice), None);
        let mut zero = bytes[..ENTRY].to_vec();
        zero[32..40].fill(0);
        assert_eq!(Cut::decode(&zero), None);
    }
}
