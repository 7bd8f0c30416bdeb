//! Identities whose key for keyrings is one that the person has already: of SSH, or of an age
//! plugin. The seed, from which such an identity signs, lies in an age file to that key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::ssh::{Identity as SshKey, UnsupportedKey};

use super::file::{Kept, KeptBy, cannot_open, is_key_path};
use super::{Identity, Keeper, LockedIdentity, Opener};
use crate::core::cipher::equal;
use crate::core::error::{Error, Kind, Result};
use crate::core::path::escape;
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::text::{lps, take_lp};
use crate::keys::plugin::{Ask, PluginIdentity, secret_string};
use crate::keys::recipient::{self, Recipient};

/// Largest age file around a seed: a post-quantum recipient is in it, and in its header.
pub(super) const MAX_KEPT: usize = 8 * 1024;

/// A new identity whose keyrings the SSH key `key` opens, which was found at `path`, and its file.
///
/// # Errors
/// Usage if it is no Ed25519 key, or the path cannot be remembered; credentials if it cannot be
/// opened.
pub fn with_ssh_key(path: &Path, key: &Secret, ask: &dyn Ask) -> Result<(Identity, Secret)> {
    let text = path.to_str().filter(|text| is_key_path(text));
    let text =
        text.ok_or_else(|| Error::usage("the path of the SSH key cannot be written down"))?;
    let (opener, recipient) = open_ssh_key(Path::new(text), key, ask)?;
    make(KeptBy::Ssh(text.into()), recipient, Keeper::Ssh(text.into()), opener)
}

/// A new identity whose keyrings a plugin opens, and its file. `identities` is the file that the
/// plugin made, `recipient` what it is encrypted to unless a comment in that file says so.
///
/// # Errors
/// Usage if the file does not name exactly one key; credentials if the plugin is missing or fails.
pub fn with_plugin(
    identities: &Secret,
    recipient: Option<&str>,
    ask: Arc<dyn Ask>,
) -> Result<(Identity, Secret)> {
    let (identity, found) = read_identities(identities)?;
    let recipient = match recipient {
        Some(given) => Recipient::read(given)?,
        None => found.ok_or_else(|| {
            Error::usage("no comment in the file tells the recipient, or more than one does")
                .hint("give it with --recipient age1…")
        })?,
    };
    let opener = PluginIdentity::new(&identity, ask)?;
    let keeper = Keeper::Plugin(opener.name().to_owned());
    make(KeptBy::Plugin(identity), recipient, keeper, Box::new(opener))
}

/// Seals a new seed to `recipient`, and proves that `opener` opens it.
fn make(
    by: KeptBy,
    recipient: Recipient,
    keeper: Keeper,
    opener: Box<Opener>,
) -> Result<(Identity, Secret)> {
    let (seed, recipient) = (random::key(), recipient.to_string());
    let mut plaintext = Secret::copy_of(&lps(&[recipient.as_bytes()]));
    plaintext.extend(seed.bytes());
    let kept = Kept { by, file: recipient::encrypt(&[&recipient], &plaintext)? };
    let file = kept.to_file();
    let unfit = |_| Error::usage(format!("what {keeper} makes does not fit into an identity file"));
    LockedIdentity::parse(&file).map_err(unfit)?;
    let identity = unseal(&kept, keeper, opener)?;
    match equal(identity.seed.bytes(), seed.bytes()) {
        true => Ok((identity, file)),
        false => Err(cannot_open()),
    }
}

/// Opens an identity file of this kind.
pub(super) fn open(
    kept: &Kept,
    ssh_key: Option<(PathBuf, Secret)>,
    ask: Arc<dyn Ask>,
) -> Result<Identity> {
    match &kept.by {
        KeptBy::Ssh(remembered) => {
            let (path, key) = ssh_key.ok_or_else(|| {
                Error::credentials(format!(
                    "opening the identity takes {}",
                    Keeper::Ssh(remembered.clone())
                ))
            })?;
            let (opener, recipient) = open_ssh_key(&path, &key, &*ask)?;
            let identity = unseal(kept, Keeper::Ssh(path), opener)?;
            match identity.public.recipient == recipient.to_string() {
                true => Ok(identity),
                false => Err(cannot_open()),
            }
        }
        KeptBy::Plugin(text) => {
            let opener = PluginIdentity::new(text, ask).map_err(|e| match e.kind {
                Kind::Usage => cannot_open().because(e),
                _ => e,
            })?;
            let keeper = Keeper::Plugin(opener.name().to_owned());
            unseal(kept, keeper, Box::new(opener))
        }
    }
}

