use serde_json::json;

use super::home::Home;
use super::people::{is_clean, member, on_a_terminal, run_hint, two};

#[test]
fn a_new_generation_takes_hold_with_the_next_write_or_at_once() {
    let ann = Home::with_vault();
    ann.put("a", "1");
    ann.put("b", "1");
    let ran = ann.run(["rotate"]).ok();
    assert!(ran.text().is_empty(), "nobody lost anything: {}", ran.text());
    assert!(ran.stderr.contains("New generation: main."), "{}", ran.stderr);
    assert!(ran.stderr.contains("at once with --reseal"), "{}", ran.stderr);
    ann.put("a", "2");
    let json = ann.run(["rotate", "--resume", "--json"]).ok().json();
    assert_eq!((&json["note"], &json["groups"]), (&json!(null), &json!([])));
    assert_eq!((&json["resealed"], &json["current"]), (&json!(1), &json!(1)));
    let json = ann.run(["rotate", "main", "--reseal", "--json"]).ok().json();
    assert_eq!((&json["note"], &json["groups"]), (&json!(2), &json!(["main"])));
    assert_eq!((&json["resealed"], &json["late"]), (&json!(2), &json!([])));
    assert_eq!((&json["written_meanwhile"], &json["failed"]), (&json!([]), &json!([])));
    let group = ann.run(["group", "ls", "--json"]).ok().json();
    assert_eq!(group[0]["generation"], 3);
    assert_eq!((ann.get("a"), ann.get("b"), ann.get("b@1")), ("2".into(), "1".into(), "1".into()));
}

#[test]
fn one_group_or_all_of_them() {
    let ann = Home::with_vault();
    ann.put("pay/a", "1");
    ann.put("b", "1");
    ann.run(["group", "add", "pay", "--path", "pay"]).ok();
    let json = ann.run(["rotate", "pay", "--reseal", "--json"]).ok().json();
    assert_eq!((&json["groups"], &json["resealed"]), (&json!(["pay"]), &json!(1)));
    assert_eq!(json["current"], 0, "of that group alone");
    let json = ann.run(["rotate", "--json"]).ok().json();
    assert_eq!((&json["groups"], &json["resealed"]), (&json!(["main", "pay"]), &json!(null)));
    let unknown = ann.run(["rotate", "none"]).fails(3, "there is no group none");
    assert_eq!(run_hint(&ann, &unknown).ok().lines().len(), 2);
    ann.run(["rotate", "none", "--resume"]).fails(3, "there is no group none");
    for odd in ["p\u{202e}y", "p\u{1b}[2J", ""] {
        is_clean(&ann.run(["rotate", odd]).fails(3, "there is no group"));
    }
    assert_eq!(ann.run(["group", "ls", "--json"]).ok().json()[0]["generation"], 2);
}

#[test]
fn who_may_not_write_seals_nothing_anew() {
    let (ann, bob) = two();
    let eve = member(&ann, "eve", &["--role", "read"]);
    ann.put("a", "1");
    bob.run(["rotate"]).fails(5, "only an admin");
    eve.run(["rotate", "main", "--reseal"]).fails(5, "only an admin");
    ann.run(["rotate"]).ok();
    let json = eve.run(["rotate", "--resume", "--json"]).ok().json();
    assert_eq!((&json["resealed"], &json["skipped"]), (&json!(0), &json!(1)));
    let ran = bob.run(["rotate", "--resume"]).ok();
    assert!(ran.stderr.contains("1 value sealed anew, 0 were already."), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_undone_is_asked() {
    let ann = Home::with_vault();
    ann.put("a", "1");
    ann.put("a", "2");
    ann.put("gone", "1");
    ann.run(["rm", "gone"]).ok();
    let purge = ["rotate", "--purge-history"];
    ann.run(purge).fails(2, "--yes answers it");
    ann.run(["rotate", "--purge-history", "--no-input"]).fails(2, "--yes answers it");
    let question = "Type purge-history to go on";
    on_a_terminal(&ann, &purge, &[(question, "yes\r")], (2, "nothing was done"));
    assert_eq!(ann.run(["group", "ls", "--json"]).ok().json()[0]["generation"], 1);
    let done = (0, "New generation: main.");
    on_a_terminal(&ann, &purge, &[(question, "purge-history\r")], done);
    assert_eq!(ann.get("a"), "2");
    ann.run(["get", "a@1"]).fails(3, "purged");
    ann.run(["undelete", "gone"]).fails(3, "");
    // Once more, without a new generation: all is done.
    let json = ann.run(["rotate", "--resume", "--purge-history", "--yes", "--json"]).ok().json();
    assert_eq!((&json["resealed"], &json["current"]), (&json!(0), &json!(2)));
}

#[test]
fn what_could_not_be_sealed_is_told_and_the_rest_is_done() {
    let ann = Home::with_vault();
    for path in ["a", "b", "c"] {
        ann.put(path, "1");
    }
    let spoiled = ["s.d/b.o", "h.d/b.d/.vault.d/0000000000000001.o"].map(|file| {
        let file = ann.vault_dir().join(file);
        let good = std::fs::read(&file).unwrap();
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
        (file, good)
    });
    let ran = ann.run(["rotate", "--reseal", "--json"]);
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    let json = ran.json();
    assert_eq!((&json["resealed"], &json["groups"]), (&json!(2), &json!(["main"])));
    let failed = &json["failed"];
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["path"]), (1, &json!("b")));
    assert_eq!(failed[0]["kind"], "integrity");
    let error = ran.stderr.lines().last().unwrap();
    let error: serde_json::Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["kind"], "partial");
    assert!(error["error"]["hint"].as_str().unwrap().contains("run the same command again"));
    for (file, good) in spoiled {
        std::fs::write(file, good).unwrap();
    }
    let json = ann.run(["rotate", "--resume", "--json"]).ok().json();
    assert_eq!((&json["resealed"], &json["current"]), (&json!(1), &json!(2)));
}

#[test]
fn mistakes_on_the_command_line_open_nothing() {
    let ann = Home::with_vault();
    ann.run(["rotate", "main", "pay"]).fails(2, "");
    ann.run(["rotate", "--late"]).fails(2, "--late");
    ann.run(["rotate", "--late", "keep"]).fails(2, "keep");
    let json = ann.run(["group", "ls", "--json"]).ok().json();
    assert_eq!(json[0]["generation"], 1);
}
