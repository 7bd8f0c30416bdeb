use super::home::Home;

#[test]
fn an_earlier_value_becomes_the_newest_version() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("a", "2");
    home.run(["rollback", "a@1"]).ok();
    assert_eq!(home.get("a"), "1");
    assert_eq!(home.get("a@2"), "2");
    home.run(["rollback", "a@9"]).fails(3, "no version 9");
    home.run(["rollback", "a"]).fails(2, "@N");
    home.run(["rm", "a"]).ok();
    home.run(["rollback", "a@2"]).ok();
    assert_eq!(home.get("a"), "2");
}
