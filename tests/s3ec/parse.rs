//! Metadata is the storage's to choose: reading it must never panic, and each part is checked.

use proptest::prelude::*;
use vault::core::s3ec::import::{Commitment, Foreign, Options};
use vault::core::s3ec::{Class, Envelope, WrapKind, check_kms_context, seal};
use vault::core::secret::{Key, Secret};
use vault::core::text;

const NAMES: [&str; 17] = [
    "x-amz-3",
    "x-amz-c",
    "x-amz-d",
    "x-amz-i",
    "x-amz-w",
    "x-amz-m",
    "x-amz-t",
    "X-Amz-W",
    "x-amz-key",
    "x-amz-key-v2",
    "x-amz-iv",
    "x-amz-cek-alg",
    "x-amz-wrap-alg",
    "x-amz-tag-len",
    "x-amz-matdesc",
    "x-amz-unencrypted-content-length",
    "user-note",
];
const VALUES: [&str; 14] = [
    "",
    "115",
    "02",
    "12",
    "22",
    "128",
    "AES/GCM/NoPadding",
    "AES/CBC/PKCS5Padding",
    "AES/GCM",
    "kms+context",
    "kms",
    "{}",
    "{\"aws:x-amz-cek-alg\":\"115\"}",
    "=?UTF-8?Q?{=7D?=",
];

fn value() -> impl Strategy<Value = String> {
    let bytes = |len: usize| proptest::collection::vec(any::<u8>(), len);
    prop_oneof![
        proptest::sample::select(&VALUES[..]).prop_map(str::to_owned),
        proptest::sample::select(&[0usize, 12, 16, 27, 28, 29, 32, 59, 60, 61, 256][..])
            .prop_flat_map(bytes)
            .prop_map(|bytes| text::b64(&bytes)),
        any::<String>(),
        "=\\?(UTF-8|utf-8|x)\\?[BQbqx]\\?[ -~]{0,20}\\?=( =\\?UTF-8\\?Q\\?[ -~]{0,9}\\?=)?",
        "[\\[{\"a:,\\\\u0}\\]]{0,30}",
    ]
}

fn metadata() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    proptest::collection::vec((name, value()), 0..12)
}

/// A well-formed V3 object in which some entries are replaced, so that the deep checks are met.
fn nearly_v3() -> impl Strategy<Value = Vec<(String, String)>> {
    metadata().prop_map(|replaced| {
        let data_key = Key::new([1; 32]);
        let mut entries = seal(Secret::copy_of(b""), &data_key, WrapKind::Aes, &[2; 60], "{}")
            .expect("a legal object")
            .metadata;
        for (name, value) in replaced.into_iter().take(2) {
            entries.retain(|(other, _)| *other != name);
            entries.push((name, value));
        }
        entries
    })
}

proptest! {
    #[test]
    fn parsing_never_panics(
        metadata in prop_oneof![metadata(), nearly_v3()],
        file in proptest::option::of(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..100),
            metadata().prop_map(|pairs| {
                let map: serde_json::Map<_, _> =
                    pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
                serde_json::to_vec(&map).expect("strings")
            }),
        ]),
        legacy in any::<bool>(),
    ) {
        if let Ok(envelope) = Envelope::parse(&metadata) {
            let _ = check_kms_context(&envelope, &[]);
            prop_assert!(!envelope.wrapped().is_empty());
        }
        let options = Options {
            commitment: if legacy { Commitment::Allow } else { Commitment::Require },
            legacy_wrapping: legacy,
            legacy_unauthenticated: legacy,
        };
        let _ = Foreign::parse(&metadata, file.as_deref(), &options).map(|f| f.wrap());
    }
}

fn v3() -> Vec<(String, String)> {
    let sealed = seal(Secret::copy_of(b""), &Key::new([1; 32]), WrapKind::Aes, &[2; 60], "{}");
    sealed.unwrap().metadata
}

