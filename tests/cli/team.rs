use serde_json::json;

use super::home::Home;
use super::people::{is_clean, member, newcomer, on_a_terminal, two};

#[test]
fn the_log_says_who_did_what_the_newest_first() {
    let (ann, bob) = two();
    ann.run(["member", "role", "bob", "read"]).ok();
    let lines = bob.run(["team", "log"]).ok().lines();
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 4 && row[2] == "ann"), "{lines:?}");
    assert_eq!((rows[0][0], rows[0][3]), ("2", "bob may no longer write everything"));
    let last = rows.last().unwrap();
    assert_eq!(last[0], "0");
    assert!(lines.iter().any(|line| line.ends_with("bob joined")), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("the vault was made")), "{lines:?}");

    let json = bob.run(["team", "log", "--json"]).ok().json();
    let seqs: Vec<u64> =
        json.as_array().unwrap().iter().map(|note| note["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [2, 1, 0]);
    assert_eq!((&json[0]["author"], json[0]["hash"].as_str().unwrap().len()), (&json!("ann"), 64));
    assert_eq!(json[0]["changes"][0]["op"], "role");
    assert_eq!(json[2]["changes"][0], json!({ "op": "genesis", "text": "the vault was made" }));
    assert!(json[0]["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn names_of_members_who_left_stay_in_the_log() {
    let (ann, bob) = two();
    ann.run(["member", "role", "bob", "admin"]).ok();
    let (_, id) = newcomer();
    bob.run(["member", "add", "eve", &id, "--role", "read"]).ok();
    ann.run(["member", "rm", "bob", "--yes"]).ok();
    let log = ann.run(["team", "log", "--json"]).ok().json();
    assert_eq!((&log[0]["author"], &log[1]["author"]), (&json!("ann"), &json!("bob")));
    assert_eq!(log[0]["changes"][0]["text"], "bob was removed");
}

#[test]
fn a_note_that_is_gone_or_changed_is_an_integrity_error() {
    let (ann, _bob) = two();
    let note = ann.vault_dir().join(".vault.d/team.d/0000000000000000.o");
    let good = std::fs::read(&note).unwrap();
    let mut bytes = good.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&note, bytes).unwrap();
    ann.run(["team", "log"]).fails(7, "note 0");
    std::fs::remove_file(&note).unwrap();
    ann.run(["team", "log"]).fails(7, "note 0");
    std::fs::write(&note, good).unwrap();
    ann.run(["team", "log"]).ok();
}

#[test]
fn nothing_is_restored_where_nothing_is_gone() {
    let (ann, bob) = two();
    for home in [&ann, &bob] {
        let ran = home.run(["team", "restored"]).ok();
        assert!(ran.stderr.contains("Nothing that this device has seen is gone."));
        let json = home.run(["team", "restored", "--dry-run", "--json"]).ok().json();
        assert_eq!((&json["notes"], &json["versions"]), (&json!(0), &json!([])));
        assert_eq!((&json["settled"], &json["undone"]), (&json!(false), &json!([])));
    }
    ann.run(["team"]).fails(2, "");
    ann.run(["team", "lag"]).fails(2, "log");
    is_clean(&ann.run(["team", "\u{1b}[2J\u{202e}"]).fails(2, ""));
    Home::new().run(["team", "log"]).fails(3, "no vault is configured");
}

/// Puts the storage back to a copy of it.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let _ = std::fs::remove_dir_all(to);
    let done = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}

#[test]
fn restored_from_a_backup_is_shown_asked_and_agreed_to_once_each() {
    let (ann, bob) = two();
    ann.put("a", "1");
    bob.put("b", "1");
    let backup = ann.path().join("backup");
    copy(&ann.vault_dir(), &backup);
    let (_, id) = newcomer();
    ann.run(["member", "add", "eve", &id, "--role", "read"]).ok();
    ann.put("a", "2");
    ann.put("c", "1");
    bob.run(["get", "a"]).ok();
    copy(&backup, &ann.vault_dir());

    ann.run(["get", "a"]).fails(7, "");
    let dry = ann.run(["team", "restored", "--dry-run"]).ok();
    assert_eq!(dry.text(), "a\t2\t1\nc\t1\t0\n");
    assert!(dry.stderr.contains("Gone after note 1 of the team: 1 note."), "{}", dry.stderr);
    assert!(dry.stderr.contains("eve had joined: add them again"), "{}", dry.stderr);
    let json = ann.run(["team", "restored", "--dry-run", "--json"]).ok().json();
    assert_eq!(
        (&json["kept"], &json["notes"], &json["unnamed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let lost = |path: &str, seen, stored| json!({ "path": path, "seen": seen, "stored": stored });
    assert_eq!(json["versions"], json!([lost("a", 2, 1), lost("c", 1, 0)]));
    ann.run(["get", "a"]).fails(7, "");

    let ran = ann.run(["team", "restored"]);
    assert!(ran.code == 2 && ran.stderr.contains("--yes answers it"), "{}", ran.stderr);
    let ran = bob.run(["team", "restored", "--yes"]);
    assert!(ran.code == 5 && ran.stderr.contains("an admin says first"), "{}", ran.stderr);
    let ask = ["team", "restored"];
    on_a_terminal(&ann, &ask, &[("Type restored", "no\r")], (2, "nothing was done"));
    on_a_terminal(&ann, &ask, &[("Type restored", "restored\r")], (0, "Done."));
    assert_eq!(ann.get("a"), "1");
    let ran = bob.run(["team", "restored", "--yes"]).ok();
    assert!(ran.stderr.contains("An admin says that the bucket came back"), "{}", ran.stderr);
    assert_eq!(bob.get("a"), "1");
    ann.put("a", "3");
    assert_eq!(bob.get("a"), "3");
    assert!(ann.run(["verify"]).ok().text().is_empty());
}

/// Eve joined after the backup was made, as an admin, and removed ann.
#[test]
fn who_joined_later_follows_or_begins_with_the_recovery_words() {
    let (ann, _bob) = two();
    ann.put("a", "1");
    let backup = ann.path().join("backup");
    copy(&ann.vault_dir(), &backup);
    let eve = member(&ann, "eve", &["--role", "admin"]);
    assert_eq!(eve.get("a"), "1");
    let dan = member(&ann, "dan", &["--role", "read"]);
    assert_eq!(dan.get("a"), "1");
    eve.run(["member", "rm", "ann", "--yes"]).ok();
    let join = eve.run(["team", "pin"]).ok().text();
    copy(&backup, &ann.vault_dir());

    dan.run(["get", "none"]).fails(7, "");
    let ran = dan.run(["join", join.trim()]).fails(7, "");
    assert!(ran.stderr.contains("vault team restored"), "{}", ran.stderr);
    dan.run(["team", "restored", "--yes"]).fails(5, "an admin says first");
    let ran = eve.run(["team", "restored", "--yes"]);
    assert!(ran.code == 5 && ran.stderr.contains("--recover"), "{}", ran.stderr);
    let words = eve.path().join("words");
    std::fs::copy(ann.path().join("recovery.txt"), &words).unwrap();
    eve.run(["team", "restored", "--words-file", "words"]).fails(2, "--recover");
    let go = ["team", "restored", "--yes", "--recover", "--words-file", "words"];
    eve.run(go.iter().chain(&["--member", "eve"])).ok();
    assert_eq!(eve.get("a"), "1");
    let names = eve.run(["member", "ls"]).ok();
    assert_eq!(names.lines().len(), 2, "ann is removed again: {}", names.text());
    // Dan follows, and opens the vault again as soon as he was added again.
    let ran = dan.run(["team", "restored", "--yes"]).ok();
    assert!(ran.stderr.contains("an admin has to add you again"), "{}", ran.stderr);
    let id = dan.run(["id", "show"]).ok().text();
    eve.run(["member", "add", "dan", id.trim(), "--role", "read"]).ok();
    assert_eq!(dan.get("a"), "1");
    assert!(dan.run(["verify"]).ok().text().is_empty());
}
