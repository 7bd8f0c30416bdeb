//! Every cipher, KDF, MAC, hash and signature call of the crate, in one file to review; what only
//! the import of foreign objects needs is in `legacy.rs`.
//!
//! Nonce rules, each with its reason:
//! - **wrap** and **sealed files** (identity, cache): a fresh random 96-bit nonce, stored beside
//!   the ciphertext. A wrapping key (a path's leaf) seals one data key a version, far below the
//!   2^32 messages at which random nonces become a risk.
//! - **body** (S3EC V3): the fixed nonce 0x01 × 12, because the content key is derived from a
//!   fresh data key and a fresh message id and seals exactly one message.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use argon2::{Algorithm, Argon2, Params, Version};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::secret::{Key, Secret};

pub(in crate::core) mod legacy;

/// Length of an AES-GCM tag in bytes.
pub const TAG: usize = 16;
/// Length of an AES-GCM nonce in bytes.
pub const NONCE: usize = 12;
/// A SHA-256 digest.
pub type Hash = [u8; 32];
/// The raw bytes of an Ed25519 public key.
pub type PublicKey = [u8; 32];

/// AES-256-GCM: encrypts `buffer` in place and appends the 16-byte tag (NIST SP 800-38D).
pub fn seal(key: &Key, nonce: &[u8; NONCE], aad: &[u8], mut buffer: Secret) -> Vec<u8> {
    buffer.reserve(TAG);
    let tag = Aes256Gcm::new(key.bytes().into())
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, buffer.buffer().as_mut_slice().into())
        .expect("16 MiB values and 32-byte keys are far below the limit of AES-GCM");
    buffer.extend(&tag);
    buffer.into_public()
}

/// AES-256-GCM: verifies the trailing tag and decrypts in place. `None` if anything was changed;
/// the buffer is zeroed then, so nothing unauthenticated leaves.
pub fn open(key: &Key, nonce: &[u8; NONCE], aad: &[u8], sealed: Vec<u8>) -> Option<Secret> {
    let mut buffer = Secret::new(sealed);
    let split = buffer.len().checked_sub(TAG)?;
    let (body, tag) = buffer.buffer().split_at_mut(split);
    let tag = Tag::try_from(&*tag).ok()?;
    Aes256Gcm::new(key.bytes().into())
        .decrypt_inout_detached(&Nonce::from(*nonce), aad, body.into(), &tag)
        .ok()?;
    buffer.truncate(split);
    wipe_stack();
    Some(buffer)
}

/// Overwrites the stack below the caller, where the block cipher kept whole blocks of plaintext.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = [0u8; 16 * 1024];
    zeroize::Zeroize::zeroize(&mut below[..]);
    std::hint::black_box(&below);
}

/// HKDF-SHA512, one 32-byte output (RFC 5869).
pub fn hkdf(ikm: &[u8], salt: &[u8], info: &[u8]) -> Key {
    Key::fill_with(|out| hkdf_into(ikm, salt, info, out))
}

/// HKDF-SHA512 into `out` (RFC 5869).
pub fn hkdf_into(ikm: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) {
    Hkdf::<Sha512>::new(Some(salt), ikm)
        .expand(info, out)
        .expect("outputs are far below 255 blocks");
}

/// HMAC-SHA256 over the concatenation of `parts` (RFC 2104).
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    let tag = zeroize::Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
    Key::fill_with(|out| out.copy_from_slice(&*tag))
}

/// The first 32 bytes of HMAC-SHA512 over the concatenation of `parts` (RFC 2104).
pub fn hmac512(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    let tag = zeroize::Zeroizing::new(<[u8; 64]>::from(mac.finalize().into_bytes()));
    Key::fill_with(|out| out.copy_from_slice(&tag[..32]))
}

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Argon2id with the fixed parameters of the format: 64 MiB, 3 passes, 4 lanes (RFC 9106, §4,
/// second choice). They are never read from a file, so nobody can lower them.
pub fn argon2id(passphrase: &[u8], salt: &[u8; 16]) -> Key {
    let params = Params::new(64 * 1024, 3, 4, Some(32)).expect("constant parameters are valid");
    Key::fill_with(|out| {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, out)
            .expect("a passphrase is far below 4 GiB");
    })
}

/// True if both are equal, in time that depends on the lengths alone.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// The Ed25519 public key of a 32-byte signing seed (RFC 8032).
pub fn public_key(seed: &Key) -> PublicKey {
    SigningKey::from_bytes(seed.bytes()).verifying_key().to_bytes()
}

/// An Ed25519 signature (RFC 8032).
pub fn sign(seed: &Key, message: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(seed.bytes()).sign(message).to_bytes()
}

/// Verifies an Ed25519 signature strictly: no small-order keys, no malleable encodings.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .is_ok()
}
