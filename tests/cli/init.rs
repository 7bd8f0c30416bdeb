use std::os::unix::fs::PermissionsExt;

use super::home::{Home, finish};

#[test]
fn prints_the_join_string_and_nothing_else_on_stdout() {
    let home = Home::new();
    let ran = home.init().ok();
    let lines = ran.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("vault-join1"), "{lines:?}");
    let listed = home.run(["vaults", "--json"]).ok().json();
    assert_eq!(listed[0]["join"], lines[0].as_str());
}

#[test]
fn writes_24_recovery_words_once_and_privately() {
    let home = Home::with_vault();
    let file = home.path().join("recovery.txt");
    assert_eq!(std::fs::read_to_string(&file).unwrap().split_whitespace().count(), 24);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_one_at_the_same_place_is_refused_and_changes_nothing() {
    let home = Home::with_vault();
    home.put("a", "1");
    let dir = home.vault_dir();
    let again = ["init", dir.to_str().unwrap(), "--name", "other", "--recovery-out", "r2"];
    home.run(again).fails(6, "there is a vault");
    assert!(!home.path().join("r2").exists(), "words of a vault that was not made");
    assert_eq!(home.get("a"), "1");
    home.run(["init", "--recovery-out", "r2"]).fails(6, "--name");
}

#[test]
fn a_second_one_elsewhere_reuses_the_identity() {
    let home = Home::with_vault();
    let id = home.run(["id", "show"]).ok().text();
    home.run(["init", "other", "--recovery-out", "r2"]).ok();
    assert_eq!(home.run(["id", "show"]).ok().text(), id);
    home.run_with(["put", "x", "--vault", "other"], b"2").ok();
    assert_eq!(home.run(["get", "x", "--vault", "other"]).ok().text(), "2");
    home.run(["get", "x"]).fails(3, "there is no secret x");
}

#[test]
fn a_directory_with_other_things_is_left_alone() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("full")).unwrap();
    std::fs::write(home.path().join("full/file"), "x").unwrap();
    home.run(["init", "full", "--no-passphrase", "--recovery-out", "r"]).fails(2, "not empty");
    assert!(!home.path().join("r").exists());
}

#[test]
fn without_a_terminal_each_question_names_its_flag() {
    let home = Home::new();
    home.run(["init", "--no-passphrase"]).fails(2, "--recovery-out");
    home.run(["init", "--recovery-out", "r"]).fails(2, "--passphrase-fd");
    assert!(!home.identity().exists() && !home.path().join("r").exists());
}

