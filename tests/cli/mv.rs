use super::home::Home;

#[test]
fn the_value_moves_and_the_old_name_is_gone() {
    let home = Home::with_vault();
    home.run_with(["put", "a", "user=ann", "value=-"], b"x").ok();
    home.run(["mv", "a", "b/c"]).ok();
    assert_eq!(home.get("b/c"), "x");
    assert_eq!(home.run(["get", "b/c", "user"]).ok().text(), "ann");
    home.run(["get", "a"]).fails(3, "deleted");
    assert_eq!(home.get("a@1"), "x");
}

#[test]
fn nothing_is_overwritten() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("b", "2");
    home.run(["mv", "a", "b"]).fails(6, "already there");
    assert_eq!((home.get("a"), home.get("b")), ("1".into(), "2".into()));
    home.run(["mv", "a", "a"]).fails(2, "same path");
    home.run(["mv", "none", "c"]).fails(3, "no secret");
    home.run(["mv", "a", "b/"]).fails(2, "end with");
}

#[test]
fn a_move_that_was_cut_off_is_finished_by_running_it_again() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["cp", "a", "b"]).ok();
    home.run(["mv", "a", "b"]).ok();
    assert_eq!(home.run(["ls"]).ok().lines(), ["b"]);
}

#[test]
fn a_name_that_was_deleted_is_free() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("b", "2");
    home.run(["rm", "b"]).ok();
    home.run(["mv", "a", "b"]).ok();
    assert_eq!(home.run(["get", "b", "--json"]).ok().json()["version"], 3);
}
