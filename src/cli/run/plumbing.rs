//! The streams of a program that is about to start.

use std::io::{IsTerminal, Result};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;

use super::output_stream::{OutputStream, Target};
use super::terminal::{Terminal, duplicate};
use crate::cli::inherited;
use crate::vault::Masks;

/// Its terminal, and what it writes.
pub struct Plumbing {
    pub terminal: Option<Terminal>,
    pub streams: Vec<OutputStream>,
}

impl Plumbing {
    /// A terminal for what goes to one, pipes for the rest.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn new(command: &mut Command, masks: &Arc<Masks>) -> Result<Self> {
        let mut streams = Vec::new();
        let opened = Terminal::open()?;
        let (stdout_is, stderr_is) =
            (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        if let Some((terminal, end)) = &opened {
            if terminal.is_own {
                command.stdin(duplicate(end)?);
                inherited::own_session(command);
            }
            if stdout_is {
                command.stdout(duplicate(end)?);
            }
            if stderr_is {
                command.stderr(duplicate(end)?);
            }
            let target = if stdout_is { Target::Stdout } else { Target::Stderr };
            let from = OwnedFd::from(duplicate(terminal.master())?);
            streams.push(OutputStream::new(from, target, Some(masks)).of_terminal());
        }
        let mut pipe = |target| {
            let (read, write) = std::io::pipe()?;
            streams.push(OutputStream::new(OwnedFd::from(read), target, Some(masks)));
            std::io::Result::Ok(write)
        };
        match (stdout_is, stderr_is) {
            // One pipe for both, or their order would be lost.
            (false, false) if is_same_file() => {
                let write = pipe(Target::Stdout)?;
                command.stdout(write.try_clone()?).stderr(write);
            }
            (false, false) => {
                command.stdout(pipe(Target::Stdout)?).stderr(pipe(Target::Stderr)?);
            }
            (false, true) => drop(command.stdout(pipe(Target::Stdout)?)),
            (true, false) => drop(command.stderr(pipe(Target::Stderr)?)),
            (true, true) => {}
        }
        Ok(Self { terminal: opened.map(|(terminal, _)| terminal), streams })
    }
}

/// True if stdout and stderr go to the same place.
fn is_same_file() -> bool {
    let stats =
        (rustix::fs::fstat(rustix::stdio::stdout()), rustix::fs::fstat(rustix::stdio::stderr()));
    match stats {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}
