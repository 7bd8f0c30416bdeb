//! Wrapping a data key (§4).

use super::error::{Class, Result, S3ecError};
use crate::core::cipher::{self, NONCE, TAG};
use crate::core::random;
use crate::core::secret::{Key, Secret};

/// The wrap label and reserved context value of V3: the content suite in decimal (§4).
pub(super) const LABEL_V3: &str = "115";
/// Length of a 32-byte data key that AES-GCM wrapped, its nonce in front (§4.1).
pub(super) const WRAPPED_AES: usize = NONCE + 32 + TAG;
/// Longest KMS ciphertext blob (the API's own limit).
pub(super) const MAX_KMS_BLOB: usize = 6144;
/// Longest RSA wrap: an 8192-bit modulus.
pub(super) const MAX_RSA: usize = 1024;

/// The kind of key that wraps an object's data key, `x-amz-w` (§2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrapKind {
    /// `02`: AES-256-GCM under a raw key.
    Aes,
    /// `12`: AWS KMS with an encryption context.
    Kms,
    /// `22`: RSA-OAEP with SHA-1.
    Rsa,
}

impl WrapKind {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Aes => "02",
            Self::Kms => "12",
            Self::Rsa => "22",
        }
    }

    pub(super) fn from_code(code: &str) -> Result<Self> {
        [Self::Aes, Self::Kms, Self::Rsa]
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(Class::UnknownAlgorithm.because("an unknown wrap algorithm"))
    }

    /// Decodes a wrapped key; the length is checked before and after decoding. An RSA wrap has
    /// the length of a modulus that only its owner knows, so any up to the limit passes here.
    pub(super) fn decode(self, base64: &str) -> Result<Vec<u8>> {
        let (min, max) = match self {
            Self::Aes => (WRAPPED_AES, WRAPPED_AES),
            Self::Kms => (1, MAX_KMS_BLOB),
            Self::Rsa => (1, MAX_RSA),
        };
        decode(base64, min, max)
    }
}

/// Decodes a wrapped key of `min` to `max` bytes; the length is checked before decoding, too.
pub(super) fn decode(base64: &str, min: usize, max: usize) -> Result<Vec<u8>> {
    crate::core::text::b64_decode(base64, max)
        .filter(|bytes| bytes.len() >= min)
        .ok_or(Class::BadEncoding.because("a malformed wrapped key"))
}

/// Wraps a data key under a raw AES key for V3: nonce, ciphertext, tag; 60 bytes (§4.1).
///
/// The nonce is random: a wrapping key wraps far fewer keys than the 2^32 at which that would
/// become a risk.
pub fn wrap_aes(wrapping: &Key, data_key: &Key) -> Vec<u8> {
    let nonce = random::array::<NONCE>();
    let key = Secret::copy_of(data_key.bytes());
    let mut wrapped = nonce.to_vec();
    wrapped.extend(cipher::seal(wrapping, &nonce, LABEL_V3.as_bytes(), key));
    wrapped
}

/// Unwraps what [`wrap_aes`], or another V3 client with a raw AES key, wrapped (§4.1).
pub fn unwrap_aes(wrapping: &Key, wrapped: &[u8]) -> Result<Key> {
    unwrap_aes_labelled(wrapping, wrapped, LABEL_V3)
}

pub(super) fn unwrap_aes_labelled(wrapping: &Key, wrapped: &[u8], label: &str) -> Result<Key> {
    if wrapped.len() != WRAPPED_AES {
        return Class::BadEncoding.refuse("a wrapped AES key that is not 60 bytes long");
    }
    let failed = unwrap_failed();
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>().ok_or(failed)?;
    cipher::open(wrapping, nonce, label.as_bytes(), sealed.to_vec())
        .and_then(|key| Key::from_slice(key.bytes()))
        .ok_or(failed)
}

pub(super) fn unwrap_failed() -> S3ecError {
    Class::UnwrapFailed.because("the wrapping key does not open the data key")
}
