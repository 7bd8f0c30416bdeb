//! A device's identity: one 32-byte seed, from which an age X25519 identity (to open keyrings)
//! and an Ed25519 key (to sign) are derived, and the small file that keeps it.

use bip39::Mnemonic;

use super::recipient;
use crate::core::cipher::{
    NONCE, PublicKey, argon2id, hkdf, open, public_key, seal, sha256, sign, verify,
};
use crate::core::error::{Error, Result};
use crate::core::header::KeyId;
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::text::{b64, b64_array, b64_decode, b64_decode_secret, b64_secret, lps, take_lp};
use crate::core::token;

/// Largest identity file that is read.
pub const MAX_FILE: usize = 4096;
const SEALED: &str = "vault-identity/v1 argon2id";
const PLAIN: &str = "vault-identity/v1 plain";
const ID: &str = "vault-id1";

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

    fn signed_part(&self) -> Vec<u8> {
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

/// An unlocked identity.
pub struct Identity {
    seed: Key,
    age: age::x25519::Identity,
    signing: Key,
    public: PublicIdentity,
}

impl Identity {
    /// A new identity.
    pub fn random() -> Self {
        Self::from_seed(random::key())
    }

    /// The identity that grows from a seed.
    pub fn from_seed(seed: Key) -> Self {
        let age = recipient::identity(&hkdf(seed.bytes(), b"", b"vault/v1/age"));
        let signing = hkdf(seed.bytes(), b"", b"vault/v1/sign");
        let public =
            PublicIdentity { recipient: age.to_public().to_string(), key: public_key(&signing) };
        Self { seed, age, signing, public }
    }

    /// The public half.
    pub fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// The age identity, to open keyrings.
    pub fn age(&self) -> &age::x25519::Identity {
        &self.age
    }

    /// The Ed25519 seed, to sign headers and notes.
    pub fn signing_seed(&self) -> &Key {
        &self.signing
    }

    /// A key for files that only this identity writes and reads on this device.
    pub fn device_key(&self, purpose: &str) -> Key {
        hkdf(self.seed.bytes(), b"", purpose.as_bytes())
    }

    /// `AGE-SECRET-KEY-1…`, with which stock age opens this identity's keyrings.
    pub fn age_secret_key(&self) -> Secret {
        recipient::secret_key_text(&hkdf(self.seed.bytes(), b"", b"vault/v1/age"))
    }

    /// The self-signed public string.
    pub fn id_string(&self) -> String {
        let mut payload = self.public.signed_part();
        let signature = sign(&self.signing, &payload);
        payload.extend_from_slice(&signature);
        token::encode(ID, &payload)
    }

    /// The seed as 24 words (BIP 39), for the recovery identity.
    pub fn to_words(&self) -> Secret {
        let mnemonic = Mnemonic::from_entropy(self.seed.bytes()).expect("32 bytes are 24 words");
        let mut out = Secret::with_capacity(24 * 9);
        for (i, word) in mnemonic.words().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            out.extend(word.as_bytes());
        }
        out
    }

    /// The identity that 24 words stand for.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage) if they are not 24 words of the list with
    /// a right checksum.
    pub fn from_words(words: &Secret) -> Result<Self> {
        let wrong = || Error::usage("not 24 recovery words, or one of them is wrong");
        let text = words.text().ok_or_else(wrong)?;
        let mnemonic =
            Mnemonic::parse_in_normalized(bip39::Language::English, text).map_err(|_| wrong())?;
        let (mut entropy, len) = mnemonic.to_entropy_array();
        let seed = Key::from_slice(&entropy[..len]);
        zeroize::Zeroize::zeroize(&mut entropy);
        seed.map(Self::from_seed).ok_or_else(wrong)
    }

    /// The identity file: sealed under a passphrase, or in the clear for machines.
    pub fn to_file(&self, passphrase: Option<&Secret>) -> Secret {
        match passphrase {
            Some(passphrase) => {
                let (salt, nonce) = (random::array::<16>(), random::array::<NONCE>());
                let header = format!("{SEALED} {} {}", b64(&salt), b64(&nonce));
                let key = argon2id(passphrase.bytes(), &salt);
                let seed = Secret::copy_of(self.seed.bytes());
                let sealed = seal(&key, &nonce, header.as_bytes(), seed);
                Secret::new(format!("{header}\n{}\n", b64(&sealed)).into_bytes())
            }
            None => {
                let mut seed = Secret::copy_of(self.seed.bytes());
                seed.extend(&check(&self.seed));
                let mut file = Secret::copy_of(PLAIN.as_bytes());
                file.push(b'\n');
                file.extend(b64_secret(seed.bytes()).bytes());
                file.push(b'\n');
                file
            }
        }
    }

    /// Opens an identity file. `passphrase` is asked for only if the file needs one.
    ///
    /// # Errors
    /// [`Kind::Credentials`](crate::core::error::Kind::Credentials): "cannot open", whether the
    /// file or the passphrase is wrong.
    pub fn from_file(file: &Secret, passphrase: impl FnOnce() -> Result<Secret>) -> Result<Self> {
        let (header, body) = split(file).ok_or_else(cannot_open)?;
        if header == PLAIN {
            let bytes = b64_decode_secret(body.as_bytes()).ok_or_else(cannot_open)?;
            let seed = bytes.bytes().get(..32).and_then(Key::from_slice).ok_or_else(cannot_open)?;
            if bytes.bytes()[32..] != check(&seed) {
                return Err(cannot_open());
            }
            return Ok(Self::from_seed(seed));
        }
        let (salt, nonce) = sealed_header(header).ok_or_else(cannot_open)?;
        let sealed = b64_decode(body, 48).filter(|b| b.len() == 48).ok_or_else(cannot_open)?;
        let key = argon2id(passphrase()?.bytes(), &salt);
        let seed = open(&key, &nonce, header.as_bytes(), sealed).ok_or_else(cannot_open)?;
        Key::from_slice(seed.bytes()).map(Self::from_seed).ok_or_else(cannot_open)
    }

    /// True if the file says that it is sealed under a passphrase.
    pub fn needs_passphrase(file: &Secret) -> bool {
        split(file).is_some_and(|(header, _)| header.starts_with(SEALED))
    }
}

