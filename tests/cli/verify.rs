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
    assert_eq!(json, serde_json::json!({ "paths": 1, "versions": 1, "findings": [] }));
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