fn class(metadata: &[(String, String)]) -> Option<Class> {
    Envelope::parse(metadata).err().map(|e| e.class)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn names_are_read_in_any_case_but_once() {
    let upper: Vec<_> = v3().iter().map(|(n, v)| pair(&n.to_uppercase(), v)).collect();
    assert_eq!(class(&upper), None);
    for (name, value) in v3() {
        let mut twice = v3();
        twice.push((name.to_uppercase(), value));
        assert_eq!(class(&twice), Some(Class::FormatConflict), "{name}");
        twice.last_mut().unwrap().1.clear();
        assert_eq!(class(&twice), Some(Class::FormatConflict), "{name}, empty");
    }
    // What is not interpreted may be there twice.
    let mut foreign = v3();
    foreign.extend([pair("user-note", "a"), pair("User-Note", "b")]);
    assert_eq!(class(&foreign), None);
}

#[test]
fn entries_of_older_formats_are_refused_unless_empty() {
    for name in &NAMES[8..15] {
        let mut mixed = v3();
        mixed.push(pair(name, "x"));
        assert_eq!(class(&mixed), Some(Class::FormatConflict), "{name}");
        mixed.last_mut().unwrap().1.clear();
        assert_eq!(class(&mixed), None, "{name}, empty");
    }
}

#[test]
fn what_is_not_v3_on_the_object_has_its_class() {
    let without = |name: &str| v3().into_iter().filter(|(n, _)| n != name).collect::<Vec<_>>();
    for (metadata, expected) in [
        (without("x-amz-3"), Class::InstructionFile),
        (without("x-amz-w"), Class::MissingHeader),
        (vec![], Class::InstructionFile),
        (vec![pair("x-amz-iv", "x")], Class::MissingHeader),
        (vec![pair("x-amz-key-v2", "x")], Class::CommitmentPolicy),
        (vec![pair("x-amz-key", "x")], Class::CommitmentPolicy),
        (vec![pair("x-amz-key", "x"), pair("x-amz-key-v2", "x")], Class::FormatConflict),
    ] {
        assert_eq!(class(&metadata), Some(expected), "{metadata:?}");
    }
}

#[test]
fn long_values_are_refused() {
    for (name, _) in v3() {
        let mut long = v3();
        let entry = long.iter_mut().find(|(n, _)| *n == name).unwrap();
        entry.1 = "A".repeat(1 << 22);
        let expected = match name.as_str() {
            "x-amz-c" | "x-amz-w" => Class::UnknownAlgorithm,
            _ => Class::BadEncoding,
        };
        assert_eq!(class(&long), Some(expected), "{name}");
    }
}

/// V3 and instruction file: neither may hold what belongs to the other.
#[test]
fn object_and_instruction_file_are_kept_apart() {
    let object: Vec<_> = v3()
        .into_iter()
        .filter(|(n, _)| ["x-amz-c", "x-amz-d", "x-amz-i"].contains(&n.as_str()))
        .collect();
    let key = text::b64(&[2; 60]);
    let good = format!(r#"{{"x-amz-3":"{key}","x-amz-w":"02"}}"#);
    let parse = |metadata: &[(String, String)], file: &str| {
        let foreign = Foreign::parse(metadata, Some(file.as_bytes()), &Options::default());
        foreign.err().map(|e| e.class)
    };
    assert_eq!(parse(&object, &good), None);
    let with = |name: &str| [object.clone(), vec![pair(name, "02")]].concat();
    for (metadata, file, expected) in [
        (object.clone(), "{}".into(), Class::InstructionFile),
        (object.clone(), format!(r#"{{"x-amz-3":"{key}"}}"#), Class::MissingHeader),
        (object.clone(), good.replace('}', r#","x-amz-c":""}"#), Class::InstructionFile),
        (object.clone(), good.replace('}', r#","x-amz-iv":"x"}"#), Class::FormatConflict),
        (object.clone(), format!(r#"{{"x-amz-key-v2":"{key}"}}"#), Class::FormatConflict),
        (with("x-amz-w"), good.clone(), Class::FormatConflict),
        (with("x-amz-m"), good.clone(), Class::FormatConflict),
        (vec![], good.clone(), Class::MissingHeader),
        (vec![pair("x-amz-iv", "x")], good.clone(), Class::FormatConflict),
        (object.clone(), format!("{good}{}", " ".repeat(1 << 17)), Class::InstructionFile),
    ] {
        assert_eq!(parse(&metadata, &file), Some(expected), "{file}");
    }
}
