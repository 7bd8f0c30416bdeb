use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::agent::{pid_of, wait_for};
use super::home::{Home, finish};
use super::unlock::Desk;

#[test]
fn locked_is_locked() {
    let desk = Desk::new();
    let ran = desk.run(["lock"]).ok();
    assert!(ran.stderr.contains("No agent runs"), "{}", ran.stderr);
    desk.typed(["unlock"]).ok();
    assert_eq!(desk.get().ok().text(), "one");
    assert_eq!(desk.run(["lock"]).ok().stderr, "Locked.\n");
    desk.is_locked();
}

#[test]
fn all_ends_the_agent_and_removes_the_cache() {
    let desk = Desk::new();
    let cache = desk.0.path().join(".cache/vault");
    desk.typed(["unlock"]).ok();
    assert!(cache.exists());
    let ran = desk.run(["lock", "--all"]).ok();
    assert!(ran.stderr.contains("The agent has ended."), "{}", ran.stderr);
    assert!(!cache.exists() && !desk.sockets().join("agent.sock").exists());
    desk.is_locked();
    let again = desk.run(["lock", "--all"]).ok();
    assert!(again.stderr.contains("No agent runs."), "{}", again.stderr);
    // Nothing is lost with the cache.
    assert_eq!(desk.typed(["get", "a"]).ok().text(), "one");
    desk.typed(["unlock"]).ok();
    assert_eq!(desk.get().ok().text(), "one");
}

/// What does not end it does not keep the rest from being done.
#[test]
fn all_does_what_it_can() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    std::fs::create_dir(desk.sockets()).unwrap();
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(desk.sockets(), mode).unwrap();
    };
    mode(0o777);
    let cache = desk.0.path().join(".cache/vault");
    assert!(cache.exists());
    desk.run(["lock", "--all"]).fails(5, "open to other users");
    assert!(!cache.exists());
    mode(0o700);
}

/// A socket that a killed process left is no clipboard, and goes.
#[test]
fn a_clipboard_that_is_gone_is_passed_over() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let left = desk.sockets().join("clip.123");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    let ran = desk.run(["lock", "--all"]).ok();
    assert!(!ran.stderr.contains("clipboard") && !left.exists(), "{}", ran.stderr);
}

#[test]
fn all_needs_no_identity() {
    let home = Home::new();
    let run = home.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let mut command = home.command(["lock", "--all"]);
    command.env("XDG_RUNTIME_DIR", &run);
    super::home::finish(command, b"").ok();
    let mut command = home.command(["lock"]);
    command.env("XDG_RUNTIME_DIR", &run);
    super::home::finish(command, b"").ok();
}

/// An agent that does not answer keeps its keys from nobody who can end it, and holds nobody up.
#[test]
fn all_ends_an_agent_that_does_not_answer() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let pid = pid_of(&desk);
    kill_process(pid, Signal::STOP).unwrap();
    let begin = Instant::now();
    let ran = desk.typed(["get", "a"]).ok();
    assert!(ran.text() == "one" && ran.stderr.contains("the agent is not used"), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let begin = Instant::now();
    let ran = desk.run(["lock", "--all"]).ok();
    assert!(ran.stderr.contains("The agent has ended."), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    wait_for(pid);
    desk.is_locked();
}

/// Runs a command in namespaces of its own.
fn apart(command: &Command, flags: &[&str]) -> Command {
    let mut apart = Command::new("unshare");
    apart.args(flags).arg("--").arg(command.get_program()).args(command.get_args());
    apart.env_clear().current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        apart.env(name, value.unwrap());
    }
    apart
}

/// A container that shares the directory of the socket does not see the agent's process.
#[test]
fn an_agent_outside_of_the_container_is_used_and_forgets() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let pid = pid_of(&desk);
    let contained = ["--user", "--map-current-user", "--pid", "--fork"];
    assert_eq!(finish(apart(&desk.command(["get", "a"]), &contained), b"").ok().text(), "one");
    let ran = finish(apart(&desk.command(["lock", "--all"]), &contained), b"").ok();
    assert!(ran.stderr.contains("The agent has forgotten what it held."), "{}", ran.stderr);
    // It has nothing to hold any more.
    wait_for(pid);
    desk.is_locked();
    // One that does not answer is not said to have ended.
    let left = desk.sockets().join("agent.sock");
    let _ = std::fs::remove_file(&left);
    let silent = UnixListener::bind(&left).unwrap();
    let ran = finish(apart(&desk.command(["lock", "--all"]), &contained), b"");
    drop(silent);
    // It listens in this process, which is outside, too.
    ran.fails(1, "does not answer");
}

/// The same user has two directories for sockets, with and without XDG_RUNTIME_DIR.
#[test]
fn all_ends_the_agent_of_the_other_directory() {
    // Only root may have one more user.
    if std::env::var_os("VAULT_TESTS_WITHOUT_ROOT").is_some() {
        return;
    }
    let desk = Desk::new();
    // A user of this test alone, so that it ends nobody else's agent.
    let user = 60_000 + std::process::id() % 5_000;
    let flags = ["--user".to_owned(), format!("--map-user={user}")];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut agent = apart(desk.command(["agent"]).env_remove("XDG_RUNTIME_DIR"), &flags);
    let mut agent = agent.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let dir = std::path::PathBuf::from(format!("/tmp/vault-{user}"));
    let until = Instant::now() + Duration::from_secs(20);
    while !dir.join("agent.sock").exists() {
        assert!(
            Instant::now() < until && agent.try_wait().unwrap().is_none(),
            "it does not listen"
        );
        std::thread::yield_now();
    }
    let ran = finish(apart(&desk.command(["lock", "--all"]), &flags), b"");
    let ended = agent.wait().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(ran.ok().stderr.matches("The agent has ended.").count(), 1);
    assert!(ended.success());
}
