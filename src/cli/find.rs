use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::output;
use super::put::read_all;
use super::resolve;
use super::session::Session;
use crate::tui::rows::ranked;
use crate::vault::{Content, Error, Kind, Opened, Path, Prefix, Result, Secret, Vault, escape};

/// Secrets that are decrypted at once.
const ROUND: usize = 512;

/// Find secrets by name, or by a part of a value
///
/// Names are searched as `/` in the terminal UI does: the letters in their order, with others in
/// between, the best ones first; a capital letter counts as one.
///
/// --value decrypts every secret in memory and prints path and field of those whose value has the
/// text in it, exactly; never a value. Without TEXT it is asked for, or read from standard input:
/// arguments are seen by others on this machine. What cannot be read is listed at the end; then the
/// exit code is 9. If nothing is found it is 3.
#[derive(Args)]
#[command(after_help = "Examples:
  vault find pgpass                           prod/db/pg-password, for one
  vault find --value db.internal              where a host name is in use
  vault find --value                          asks for it without echo
  pbpaste | vault find --value                is this value in the vault?")]
pub struct Find {
    /// What to look for
    text: Option<String>,
    /// Search values, not names
    #[arg(long)]
    value: bool,
    /// Only below this folder
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
}

impl Find {
    pub async fn run(self, session: &Session) -> Result<()> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        let vault = match (&self.text, self.value) {
            (None, false) => return Err(Error::usage("what to look for is missing")),
            (Some(text), _) if text.is_empty() => return Err(nothing_to_look_for()),
            _ => session.vault().await?,
        };
        let text = match (self.text, self.value) {
            (Some(text), false) => {
                let names = vault.list(&prefix).await;
                session.warn(&vault);
                return names_found(session, &text, &names?);
            }
            (Some(text), true) => Secret::new(text.into_bytes()),
            (None, _) => asked_for(session).await?,
        };
        let found = search(&vault, &prefix, &text).await;
        session.warn(&vault);
        let (found, failed) = found?;
        if found.is_empty() && failed.is_empty() {
            return Err(Error::not_found("nothing found"));
        }
        print(session, &found)?;
        if let Some(error) = resolve::failures(failed, "these were not searched") {
            return Err(Error::new(Kind::Partial, error.message));
        }
        Ok(())
    }
}

fn names_found(session: &Session, text: &str, names: &[Path]) -> Result<()> {
    let found: Vec<&Path> = ranked(text, names).into_iter().map(|at| &names[at]).collect();
    if found.is_empty() {
        return Err(Error::not_found("nothing found"));
    }
    if session.json {
        let list = found.iter().map(|path| json!({ "path": path.as_str() }));
        return output::json(&list.collect());
    }
    let lines: String = found.iter().map(|path| format!("{path}\n")).collect();
    output::data(lines.as_bytes())
}

/// A path and the field of it; none of a raw version.
type Place = (Path, Option<String>);

fn print(session: &Session, found: &[Place]) -> Result<()> {
    if session.json {
        let list = found.iter().map(|(path, f)| json!({ "path": path.as_str(), "field": f }));
        return output::json(&list.collect());
    }
    let cells = |(path, field): &Place| {
        vec![path.to_string(), field.as_deref().map(escape).unwrap_or_default()]
    };
    output::table(&["PATH", "FIELD"], &found.iter().map(cells).collect::<Vec<_>>())
}

/// The places of a value, and what could not be read.
async fn search(
    vault: &Vault,
    prefix: &Prefix,
    text: &Secret,
) -> Result<(Vec<Place>, Vec<(String, Error)>)> {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for paths in vault.list(prefix).await?.chunks(ROUND) {
        for (path, answer) in paths.iter().zip(vault.read_many(paths).await?) {
            match answer {
                Ok(opened) => found.extend(matches(path, &opened, text)),
                // Deleted since it was listed.
                Err(e) if e.kind == Kind::NotFound => {}
                Err(e) => failed.push((path.to_string(), e)),
            }
        }
    }
    Ok((found, failed))
}

fn matches(path: &Path, opened: &Opened, text: &Secret) -> Vec<Place> {
    let has = |value: &Secret| value.bytes().windows(text.len()).any(|part| part == text.bytes());
    match &opened.content {
        Content::Raw(bytes) if has(bytes) => vec![(path.clone(), None)],
        Content::Raw(_) => Vec::new(),
        Content::Doc(document) => {
            let fields = document.fields.iter().filter(|field| has(&field.value));
            fields.map(|field| (path.clone(), Some(field.name.clone()))).collect()
        }
    }
}

/// The text to look for, from the terminal or standard input. A line break at its end is no part
/// of it.
async fn asked_for(session: &Session) -> Result<Secret> {
    let mut text = match std::io::stdin().is_terminal() {
        true => session.prompt.unseen("Look for:", "pipe it in").await?,
        false => read_all(std::io::stdin().lock(), None)?,
    };
    let line =
        text.bytes().strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let len = line.map_or(text.len(), <[u8]>::len);
    text.truncate(len);
    if text.is_empty() { Err(nothing_to_look_for()) } else { Ok(text) }
}

fn nothing_to_look_for() -> Error {
    Error::usage("an empty text is in every value")
}
