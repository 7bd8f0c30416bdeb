use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::home::{Home, Ran, finish};
use crate::support::plugins::ssh_key_path;

/// The passphrase of every test here.
pub const PASSPHRASE: &str = "correct horse";

/// A home with a passphrase, and a directory for sockets that is its own. What was started in it
/// ends with it.
pub struct Desk(pub Home);

impl Desk {
    pub fn new() -> Self {
        let desk = Self::without_identity();
        desk.typed(["init", "--recovery-out", "recovery.txt"]).ok();
        desk.typed_with(["put", "a"], b"one").ok();
        desk
    }

    fn without_identity() -> Self {
        let desk = Self(Home::new());
        std::fs::create_dir(desk.run_dir()).unwrap();
        std::fs::write(desk.0.path().join("passphrase"), PASSPHRASE).unwrap();
        desk
    }

    fn run_dir(&self) -> PathBuf {
        self.0.path().join("run")
    }

    pub fn sockets(&self) -> PathBuf {
        self.run_dir().join("vault")
    }

    pub fn command<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = self.0.command(args);
        command.env("XDG_RUNTIME_DIR", self.run_dir());
        command
    }

    /// With nobody to ask.
    pub fn run<const N: usize>(&self, args: [&str; N]) -> Ran {
        finish(self.command(args), b"")
    }

    /// With somebody who types the passphrase.
    pub fn typed<const N: usize>(&self, args: [&str; N]) -> Ran {
        self.typed_with(args, b"")
    }

    pub fn typed_with<const N: usize>(&self, args: [&str; N], stdin: &[u8]) -> Ran {
        finish(self.command_typed(args), stdin)
    }

    pub fn command_typed<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new("sh");
        let program = self.command(args);
        command
            .args(["-c", "exec \"$@\" 3< passphrase 9< passphrase", "sh"])
            .arg(program.get_program());
        command.args(program.get_args()).args(["--passphrase-fd", "3"]);
        command.env_clear().current_dir(self.0.path());
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap());
        }
        command
    }

    pub fn config(&self, text: &str) {
        let file = self.0.path().join(".config/vault/config.toml");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, before + text).unwrap();
    }

    pub fn get(&self) -> Ran {
        self.run(["get", "a"])
    }

    #[track_caller]
    pub fn is_locked(&self) {
        self.is_locked_saying("the identity has a passphrase");
    }

    #[track_caller]
    fn is_locked_saying(&self, says: &str) {
        self.get().fails(4, says);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.run(["lock", "--all"]);
    }
}

#[test]
fn a_passphrase_is_typed_once() {
    let desk = Desk::new();
    desk.is_locked();
    let ran = desk.typed(["unlock"]).ok();
    assert!(ran.stderr.contains("for 8 h, or 15 min without use"), "{}", ran.stderr);
    assert_eq!(desk.get().ok().text(), "one");
    finish(desk.command(["put", "a"]), b"two").ok();
    assert_eq!(desk.get().ok().text(), "two");
    assert!(desk.run(["id", "show"]).ok().text().starts_with("vault-id1"));
    let doctor = desk.run(["doctor"]).ok().text();
    assert!(doctor.contains("the agent holds it"), "{doctor}");
    assert!(doctor.lines().any(|line| line.starts_with("ok\tagent\tit holds")), "{doctor}");
    // A second time it says so, and asks nothing.
    let again = desk.run(["unlock"]).ok();
    assert!(again.stderr.contains("already"), "{}", again.stderr);
}

#[test]
fn what_hands_keys_on_asks_all_the_same() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let says = "the identity has a passphrase";
    desk.run(["rotate", "main"]).fails(4, says);
    desk.run(["capability", "prod"]).fails(4, says);
    desk.run(["id", "export", "--age"]).fails(4, says);
    let ran = desk.typed(["rotate", "main"]).ok();
    assert!(ran.stderr.contains("the agent does not give out"), "{}", ran.stderr);
    assert_eq!(desk.get().ok().text(), "one");
}

#[test]
fn for_a_time_used_or_not() {
    let desk = Desk::new();
    for bad in ["", "0m", "8d", "15", "soon"] {
        desk.typed(["unlock", "--for", bad]).fails(2, "span of time");
    }
    let json = desk.typed(["unlock", "--for", "2h", "--json"]).ok().json();
    assert!(json["idle_seconds"].is_null());
    assert!((7195..=7200).contains(&json["seconds"].as_u64().unwrap()), "{json}");
    desk.run(["unlock", "--for", "1h"]).fails(4, "passphrase");
    let json = desk.run(["unlock", "--json"]).ok().json();
    assert!(json["seconds"].as_u64().unwrap() > 7000, "{json}");
}

