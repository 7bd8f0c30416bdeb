//! Which note may follow which.

use vault::core::path::{Prefix, SecretPath};
use vault::core::text::b64;
use vault::team::rules::{self, Refusal};
use vault::team::{Note, State};

use crate::support::identity;
use crate::support::team::{Chain, GENESIS, genesis, ops, sign};

/// Ann is admin; bob reads main and writes below `prod`; the group pay owns `pay`.
fn team() -> Chain {
    let mut chain = Chain::new();
    chain.add(&["member-add bob", "key-add bob {k2} age1bob", "role bob +read main"]);
    chain.add(&["role bob +write \"prod\"", "keyring main 1 {h2}"]);
    chain.add(&["group-set pay local [\"pay\"]", "keyring pay 1 {h3}", "cut pay {h4}"]);
    chain
}

const ROTATE_MAIN: [&str; 2] = ["keyring main 2 {h10}", "cut main {h11}"];
const ROTATE_PAY: [&str; 2] = ["keyring pay 2 {h12}", "cut pay {h13}"];

fn with<'a>(first: &[&'a str], then: &[&[&'a str]]) -> Vec<&'a str> {
    [first, &then.concat()].concat()
}

fn legal(chain: &Chain, lines: &[&str]) -> State {
    chain.try_ops(1, lines).unwrap_or_else(|e| panic!("{lines:?}: {e:?}"))
}

fn illegal(chain: &Chain, lines: &[&str], why: &str) {
    match chain.try_ops(1, lines) {
        Err(Refusal::Invalid(reason)) => assert!(reason.contains(why), "{lines:?}: {reason}"),
        other => panic!("{lines:?}: {:?}", other.err()),
    }
}

#[test]
fn a_first_note_has_seven_ops_and_is_signed_by_its_admin() {
    assert!(rules::first(&genesis(ops(&GENESIS), &identity(1))).is_ok());
    assert!(rules::first(&genesis(ops(&GENESIS), &identity(2))).is_err());
    assert!(rules::first(&genesis(ops(&GENESIS), &identity(200))).is_err());
    for drop in 0..GENESIS.len() {
        let mut lines = GENESIS.to_vec();
        lines.remove(drop);
        assert!(rules::first(&genesis(ops(&lines), &identity(1))).is_err(), "without op {drop}");
    }
    for (at, other) in [
        (2, "key-add bob {k1} age1ann"),
        (2, "key-add ann {k200} age1ann"),
        (3, "role ann +read main"),
        (3, "role ann -admin"),
        (4, "recovery-set {k1} age1recovery"),
        (5, "group-set pay local [\"\"]"),
        (5, "group-set main local [\"\",\"a\"]"),
        (5, "group-set main local []"),
        (6, "keyring main 2 {h1}"),
        (6, "keyring pay 1 {h1}"),
    ] {
        let mut lines = GENESIS;
        lines[at] = other;
        assert!(rules::first(&genesis(ops(&lines), &identity(1))).is_err(), "{other}");
    }
    let swapped = [GENESIS[0], GENESIS[2], GENESIS[1]];
    let swapped = [&swapped[..], &GENESIS[3..]].concat();
    assert!(rules::first(&genesis(ops(&swapped), &identity(1))).is_err());
    let more = [&GENESIS[..], &["member-add bob"]].concat();
    assert!(rules::first(&genesis(ops(&more), &identity(1))).is_err());
}

#[test]
fn a_first_note_pins_its_state_and_has_no_note_before_it() {
    let ops = ops(&GENESIS);
    let state = rules::after(&State::default(), &ops, 0).unwrap().hash();
    let good = Note { vault: None, seq: 0, prev: [0; 32], time: 1, state, ops };
    assert!(rules::first(&sign(&good, 1)).is_ok());
    assert!(rules::first(&sign(&Note { state: [1; 32], ..good.clone() }, 1)).is_err());
    assert!(rules::first(&sign(&Note { prev: [1; 32], ..good.clone() }, 1)).is_err());
    assert!(rules::first(&sign(&Note { vault: Some([1; 32]), seq: 1, ..good }, 1)).is_err());
}

#[test]
fn only_an_admin_signs_notes() {
    let chain = team();
    let lines = ["member-add eve"];
    assert!(chain.try_ops(1, &lines).is_ok());
    for (who, signer) in [("a writer", 2), ("a stranger", 9), ("the recovery key", 200)] {
        let answer = chain.try_ops(signer, &lines).unwrap_err();
        let void = matches!(answer, Refusal::Void);
        // The recovery key is entitled to sign, but not this.
        assert_eq!(void, signer != 200, "{who}: {answer:?}");
    }
}

#[test]
fn a_removed_key_signs_nothing() {
    let mut chain = team();
    chain.add(&["key-add ann {k3} age1second"]);
    assert!(chain.try_ops(3, &["member-add eve"]).is_ok());
    chain.add(&with(&["key-remove ann {k3}"], &[&ROTATE_MAIN, &ROTATE_PAY]));
    assert_eq!(chain.try_ops(3, &["member-add eve"]).unwrap_err(), Refusal::Void);
}

#[test]
fn somebody_who_is_no_admin_any_more_signs_nothing() {
    let mut chain = team();
    chain.add(&["role bob +admin"]);
    assert!(chain.try_ops(2, &["member-add eve"]).is_ok());
    chain.add(&with(&["role bob -admin"], &[&ROTATE_MAIN, &ROTATE_PAY]));
    assert_eq!(chain.try_ops(2, &["member-add eve"]).unwrap_err(), Refusal::Void);
}

#[test]
fn the_recovery_key_installs_one_admin_and_does_nothing_else() {
    let chain = team();
    let used = "recovery-used zoe {k7} age1zoe";
    let after = chain.try_ops(200, &[used]).unwrap();
    assert!(after.members["zoe"].admin);
    assert_eq!(after.recovery_used[&4], "zoe");
    let refused = |signer, lines: &[&str]| {
        assert!(matches!(chain.try_ops(signer, lines), Err(Refusal::Invalid(_))), "{lines:?}");
    };
    refused(200, &["member-add eve"]);
    refused(200, &[used, "member-add eve"]);
    refused(200, &[used, "recovery-used zoe {k8} age1zoe"]);
    refused(200, &["recovery-set {k7} age1r", ROTATE_MAIN[0], ROTATE_MAIN[1]]);
    refused(200, &["recovery-used zoe {k2} age1zoe"]);
    refused(200, &["recovery-used zoe {k200} age1zoe"]);
    refused(1, &[used]);
}

#[test]
fn a_replaced_recovery_key_is_worthless() {
    let mut chain = team();
    chain.add(&with(&["recovery-set {k201} age1new"], &[&ROTATE_MAIN, &ROTATE_PAY]));
    let used = ["recovery-used zoe {k7} age1zoe"];
    assert_eq!(chain.try_ops(200, &used).unwrap_err(), Refusal::Void);
    assert!(chain.try_ops(201, &used).is_ok());
    illegal(&chain, &["key-add bob {k200} age1x"], "in the chain before");
}

#[test]
fn a_note_follows_exactly_the_note_before() {
    let chain = team();
    let good = chain.draft(&["member-add eve"]);
    assert!(chain.judge(&sign(&good, 1)).is_ok());
    for bad in [
        Note { prev: [7; 32], ..good.clone() },
        Note { prev: chain.vault, ..good.clone() },
        Note { state: chain.state.hash(), ..good.clone() },
        Note { state: [0; 32], ..good.clone() },
    ] {
        assert!(matches!(chain.judge(&sign(&bad, 1)), Err(Refusal::Invalid(_))), "{bad:?}");
    }
    // What the storage can copy here from elsewhere must not end the chain for good.
    for elsewhere in [
        Note { vault: Some([9; 32]), ..good.clone() },
        Note { seq: good.seq + 1, ..good.clone() },
        Note { seq: good.seq - 1, ..good },
    ] {
        assert_eq!(chain.judge(&sign(&elsewhere, 1)).unwrap_err(), Refusal::Void);
    }
}

#[test]
fn notes_are_neither_replayed_nor_reordered() {
    let mut chain = team();
    let before = chain.clone();
    let first = chain.add(&["member-add eve"]);
    let second = chain.add(&["member-add fay"]);
    assert!(chain.judge(&first).is_err());
    assert!(chain.judge(&second).is_err());
    assert!(before.judge(&second).is_err());
    assert!(before.judge(&first).is_ok());
    assert_eq!(chain.judge(&genesis(ops(&GENESIS), &identity(1))).unwrap_err(), Refusal::Void);
}

#[test]
fn a_note_has_one_signature_of_a_known_key_over_its_very_bytes() {
    let chain = team();
    let note = chain.draft(&["member-add eve"]);
    let (ann, bob) = (sign(&note, 1), sign(&note, 2));
    let line = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.rsplit_once("\n\n").unwrap().1.to_owned()
    };
    let two = [&ann[..], line(&bob).as_bytes()].concat();
    assert_eq!(chain.judge(&two).unwrap_err(), Refusal::Void);
    // Bob's signature under ann's name.
    let name = identity(1).public().id().to_string();
    let stolen = String::from_utf8(bob).unwrap();
    let stolen = stolen.replace(&identity(2).public().id().to_string(), &name);
    assert_eq!(chain.judge(stolen.as_bytes()).unwrap_err(), Refusal::Void);
    let unsigned = format!("{}\n\u{2014} {name} {}\n", note.text(), b64(&[0; 68]));
    assert_eq!(chain.judge(unsigned.as_bytes()).unwrap_err(), Refusal::Void);
    for junk in [&b""[..], b"junk", &[0xff; 100], &ann[..ann.len() - 1]] {
        assert_eq!(chain.judge(junk).unwrap_err(), Refusal::Void);
    }
}

#[test]
fn an_unknown_op_that_an_admin_signed_refuses_the_chain() {
    let chain = team();
    let ann = identity(1);
    let text = chain.draft(&["member-add eve"]).text().replace("member-add", "member-odd");
    let signature = vault::core::cipher::sign(ann.signing_seed(), text.as_bytes());
    // The key hash of the signature line is that of any note that ann signs.
    let line = String::from_utf8(sign(&chain.draft(&["member-add eve"]), 1)).unwrap();
    let blob = line.trim_end().rsplit_once(' ').unwrap().1;
    let blob = vault::core::text::b64_decode(blob, 68).unwrap();
    let blob = b64(&[&blob[..4], &signature].concat());
    let bytes = format!("{text}\n\u{2014} {} {blob}\n", ann.public().id());
    assert!(matches!(chain.judge(bytes.as_bytes()), Err(Refusal::Invalid(_))));
}

#[test]
fn the_last_admin_stays() {
    let chain = team();
    let rotate: [&[&str]; 2] = [&ROTATE_MAIN, &ROTATE_PAY];
    for line in ["member-remove ann", "role ann -admin", "key-remove ann {k1}"] {
        illegal(&chain, &with(&[line], &rotate), "last admin");
    }
    // An admin without a key is none.
    illegal(
        &chain,
        &with(&["member-add z", "role z +admin", "member-remove ann"], &rotate),
        "last",
    );
    legal(&chain, &with(&["role bob +admin", "member-remove ann"], &rotate));
}

#[test]
fn a_key_that_was_ever_in_the_chain_is_not_added_again() {
    let mut chain = team();
    for key in ["{k1}", "{k2}", "{k200}"] {
        illegal(&chain, &[&format!("key-add bob {key} age1x")], "in the chain before");
        let set = format!("recovery-set {key} age1x");
        illegal(&chain, &with(&[&set], &[&ROTATE_MAIN, &ROTATE_PAY]), "in the chain before");
    }
    illegal(&chain, &["key-add bob {k9} age1b", "key-add ann {k9} age1a"], "in the chain before");
    chain.add(&with(&["member-remove bob"], &[&ROTATE_MAIN]));
    illegal(&chain, &["member-add bob", "key-add bob {k2} age1x"], "in the chain before");
    legal(&chain, &["member-add bob", "key-add bob {k5} age1x"]);
}

#[test]
fn members_and_rights_are_what_they_are_said_to_be() {
    let chain = team();
    illegal(&chain, &["member-add bob"], "already there");
    illegal(&chain, &["member-remove eve"], "unknown member");
    illegal(&chain, &["key-add eve {k9} age1x"], "unknown member");
    illegal(&chain, &["key-remove bob {k9}"], "unknown key");
    illegal(&chain, &with(&["key-remove bob {k1}"], &[&ROTATE_MAIN]), "unknown key");
    illegal(&chain, &["role eve +admin"], "unknown member");
    illegal(&chain, &["role bob +read main"], "already there");
    illegal(&chain, &["role bob -write \"dev\""], "was not");
    illegal(&chain, &["role bob +read nope"], "unknown group");
    illegal(&chain, &[GENESIS[0]], "outside note 0");
    legal(&chain, &["role bob +write \"dev\"", "role bob +read pay", "role bob +admin"]);
}

#[test]
fn whoever_loses_something_is_locked_out_of_what_comes() {
    let chain = team();
    for line in [
        "member-remove bob",
        "key-remove bob {k2}",
        "role bob -read main",
        "role bob -write \"prod\"",
    ] {
        illegal(&chain, &[line], "without a new generation");
        illegal(&chain, &with(&[line], &[&ROTATE_PAY]), "without a new generation");
        let after = legal(&chain, &with(&[line], &[&ROTATE_MAIN]));
        assert_eq!(after.groups["main"].generation(), 2, "{line}");
    }
    let mut admin = chain.clone();
    admin.add(&["role bob +admin"]);
    illegal(&admin, &with(&["role bob -admin"], &[&ROTATE_MAIN]), "without a new generation");
    legal(&admin, &with(&["role bob -admin"], &[&ROTATE_MAIN, &ROTATE_PAY]));
}

#[test]
fn narrowing_a_right_to_write_counts_as_losing_it() {
    let chain = team();
    let narrower = ["role bob +write \"prod/db\"", "role bob -write \"prod\""];
    illegal(&chain, &narrower, "without a new generation");
    legal(&chain, &with(&narrower, &[&ROTATE_MAIN]));
    // Wider is not narrower, and a right within another one is not missed.
    legal(&chain, &["role bob +write \"\"", "role bob -write \"prod\""]);
}

#[test]
fn a_generation_and_a_cut_go_together() {
    let chain = team();
    illegal(&chain, &ROTATE_MAIN[..1], "go together");
    illegal(&chain, &ROTATE_MAIN[1..], "go together");
    illegal(&chain, &[ROTATE_MAIN[0], ROTATE_PAY[1]], "go together");
    illegal(&chain, &[ROTATE_MAIN[0], ROTATE_MAIN[1], "cut main {h9}"], "two cuts");
    illegal(&chain, &["keyring main 3 {h9}", ROTATE_MAIN[1]], "neither current nor next");
    illegal(
        &chain,
        &["keyring main 1 {h8}", "keyring main 2 {h9}", ROTATE_MAIN[1]],
        "two keyrings",
    );
    illegal(&chain, &["keyring nope 1 {h9}"], "unknown group");
    illegal(&chain, &["cut nope {h9}"], "unknown group");
    let again = legal(&chain, &["keyring main 1 {h9}"]);
    assert_eq!((again.groups["main"].generation(), again.groups["main"].keyring[0]), (1, [9; 32]));
    legal(&chain, &ROTATE_MAIN);
}

#[test]
fn the_group_that_gets_a_folder_begins_anew() {
    let mut chain = team();
    // From the parent group to pay.
    let to_pay = "group-set pay local [\"pay\",\"prod\"]";
    illegal(&chain, &[to_pay], "moved prefix");
    illegal(&chain, &with(&[to_pay], &[&ROTATE_MAIN]), "moved prefix");
    legal(&chain, &with(&[to_pay], &[&ROTATE_PAY]));
    // Back to the parent group.
    let to_main = "group-set pay local []";
    illegal(&chain, &[to_main], "moved prefix");
    illegal(&chain, &with(&[to_main], &[&ROTATE_PAY]), "moved prefix");
    let back = legal(&chain, &with(&[to_main], &[&ROTATE_MAIN]));
    assert_eq!(back.owner(&SecretPath::parse("pay/x").unwrap()), Some("main"));
    // From one group to another.
    chain.add(&["group-set ops local []", "keyring ops 1 {h20}", "cut ops {h21}"]);
    let rotate_ops = ["keyring ops 2 {h22}", "cut ops {h23}"];
    let to_ops = "group-set ops local [\"pay\"]";
    illegal(&chain, &with(&[to_ops], &[&ROTATE_PAY]), "moved prefix");
    let moved = legal(&chain, &with(&[to_ops], &[&rotate_ops]));
    assert_eq!(moved.owner(&SecretPath::parse("pay/x").unwrap()), Some("ops"));
}

#[test]
fn another_wrap_needs_a_new_generation() {
    let chain = team();
    let kms = "group-set pay kms:arn:aws:kms:eu-west-1:1:key/x [\"pay\"]";
    illegal(&chain, &[kms], "changed wrap");
    illegal(&chain, &with(&[kms], &[&ROTATE_MAIN]), "changed wrap");
    let after = legal(&chain, &with(&[kms], &[&ROTATE_PAY]));
    let wraps: Vec<_> =
        after.groups["pay"].generations.iter().map(|g| g.wrap.to_string()).collect();
    assert_eq!(wraps, ["local", "kms:arn:aws:kms:eu-west-1:1:key/x"]);
    legal(&chain, &["group-set pay local [\"pay\"]"]);
}

#[test]
fn a_new_recovery_key_and_a_restored_bucket_rotate_all_groups() {
    let chain = team();
    for line in ["recovery-set {k201} age1new", "restored {h30}"] {
        for partial in [&[][..], &ROTATE_MAIN, &ROTATE_PAY] {
            illegal(&chain, &with(&[line], &[partial]), "without a new generation");
        }
        legal(&chain, &with(&[line], &[&ROTATE_MAIN, &ROTATE_PAY]));
    }
    let twice = ["restored {h30}", "restored {h31}"];
    illegal(&chain, &with(&twice, &[&ROTATE_MAIN, &ROTATE_PAY]), "twice");
}

#[test]
fn folders_have_one_owner_and_main_has_the_rest() {
    let chain = team();
    let main = "the group main, and no other";
    illegal(&chain, &with(&["group-set main local []"], &[&ROTATE_MAIN]), main);
    illegal(&chain, &with(&["group-set pay local [\"\",\"pay\"]"], &[&ROTATE_PAY]), main);
    let ops = "group-set ops local [\"x\"]";
    let ops_keys = ["keyring ops 1 {h20}", "cut ops {h21}"];
    let pay = "group-set pay local [\"pay\",\"x\"]";
    illegal(&chain, &with(&[ops, pay], &[&ops_keys, &ROTATE_PAY]), "two owners");
    illegal(&chain, &with(&[pay, ops], &[&ops_keys, &ROTATE_PAY]), "two owners");
    illegal(
        &chain,
        &["group-set pay local [\"pay\"]", "group-set pay local [\"pay\"]"],
        "set twice",
    );
    // Given and taken in one note, in either order.
    let (give, take) = ("group-set pay local []", "group-set ops local [\"pay\"]");
    for lines in [[give, take], [take, give]] {
        let after = legal(&chain, &with(&lines, &[&ops_keys]));
        assert_eq!(after.folder_owner(&Prefix::parse("pay").unwrap()), Some("ops"));
    }
}

#[test]
fn a_new_group_comes_with_keys_and_a_cut() {
    let chain = team();
    let set = "group-set ops local [\"ops\"]";
    let (keyring, cut) = ("keyring ops 1 {h20}", "cut ops {h21}");
    illegal(&chain, &[set], "new group");
    illegal(&chain, &[set, keyring], "go together");
    illegal(&chain, &[set, "keyring ops 2 {h20}", cut], "neither current nor next");
    illegal(&chain, &[keyring, cut], "unknown group");
    legal(&chain, &[set, keyring, cut]);
}
