//! The terminal between ours and the program: its output is masked on the way.

use std::fs::File;
use std::io::{IsTerminal, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::process::getpgrp;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// A pseudo-terminal for the program.
pub struct Terminal {
    master: OwnedFd,
    /// The program has it as its own, and ours passes keys on; otherwise it has ours, and only its
    /// output comes this way.
    pub is_own: bool,
    /// Ours as it was, while it passes everything on.
    before: Option<Termios>,
    /// How the program's began, until ours was in the foreground once: before that, a shell had
    /// ours, in modes of its own.
    first: Option<Termios>,
}

impl Terminal {
    /// A terminal like ours, and the program's end of it; `None` if no output goes to a terminal.
    pub fn open() -> Result<Option<(Self, OwnedFd)>> {
        let Some(ours) = ours() else { return Ok(None) };
        let is_own = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end = rustix::fs::open(ptsname(&master, Vec::new())?, flags, Mode::empty())?;
        let mut modes = tcgetattr(ours)?;
        if !is_own {
            // Ours does that already.
            modes.output_modes -= OutputModes::OPOST;
        }
        tcsetattr(&end, OptionalActions::Now, &modes)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let terminal = Self { master, is_own, before: None, first: Some(modes) };
        terminal.take_size();
        Ok(Some((terminal, end)))
    }

    /// Our end.
    pub fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// The size of ours is the size of the program's.
    pub fn take_size(&self) {
        if let Some(size) = ours().and_then(|ours| tcgetwinsize(ours).ok()) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// From now on ours passes on every key as it is, if we are in its foreground.
    pub fn enter(&mut self) {
        if !self.is_own || self.before.is_some() || !is_in_foreground() {
            return;
        }
        let Ok(before) = tcgetattr(stdin()) else { return };
        let mut raw = before.clone();
        raw.make_raw();
        if tcsetattr(stdin(), OptionalActions::Now, &raw).is_ok() {
            if let Some(first) = self.first.take()
                && tcgetattr(&self.master).is_ok_and(|now| is_same(&now, &first))
            {
                let _ = tcsetattr(&self.master, OptionalActions::Now, &before);
            }
            self.before = Some(before);
        }
    }

    /// Ours is as it was.
    pub fn leave(&mut self) {
        if let Some(before) = self.before.take()
            && is_in_foreground()
        {
            let _ = tcsetattr(stdin(), OptionalActions::Drain, &before);
        }
    }

    /// True if keys should be passed on, and are not yet.
    pub fn is_in_background(&self) -> bool {
        self.is_own && self.before.is_none()
    }

    /// True while keys are passed on.
    pub fn is_entered(&self) -> bool {
        self.before.is_some()
    }

    /// True if these keys would stop the program, and no shell in it: nothing else would bring us
    /// back to ours.
    pub fn stops(&self, keys: &[u8], program: rustix::process::Pid) -> bool {
        let Ok(modes) = tcgetattr(&self.master) else { return false };
        let key = modes.special_codes[SpecialCodeIndex::VSUSP];
        key != 0
            && modes.local_modes.contains(LocalModes::ISIG)
            && keys.contains(&key)
            && tcgetpgrp(&self.master).is_ok_and(|group| group == program)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

fn is_same(a: &Termios, b: &Termios) -> bool {
    let modes = |t: &Termios| (t.input_modes, t.output_modes, t.control_modes, t.local_modes);
    modes(a) == modes(b)
}

/// The terminal that output goes to.
fn ours() -> Option<BorrowedFd<'static>> {
    match (std::io::stdout().is_terminal(), std::io::stderr().is_terminal()) {
        (true, _) => Some(stdout()),
        (_, true) => Some(stderr()),
        _ => None,
    }
}

/// Whoever changes the terminal from the background is stopped.
fn is_in_foreground() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// A second owner of a file descriptor, as a standard stream of a program.
pub fn duplicate(fd: impl AsFd) -> Result<File> {
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(fd, 3)?))
}
