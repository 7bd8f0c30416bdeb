//! The operations of a note: one line each, with exactly one way to write it.

use std::collections::BTreeSet;
use std::fmt;

use crate::core::cipher::{Hash, PublicKey};
use crate::core::header::is_group_name;
use crate::core::json::{Reader, ascii_string, read_ascii_string};
use crate::core::path::Prefix;
use crate::core::text::{decimal, hex, hex_array};
use crate::keys::recipient;

/// Longest name of a member in bytes.
pub const MAX_NAME: usize = 64;
/// Most age files of one keyring.
pub const MAX_KEYRING_FILES: usize = recipient::MAX_FILES;
/// Most prefixes of one group.
pub const MAX_PREFIXES: usize = 1024;

/// How data keys of a group are wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrapChoice {
    /// By the group's folder tree.
    Local,
    /// By the KMS key with this ARN.
    Kms(String),
}

impl fmt::Display for WrapChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Kms(arn) => write!(f, "kms:{arn}"),
        }
    }
}

impl WrapChoice {
    /// The ARN of the KMS key.
    pub fn kms(&self) -> Option<&str> {
        match self {
            Self::Local => None,
            Self::Kms(arn) => Some(arn),
        }
    }

    /// Reads `local` or `kms:ARN`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "local" {
            return Some(Self::Local);
        }
        let arn = text.strip_prefix("kms:")?;
        let plain = arn.bytes().all(|b| b.is_ascii_graphic());
        (plain && arn.starts_with("arn:") && arn.len() <= 2048).then(|| Self::Kms(arn.to_owned()))
    }
}

/// One right of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// May do everything, and sign notes.
    Admin,
    /// Is a recipient of the group's keyring.
    Read(String),
    /// May write below the prefix, in groups that the member can read.
    Write(Prefix),
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// 128 random bits; first op of note 0 and nowhere else.
    Genesis([u8; 16]),
    /// A new member, without keys or rights.
    MemberAdd(String),
    /// A member leaves with all keys and rights.
    MemberRemove(String),
    /// A device of a member.
    KeyAdd {
        /// Whose.
        member: String,
        /// Its signing key.
        key: PublicKey,
        /// Its age recipient.
        recipient: String,
    },
    /// A device is gone.
    KeyRemove {
        /// Whose.
        member: String,
        /// Its signing key.
        key: PublicKey,
    },
    /// A right is granted or taken.
    Role {
        /// Whose.
        member: String,
        /// True if granted.
        grant: bool,
        /// Which.
        right: Right,
    },
    /// A group's wrap and its whole set of prefixes; a prefix of another group moves here.
    GroupSet {
        /// Name of the group, new or known.
        group: String,
        /// How its data keys are wrapped from this note on.
        wrap: WrapChoice,
        /// All its prefixes.
        prefixes: BTreeSet<Prefix>,
    },
    /// The age files of a group's keyring: for the newest generation, or opening the next one.
    Keyring {
        /// Whose.
        group: String,
        /// The generation that is newest from this note on.
        generation: u64,
        /// SHA-256 of each file, in ascending order.
        files: Vec<Hash>,
    },
    /// The cut that a new generation starts from.
    Cut {
        /// Whose.
        group: String,
        /// SHA-256 of the cut.
        hash: Hash,
    },
    /// The recovery key installs one admin key; the only op of its note.
    RecoveryUsed {
        /// The admin, new or known.
        member: String,
        /// The new signing key.
        key: PublicKey,
        /// Its age recipient.
        recipient: String,
    },
    /// A new recovery key.
    RecoverySet {
        /// Its signing key.
        key: PublicKey,
        /// Its age recipient.
        recipient: String,
    },
    /// The bucket came back from a backup; the object lists what was lost.
    Restored(Hash),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis(random) => write!(f, "genesis {}", hex(random)),
            Self::MemberAdd(member) => write!(f, "member-add {member}"),
            Self::MemberRemove(member) => write!(f, "member-remove {member}"),
            Self::KeyAdd { member, key, recipient } => {
                write!(f, "key-add {member} {} {recipient}", hex(key))
            }
            Self::KeyRemove { member, key } => write!(f, "key-remove {member} {}", hex(key)),
            Self::Role { member, grant, right } => {
                let sign = if *grant { '+' } else { '-' };
                match right {
                    Right::Admin => write!(f, "role {member} {sign}admin"),
                    Right::Read(group) => write!(f, "role {member} {sign}read {group}"),
                    Right::Write(prefix) => {
                        write!(f, "role {member} {sign}write {}", ascii_string(prefix.as_str()))
                    }
                }
            }
            Self::GroupSet { group, wrap, prefixes } => {
                let prefixes: Vec<_> = prefixes.iter().map(|p| ascii_string(p.as_str())).collect();
                write!(f, "group-set {group} {wrap} [{}]", prefixes.join(","))
            }
            Self::Keyring { group, generation, files } => {
                write!(f, "keyring {group} {generation}")?;
                files.iter().try_for_each(|hash| write!(f, " {}", hex(hash)))
            }
            Self::Cut { group, hash } => write!(f, "cut {group} {}", hex(hash)),
            Self::RecoveryUsed { member, key, recipient } => {
                write!(f, "recovery-used {member} {} {recipient}", hex(key))
            }
            Self::RecoverySet { key, recipient } => {
                write!(f, "recovery-set {} {recipient}", hex(key))
            }
            Self::Restored(hash) => write!(f, "restored {}", hex(hash)),
        }
    }
}

