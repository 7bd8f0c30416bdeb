use super::home::Home;

#[test]
fn any_bytes_come_back_as_they_are() {
    let home = Home::with_vault();
    let all: Vec<u8> = (0..=255).collect();
    let long = "x".repeat(100_000);
    for value in [
        &b"v"[..],
        b"two\nlines\n",
        b"\n\n",
        "ü\u{202e}\u{0}".as_bytes(),
        &all,
        long.as_bytes(),
        b"\"\\",
    ] {
        home.run_with(["put", "a"], value).ok();
        assert_eq!(home.run(["get", "a"]).ok().stdout, value);
        home.run_with(["put", "raw", "--raw"], value).ok();
        assert_eq!(home.run(["get", "raw"]).ok().stdout, value);
    }
}

#[test]
fn the_newline_of_a_pipe_is_kept_out_of_one_line_values() {
    let home = Home::with_vault();
    for (given, kept) in [
        ("v\n", "v"),
        ("v\r\n", "v"),
        ("v\n\n", "v\n\n"),
        ("a\nb\n", "a\nb\n"),
        ("v", "v"),
        ("v\r", "v\r"),
    ] {
        home.run_with(["put", "a"], given.as_bytes()).ok();
        assert_eq!(home.get("a"), kept, "{given:?}");
    }
    home.run_with(["put", "a", "--keep-newline"], b"v\n").ok();
    assert_eq!(home.get("a"), "v\n");
    home.run_with(["put", "a", "--raw"], b"v\n").ok();
    assert_eq!(home.get("a"), "v\n");
}

