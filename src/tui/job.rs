//! A program that has the terminal for a while, as a shell would run it: in a process group of its
//! own, so that whatever it started can be ended with it.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal as Blocked};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process_group, test_kill_process_group,
    waitid,
};
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Caught, SignalKind, signal};

/// How long the group has to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// The program and its group.
pub(super) struct Job {
    child: Child,
    group: Pid,
    children: Caught,
    over: bool,
}

/// What the program did.
pub(super) enum Turn {
    /// It ended.
    Ended(ExitStatus),
    /// It was stopped, by Ctrl-Z as a rule.
    Stopped,
}

impl Job {
    /// Starts it in the background: `Stage::lend` and [`Job::go_on`] follow.
    pub(super) fn start(program: &str, args: &[String]) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        let child = Command::new(program).args(args).process_group(0).spawn()?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = pid.ok_or_else(|| io::Error::other("it has no number"))?;
        Ok(Self { child, group, children, over: false })
    }

    /// The process group.
    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// Continues it. Also undoes the stop of one that was faster to use the terminal than we to
    /// lend it.
    pub(super) fn go_on(&self) {
        let _ = kill_process_group(self.group, Signal::CONT);
    }

    /// Asks it to stop, as Ctrl-Z does.
    pub(super) fn stop(&self) {
        let _ = kill_process_group(self.group, Signal::TSTP);
    }

    /// Until it ends or is stopped.
    pub(super) async fn next(&mut self) -> io::Result<Turn> {
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    self.over = true;
                    return status.map(Turn::Ended);
                }
                _ = self.children.recv() => {
                    // Asks for stops alone: the end is for the wait above.
                    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
                    if let Ok(Some(_)) = waitid(WaitId::Pid(self.group), options) {
                        return Ok(Turn::Stopped);
                    }
                }
            }
        }
    }

    /// Ends it with all that it started: first asked, then made to.
    pub(super) async fn end(mut self) {
        let _ = kill_process_group(self.group, Signal::TERM);
        self.go_on();
        let group = self.group;
        let gone = async {
            let _ = self.child.wait().await;
            while test_kill_process_group(group).is_ok() {
                tokio::time::sleep(LOOK).await;
            }
        };
        self.over = tokio::time::timeout(GRACE, gone).await.is_ok();
    }
}

impl Drop for Job {
    /// Nobody waits for it any more: a panic, or it did not end when it was asked to.
    fn drop(&mut self) {
        if !self.over {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

/// The terminal, when somebody else has it.
#[derive(Default)]
pub(crate) struct Lent {
    /// How it was before.
    modes: Option<Termios>,
}

impl Lent {
    /// Gives the terminal to this group, if it is ours to give.
    pub(crate) fn to(group: Pid) -> Self {
        let modes = tcgetattr(stdin()).ok();
        if is_ours() {
            let _ = tcsetpgrp(stdin(), group);
        }
        Self { modes }
    }

    /// Takes it back, with the modes that it had: a program that is killed leaves its own.
    pub(crate) fn take_back(self) {
        let Some(modes) = self.modes else { return };
        // Whoever does this from the background is stopped, unless this signal is blocked.
        let mut background = SigSet::empty();
        background.add(Blocked::SIGTTOU);
        let old = background.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
        if tcgetpgrp(stdin()).is_ok() {
            let _ = tcsetpgrp(stdin(), getpgrp());
            let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
        }
        if let Ok(old) = old {
            let _ = old.thread_set_mask();
        }
    }
}

/// True if this is the program in the foreground, or nobody tells.
pub(super) fn is_ours() -> bool {
    tcgetpgrp(stdin()).map_or(true, |group| group == getpgrp())
}
