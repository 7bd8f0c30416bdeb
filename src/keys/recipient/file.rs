//! age files: written to recipients, of which some may not share one, and opened again.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};

use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};

use super::Recipient;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::keys::plugin;

/// Most age files of one keyring.
pub const MAX_FILES: usize = 8;

/// Encrypts `plaintext` to all `recipients` as one binary age file.
///
/// # Errors
/// As [`encrypt_apart`]; if they cannot share a file.
pub fn encrypt(recipients: &[&str], plaintext: &Secret) -> Result<Vec<u8>> {
    let mut files = encrypt_apart(recipients, plaintext)?;
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(Error::usage("these recipients cannot share one age file")),
    }
}

/// Encrypts `plaintext` to all `recipients` as binary age files: as few as their labels allow,
/// since a post-quantum recipient does not share a file with one that is not. The file of those
/// without labels, X25519 among them, is the first.
///
/// # Errors
/// Usage if a recipient is not one that can be encrypted to; credentials if its plugin is missing
/// or fails.
pub fn encrypt_apart(recipients: &[&str], plaintext: &Secret) -> Result<Vec<Vec<u8>>> {
    let mut waiting = keys(recipients)?;
    let mut files = Vec::new();
    while !waiting.is_empty() {
        if files.len() == MAX_FILES {
            return Err(Error::usage(format!(
                "the recipients of one keyring need more than {MAX_FILES} age files"
            )));
        }
        let batch = Batch { waiting, left: RefCell::default() };
        files.push(write(&batch, plaintext)?);
        let left = batch.left.into_inner();
        let mut at = 0;
        waiting = batch.waiting;
        waiting.retain(|_| {
            at += 1;
            left.contains(&(at - 1))
        });
    }
    match files.is_empty() {
        true => Err(Error::general("there is nobody to encrypt to")),
        false => Ok(files),
    }
}

/// What encrypts to the recipients: those without labels first, one for all of a plugin.
fn keys(recipients: &[&str]) -> Result<Vec<Box<dyn age::Recipient>>> {
    let (mut plain, mut labelled) = (Vec::<Box<dyn age::Recipient>>::new(), Vec::new());
    let mut plugins = BTreeMap::<String, Vec<age::plugin::Recipient>>::new();
    for text in recipients {
        match Recipient::parse(text)? {
            Recipient::X25519(recipient) => plain.push(Box::new(recipient)),
            Recipient::Ssh(recipient) => plain.push(Box::new(recipient)),
            Recipient::Tag(recipient) => plain.push(Box::new(recipient)),
            Recipient::TagPq(recipient) => {
                labelled.push(recipient as Box<dyn age::Recipient>);
            }
            Recipient::Plugin(recipient) => {
                plugins.entry(recipient.plugin().to_owned()).or_default().push(recipient);
            }
        }
    }
    plain.append(&mut labelled);
    for (name, recipients) in plugins {
        plain.push(Box::new(plugin::recipients(&name, &recipients)?));
    }
    Ok(plain)
}

/// Recipients as one: those with the same labels as the first of them. The others are left over.
struct Batch {
    waiting: Vec<Box<dyn age::Recipient>>,
    left: RefCell<Vec<usize>>,
}

impl age::Recipient for Batch {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (mut all, mut shared) = (Vec::new(), None);
        for (at, recipient) in self.waiting.iter().enumerate() {
            let (stanzas, labels) = recipient.wrap_file_key(file_key)?;
            if *shared.get_or_insert_with(|| labels.clone()) == labels {
                all.extend(stanzas);
            } else {
                self.left.borrow_mut().push(at);
            }
        }
        Ok((all, shared.unwrap_or_default()))
    }
}

fn write(recipient: &dyn age::Recipient, plaintext: &Secret) -> Result<Vec<u8>> {
    let failed =
        |e: &dyn std::fmt::Display| Error::general(format!("cannot write an age file: {e}"));
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient));
    let encryptor = encryptor.map_err(|e| match &e {
        EncryptError::Io(cause) => plugin::failed(cause).unwrap_or_else(|| failed(&e)),
        e => failed(e),
    })?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).map_err(|e| failed(&e))?;
    writer.write_all(plaintext.bytes()).map_err(|e| failed(&e))?;
    writer.finish().map_err(|e| failed(&e))?;
    Ok(file)
}

/// Opens an age file. `Ok(None)` if it is well-formed but not encrypted to `identity`.
///
/// # Errors
/// What age says, if the file is damaged or `identity` fails; [`not_opened`] tells which.
pub fn decrypt(
    file: &[u8],
    identity: &dyn age::Identity,
) -> std::result::Result<Option<Secret>, DecryptError> {
    let decryptor = age::Decryptor::new_buffered(file)?;
    let mut reader = match decryptor.decrypt(std::iter::once(identity)) {
        Ok(reader) => reader,
        Err(DecryptError::NoMatchingKeys) => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut plaintext = Secret::with_capacity(file.len());
    let mut chunk = zeroize::Zeroizing::new([0u8; 4096]);
    loop {
        match reader.read(&mut *chunk)? {
            0 => return Ok(Some(plaintext)),
            len => plaintext.extend(&chunk[..len]),
        }
    }
}

/// What it means that [`decrypt`] failed: a plugin that did is no fault of the file.
pub fn not_opened(error: DecryptError, damaged: impl FnOnce() -> Error) -> Error {
    let told = match &error {
        DecryptError::Io(cause) => plugin::failed(cause),
        _ => None,
    };
    told.unwrap_or_else(|| damaged().because(error))
}
