//! The identity file: sealed under a passphrase, in the clear for machines, or with a key that is
//! kept elsewhere (`docs/FORMAT.md`, "Identity").

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outside::{self, MAX_KEPT};
use super::{Identity, Keeper};
use crate::core::cipher::{Hash, NONCE, argon2id, open, seal, sha256};
use crate::core::error::{Error, Result};
use crate::core::path::is_hidden;
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::text::{b64, b64_array, b64_decode, b64_decode_secret, b64_secret};
use crate::keys::plugin::Ask;

/// Largest identity file that is read.
pub const MAX_FILE: usize = 16 * 1024;
/// Largest one that holds nothing but the seed.
const MAX_SEED_FILE: usize = 4096;
const SEALED: &str = "vault-identity/v1 argon2id";
const PLAIN: &str = "vault-identity/v1 plain";
const KEPT: &str = "vault-identity/v1 age";

/// An identity file that was read, and what is needed to open it.
pub struct LockedIdentity {
    form: Form,
    hash: Hash,
    /// The SSH key that keeps it, and where that was.
    ssh_key: Option<(PathBuf, Secret)>,
}

enum Form {
    Sealed { header: String, salt: [u8; 16], nonce: [u8; NONCE], sealed: Vec<u8> },
    Plain(Key),
    Kept(Kept),
}

/// A seed in an age file, and what opens that.
pub(super) struct Kept {
    pub by: KeptBy,
    pub file: Vec<u8>,
}

/// What opens the age file.
pub(super) enum KeptBy {
    /// The SSH key that was at this path.
    Ssh(PathBuf),
    /// The plugin's identity, `AGE-PLUGIN-NAME-1…`.
    Plugin(String),
}

impl LockedIdentity {
    /// Reads an identity file.
    ///
    /// # Errors
    /// [`Kind::Credentials`](crate::core::error::Kind::Credentials): "cannot open".
    pub fn parse(file: &Secret) -> Result<Self> {
        let form = Form::parse(file).ok_or_else(cannot_open)?;
        Ok(Self { form, hash: sha256(&[file.bytes()]), ssh_key: None })
    }

    /// SHA-256 of the file.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// True if an age plugin keeps its key.
    pub fn needs_plugin(&self) -> bool {
        matches!(&self.form, Form::Kept(Kept { by: KeptBy::Plugin(_), .. }))
    }

    /// Copies of the identity file and of the SSH key that it was given, if it takes one.
    pub fn ssh_parts(&self) -> Option<(Secret, Secret)> {
        match (&self.form, &self.ssh_key) {
            (Form::Kept(kept), Some((_, key))) => {
                Some((kept.to_file(), Secret::copy_of(key.bytes())))
            }
            _ => None,
        }
    }

    /// Where the SSH key is that [`Self::open`] has to be given.
    pub fn ssh_key_path(&self) -> Option<&Path> {
        match &self.form {
            Form::Kept(Kept { by: KeptBy::Ssh(path), .. }) => Some(path),
            _ => None,
        }
    }

    /// Gives the file of the SSH key, as found at `path`.
    pub fn with_ssh_key(mut self, path: PathBuf, key: Secret) -> Self {
        self.ssh_key = Some((path, key));
        self
    }

    /// True if opening asks for one passphrase, be it of the SSH key.
    pub fn needs_passphrase(&self) -> bool {
        match &self.form {
            Form::Sealed { .. } => true,
            Form::Plain(_) => false,
            Form::Kept(_) => {
                self.ssh_key.as_ref().is_some_and(|(_, key)| outside::is_encrypted(key))
            }
        }
    }

    /// Opens it. What it takes is asked of `ask`.
    ///
    /// # Errors
    /// [`Kind::Credentials`](crate::core::error::Kind::Credentials): "cannot open", whether the
    /// file or the passphrase is wrong; that the SSH key or the plugin is not there; what `ask`
    /// says.
    pub fn open(self, ask: Arc<dyn Ask>) -> Result<Identity> {
        match self.form {
            Form::Kept(kept) => outside::open(&kept, self.ssh_key, ask),
            form => form.open(|| ask.passphrase("the identity")),
        }
    }
}

