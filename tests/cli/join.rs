use super::home::Home;

/// A second home with the first one's identity.
fn second(first: &Home) -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.identity().parent().unwrap()).unwrap();
    std::fs::copy(first.identity(), home.identity()).unwrap();
    home
}

fn join_string(home: &Home) -> String {
    home.run(["vaults", "--json"]).ok().json()[0]["join"].as_str().unwrap().to_owned()
}

#[test]
fn opens_the_vault_in_another_home() {
    let first = Home::with_vault();
    first.put("a", "1");
    let other = second(&first);
    let ran = other.run(["join", &join_string(&first)]).ok();
    assert!(ran.stderr.contains("Compare these words"), "{}", ran.stderr);
    assert!(ran.text().is_empty());
    assert_eq!(other.get("a"), "1");
    other.put("a", "2");
    assert_eq!(first.get("a"), "2");
    other.run(["join", &join_string(&first)]).ok();
}

#[test]
fn the_pin_alone_is_enough() {
    let first = Home::with_vault();
    first.put("a", "1");
    let other = second(&first);
    let mut command = other.command(["get", "a"]);
    command.env("VAULT_PIN", join_string(&first));
    assert_eq!(super::home::finish(command, b"").ok().text(), "1");
}

#[test]
fn a_stranger_is_refused() {
    let first = Home::with_vault();
    let other = Home::new();
    other.run(["join", &join_string(&first)]).fails(4, "vault id new");
    other.run(["id", "new", "--no-passphrase"]).ok();
    other.run(["join", &join_string(&first)]).fails(5, "not a member");
    other.run(["ls"]).fails(3, "no vault is configured");
}

#[test]
fn a_wrong_string_or_vault_is_refused() {
    let first = Home::with_vault();
    let string = join_string(&first);
    let other = second(&first);
    other.run(["join", &string[..string.len() - 2]]).fails(2, "not a vault-join1");
    other.run(["join", "vault-join1"]).fails(2, "not a vault-join1");

    // Another vault now stands at the place that the string names.
    std::fs::remove_dir_all(first.vault_dir()).unwrap();
    other.run(["join", &string]).fails(3, "no store");
    let dir = first.vault_dir();
    other.run(["init", dir.to_str().unwrap(), "--name", "x", "--recovery-out", "r"]).ok();
    other.run(["join", &string, "--name", "y"]).fails(7, "another vault");
    first.run(["get", "a"]).fails(7, "not the one that this device has seen");
    first.run_with(["put", "a"], b"x").fails(7, "not the one that this device has seen");
}

#[test]
fn a_directory_that_moved_is_joined_again() {
    let home = Home::with_vault();
    home.put("a", "1");
    let string = join_string(&home);
    std::fs::rename(home.vault_dir(), home.path().join("moved")).unwrap();
    home.run(["get", "a"]).fails(3, "--location");
    home.run(["join", &string, "--name", "main", "--location", "moved"]).ok();
    assert_eq!(home.get("a"), "1");
}
