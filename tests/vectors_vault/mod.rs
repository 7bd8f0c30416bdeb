//! The vectors of the vault's own format (`docs/FORMAT.md`): one JSON file a subject, each with
//! what must be read and what must be refused.
//!
//! The frozen files are the truth. One test builds them anew in memory, from fixed seeds, and
//! compares; age files have random parts, so those are taken from the frozen `keyring.json`. After
//! an intended change of the format: `cargo test --test main vectors_vault::write -- --ignored`
//! (twice, if the age files are new: note 0 pins one of them), and read the difference.

mod accept;
mod cut;
mod document;
mod header;
mod identity;
mod join;
mod keyring;
mod marks;
mod note;
mod object;
mod path;
mod recipient;
mod state;
mod tree;
mod world;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What must be read, and what must be refused.
type Cases = (Vec<Value>, Vec<Value>);

struct Suite {
    name: &'static str,
    about: &'static str,
    /// The members that a case may have, beside `name` and `reason`.
    members: &'static [&'static str],
    make: fn() -> Cases,
    /// Reads one case and compares all that it says; an error is why it is refused.
    read: fn(&Value) -> Result<(), String>,
}

const SUITES: [Suite; 14] = [
    accept::SUITE,
    cut::SUITE,
    document::SUITE,
    header::SUITE,
    identity::SUITE,
    join::SUITE,
    keyring::SUITE,
    marks::SUITE,
    note::SUITE,
    object::SUITE,
    path::SUITE,
    recipient::SUITE,
    state::SUITE,
    tree::SUITE,
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/vault")
}

fn load(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Suite {
    fn render(&self) -> String {
        let (good, bad) = (self.make)();
        let file = json!({ "about": self.about, "good": good, "bad": bad });
        serde_json::to_string_pretty(&file).unwrap() + "\n"
    }

    fn check(&self, file: &Value) -> (usize, usize) {
        let members: Vec<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["about", "bad", "good"], "{}", self.name);
        let list = |kind: &str| file[kind].as_array().unwrap_or_else(|| panic!("{}", self.name));
        for case in list("good") {
            let name = self.known_members(case);
            assert_eq!((self.read)(case), Ok(()), "{}: {name}", self.name);
        }
        for case in list("bad") {
            let name = self.known_members(case);
            let refused = (self.read)(case).expect_err(name);
            assert_eq!(case["reason"], *refused, "{}: {name}", self.name);
        }
        (list("good").len(), list("bad").len())
    }

    /// A member that this reader does not know could change what the case means.
    fn known_members<'a>(&self, case: &'a Value) -> &'a str {
        let name = text(case, "name");
        for member in case.as_object().unwrap().keys() {
            let known = ["name", "reason"].contains(&member.as_str())
                || self.members.contains(&member.as_str());
            assert!(known, "{}: {name}: unknown member {member}", self.name);
        }
        name
    }
}

#[test]
fn vault_vectors() {
    let mut seen = 0;
    let mut total = (0, 0);
    for entry in std::fs::read_dir(folder()).expect("tests/vectors/vault") {
        let path = entry.unwrap().path();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let suite =
            SUITES.iter().find(|s| path.extension() == Some("json".as_ref()) && s.name == stem);
        let suite = suite.unwrap_or_else(|| panic!("nothing here reads {}", path.display()));
        let (good, bad) = suite.check(&load(&path));
        println!("vault_vectors: {stem}: {good} read, {bad} refused");
        assert!(good > 0 && bad > 0, "{stem}");
        total = (total.0 + good, total.1 + bad);
        seen += 1;
    }
    println!("vault_vectors: {} read, {} refused in {seen} files", total.0, total.1);
    assert_eq!(seen, SUITES.len(), "a file is missing");
    assert!(total.1 >= total.0, "as many that must fail as must pass");
}

#[test]
fn frozen_files_are_what_this_code_makes() {
    for suite in &SUITES {
        let frozen = std::fs::read_to_string(folder().join(format!("{}.json", suite.name)));
        assert!(frozen.ok().as_deref() == Some(&*suite.render()), "{} differs", suite.name);
    }
}

#[test]
#[ignore = "writes the frozen files; only after an intended change of the format"]
fn write() {
    for suite in &SUITES {
        std::fs::write(folder().join(format!("{}.json", suite.name)), suite.render()).unwrap();
    }
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_else(|| panic!("{member} in {case}"))
}

fn number(case: &Value, member: &str) -> u64 {
    case[member].as_u64().unwrap_or_else(|| panic!("{member} in {case}"))
}

/// The bytes of a member in hex.
fn bytes(case: &Value, member: &str) -> Vec<u8> {
    decode_hex(text(case, member))
}

fn array<const N: usize>(case: &Value, member: &str) -> [u8; N] {
    bytes(case, member).try_into().unwrap_or_else(|_| panic!("{member} in {case}"))
}

fn decode_hex(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Metadata as a list of pairs, since a name may be there twice.
fn metadata(case: &Value) -> Vec<(String, String)> {
    serde_json::from_value(case["metadata"].clone()).expect("pairs of name and value")
}

/// A copy of a case with some members changed.
fn changed(case: &Value, name: &str, reason: &str, members: &[(&str, Value)]) -> Value {
    let mut case = case.clone();
    case["name"] = name.into();
    case["reason"] = reason.into();
    for (member, value) in members {
        case[*member] = value.clone();
    }
    case
}
