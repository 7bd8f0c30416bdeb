use std::os::unix::fs::PermissionsExt;

use super::home::Home;

#[test]
fn the_field_is_value_or_the_only_one() {
    let home = Home::with_vault();
    home.run_with(["put", "one", "password=-"], b"pw").ok();
    assert_eq!(home.get("one"), "pw");
    home.run_with(["put", "two", "password=-", "user=ann"], b"pw").ok();
    home.run(["get", "two"]).fails(2, "password, user");
    assert_eq!(home.run(["get", "two", "user"]).ok().text(), "ann");
    home.run(["get", "two", "usr"]).fails(3, "it has: password, user");
    home.run_with(["put", "two", "value=-"], b"v").ok();
    assert_eq!(home.get("two"), "v");
    home.run_with(["put", "raw", "--raw"], b"r").ok();
    home.run(["get", "raw", "value"]).fails(3, "raw bytes");
}

#[test]
fn versions_can_be_named() {
    let home = Home::with_vault();
    for value in ["1", "2", "3"] {
        home.put("a", value);
    }
    assert_eq!(home.get("a@2"), "2");
    assert_eq!(home.get("a"), "3");
    home.run(["get", "a@4"]).fails(3, "no version 4");
    home.run(["get", "a@0"]).fails(2, "not a version");
    home.run(["get", "b@1"]).fails(3, "no secret b");
    home.run(["rm", "a"]).ok();
    assert_eq!(home.get("a@3"), "3");
    home.run(["get", "a@4"]).fails(3, "tombstone");
}

#[test]
fn a_missing_name_suggests_near_ones() {
    let home = Home::with_vault();
    home.put("prod/db/password", "x");
    home.run(["get", "prod/db/pasword"]).fails(3, "did you mean prod/db/password?");
    home.run(["get", "quite/else"]).fails(3, "vault ls");
    home.run(["get", "prod/db"]).fails(3, "prod/db is a folder: `vault ls prod/db` lists it");
}

#[test]
fn a_file_is_private_and_replaced_whole() {
    let home = Home::with_vault();
    home.put("a", "value");
    let file = home.path().join("out");
    std::fs::write(&file, "a much longer text than before").unwrap();
    assert!(home.run(["get", "a", "-o", "out"]).ok().text().is_empty());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "value");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    home.run(["get", "a", "-o", "no/such/dir/out"]).fails(1, "cannot write");
    let left = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".vault-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn json_has_the_value_or_its_base64() {
    let home = Home::with_vault();
    home.put("a", "v\"ü");
    let json = home.run(["get", "a", "--json"]).ok().json();
    assert_eq!(
        json,
        serde_json::json!({
            "path": "a", "version": 1, "fields": [{ "name": "value", "type": "secret", "value": "v\"ü" }]
        })
    );
    home.run_with(["put", "b", "--raw"], &[0xff]).ok();
    assert_eq!(home.run(["get", "b", "--json"]).ok().json()["b64"], "/w==");
    assert_eq!(home.run(["get", "a", "value", "--json"]).ok().json()["value"], "v\"ü");
}

#[test]
fn what_was_tampered_with_is_refused() {
    let home = Home::with_vault();
    home.put("a", "one");
    home.put("b", "two");
    let file = |name: &str| home.vault_dir().join("s.d").join(name);
    let (a, b) = (std::fs::read(file("a.o")).unwrap(), std::fs::read(file("b.o")).unwrap());
    let mut flipped = a.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(file("a.o"), &flipped).unwrap();
    // The head is a cache: what it should be is in the history.
    assert_eq!(home.run(["get", "a"]).ok().text(), "one");
    let entry = home.vault_dir().join("h.d/a.d/.vault.d/0000000000000001.o");
    let good = std::fs::read(&entry).unwrap();
    std::fs::write(&entry, flipped).unwrap();
    home.run(["get", "a"]).fails(7, "not the one that was signed");
    std::fs::write(&entry, good).unwrap();
    // A foreign head is no head: the history still has the value.
    std::fs::write(file("a.o"), &b).unwrap();
    let ran = home.run(["get", "a"]).ok();
    assert_eq!(ran.text(), "one");
    assert!(ran.stderr.contains("warning"), "{}", ran.stderr);
    home.run(["verify", "--repair"]).ok();
    assert_eq!(std::fs::read(file("a.o")).unwrap()[100..], a[100..]);
}

#[test]
fn an_older_state_is_noticed() {
    let home = Home::with_vault();
    home.put("a", "old");
    let copy = home.path().join("backup");
    let cp = |from: &std::path::Path, to: &std::path::Path| {
        assert!(
            std::process::Command::new("cp")
                .arg("-a")
                .arg(from)
                .arg(to)
                .status()
                .unwrap()
                .success()
        );
    };
    cp(&home.vault_dir(), &copy);
    home.put("a", "new");
    std::fs::remove_dir_all(home.vault_dir()).unwrap();
    cp(&copy, &home.vault_dir());
    home.run(["get", "a"]).fails(7, "rolled back");
    home.run_with(["put", "a"], b"x").fails(7, "rolled back");
    std::fs::remove_dir_all(home.vault_dir().join("s.d")).unwrap();
    std::fs::remove_dir_all(home.vault_dir().join("h.d")).unwrap();
    home.run(["get", "a"]).fails(7, "without a tombstone");
}

#[test]
fn a_link_is_written_through_and_stays_a_link() {
    let home = Home::with_vault();
    home.put("a", "value");
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.path().join("target"), &link).unwrap();
    home.run(["get", "a", "-o", "link"]).ok();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let target = home.path().join("target");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "value");
    // One that others could read is no longer.
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o666)).unwrap();
    home.run(["get", "a", "-o", "link"]).ok();
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/proc/self/fd/1", &link).unwrap();
    assert_eq!(home.run(["get", "a", "-o", "link"]).ok().text(), "value");
    assert!(link.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn the_value_is_written_to_standard_output_alone() {
    let home = Home::with_vault();
    home.put("prod/db", "s3cret-value");
    let (ran, text) = super::home::traced(&home.command(["get", "prod/db"]));
    assert_eq!(ran.ok().text(), "s3cret-value");
    let hits: Vec<&str> = text.lines().filter(|line| line.contains("s3cret")).collect();
    assert!(hits.len() == 1 && hits[0].contains("write(1<pipe:"), "{hits:?}");
}
