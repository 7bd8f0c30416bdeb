//! Secret bytes: zeroed on drop, and without `Clone`, `Debug`, `Display` or `Serialize`.
//!
//! A value that needs to be in two places is moved or lent, never copied by accident, and a
//! forgotten `{:?}` does not compile.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Secret bytes of any length.
///
/// Growing never leaves an old copy behind: a full buffer is replaced by a larger one, and the
/// old one is zeroed.
#[derive(ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of `bytes`; they are zeroed when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// An empty secret with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// A secret that holds a copy of `bytes`. The caller still owns (and zeroes) the original.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut secret = Self::with_capacity(bytes.len());
        secret.extend(bytes);
        secret
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// True if both are the same, in time that depends on the lengths alone.
    pub fn same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as text, if they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends one byte.
    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        self.0.push(byte);
    }

    /// Shortens to `len` bytes and zeroes what is cut off.
    pub fn truncate(&mut self, len: usize) {
        if len < self.0.len() {
            self.0[len..].zeroize();
            self.0.truncate(len);
        }
    }

    /// Makes room for `extra` more bytes. `Vec` would copy and free the old buffer unzeroed.
    pub fn reserve(&mut self, extra: usize) {
        let need = self.0.len() + extra;
        if need > self.0.capacity() {
            let mut larger = Vec::with_capacity(need.max(self.0.capacity() * 2).max(64));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
    }

    /// The buffer for in-place encryption or decryption. The callee must not reallocate it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Ends the secrecy: for bytes that have become ciphertext.
    pub(crate) fn into_public(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// A 256-bit key or seed.
#[derive(ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// Wraps 32 key bytes. The array is `Copy`: the caller zeroes its own.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key from a slice, or `None` unless it is exactly 32 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self([0; 32]);
        if bytes.len() != 32 {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// A key that `fill` writes into place, so that no copy is left on the stack.
    pub fn fill_with(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self([0; 32]);
        fill(&mut key.0);
        key
    }

    /// The key bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second owner of the same key, for the few places that need one. Explicit on purpose.
    pub fn duplicate(&self) -> Self {
        Self::fill_with(|k| k.copy_from_slice(&self.0))
    }
}

/// A scratch array that is zeroed on drop.
pub type Scratch<const N: usize> = Zeroizing<[u8; N]>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_the_bytes() {
        let mut secret = Secret::with_capacity(1);
        for i in 0..1000u32 {
            secret.extend(&i.to_be_bytes());
        }
        assert_eq!(secret.len(), 4000);
        assert_eq!(&secret.bytes()[3996..], &999u32.to_be_bytes());
    }

    #[test]
    fn truncating_zeroes_the_rest() {
        let mut secret = Secret::copy_of(b"abcdef");
        secret.truncate(2);
        assert_eq!(secret.bytes(), b"ab");
        let spare = secret.buffer();
        spare.resize(6, 7);
        assert_eq!(spare.as_slice(), [b'a', b'b', 7, 7, 7, 7]);
    }

    #[test]
    fn a_key_has_exactly_32_bytes() {
        assert!(Key::from_slice(&[0; 31]).is_none());
        assert!(Key::from_slice(&[0; 33]).is_none());
        assert!(Key::from_slice(&[7; 32]).is_some_and(|k| k.bytes() == &[7; 32]));
    }
}
