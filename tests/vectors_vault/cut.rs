//! Cuts: entries and bytes.

use serde_json::{Value, json};
use vault::core::text::{hex, hex_array};
use vault::team::Cut;
use vault::team::cut::CutEntry;

use super::world::{path, seed, vault};
use super::{Cases, Suite, array, bytes, text};

pub const SUITE: Suite = Suite {
    name: "cut",
    about: "Cuts: entries (path, n, record hash) and the stored bytes",
    members: &["vault", "entries", "cut", "hash"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let stored = bytes(case, "cut");
    let cut = Cut::decode(&stored).ok_or("malformed")?;
    let vault = array(case, "vault");
    let mut again = Cut::default();
    for entry in case["entries"].as_array().unwrap() {
        let n = super::number(entry, "n");
        let entry_for = CutEntry { n, record: hex_array(text(entry, "record")).unwrap() };
        let path = path(text(entry, "path"));
        assert_eq!(cut.get(&vault, &path), Some(entry_for));
        again.insert(&vault, &path, entry_for);
    }
    assert_eq!(again.encode(), stored);
    assert_eq!(hex(&vault::core::cipher::sha256(&[&stored])), text(case, "hash"));
    assert_eq!(cut.get(&vault, &path("not/in/it")), None);
    Ok(())
}

fn make() -> Cases {
    let case = |name: &str, entries: &[(&str, u64)]| {
        let mut cut = Cut::default();
        let mut list = Vec::new();
        for (at, n) in entries {
            let record = seed(&format!("record {at}"));
            cut.insert(&vault(), &path(at), CutEntry { n: *n, record });
            list.push(json!({ "path": at, "n": n, "record": hex(&record) }));
        }
        let stored = cut.encode();
        json!({
            "name": name, "vault": hex(&vault()), "entries": list, "cut": hex(&stored),
            "hash": hex(&vault::core::cipher::sha256(&[&stored])),
        })
    };
    let good = vec![
        case("empty", &[]),
        case("one path", &[("prod/db/password", 7)]),
        case("three paths", &[("a", 1), ("a/b", 9_999_999_999_999_999), ("größe", 42)]),
    ];
    let three = bytes(&good[2], "cut");
    let (a, b, c) = (&three[..72], &three[72..144], &three[144..]);
    let edit = |at: usize, value: u8| {
        let mut cut = a.to_vec();
        cut[at] = value;
        cut
    };
    let bad = [
        ("a byte short", three[..215].to_vec()),
        ("a byte long", [&three[..], &[0]].concat()),
        ("out of order", [b, a, c].concat()),
        ("a path twice", [a, a].concat()),
        ("version 0", {
            let mut cut = a.to_vec();
            cut[32..40].fill(0);
            cut
        }),
        ("version above 10^16 - 1", edit(32, 1)),
    ];
    let bad = bad.into_iter().map(|(name, cut)| {
        super::changed(&good[2], name, "malformed", &[("cut", hex(&cut).into())])
    });
    let bad = bad.collect();
    (good, bad)
}
