//! Keys on their way from our terminal to the program's.

use rustix::io::{Errno, read, write};
use rustix::stdio::stdin;

use super::terminal::Terminal;
use crate::vault::Secret;

/// What was typed and not yet passed on.
pub struct Input {
    keys: Secret,
    passed: usize,
    is_open: bool,
}

impl Input {
    /// Nothing typed yet.
    pub fn new() -> Self {
        Self { keys: Secret::with_capacity(1024), passed: 0, is_open: true }
    }

    /// True if keys may be read.
    pub fn reads(&self) -> bool {
        self.is_open && !self.is_waiting()
    }

    /// True if there are keys to pass on.
    pub fn is_waiting(&self) -> bool {
        self.passed < self.keys.len()
    }

    /// Reads once.
    pub fn read(&mut self, buffer: &mut [u8]) -> &[u8] {
        self.keys.truncate(0);
        self.passed = 0;
        let len = buffer.len().min(1024);
        match read(stdin(), &mut buffer[..len]) {
            Ok(0) => self.is_open = false,
            Ok(len) => self.keys.extend(&buffer[..len]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.is_open = false,
        }
        self.keys.bytes()
    }

    /// Passes on what it takes.
    pub fn write(&mut self, terminal: &Terminal) {
        match write(terminal.master(), &self.keys.bytes()[self.passed..]) {
            Ok(len) => self.passed += len,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.drop_keys(),
        }
    }

    /// Forgets what was not passed on.
    pub fn drop_keys(&mut self) {
        self.keys.truncate(0);
        self.passed = 0;
    }
}
