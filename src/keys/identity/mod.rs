//! A device's identity: one 32-byte seed, from which an Ed25519 key (to sign) and an age X25519
//! identity (to open keyrings) are derived, and the small file that keeps it. In the place of the
//! latter there may be a key that the person has already: of SSH, or of an age plugin.

use std::fmt;
use std::path::PathBuf;

use bip39::Mnemonic;

use super::recipient;
use crate::core::cipher::{hkdf, public_key, sign};
use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::token;

pub use self::file::{LockedIdentity, MAX_FILE};
pub use self::outside::{with_plugin, with_ssh_key};
pub use self::public::{PublicIdentity, words8};

mod file;
mod outside;
mod public;

const ID: &str = "vault-id1";

/// What keeps the key that opens keyrings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The identity itself: it grows from the seed.
    Seed,
    /// The SSH key in a file.
    Ssh(PathBuf),
    /// The age plugin of this name.
    Plugin(String),
}

impl fmt::Display for Keeper {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed => f.write_str("the identity itself"),
            Self::Ssh(path) => write!(f, "the SSH key {}", escape(&path.display().to_string())),
            Self::Plugin(name) => write!(f, "the age plugin {}", escape(name)),
        }
    }
}

/// An age identity of any kind.
type Opener = dyn age::Identity + Send + Sync;

/// An unlocked identity.
pub struct Identity {
    seed: Key,
    signing: Key,
    public: PublicIdentity,
    keeper: Keeper,
    opener: Box<Opener>,
}

impl Identity {
    /// A new identity.
    pub fn random() -> Self {
        Self::from_seed(random::key())
    }

    /// The identity that grows from a seed.
    pub fn from_seed(seed: Key) -> Self {
        let age = recipient::identity(&hkdf(seed.bytes(), b"", b"vault/v1/age"));
        Self::kept(seed, age.to_public().to_string(), Keeper::Seed, Box::new(age))
    }

    /// The identity that signs with a seed, and whose keyrings `opener` opens.
    fn kept(seed: Key, recipient: String, keeper: Keeper, opener: Box<Opener>) -> Self {
        let signing = hkdf(seed.bytes(), b"", b"vault/v1/sign");
        let public = PublicIdentity { recipient, key: public_key(&signing) };
        Self { seed, signing, public, keeper, opener }
    }

    /// The public half.
    pub fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// What opens keyrings.
    pub fn age(&self) -> &Opener {
        &*self.opener
    }

    /// Where that key is.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The Ed25519 seed, to sign headers and notes.
    pub fn signing_seed(&self) -> &Key {
        &self.signing
    }

    /// The keys that all others grow from, or are: what must not be swapped out.
    pub fn keys(&self) -> [&Key; 2] {
        [&self.seed, &self.signing]
    }

    /// A key for files that only this identity writes and reads on this device.
    pub fn device_key(&self, purpose: &str) -> Key {
        hkdf(self.seed.bytes(), b"", purpose.as_bytes())
    }

    /// `AGE-SECRET-KEY-1…`, with which stock age opens this identity's keyrings.
    ///
    /// # Errors
    /// Usage if that key is not in the identity.
    pub fn age_secret_key(&self) -> Result<Secret> {
        let hint = match &self.keeper {
            Keeper::Seed => {
                let scalar = hkdf(self.seed.bytes(), b"", b"vault/v1/age");
                return Ok(recipient::secret_key_text(&scalar));
            }
            Keeper::Ssh(_) => "stock age takes that file: age -d -i FILE",
            Keeper::Plugin(_) => "stock age takes the file that was given to --age-plugin",
        };
        Err(Error::usage(format!("this identity's key is {}", self.keeper)).hint(hint))
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
