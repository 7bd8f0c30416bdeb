//! What goes out: data to stdout, everything else to stderr, and nothing through a buffer that
//! is freed unzeroed.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rustix::io::{Errno, write};
use rustix::stdio::{stderr, stdout};

use crate::vault::{Error, Kind, Result, Secret, escape, is_hidden};

/// True if stdout is a terminal.
pub fn to_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// True if a person may read what goes to stderr.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Writes bytes to stdout, straight from where they are: the standard library's stdout would
/// keep a copy in its buffer. A reader that went away is success, and ends the program.
///
/// # Errors
/// Whatever the system says.
pub fn data(mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => std::process::exit(0),
            Err(e) => return Err(Error::general("cannot write to stdout").because(e)),
        }
    }
    Ok(())
}

/// Writes a line of data.
///
/// # Errors
/// Whatever the system says.
pub fn line(text: &str) -> Result<()> {
    data(format!("{text}\n").as_bytes())
}

/// Writes a line to stderr; where that fails there is nobody to tell.
pub fn note(text: &str) {
    let text = format!("{text}\n");
    let mut bytes = text.as_bytes();
    while let Ok(len @ 1..) = write(stderr(), bytes) {
        bytes = &bytes[len..];
    }
}

/// `1 note`, `2 notes`.
pub fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Writes one JSON value as a line of data. Only for what is not secret.
///
/// # Errors
/// Whatever the system says.
pub fn json(value: &serde_json::Value) -> Result<()> {
    line(&value.to_string())
}

/// A secret value: to a file, a pipe or a terminal.
///
/// # Errors
/// Usage if the terminal would not show it as it is; whatever the system says.
pub fn secret(value: &Secret, file: Option<&Path>, force: bool) -> Result<()> {
    if let Some(path) = file {
        return private_file(path, value.bytes());
    }
    let terminal = to_terminal();
    if terminal && !force && !is_showable(value) {
        return Err(Error::usage(
            "the value is binary or has control characters; not shown on a terminal",
        )
        .hint("write it to a file with `-o FILE`, pipe it on, or insist with --force"));
    }
    data(value.bytes())?;
    if terminal { data(b"\n") } else { Ok(()) }
}

/// A text with secret values in it, which ends with a line break of its own.
///
/// # Errors
/// As [`secret`].
pub fn secret_text(text: &Secret, file: Option<&Path>) -> Result<()> {
    match file {
        Some(path) => private_file(path, text.bytes()),
        None if to_terminal() && !is_showable(text) => Err(Error::usage(
            "a value has control characters or invisible ones; not shown on a terminal",
        )
        .hint("write it to a file with `-o FILE`, or pipe it on")),
        None => data(text.bytes()),
    }
}

/// Appends lines to a file, which is made for the user alone if there is none. A last line that is
/// there without its end gets it.
///
/// # Errors
/// Whatever the system says.
pub fn append_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let append = || {
        let mut options = File::options();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
        let (length, mut last) = (file.metadata()?.len(), [b'\n']);
        if length > 0 {
            file.read_at(&mut last, length - 1)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        file.write_all(bytes)
    };
    append().map_err(|e: std::io::Error| {
        let shown = escape(&path.display().to_string());
        Error::general(format!("cannot write {shown}")).because(e)
    })
}

/// True if a terminal shows the value as it is and is not driven by it.
fn is_showable(value: &Secret) -> bool {
    let plain = |c| c == '\n' || c == '\t' || !is_hidden(c);
    value.text().is_some_and(|text| text.chars().all(plain))
}

/// Writes a file for the user alone, in one step: the old one is there until the new one is whole.
///
/// # Errors
/// Whatever the system says.
pub fn private_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| {
        let kind = match e.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Kind::Denied,
            _ => Kind::General,
        };
        let shown = escape(&path.display().to_string());
        Error::new(kind, format!("cannot write {shown}")).because(e)
    };
    // The file that a link names, unless it is one of the system's (/dev/stdout).
    let target = match path.canonicalize() {
        Ok(target) if !["/dev", "/proc"].iter().any(|dir| path.starts_with(dir)) => target,
        _ => path.to_owned(),
    };
    // A pipe or a device is written to, never replaced by a file.
    if target.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&target)
            .map_err(failed)?;
        return file.write_all(bytes).map_err(failed);
    }
    if target.file_name().is_none() {
        return Err(Error::usage("the output has no file name"));
    }
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable by the user alone from the first byte on; removed again unless all of it was written.
    let mut file = tempfile::Builder::new().prefix(".vault-").tempfile_in(dir).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map(drop).map_err(|e| failed(e.error))
}

/// Rows as a table with a heading on a terminal, as tab-separated lines in a pipe.
///
/// # Errors
/// Whatever the system says.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let mut text = String::new();
    if to_terminal() {
        let width = |i: usize| {
            let cells =
                rows.iter().map(|row| unicode_width::UnicodeWidthStr::width(row[i].as_str()));
            cells.chain([heading[i].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        let heading: Vec<String> = heading.iter().map(|h| (*h).to_owned()).collect();
        for row in std::iter::once(&heading).chain(rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let pad =
                    width.saturating_sub(unicode_width::UnicodeWidthStr::width(cell.as_str()));
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', pad + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    } else {
        for row in rows {
            text.push_str(&row.join("\t"));
            text.push('\n');
        }
    }
    data(text.as_bytes())
}

/// Seconds since 1970 as `2026-11-22T03:00:00Z`.
pub fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| seconds.to_string(), |t| t.to_string())
}

/// A bar for what takes a while, of which the number is known. It draws on standard error, and on a
/// terminal only.
pub fn bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{what} {{bar:30}} {{pos}}/{{len}} {{eta}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
