use serde_json::json;

use super::home::Home;
use super::people::{is_clean, two};

#[test]
fn nobody_left_nothing_to_change() {
    let home = Home::with_vault();
    home.put("a", "1");
    let ran = home.run(["exposure"]).ok();
    assert!(ran.text().is_empty());
    assert!(ran.stderr.contains("No value has to be changed."), "{}", ran.stderr);
    let ran = home.run(["exposure", "--json"]).ok();
    assert_eq!((ran.json(), ran.stderr.as_str()), (json!([]), ""));
}

#[test]
fn a_new_value_clears_it_and_nothing_else_does() {
    let (ann, _bob) = two();
    for path in ["dev/a", "dev/b", "prod/a"] {
        ann.put(path, "1");
    }
    ann.run(["member", "rm", "bob", "--yes", "--reseal"]).ok();
    ann.put("prod/new", "1");
    let names = |args: &[&str]| -> Vec<String> {
        let first = |line: &String| line.split('\t').next().unwrap().to_owned();
        ann.run(args).ok().lines().iter().map(first).collect()
    };
    assert_eq!(names(&["exposure"]), ["dev/a", "dev/b", "prod/a"]);
    assert_eq!(names(&["exposure", "prod"]), ["prod/a"]);
    assert_eq!(names(&["exposure", "prod/"]), ["prod/a"]);
    assert!(names(&["exposure", "none"]).is_empty());
    let json = ann.run(["exposure", "prod", "--json"]).ok().json();
    let only = json!([{ "path": "prod/a", "version": 2, "group": "main", "note": 2,
        "why": ["bob was removed"] }]);
    assert_eq!(json, only);
    let marked = |path: &str| ann.run(["ls", path, "-l", "--json"]).ok().json()[0].clone();
    assert_eq!(marked("prod")["change_needed"], true);
    ann.run(["mv", "prod/a", "prod/moved"]).ok();
    assert_eq!(names(&["exposure", "prod"]), ["prod/moved"]);
    ann.run(["rotate", "--reseal"]).ok();
    assert_eq!(names(&["exposure", "prod"]), ["prod/moved"]);
    ann.put("prod/moved", "2");
    assert!(names(&["exposure", "prod"]).is_empty());
    assert_eq!(marked("prod")["change_needed"], false);
    // An old value is as well known as it was.
    ann.run(["rollback", "prod/moved@1"]).ok();
    assert_eq!(names(&["exposure", "prod"]), ["prod/moved"]);
    ann.run(["rm", "prod/moved"]).ok();
    assert!(names(&["exposure", "prod"]).is_empty());
}

#[test]
fn one_changed_field_of_two_is_not_enough() {
    let (ann, _bob) = two();
    std::fs::write(ann.path().join("pin"), "1").unwrap();
    ann.run_with(["put", "db", "user=app", "value=-", "pin=@pin"], b"1").ok();
    ann.run(["member", "rm", "bob", "--yes"]).ok();
    ann.run_with(["put", "db", "value=-"], b"2").ok();
    assert_eq!(ann.run(["exposure"]).ok().lines().len(), 1);
    ann.run_with(["put", "db", "pin=-"], b"2").ok();
    assert!(ann.run(["exposure"]).ok().text().is_empty());
}

#[test]
fn mistakes_are_said() {
    let home = Home::with_vault();
    home.run(["exposure", "/a"]).fails(2, "begin");
    home.run(["exposure", "a", "b"]).fails(2, "");
    is_clean(&home.run(["exposure", "a\u{202e}b"]).fails(2, "control"));
    is_clean(&home.run(["exposure", "a\u{1b}[2J"]).fails(2, "control"));
    Home::new().run(["exposure"]).fails(3, "no vault is configured");
}
