use serde_json::json;

use super::home::Home;
use super::people::{is_clean, member, newcomer, on_a_terminal, run_hint, two};

/// Name and what they may do, of everybody.
fn rights(home: &Home) -> Vec<String> {
    let short = |line: &String| line.rsplit_once('\t').unwrap().0.replace('\t', ": ");
    home.run(["member", "ls"]).ok().lines().iter().map(short).collect()
}

#[test]
fn the_join_string_is_data_and_the_words_are_not() {
    let ann = Home::with_vault();
    let (bob, id) = newcomer();
    let ran = ann.run(["member", "add", "bob", &id, "--role", "write"]).ok();
    assert_eq!(ran.lines().len(), 1);
    let words = bob.run(["id", "show", "--json"]).ok().json()["words"].as_str().unwrap().to_owned();
    assert!(ran.stderr.contains(&format!("their device: {words}\n")), "{}", ran.stderr);
    let joined = bob.join(ran.text().trim());
    let vault = ran.stderr.lines().find(|line| line.contains("this vault:")).unwrap();
    let vault = vault.split_once(": ").unwrap().1.trim();
    assert!(joined.stderr.contains(vault), "the same words on both sides: {}", joined.stderr);
    bob.put("a", "bobs");
    assert_eq!(ann.get("a"), "bobs");

    let (_, id) = newcomer();
    let json = ann.run(["member", "add", "eve", &id, "--role", "read", "--json"]).ok().json();
    assert_eq!(json["member"], "eve");
    assert_eq!(json["key"].as_str().unwrap().len(), 16);
    assert!(json["join"].as_str().unwrap().starts_with("vault-join1"));
    assert_eq!(json["words"].as_str().unwrap().split(' ').count(), 8);
}

#[test]
fn everybody_is_listed_with_what_they_may() {
    let ann = Home::with_vault();
    let (_, id) = newcomer();
    ann.run(["member", "add", "bob", &id, "--role", "write", "--path", "dev"]).ok();
    let (_, second) = newcomer();
    ann.run(["member", "add", "bob", &second]).ok();
    let listed = ann.run(["member", "ls"]).ok();
    assert_eq!(listed.text(), "ann\tadmin\t1\nbob\tread main; write dev/\t2\n");
    let json = ann.run(["member", "ls", "--json"]).ok().json();
    let bob = &json[1];
    assert_eq!((&bob["name"], &bob["admin"]), (&json!("bob"), &json!(false)));
    assert_eq!((&bob["read"], &bob["write"]), (&json!(["main"]), &json!(["dev"])));
    assert_eq!(bob["devices"].as_array().unwrap().len(), 2);
    assert!(bob["devices"][0]["recipient"].as_str().unwrap().starts_with("age1"));
    assert_eq!(json[0]["admin"], true);
}

#[test]
fn a_role_is_changed_in_words_that_add_up() {
    let (ann, bob) = two();
    ann.put("dev/a", "1");
    let less = ann.run(["member", "role", "bob", "read"]).ok();
    assert!(less.stderr.contains("bob may: read main\n"), "{}", less.stderr);
    assert!(less.stderr.contains("New generation: main."), "{}", less.stderr);
    bob.run_with(["put", "dev/a"], b"2").fails(5, "may not write");
    let more = ann.run(["member", "role", "bob", "write", "--path", "dev", "--json"]).ok();
    assert!(more.stderr.contains("bob may: read main; write dev/\n"), "{}", more.stderr);
    assert_eq!(more.json()["groups"], json!([]), "nobody lost anything");
    bob.put("dev/a", "2");
    ann.run(["member", "role", "bob", "none", "--path", "dev"]).fails(2, "no folder of its own");
    ann.run(["member", "role", "bob", "none"]).fails(2, "nothing at all");
    ann.run(["member", "role", "bob", "admin", "--path", "dev"]).fails(2, "everywhere");
    assert_eq!(rights(&ann), ["ann: admin", "bob: read main; write dev/"]);
    // Back again: the same words, and nothing to do.
    let same = ann.run(["member", "role", "bob", "write", "--path", "dev"]).ok();
    assert!(same.stderr.contains("Nothing to change"), "{}", same.stderr);
}

