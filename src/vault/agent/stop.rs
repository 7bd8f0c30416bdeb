//! The end of an agent, whether it answers or not.

use rustix::process::Pid;

use crate::core::error::{Error, Result};

/// What became of an agent that was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is gone.
    Ended,
    /// It has forgotten what it held. Its process cannot be seen from here, as from within a
    /// container.
    Forgot,
}

/// Ends a process of ours that we are, or were, connected to.
pub(super) fn stop(pid: Option<Pid>, forgotten: bool) -> Result<Stopped> {
    match pid {
        Some(pid) => end(pid).map(|()| Stopped::Ended),
        None if forgotten => Ok(Stopped::Forgot),
        None => Err(Error::general("the agent does not answer, and its process cannot be seen")
            .hint("end it where it runs; it may be outside of this container")),
    }
}

/// First as it is asked to by others, then at once.
#[cfg(target_os = "linux")]
fn end(pid: Pid) -> Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    /// How long it may take to end by itself, and then by force.
    const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);
    let failed = || Error::general("the agent does not end");
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        process => process.map_err(|e| failed().because(e))?,
    };
    let limit = PATIENCE.try_into().expect("it is short");
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(&process, signal) {
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            sent => sent.map_err(|e| failed().because(e))?,
        }
        let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit));
        if ended.map_err(|e| failed().because(e))? == 1 {
            return Ok(());
        }
    }
    Err(failed())
}

/// There is no agent.
#[cfg(not(target_os = "linux"))]
fn end(_: Pid) -> Result<()> {
    Err(Error::general("the agent does not end"))
}
