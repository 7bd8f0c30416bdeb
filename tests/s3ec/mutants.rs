//! Every single-bit change of an object is noticed.

use vault::core::s3ec::{Class, Result};
use vault::core::secret::Secret;
use vault::core::text;

use super::vectors::Vector;

fn mutants(name: &str, texts: &[&str]) {
    let vector = Vector::load(name);
    let (metadata, body) = (vector.metadata(), vector.body());
    assert!(vector.normal(&metadata, body.clone()).is_ok(), "{name} itself opens");
    let mut count = 0;
    let mut refused = |what: &str, bit: usize, metadata: &[(String, String)], body: &[u8]| {
        let class = |outcome: Result<Secret>| {
            outcome.err().unwrap_or_else(|| panic!("{name}: {what}, bit {bit} opened")).class
        };
        let classes: [Class; 2] = [
            class(vector.normal(metadata, body.to_vec())),
            class(vector.import(metadata, body.to_vec())),
        ];
        assert_eq!(classes[0], classes[1], "{name}: {what}, bit {bit}");
        count += 1;
    };

    for bit in 0..body.len() * 8 {
        let mut changed = body.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused("body", bit, &metadata, &changed);
    }
    for len in 0..body.len() {
        refused("length", len, &metadata, &body[..len]);
    }
    for (at, (entry, value)) in metadata.iter().enumerate() {
        let mut changed = metadata.clone();
        if ["x-amz-3", "x-amz-d", "x-amz-i"].contains(&entry.as_str()) {
            let bytes = text::b64_decode(value, 1 << 16).unwrap();
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                changed[at].1 = text::b64(&bytes);
                refused(entry, bit, &changed, &body);
            }
        }
        if texts.contains(&entry.as_str()) {
            // Seven bits: header values are ASCII.
            for bit in (0..value.len() * 8).filter(|bit| bit % 8 != 7) {
                let mut bytes = value.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                changed[at].1 = String::from_utf8(bytes).unwrap();
                refused(entry, bit, &changed, &body);
            }
        }
        if entry.starts_with("x-amz-") && entry != "x-amz-m" {
            changed.remove(at);
            refused(entry, usize::MAX, &changed, &body);
        }
    }
    println!("mutants of {name}: {count} refused");
}

#[test]
fn no_mutant_of_an_aes_object_opens() {
    mutants("rb-v3-aes-15", &["x-amz-c", "x-amz-w", "x-amz-3", "x-amz-d", "x-amz-i"]);
}

#[test]
fn no_mutant_of_a_kms_object_opens() {
    let texts = ["x-amz-c", "x-amz-w", "x-amz-3", "x-amz-d", "x-amz-i", "x-amz-t"];
    mutants("py-v3-kms-ec-16", &texts);
}