/// Notices a damaged file that has no tag of its own.
fn check(seed: &Key) -> [u8; 16] {
    let hash = sha256(&[b"vault/v1/identity-check", seed.bytes()]);
    *hash.first_chunk().expect("a hash has more than 16 bytes")
}

fn split(file: &Secret) -> Option<(&str, &str)> {
    let (header, body) = file.text()?.split_once('\n')?;
    let body = body.strip_suffix('\n')?;
    (file.len() <= MAX_FILE && !body.contains('\n')).then_some((header, body))
}

fn sealed_header(header: &str) -> Option<([u8; 16], [u8; NONCE])> {
    let (salt, nonce) = header.strip_prefix(SEALED)?.strip_prefix(' ')?.split_once(' ')?;
    Some((b64_array(salt)?, b64_array(nonce)?))
}

fn cannot_open() -> Error {
    Error::credentials("cannot open the identity")
        .hint("the passphrase or the file is wrong; `VAULT_IDENTITY` names another file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    fn no_passphrase() -> Result<Secret> {
        panic!("asked for a passphrase")
    }

    #[test]
    fn a_sealed_file_opens_with_its_passphrase_only() {
        let identity = Identity::random();
        let file = identity.to_file(Some(&secret("correct")));
        assert!(Identity::needs_passphrase(&file));
        let back = Identity::from_file(&file, || Ok(secret("correct"))).ok().unwrap();
        assert_eq!(back.public(), identity.public());
        let wrong = Identity::from_file(&file, || Ok(secret("wrong"))).err().unwrap();
        assert_eq!(wrong.message, "cannot open the identity");
    }

    #[test]
    fn damage_is_noticed_and_says_no_more_than_cannot_open() {
        let identity = Identity::random();
        let plain = identity.to_file(None);
        assert!(!Identity::needs_passphrase(&plain));
        assert!(Identity::from_file(&plain, no_passphrase).is_ok());
        for at in 0..plain.len() {
            let cut = Secret::copy_of(&plain.bytes()[..at]);
            let error = Identity::from_file(&cut, || Ok(secret("x"))).err().unwrap();
            assert_eq!(error.message, "cannot open the identity", "{at}");
            let mut edited = plain.bytes().to_vec();
            edited[at] ^= 1;
            assert!(Identity::from_file(&Secret::new(edited), || Ok(secret("x"))).is_err(), "{at}");
        }
        let sealed = identity.to_file(Some(&secret("x")));
        for at in [0, 5, 20, 30, 50, 70, 90, sealed.len() - 2] {
            let mut edited = sealed.bytes().to_vec();
            edited[at] ^= 1;
            assert!(Identity::from_file(&Secret::new(edited), || Ok(secret("x"))).is_err(), "{at}");
        }
    }

    #[test]
    fn words_and_strings_round_trip() {
        let identity = Identity::random();
        let words = identity.to_words();
        assert_eq!(words.text().unwrap().split(' ').count(), 24);
        assert_eq!(Identity::from_words(&words).ok().unwrap().public(), identity.public());
        assert!(Identity::from_words(&secret("abandon ability")).is_err());

        let text = identity.id_string();
        assert_eq!(&PublicIdentity::parse(&text).unwrap(), identity.public());
        assert!(PublicIdentity::parse(&text[..text.len() - 1]).is_err());
        assert_eq!(identity.public().fingerprint().split(' ').count(), 8);
    }

    #[test]
    fn an_id_string_must_be_signed_by_its_key() {
        let (ann, bob) = (Identity::random(), Identity::random());
        let mixed =
            PublicIdentity { recipient: bob.public().recipient.clone(), key: ann.public().key };
        let mut payload = mixed.signed_part();
        payload.extend(sign(bob.signing_seed(), &mixed.signed_part()));
        assert!(PublicIdentity::parse(&token::encode(ID, &payload)).is_err());
    }
}