impl Op {
    /// Reads a line; `None` unless it is exactly what [`Op`]'s `Display` writes.
    pub fn parse(line: &str) -> Option<Self> {
        let op = Self::read(line)?;
        (op.to_string() == line).then_some(op)
    }

    fn read(line: &str) -> Option<Self> {
        let (verb, rest) = line.split_once(' ')?;
        Some(match verb {
            "genesis" => Self::Genesis(hex_array(rest)?),
            "member-add" => Self::MemberAdd(member(rest)?),
            "member-remove" => Self::MemberRemove(member(rest)?),
            "key-add" => {
                let (name, key, recipient) = member_key(rest)?;
                Self::KeyAdd { member: name, key, recipient }
            }
            "key-remove" => {
                let (name, key) = rest.split_once(' ')?;
                Self::KeyRemove { member: member(name)?, key: hex_array(key)? }
            }
            "role" => {
                let (name, right) = rest.split_once(' ')?;
                let grant = right.starts_with('+');
                let right = match right.strip_prefix(['+', '-'])?.split_once(' ') {
                    None if right.get(1..) == Some("admin") => Right::Admin,
                    Some(("read", name)) => Right::Read(group(name)?),
                    Some(("write", text)) => Right::Write(prefix(&read_ascii_string(text)?)?),
                    _ => return None,
                };
                Self::Role { member: member(name)?, grant, right }
            }
            "group-set" => {
                let mut parts = rest.splitn(3, ' ');
                Self::GroupSet {
                    group: group(parts.next()?)?,
                    wrap: WrapChoice::parse(parts.next()?)?,
                    prefixes: prefixes(parts.next()?)?,
                }
            }
            "keyring" => {
                let mut parts = rest.split(' ');
                let (name, generation) = (group(parts.next()?)?, decimal(parts.next()?)?);
                let files = parts.map(hex_array).collect::<Option<Vec<Hash>>>()?;
                let ascending = files.windows(2).all(|pair| pair[0] < pair[1]);
                let few = (1..=MAX_KEYRING_FILES).contains(&files.len());
                if !ascending || !few || generation == 0 {
                    return None;
                }
                Self::Keyring { group: name, generation, files }
            }
            "cut" => {
                let (name, hash) = rest.split_once(' ')?;
                Self::Cut { group: group(name)?, hash: hex_array(hash)? }
            }
            "recovery-used" => {
                let (name, key, recipient) = member_key(rest)?;
                Self::RecoveryUsed { member: name, key, recipient }
            }
            "recovery-set" => {
                let (key, text) = rest.split_once(' ')?;
                Self::RecoverySet { key: hex_array(key)?, recipient: recipient(text)? }
            }
            "restored" => Self::Restored(hex_array(rest)?),
            _ => return None,
        })
    }
}

/// True for a legal name of a member: `[A-Za-z0-9._@+-]{1,64}`.
pub fn is_member_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@+-".contains(&b))
}

fn member(text: &str) -> Option<String> {
    is_member_name(text).then(|| text.to_owned())
}

fn group(text: &str) -> Option<String> {
    is_group_name(text).then(|| text.to_owned())
}

/// A recipient in its one form. That there is a key in it is checked by who adds it.
pub(super) fn recipient(text: &str) -> Option<String> {
    recipient::is_canonical(text).then(|| text.to_owned())
}

