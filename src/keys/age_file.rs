//! Small age files of other programs, and the identities that open them.

use std::io::Read;
use std::str::FromStr;

use age::armor::ArmoredReader;

use super::identity::Identity;
use super::recipient::{decrypt, not_opened};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Longest age file, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// Most identities of a file of them.
const MAX_IDENTITIES: usize = 64;

/// Identities as `age-keygen` writes them.
pub struct AgeKeys(Vec<age::x25519::Identity>);

impl AgeKeys {
    /// Reads a file of `AGE-SECRET-KEY-1…` lines; comments and empty lines are passed over.
    ///
    /// # Errors
    /// Usage for anything else.
    pub fn parse(file: &Secret) -> Result<Self> {
        let text = file.text().ok_or_else(|| Error::usage("not a file of age identities"))?;
        let mut all = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = age::x25519::Identity::from_str(line).map_err(|_| {
                Error::usage(format!("line {} of the file is no age identity", i + 1))
                    .hint("AGE-SECRET-KEY-1…, as `age-keygen` writes it; others are not read here")
            })?;
            all.push(identity);
            if all.len() > MAX_IDENTITIES {
                return Err(Error::usage(format!("more than {MAX_IDENTITIES} age identities")));
            }
        }
        match all.is_empty() {
            true => Err(Error::usage("there is no age identity in the file")),
            false => Ok(Self(all)),
        }
    }

    /// Opens an age file in ASCII armour; `None` if it is for none of these.
    ///
    /// # Errors
    /// Integrity if it is damaged.
    pub fn open(&self, armoured: &str) -> Result<Option<Secret>> {
        let file = binary(armoured)?;
        for identity in &self.0 {
            if let Some(opened) = decrypt(&file, identity).map_err(|e| not_opened(e, damaged))? {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }
}

/// As [`AgeKeys::open`], with the identity of this device.
///
/// # Errors
/// Integrity if it is damaged.
pub fn open_with(identity: &Identity, armoured: &str) -> Result<Option<Secret>> {
    let file = binary(armoured)?;
    decrypt(&file, identity.age()).map_err(|e| not_opened(e, damaged))
}

fn binary(armoured: &str) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let reader = ArmoredReader::new(armoured.trim().as_bytes());
    reader.take(MAX_FILE).read_to_end(&mut file).map_err(|e| damaged().because(e))?;
    Ok(file)
}

fn damaged() -> Error {
    Error::integrity("an age file is damaged")
}
