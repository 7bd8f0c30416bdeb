use super::home::Home;

#[test]
fn the_default_can_be_changed() {
    let home = Home::with_vault();
    home.run(["init", "other", "--recovery-out", "r2"]).ok();
    let names = |home: &Home| home.run(["vaults"]).ok().lines();
    assert!(names(&home)[0].starts_with("main\t") && names(&home)[0].ends_with("\t*"));
    home.run(["vaults", "use", "other"]).ok();
    assert!(names(&home)[1].starts_with("other\t") && names(&home)[1].ends_with("\t*"));
    home.run(["vaults", "use", "none"]).fails(3, "no vault none");
}

#[test]
fn comments_in_the_configuration_stay() {
    let home = Home::with_vault();
    let file = home.path().join(".config/vault/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("# mine\n{text}")).unwrap();
    home.run(["init", "other", "--recovery-out", "r2"]).ok();
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("# mine\n"));
}

#[test]
fn none_is_said() {
    let home = Home::new();
    let ran = home.run(["vaults"]).ok();
    assert!(ran.text().is_empty() && ran.stderr.contains("vault init"), "{}", ran.stderr);
    assert_eq!(home.run(["vaults", "--json"]).ok().json(), serde_json::json!([]));
}
