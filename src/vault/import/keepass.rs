//! Databases of KeePass (kdbx 3 and 4), by the crate `keepass`.
//!
//! The crate trusts what the header says of itself, so the header is checked here first: its
//! lengths, and how much work and memory it asks for before the passphrase can be tried. What is
//! behind that is authenticated with the passphrase. The crate holds what it reads in strings, some
//! of which are freed as they are.

use keepass::db::{DatabaseOpenError, EntryRef, GroupRef};
use keepass::{Database, DatabaseKey};

use super::Parsed;
use super::logins::{Login, Part};
use super::names::below;
use crate::core::document::FieldType;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// What a database begins with, and the second number of those that are kdbx.
const MAGIC: [u8; 4] = [0x03, 0xd9, 0xa2, 0x9a];
const KDBX: [u8; 4] = [0x67, 0xfb, 0x4b, 0xb5];
/// Most memory that deriving the key may take, in bytes.
const MAX_MEMORY: u64 = 1024 * 1024 * 1024;
/// Most passes of Argon2 over that memory, counted in bytes.
const MAX_WORK: u64 = 64 * 1024 * 1024 * 1024;
/// Most rounds of the older derivation by AES.
const MAX_ROUNDS: u64 = 500_000_000;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 64;

/// True for a database of KeePass.
pub fn is_keepass(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a database.
///
/// # Errors
/// Usage for what is none, or asks for too much; credentials for a wrong passphrase or key file;
/// integrity if it is damaged.
pub fn read(
    bytes: &Secret,
    passphrase: Option<&Secret>,
    key_file: Option<&Secret>,
) -> Result<Parsed> {
    check_header(bytes.bytes()).ok_or_else(|| {
        Error::usage(
            "not a database of KeePass that can be read: its header is damaged, or unknown",
        )
        .hint("kdbx of KeePass 2 and KeePassXC is read; save an older database as that")
    })??;
    let mut key = DatabaseKey::new();
    if let Some(passphrase) = passphrase {
        let text = passphrase.text().ok_or_else(wrong_key)?;
        key = key.with_password(text);
    }
    if let Some(mut file) = key_file.map(Secret::bytes) {
        key = key.with_keyfile(&mut file).map_err(|_| wrong_key())?;
    }
    let database = Database::parse(bytes.bytes(), key).map_err(|e| match e {
        DatabaseOpenError::Key(_) => wrong_key(),
        // Version 3 has nothing but the padding by which to tell.
        DatabaseOpenError::Cryptography(_) if bytes.bytes().get(10) == Some(&3) => wrong_key(),
        // What the crate says may hold a piece of what it read.
        _ => Error::integrity("the database is damaged, or has a form that is not known"),
    })?;
    let mut parsed = Parsed::default();
    let bin = database.recycle_bin().map(|group| group.id());
    group(&mut parsed, &database.root(), &mut Vec::new(), bin.as_ref())?;
    Ok(parsed)
}

fn wrong_key() -> Error {
    Error::credentials("this passphrase, with this key file or without one, does not open it")
        .hint("--key-file FILE names the key file of the database, if it has one")
}

fn group(
    parsed: &mut Parsed,
    from: &GroupRef<'_>,
    folders: &mut Vec<String>,
    bin: Option<&keepass::db::GroupId>,
) -> Result<()> {
    if folders.len() > MAX_DEPTH {
        return Err(Error::usage("the groups are nested too deep"));
    }
    for one in from.entries() {
        entry(parsed, &one, folders)?;
    }
    for below in from.groups() {
        if bin == Some(&below.id()) {
            let count = below.entries().count();
            if count > 0 {
                parsed.leave(format!("what is in {} ({count})", below.name));
            }
            continue;
        }
        folders.push(below.name.clone());
        group(parsed, &below, folders, bin)?;
        folders.pop();
    }
    Ok(())
}

fn entry(parsed: &mut Parsed, entry: &EntryRef<'_>, folders: &[String]) -> Result<()> {
    let segments = below(folders, entry.get_title().unwrap_or_default())?;
    let shown = segments.join("/");
    let value = |name: &str| entry.get(name).map(|text| Secret::copy_of(text.as_bytes()));
    let mut login = Login::default();
    let known = [
        ("UserName", Part::Username),
        ("Password", Part::Password),
        ("URL", Part::Url),
        ("otp", Part::Otp),
        ("TimeOtp-Secret-Base32", Part::Otp),
        ("TOTP Seed", Part::Otp),
        ("Notes", Part::Notes),
    ];
    known.iter().for_each(|(name, part)| login.part(*part, value(name)));
    // The crate has them in no order.
    let mut names: Vec<&String> = entry.fields.keys().collect();
    names.sort();
    for name in names {
        if name == "Title" || known.iter().any(|(known, _)| known == name) {
            continue;
        }
        let hidden = entry.fields[name].is_protected();
        login.custom(name, hidden.then_some(FieldType::Secret), value(name));
    }
    for (name, _) in entry.attachments_named() {
        parsed.leave(format!("an attachment of {shown}: {name}"));
    }
    match login.fields() {
        Some(fields) => parsed.push(segments, fields),
        None => {
            parsed.leave(format!("{shown}: nothing in it"));
            Ok(())
        }
    }
}

/// Whether the header has the form that the crate relies on, and asks for no more than it may.
/// `None`: its form is wrong.
fn check_header(bytes: &[u8]) -> Option<Result<()>> {
    let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&KDBX)?;
    let (version, mut rest) = rest.split_first_chunk::<4>()?;
    let major = u16::from_le_bytes([version[2], version[3]]);
    let mut seen = [false; 256];
    loop {
        let (&kind, after) = rest.split_first()?;
        let (len, after) = match major {
            3 => {
                let (len, after) = after.split_first_chunk::<2>()?;
                (usize::from(u16::from_le_bytes(*len)), after)
            }
            4 => {
                let (len, after) = after.split_first_chunk::<4>()?;
                (usize::try_from(u32::from_le_bytes(*len)).ok()?, after)
            }
            _ => return None,
        };
        let (field, after) = after.split_at_checked(len)?;
        if std::mem::replace(&mut seen[usize::from(kind)], true) && kind != 1 {
            return None;
        }
        rest = after;
        match (kind, field.len()) {
            (0, _) => return Some(Ok(())),
            // The cipher, compression, seeds, and the stream inside.
            (2, 16) | (3 | 10, 4) | (4 | 5 | 8 | 9, 1..=64) | (7, 8..=16) | (1 | 12, _) => {}
            (6, 8) => {
                let rounds = u64::from_le_bytes(field.try_into().ok()?);
                if rounds > MAX_ROUNDS {
                    return Some(Err(too_much()));
                }
            }
            (11, _) => {
                if let Err(e) = check_derivation(field)? {
                    return Some(Err(e));
                }
            }
            _ => return None,
        }
    }
}

