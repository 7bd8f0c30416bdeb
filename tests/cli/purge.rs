use super::home::Home;

#[test]
fn the_values_are_gone_and_a_tombstone_stays() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("a", "2");
    home.put("a/b", "other");
    let ran = home.run(["purge", "a", "--yes"]).ok();
    assert!(ran.stderr.contains("2 versions removed"), "{}", ran.stderr);
    home.run(["get", "a"]).fails(3, "deleted");
    home.run(["get", "a@1"]).fails(3, "purged");
    assert_eq!(home.get("a/b"), "other");
    home.run(["verify"]).ok();
    home.put("a", "3");
    assert_eq!(home.run(["get", "a", "--json"]).ok().json()["version"], 4);
    home.run(["verify"]).ok();
}

#[test]
fn asks_for_the_name_and_is_told_by_yes() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["purge", "a"]).fails(2, "--yes");
    assert_eq!(home.get("a"), "1");
    home.run(["purge", "none", "--yes"]).fails(3, "no secret");
}

#[test]
fn one_that_was_cut_off_is_finished() {
    let home = Home::with_vault();
    for value in ["1", "2", "3"] {
        home.put("a", value);
    }
    let third = home.vault_dir().join("h.d/a.d/.vault.d/0000000000000003.o");
    let bytes = std::fs::read(&third).unwrap();
    home.run(["purge", "a", "--yes"]).ok();
    std::fs::write(&third, &bytes).unwrap();
    let ran = home.run(["verify"]).ok();
    assert!(ran.text().contains("cut off"), "{}", ran.text());
    home.run(["purge", "a", "--yes"]).ok();
    assert!(!third.exists());
    std::fs::write(&third, &bytes).unwrap();
    home.run(["verify", "--repair"]).ok();
    assert!(!third.exists());
    assert!(home.run(["verify"]).ok().text().is_empty());
}
