//! `vault complete`: what the scripts of `vault completions` ask, at every press of the key.
//!
//! It prints names, never values. It asks nobody anything, costs no passphrase, takes a second at
//! most, and is silent about whatever fails.

mod bash;
mod names;
mod worker;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use super::output;
use crate::vault::{Error, Result, is_hidden};
use names::Names;

/// The whole of it takes no longer.
const LIMIT: Duration = Duration::from_secs(1);

/// Complete a command line
#[derive(Args)]
pub struct Complete {
    /// Do it, in this process
    #[arg(long)]
    worker: bool,
    /// bash: the line up to the cursor, and COMP_WORDBREAKS; zsh, fish: the words up to the cursor
    shell: String,
    /// The line, or the words
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// Which names an argument takes.
#[derive(Clone, Copy)]
enum Kind {
    Path,
    /// One that was deleted
    Deleted,
    Folder,
    Reference,
    /// NAME=REF
    Variable,
    Vault,
}

impl Complete {
    pub fn run(self) -> Result<()> {
        if !self.worker {
            let failed = |e| Error::general("cannot start again").because(e);
            return worker::run(&self.shell, &self.words, LIMIT).map_err(failed);
        }
        worker::settle(LIMIT);
        let line = match self.shell.as_str() {
            "bash" => self.words.first().and_then(|line| line.to_str()),
            _ => None,
        };
        let breaks = self.words.get(1).and_then(|breaks| breaks.to_str()).unwrap_or_default();
        let line = line.map(|line| bash::Line::parse(line, breaks));
        let words = match &line {
            Some(line) => line.words.iter().map(OsString::from).collect(),
            None => self.words,
        };
        let mut text = String::new();
        for candidate in candidates(words) {
            let Some(value) = candidate.get_value().to_str().filter(|v| is_plain(v)) else {
                continue;
            };
            match &line {
                Some(line) => match line.inserted(value) {
                    Some(inserted) => text.push_str(&inserted),
                    None => continue,
                },
                None => text.push_str(value),
            }
            let help = candidate.get_help().map(ToString::to_string);
            if let Some(help) = help.filter(|help| line.is_none() && is_plain(help)) {
                text.push('\t');
                text.push_str(&help);
            }
            text.push('\n');
        }
        output::data(text.as_bytes())
    }
}

/// True for what cannot drive a terminal.
fn is_plain(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

/// What can stand in the place of the last word.
fn candidates(words: Vec<OsString>) -> Vec<CompletionCandidate> {
    let Some(last) = words.len().checked_sub(1).filter(|last| *last > 0) else { return Vec::new() };
    let names = Arc::new(Names::new(vault_flag(&words[..last])));
    let mut command = with_names(super::command(), &names);
    let flags = words[last].as_encoded_bytes().starts_with(b"-");
    let mut found = complete(&mut command, words, last, None).unwrap_or_default();
    found.retain(|found| flags || !found.get_value().as_encoded_bytes().starts_with(b"-"));
    found
}

/// `--vault NAME` among the words.
fn vault_flag(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut found = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--vault") {
            Some("") => found = words.next().map(str::to_owned),
            Some(rest) => found = rest.strip_prefix('=').map(str::to_owned).or(found),
            None => {}
        }
    }
    found
}

/// The commands, with the names for their arguments.
fn with_names(command: clap::Command, names: &Arc<Names>) -> clap::Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| match kind(&name, &arg) {
        None => arg,
        Some(kind) => {
            let names = names.clone();
            let complete = move |typed: &OsStr| -> Vec<CompletionCandidate> {
                let typed = typed.to_str().unwrap_or_default();
                let found = match kind {
                    Kind::Path => names.paths(typed),
                    Kind::Deleted => names.deleted(typed),
                    Kind::Folder => names.folders(typed),
                    Kind::Reference => names.references(typed),
                    Kind::Variable => names.variables(typed),
                    Kind::Vault => names.vaults(typed),
                };
                found.into_iter().map(CompletionCandidate::new).collect()
            };
            arg.add(ArgValueCompleter::new(complete))
        }
    });
    command.mut_subcommands(|below| with_names(below, names))
}

/// By what an argument is called in the help.
fn kind(command: &str, arg: &clap::Arg) -> Option<Kind> {
    let value = arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str());
    match (command, arg.get_id().as_str(), value) {
        (_, "vault", _) => Some(Kind::Vault),
        (_, "reference", _) => Some(Kind::Reference),
        ("run", "env", _) => Some(Kind::Variable),
        ("import", "path", _) => Some(Kind::Folder),
        ("undelete", "path", _) => Some(Kind::Deleted),
        ("import", ..) => None,
        (_, "path", Some("FOLDER")) | (_, "folder" | "prefix", _) | (_, _, Some("FOLDER")) => {
            Some(Kind::Folder)
        }
        (_, "path", _) | ("mv" | "cp", "from" | "to", _) => Some(Kind::Path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_that_is_a_name_completes_names() {
        fn walk(command: &clap::Command, missing: &mut Vec<String>) {
            for arg in command.get_arguments() {
                let value = arg.get_value_names().and_then(<[_]>::first).map(|n| n.as_str());
                let is_name = matches!(
                    value,
                    Some("PATH" | "PATH@N" | "FOLDER" | "PREFIX" | "REFERENCE" | "FROM" | "TO")
                );
                if is_name
                    && command.get_name() != "import"
                    && kind(command.get_name(), arg).is_none()
                {
                    missing.push(format!("{} {}", command.get_name(), arg.get_id()));
                }
            }
            command.get_subcommands().for_each(|below| walk(below, missing));
        }
        let mut missing = Vec::new();
        let mut command = super::super::command();
        command.build();
        walk(&command, &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_vault_is_the_one_that_was_typed() {
        let flag =
            |line: &str| vault_flag(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(flag("vault get"), None);
        assert_eq!(flag("vault --vault team get").as_deref(), Some("team"));
        assert_eq!(flag("vault get --vault=team").as_deref(), Some("team"));
        assert_eq!(flag("vault run -- x --vault other"), None);
        assert_eq!(flag("vault vaults --vault"), None);
    }
}