#[test]
fn a_removal_tells_what_to_change() {
    let (ann, bob) = two();
    ann.put("a", "1");
    ann.put("b", "1");
    let ran = ann.run(["member", "rm", "bob", "--yes"]).ok();
    assert_eq!(ran.text(), "a\t1\tmain\tbob was removed\nb\t1\tmain\tbob was removed\n");
    assert!(ran.stderr.contains("New generation: main."), "{}", ran.stderr);
    assert!(ran.stderr.contains("Change these values"), "{}", ran.stderr);
    let refused = bob.run_with(["put", "a"], b"2").fails(5, "may not write");
    // What he would ask an admin for cannot be had.
    assert!(refused.stderr.contains("was removed from the team"), "{}", refused.stderr);
    ann.put("a", "2");
    let read = bob.run(["get", "a"]);
    // Where KMS wraps, IAM decides.
    if !std::env::var("VAULT_TEST_BUCKET").is_ok_and(|bucket| bucket.contains("--kms")) {
        let refused = read.fails(5, "cannot open the group");
        assert!(refused.stderr.contains("a removed key never returns"), "{}", refused.stderr);
    }
    let doctor = bob.run(["doctor"]);
    assert!(doctor.code == 1 && doctor.text().contains("was removed"), "{}", doctor.text());
    let again = ann.run(["member", "rm", "bob", "--yes", "--json", "--reseal"]).ok().json();
    assert_eq!((&again["note"], &again["groups"]), (&json!(null), &json!([])));
    assert_eq!((&again["resealed"], &again["current"]), (&json!(1), &json!(1)));
    assert_eq!((&again["failed"], &again["skipped"]), (&json!([]), &json!(0)));
    let needed = &again["change_needed"];
    assert_eq!(needed.as_array().unwrap().len(), 1);
    assert_eq!((&needed[0]["path"], &needed[0]["why"]), (&json!("b"), &json!(["bob was removed"])));
    assert_eq!(rights(&ann), ["ann: admin"]);
}

#[test]
fn history_goes_too_if_that_is_asked_for() {
    let (ann, _bob) = two();
    ann.put("a", "1");
    ann.put("a", "2");
    ann.run(["member", "rm", "bob", "--yes", "--purge-history"]).ok();
    assert_eq!(ann.get("a"), "2");
    ann.run(["get", "a@1"]).fails(3, "purged");
    assert_eq!(ann.run(["history", "a", "--json"]).ok().json().as_array().unwrap().len(), 1);
}

#[test]
fn one_device_of_two_is_removed() {
    let (ann, lost) = two();
    let (kept, id) = newcomer();
    kept.join(ann.run(["member", "add", "bob", &id]).ok().text().trim());
    let key = lost.run(["id", "show", "--json"]).ok().json()["key"].as_str().unwrap().to_owned();
    let wrong = ["member", "rm", "bob", "--device", "0123456789abcdef", "--yes"];
    let refused = ann.run(wrong).fails(3, "bob has no device 0123456789abcdef");
    assert_eq!(run_hint(&ann, &refused).ok().json().as_array().unwrap().len(), 2);
    ann.run(["member", "rm", "bob", "--device", &key, "--yes"]).ok();
    lost.run_with(["put", "a"], b"x").fails(5, "may not write");
    kept.put("a", "1");
    assert_eq!(ann.get("a"), "1");
}

#[test]
fn a_person_types_the_name() {
    let (ann, _bob) = two();
    let rm = ["member", "rm", "bob"];
    ann.run(rm).fails(2, "--yes answers it");
    ann.run(["member", "rm", "bob", "--no-input"]).fails(2, "--yes answers it");
    let question = "This removes bob from the team.";
    on_a_terminal(&ann, &rm, &[(question, "bop\r")], (2, "nothing was done"));
    assert_eq!(rights(&ann).len(), 2);
    let dialogue = [(question, ""), ("Type bob", "bob\r")];
    on_a_terminal(&ann, &rm, &dialogue, (0, "New generation: main."));
    assert_eq!(rights(&ann), ["ann: admin"]);
    // Not asked about somebody who was never there.
    ann.run(["member", "rm", "bop"]).fails(3, "bop is not in the team");
}

#[test]
fn nobody_but_an_admin_and_never_the_last_one() {
    let (ann, bob) = two();
    let (_, id) = newcomer();
    let hint = bob.run(["member", "add", "zed", &id, "--role", "read"]).fails(5, "only an admin");
    assert!(run_hint(&bob, &hint).ok().text().starts_with("ann\tadmin"));
    bob.run(["member", "role", "bob", "admin"]).fails(5, "only an admin");
    bob.run(["member", "rm", "ann", "--yes"]).fails(5, "only an admin");
    let last = ann.run(["member", "rm", "ann", "--yes"]).fails(2, "last admin");
    assert!(last.stderr.contains("vault member role NAME admin"), "{}", last.stderr);
    ann.run(["member", "role", "ann", "read"]).fails(2, "last admin");
    ann.run(["member", "role", "bob", "admin"]).ok();
    bob.run(["member", "rm", "ann", "--yes"]).ok();
    assert_eq!(rights(&bob), ["bob: admin"]);
}

