//! Notes: every op as a line, whole signed notes, and what becomes of bad ones.

use serde_json::{Value, json};
use vault::core::path::Prefix;
use vault::core::text::{b64, hex};
use vault::team::ops::{Op, Right};
use vault::team::rules::{self, Refusal};
use vault::team::{Note, State};

use super::world::{
    CHAIN, Step, TIME, first_ops, group_set, key_add, person, role, rotate, seed, vault,
};
use super::{Cases, Suite, array, changed, number, text};

pub const SUITE: Suite = Suite {
    name: "note",
    about: "Team notes: op lines; note 0 (no `before`); later notes with the state they follow. \
            A refusal begins with its class: void (the chain ends before it) or invalid",
    members: &["line", "vault", "note", "hash", "before", "last_seq", "last_hash", "state"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    if let Some(line) = case["line"].as_str() {
        let op = Op::parse(line).ok_or("not an op")?;
        assert_eq!(op.to_string(), line);
        return Ok(());
    }
    let bytes = text(case, "note").as_bytes();
    let (note, state) = if let Some(before) = case["before"].as_str() {
        let before = State::parse(before).expect("a canonical state");
        let last = array(case, "last_hash");
        rules::next(&array(case, "vault"), number(case, "last_seq"), &last, &before, bytes)
            .map_err(|refusal| match refusal {
                Refusal::Void => "void".to_owned(),
                Refusal::Invalid(why) => format!("invalid: {why}"),
            })?
    } else {
        rules::first(bytes).map_err(|why| format!("invalid: {why}"))?
    };
    assert_eq!(state.to_string(), text(case, "state"));
    assert_eq!(note.state, state.hash());
    assert_eq!(hex(&vault::core::cipher::sha256(&[bytes])), text(case, "hash"));
    Ok(())
}

fn case(name: &str, step: &Step, before: Option<&Step>) -> Value {
    let mut case = json!({
        "name": name, "note": String::from_utf8(step.note.clone()).unwrap(),
        "hash": hex(&step.hash), "state": step.state.to_string(),
    });
    if let Some(before) = before {
        case["vault"] = hex(&vault()).into();
        case["before"] = before.state.to_string().into();
        case["last_seq"] = before.seq.into();
        case["last_hash"] = hex(&before.hash).into();
    }
    case
}

fn make() -> Cases {
    let hash = |label: &str| hex(&seed(label));
    let (key, one, two) = (hash("key"), "11".repeat(32), "22".repeat(32));
    let lines = [
        format!("genesis {}", "ab".repeat(16)),
        "member-add mira@example.org".into(),
        "member-add A-z_0.9+x".into(),
        format!("member-add {}", "x".repeat(64)),
        "member-remove mira".into(),
        format!("key-add mira {key} age1xyz"),
        format!("key-add mira {key} {}", super::recipient::SSH),
        format!("key-remove mira {key}"),
        "role mira +admin".into(),
        "role mira -admin".into(),
        "role mira +read main".into(),
        "role mira -read pay-2".into(),
        "role mira +write \"\"".into(),
        "role mira -write \"prod/d b/\\u00fc\"".into(),
        "group-set main local [\"\"]".into(),
        "group-set old local []".into(),
        "group-set pay kms:arn:aws:kms:eu-west-1:111122223333:key/x [\"a\",\"b/c d\"]".into(),
        format!("keyring main 1 {one}"),
        format!("keyring main 2 {one} {two}"),
        format!("cut main {one}"),
        format!("recovery-used mira {key} age1xyz"),
        format!("recovery-set {key} age1xyz"),
        format!("restored {one}"),
    ];
    let mut good: Vec<Value> =
        lines.iter().map(|line| json!({ "name": format!("op {line}"), "line": line })).collect();
    let bad_lines = [
        String::new(),
        "unknown x".into(),
        "member-add".into(),
        "member-add ".into(),
        "member-add a b".into(),
        "member-add ä".into(),
        format!("member-add {}", "x".repeat(65)),
        " member-add a".into(),
        "member-add  a".into(),
        "Member-add a".into(),
        format!("key-add mira {key}"),
        format!("key-add mira {key} "),
        format!("key-add mira {key} a  b"),
        format!("key-add mira {key} age1 xyz"),
        format!("key-add mira {key} AGE1XYZ"),
        format!("key-add mira {key} {} comment", super::recipient::SSH),
        format!("key-add mira {} age1xyz", "AB".repeat(32)),
        format!("key-remove mira {key} age1xyz"),
        "role mira admin".into(),
        "role mira +Admin".into(),
        "role mira +admin x".into(),
        "role mira +read Main".into(),
        "role mira +write prod".into(),
        "role mira +write \"prod/\"".into(),
        "role mira +write \"../x\"".into(),
        "role mira +write \"\\u00FC\"".into(),
        "group-set main local".into(),
        "group-set main other [\"\"]".into(),
        "group-set main kms:x [\"\"]".into(),
        "group-set - local [\"a\"]".into(),
        "group-set main local [\"b\",\"a\"]".into(),
        "group-set main local [\"a\",\"a\"]".into(),
        "group-set main local [\"a\", \"b\"]".into(),
        format!("keyring main 0 {one}"),
        "keyring main 1".into(),
        format!("keyring main 01 {one}"),
        format!("keyring main 1 {one} {one}"),
        format!("keyring main 1 {two} {one}"),
        format!("cut main {one} "),
        "restored x".into(),
        format!("genesis {}", "ab".repeat(15)),
    ];
    let mut bad: Vec<Value> = bad_lines
        .iter()
        .map(|line| json!({ "name": format!("op {line:?}"), "line": line, "reason": "not an op" }))
        .collect();

    good.push(case("note 0", &CHAIN[0], None));
    good.push(case("note 1", &CHAIN[1], Some(&CHAIN[0])));
    later_notes(&mut good, &mut bad);
    bad_first_notes(&mut bad);
    (good, bad)
}

/// A signed note after note 1, with the state hash that the rules give (or none, if they do not).
fn second(ops: Vec<Op>, by: &str) -> Vec<u8> {
    second_note(ops, |_| {}).sign(person(by).signing_seed(), &person(by).public().key)
}

fn second_note(ops: Vec<Op>, edit: impl Fn(&mut Note)) -> Note {
    let last = &CHAIN[1];
    let state = rules::after(&last.state, &ops, 2).map_or([0; 32], |s| s.hash());
    let (vault, prev) = (Some(vault()), last.hash);
    let mut note = Note { vault, seq: 2, prev, time: TIME + 2, state, ops };
    edit(&mut note);
    note
}

fn with_rotation(op: Op, group: &str, generation: u64) -> Vec<Op> {
    let mut ops = vec![op];
    ops.extend(rotate(group, generation, seed("cut")));
    ops
}

fn later_notes(good: &mut Vec<Value>, bad: &mut Vec<Value>) {
    let last = &CHAIN[1];
    let follow =
        |ops, by: &str| super::world::step(Some(vault()), &last.state, 2, last.hash, ops, by);
    let remove = Op::MemberRemove("dave".into());
    let recovered = |who: &str| Op::RecoveryUsed {
        member: who.into(),
        key: person("ann's new device").public().key,
        recipient: person("ann's new device").public().recipient.clone(),
    };
    let new_recovery = Op::RecoverySet {
        key: person("recovery 2").public().key,
        recipient: person("recovery 2").public().recipient.clone(),
    };
    let pay = |prefix: &str| {
        let mut ops = vec![group_set("pay", &[prefix])];
        ops.extend(rotate("pay", 1, seed("cut")));
        ops
    };
    for (name, ops, by) in [
        ("a removal with its rotation", with_rotation(remove.clone(), "main", 2), "ann"),
        ("a second device", vec![key_add("ann", "ann's phone")], "ann"),
        ("a new group takes a folder", pay("prod/pay"), "ann"),
        ("the recovery key installs an admin", vec![recovered("ann")], "recovery"),
        ("a new recovery key", with_rotation(new_recovery.clone(), "main", 2), "ann"),
        ("restored from a backup", with_rotation(Op::Restored(seed("lost")), "main", 2), "ann"),
    ] {
        good.push(case(name, &follow(ops, by), Some(last)));
    }

    let base = case("", &follow(vec![Op::MemberAdd("erin".into())], "ann"), Some(last));
    let mut add = |name: &str, reason: &str, note: Vec<u8>| {
        let note = String::from_utf8(note).unwrap();
        bad.push(changed(&base, name, reason, &[("note", note.into())]));
    };
    let erin = || vec![Op::MemberAdd("erin".into())];
    let ann = person("ann");
    let sign = |note: &Note| note.sign(ann.signing_seed(), &ann.public().key);
    let text = text(&base, "note").to_owned();

    add("signed by a member who is no admin", "void", second(erin(), "bob"));
    add("signed by a stranger", "void", second(erin(), "mallory"));
    add("not a note", "void", b"junk\n".to_vec());
    add("changed after it was signed", "void", text.replace("erin", "eric").into_bytes());
    add("line breaks of another system", "void", text.replace('\n', "\r\n").into_bytes());
    add("no signature", "void", text.split("\n\n").next().unwrap().as_bytes().to_vec());
    let line = text.rsplit_once("\n\n").unwrap().1;
    add("two signature lines", "void", format!("{text}{line}").into_bytes());
    add("a hyphen for the dash", "void", text.replace('\u{2014}', "-").into_bytes());
    let blob = line.rsplit_once(' ').unwrap().1.trim_end();
    let raw = vault::core::text::b64_decode(blob, 68).unwrap();
    let other_hash = b64(&[&[0; 4], &raw[4..]].concat());
    add("wrong key hash", "void", text.replace(blob, &other_hash).into_bytes());
    add("a note of another vault", "void", sign(&second_note(erin(), |n| n.vault = Some([7; 32]))));
    add("a note of a later place", "void", sign(&second_note(erin(), |n| n.seq = 3)));
    add("a note of an earlier place", "void", sign(&second_note(erin(), |n| n.seq = 1)));

    for (name, why, edit) in [
        (
            "another prev",
            "it does not follow the note before it",
            (|n| n.prev = [1; 32]) as fn(&mut Note),
        ),
        ("another state hash", "its state hash is not that of the state it leads to", |n| {
            n.state = [1; 32]
        }),
        ("no ops", "it is not in the form of a note", |n| n.ops.clear()),
        ("too many ops", "it is not in the form of a note", |n| {
            n.ops = vec![Op::MemberAdd("x".into()); 1025]
        }),
    ] {
        add(name, &format!("invalid: {why}"), sign(&second_note(erin(), edit)));
    }
    let alone = "the recovery key signs `recovery-used`, alone, and nothing else";
    let lacks = "a removal, a narrowed right or a moved prefix without a new generation and a cut";
    let rotation = || rotate("main", 2, seed("cut")).to_vec();
    let read_main = Right::Read("main".into());
    let with = |op: Op, more: Vec<Op>| [vec![op], more].concat();
    for (name, why, ops, by) in [
        ("the recovery key adds a member", alone, erin(), "recovery"),
        ("the recovery key does more", alone, with(recovered("ann"), erin()), "recovery"),
        ("an admin uses `recovery-used`", alone, vec![recovered("ann")], "ann"),
        ("genesis again", "`genesis` outside note 0", vec![Op::Genesis([1; 16])], "ann"),
        (
            "a member again",
            "a member that is already there",
            vec![Op::MemberAdd("bob".into())],
            "ann",
        ),
        ("a key again", "a key that was in the chain before", vec![key_add("ann", "bob")], "ann"),
        (
            "the recovery key as a device",
            "a key that was in the chain before",
            vec![key_add("ann", "recovery")],
            "ann",
        ),
        ("a key of nobody", "an unknown member", vec![key_add("erin", "erin")], "ann"),
        (
            "a right that is there",
            "a right that is already there, or was not",
            vec![role("bob", true, read_main.clone())],
            "ann",
        ),
        (
            "a right that was not",
            "a right that is already there, or was not",
            vec![role("carol", false, Right::Admin)],
            "ann",
        ),
        (
            "an unknown group",
            "an unknown group",
            vec![role("bob", true, Right::Read("pay".into()))],
            "ann",
        ),
        ("a removal alone", lacks, vec![remove.clone()], "ann"),
        (
            "a device removed alone",
            lacks,
            vec![Op::KeyRemove { member: "bob".into(), key: person("bob").public().key }],
            "ann",
        ),
        (
            "a right narrowed alone",
            lacks,
            vec![role("bob", false, Right::Write(Prefix::parse("prod").unwrap()))],
            "ann",
        ),
        ("a right to read taken alone", lacks, vec![role("carol", false, read_main)], "ann"),
        ("a new recovery key alone", lacks, vec![new_recovery], "ann"),
        ("restored alone", lacks, vec![Op::Restored(seed("lost"))], "ann"),
        (
            "a new generation without a cut",
            "a new generation and a cut go together",
            with(remove.clone(), rotation()[..1].to_vec()),
            "ann",
        ),
        (
            "a cut without a new generation",
            "a new generation and a cut go together",
            rotation()[1..].to_vec(),
            "ann",
        ),
        (
            "a generation left out",
            "a keyring of a generation that is neither current nor next",
            rotate("main", 3, seed("cut")).to_vec(),
            "ann",
        ),
        (
            "a keyring twice",
            "a group has two keyrings",
            with(rotation()[0].clone(), rotation()),
            "ann",
        ),
        (
            "a group without a keyring",
            "a changed wrap, or a new group, without a new generation",
            vec![group_set("pay", &["pay"])],
            "ann",
        ),
        (
            "main without the empty prefix",
            "the group main, and no other, has the empty prefix",
            vec![group_set("main", &["a"])],
            "ann",
        ),
        (
            "the empty prefix elsewhere",
            "the group main, and no other, has the empty prefix",
            with(group_set("pay", &[""]), rotate("pay", 1, seed("cut")).to_vec()),
            "ann",
        ),
        (
            "the last admin",
            "the last admin cannot be removed",
            with(role("ann", false, Right::Admin), rotation()),
            "ann",
        ),
    ] {
        add(name, &format!("invalid: {why}"), second(ops, by));
    }
}

fn bad_first_notes(bad: &mut Vec<Value>) {
    let base = case("", &CHAIN[0], None);
    let ann = person("ann");
    let mut add = |name: &str, why: &str, edit: &dyn Fn(&mut Note), by: &str| {
        let state = CHAIN[0].state.hash();
        let mut note =
            Note { vault: None, seq: 0, prev: [0; 32], time: TIME, state, ops: first_ops() };
        edit(&mut note);
        let by = person(by);
        let note = note.sign(by.signing_seed(), &by.public().key);
        let note = String::from_utf8(note).unwrap();
        bad.push(changed(&base, name, &format!("invalid: {why}"), &[("note", note.into())]));
    };
    let seven = "note 0 does not have the seven ops of a first note";
    add("note 0 signed by somebody else", "note 0 is not signed by its admin", &|_| {}, "bob");
    add("note 0 with another prev", "note 0 is not a first note", &|n| n.prev = [1; 32], "ann");
    add("note 0 with an op more", seven, &|n| n.ops.push(Op::MemberAdd("bob".into())), "ann");
    add("note 0 in another order", seven, &|n| n.ops.swap(4, 5), "ann");
    add("note 0 without genesis", seven, &|n| drop(n.ops.remove(0)), "ann");
    add(
        "note 0 of generation 2",
        seven,
        &|n| n.ops[6] = rotate("main", 2, [0; 32])[0].clone(),
        "ann",
    );
    let shape = "note 0 does not make one admin and the group main";
    add("note 0 with another group", shape, &|n| n.ops[5] = group_set("pay", &[""]), "ann");
    add("note 0 with a folder", shape, &|n| n.ops[5] = group_set("main", &["", "a"]), "ann");
    add("note 0 with another admin", shape, &|n| n.ops[1] = Op::MemberAdd("bob".into()), "ann");
    let state = "its state hash is not that of the state it leads to";
    add("note 0 with another state", state, &|n| n.state = [1; 32], "ann");
    add("note 0 with seq 1", "not in the form of a note", &|n| n.seq = 1, "ann");
    assert_eq!(ann.public().id(), super::world::key_id("ann"));
}
