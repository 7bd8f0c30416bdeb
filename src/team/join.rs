//! `vault-join1…`: where a vault is, which one it is, and from which note on to trust it.

use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::text::{DECIMAL_MAX, hex, lps, take_lp};
use crate::core::token;
use crate::keys::identity::words8;

const PREFIX: &str = "vault-join1";

/// A note that is trusted by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Vault id.
    pub vault: Hash,
    /// Seq of the note.
    pub seq: u64,
    /// SHA-256 of its bytes.
    pub hash: Hash,
}

impl Pin {
    /// 8 words to compare over another channel before trusting the pin.
    pub fn words(&self) -> String {
        words8(&[&self.vault[..], &self.seq.to_be_bytes(), &self.hash].concat())
    }
}

/// The content of a join string. Not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// A directory (absolute path) or `s3://bucket/prefix`.
    pub location: String,
    /// The bucket's region; empty for a directory.
    pub region: String,
    /// Which vault, and where its chain begins for this reader.
    pub pin: Pin,
}

impl Join {
    /// The vault id in hex.
    pub fn vault_id(&self) -> String {
        hex(&self.pin.vault)
    }

    /// The string.
    pub fn encode(&self) -> String {
        let mut payload = lps(&[self.location.as_bytes(), self.region.as_bytes()]);
        payload.extend_from_slice(&self.pin.vault);
        payload.extend_from_slice(&self.pin.seq.to_be_bytes());
        payload.extend_from_slice(&self.pin.hash);
        token::encode(PREFIX, &payload)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage).
    pub fn parse(text: &str) -> Result<Self> {
        let payload = token::decode(PREFIX, text.trim());
        payload.as_deref().and_then(Self::decode).ok_or_else(|| {
            Error::usage("not a vault-join1… string, or cut off when it was copied")
                .hint("`vault vaults --json` prints it on a machine that has the vault")
        })
    }

    fn decode(mut rest: &[u8]) -> Option<Self> {
        let mut text = || {
            let part = std::str::from_utf8(take_lp(&mut rest)?).ok()?;
            (!part.chars().any(char::is_control)).then(|| part.to_owned())
        };
        let (location, region) = (text()?, text()?);
        let (vault, rest) = rest.split_first_chunk::<32>()?;
        let (seq, rest) = rest.split_first_chunk::<8>()?;
        let seq = u64::from_be_bytes(*seq);
        let hash: Hash = rest.try_into().ok()?;
        let join = Self { location, region, pin: Pin { vault: *vault, seq, hash } };
        join.is_legal().then_some(join)
    }

    /// True if there can be such a pin: the hash of note 0 is the vault id.
    pub(super) fn is_legal(&self) -> bool {
        let Pin { vault, seq, hash } = &self.pin;
        !self.location.is_empty() && *seq <= DECIMAL_MAX && (*seq != 0 || hash == vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_strings_round_trip() {
        let pin = Pin { vault: [1; 32], seq: 4, hash: [2; 32] };
        let join = Join { location: "/srv/v".into(), region: String::new(), pin };
        assert_eq!(Join::parse(&join.encode()).unwrap(), join);
        assert_eq!(join.pin.words().split(' ').count(), 8);

        let mut other = join.clone();
        other.pin.seq = 0;
        assert!(Join::parse(&other.encode()).is_err(), "note 0's hash is the vault id");
        other = Join { location: "a\nb".into(), ..join.clone() };
        assert!(Join::parse(&other.encode()).is_err());
        other = Join { location: String::new(), ..join };
        assert!(Join::parse(&other.encode()).is_err());
    }
}
