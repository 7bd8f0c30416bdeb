use super::home::Home;
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
