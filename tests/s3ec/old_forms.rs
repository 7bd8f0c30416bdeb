//! The older forms, which only the import reads: nothing of them is reachable by default, and
//! what they do authenticate cannot be changed.

use std::collections::BTreeSet;

use vault::core::s3ec::import::{self, Commitment, Foreign, ImportObject, MasterKey, Options};
use vault::core::s3ec::{Class, Envelope, Result};
use vault::core::secret::{Key, Secret};
use vault::core::text;

use super::vectors::Vector;

/// The most that can be allowed.
const ALL: Options =
    Options { commitment: Commitment::Allow, legacy_wrapping: true, legacy_unauthenticated: true };

/// A KMS that must not be asked.
fn no_kms(_: &[u8], _: &[(String, String)]) -> Option<Key> {
    panic!("a key was used");
}

fn open_without_key(
    metadata: &[(String, String)],
    context: &[(&str, &str)],
    options: &Options,
) -> Option<Class> {
    let master = MasterKey::Kms { context, decrypt: &no_kms };
    let object = ImportObject { metadata, body: vec![0; 64], instruction_file: None };
    import::open(object, &master, options).err().map(|e| e.class)
}

fn replaced(metadata: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let mut metadata = metadata.to_vec();
    let entry = metadata.iter_mut().find(|(n, _)| n == name).expect("the entry");
    entry.1 = value.to_owned();
    metadata
}

#[test]
fn everything_old_is_off_by_default() {
    let options = Options::default();
    assert_eq!(options.commitment, Commitment::Require);
    assert!(!options.legacy_wrapping && !options.legacy_unauthenticated);
}

/// Each legacy form under each setting: the check that comes first (§5) refuses it, before a key
/// of any kind is touched. `Foreign::parse` is given none, and KMS panics.
#[test]
fn a_legacy_form_without_its_switch_touches_no_key() {
    let forms = [
        ("rb-v2-aes-16", false, false),
        ("rb-v2-rsa-16", false, false),
        ("py-v2-kms-ec-16", false, false),
        ("jce-v2-aeswrap", true, false),
        ("jce-v2-rsa-oaep256", true, false),
        ("t-v2-kms-to-kmsv1", true, false),
        ("t-v2-kms-to-cbc-legacy", false, true),
        ("rb-v2-kmsv1-cbc-16", true, true),
        ("rb-v1-aes-16", true, true),
        ("rb-v1-rsa-16", true, true),
    ];
    for (name, legacy_wrap, unauthenticated) in forms {
        let metadata = Vector::load(name).metadata();
        assert!(Envelope::parse(&metadata).is_err(), "{name}: the normal path");
        for setting in 0..8 {
            let options = Options {
                commitment: [Commitment::Require, Commitment::Allow][setting & 1],
                legacy_wrapping: setting & 2 != 0,
                legacy_unauthenticated: setting & 4 != 0,
            };
            let expected = if unauthenticated && !options.legacy_unauthenticated {
                Some(Class::LegacyDisabled)
            } else if options.commitment == Commitment::Require {
                Some(Class::CommitmentPolicy)
            } else if legacy_wrap && !options.legacy_wrapping {
                Some(Class::LegacyDisabled)
            } else {
                None
            };
            let parsed = Foreign::parse(&metadata, None, &options);
            assert_eq!(parsed.err().map(|e| e.class), expected, "{name}, {options:?}");
            if expected.is_some() {
                assert_eq!(open_without_key(&metadata, &[], &options), expected, "{name}");
            }
        }
    }
}

