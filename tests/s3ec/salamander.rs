//! An "invisible salamander": one ciphertext that opens under two keys. AES-GCM alone, and so
//! V2, cannot tell; the commitment of V3 can.

use serde::Deserialize;
use vault::core::s3ec::import::{self, Commitment, ImportObject, MasterKey, Options};
use vault::core::s3ec::{Class, Envelope, WrapKind, seal, wrap_aes};
use vault::core::secret::{Key, Secret};
use vault::core::{cipher, random, text};

#[derive(Deserialize)]
struct Salamander {
    k1: String,
    k2: String,
    iv: String,
    ct: String,
}

fn salamander() -> (Key, Key, [u8; 12], Vec<u8>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/s3ec-extra/salamander.json");
    let it: Salamander = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let key = |k: &str| text::b64_key(k.as_bytes()).unwrap();
    let (iv, ct) = (text::b64_array(&it.iv).unwrap(), text::b64_decode(&it.ct, 1 << 16).unwrap());
    (key(&it.k1), key(&it.k2), iv, ct)
}

/// A V2 object around the ciphertext, as whoever can wrap a key would make it.
fn v2(master: &Key, data_key: &Key, iv: &[u8; 12]) -> Vec<(String, String)> {
    const LABEL: &str = "AES/GCM/NoPadding";
    let nonce = random::array();
    let mut wrapped = nonce.to_vec();
    let data_key = Secret::copy_of(data_key.bytes());
    wrapped.extend(cipher::seal(master, &nonce, LABEL.as_bytes(), data_key));
    [
        ("x-amz-key-v2", text::b64(&wrapped)),
        ("x-amz-iv", text::b64(iv)),
        ("x-amz-cek-alg", LABEL.into()),
        ("x-amz-wrap-alg", "AES/GCM".into()),
        ("x-amz-tag-len", "128".into()),
        ("x-amz-matdesc", "{}".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[test]
fn v2_opens_to_two_plaintexts() {
    let (k1, k2, iv, body) = salamander();
    let master = random::key();
    let opened = [&k1, &k2].map(|data_key| {
        let metadata = v2(&master, data_key, &iv);
        let open = |options| {
            let object =
                ImportObject { metadata: &metadata, body: body.clone(), instruction_file: None };
            import::open(object, &MasterKey::Aes(&master), &options)
        };
        // The default policy does not read V2 at all.
        assert_eq!(open(Options::default()).err().unwrap().class, Class::CommitmentPolicy);
        let plain = open(Options { commitment: Commitment::Allow, ..Options::default() }).unwrap();
        let direct = cipher::open(data_key, &iv, b"", body.clone()).unwrap();
        assert!(plain.bytes() == direct.bytes());
        plain
    });
    assert!(opened[0].bytes() != opened[1].bytes());
}

#[test]
fn v3_refuses_the_second_key() {
    let (k1, k2, _, body) = salamander();
    let wrapped = wrap_aes(&random::key(), &k1);
    let sealed = seal(Secret::copy_of(b"x"), &k1, WrapKind::Aes, &wrapped, "").unwrap();
    let envelope = Envelope::parse(&sealed.metadata).unwrap();
    assert_eq!(envelope.content_key(k2).err().unwrap().class, Class::CommitmentMismatch);
    let key = envelope.content_key(k1).unwrap();
    assert_eq!(key.open(body).err().unwrap().class, Class::ContentAuth);
}
