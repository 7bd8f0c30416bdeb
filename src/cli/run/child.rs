//! The program that is started.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::sources::Variables;
use crate::cli::exit::Exit;
use crate::cli::{output, process};
use crate::config::{Inherit, inherited};
use crate::vault::escape;

/// What is started, and with which environment.
pub struct Program<'r> {
    /// The program and its arguments.
    pub command: &'r [OsString],
    /// What it has of our environment.
    pub inherit: Inherit,
    /// The file in which it finds the variables; without one they are in its environment.
    pub mount: Option<&'r Path>,
}

impl Program<'_> {
    /// It takes the place of this process. Comes back, with the exit code, only if it cannot.
    pub fn replace_us(&self, variables: &Variables) -> u8 {
        let mut command = self.command(variables);
        let error = process::with_callers_umask(|| command.exec());
        self.not_started(&error)
    }

    /// How it is started.
    pub fn command(&self, variables: &Variables) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).env_clear().envs(inherited(self.inherit));
        if self.mount.is_none() {
            command.envs(variables.iter().map(|(n, v)| (n, OsStr::from_bytes(v.bytes()))));
        }
        command
    }

    /// Says why it was not started; the exit code.
    pub fn not_started(&self, error: &std::io::Error) -> u8 {
        let name = escape(&self.command[0].to_string_lossy());
        output::note(&format!("error: cannot start {name}\n  because: {error}"));
        if error.kind() == ErrorKind::ArgumentListTooLong {
            output::note("hint: the values are too large for an environment; see --mount");
        }
        match error.kind() {
            ErrorKind::NotFound => Exit::NoProgram.code(),
            _ => Exit::NotExecutable.code(),
        }
    }
}

/// The exit code that a shell would tell.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
