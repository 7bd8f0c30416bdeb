//! Looking after everything that a vault needs: this device, the place where the vault is, and
//! the vault itself. Nothing is mended, and nothing of the vault is changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::files::check_writable;
use crate::core::error::Error;
use crate::core::path::escape;

mod bucket;
mod directory;
mod place;
mod team;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Ok,
    /// It works, and somebody should know this.
    Warning,
    /// It does not work, or is not safe.
    Error,
    /// It was not looked at.
    Skipped,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    /// The sign for it.
    pub fn sign(self) -> char {
        match self {
            Self::Ok => '+',
            Self::Warning => '!',
            Self::Error => 'x',
            Self::Skipped => '-',
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Check {
    /// A check that ended like this.
    pub fn new(name: &str, status: Status, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status, message: message.into(), hint: None }
    }

    /// [`Status::Ok`]
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message)
    }

    /// [`Status::Warning`]
    pub fn warning(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Warning, message)
    }

    /// [`Status::Error`]
    pub fn error(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Error, message)
    }

    /// [`Status::Skipped`]
    pub fn skipped(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Skipped, message)
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What stopped a check, with its causes.
    pub fn failed(name: &str, status: Status, error: &Error) -> Self {
        let causes = error.causes().map(|cause| format!(": {}", escape(&cause)));
        let message = error.message.clone() + &causes.collect::<String>();
        Self { name: name.to_owned(), status, message, hint: error.hint.clone() }
    }
}

/// A file of this device that only its user should change, and if `private` only he should read.
pub fn file(name: &str, path: &Path, private: bool) -> Check {
    let shown = escape(&path.display().to_string());
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Check::skipped(name, format!("{shown} is not there"));
        }
        Err(e) => return Check::error(name, format!("{shown} cannot be looked at: {e}")),
    };
    let mode = meta.mode() & 0o7777;
    if !meta.is_file() {
        return Check::error(name, format!("{shown} is no file"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Check::warning(name, format!("{shown} belongs to another user"));
    }
    if private && mode & 0o077 != 0 {
        let message = format!("{shown} can be read by other users (mode {mode:o})");
        return Check::error(name, message).hint(format!("chmod 600 {shown}"));
    }
    if mode & 0o022 != 0 {
        let message = format!("{shown} can be changed by other users (mode {mode:o})");
        return Check::warning(name, message).hint(format!("chmod go-w {shown}"));
    }
    Check::ok(name, format!("{shown} (mode {mode:o})"))
}

/// A directory of this device that only its user should enter, and that must be writable.
pub fn private_directory(name: &str, path: &Path) -> Check {
    let shown = escape(&path.display().to_string());
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Check::ok(name, format!("{shown} is made when it is needed"));
        }
        Err(e) => return Check::error(name, format!("{shown} cannot be looked at: {e}")),
    };
    if let Err(e) = check_writable(path) {
        return Check::failed(name, Status::Error, &e);
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let message = format!("{shown} can be entered by other users (mode {mode:o})");
        return Check::warning(name, message).hint(format!("chmod 700 {shown}"));
    }
    Check::ok(name, format!("{shown} (mode {mode:o})"))
}
