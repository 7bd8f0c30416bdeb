//! `vault-capability1…`: the keys of one folder, for machines that only read there. Secret, all
//! of it (`docs/FORMAT.md`, "Strings").

use super::join::{Join, Pin};
use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::header::{GroupGen, is_group_name};
use crate::core::path::Prefix;
use crate::core::secret::{Key, Secret};
use crate::core::text::{lps, take_lp};
use crate::core::token;
use crate::keys::local::Tree;

const PREFIX: &str = "vault-capability1";
/// Most generations that one capability opens.
pub const MAX_GENERATIONS: usize = 256;

/// The keys of one folder of a group.
pub struct Capability {
    /// Where the vault is, which one it is, and from which note on to trust it.
    pub join: Join,
    /// The group that the keys are of.
    pub group: String,
    /// The folder that they open.
    pub folder: Prefix,
    /// Generations and the folder's key in each, ascending.
    pub keys: Vec<(u64, Key)>,
}

impl Capability {
    /// The folder's tree in a generation, if the capability has its key.
    pub fn tree(&self, vault: Hash, group: &GroupGen) -> Option<Tree> {
        let (_, key) = self.keys.iter().find(|(number, _)| *number == group.generation)?;
        (group.group == self.group)
            .then(|| Tree::below(vault, group.clone(), self.folder.clone(), key.duplicate()))
    }

    /// The string.
    pub fn encode(&self) -> Secret {
        let join = &self.join;
        let mut payload = Secret::copy_of(&lps(&[
            join.location.as_bytes(),
            join.region.as_bytes(),
            self.group.as_bytes(),
            self.folder.as_str().as_bytes(),
        ]));
        payload.extend(&join.pin.vault);
        payload.extend(&join.pin.seq.to_be_bytes());
        payload.extend(&join.pin.hash);
        for (generation, key) in &self.keys {
            payload.extend(&generation.to_be_bytes());
            payload.extend(key.bytes());
        }
        token::encode_secret(PREFIX, &payload)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage); nothing of it is in the message.
    pub fn parse(text: &Secret) -> Result<Self> {
        let payload = token::decode_secret(PREFIX, text.bytes().trim_ascii());
        payload.as_ref().and_then(|payload| Self::decode(payload.bytes())).ok_or_else(|| {
            Error::usage("not a vault-capability1… string, or cut off when it was copied")
                .hint("`vault capability FOLDER` makes one")
        })
    }

    fn decode(mut rest: &[u8]) -> Option<Self> {
        let mut text = || {
            let part = std::str::from_utf8(take_lp(&mut rest)?).ok()?;
            (!part.chars().any(char::is_control)).then(|| part.to_owned())
        };
        let (location, region, group, folder) = (text()?, text()?, text()?, text()?);
        let folder = Prefix::parse(&folder).ok().filter(|p| p.as_str() == folder)?;
        let (pin, keys) = rest.split_at_checked(32 + 8 + 32)?;
        let (vault, pin) = pin.split_first_chunk::<32>()?;
        let (seq, hash) = pin.split_first_chunk::<8>()?;
        let pin = Pin { vault: *vault, seq: u64::from_be_bytes(*seq), hash: hash.try_into().ok()? };
        let (entries, left) = keys.as_chunks::<40>();
        let mut keys = Vec::new();
        for entry in entries {
            let (number, key) = entry.split_first_chunk::<8>()?;
            let number = u64::from_be_bytes(*number);
            if number == 0 || keys.last().is_some_and(|(last, _)| *last >= number) {
                return None;
            }
            keys.push((number, Key::from_slice(key)?));
        }
        let few = (1..=MAX_GENERATIONS).contains(&keys.len());
        let legal = left.is_empty() && few && is_group_name(&group) && !folder.as_str().is_empty();
        let join = Join { location, region, pin };
        (legal && join.is_legal()).then_some(Self { join, group, folder, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::path::SecretPath;

    fn capability(group: &str, folder: &str, numbers: &[u64]) -> Capability {
        let pin = Pin { vault: [1; 32], seq: 4, hash: [2; 32] };
        let join = Join { location: "s3://b/p".into(), region: "eu-west-1".into(), pin };
        let keys = numbers.iter().map(|n| (*n, Key::new([*n as u8; 32]))).collect();
        Capability { join, group: group.into(), folder: Prefix::parse(folder).unwrap(), keys }
    }

    #[test]
    fn capabilities_round_trip() {
        let text = capability("main", "prod/db", &[1, 3]).encode();
        let back = Capability::parse(&text).ok().unwrap();
        assert_eq!(back.encode().bytes(), text.bytes());
        assert_eq!((back.group.as_str(), back.folder.as_str()), ("main", "prod/db"));
        let generation = |group: &str, generation| GroupGen { group: group.into(), generation };
        assert!(back.tree([1; 32], &generation("main", 3)).is_some());
        assert!(back.tree([1; 32], &generation("main", 2)).is_none());
        assert!(back.tree([1; 32], &generation("pay", 1)).is_none());
        for cut in 0..text.len() {
            assert!(Capability::parse(&Secret::copy_of(&text.bytes()[..cut])).is_err(), "{cut}");
        }
    }

    #[test]
    fn malformed_ones_are_refused() {
        for bad in [
            capability("Main", "prod", &[1]),
            capability("main", "", &[1]),
            capability("main", "prod", &[]),
            capability("main", "prod", &[0]),
            capability("main", "prod", &[2, 1]),
            capability("main", "prod", &[1, 1]),
        ] {
            assert!(Capability::parse(&bad.encode()).is_err());
        }
        let mut first = capability("main", "prod", &[1]);
        first.join.pin.seq = 0;
        assert!(Capability::parse(&first.encode()).is_err(), "note 0's hash is the vault id");
    }

    #[test]
    fn a_folders_key_opens_that_folder_only() {
        let group = GroupGen { group: "main".into(), generation: 1 };
        let path = |text| SecretPath::parse(text).unwrap();
        let whole = Tree::new([1; 32], group.clone(), &Key::new([7; 32]));
        let folder = Prefix::parse("prod/db").unwrap();
        let key = whole.folder(&folder).unwrap();
        let part = Tree::below([1; 32], group, folder, key);
        for inside in ["prod/db/a", "prod/db/a/b"] {
            let same = whole.leaf(&path(inside)).unwrap();
            assert_eq!(part.leaf(&path(inside)).unwrap().bytes(), same.bytes());
        }
        for outside in ["prod/db", "prod/dba/x", "prod/x", "x"] {
            assert!(part.leaf(&path(outside)).is_none(), "{outside}");
        }
        assert!(part.folder(&Prefix::parse("prod").unwrap()).is_none());
    }
}
