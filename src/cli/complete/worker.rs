//! The process that looks names up: in a session of its own, so that nothing in it asks on the
//! terminal, and all of it can be ended: whatever hangs, be it a lock, a name server, or a helper for
//! credentials and what that has started.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, setsid, waitid};

/// Runs `complete --worker` with these words, and ends it and what it started when it is done, or
/// after `limit`.
///
/// # Errors
/// If it cannot be started.
pub fn run(shell: &str, words: &[OsString], limit: Duration) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["complete", "--worker", shell, "--"]).args(words).stdin(Stdio::null());
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    thread::spawn(move || {
        thread::sleep(limit);
        // Nothing waits for it before this process ends, so that the number is still its own.
        end(pid);
        std::process::exit(0);
    });
    // The number stays its own until it is waited for below.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), ended) {}
    end(pid);
    child.wait().map(drop)
}

fn end(worker: Pid) {
    // There is no such group if it has not come that far: then it started nothing either.
    let _ = kill_process_group(worker, Signal::KILL);
    let _ = rustix::process::kill_process(worker, Signal::KILL);
}

/// Leaves the terminal, and ends by itself should nobody be there to do that.
pub fn settle(limit: Duration) {
    let _ = setsid();
    thread::spawn(move || {
        thread::sleep(limit * 2);
        std::process::exit(0);
    });
}
