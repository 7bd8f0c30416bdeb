use serde_json::json;

use super::home::Home;

fn with_values() -> Home {
    let home = Home::with_vault();
    home.put("prod/pg-password", "s3cret one");
    home.put("prod/api", "uses db.internal here");
    home.run_with(["put", "dev/api", "url=https://db.internal/x", "token=-"], b"s3cret").ok();
    home.run_with(["put", "dev/key", "--raw"], b"\xff s3cret").ok();
    home
}

#[test]
fn names_as_the_ui_finds_them() {
    let home = with_values();
    let lines = |args: &[&str]| home.run([&["find"], args].concat()).ok().lines();
    assert_eq!(lines(&["pgpass"]), ["prod/pg-password"]);
    assert_eq!(lines(&["api"]), ["dev/api", "prod/api"]);
    assert_eq!(lines(&["api prod"]), ["prod/api"]);
    assert_eq!(lines(&["api", "--prefix", "prod"]), ["prod/api"]);
    // The best first, not in the order of names.
    home.put("a/p/i/key", "x");
    assert_eq!(lines(&["api"]).last().unwrap(), "a/p/i/key");
    let json = home.run(["find", "pgpass", "--json"]).ok().json();
    assert_eq!(json, json!([{ "path": "prod/pg-password" }]));
    home.run(["find", "PGPASS"]).fails(3, "nothing found");
    home.run(["find", "zzz"]).fails(3, "nothing found");
    home.run(["find"]).fails(2, "what to look for is missing");
    home.run(["find", ""]).fails(2, "an empty text");
}

#[test]
fn places_of_a_value_and_never_the_value() {
    let home = with_values();
    let ran = home.run(["find", "--value", "db.internal"]).ok();
    assert_eq!(ran.text(), "dev/api\turl\nprod/api\tvalue\n");
    let ran = home.run_with(["find", "--value"], b"s3cret\n").ok();
    assert_eq!(ran.text(), "dev/api\ttoken\ndev/key\t\nprod/pg-password\tvalue\n");
    let ran = home.run_with(["find", "--value", "--prefix", "dev", "--json"], b"s3cret").ok();
    assert_eq!(
        ran.json(),
        json!([{ "path": "dev/api", "field": "token" }, { "path": "dev/key", "field": null }])
    );
    home.run_with(["find", "--value"], b"S3CRET").fails(3, "nothing found");
    home.run_with(["find", "--value"], b"dev/api").fails(3, "nothing found");
    home.run_with(["find", "--value"], b"\n").fails(2, "an empty text");
}

/// What cannot be read does not hide what is found, and is told.
#[test]
fn what_was_not_searched_is_listed() {
    let home = with_values();
    for object in ["s.d/prod.d/api.o", "h.d/prod.d/api.d/.vault.d/0000000000000001.o"] {
        let file = home.vault_dir().join(object);
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    let ran = home.run(["find", "--value", "db.internal"]);
    assert_eq!((ran.code, ran.text().as_str()), (9, "dev/api\turl\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("prod/api") && ran.stderr.contains("were not searched"));
}