#[test]
fn fields_are_set_and_the_others_kept() {
    let home = Home::with_vault();
    std::fs::write(home.path().join("file"), "from file\n").unwrap();
    home.run_with(["put", "db", "user=app", "value=-", "cert=@file", "note[text]=n=1"], b"pw").ok();
    home.run(["put", "db", "user=other", "--if-version", "1"]).ok();
    let json = home.run(["get", "db", "--json"]).ok().json();
    assert_eq!(json["version"], 2);
    let field = |name: &str| {
        let list = json["fields"].as_array().unwrap();
        list.iter().find(|f| f["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (field("user")["value"].as_str(), field("user")["type"].as_str()),
        (Some("other"), Some("text"))
    );
    assert_eq!(field("value")["value"], "pw");
    assert_eq!(field("cert")["value"], "from file");
    assert_eq!(field("note")["value"], "n=1");
}

#[test]
fn secrets_do_not_come_in_as_arguments() {
    let home = Home::with_vault();
    let ran = home.run(["put", "db", "password=hunter2"]).fails(2, "a secret field");
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    let ran = home.run(["put", "db", "hunter2"]).fails(2, "FIELD=");
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    home.run(["put", "db", "password=hunter2", "--value-in-argv"]).ok();
    assert_eq!(home.run(["get", "db", "password"]).ok().text(), "hunter2");
}

#[test]
fn a_generated_value_has_the_shape_asked_for() {
    let home = Home::with_vault();
    home.run(["put", "a", "--generate"]).ok();
    assert_eq!(home.get("a").len(), 24);
    home.run(["put", "a", "--generate=passphrase:5", "user=x"]).ok();
    assert_eq!(home.get("a").split('-').count(), 5);
    home.run(["put", "a", "--generate=3"]).fails(2, "not something to generate");
}

#[test]
fn empty_values_need_a_flag() {
    let home = Home::with_vault();
    home.run_with(["put", "a"], b"").fails(2, "--allow-empty");
    home.run_with(["put", "a"], b"\n").fails(2, "--allow-empty");
    home.run(["put", "a", "user="]).fails(2, "--allow-empty");
    home.run_with(["put", "a", "--allow-empty"], b"").ok();
    assert_eq!(home.get("a"), "");
    home.run_with(["put", "r", "--raw", "--allow-empty"], b"").ok();
    assert_eq!(home.get("r"), "");
}

#[test]
fn a_version_that_is_not_the_newest_is_a_conflict() {
    let home = Home::with_vault();
    home.run_with(["put", "a", "--if-version", "1"], b"x").fails(6, "version 0");
    home.run_with(["put", "a", "--if-version", "0"], b"1").ok();
    home.run_with(["put", "a", "--if-version", "0"], b"2").fails(6, "version 1");
    home.run_with(["put", "a", "--if-version", "1"], b"2").ok();
    assert_eq!(home.get("a"), "2");
    assert_eq!(home.run(["history", "a", "--json"]).ok().json().as_array().unwrap().len(), 2);
}

#[test]
fn a_broken_path_names_the_rule() {
    let home = Home::with_vault();
    for (path, rule) in [
        ("", "empty"),
        ("/a", "begin"),
        ("a/", "end with"),
        ("a//b", "empty segment"),
        ("../a", "`..`"),
        (".vault/a", ".vault"),
        ("a.instruction", "instruction"),
        ("a@3", "version"),
        ("e\u{301}", "NFC"),
        ("a\u{1b}[2J", "control"),
        ("a\u{202e}b", "control"),
    ] {
        let ran = home.run_with(["put", path], b"x").fails(2, rule);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{202e}'), "escaped");
    }
    home.run_with(["put", &"x/".repeat(300)], b"x").fails(2, "");
}

#[test]
fn too_much_is_an_attachment() {
    let home = Home::with_vault();
    home.put("a", "old");
    let large = vec![b'x'; 16 * 1024 * 1024 + 1];
    home.run_with(["put", "a"], &large).fails(2, "attachments");
    home.run_with(["put", "a", "--raw"], &large).fails(2, "attachments");
    assert_eq!(home.get("a"), "old");
    home.run_with(["put", "a", "--raw"], &large[1..]).ok();
    assert_eq!(home.run(["get", "a"]).ok().stdout.len(), large.len() - 1);
}

#[test]
fn mistakes_on_the_command_line_write_nothing() {
    let home = Home::with_vault();
    home.run(["put", "a", "user=x", "user=y"]).fails(2, "twice");
    home.run(["put", "a", "n[odd]=x"]).fails(2, "not a type");
    home.run(["put", "a", "=x"]).fails(2, "field");
    home.run_with(["put", "a", "x=-", "y=-"], b"v").fails(2, "one field");
    home.run(["put", "a", "x=@missing"]).fails(2, "missing");
    home.run_with(["put", "a", "value=-", "--generate"], b"v").fails(2, "twice");
    home.run(["put", "a", "x=prompt"]).fails(2, "no terminal");
    home.run(["put", "a", "--raw", "x=y"]).fails(2, "");
    assert!(home.run(["ls"]).ok().text().is_empty());
}

#[test]
fn what_looks_like_a_field_is_not_repeated() {
    let home = Home::with_vault();
    for value in ["aHVudGVyMg==", "hunter2=", "hunter2==x", "hunter2\u{1b}=x"] {
        let ran = home.run(["put", "a", value]).fails(2, "");
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("aHVu"), "{}", ran.stderr);
    }
}

#[test]
fn fields_do_not_replace_raw_bytes() {
    let home = Home::with_vault();
    home.run_with(["put", "a", "--raw"], b"bytes").ok();
    home.run(["put", "a", "user=x"]).fails(2, "raw bytes");
    assert_eq!(home.get("a"), "bytes");
    home.put("a", "new");
    assert_eq!(home.get("a"), "new");
}

#[test]
fn a_claimed_version_is_never_called_a_failure_to_try_again() {
    let home = Home::with_vault();
    home.put("a", "1");
    let head = home.vault_dir().join("s.d/a.o");
    std::fs::remove_file(&head).unwrap();
    std::fs::create_dir(&head).unwrap();
    home.run_with(["put", "a"], b"2").fails(9, "version 2 of a was written");
    std::fs::remove_dir(&head).unwrap();
    assert_eq!(home.get("a"), "2");
    home.run(["verify", "--repair"]).ok();
    assert!(home.run(["verify"]).ok().text().is_empty());
}

/// What cannot be remembered is not claimed either: the next command on this device would take the
/// storage for one that shows too much.
#[test]
fn nothing_is_claimed_that_cannot_be_remembered() {
    let home = Home::with_vault();
    home.put("a", "1");
    let state = home.path().join(".local/state/vault");
    let lock = state.read_dir().unwrap().next().unwrap().unwrap().path().join("lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    for args in [&["put", "a", "user=x"][..], &["put", "new", "user=x"], &["rm", "a"]] {
        let ran = home.run(args).fails(1, "cannot open");
        assert!(ran.stderr.contains("XDG_STATE_HOME"), "{}", ran.stderr);
    }
    std::fs::remove_dir(&lock).unwrap();
    assert_eq!(home.run(["history", "a", "--json"]).ok().json().as_array().unwrap().len(), 1);
    home.run(["get", "new"]).fails(3, "");
    assert_eq!(home.get("a"), "1");
}
