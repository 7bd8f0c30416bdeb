//! The public half of an identity, and the string by which it is handed to an admin.

use super::ID;
use crate::core::cipher::{PublicKey, sha256, verify};
use crate::core::error::{Error, Result};
use crate::core::header::KeyId;
use crate::core::text::{lps, take_lp};
use crate::core::token;
use crate::keys::recipient;

/// The public half of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicIdentity {
    /// age recipient.
    pub recipient: String,
    /// Ed25519 public key.
    pub key: PublicKey,
}

impl PublicIdentity {
    /// How headers and notes name this key.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.key)
    }

    pub(super) fn signed_part(&self) -> Vec<u8> {
        lps(&[self.recipient.as_bytes(), &self.key])
    }

    /// 8 words to compare over another channel: 88 bits of SHA-256 over recipient and key.
    pub fn fingerprint(&self) -> String {
        words8(&self.signed_part())
    }

    /// Reads a `vault-id1…` string and checks its own signature.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage).
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage("not a vault-id1… string, or cut off when it was copied")
                .hint("its owner prints it with `vault id show`")
        };
        let payload = token::decode(ID, text.trim()).ok_or_else(wrong)?;
        let mut rest = payload.as_slice();
        let recipient = take_lp(&mut rest).and_then(|r| std::str::from_utf8(r).ok());
        let recipient = recipient.ok_or_else(wrong)?.to_owned();
        let key: PublicKey =
            take_lp(&mut rest).and_then(|k| k.try_into().ok()).ok_or_else(wrong)?;
        let signature: [u8; 64] = rest.try_into().map_err(|_| wrong())?;
        let public = Self { recipient, key };
        if !verify(&key, &public.signed_part(), &signature) {
            return Err(wrong());
        }
        recipient::check(&public.recipient)?;
        Ok(public)
    }
}

/// 88 bits of SHA-256 of `bytes` as 8 words of 11 bits, for people to compare.
pub fn words8(bytes: &[u8]) -> String {
    let hash = sha256(&[bytes]);
    let list = bip39::Language::English.word_list();
    let word = |i: usize| {
        let index = (0..11).fold(0, |n, bit| {
            let at = i * 11 + bit;
            n * 2 + usize::from(hash[at / 8] >> (7 - at % 8) & 1)
        });
        list[index]
    };
    (0..8).map(word).collect::<Vec<_>>().join(" ")
}