fn unseal(kept: &Kept, keeper: Keeper, opener: Box<Opener>) -> Result<Identity> {
    let opened = recipient::decrypt(&kept.file, &*opener);
    let plaintext =
        opened.map_err(|e| recipient::not_opened(e, cannot_open))?.ok_or_else(|| {
            Error::credentials(format!("the identity was not made with {keeper}"))
                .hint("`VAULT_IDENTITY` names another identity, `VAULT_SSH_KEY` another SSH key")
        })?;
    let mut rest = plaintext.bytes();
    let recipient = take_lp(&mut rest).and_then(|text| std::str::from_utf8(text).ok());
    let recipient = recipient.filter(|text| Recipient::parse(text).is_ok());
    match (recipient, Key::from_slice(rest)) {
        (Some(recipient), Some(seed)) => {
            Ok(Identity::kept(seed, recipient.to_owned(), keeper, opener))
        }
        _ => Err(cannot_open()),
    }
}

/// True if this is the file of an SSH key with a passphrase.
pub(super) fn is_encrypted(key: &Secret) -> bool {
    matches!(SshKey::from_buffer(key.bytes(), None), Ok(SshKey::Encrypted(_)))
}

/// The SSH key in a file, and the recipient that it is.
fn open_ssh_key(path: &Path, key: &Secret, ask: &dyn Ask) -> Result<(Box<Opener>, Recipient)> {
    let name = Keeper::Ssh(path.to_owned()).to_string();
    let key = match SshKey::from_buffer(key.bytes(), None) {
        Ok(key @ SshKey::Unencrypted(_)) => key,
        Ok(SshKey::Encrypted(locked)) => {
            only_ed25519(&name, SshKey::Encrypted(locked.clone()))?;
            let passphrase = ask.passphrase(&name)?;
            let opened = secret_string(&passphrase).and_then(|p| locked.decrypt(p).ok());
            opened.map(SshKey::from).ok_or_else(|| {
                Error::credentials(format!("cannot open {name}")).hint("the passphrase is wrong")
            })?
        }
        Ok(SshKey::Unsupported(key)) => return Err(unsupported(&name, &key)),
        Err(_) => {
            return Err(Error::usage(format!("{name} is no private key in the form of OpenSSH"))
                .hint("give the private half: the file without .pub"));
        }
    };
    let recipient = only_ed25519(&name, key.clone())?;
    Ok((Box::new(key), recipient))
}

/// The recipient of an SSH key, if it is of the one kind that is taken.
fn only_ed25519(name: &str, key: SshKey) -> Result<Recipient> {
    let kind = match age::ssh::Recipient::try_from(key) {
        Ok(recipient @ age::ssh::Recipient::SshEd25519(..)) => {
            return Ok(Recipient::Ssh(recipient));
        }
        Ok(age::ssh::Recipient::SshRsa(..)) => "ssh-rsa".to_owned(),
        Err(age::ssh::ParseRecipientKeyError::Unsupported(kind)) => kind,
        Err(_) => "broken".to_owned(),
    };
    Err(not_ed25519(name, &kind))
}

fn not_ed25519(name: &str, kind: &str) -> Error {
    Error::usage(format!("{name} is of the kind {}, and only ed25519 is taken", escape(kind)))
        .hint("`ssh-keygen -t ed25519` makes one; `vault id new` needs none at all")
}

fn unsupported(name: &str, key: &UnsupportedKey) -> Error {
    match key {
        UnsupportedKey::Hardware(_) => {
            Error::usage(format!("{name} is on a hardware token, and cannot decrypt"))
                .hint("the token may have an age plugin: `vault id new --age-plugin FILE`")
        }
        UnsupportedKey::Type(kind) => not_ed25519(name, kind),
        UnsupportedKey::EncryptedPem => Error::usage(format!("{name} is in an old form"))
            .hint("`ssh-keygen -p -f FILE` writes it anew"),
        UnsupportedKey::EncryptedSsh(cipher) => {
            Error::usage(format!("{name} is sealed with {}, which is not known", escape(cipher)))
                .hint("`ssh-keygen -p -Z aes256-ctr -f FILE` writes it anew")
        }
    }
}

/// The one identity in a file that a plugin made, and the one recipient that its comments name.
fn read_identities(file: &Secret) -> Result<(String, Option<Recipient>)> {
    let text = file.text().ok_or_else(|| Error::usage("the file is not text"))?;
    let (mut identities, mut recipients) = (Vec::new(), Vec::<Recipient>::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            let named = comment.split_ascii_whitespace().last().map(Recipient::parse);
            if let Some(Ok(recipient)) = named
                && !recipients.iter().any(|known| known.to_string() == recipient.to_string())
            {
                recipients.push(recipient);
            }
        } else {
            identities.push(line);
        }
    }
    let [identity] = identities[..] else {
        return Err(Error::usage("the file has to hold exactly one identity of an age plugin"));
    };
    if !identity.starts_with("AGE-PLUGIN-") {
        return Err(Error::usage("the file holds no identity of an age plugin (`AGE-PLUGIN-…`)")
            .hint("`vault id new` makes a key of its own; a key of age itself is not taken"));
    }
    let recipient = if recipients.len() == 1 { recipients.pop() } else { None };
    Ok((identity.to_owned(), recipient))
}