fn member_key(rest: &str) -> Option<(String, PublicKey, String)> {
    let mut parts = rest.splitn(3, ' ');
    Some((member(parts.next()?)?, hex_array(parts.next()?)?, recipient(parts.next()?)?))
}

/// A prefix exactly as the format writes it, without a trailing slash.
pub(super) fn prefix(text: &str) -> Option<Prefix> {
    Prefix::parse(text).ok().filter(|p| p.as_str() == text)
}

fn prefixes(text: &str) -> Option<BTreeSet<Prefix>> {
    let mut set = BTreeSet::new();
    let mut reader = Reader::new(text.as_bytes());
    reader
        .array(|reader| {
            let string = reader.string()?;
            let found = string.text().and_then(prefix).ok_or(reader.error("not a prefix"))?;
            set.insert(found);
            if set.len() > MAX_PREFIXES { Err(reader.error("too many prefixes")) } else { Ok(()) }
        })
        .ok()?;
    reader.end().ok()?;
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSH: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEiNAy9EfQBIbjOKUcSpkSjJWN6sV4pUGUO8fW0GtwJy";

    #[test]
    fn every_op_has_one_line() {
        let key = "11".repeat(32);
        let hash = "22".repeat(32);
        let hash2 = "33".repeat(32);
        for line in [
            format!("genesis {}", "ab".repeat(16)),
            "member-add mira@example.org".into(),
            "member-remove mira".into(),
            format!("key-add mira {key} age1xyz"),
            format!("key-add mira {key} {SSH}"),
            format!("key-add mira {key} age1tagpq1{}", "q".repeat(4000)),
            format!("key-remove mira {key}"),
            "role mira +admin".into(),
            "role mira -admin".into(),
            "role mira +read main".into(),
            "role mira -write \"prod/d b/\\u00fc\"".into(),
            "role mira +write \"\"".into(),
            "group-set main local [\"\"]".into(),
            "group-set pay kms:arn:aws:kms:eu-west-1:1:key/x [\"a\",\"b/c d\"]".into(),
            "group-set old local []".into(),
            format!("keyring main 2 {hash} {hash2}"),
            format!("cut main {hash}"),
            format!("recovery-used mira {key} age1xyz"),
            format!("recovery-set {key} age1xyz"),
            format!("restored {hash}"),
        ] {
            let op = Op::parse(&line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(op.to_string(), line);
        }
    }

    #[test]
    fn any_other_line_is_refused() {
        let key = "11".repeat(32);
        let hash = "22".repeat(32);
        for line in [
            "".into(),
            "unknown x".into(),
            "member-add".into(),
            "member-add ".into(),
            "member-add a b".into(),
            "member-add a\u{202e}".into(),
            " member-add a".into(),
            "member-add  a".into(),
            format!("key-add mira {key}"),
            format!("key-add mira {key} "),
            format!("key-add mira {} age1", "AB".repeat(32)),
            format!("key-add mira {key} age1\u{e9}"),
            format!("key-add mira {key} age1"),
            format!("key-add mira {key} AGE1XYZ"),
            format!("key-add mira {key} age1x y"),
            format!("key-add mira {key} age1x\t"),
            format!("key-add mira {key} age1{}", "q".repeat(4093)),
            format!("key-add mira {key} {SSH} comment"),
            format!("key-add mira {key} {}", SSH.replace(' ', "  ")),
            format!("key-add mira {key} {}", SSH.replace("AAAAC3", "AAAAC4")),
            format!("key-add mira {key} {}", &SSH[..SSH.len() - 1]),
            format!("key-add mira {key} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ"),
            "role mira admin".into(),
            "role mira +write prod".into(),
            "role mira +write \"prod/\"".into(),
            "role mira +write \"../x\"".into(),
            "role mira +read Main".into(),
            "role mira +admin x".into(),
            "group-set main local".into(),
            "group-set main other [\"\"]".into(),
            "group-set main local [\"b\",\"a\"]".into(),
            "group-set main local [\"a\",\"a\"]".into(),
            "group-set main local [\"a\", \"b\"]".into(),
            "group-set main kms:x [\"\"]".into(),
            format!("keyring main 0 {hash}"),
            "keyring main 1".into(),
            format!("keyring main 01 {hash}"),
            format!("keyring main 1 {hash} {hash}"),
            format!("cut main {hash} "),
            "restored x".into(),
            format!("genesis {}", "ab".repeat(15)),
        ] {
            assert_eq!(Op::parse(&line), None, "{line}");
        }
    }
}