/// The parameters of the derivation in version 4: names and numbers.
fn check_derivation(field: &[u8]) -> Option<Result<()>> {
    let (_, mut rest) = field.split_first_chunk::<2>()?;
    let (mut memory, mut passes) = (0, 0);
    loop {
        let (&kind, after) = rest.split_first()?;
        if kind == 0 {
            break;
        }
        let (name, after) = counted(after)?;
        let (value, after) = counted(after)?;
        rest = after;
        let number = || match value.len() {
            8 => Some(u64::from_le_bytes(value.try_into().ok()?)),
            4 => Some(u64::from(u32::from_le_bytes(value.try_into().ok()?))),
            _ => None,
        };
        // Numbers, a truth value, texts and bytes have lengths of their own.
        let legal = match kind {
            0x04 | 0x0c => value.len() == 4,
            0x05 | 0x0d => value.len() == 8,
            0x08 => value.len() == 1,
            0x18 | 0x42 => true,
            _ => false,
        };
        match name {
            _ if !legal => return None,
            b"M" => memory = number()?,
            b"I" => passes = number()?,
            b"R" if number()? > MAX_ROUNDS => return Some(Err(too_much())),
            b"P" if !(1..=64).contains(&number()?) => return Some(Err(too_much())),
            _ => {}
        }
    }
    let work = memory.checked_mul(passes);
    match memory > MAX_MEMORY || work.is_none_or(|work| work > MAX_WORK) {
        true => Some(Err(too_much())),
        false => Some(Ok(())),
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)
}

fn too_much() -> Error {
    Error::usage("the database asks for more work or memory than is spent on a passphrase here")
        .hint("at most 1 GiB, and 500,000,000 rounds of AES; save it with smaller settings")
}
