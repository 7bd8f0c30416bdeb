//! age (age-encryption.org/v1): who can open a keyring.

use std::io::Read;
use std::str::FromStr;

use crate::core::error::{Error, Result};
use crate::core::secret::{Key, Secret};

/// Longest recipient text in bytes; post-quantum recipients have about 2,000.
pub const MAX_RECIPIENT: usize = 4096;

/// The age identity (secret key) made of 32 derived bytes.
pub fn identity(scalar: &Key) -> age::x25519::Identity {
    let text = secret_key_text(scalar);
    age::x25519::Identity::from_str(text.text().expect("bech32 is ASCII"))
        .expect("any 32 bytes are an X25519 secret key")
}

/// `AGE-SECRET-KEY-1…` of 32 derived bytes, for stock tools.
pub fn secret_key_text(scalar: &Key) -> Secret {
    use bech32::{Bech32, Hrp, encode_upper_to_fmt};
    let hrp = Hrp::parse("age-secret-key-").expect("a constant");
    // With room for all of it: a text that grows leaves its beginnings behind.
    let mut text = String::with_capacity(128);
    encode_upper_to_fmt::<Bech32, _>(&mut text, hrp, scalar.bytes()).expect("32 bytes fit");
    let secret = Secret::copy_of(text.as_bytes());
    zeroize::Zeroize::zeroize(&mut text);
    secret
}

/// Checks that `text` is a recipient that this version can encrypt to.
///
/// # Errors
/// [`Kind::Usage`](crate::core::error::Kind::Usage).
pub fn check(text: &str) -> Result<()> {
    parse(text).map(drop)
}

fn parse(text: &str) -> Result<age::x25519::Recipient> {
    age::x25519::Recipient::from_str(text)
        .map_err(|e| Error::usage("not an age X25519 recipient (`age1…`)").because(e))
}

/// Encrypts `plaintext` to all `recipients` as one binary age file.
///
/// # Errors
/// If a recipient is not one that can be encrypted to.
pub fn encrypt(recipients: &[&str], plaintext: &Secret) -> Result<Vec<u8>> {
    let recipients = recipients.iter().map(|r| parse(r)).collect::<Result<Vec<_>>>()?;
    let failed =
        |e: &dyn std::fmt::Display| Error::general(format!("cannot encrypt a keyring: {e}"));
    let encryptor =
        age::Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient))
            .map_err(|e| failed(&e))?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).map_err(|e| failed(&e))?;
    std::io::Write::write_all(&mut writer, plaintext.bytes()).map_err(|e| failed(&e))?;
    writer.finish().map_err(|e| failed(&e))?;
    Ok(file)
}

/// Opens an age file. `Ok(None)` if it is well-formed but not encrypted to `identity`.
///
/// # Errors
/// What age says, if the file is damaged.
pub fn decrypt(
    file: &[u8],
    identity: &age::x25519::Identity,
) -> std::result::Result<Option<Secret>, age::DecryptError> {
    let decryptor = age::Decryptor::new_buffered(file)?;
    let mut reader = match decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)) {
        Ok(reader) => reader,
        Err(age::DecryptError::NoMatchingKeys) => return Ok(None),
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