impl Form {
    fn parse(file: &Secret) -> Option<Self> {
        let (header, body) = file.text()?.split_once('\n')?;
        let body = body.strip_suffix('\n')?;
        if header == KEPT {
            return (file.len() <= MAX_FILE).then(|| Kept::parse(body))?.map(Self::Kept);
        }
        if file.len() > MAX_SEED_FILE || body.contains('\n') {
            return None;
        }
        if header == PLAIN {
            let bytes = b64_decode_secret(body.as_bytes())?;
            let seed = bytes.bytes().get(..32).and_then(Key::from_slice)?;
            return (bytes.bytes()[32..] == check(&seed)).then_some(Self::Plain(seed));
        }
        let (salt, nonce) = header.strip_prefix(SEALED)?.strip_prefix(' ')?.split_once(' ')?;
        let sealed = b64_decode(body, 48).filter(|b| b.len() == 48)?;
        let (salt, nonce) = (b64_array(salt)?, b64_array(nonce)?);
        Some(Self::Sealed { header: header.to_owned(), salt, nonce, sealed })
    }

    fn open(self, passphrase: impl FnOnce() -> Result<Secret>) -> Result<Identity> {
        match self {
            Self::Plain(seed) => Ok(Identity::from_seed(seed)),
            Self::Sealed { header, salt, nonce, sealed } => {
                let key = argon2id(passphrase()?.bytes(), &salt);
                let seed = open(&key, &nonce, header.as_bytes(), sealed).ok_or_else(cannot_open)?;
                Key::from_slice(seed.bytes()).map(Identity::from_seed).ok_or_else(cannot_open)
            }
            Self::Kept(_) => Err(cannot_open()),
        }
    }
}

impl Kept {
    fn parse(body: &str) -> Option<Self> {
        let (by, file) = body.split_once('\n')?;
        let by = match by.split_once(' ')? {
            ("ssh", path) if is_key_path(path) => KeptBy::Ssh(path.into()),
            ("plugin", identity) if identity.bytes().all(|b| b.is_ascii_graphic()) => {
                KeptBy::Plugin(identity.to_owned())
            }
            _ => return None,
        };
        Some(Self { by, file: b64_decode(file, MAX_KEPT)? })
    }

    /// The identity file.
    pub fn to_file(&self) -> Secret {
        let by = match &self.by {
            KeptBy::Ssh(path) => format!("ssh {}", path.display()),
            KeptBy::Plugin(identity) => format!("plugin {identity}"),
        };
        Secret::new(format!("{KEPT}\n{by}\n{}\n", b64(&self.file)).into_bytes())
    }
}

/// True for an absolute path that is one line of text.
pub(super) fn is_key_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= MAX_SEED_FILE && !path.chars().any(is_hidden)
}

impl Identity {
    /// The identity file: sealed under a passphrase, or in the clear for machines.
    ///
    /// # Panics
    /// If the key for keyrings is kept elsewhere: such an identity comes with its file.
    pub fn to_file(&self, passphrase: Option<&Secret>) -> Secret {
        assert!(self.keeper == Keeper::Seed, "the seed alone would be another identity");
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

    /// Opens an identity file that needs nothing but, perhaps, a passphrase. That is asked for
    /// only if the file needs one.
    ///
    /// # Errors
    /// [`Kind::Credentials`](crate::core::error::Kind::Credentials): "cannot open", whether the
    /// file or the passphrase is wrong.
    pub fn from_file(file: &Secret, passphrase: impl FnOnce() -> Result<Secret>) -> Result<Self> {
        LockedIdentity::parse(file)?.form.open(passphrase)
    }

    /// True if the file says that it is sealed under a passphrase.
    pub fn needs_passphrase(file: &Secret) -> bool {
        LockedIdentity::parse(file).is_ok_and(|locked| locked.needs_passphrase())
    }
}

/// Notices a damaged file that has no tag of its own.
fn check(seed: &Key) -> [u8; 16] {
    let hash = sha256(&[b"vault/v1/identity-check", seed.bytes()]);
    *hash.first_chunk().expect("a hash has more than 16 bytes")
}

pub(super) fn cannot_open() -> Error {
    Error::credentials("cannot open the identity")
        .hint("the passphrase or the file is wrong; `VAULT_IDENTITY` names another file")
}
