//! Signals that are passed on to the program.

use std::io::Result;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::libc;
use rustix::process::{Pid, Signal};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

/// A signal that came.
pub struct Caught {
    /// Its number.
    pub number: i32,
    /// Which, unless it is one of those without a name (`SIGRTMIN` and on).
    pub signal: Option<Signal>,
    /// True if a process sent it; not if the terminal did, to all processes in its foreground.
    pub is_sent: bool,
    /// The process that sent it, where the system tells.
    pub from: Option<Pid>,
}

/// Catches signals from when it is made.
pub struct Signals(SignalDelivery<UnixStream, WithOrigin>);

impl Signals {
    /// All that can be caught and is not about a mistake of ours. Those that the caller does not
    /// want us to see stay ignored, for the program as well.
    pub fn new() -> Result<Self> {
        let named = [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTERM,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGALRM,
            libc::SIGVTALRM,
            libc::SIGPROF,
            libc::SIGIO,
            libc::SIGURG,
            libc::SIGXCPU,
            libc::SIGXFSZ,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
            libc::SIGCONT,
            libc::SIGWINCH,
            libc::SIGCHLD,
        ];
        let ignored = ignored();
        let all = named.into_iter().chain(of_this_system());
        let wanted = all.filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let (read, write) = UnixStream::pair()?;
        Ok(Self(SignalDelivery::with_pipe(read, write, WithOrigin::default(), wanted)?))
    }

    /// Readable when signals have come.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }

    /// Those that have come.
    pub fn take(&mut self) -> Vec<Caught> {
        let caught = self.0.pending().map(|origin| Caught {
            number: origin.signal,
            signal: Signal::from_named_raw(origin.signal),
            is_sent: matches!(origin.cause, Cause::Sent(_)),
            from: origin.process.and_then(|process| Pid::from_raw(process.pid)),
        });
        caught.collect()
    }
}

/// Signals that not every system has.
#[cfg(target_os = "linux")]
fn of_this_system() -> impl Iterator<Item = i32> {
    [libc::SIGPWR, libc::SIGSTKFLT].into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

#[cfg(not(target_os = "linux"))]
fn of_this_system() -> impl Iterator<Item = i32> {
    std::iter::empty()
}

/// The signals that our caller had us ignore, as bits, as far as the system tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
