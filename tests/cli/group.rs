use serde_json::json;

use super::home::Home;
use super::people::{is_clean, run_hint, two};

/// Name, generation and folders of every group.
fn groups(home: &Home) -> Vec<(String, u64, Vec<String>)> {
    let json = home.run(["group", "ls", "--json"]).ok().json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let group = |group: &serde_json::Value| {
        let paths = group["paths"].as_array().unwrap().iter().map(text).collect();
        (text(&group["name"]), group["generation"].as_u64().unwrap(), paths)
    };
    json.as_array().unwrap().iter().map(group).collect()
}

fn group(name: &str, generation: u64, paths: &[&str]) -> (String, u64, Vec<String>) {
    (name.to_owned(), generation, paths.iter().map(|p| (*p).to_owned()).collect())
}

#[test]
fn a_folder_gets_keys_of_its_own_at_once() {
    let (ann, _bob) = two();
    ann.put("prod/pay/card", "1");
    ann.put("prod/web", "1");
    let ran = ann.run(["group", "add", "pay", "--path", "prod/pay", "--reader", "bob"]).ok();
    let now = "prod/pay/ is of pay now; read by ann, bob.";
    assert!(ran.stderr.contains(now), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 value sealed anew"), "{}", ran.stderr);
    let json = ann.run(["group", "ls", "--json"]).ok().json();
    assert_eq!((&json[0]["name"], &json[0]["paths"]), (&json!("main"), &json!([""])));
    assert_eq!((&json[1]["name"], &json[1]["readers"]), (&json!("pay"), &json!(["ann", "bob"])));
    assert_eq!(json[0]["wrap"], json[1]["wrap"], "as main, unless it is said");
    let lines = ann.run(["group", "ls"]).ok().lines();
    assert!(lines[1].starts_with("pay\t1\t") && lines[1].ends_with("\tprod/pay/\tann,bob"));
    assert!(lines[0].contains("\t(all else)\t"), "{lines:?}");
    assert_eq!(ann.get("prod/pay/card"), "1");
}

#[test]
fn who_does_not_read_it_any_more_is_told_of() {
    let (ann, bob) = two();
    ann.put("pay/card", "1");
    let ran = ann.run(["group", "add", "pay", "--path", "pay", "--json"]).ok();
    let json = ran.json();
    assert_eq!((&json["groups"], &json["resealed"]), (&json!(["pay"]), &json!(1)));
    assert_eq!(json["change_needed"][0]["path"], "pay/card");
    assert_eq!(json["change_needed"][0]["why"], json!(["folders moved to pay"]));
    bob.run_with(["put", "pay/card"], b"2").fails(5, "may not write");
    // Done already: nothing happens, and nothing is hidden.
    let again = ann.run(["group", "add", "pay", "--path", "pay", "--json"]).ok().json();
    assert_eq!((&again["note"], &again["current"]), (&json!(null), &json!(1)));
    assert_eq!(again["change_needed"], json["change_needed"]);
}

#[test]
fn folders_move_and_a_group_is_retired() {
    let ann = Home::with_vault();
    ann.put("dev/a", "1");
    ann.run(["group", "add", "one", "--path", "dev", "--path", "prod"]).ok();
    ann.run(["group", "add", "two", "--path", "dev"]).ok();
    let all = [group("main", 1, &[""]), group("one", 1, &["prod"]), group("two", 1, &["dev"])];
    assert_eq!(groups(&ann), all);
    ann.run(["group", "set", "one", "--path", "prod", "--path", "dev/x"]).ok();
    assert_eq!(groups(&ann)[1], group("one", 2, &["dev/x", "prod"]));
    let ran = ann.run(["group", "set", "two", "--no-path"]).ok();
    assert!(ran.stderr.contains("dev/ is of main now"), "{}", ran.stderr);
    assert_eq!(groups(&ann)[2].2, [] as [&str; 0]);
    assert_eq!(ann.get("dev/a"), "1");
    let same = ann.run(["group", "set", "one", "--path", "dev/x", "--path", "prod"]).ok();
    assert!(same.stderr.contains("Nothing to change"), "{}", same.stderr);
    ann.run(["group", "add", "two", "--path", "dev"]).fails(6, "names are never used again");
}

#[test]
fn what_cannot_be_is_said_and_changes_nothing() {
    let (ann, bob) = two();
    let before = groups(&ann);
    ann.run(["group", "add", "pay"]).fails(2, "--path");
    ann.run(["group", "add", "pay", "--path", ""]).fails(2, "what no other group does");
    ann.run(["group", "add", "pay", "--path", "/x"]).fails(2, "begin");
    ann.run(["group", "add", "main", "--path", "x"]).fails(6, "there is a group main");
    ann.run(["group", "add", "pay", "--path", "x", "--reader", "zed"]).fails(3, "zed is not in");
    ann.run(["group", "add", "pay", "--path", "x", "--kms", "k", "--local"]).fails(2, "--local");
    let unknown = ann.run(["group", "set", "pay", "--path", "x"]).fails(3, "no group pay");
    assert!(run_hint(&ann, &unknown).ok().text().starts_with("main\t1\t"));
    ann.run(["group", "set", "main", "--path", "x", "--no-path"]).fails(2, "--no-path");
    ann.run(["group", "set", "main", "--no-path"]).fails(2, "");
    ann.run(["group", "add", "pay", "--path", "x", "--late", "maybe"]).fails(2, "maybe");
    bob.run(["group", "add", "pay", "--path", "x"]).fails(5, "only an admin");
    bob.run(["group", "set", "main", "--path", "x"]).fails(5, "only an admin");
    assert_eq!(groups(&ann), before);
}

#[test]
fn odd_names_are_refused_and_escaped() {
    let ann = Home::with_vault();
    for odd in ["p\u{202e}y", "p\u{1b}[2J", "Pay", "a b", "", "-", &"x".repeat(33)] {
        let ran = ann.run(["group", "add", "--path", "x", "--", odd]).fails(2, "not a name");
        is_clean(&ran);
        is_clean(&ann.run(["group", "set", "--path", "x", "--", odd]).fails(3, "no group"));
        let reader = ["group", "add", "pay", "--path", "x", "--reader", odd];
        if odd != "-" {
            is_clean(&ann.run(reader).fails(3, "is not in the team"));
        }
    }
    is_clean(&ann.run(["group", "add", "pay", "--path", "a\u{202e}"]).fails(2, "control"));
    assert_eq!(groups(&ann).len(), 1);
}
