use super::home::Home;

#[test]
fn both_are_there_and_live_apart() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["cp", "a", "b"]).ok();
    home.put("a", "2");
    assert_eq!((home.get("a"), home.get("b")), ("2".into(), "1".into()));
    home.run(["cp", "a", "b"]).fails(6, "already there");
    home.run(["cp", "none", "c"]).fails(3, "no secret");
}

#[test]
fn raw_bytes_stay_raw() {
    let home = Home::with_vault();
    home.run_with(["put", "a", "--raw"], &[0, 255]).ok();
    home.run(["cp", "a", "b"]).ok();
    assert_eq!(home.run(["get", "b"]).ok().stdout, [0, 255]);
    home.run(["get", "b", "value"]).fails(3, "raw bytes");
}
