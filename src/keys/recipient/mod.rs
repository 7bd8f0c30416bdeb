//! age recipients (age-encryption.org/v1): who can open a keyring, as text and as keys.
//!
//! A recipient has exactly one written form, and this is what the team chain holds. The chain
//! itself only looks at the form ([`is_canonical`]); whether there is a key inside that can be
//! encrypted to is checked by whoever adds a member, and again by whoever seals a keyring
//! ([`Recipient::parse`]).

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Checksum, Hrp};

use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::core::secret::{Key, Secret};
use crate::core::text::b64_array;

pub use self::file::{MAX_FILES, decrypt, encrypt, encrypt_apart, not_opened};

mod file;

/// Longest recipient text in bytes; post-quantum recipients have about 2,000.
pub const MAX_RECIPIENT: usize = 4096;
const SSH: &str = "ssh-ed25519 ";
/// What the base64 of an Ed25519 key of SSH holds before the key: both parts with their lengths.
const SSH_BLOB: &[u8; 19] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
const HINT: &str = "it is an age recipient (`age1…`), that of a plugin, or `ssh-ed25519 …`";

/// Something that a keyring can be sealed to.
pub enum Recipient {
    /// `age1…`
    X25519(age::x25519::Recipient),
    /// `ssh-ed25519 AAAA…`
    Ssh(age::ssh::Recipient),
    /// `age1tag1…`: P-256 on a hardware key.
    Tag(age::tag::Recipient),
    /// `age1tagpq1…`: ML-KEM-768 and P-256 on a hardware key.
    TagPq(Box<age::tagpq::Recipient>),
    /// `age1NAME1…`: whatever `age-plugin-NAME` makes of it.
    Plugin(age::plugin::Recipient),
}

impl Recipient {
    /// Reads a recipient in its canonical form.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage), saying what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("ssh-rsa ") {
            return Err(Error::usage("RSA keys of SSH are not taken as recipients").hint(
                "`ssh-keygen -t ed25519` makes a key that is, `vault id new` needs none at all",
            ));
        }
        if !is_canonical(text) {
            return Err(wrong(text));
        }
        let recipient = match plugin_name(text) {
            _ if text.starts_with(SSH) => text.parse().map(Self::Ssh).ok(),
            _ if !is_bech32(text) => None,
            None => text.parse().map(Self::X25519).ok(),
            Some("tag") => text.parse().map(Self::Tag).ok(),
            Some("tagpq") => text.parse().map(|key| Self::TagPq(Box::new(key))).ok(),
            Some(_) => text.parse().map(Self::Plugin).ok(),
        };
        // Written again and compared: there is one form.
        recipient.filter(|recipient| recipient.to_string() == text).ok_or_else(|| wrong(text))
    }

    /// Reads what a person has: with white space around it, or with the comment of an SSH key.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn read(text: &str) -> Result<Self> {
        let mut words = text.split_ascii_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            (kind, Some(key)) if kind.starts_with("ssh-") => Self::parse(&format!("{kind} {key}")),
            _ => Self::parse(text.trim()),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(recipient) => recipient.fmt(f),
            Self::Ssh(recipient) => recipient.fmt(f),
            Self::Tag(recipient) => recipient.fmt(f),
            Self::TagPq(recipient) => recipient.fmt(f),
            Self::Plugin(recipient) => recipient.fmt(f),
        }
    }
}

/// Checks that `text` is a recipient that this version can encrypt to, perhaps with a plugin.
///
/// # Errors
/// [`Kind::Usage`](crate::core::error::Kind::Usage).
pub fn check(text: &str) -> Result<()> {
    Recipient::parse(text).map(drop)
}

/// True if `text` has the form of a recipient: `age1` and what bech32 is made of, or
/// `ssh-ed25519`, a space and the key. No checksum is looked at, and no curve.
pub fn is_canonical(text: &str) -> bool {
    if text.len() > MAX_RECIPIENT {
        return false;
    }
    if let Some(key) = text.strip_prefix(SSH) {
        return b64_array::<51>(key).is_some_and(|blob| blob.starts_with(SSH_BLOB));
    }
    let plain = |b: u8| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'_')
    };
    text.strip_prefix("age1").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

/// `NAME` of `age1NAME1…`, `None` for an X25519 recipient.
fn plugin_name(text: &str) -> Option<&str> {
    let (prefix, _) = text.rsplit_once('1')?;
    prefix.strip_prefix("age1")
}

/// bech32 without its limit of 90 characters, as age uses it.
enum Long {}

impl Checksum for Long {
    type MidstateRepr = u32;
    const CODE_LENGTH: usize = usize::MAX;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

/// True if the checksum is right and the text the only one for what it holds. A plugin's
/// recipient is opaque here and would keep stray bits at its end.
fn is_bech32(text: &str) -> bool {
    let Ok(parsed) = CheckedHrpstring::new::<Long>(text) else { return false };
    let bytes: Vec<u8> = parsed.byte_iter().collect();
    bech32::encode_lower::<Long>(parsed.hrp(), &bytes).is_ok_and(|again| again == text)
}

fn wrong(text: &str) -> Error {
    let start: String = text.chars().take(100).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    Error::usage(format!("not a recipient: {}{more}", escape(&start))).hint(HINT)
}

/// The age identity (secret key) made of 32 derived bytes.
pub fn identity(scalar: &Key) -> age::x25519::Identity {
    let text = secret_key_text(scalar);
    age::x25519::Identity::from_str(text.text().expect("bech32 is ASCII"))
        .expect("any 32 bytes are an X25519 secret key")
}

/// `AGE-SECRET-KEY-1…` of 32 derived bytes, for stock tools.
pub fn secret_key_text(scalar: &Key) -> Secret {
    let hrp = Hrp::parse("age-secret-key-").expect("a constant");
    // With room for all of it: a text that grows leaves its beginnings behind.
    let mut text = String::with_capacity(128);
    bech32::encode_upper_to_fmt::<Bech32, _>(&mut text, hrp, scalar.bytes()).expect("32 bytes fit");
    let secret = Secret::copy_of(text.as_bytes());
    zeroize::Zeroize::zeroize(&mut text);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIcDyNwqVHFpU8W2dHr51PKprWmMIwJkACdhiRoJumgZ";

    #[test]
    fn what_people_have_becomes_the_one_form() {
        let own = identity(&Key::new([1; 32])).to_public().to_string();
        for (typed, text) in [
            (format!("{KEY} ann@laptop\n"), KEY),
            (format!(" {}\t", KEY.replace(' ', "   ")), KEY),
            (format!("{own}\n"), &*own),
        ] {
            assert_eq!(Recipient::read(&typed).ok().map(|r| r.to_string()).as_deref(), Some(text));
        }
        for typed in
            [&format!("{own} {own}"), "ssh-ed25519", "", "ssh-rsa AAAA", &own.to_uppercase()]
        {
            assert!(Recipient::read(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn the_name_of_a_plugin_is_before_the_last_1() {
        assert_eq!(plugin_name("age1yubikey1qqq"), Some("yubikey"));
        assert_eq!(plugin_name("age1a1b1qqq"), Some("a1b"));
        assert_eq!(plugin_name("age1qqq"), None);
    }
}
