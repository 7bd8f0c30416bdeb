//! Signals that are passed on to the program.

use std::io::Result;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::libc;
use rustix::process::Signal;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

/// A signal that came.
pub struct Caught {
    /// Which.
    pub signal: Signal,
    /// True if a process sent it; not if the terminal did, to all processes in its foreground.
    pub is_sent: bool,
}

/// Catches signals from when it is made.
pub struct Signals(SignalDelivery<UnixStream, WithOrigin>);

impl Signals {
    /// Those that the caller does not want us to see stay ignored, for the program as well.
    pub fn new() -> Result<Self> {
        let all = [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTERM,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGTSTP,
            libc::SIGCONT,
            libc::SIGWINCH,
            libc::SIGCHLD,
        ];
        let ignored = ignored();
        let wanted = all.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let (read, write) = UnixStream::pair()?;
        Ok(Self(SignalDelivery::with_pipe(read, write, WithOrigin::default(), wanted)?))
    }

    /// Readable when signals have come.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }

    /// Those that have come.
    pub fn take(&mut self) -> Vec<Caught> {
        let caught = self.0.pending().filter_map(|origin| {
            let is_sent = matches!(origin.cause, Cause::Sent(_));
            Some(Caught { signal: Signal::from_named_raw(origin.signal)?, is_sent })
        });
        caught.collect()
    }
}

/// The signals that our caller had us ignore, as bits, as far as the system tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
