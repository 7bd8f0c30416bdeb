//! Formats that become environment variables.

use super::{Export, variable_text};
use crate::core::error::Error;
use crate::core::secret::Secret;
use crate::vault::variables::Variable;

/// The longest line that Docker reads.
const DOCKER_LINE: usize = 64 * 1024;
/// What begins the end mark of a value in `$GITHUB_ENV`.
const DELIMITER: &str = "vault-end";
/// Shorter lines are not masked: they would take half of a log with them.
const SHORTEST_MASK: usize = 4;

/// In single quotes, but for what Docker Compose does not read in them: then in double quotes.
pub fn dotenv(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = variable_text(variable)?;
    let out = &mut export.text;
    out.extend(variable.name.as_bytes());
    // Compose takes a backslash before a quote as one that escapes it.
    let single = !text.contains('\'') && !text.ends_with('\\');
    if single || text.contains('`') {
        out.extend(b"='");
        text.split('\'').enumerate().for_each(|(i, part)| {
            out.extend(if i > 0 { b"'\\''" } else { b"" });
            out.extend(part.as_bytes());
        });
        out.extend(b"'\n");
    } else {
        out.extend(b"=\"");
        escape_with_backslash(out, text, b"\\\"$");
        out.extend(b"\"\n");
    }
    if !single && text.contains('`') || text.contains('\r') {
        export.warnings.push(format!(
            "{}: a shell reads this value right, but Docker Compose does not",
            variable.origin
        ));
    }
    Ok(())
}

/// As it is: Docker knows no quotes.
pub fn docker(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = variable_text(variable)?;
    if text.contains(['\n', '\r']) {
        return Err(Error::usage("a value with a line break: this format has no place for it"));
    }
    if variable.name.len() + 1 + text.len() >= DOCKER_LINE {
        return Err(Error::usage("Docker reads no line of 64 KiB or more"));
    }
    for part in [&variable.name, "=", text, "\n"] {
        export.text.extend(part.as_bytes());
    }
    Ok(())
}

/// In double quotes, in which systemd knows four escapes.
pub fn systemd(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = variable_text(variable)?;
    if text.contains(|c: char| c.is_ascii_control() && c != '\t' && c != '\n') {
        return Err(Error::usage("systemd ignores variables with control characters"));
    }
    let out = &mut export.text;
    out.extend(variable.name.as_bytes());
    out.extend(b"=\"");
    escape_with_backslash(out, text, b"\\\"$`");
    out.extend(b"\"\n");
    Ok(())
}

/// Finds an end mark that is a line of no value, and writes it down for [`github`].
pub fn choose_delimiter(export: &mut Export, all: &[Variable<'_>]) {
    let taken = |mark: &str| {
        let has = |v: &Variable<'_>| v.value.text().is_some_and(|t| t.lines().any(|l| l == mark));
        all.iter().any(has)
    };
    let numbered = (1..).map(|n| format!("{DELIMITER}-{n}"));
    let mut marks = std::iter::once(DELIMITER.to_owned()).chain(numbered);
    let mark = marks.find(|mark| !taken(mark)).expect("values are finite");
    export.delimiter = mark;
}

/// A value between two end marks, and the masks of its lines.
pub fn github(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = variable_text(variable)?;
    if ["GITHUB_", "RUNNER_", "ACTIONS_"].iter().any(|begin| variable.name.starts_with(begin)) {
        return Err(Error::usage(format!("{} is the runner's own", variable.name)));
    }
    if text.ends_with('\r') {
        return Err(Error::usage("the runner would drop the carriage return at the end"));
    }
    let mark = export.delimiter.as_bytes();
    let parts = [variable.name.as_bytes(), b"<<", mark, b"\n", text.as_bytes(), b"\n", mark, b"\n"];
    parts.iter().for_each(|part| export.text.extend(part));
    if variable.is_secret {
        mask(export, variable, text);
    }
    Ok(())
}

fn mask(export: &mut Export, variable: &Variable<'_>, text: &str) {
    let mut lines = text.split(['\n', '\r']).filter(|line| line.len() >= SHORTEST_MASK).peekable();
    if lines.peek().is_none() && !text.is_empty() {
        export.warnings.push(format!("{}: too short to be masked", variable.origin));
    }
    for line in lines {
        export.masks.extend(b"::add-mask::");
        for &byte in line.as_bytes() {
            match byte {
                b'%' => export.masks.extend(b"%25"),
                byte => export.masks.push(byte),
            }
        }
        export.masks.push(b'\n');
    }
}

fn escape_with_backslash(out: &mut Secret, text: &str, special: &[u8]) {
    for &byte in text.as_bytes() {
        if special.contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
