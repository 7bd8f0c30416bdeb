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
