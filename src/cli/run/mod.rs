//! `vault run`: a program with secrets in its environment.

mod child;
mod group;
mod input;
mod mount;
mod output_stream;
mod plumbing;
mod signals;
mod sources;
mod supervisor;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::output;
use super::resolve::Resolver;
use super::session::Session;
use crate::config::{Inherit, is_ci};
use crate::vault::{Error, Result, escape};
use child::Program;
use sources::{Sources, Variables};

/// Start a program with secrets in its environment
///
/// All secrets are read at once, and verified, before the program starts; if one cannot be had, all
/// that cannot are listed and it does not start. With nothing to mask, watch or mount, the program
/// then takes the place of this one.
///
/// --env-file reads NAME=VALUE lines as a shell does: quotes, line breaks within them, backslashes,
/// comments, `export`; without expansions ($X stays as it is), but in double quotes \n, \r and \t
/// are a line break, a carriage return and a tab. A value that is a reference (vault://…, see `vault
/// help references`) is replaced by what it names. In a longer value, and in a variable of the caller,
/// a reference stays as it is, which is told. NAME alone declares a variable that comes from
/// elsewhere, which may be the environment of the caller.
///
/// --prefix takes every secret below a folder. Its variable is the path below the folder in upper
/// case, with `_` for every other character, and before a digit in front: stripe/api-key is
/// STRIPE_API_KEY. That is the field that `vault get` prints: `value`, or the only one. Other fields
/// have their name behind it: db with the fields user and password is DB_USER and DB_PASSWORD. Two
/// that get the same name are an error. Names by which others could take over the program (PATH,
/// LD_*, EDITOR, *_PROXY, VAULT_* and the like) are refused. Of a name that comes from several
/// places the last one counts, in this order: the caller, --prefix, --env-file, --env.
///
/// --mask writes *** in the place of secret values, however the program splits them, of their
/// lines, of their base64, URL-encoded, JSON and XML forms, and as shells quote them. It is on if
/// stdout is no terminal, and where CI is set. Values of less than four bytes are not masked, nor are
/// fields that are not secret, such as a user name. All forms of all values together have 16 MiB,
/// which is about 200 KB of values; more are an error. On a terminal the program keeps one, so that
/// colours, size and keys work. What could be the beginning of a value is written when the program
/// has been silent for a moment. Pipes are read until everybody has closed them, as without vault: a
/// process that stays in the background keeps them open. A terminal goes back when the program ends,
/// and what others write to it after that is not shown, which is told.
///
/// --watch ends the program with all that it started (TERM; KILL after ten seconds), and the program
/// has a process group of its own. After the start nothing is asked: if the identity is locked by
/// then, that is told once, and the program goes on with the values it has.
///
/// --mount has one reader at a time. Of several that open the file at the same moment one has the
/// variables, and the others find it empty, or a part of them: read it one after the other. It must
/// be in a folder that others cannot write.
///
/// The program never inherits VAULT_CAPABILITY. It cannot dump core. The exit code is the
/// program's; 128 + N if signal N ended it, 126 if it cannot be executed, 127 if there is none.
#[derive(Args)]
#[command(after_help = "Examples:
  vault run -e PGPASSWORD=vault://prod/db/password -- psql
  vault run --env-file .env -- npm start
  vault run --prefix prod/api --only -- ./server
  vault run --env-file .env --watch -- ./server       start it again when a value changes
  vault run --env-file .env --mount .env.live -- ./server  a file instead of the environment")]
pub struct Run {
    /// A variable, and the reference to its value
    #[arg(short, long, value_name = "NAME=REF")]
    env: Vec<String>,
    /// Variables from a file of NAME=VALUE lines
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Every secret below a folder
    #[arg(long, value_name = "FOLDER")]
    prefix: Vec<String>,
    /// Pass on PATH, HOME, TERM and the like, and nothing else of the caller's environment
    #[arg(long, conflicts_with = "pristine")]
    only: bool,
    /// Pass on nothing of the caller's environment
    #[arg(long)]
    pristine: bool,
    /// Fail if a name that an env file declares has no value, or an empty one, and where a
    /// reference would be passed on as text
    #[arg(long)]
    strict: bool,
    /// Mask secret values in what the program writes
    #[arg(long, overrides_with = "no_mask")]
    mask: bool,
    /// Pass on what the program writes as it is
    #[arg(long)]
    no_mask: bool,
    /// Look for changes every so many seconds, and start the program again after one
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
        default_missing_value = "10", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    watch: Option<u32>,
    /// Give the variables in this file (a FIFO, removed at the end), not in the environment
    #[arg(long, value_name = "FILE")]
    mount: Option<PathBuf>,
    /// Remove that file after it was read so many times
    #[arg(long, value_name = "N", requires = "mount",
        value_parser = clap::value_parser!(u32).range(1..))]
    mount_reads: Option<u32>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<OsString>,
}

impl Run {
    /// The exit code.
    pub async fn run(self, session: &Session) -> Result<u8> {
        let sources = Sources::read(&self.env, &self.env_file, &self.prefix)?;
        let inherit = match (self.only, self.pristine) {
            (true, _) => Inherit::Basics,
            (_, true) => Inherit::Nothing,
            _ => Inherit::All,
        };
        let mut resolver = Resolver::new(session);
        let (variables, seen) = sources.resolve(&mut resolver, self.strict).await?;
        session.prompt.keep_from_program()?;
        resolver.ask_no_more();
        check_references(&variables, inherit, self.strict)?;
        let mask = self.masks();
        if !mask && self.watch.is_none() && self.mount.is_none() {
            let program = Program { command: &self.command, inherit, mount: None };
            return Ok(program.replace_us(&variables));
        }
        let watched = watch::Watched { run: &self, inherit, mask, sources: &sources };
        watched.run(&mut resolver, variables, seen).await
    }

    /// Whether values are masked.
    fn masks(&self) -> bool {
        self.mask || !self.no_mask && (!std::io::stdout().is_terminal() || is_ci())
    }
}

/// Tells which values are too short to be masked.
fn warn_of_short(variables: &Variables) {
    let short: Vec<String> = variables.too_short().map(escape).collect();
    if !short.is_empty() {
        let names = short.join(", ");
        output::note(&format!("warning: too short to be masked (less than 4 bytes): {names}"));
    }
}

/// Tells where references are passed on as text.
///
/// # Errors
/// Usage in the place of the warning, with `--strict`.
fn check_references(variables: &Variables, inherit: Inherit, strict: bool) -> Result<()> {
    let names: Vec<String> = variables.unresolved(inherit).iter().map(|n| escape(n)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let text = format!("a reference is passed on as text: {}", names.join(", "));
    if strict {
        return Err(Error::usage(text).hint(
            "a reference is resolved if it is the whole value, in an env file or with --env",
        ));
    }
    output::note(&format!("warning: {text}"));
    Ok(())
}

/// The error for something that the system refuses while a program is started.
fn failed(what: &str, error: impl Into<std::io::Error>) -> Error {
    Error::general(what).because(error.into())
}
