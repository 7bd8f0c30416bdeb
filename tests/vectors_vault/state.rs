//! Canonical team states: one text for one state.

use serde_json::{Value, json};
use vault::core::path::{Prefix, SecretPath};
use vault::core::text::hex;
use vault::team::ops::{Op, Right};
use vault::team::{State, rules};

use super::world::{CHAIN, group_set, key_id, path, role, rotate, seed};
use super::{Cases, Suite, changed, text};

pub const SUITE: Suite = Suite {
    name: "state",
    about: "Canonical team state: text, hash, and what it says: path -> current group.generation, \
            and who may write there",
    members: &["text", "hash", "paths"],
    make,
    read,
};

const WHO: [&str; 5] = ["ann", "bob", "carol", "dave", "recovery"];

fn read(case: &Value) -> Result<(), String> {
    let state = State::parse(text(case, "text")).ok_or("not canonical")?;
    assert_eq!(hex(&state.hash()), text(case, "hash"));
    for (name, expected) in case["paths"].as_object().unwrap() {
        assert_eq!(&rights(&state, &path(name)), expected, "{name}");
    }
    Ok(())
}

fn rights(state: &State, path: &SecretPath) -> Value {
    let current = state.current(path).map(|g| g.to_string());
    let may = WHO.into_iter().filter(|who| state.may_write(key_id(who), path));
    json!({ "current": current, "write": may.collect::<Vec<_>>() })
}

fn case(name: &str, state: &State) -> Value {
    let paths = ["a", "prod", "prod/db", "prod/pay/key", "production/x", "üb/er"];
    let paths: serde_json::Map<String, Value> =
        paths.iter().map(|p| ((*p).to_owned(), rights(state, &path(p)))).collect();
    json!({ "name": name, "text": state.to_string(), "hash": hex(&state.hash()), "paths": paths })
}

fn make() -> Cases {
    let after = |state: &State, seq, ops: Vec<Op>| rules::after(state, &ops, seq).unwrap();
    let team = &CHAIN[1].state;
    let mut pay = vec![group_set("pay", &["prod/pay", "üb"])];
    pay.extend(rotate("pay", 1, seed("cut")));
    pay.push(role("bob", true, Right::Write(Prefix::parse("üb").unwrap())));
    let two = after(team, 2, pay);
    let mut back = vec![group_set("pay", &[])];
    back.extend(rotate("main", 2, seed("cut 2")));
    let three = after(&two, 3, back);
    let mut gone = vec![Op::MemberRemove("dave".into())];
    gone.extend(rotate("main", 3, seed("cut 3")));
    let four = after(&three, 4, gone);
    let mut lost = vec![Op::Restored(seed("lost"))];
    lost.extend(rotate("main", 4, seed("cut 4")));
    lost.extend(rotate("pay", 2, seed("cut 5")));
    let five = after(&four, 5, lost);
    let good = vec![
        case("after note 0", &CHAIN[0].state),
        case("a team", team),
        case("a group with folders", &two),
        case("a retired group", &three),
        case("a removal", &four),
        case("restored", &five),
    ];
    let base = &good[1];
    let body = text(base, "text");
    let no = "not canonical";
    let lines: Vec<&str> = body.lines().collect();
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let mut twice = lines.clone();
    twice.insert(2, lines[2]);
    let edits = [
        ("lines out of order", swapped.join("\n") + "\n"),
        ("a line twice", twice.join("\n") + "\n"),
        ("no line break at the end", body.trim_end().to_owned()),
        ("an empty line at the end", format!("{body}\n")),
        ("another first line", body.replacen("v1", "v2", 1)),
        ("an unknown fact", format!("{body}zzz x\n")),
        ("a member left out", body.replacen("member bob\n", "", 1)),
        ("a generation left out", body.replacen("gen main 1", "gen main 2", 1)),
        (
            "a group without a keyring",
            body.lines()
                .filter(|l| !l.starts_with("keyring"))
                .fold(String::new(), |a, l| a + l + "\n"),
        ),
        ("a leading zero", body.replacen("gen main 1 0", "gen main 1 00", 1)),
        ("upper-case hex", body.to_uppercase().replacen("VAULT-STATE/V1", "vault-state/v1", 1)),
        ("another escape", text(&case("", &two), "text").replacen("\\u00fc", "ü", 1)),
        ("a prefix with a slash", body.replacen("\"prod\"", "\"prod/\"", 1)),
    ];
    let bad = edits.into_iter().map(|(name, text)| {
        assert_ne!(text, body, "{name}");
        changed(base, name, no, &[("text", text.into())])
    });
    let bad = bad.collect();
    (good, bad)
}
