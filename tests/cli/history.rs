use super::home::Home;

#[test]
fn every_version_with_its_author_and_what_it_did() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.run(["rm", "a"]).ok();
    home.run(["undelete", "a"]).ok();
    let json = home.run(["history", "a", "--json"]).ok().json();
    let ops: Vec<_> = json.as_array().unwrap().iter().map(|v| v["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["restore", "delete", "write"]);
    assert_eq!((json[0]["version"].as_u64(), json[0]["author"].as_str()), (Some(3), Some("ann")));
    assert_eq!(home.run(["history", "a"]).ok().lines().len(), 3);
    home.run(["history", "b"]).fails(3, "no secret");
}

#[test]
fn a_hole_is_shown() {
    let home = Home::with_vault();
    for value in ["1", "2", "3"] {
        home.put("a", value);
    }
    std::fs::remove_file(home.vault_dir().join("h.d/a.d/.vault.d/0000000000000002.o")).unwrap();
    let json = home.run(["history", "a", "--json"]).ok().json();
    assert_eq!(json[1]["refused"], "version 2 is missing");
    home.run(["get", "a@2"]).fails(7, "missing");
    assert_eq!(home.get("a"), "3");
    let ran = home.run(["verify"]);
    assert_eq!(ran.code, 7);
    assert!(ran.text().contains("version 2 is missing"), "{}", ran.text());
}

/// The storage chooses the numbers in its keys: a large one must not be counted up to.
#[test]
fn a_stray_number_does_not_hang() {
    let home = Home::with_vault();
    home.put("a", "1");
    let versions = home.vault_dir().join("h.d/a.d/.vault.d");
    std::fs::copy(versions.join("0000000000000001.o"), versions.join("9999999999999999.o"))
        .unwrap();
    let json = home.run(["history", "a", "--json"]).ok().json();
    let list = json.as_array().unwrap();
    assert_eq!(list[0]["refused"], "it is not a version of this path");
    assert_eq!((list.len(), list[1]["version"].as_u64()), (2, Some(1)));
    assert_eq!(home.get("a"), "1");
    home.run(["verify"]).ok();
}
