use super::home::Home;

#[test]
fn prints_what_was_asked_for_without_a_vault() {
    let home = Home::new();
    assert_eq!(home.run(["gen"]).ok().text().len(), 24);
    assert_eq!(home.run(["gen", "password:40:digits"]).ok().text().len(), 40);
    assert_eq!(home.run(["gen", "passphrase:7"]).ok().text().split('-').count(), 7);
    assert_eq!(home.run(["gen", "--json"]).ok().json()["value"].as_str().unwrap().len(), 24);
    home.run(["gen", "5"]).fails(2, "not something to generate");
    assert_ne!(home.run(["gen"]).ok().text(), home.run(["gen"]).ok().text());
}