#[test]
fn a_wrong_passphrase_starts_nothing() {
    let desk = Desk::new();
    std::fs::write(desk.0.path().join("passphrase"), "wrong").unwrap();
    desk.typed(["unlock"]).fails(4, "cannot open the identity");
    assert!(!desk.sockets().exists());
}

#[test]
fn without_a_passphrase_there_is_nothing_to_unlock() {
    let home = Home::with_vault();
    home.run(["unlock"]).fails(2, "never locked");
}

#[test]
fn an_ssh_key_with_a_passphrase_is_held_too() {
    let desk = Desk::without_identity();
    let key = desk.0.path().join("key");
    std::fs::copy(ssh_key_path("ed25519-sealed"), &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    desk.typed(["id", "new", "--ssh", "key"]).ok();
    desk.typed(["init", "--recovery-out", "recovery.txt"]).ok();
    desk.typed_with(["put", "a"], b"one").ok();
    desk.is_locked_saying("has a passphrase");
    desk.typed(["unlock"]).ok();
    assert_eq!(desk.get().ok().text(), "one");
    finish(desk.command(["put", "a"]), b"two").ok();
    assert_eq!(desk.get().ok().text(), "two");
    desk.run(["lock"]).ok();
    desk.is_locked_saying("has a passphrase");
}

#[test]
fn the_agent_can_be_left_out() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let with = |value: &str, args: [&str; 2]| {
        let mut command = desk.command(args);
        command.env("VAULT_AGENT", value);
        finish(command, b"")
    };
    with("off", ["get", "a"]).fails(4, "the identity has a passphrase");
    with("off", ["unlock", "--json"]).fails(2, "VAULT_AGENT=off");
    with("maybe", ["get", "a"]).fails(2, "neither on nor off");
    assert_eq!(with("on", ["get", "a"]).ok().text(), "one");
    assert_eq!(desk.get().ok().text(), "one");
}

/// Each identity file is another one to the agent.
#[test]
fn another_identity_is_not_unlocked_with_it() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let other = desk.0.path().join("other");
    std::fs::copy(desk.0.identity(), &other).unwrap();
    std::fs::remove_file(desk.0.identity()).unwrap();
    desk.typed(["id", "new"]).ok();
    desk.run(["id", "show"]).fails(4, "the identity has a passphrase");
    desk.typed(["unlock"]).ok();
    desk.get().fails(5, "cannot open the group");
    let mut first = desk.command(["get", "a"]);
    first.env("VAULT_IDENTITY", &other);
    assert_eq!(finish(first, b"").ok().text(), "one");
    desk.run(["lock"]).ok();
    desk.is_locked();
    let mut first = desk.command(["get", "a"]);
    first.env("VAULT_IDENTITY", &other);
    assert_eq!(finish(first, b"").ok().text(), "one", "only this one was locked");
}

#[test]
fn the_first_command_that_asks_can_start_it() {
    let desk = Desk::new();
    desk.config("\n[agent]\nstart = true\nidle_minutes = 5\nlock_minutes = 60\n");
    desk.is_locked();
    assert_eq!(desk.typed(["get", "a"]).ok().text(), "one");
    assert_eq!(desk.get().ok().text(), "one");
    let json = desk.run(["unlock", "--json"]).ok().json();
    assert!(json["idle_seconds"].as_u64().unwrap() <= 300, "{json}");
    desk.config("hours = 8\n");
    desk.get().fails(2, "[agent]: unknown key `hours`");
}

/// A directory for sockets that somebody else could have made: said, and done without.
#[test]
fn a_directory_of_others_is_not_used() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(desk.sockets(), mode).unwrap();
    };
    mode(0o777);
    let ran = desk.typed(["get", "a"]).ok();
    assert!(ran.stderr.contains("the agent is not used") && ran.text() == "one", "{}", ran.stderr);
    desk.typed(["unlock"]).fails(5, "open to other users");
    mode(0o700);
    assert_eq!(desk.get().ok().text(), "one");
}

/// An agent that was killed leaves a socket: the next command asks, and `unlock` starts another.
#[test]
fn a_killed_agent_is_replaced() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let pid = super::agent::pid_of(&desk);
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    super::agent::wait_for(pid);
    assert!(desk.sockets().join("agent.sock").exists());
    desk.is_locked();
    desk.typed(["unlock"]).ok();
    assert_eq!(desk.get().ok().text(), "one");
}
