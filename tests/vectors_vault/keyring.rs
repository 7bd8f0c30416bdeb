//! Keyrings: the JSON inside, and age files that hold it.

use serde_json::{Value, json};
use vault::core::text::{b64, b64_decode, hex};
use vault::keys::keyring::Keyring;
use vault::keys::recipient;

use super::world::{person, secret, seed};
use super::{Cases, Suite, number, text};

pub const SUITE: Suite = Suite {
    name: "keyring",
    about: "Keyrings: `age` is the stored file (base64), `json` what stock age finds in it with \
            `age_secret_key`; `group` and `gen` are those of the note that pins it",
    members: &["group", "gen", "age", "age_secret_key", "seed", "json", "gk", "bk", "nk"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let identity = super::world::key(text(case, "seed"));
    let identity = vault::keys::identity::Identity::from_seed(identity);
    assert_eq!(identity.age_secret_key().unwrap().text(), case["age_secret_key"].as_str());
    let file = b64_decode(text(case, "age"), 1 << 20).unwrap();
    if let Some(json) = case["json"].as_str() {
        let plaintext = recipient::decrypt(&file, identity.age()).unwrap().unwrap();
        assert_eq!(plaintext.text(), Some(json));
    }
    let newest = number(case, "gen");
    let keyring = Keyring::open(&file, text(case, "group"), newest, identity.age());
    let keyring = keyring.map_err(|e| e.message)?.ok_or("not for this identity")?;
    for (kind, list) in ["gk", "bk", "nk"].map(|kind| (kind, case[kind].as_array().unwrap())) {
        assert_eq!(list.len() as u64, newest);
        for (i, expected) in list.iter().enumerate() {
            let keys = keyring.generation(i as u64 + 1).unwrap();
            let key = match kind {
                "gk" => &keys.gk,
                "bk" => &keys.bk,
                _ => &keys.nk,
            };
            assert_eq!(hex(key.bytes()), expected.as_str().unwrap(), "{kind}");
        }
    }
    Ok(())
}

fn plaintext(group: &str, newest: u64) -> String {
    let key = |kind: &str, n: u64| b64(&seed(&format!("{kind} {group}.{n}")));
    let generation = |n| {
        format!(
            r#"{{"bk":"{}","gen":{n},"gk":"{}","nk":"{}"}}"#,
            key("bk", n),
            key("gk", n),
            key("nk", n)
        )
    };
    let keys: Vec<String> = (1..=newest).map(generation).collect();
    format!(r#"{{"group":"{group}","keys":[{}],"v":1}}"#, keys.join(","))
}

/// age files have random parts: the frozen one is used as long as it holds what it should.
fn sealed(name: &str, json: &str) -> Vec<u8> {
    let frozen = std::fs::read(super::folder().join("keyring.json")).ok();
    let frozen: Option<Value> = frozen.and_then(|text| serde_json::from_slice(&text).ok());
    let case = frozen.and_then(|file| {
        let cases = ["good", "bad"]
            .into_iter()
            .flat_map(|kind| file[kind].as_array().cloned().unwrap_or_default());
        cases.into_iter().find(|case| case["name"] == name)
    });
    let file = case.and_then(|case| b64_decode(case["age"].as_str()?, 1 << 20));
    let holds = |file: &Vec<u8>| {
        let plain = recipient::decrypt(file, person("ann").age());
        plain.ok().flatten().is_some_and(|plain| plain.text() == Some(json))
    };
    file.filter(holds).unwrap_or_else(|| {
        let (ann, recovery) = (person("ann"), person("recovery"));
        let to = [&*ann.public().recipient, &*recovery.public().recipient];
        recipient::encrypt(&to, &secret(json)).unwrap()
    })
}

/// The age file that note 0 of the vectors pins.
pub fn frozen_file(newest: u64) -> Vec<u8> {
    sealed(&format!("main.{newest} for ann"), &plaintext("main", newest))
}

fn make() -> Cases {
    let case = |name: &str, group: &str, newest: u64, file: &[u8], who: &str| {
        let keys = |kind: &str| -> Vec<String> {
            (1..=newest).map(|n| hex(&seed(&format!("{kind} {group}.{n}")))).collect()
        };
        json!({
            "name": name, "group": group, "gen": newest, "age": b64(file), "seed": who,
            "age_secret_key": person(who).age_secret_key().unwrap().text().unwrap(),
            "json": plaintext(group, newest), "gk": keys("gk"), "bk": keys("bk"), "nk": keys("nk"),
        })
    };
    let (one, three) = (frozen_file(1), frozen_file(3));
    let good = vec![
        case("main.1 for ann", "main", 1, &one, "ann"),
        case("main.1 for recovery", "main", 1, &one, "recovery"),
        case("main.3 for ann", "main", 3, &three, "ann"),
    ];
    let mut bad = Vec::new();
    let mut add = |name: &str, reason: &str, group: &str, newest: u64, file: &[u8], who: &str| {
        let mut case = case(name, group, newest, file, who);
        case["reason"] = reason.into();
        case.as_object_mut().unwrap().remove("json");
        bad.push(case);
    };
    add("for somebody else", "not for this identity", "main", 1, &one, "bob");
    let other = |g: &str| format!("the keyring stored for {g} is of another group or generation");
    add("of another group", &other("pay.1"), "pay", 1, &one, "ann");
    add("of a newer generation", &other("main.1"), "main", 1, &three, "ann");
    add("of an older generation", &other("main.2"), "main", 2, &one, "ann");
    let damaged = "the keyring of group main is damaged";
    add("cut off", damaged, "main", 1, &one[..one.len() - 1], "ann");
    let mut flipped = one.clone();
    *flipped.last_mut().unwrap() ^= 1;
    add("a bit flipped", damaged, "main", 1, &flipped, "ann");
    add("not an age file", damaged, "main", 1, b"{}", "ann");
    for (name, from, to) in [
        ("another version", "\"v\":1", "\"v\":2"),
        ("no version", ",\"v\":1", ""),
        ("generations not from 1", "\"gen\":1", "\"gen\":2"),
        ("a key missing", "\"nk\":", "\"xk\":"),
        ("a member twice", "\"v\":1", "\"v\":1,\"v\":1"),
        ("an unknown member", "\"v\":1", "\"v\":1,\"x\":1"),
        ("a key not canonical", "=\",\"gen\"", "\",\"gen\""),
    ] {
        let json = plaintext("main", 1).replacen(from, to, 1);
        assert_ne!(json, plaintext("main", 1), "{name}");
        add(name, damaged, "main", 1, &sealed(name, &json), "ann");
    }
    (good, bad)
}