/// Ruby and Go drop the caller's context when the wrap says `kms`. Here neither a context nor
/// its absence gets a `kms+context` object through under that name.
#[test]
fn a_kms_context_object_cannot_be_renamed() {
    let metadata = Vector::load("py-v2-kms-ec-16").metadata();
    let caller =
        [("app", "vault"), ("path", "team/prod/db-password"), ("object", "s3://bucket/key")];
    assert!(Foreign::parse(&metadata, None, &ALL).unwrap().kms_request(&caller).is_ok());
    let renamed = replaced(&metadata, "x-amz-wrap-alg", "kms");
    for context in [&caller[..], &caller[..1], &[]] {
        let class = open_without_key(&renamed, context, &ALL);
        assert_eq!(class, Some(Class::ContextMismatch), "{context:?}");
    }
    // The other way round: a legacy object lacks the reserved pair.
    let legacy = Vector::load("rb-v2-kmsv1-cbc-16").metadata();
    assert!(Foreign::parse(&legacy, None, &ALL).unwrap().kms_request(&[]).is_ok());
    let renamed = replaced(&legacy, "x-amz-wrap-alg", "kms+context");
    assert_eq!(open_without_key(&renamed, &[], &ALL), Some(Class::ContextMismatch));
}

/// GCM content that is passed off as CBC: the label in the wrap says otherwise.
#[test]
fn a_bound_wrap_does_not_open_for_cbc() {
    for name in ["rb-v2-aes-16", "rb-v2-rsa-16"] {
        let vector = Vector::load(name);
        let metadata = replaced(&vector.metadata(), "x-amz-cek-alg", "AES/CBC/PKCS5Padding");
        let metadata = replaced(&metadata, "x-amz-iv", &text::b64(&[0; 16]));
        let opened = vector.import_with(&metadata, None, vector.body(), &ALL);
        assert_eq!(opened.err().unwrap().class, Class::UnwrapFailed, "{name}");
    }
}

/// One form: an object that opens, and what of it is authenticated, by the wrap or the content.
struct Form {
    name: &'static str,
    entries: &'static [&'static str],
    body: bool,
}

const V2: &[&str] =
    &["x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len"];
const FORMS: [Form; 9] = [
    Form { name: "rb-v2-aes-16", entries: V2, body: true },
    Form {
        name: "py-v2-kms-ec-16",
        entries: &[
            "x-amz-key-v2",
            "x-amz-iv",
            "x-amz-cek-alg",
            "x-amz-wrap-alg",
            "x-amz-tag-len",
            "x-amz-matdesc",
        ],
        body: true,
    },
    Form { name: "rb-v2-rsa-16", entries: V2, body: true },
    Form {
        name: "rb-v3-rsa-16",
        entries: &["x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w"],
        body: true,
    },
    Form { name: "jce-v2-aeswrap", entries: V2, body: true },
    Form { name: "jce-v2-rsa-oaep256", entries: V2, body: true },
    // Without authenticated content, any IV and most bodies give some plaintext.
    Form {
        name: "rb-v2-kmsv1-cbc-16",
        entries: &["x-amz-key-v2", "x-amz-wrap-alg", "x-amz-matdesc"],
        body: false,
    },
    Form { name: "rb-v1-rsa-16", entries: &["x-amz-key"], body: false },
    // Nothing at all is authenticated here: the ECB wrap has a padding, no more.
    Form { name: "rb-v1-aes-16", entries: &[], body: false },
];

/// Texts that differ from `text` in one bit; of long texts one bit of each character.
fn flipped(text: &str) -> impl Iterator<Item = String> + '_ {
    let all = text.len() <= 200;
    // Seven bits: header values are ASCII.
    (0..text.len() * 7).filter(move |i| all || i % 7 == i / 7 % 7).map(move |i| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[i / 7] ^= 1 << (i % 7);
        String::from_utf8(bytes).expect("ASCII")
    })
}

/// A change that nothing authenticates may open, but only to the same plaintext if the content
/// is authenticated.
fn same_or_refused(form: &Form, plain: &Secret, what: &str, outcome: Result<Secret>) {
    if let Ok(opened) = outcome {
        let same = opened.bytes() == plain.bytes();
        assert!(same || !form.body, "{}: {what}: another plaintext", form.name);
    }
}

