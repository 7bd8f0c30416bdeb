//! What holds for every command.

use std::process::Stdio;

use super::home::{Home, finish};

#[test]
fn errors_as_json() {
    let home = Home::with_vault();
    let ran = home.run(["get", "none", "--json"]).fails(3, "");
    let json: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(json["error"]["kind"], "not-found");
    assert!(json["error"]["message"].is_string() && json["error"]["hint"].is_string());
    let ran = home.run(["get", "--json", "--no-such-flag"]).fails(2, "");
    let json: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(json["error"]["kind"], "usage");
    let ran = home.run(["--json", "gett", "x"]).fails(2, "");
    let json: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert!(json["error"]["hint"].as_str().unwrap().contains("get"), "{json}");
}

#[test]
fn a_wrong_command_suggests_the_right_one() {
    Home::new().run(["gett", "a"]).fails(2, "get");
}

#[test]
fn a_closed_pipe_is_success() {
    let home = Home::with_vault();
    home.run_with(["put", "big", "--raw"], &vec![b'x'; 1_000_000]).ok();
    let mut child = home.command(["get", "big"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_missing_vault_says_what_to_do() {
    let home = Home::new();
    home.run(["get", "a"]).fails(3, "vault init");
    let home = Home::with_vault();
    std::fs::rename(home.vault_dir(), home.path().join("away")).unwrap();
    home.run(["get", "a"]).fails(3, "no store");
    home.run(["get", "a", "--vault", "x"]).fails(3, "no vault x");
}

#[test]
fn an_edited_state_is_noticed() {
    let home = Home::with_vault();
    home.put("a", "1");
    let state = home.path().join(".local/state/vault");
    let dir = state.read_dir().unwrap().next().unwrap().unwrap().path();
    let chain = std::fs::read_to_string(dir.join("chain")).unwrap();
    std::fs::write(dir.join("chain"), chain.replacen("first 0", "first 1", 1)).unwrap();
    home.run(["get", "a"]).fails(7, "edited");
    std::fs::write(dir.join("chain"), chain).unwrap();
    let marks = dir.join("marks").read_dir().unwrap().next().unwrap().unwrap().path();
    let mark = marks.read_dir().unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replacen(" 1 ", " 2 ", 1)).unwrap();
    home.run(["get", "a"]).fails(7, "edited");
}

#[test]
fn a_damaged_cache_is_an_empty_one() {
    let home = Home::with_vault();
    home.put("a", "1");
    let cache = home.path().join(".cache/vault");
    let dir = cache.read_dir().unwrap().next().unwrap().unwrap().path().join("obj");
    for entry in dir.read_dir().unwrap() {
        std::fs::write(entry.unwrap().path(), "junk").unwrap();
    }
    assert_eq!(home.get("a"), "1");
    std::fs::remove_dir_all(cache).unwrap();
    assert_eq!(home.get("a"), "1");
}

#[test]
fn the_environment_of_other_programs_is_not_read() {
    let home = Home::with_vault();
    home.put("a", "1");
    let mut command = home.command(["get", "a"]);
    command.env("VAULT_ADDR", "http://127.0.0.1:1").env("VAULT_TOKEN", "x");
    assert_eq!(finish(command, b"").ok().text(), "1");
}

#[test]
fn broken_settings_do_not_stand_in_the_way_of_help() {
    let home = Home::with_vault();
    let made = std::process::Command::new("mkfifo").arg(home.path().join(".vault.toml")).status();
    assert!(made.unwrap().success());
    home.run(["help", "exit-codes"]).ok();
    home.run(["gen"]).ok();
    home.run(["ls"]).fails(2, ".vault.toml");
}

#[test]
fn another_identity_is_a_stranger_not_tampering() {
    let home = Home::with_vault();
    home.put("a", "1");
    let mut new = home.command(["id", "new", "--no-passphrase"]);
    new.env("VAULT_IDENTITY", home.path().join("other"));
    finish(new, b"").ok();
    let mut get = home.command(["get", "a"]);
    get.env("VAULT_IDENTITY", home.path().join("other"));
    finish(get, b"").fails(5, "cannot open the group main");
    assert_eq!(home.get("a"), "1");
}

#[test]
fn hints_can_be_typed() {
    let home = Home::with_vault();
    for path in ["it's", "a b/c d", "-rf", "$(x)"] {
        home.run_with(["put", "--", path], b"v").ok();
        let ran = home.run(["rm", "--", path]).ok();
        let undo = ran.stderr.split("Undo: vault").nth(1).unwrap().trim().to_owned();
        let mut shell = std::process::Command::new("bash");
        shell.arg("-c").arg(format!("\"$V\" {undo}")).env_clear().env("HOME", home.path());
        shell
            .envs(Home::credentials())
            .env("V", super::home::program())
            .env("PATH", std::env::var_os("PATH").unwrap());
        finish(shell, b"").ok();
        assert_eq!(home.run(["get", "--", path]).ok().text(), "v");
    }
}
