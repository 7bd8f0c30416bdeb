use super::home::Home;

#[test]
fn the_value_before_the_tombstone_comes_back() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("a", "2");
    home.run(["rm", "a"]).ok();
    home.run(["undelete", "a"]).ok();
    assert_eq!(home.get("a"), "2");
    home.run(["undelete", "a"]).fails(6, "not deleted");
    home.run(["undelete", "b"]).fails(3, "no secret");
}

#[test]
fn what_was_purged_stays_gone() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["purge", "a", "--yes"]).ok();
    home.run(["undelete", "a"]).fails(3, "purged");
}