#[test]
fn what_cannot_be_is_said_and_changes_nothing() {
    let (ann, bob) = two();
    let (_, id) = newcomer();
    let add = |name: &str, more: &[&str]| ann.run(["member", "add", name, &id].iter().chain(more));
    add("zed", &[]).fails(2, "--role read, write or admin");
    add("zed", &["--role", "owner"]).fails(2, "owner");
    add("zed", &["--path", "dev"]).fails(2, "--role");
    add("zed", &["--role", "read", "--path", ""]).fails(2, "names no folder");
    add("zed", &["--role", "read", "--path", "/dev"]).fails(2, "begin");
    add("bob", &["--role", "read"]).fails(2, "in the team already");
    add("recovery", &["--role", "read"]).fails(2, "not `recovery`");
    let of_bob = bob.run(["id", "show"]).ok().text();
    let taken = ["member", "add", "zed", of_bob.trim(), "--role", "read"];
    ann.run(taken).fails(6, "device of bob already");
    for not in ["", "vault-id1", "age1abc", &id[..id.len() - 1], &format!("{id}x")] {
        ann.run(["member", "add", "zed", not, "--role", "read"]).fails(2, "");
    }
    ann.run(["member", "role", "zed", "read"]).fails(3, "zed is not in the team");
    ann.run(["member"]).fails(2, "");
    ann.run(["member", "rm"]).fails(2, "");
    assert_eq!(rights(&ann).len(), 2);
    // A removed key never returns, under whatever name.
    ann.run(["member", "rm", "bob", "--yes"]).ok();
    ann.run(taken).fails(6, "a removed key never returns");
}

#[test]
fn names_that_drive_a_terminal_are_refused_and_escaped() {
    let ann = Home::with_vault();
    member(&ann, "bob", &["--role", "read"]);
    let (_, id) = newcomer();
    for odd in ["z\u{202e}d", "z\u{1b}[31md", "a b", "é", "a/b", "", &"x".repeat(65)] {
        let ran = ann.run(["member", "add", odd, &id, "--role", "read"]).fails(2, "not a name");
        is_clean(&ran);
        let not_in = "is not in the team";
        is_clean(&ann.run(["member", "rm", odd, "--yes"]).fails(3, not_in));
        is_clean(&ann.run(["member", "role", odd, "read"]).fails(3, not_in));
        let device = ["member", "rm", "bob", "--yes", "--device", odd];
        is_clean(&ann.run(device).fails(3, "bob has no device"));
    }
    for odd in ["a\u{202e}b", "a\u{1b}b"] {
        let folder = ["member", "role", "bob", "write", "--path", odd];
        is_clean(&ann.run(folder).fails(2, "control"));
        let id = format!("{id}{odd}");
        is_clean(&ann.run(["member", "add", "zed", &id, "--role", "read"]).fails(2, ""));
    }
}

#[test]
fn several_are_removed_by_one_note() {
    let (ann, bob) = two();
    let eve = member(&ann, "eve", &["--role", "write"]);
    ann.put("a", "1");
    ann.run(["member", "rm"]).fails(2, "NAME");
    ann.run(["member", "rm", "bob", "eve", "--device", "00", "--yes"]).fails(2, "one member");
    ann.run(["member", "rm", "bob", "none", "--yes"]).fails(3, "none is not in the team");
    let both = ["member", "rm", "bob", "eve"];
    on_a_terminal(&ann, &both, &[("Type bob eve to go on", "bob\r")], (2, "nothing was done"));
    let json = ann.run(both.iter().chain(&["--yes", "--json"])).ok().json();
    assert_eq!(
        (&json["note"], &json["unshown"], &json["unnamed"]),
        (&3.into(), &json!([]), &0.into())
    );
    assert_eq!(json["change_needed"][0]["why"], json!(["bob was removed", "eve was removed"]));
    for home in [&bob, &eve] {
        home.run(["put", "a", "user=x"]).fails(5, "");
    }
    ann.run(both.iter().chain(&["--yes"])).ok();
}

/// What was seen and is not there does not stop a removal; it is told, and stays what counts.
#[test]
fn a_removal_does_not_wait_for_what_is_hidden() {
    let (ann, bob) = two();
    ann.put("a", "1");
    ann.put("b", "1");
    bob.run(["get", "b"]).ok();
    let apart = ann.path().join("apart");
    let history = ann.vault_dir().join("h.d/b.d");
    std::fs::rename(&history, &apart).unwrap();
    let head = ann.vault_dir().join("s.d/b.o");
    let kept = std::fs::read(&head).unwrap();
    std::fs::remove_file(&head).unwrap();
    let ran = ann.run(["member", "rm", "bob", "--yes", "--json"]);
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert!(ran.stderr.contains("does not show version 1 of b"), "{}", ran.stderr);
    assert!(ran.stderr.contains("vault team restored"), "{}", ran.stderr);
    assert_eq!(ran.json()["unshown"], json!([{ "path": "b", "version": 1 }]));
    ann.run(["get", "b"]).fails(7, "");
    assert_eq!(ann.get("a"), "1");
    std::fs::rename(&apart, &history).unwrap();
    std::fs::write(&head, kept).unwrap();
    assert_eq!(ann.get("b"), "1");
    assert!(ann.run(["verify"]).ok().text().is_empty());
}
