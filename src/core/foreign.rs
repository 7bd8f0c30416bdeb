//! The ciphers of other programs whose files and buckets are imported (`vault/import/`). Opening
//! only, and nothing of it is on the path of a normal read.

use super::cipher::legacy;
use super::secret::{Key, Secret};

/// A value of sops.
pub use super::cipher::legacy::open_gcm_wide as open_sops;
/// AES-256-GCM with the tag at the end, as nitor-vault and sneaker have it.
pub use super::cipher::open as open_gcm;

/// The counter that nitor-vault begins with, always the same: each of its keys seals one value.
const NITOR_COUNTER: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 0x39];

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
