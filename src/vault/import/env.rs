//! Files of environment variables.

use super::{MAX_IMPORT, Parsed, text_of};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::vault::env_file::{is_variable_name, parse_env_within};

/// `NAME=value` as a shell reads it.
///
/// # Errors
/// Usage, with the line.
pub fn dotenv(bytes: &Secret) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    for declared in parse_env_within(bytes, MAX_IMPORT)? {
        if declared.name == "sops_mac" {
            return Err(Error::usage("this is a file of sops, and its values are encrypted")
                .hint("--format sops"));
        }
        let value = declared.value.ok_or_else(|| no_value(declared.line))?;
        parsed.push_value(vec![declared.name], value)?;
    }
    Ok(parsed)
}

/// `NAME=value` as Docker reads it: without quotes.
///
/// # Errors
/// Usage, with the line.
pub fn docker(bytes: &Secret) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    for (i, line) in text_of(bytes)?.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| no_value(i + 1))?;
        if !is_variable_name(name) {
            return Err(Error::usage(format!("line {}: no name of a variable", i + 1)));
        }
        parsed.push_value(vec![name.to_owned()], Secret::copy_of(value.as_bytes()))?;
    }
    Ok(parsed)
}

/// A line without `=` may be the next line of a value that has no quotes: it is not left out, and
/// nothing of it is shown.
fn no_value(line: usize) -> Error {
    Error::usage(format!("line {line}: no `=`, so there is no value"))
        .hint("a value of several lines stands in quotes; take out lines that are a name alone")
}

/// `NAME=value` and `NAME<<END`, as GitHub's runner reads `$GITHUB_ENV`.
///
/// # Errors
/// Usage, with the line.
pub fn github(bytes: &Secret) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut lines = text_of(bytes)?.split('\n').enumerate();
    while let Some((i, line)) = lines.next() {
        if line.trim_end_matches('\r').is_empty() {
            continue;
        }
        let wrong = |why: &str| Error::usage(format!("line {}: {why}", i + 1));
        let plain = line.find('=').unwrap_or(usize::MAX);
        let (name, value) = match line.find("<<") {
            Some(at) if at < plain => {
                let (name, end) = (&line[..at], line[at + 2..].trim_end_matches('\r'));
                let mut value = Secret::with_capacity(256);
                let mut first = true;
                loop {
                    let (_, next) = lines.next().ok_or_else(|| wrong("the value has no end"))?;
                    if next.trim_end_matches('\r') == end {
                        break;
                    }
                    value.extend(if std::mem::take(&mut first) { b"" } else { b"\n" });
                    value.extend(next.as_bytes());
                }
                (name, value)
            }
            _ => {
                let (name, value) =
                    line.split_once('=').ok_or_else(|| wrong("neither `=` nor `<<`"))?;
                (name, Secret::copy_of(value.trim_end_matches('\r').as_bytes()))
            }
        };
        if !is_variable_name(name) {
            return Err(wrong("no name of a variable"));
        }
        parsed.push_value(vec![name.to_owned()], value)?;
    }
    Ok(parsed)
}
