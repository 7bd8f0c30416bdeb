//! The canonical text of a state, and what it answers.

use proptest::prelude::*;
use vault::core::cipher::sha256;
use vault::core::header::GroupGen;
use vault::core::path::SecretPath;
use vault::team::{State, rules};

use crate::support::team::{Chain, ops};

const SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIcDyNwqVHFpU8W2dHr51PKprWmMIwJkACdhiRoJumgZ";

fn path(text: &str) -> SecretPath {
    SecretPath::parse(text).unwrap()
}

/// main owns everything; pay gets `a/b` in note 1, gives it back in 2, main rotates in 3.
fn moved() -> State {
    let mut chain = Chain::new();
    chain.add(&["group-set pay local [\"a/b\"]", "keyring pay 1 {h2}", "cut pay {h3}"]);
    chain.add(&["group-set pay local []", "keyring main 2 {h4}", "cut main {h5}"]);
    chain.add(&["keyring main 3 {h4}", "cut main {h5}"]);
    chain.state
}

#[test]
fn the_longest_prefix_owns_a_path() {
    let mut chain = Chain::new();
    chain.add(&["group-set pay local [\"a\",\"a/b/c\"]", "keyring pay 1 {h2}", "cut pay {h3}"]);
    chain.add(&["group-set ops local [\"a/b\"]", "keyring ops 1 {h2}", "cut ops {h3}"]);
    for (name, owner) in [
        ("x", "main"),
        ("a", "main"),
        ("ab/c", "main"),
        ("a/x", "pay"),
        ("a/b", "pay"),
        ("a/b/x", "ops"),
        ("a/b/c", "ops"),
        ("a/b/c/d", "pay"),
    ] {
        assert_eq!(chain.state.owner(&path(name)), Some(owner), "{name}");
    }
}

#[test]
fn a_generation_owned_what_its_group_owned_while_it_was_current() {
    let state = moved();
    let owned = |group: &str, p: &str| state.ever_owned(&GroupGen::parse(group).unwrap(), &path(p));
    for (group, name, expected) in [
        ("main.1", "a/b/x", true),
        ("pay.1", "a/b/x", true),
        ("pay.1", "a/x", false),
        ("pay.1", "a/b", false),
        ("main.2", "a/b/x", true),
        ("main.3", "a/b/x", true),
        ("main.4", "a/b/x", false),
        ("pay.2", "a/b/x", false),
        ("ops.1", "a/b/x", false),
    ] {
        assert_eq!(owned(group, name), expected, "{group} {name}");
    }
    let before = {
        let mut chain = Chain::new();
        chain.add(&["keyring main 2 {h4}", "cut main {h5}"]);
        chain.add(&["group-set pay local [\"p\"]", "keyring pay 1 {h2}", "cut pay {h3}"]);
        chain.add(&["keyring pay 2 {h4}", "cut pay {h5}"]);
        chain.state
    };
    let current = before.current(&path("p/x")).unwrap();
    assert_eq!(current.to_string(), "pay.2");
    assert_eq!(before.current(&path("q")).unwrap().to_string(), "main.2");
}

#[test]
fn any_other_text_is_no_state() {
    let text = moved().to_string();
    assert_eq!(State::parse(&text).as_ref(), Some(&moved()));
    let lines: Vec<&str> = text.lines().collect();
    for at in 0..lines.len() {
        let mut swapped = lines.clone();
        swapped.swap(at, (at + 1) % lines.len());
        assert_eq!(State::parse(&(swapped.join("\n") + "\n")), None, "swapped at {at}");
        let twice = [&lines[..=at], &lines[at..]].concat();
        assert_eq!(State::parse(&(twice.join("\n") + "\n")), None, "line {at} twice");
    }
    assert_eq!(State::parse(text.trim_end()), None);
    assert_eq!(State::parse(&(text.clone() + "\n")), None);
    assert_eq!(State::parse(&text.replace("v1", "v2")), None);
    assert_eq!(State::parse(&text.replace("role ann admin", "role ann owner")), None);
    assert_eq!(State::parse(&text.replace("gen pay 1", "gen pay 2")), None);
    for (to, good) in [
        (SSH.to_owned(), true),
        ("age1other".to_owned(), true),
        (format!("{SSH} ann"), false),
        (SSH.replacen(' ', "  ", 1), false),
        ("age1 ann".to_owned(), false),
        ("AGE1ANN".to_owned(), false),
        ("ssh-rsa AAAA".to_owned(), false),
    ] {
        let text = text.replace("age1ann", &to).replace("age1recovery", &to);
        assert_eq!(State::parse(&text).is_some(), good, "{to}");
    }
}

/// Ops in random order; most sequences become illegal somewhere, and go on after that.
fn line() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["ann", "bob", "eve"]);
    let group = prop::sample::select(vec!["main", "pay", "ops"]);
    let folder = prop::sample::select(vec!["", "a", "a/b", "c d/\u{e9}"]);
    let sign = prop::sample::select(vec!["+", "-"]);
    let quoted = |p: &str| format!("\"{}\"", p.replace('\u{e9}', "\\u00e9"));
    (name, group, folder, sign, 0..11u8, 3..60u8, 1..4u64).prop_map(
        move |(name, group, folder, sign, kind, key, generation)| {
            let all = |ops: &[String]| {
                let mut ops = ops.to_vec();
                for g in ["main", "pay"] {
                    ops.push(format!("keyring {g} {generation} {{h{key}}}"));
                    ops.push(format!("cut {g} {{h{key}}}"));
                }
                ops
            };
            let rotated = |op: String| {
                let keyring = format!("keyring {group} {generation} {{h{key}}}");
                vec![op, keyring, format!("cut {group} {{h{key}}}")]
            };
            match kind {
                0 => vec![format!("member-add {name}")],
                1 => all(&[format!("member-remove {name}")]),
                2 if key % 2 == 0 => vec![format!("key-add {name} {{k{key}}} {SSH}")],
                2 => vec![format!("key-add {name} {{k{key}}} age1x{key}")],
                3 => all(&[format!("key-remove {name} {{k{key}}}")]),
                4 => vec![format!("role {name} {sign}admin")],
                5 => vec![format!("role {name} {sign}read {group}")],
                6 => vec![format!("role {name} {sign}write {}", quoted(folder))],
                7 => rotated(format!("group-set {group} local [{}]", quoted(folder))),
                8 => rotated(format!("group-set {group} kms:arn:aws:x [{}]", quoted(folder))),
                9 if key % 2 == 0 => all(&[format!("recovery-set {{k{key}}} {SSH}")]),
                9 => all(&[format!("recovery-set {{k{key}}} age1r")]),
                _ => all(&[format!("restored {{h{key}}}")]),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_state_reads_back_from_its_text(notes in prop::collection::vec(line(), 1..25)) {
        let mut state = Chain::new().state;
        let mut seq = 0;
        for lines in notes {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let ops = ops(&lines);
            for op in &ops {
                let read = vault::team::Op::parse(&op.to_string());
                prop_assert_eq!(read.as_ref(), Some(op));
            }
            let Ok(after) = rules::after(&state, &ops, seq + 1) else { continue };
            (state, seq) = (after, seq + 1);
            let text = state.to_string();
            prop_assert_eq!(State::parse(&text), Some(state.clone()));
            prop_assert_eq!(state.hash(), sha256(&[text.as_bytes()]));
        }
    }
}
