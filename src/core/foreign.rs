//! The ciphers of other programs whose files and buckets are imported (`vault/import/`). Opening
//! only, and nothing of it is on the path of a normal read.

use super::cipher::{self, NONCE, legacy};
use super::secret::{Key, Secret};

/// The counter that nitor-vault begins with, always the same: each of its keys seals one value.
const NITOR_COUNTER: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 0x39];

/// A value of sops: AES-256-GCM with a nonce of 32 bytes and the tag apart. `None` if anything was
/// changed.
pub fn open_sops(
    key: &Key,
    nonce: &[u8; 32],
    aad: &[u8],
    sealed: Vec<u8>,
    tag: &[u8; 16],
) -> Option<Secret> {
    legacy::open_gcm_wide(key, nonce, aad, sealed, tag)
}

/// AES-256-GCM with the tag at the end. `None` if anything was changed.
pub fn open_gcm(key: &Key, nonce: &[u8; NONCE], aad: &[u8], sealed: Vec<u8>) -> Option<Secret> {
    cipher::open(key, nonce, aad, sealed)
}

/// What nitor-vault wrote before it had GCM: AES-256 in counter mode, which anybody can change.
pub fn open_nitor_ctr(key: &Key, sealed: Vec<u8>) -> Secret {
    legacy::open_aes_ctr(key, &NITOR_COUNTER, sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_mode_is_its_own_inverse_and_counts_on() {
        let key = Key::new([7; 32]);
        let text: Vec<u8> = (0..100).collect();
        let sealed = open_nitor_ctr(&key, text.clone());
        assert_ne!(sealed.bytes(), text);
        assert_eq!(open_nitor_ctr(&key, sealed.bytes().to_vec()).bytes(), text);
        assert_ne!(sealed.bytes()[..16], sealed.bytes()[16..32]);
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let key = Key::new([7; 32]);
        assert!(open_sops(&key, &[1; 32], b"a:", vec![1, 2, 3], &[0; 16]).is_none());
        assert!(open_gcm(&key, &[1; 12], b"", vec![0; 20]).is_none());
        assert!(open_gcm(&key, &[1; 12], b"", vec![0; 3]).is_none());
    }
}
