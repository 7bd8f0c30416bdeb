//! The process group of a program that is started again: whatever it started ends with it, and it
//! has the terminal as a job of a shell has.

use std::io::IsTerminal;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgrp, getsid, kill_process_group,
    test_kill_process_group, waitid,
};
use rustix::stdio::stdin;
use rustix::termios::tcgetpgrp;

use crate::tui::Lent;

/// The program and what it started.
pub struct Group {
    id: Pid,
    /// It has no terminal of its own, but ours.
    shares_terminal: bool,
    lent: Option<Lent>,
}

impl Group {
    /// The group of a program that was started now.
    pub fn new(id: Pid, has_own_terminal: bool) -> Self {
        let shares_terminal =
            !has_own_terminal && std::io::stdin().is_terminal() && tcgetpgrp(stdin()).is_ok();
        let mut group = Self { id, shares_terminal, lent: None };
        if group.lend() {
            // It may have been faster to read than we to lend.
            group.send(Signal::CONT);
        }
        group
    }

    /// Gives it the terminal if that is ours to give; true if it has it now.
    pub fn lend(&mut self) -> bool {
        if self.shares_terminal && self.lent.is_none() && is_in_foreground() {
            self.lent = Some(Lent::to(self.id));
        }
        self.lent.is_some()
    }

    /// Takes the terminal back, unless somebody else has it.
    pub fn take_back(&mut self) {
        if let Some(lent) = self.lent.take()
            && tcgetpgrp(stdin()).is_ok_and(|group| group == self.id)
        {
            lent.take_back();
        }
    }

    /// To all of them.
    pub fn send(&self, signal: Signal) {
        let _ = kill_process_group(self.id, signal);
    }

    /// True if nobody is left.
    pub fn is_gone(&self) -> bool {
        test_kill_process_group(self.id).is_err()
    }

    /// What stopped the program, if it was the terminal that it shares with us.
    pub fn stopped_by(&self) -> Option<Signal> {
        if !self.shares_terminal {
            return None;
        }
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let status = waitid(WaitId::Pid(self.id), options).ok()??;
        let signal = Signal::from_named_raw(status.stopping_signal()?)?;
        [Signal::TSTP, Signal::TTIN, Signal::TTOU].contains(&signal).then_some(signal)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// True if somebody would continue us: the first process of a session is nobody's job, and the
/// system does not let the terminal stop it.
pub fn can_be_stopped() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

fn is_in_foreground() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}