#[test]
fn a_passphrase_can_come_from_a_file_descriptor() {
    let home = Home::new();
    let shell = |line: &str| {
        let mut command = home.command([] as [&str; 0]);
        command = {
            let envs: Vec<_> =
                command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
            let mut shell = std::process::Command::new("bash");
            shell.arg("-c").arg(line).env_clear().current_dir(home.path());
            shell.envs(envs.into_iter().filter_map(|(k, v)| Some((k, v?))));
            shell.env("V", super::home::program());
            shell
        };
        finish(command, b"")
    };
    shell(r#""$V" --no-input init --passphrase-fd 3 --recovery-out r 3<<<'correct horse'"#).ok();
    shell(r#"printf v | "$V" --no-input put a --passphrase-fd 3 3<<<'correct horse'"#).ok();
    assert_eq!(
        shell(r#""$V" --no-input get a --passphrase-fd 3 3<<<'correct horse'"#).ok().text(),
        "v"
    );
    let wrong = shell(r#""$V" --no-input get a --passphrase-fd 3 3<<<'wrong horse'"#);
    let wrong = wrong.fails(4, "cannot open the identity");
    let mut bytes = std::fs::read(home.identity()).unwrap();
    let last = bytes.len() - 3;
    // Another digit of base64, or it would be no identity at all, and asked for nothing.
    bytes[last] = if bytes[last] == b'A' { b'B' } else { b'A' };
    std::fs::write(home.identity(), bytes).unwrap();
    let damaged = shell(r#""$V" --no-input get a --passphrase-fd 3 3<<<'correct horse'"#);
    assert_eq!(damaged.fails(4, "").stderr, wrong.stderr, "both must read the same");
    shell(r#""$V" --no-input get a"#).fails(4, "hint: `vault unlock`");
    shell(r#""$V" --no-input get a --passphrase-fd 900"#).fails(2, "file descriptor 900");
}

#[test]
fn files_are_for_the_user_alone() {
    let home = Home::with_vault();
    home.put("a", "1");
    let mut open = vec![
        home.path().join(".local"),
        home.path().join(".cache/vault"),
        home.path().join(".config"),
    ];
    while let Some(path) = open.pop() {
        let mode = path.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", path.display());
        if path.is_dir() {
            open.extend(path.read_dir().unwrap().map(|e| e.unwrap().path()));
        }
    }
}

/// Runs the program as another user: root may write everywhere.
fn as_nobody(home: &Home, args: &[&str], variable: &str, value: &str) -> super::home::Ran {
    use std::process::Command;
    let program = home.path().join("program");
    if !program.exists() {
        std::fs::copy(super::home::program(), &program).unwrap();
        std::fs::create_dir(home.path().join("of-root")).unwrap();
        let owned = ["-R", "65534:65534", home.path().to_str().unwrap()];
        assert!(Command::new("chown").args(owned).status().unwrap().success());
        let back = Command::new("chown").arg("0:0").arg(home.path().join("of-root")).status();
        assert!(back.unwrap().success());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "setsid", "--wait"]);
    command.arg(&program).args(args).env_clear().env("HOME", home.path()).env(variable, value);
    command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(home.path());
    finish(command, b"")
}

#[test]
fn what_cannot_be_remembered_fails_before_there_is_a_vault() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let home = Home::new();
    let init = ["init", "--no-passphrase", "--recovery-out", "words"];
    let locked = home.path().join("of-root").to_str().unwrap().to_owned();
    for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        as_nobody(&home, &init, variable, &locked).fails(5, variable);
        assert!(!home.path().join("words").exists() && !home.vault_dir().exists(), "{variable}");
    }
    as_nobody(&home, &["init", "of-root/v", "--no-passphrase", "--recovery-out", "w"], "X", "")
        .fails(5, "not allowed");
    as_nobody(&home, &init, "X", "").ok();
    assert_eq!(std::fs::read_to_string(home.path().join("words")).unwrap().split(' ').count(), 24);
}

#[test]
fn names_are_checked_before_anything_is_made() {
    let home = Home::new();
    let init = |more: &[&str]| {
        home.run(["init", "--no-passphrase", "--recovery-out", "r"].iter().chain(more))
    };
    for name in ["../../escape", "/abs", "a\u{1b}[31m", "", ".x", "-x"] {
        init(&[&format!("--name={name}")]).fails(2, "not a name for a vault");
    }
    init(&["--member", "Jan\u{e9} Doe"]).fails(2, "--member");
    // Which character it is, escaped if it could drive the terminal.
    for (bad, says) in
        [("a\u{1b}[31m", "`\\u{1b}` cannot"), ("a b", "` ` cannot"), ("b\u{e9}", "`\u{e9}` cannot")]
    {
        init(&[&format!("--name={bad}")]).fails(2, says);
        init(&["--member", bad]).fails(2, says);
    }
    assert!(!home.identity().exists() && !home.path().join("r").exists());
    let mut odd = home.command(["init", "--no-passphrase", "--recovery-out", "r"]);
    odd.env("USER", "Jan\u{e9} Doe");
    finish(odd, b"").ok();
}

#[test]
fn a_passphrase_is_read_from_where_the_descriptor_stands() {
    let home = Home::new();
    std::fs::write(home.path().join("two"), "first\nsecond\n").unwrap();
    let line = r#"exec 4<two; read -u 4 skipped; "$V" id new --passphrase-fd 4"#;
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", line]).env_clear().env("HOME", home.path()).env("V", super::home::program());
    shell.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(home.path());
    finish(shell, b"").ok();
    let mut shell = std::process::Command::new("bash");
    let line = r#"printf second | "$V" id show --passphrase-fd 0"#;
    shell.args(["-c", line]).env_clear().env("HOME", home.path()).env("V", super::home::program());
    shell.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(home.path());
    finish(shell, b"").ok();
}

#[test]
fn settings_that_are_empty_are_refused() {
    let home = Home::new();
    for flag in ["--region", "--profile", "--endpoint-s3", "--endpoint-kms", "--kms"] {
        let args = ["init", "s3://bucket/p", flag, "", "--no-passphrase", "--recovery-out", "r"];
        home.run(args).fails(2, flag);
    }
    assert!(!home.path().join(".config/vault/config.toml").exists());
}

#[test]
fn options_of_a_bucket_do_not_fit_a_directory() {
    let home = Home::new();
    let words = ["--no-passphrase", "--recovery-out", "r"];
    for flags in [
        &["--endpoint-s3", "http://127.0.0.1:1"][..],
        &["--path-style"],
        &["--region", "eu-west-1"],
        &["--path-style", "--kms", "alias/x"],
    ] {
        let args = [&["init", "/tmp/none"], flags, &words].concat();
        home.run(args).fails(2, "do not fit a directory");
    }
    assert!(!home.path().join("r").exists());
}
