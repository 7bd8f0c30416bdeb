//! One stream of output on its way from the program to our caller.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::{Errno, read, write};

use crate::vault::{Masked, Masks, Secret};

/// What a pipe takes at once, or not at all.
const PIECE: usize = 4096;
/// How long the program is silent before a few bytes that could begin a value are passed on: a
/// prompt that ends in one must be seen.
const SHORT_SILENCE: Duration = Duration::from_millis(50);
/// The same for more of them, which rarely are anything but a value in the making.
const LONG_SILENCE: Duration = Duration::from_secs(3);
/// How many are a few.
const FEW: usize = 4;

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    Stderr,
}

impl Target {
    /// The descriptor.
    pub fn fd(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => rustix::stdio::stdout(),
            Self::Stderr => rustix::stdio::stderr(),
        }
    }
}

/// A stream of output.
pub struct OutputStream {
    from: Option<OwnedFd>,
    to: Target,
    masked: Option<Masked>,
    /// What is to be written, and how much of it was.
    out: Secret,
    written: usize,
    last: Instant,
    /// True for a terminal: who started the program has it back when that has ended. A pipe is
    /// read until the last one who holds it has closed it.
    pub ends_with_program: bool,
    /// What went wrong while writing.
    pub failure: Option<Errno>,
}

impl OutputStream {
    /// From the program to `to`, masked if there is something to mask.
    pub fn new(from: OwnedFd, to: Target, masks: Option<&Arc<Masks>>) -> Self {
        Self {
            from: Some(from),
            to,
            masked: masks.map(|masks| Masked::new(masks.clone())),
            out: Secret::with_capacity(2 * PIECE),
            written: 0,
            last: Instant::now(),
            ends_with_program: false,
            failure: None,
        }
    }

    /// The same, from a terminal.
    pub fn of_terminal(self) -> Self {
        Self { ends_with_program: true, ..self }
    }

    /// Where to read, if it is time to: what was read before goes out first.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        if self.is_waiting() { None } else { self.from.as_ref().map(AsFd::as_fd) }
    }

    /// Where to write, unless the program's end is closed and everything is out.
    pub fn target(&self) -> Option<BorrowedFd<'static>> {
        (self.from.is_some() || self.is_waiting()).then(|| self.to.fd())
    }

    /// True if there is something to write.
    pub fn is_waiting(&self) -> bool {
        self.written < self.out.len()
    }

    /// True if the program has closed its end.
    pub fn is_ended(&self) -> bool {
        self.from.is_none()
    }

    /// Reads once.
    pub fn read(&mut self, buffer: &mut [u8]) {
        let Some(from) = &self.from else { return };
        match read(from, &mut *buffer) {
            Ok(0) | Err(Errno::IO) => self.end(),
            Ok(len) => {
                self.last = Instant::now();
                self.clear();
                match &mut self.masked {
                    Some(masked) => masked.read(&buffer[..len], &mut self.out),
                    None => self.out.extend(&buffer[..len]),
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.end(),
        }
    }

    /// Writes once.
    pub fn write(&mut self) {
        let end = self.out.len().min(self.written + PIECE);
        match write(self.to.fd(), &self.out.bytes()[self.written..end]) {
            Ok(len) => self.written += len,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(e) => {
                // Nobody reads any more is nothing wrong.
                self.failure = Some(e).filter(|e| *e != Errno::PIPE);
                self.close();
            }
        }
    }

    /// Nobody reads what we write: the program is to notice that as it would without us.
    pub fn close(&mut self) {
        self.from = None;
        self.masked = None;
        self.out.truncate(0);
        self.written = 0;
    }

    /// The program writes no more.
    pub fn end(&mut self) {
        self.from = None;
        self.flush();
    }

    /// When what is held back is to be passed on.
    pub fn deadline(&self) -> Option<Instant> {
        match self.masked.as_ref().map_or(0, Masked::held) {
            0 => None,
            1..FEW => Some(self.last + SHORT_SILENCE),
            _ => Some(self.last + LONG_SILENCE),
        }
    }

    /// Passes on what is held back.
    pub fn flush(&mut self) {
        self.clear();
        if let Some(masked) = &mut self.masked {
            masked.flush(&mut self.out);
        }
    }

    fn clear(&mut self) {
        if !self.is_waiting() {
            self.out.truncate(0);
            self.written = 0;
        }
    }
}
