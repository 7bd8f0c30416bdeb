use super::home::Home;

#[test]
fn names_and_types_without_values() {
    let home = Home::with_vault();
    home.run_with(["put", "db", "user=ann", "password=-"], b"canary").ok();
    let ran = home.run(["fields", "db"]).ok();
    assert_eq!(ran.lines(), ["user\ttext", "password\tsecret"]);
    let ran = home.run(["fields", "db", "--json"]).ok();
    assert!(!ran.text().contains("canary"));
    assert_eq!(ran.json()[1]["name"], "password");
    home.run(["fields", "none"]).fails(3, "no secret");
    home.run_with(["put", "raw", "--raw"], b"x").ok();
    assert!(home.run(["fields", "raw"]).ok().text().is_empty());
}
