use super::home::Home;

#[test]
fn says_how_to_undo_and_keeps_the_history() {
    let home = Home::with_vault();
    home.put("a", "x");
    let ran = home.run(["rm", "a"]).ok();
    assert!(ran.stderr.contains("vault undelete a\n"), "{}", ran.stderr);
    home.run(["get", "a"]).fails(3, "vault undelete a");
    assert_eq!(home.get("a@1"), "x");
    home.run(["rm", "a"]).fails(3, "");
    home.run(["rm", "never"]).fails(3, "no secret");
}

#[test]
fn a_deleted_path_goes_on_counting() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["rm", "a"]).ok();
    home.put("a", "2");
    assert_eq!(home.run(["get", "a", "--json"]).ok().json()["version"], 3);
    home.run(["rm", "a", "--if-version", "1"]).fails(6, "version 3");
    home.run(["rm", "a", "--if-version", "3"]).ok();
}

#[test]
fn the_storage_cannot_bring_it_back() {
    let home = Home::with_vault();
    home.put("a", "x");
    let head = home.vault_dir().join("s.d/a.o");
    let bytes = std::fs::read(&head).unwrap();
    home.run(["rm", "a"]).ok();
    assert!(!head.exists());
    std::fs::create_dir_all(head.parent().unwrap()).unwrap();
    std::fs::write(&head, bytes).unwrap();
    home.run(["get", "a"]).fails(3, "was deleted");
    home.run(["verify"]).ok();
    home.run(["verify", "--repair"]).ok();
    assert!(!head.exists());
}
