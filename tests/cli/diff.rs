use serde_json::json;

use super::home::Home;

/// Version 1: user and password; 2: another password; 3: one more field.
fn with_versions() -> Home {
    let home = Home::with_vault();
    home.run_with(["put", "db", "user=ann", "password=-"], b"s3cret-one").ok();
    home.run_with(["put", "db", "password=-"], b"s3cret-two\nline").ok();
    home.run_with(["put", "db", "pin=-", "user[secret]=@name"], b"1234").fails(2, "cannot read");
    std::fs::write(home.path().join("name"), "ann").unwrap();
    home.run_with(["put", "db", "pin=-", "user[secret]=@name"], b"1234").ok();
    home
}

#[test]
fn fields_without_values() {
    let home = with_versions();
    let lines = |args: &[&str]| home.run([&["diff", "db"], args].concat()).ok().text();
    assert_eq!(lines(&[]), "changed\tuser\ttext is secret now\nadded\tpin\n");
    let from_1 = "changed\tuser\ttext is secret now\nchanged\tpassword\nadded\tpin\n";
    for args in [&["@1"][..], &["1"], &["@1", "@3"]] {
        assert_eq!(lines(args), from_1, "{args:?}");
    }
    assert_eq!(home.run(["diff", "db@1"]).ok().text(), from_1);
    assert_eq!(lines(&["@1", "@2"]), "changed\tpassword\n");
    assert_eq!(lines(&["@3", "@2"]), "changed\tuser\tsecret is text now\nremoved\tpin\n");
    assert_eq!(lines(&["@2", "@2"]), "");
    for args in [&[][..], &["@1"]] {
        assert!(!lines(args).contains("s3cret"));
    }
}

#[test]
fn values_if_they_are_asked_for() {
    let home = with_versions();
    let text = home.run(["diff", "db", "@1", "@2", "--show"]).ok().text();
    assert_eq!(text, "changed\tpassword\n  - s3cret-one\n  + s3cret-two\\nline\n");
    let json = home.run(["diff", "db", "@1", "@2", "--json"]).ok().json();
    let secret = json!({ "type": "secret" });
    assert_eq!(
        json,
        json!({ "path": "db", "from": 1, "to": 2, "fields": [
            { "name": "password", "what": "changed", "old": secret, "new": secret },
        ] })
    );
    let json = home.run(["diff", "db", "@2", "@3", "--show", "--json"]).ok().json();
    assert_eq!(
        json["fields"][1],
        json!({ "name": "pin", "what": "added", "new": { "type": "secret", "value": "1234" } })
    );
}

#[test]
fn raw_bytes_and_fields() {
    let home = Home::with_vault();
    home.run_with(["put", "key", "--raw"], &[0xff, 1]).ok();
    home.run_with(["put", "key", "--raw"], &[0xff, 2]).ok();
    home.run_with(["put", "key"], b"text").ok();
    let text = home.run(["diff", "key", "@1", "@2", "--show"]).ok().text();
    assert_eq!(text, "changed\t(raw bytes)\n  - (2 bytes)\n  + (2 bytes)\n");
    assert_eq!(home.run(["diff", "key"]).ok().text(), "removed\t(raw bytes)\nadded\tvalue\n");
    let json = home.run(["diff", "key", "@1", "@2", "--show", "--json"]).ok().json();
    assert_eq!(json["fields"][0]["new"], json!({ "type": "raw", "b64": "/wI=" }));
    assert_eq!(json["fields"][0]["name"], json!(null));
}

#[test]
fn the_exit_code_tells_if_it_is_asked_to() {
    let home = with_versions();
    assert_eq!(home.run(["diff", "db", "--exit-code"]).code, 1);
    home.run(["diff", "db", "@2", "@2", "--exit-code"]).ok();
}

#[test]
fn versions_that_are_not_there() {
    let home = with_versions();
    home.put("one", "x");
    home.run(["diff", "one"]).fails(3, "one has only one version");
    home.run(["diff", "none"]).fails(3, "none");
    home.run(["diff", "db", "@9"]).fails(3, "no version 9");
    for bad in ["@0", "@x", "x", "@", "@+1", "+1"] {
        home.run(["diff", "db", bad]).fails(2, "not a version");
    }
    home.run(["diff", "db@1", "@2", "@3"]).fails(2, "not more");
    home.run(["rm", "db"]).ok();
    home.run(["diff", "db"]).fails(3, "deleted");
    assert_eq!(home.run(["diff", "db", "@1", "@2"]).ok().text(), "changed\tpassword\n");
    // The tombstone in between is no version to compare with.
    home.run(["undelete", "db"]).ok();
    assert!(home.run(["diff", "db"]).ok().text().is_empty());
}
