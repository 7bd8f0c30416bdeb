//! The terminal: how it is entered and left. It is left in four places: at the end, before every
//! child, when the program is stopped, and in the panic hook. Each time what is on the screen is
//! cleared first, so that a terminal without a second screen keeps nothing.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::io::Errno;

use crate::vault::{Secret, b64_secret};

/// True while the terminal is ours.
static OURS: AtomicBool = AtomicBool::new(false);
/// Held while it is written to: a panic elsewhere must not give it back in the middle of a frame,
/// and no frame may come after that.
static WRITING: Mutex<()> = Mutex::new(());

/// Where frames go: straight to the terminal, through a buffer that is zeroed when it was
/// written. The standard library's would keep the last frame.
pub struct Output(Secret);

impl Output {
    /// An empty buffer.
    pub fn new() -> Self {
        Self(Secret::with_capacity(64 * 1024))
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match OURS.load(Ordering::SeqCst) {
            true => write_all(self.0.bytes()),
            false => Ok(()),
        };
        self.0.truncate(0);
        written
    }
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Takes the terminal.
///
/// # Errors
/// Whatever the system says.
pub fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    let mut out = Output::new();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
    if mouse {
        queue!(out, EnableMouseCapture)?;
    }
    queue!(out, Clear(ClearType::All))?;
    out.flush()
}

/// Gives the terminal back, if it is ours.
///
/// # Errors
/// Whatever the system says.
pub fn leave() -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if !OURS.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let mut out = Output::new();
    queue!(out, ResetColor, Clear(ClearType::All), MoveTo(0, 0))?;
    queue!(out, DisableMouseCapture, DisableFocusChange, DisableBracketedPaste)?;
    queue!(out, LeaveAlternateScreen, Show)?;
    let written = write_all(out.0.bytes());
    disable_raw_mode()?;
    written
}

/// From now on a panic gives the terminal back before it is reported.
pub fn restore_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = OURS.load(Ordering::SeqCst);
        let _ = leave();
        report(info);
        // A thread of ours that panics beside the loop: it would go on drawing.
        if ours && std::thread::current().name() != Some("main") {
            std::process::exit(101);
        }
    }));
}

/// What puts `text` into the clipboard of the terminal (OSC 52).
pub fn osc52(text: &Secret) -> Secret {
    let mut out = Secret::copy_of(b"\x1b]52;c;");
    out.extend(b64_secret(text.bytes()).bytes());
    out.extend(b"\x07");
    out
}

/// Writes bytes to the terminal.
///
/// # Errors
/// Whatever the system says.
pub fn write(bytes: &Secret) -> io::Result<()> {
    write_all(bytes.bytes())
}
