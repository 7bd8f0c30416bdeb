use super::home::Home;

#[test]
fn a_sound_vault_has_no_findings() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("b/c", "2");
    let ran = home.run(["verify"]).ok();
    assert!(
        ran.text().is_empty() && ran.stderr.contains("2 secrets, 2 versions"),
        "{}",
        ran.stderr
    );
    let json = home.run(["verify", "b", "--json"]).ok().json();
    assert_eq!(json, serde_json::json!({ "paths": 1, "versions": 1, "locked": 0, "findings": [] }));
}

#[test]
fn a_crash_before_the_head_is_mended() {
    let home = Home::with_vault();
    home.put("a", "1");
    let head = home.vault_dir().join("s.d/a.o");
    let old = std::fs::read(&head).unwrap();
    home.put("a", "2");
    std::fs::write(&head, old).unwrap();
    let ran = home.run(["verify"]).ok();
    assert!(ran.text().contains("warning\ta\tits head is not the newest"), "{}", ran.text());
    let ran = home.run(["verify", "--repair"]).ok();
    assert!(ran.text().contains("mended"), "{}", ran.text());
    assert!(home.run(["verify"]).ok().text().is_empty());
    assert_eq!(home.get("a"), "2");
}

#[test]
fn changed_bytes_are_an_error() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("a", "2");
    let old = home.vault_dir().join("h.d/a.d/.vault.d/0000000000000001.o");
    let mut bytes = std::fs::read(&old).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&old, bytes).unwrap();
    for args in [&["verify"][..], &["verify", "--repair"]] {
        let ran = home.run(args);
        assert_eq!(ran.code, 7);
        assert!(ran.text().contains("the body of version 1 was changed"), "{}", ran.text());
    }
}

#[test]
fn one_odd_file_hides_nothing_else() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("b", "1");
    let head = home.vault_dir().join("s.d/a.o");
    std::fs::remove_file(&head).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &head).unwrap();
    let entry = home.vault_dir().join("h.d/b.d/.vault.d/0000000000000001.o");
    let mut bytes = std::fs::read(&entry).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&entry, bytes).unwrap();
    let ran = home.run(["verify", "--json"]);
    assert_eq!(ran.code, 7);
    let findings = ran.json()["findings"].to_string();
    assert!(findings.contains("\"a\"") && findings.contains("\"b\""), "{findings}");
    home.run(["verify", "nothing-here"]).fails(3, "nothing below");
}

#[test]
fn the_newest_entry_is_restored_from_its_head() {
    let home = Home::with_vault();
    home.put("a", "1");
    home.put("a", "2");
    let entry = home.vault_dir().join("h.d/a.d/.vault.d/0000000000000002.o");
    let good = std::fs::read(&entry).unwrap();
    std::fs::remove_file(&entry).unwrap();
    assert_eq!(home.run(["verify"]).code, 7);
    home.run(["verify", "--repair"]).ok();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(&entry, flipped).unwrap();
    let ran = home.run(["verify", "--repair"]).ok();
    assert!(ran.text().contains("mended from the head"), "{}", ran.text());
    assert!(home.run(["verify"]).ok().text().is_empty());
    assert_eq!(home.get("a@2"), "2");
}
