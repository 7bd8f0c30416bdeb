use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::home::Home;
use super::unlock::Desk;

/// The process that listens for this desk.
pub fn pid_of(desk: &Desk) -> Pid {
    let socket = std::os::unix::net::UnixStream::connect(desk.sockets().join("agent.sock"));
    rustix::net::sockopt::socket_peercred(socket.expect("an agent runs")).unwrap().pid
}

/// Waits until a process of somebody else's has ended.
pub fn wait_for(pid: Pid) {
    use rustix::event::{PollFd, PollFlags, poll};
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let patience = std::time::Duration::from_secs(10).try_into().unwrap();
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).unwrap();
    assert_eq!(ended, 1, "it does not end");
}

/// An agent in the foreground, ready.
pub fn foreground(desk: &Desk) -> Child {
    let mut command = desk.command(["agent"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("Listening"));
    child
}

#[test]
fn it_runs_in_the_foreground_until_it_is_told_to_end() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let desk = Desk::new();
        let mut child = foreground(&desk);
        desk.typed(["unlock"]).ok();
        assert_eq!(desk.get().ok().text(), "one");
        desk.run(["agent"]).fails(6, "an agent runs already");
        // It goes on when it holds nothing.
        desk.run(["lock"]).ok();
        desk.typed(["unlock"]).ok();
        kill_process(pid_of(&desk), signal).unwrap();
        assert!(child.wait().unwrap().success());
        assert!(!desk.sockets().join("agent.sock").exists());
        desk.is_locked();
    }
}

/// What `unlock` started ends when it has nothing to hold any more.
#[test]
fn in_the_background_it_ends_when_it_is_empty() {
    let desk = Desk::new();
    desk.typed(["unlock"]).ok();
    let pid = pid_of(&desk);
    // No core, not traceable, out of the terminal's session.
    let status = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).unwrap();
    let core = status.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    // Nothing of the caller's stays open with it.
    for link in std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap() {
        let Ok(file) = std::fs::read_link(link.unwrap().path()) else { continue };
        assert!(!file.ends_with("passphrase"), "{}", file.display());
    }
    desk.run(["lock"]).ok();
    wait_for(pid);
}

#[test]
fn its_directory_must_be_safe() {
    let home = Home::with_vault();
    let mut command = home.command(["agent"]);
    command.env("XDG_RUNTIME_DIR", home.path().join("missing"));
    super::home::finish(command, b"").fails(1, "cannot make the agent's socket");
    // Whoever has it started is told why, and what to do.
    let desk = Desk::new();
    for (dir, says) in [("missing", "No such file"), (&*"x".repeat(120), "SUN_LEN")] {
        let run = desk.0.path().join(dir);
        if dir != "missing" {
            std::fs::create_dir(&run).unwrap();
        }
        let mut command = desk.command_typed(["unlock"]);
        command.env("XDG_RUNTIME_DIR", &run);
        let ran = super::home::finish(command, b"");
        assert!(
            ran.stderr.contains(says) && ran.stderr.contains("XDG_RUNTIME_DIR"),
            "{}",
            ran.stderr
        );
        ran.fails(1, "cannot make the agent's socket");
    }
    std::fs::write(home.path().join("vault"), b"").unwrap();
    let mut command = home.command(["agent"]);
    command.env("XDG_RUNTIME_DIR", home.path());
    super::home::finish(command, b"").fails(5, "is no directory");
}

/// 16 at once: one agent, and every command is served.
#[test]
fn many_start_one_agent() {
    let desk = Desk::new();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| desk.typed(["unlock", "--for", "1h"]).ok());
        }
    });
    // Also those that listen at a socket whose name is gone.
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    let ours = format!(" {}", desk.sockets().join("agent.sock").display());
    let listens = |line: &&str| line.ends_with(&ours) && line.split(' ').nth(3) == Some("00010000");
    assert_eq!(sockets.lines().filter(listens).count(), 1, "{sockets}");
    assert_eq!(desk.get().ok().text(), "one");
}