#[test]
fn no_mutant_of_an_older_form_opens() {
    for form in &FORMS {
        let vector = Vector::load(form.name);
        let (metadata, body) = (vector.metadata(), vector.body());
        let open = |metadata: &[(String, String)], body: &[u8]| {
            vector.import_with(metadata, None, body.to_vec(), &ALL)
        };
        let plain = open(&metadata, &body).unwrap_or_else(|e| panic!("{}: {e}", form.name));
        let (mut refused, mut other) = (0, 0);
        let mut check = |what: &str, authenticated: bool, outcome: Result<Secret>| {
            if authenticated {
                assert!(outcome.is_err(), "{}: {what} opened", form.name);
                refused += 1;
            } else {
                same_or_refused(form, &plain, what, outcome);
                other += 1;
            }
        };
        for (at, (entry, value)) in metadata.iter().enumerate() {
            let authenticated = form.entries.contains(&entry.as_str());
            let mut changed = metadata.clone();
            for text in flipped(value) {
                changed[at].1 = text;
                check(entry, authenticated, open(&changed, &body));
            }
            changed.remove(at);
            check(entry, authenticated, open(&changed, &body));
        }
        for bit in 0..body.len() * 8 {
            let mut changed = body.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            check("body", form.body, open(&metadata, &changed));
        }
        for len in 0..body.len() {
            check("length", form.body, open(&metadata, &body[..len]));
        }
        println!("mutants of {}: {refused} refused, {other} unauthenticated", form.name);
    }
}

#[test]
fn no_mutant_of_an_instruction_file_opens_to_something_else() {
    for name in
        ["rb-v3-aes-instr-33", "rb-v3-rsa-instr-33", "rb-v2-rsa-instr-33", "rb-v2-kms-instr-33"]
    {
        let form = Form { name, entries: &[], body: true };
        let vector = Vector::load(name);
        let (metadata, body) = (vector.metadata(), vector.body());
        let file = vector.instruction_file().expect("a file");
        let open = |file: &[u8]| vector.import_with(&metadata, Some(file), body.clone(), &ALL);
        let plain = open(file).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (at, _) in file.iter().enumerate() {
            let mut changed = file.to_vec();
            changed[at] ^= 1 << (at % 8);
            same_or_refused(&form, &plain, "file", open(&changed));
            assert!(open(&file[..at]).is_err(), "{name}: cut at {at}");
        }
    }
}

/// CBC and PKCS#1 v1.5 are told to answer everything with the same words.
#[test]
fn bad_paddings_are_told_in_the_same_words() {
    let mut reasons = BTreeSet::new();
    for (name, key) in
        [("rb-v1-aes-16", true), ("rb-v1-rsa-16", true), ("rb-v2-kmsv1-cbc-16", false)]
    {
        let vector = Vector::load(name);
        let (metadata, body) = (vector.metadata(), vector.body());
        let mut failed = |metadata: &[(String, String)], body: &[u8], expected: &[Class]| {
            if let Err(e) = vector.import_with(metadata, None, body.to_vec(), &ALL) {
                assert!(expected.contains(&e.class), "{name}: {e}");
                reasons.insert(e.reason);
            }
        };
        for byte in 0..body.len() {
            let mut changed = body.clone();
            changed[byte] ^= 0x80;
            failed(&metadata, &changed, &[Class::ContentAuth]);
            failed(&metadata, &body[..byte], &[Class::ContentAuth]);
        }
        if key {
            let (_, wrapped) = metadata.iter().find(|(n, _)| n == "x-amz-key").unwrap();
            let wrapped = text::b64_decode(wrapped, 1024).unwrap();
            for byte in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[byte] ^= 1;
                let changed = replaced(&metadata, "x-amz-key", &text::b64(&changed));
                // A changed ECB block is another data key, under which the padding is wrong.
                failed(&changed, &body, &[Class::UnwrapFailed, Class::ContentAuth]);
            }
        }
    }
    assert_eq!(reasons.len(), 1, "{reasons:?}");
}
