//! Recipients: their one form, and what is not one.

use bech32::{Bech32, Bech32m, Hrp};
use serde_json::{Value, json};
use vault::core::text::b64;
use vault::keys::recipient::{Recipient, is_canonical};

use super::world::{person, seed};
use super::{Cases, Suite, text};
use crate::keys::kinds::TAG_PQ;

/// The SSH key of the tests.
pub const SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIcDyNwqVHFpU8W2dHr51PKprWmMIwJkACdhiRoJumgZ";
const TAG: &str = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";

pub const SUITE: Suite = Suite {
    name: "recipient",
    about: "Recipients: `text` and its kind; `form` is whether a note or state may hold it, \
            which looks at the form alone",
    members: &["text", "kind", "form"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    assert_eq!(case["form"], is_canonical(text(case, "text")));
    let recipient = Recipient::parse(text(case, "text")).map_err(|e| e.message)?;
    assert_eq!(recipient.to_string(), text(case, "text"));
    let kind = match &recipient {
        Recipient::X25519(_) => "X25519",
        Recipient::Ssh(_) => "ssh-ed25519",
        Recipient::Tag(_) => "tag",
        Recipient::TagPq(_) => "tagpq",
        Recipient::Plugin(recipient) => recipient.plugin(),
    };
    assert_eq!(kind, text(case, "kind"));
    Ok(())
}

fn encode(prefix: &str, data: &[u8]) -> String {
    bech32::encode_lower::<Bech32>(Hrp::parse(prefix).unwrap(), data).unwrap()
}

/// A key of SSH with this text before it.
fn ssh(kind: &str, key: &[u8]) -> String {
    format!("ssh-ed25519 {}", b64(&vault::core::text::lps(&[kind.as_bytes(), key])))
}

fn make() -> Cases {
    let ann = person("ann").public().recipient.clone();
    let (key, hidden) = (seed("key"), "age1a\u{202e}b");
    let yubikey = encode("age1yubikey", &seed("yubikey"));
    let good = [
        ("X25519", "X25519", ann.clone()),
        ("SSH", "ssh-ed25519", SSH.to_owned()),
        ("P-256 on a token", "tag", TAG.to_owned()),
        ("ML-KEM-768 and P-256 on a token", "tagpq", TAG_PQ.trim().to_owned()),
        ("a plugin", "yubikey", yubikey.clone()),
        ("a plugin with a 1 in its name", "x1y", encode("age1x1y", &key)),
        ("a plugin with other characters", "a+b-c.d_e", encode("age1a+b-c.d_e", &key)),
        ("a plugin with no data", "x", encode("age1x", &[])),
        ("post-quantum by its plugin", "pq", encode("age1pq", &key)),
    ];
    let good = good.map(
        |(name, kind, text)| json!({ "name": name, "kind": kind, "text": text, "form": true }),
    );
    let hrp = |prefix: &str| Hrp::parse(prefix).unwrap();
    let bad = [
        ("empty", String::new()),
        ("nothing behind age1", "age1".to_owned()),
        ("upper case", ann.to_uppercase()),
        ("white space around", format!(" {ann}")),
        ("a line break", format!("{ann}\n")),
        ("a comment", format!("{ann} ann")),
        ("a hidden character", hidden.to_owned()),
        ("a letter of the checksum", format!("{}{}", &ann[..ann.len() - 1], other(&ann))),
        ("cut off", ann[..ann.len() - 1].to_owned()),
        ("another checksum", bech32::encode_lower::<Bech32m>(hrp("age1x"), &key).unwrap()),
        ("X25519 with 31 bytes", encode("age", &key[..31])),
        ("a key of age", encode("age-secret-key-", &key)),
        ("a slash in the name of a plugin", encode("age1a/b", &key)),
        ("no point of P-256", encode("age1tag", &[[2].as_slice(), &[255; 32]].concat())),
        ("post-quantum, cut off", encode("age1tagpq", &key)),
        ("longer than 4,096 bytes", format!("age1{}", "q".repeat(4093))),
        ("SSH with a comment", format!("{SSH} ann@laptop")),
        ("SSH with two spaces", SSH.replacen(' ', "  ", 1)),
        ("SSH, cut off", SSH[..SSH.len() - 1].to_owned()),
        ("SSH of another kind inside", ssh("ssh-ed25518", &key)),
        ("SSH with 31 bytes", ssh("ssh-ed25519", &key[..31])),
        ("SSH with no point of the curve", ssh("ssh-ed25519", &no_point())),
        ("RSA of SSH", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ".to_owned()),
        ("ECDSA of SSH", "ecdsa-sha2-nistp256 AAAAE2VjZHNh".to_owned()),
    ];
    let bad = bad.map(|(name, text)| {
        let error = Recipient::parse(&text).err().unwrap_or_else(|| panic!("{name}"));
        json!({ "name": name, "text": text, "form": is_canonical(&text), "reason": error.message })
    });
    (good.into(), bad.into())
}

fn other(text: &str) -> char {
    if text.ends_with('q') { 'p' } else { 'q' }
}

/// The encoding of a y for which there is no x.
fn no_point() -> [u8; 32] {
    let mut y = [0; 32];
    y[0] = 2;
    y
}
