//! The text itself: how fields stand in it, what we say above them, and how they are read back.

use crate::core::document::{Field, check_field_name};
use crate::core::error::{Error, Result};
use crate::core::path::{SecretPath, escape};
use crate::core::secret::Secret;

/// What marks the beginning of a field.
pub(super) const MARK: &str = "== ";
pub(super) const NOTHING_WRITTEN: &str = "Nothing was written: ";
pub(super) const LEAVE_IT: &str = "Leave this text as it is to give up.";
/// Behind the name of a field that both sides changed.
pub(super) const SIDES: [&str; 2] = [" (yours)", " (theirs)"];

/// Where the first field begins.
pub(super) fn first_field(text: &str) -> Option<usize> {
    let first = text.starts_with(MARK).then_some(0);
    first.or_else(|| text.find(&format!("\n{MARK}")).map(|at| at + 1))
}

/// A text below the reason why it makes no secret.
pub(super) fn with_reason(typed: &Secret, error: &Error) -> Secret {
    let hint = error.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
    let reason = format!("{NOTHING_WRITTEN}{}{hint}.\n{LEAVE_IT}\n\n", error.message);
    let mut out = Secret::copy_of(reason.as_bytes());
    out.extend(typed.bytes());
    out
}

pub(super) fn explanation() -> Secret {
    let text = format!(
        "A line `{MARK}NAME [TYPE]` begins a field; its value follows. Remove both to remove it.\n\
         Types: secret, text, url, email, otp, date. These two lines are not read.\n\n"
    );
    // Grown once for most secrets; growing is safe, but copies.
    let mut out = Secret::with_capacity(4096);
    out.extend(text.as_bytes());
    out
}

pub(super) fn reason(path: &SecretPath, clashes: &[String], base: u64) -> Secret {
    let names: Vec<String> = clashes.iter().map(|name| escape(name)).collect();
    let what = match base {
        0 => format!("{path} was deleted meanwhile.\nRemove this line to write it anew."),
        n => format!(
            "Version {n} of {path} was written meanwhile. Both of you changed: {}.\nKeep one of \
             both, or neither (a field that is not here was removed by them).",
            names.join(", ")
        ),
    };
    let mut out = Secret::with_capacity(4096);
    out.extend(format!("Nothing was written yet. {what}\n{LEAVE_IT}\n\n").as_bytes());
    out
}

pub(super) fn heading(out: &mut Secret, name: &str, kind: &str, note: &str) {
    out.extend(format!("{MARK}{name} [{kind}]{note}\n").as_bytes());
}

pub(super) fn write_field(out: &mut Secret, field: &Field, side: &str) {
    match field.value.text() {
        Some(text) => {
            heading(out, &field.name, field.type_name(), side);
            write_text(out, text);
        }
        None => heading(out, &field.name, field.type_name(), &format!("{side} (bytes)")),
    }
}

pub(super) fn write_text(out: &mut Secret, text: &str) {
    for line in text.split('\n') {
        // What looks like a mark, or like an escaped one, is escaped.
        if line.trim_start_matches('\\').starts_with(MARK) {
            out.push(b'\\');
        }
        out.extend(line.as_bytes());
        out.push(b'\n');
    }
}

/// One field as it was edited.
pub(super) struct Edited<'t> {
    pub name: &'t str,
    pub kind: &'t str,
    pub bytes: bool,
    pub value: Secret,
}

/// The fields of a text.
pub(super) fn fields(text: &str) -> Result<Vec<Edited<'_>>> {
    let mut list: Vec<Edited<'_>> = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if let Some(heading) = line.strip_prefix(MARK) {
            let heading = heading.trim_end();
            let (heading, bytes) = match heading.strip_suffix(" (bytes)") {
                Some(rest) => (rest, true),
                None => (heading, false),
            };
            let side = SIDES.into_iter().find_map(|side| heading.strip_suffix(side));
            let heading = side.filter(|rest| rest.ends_with(']')).unwrap_or(heading);
            let (name, kind) = match heading.strip_suffix(']').and_then(|h| h.rsplit_once(" [")) {
                Some((name, kind)) => (name, kind),
                None => (heading, ""),
            };
            // Not the name itself: it may be a line of a value.
            check_field_name(name).map_err(|e| {
                Error::usage(format!("a line that begins with `{MARK}` names no field"))
                    .hint(e.hint.unwrap_or_default())
            })?;
            if list.iter().any(|field| field.name == name) {
                return Err(Error::usage(format!("the field {} is there twice", escape(name)))
                    .hint("keep one of both"));
            }
            list.push(Edited { name, kind, bytes, value: Secret::with_capacity(256) });
        } else if let Some(field) = list.last_mut() {
            let escaped = line.trim_start_matches('\\').starts_with(MARK);
            let line = if escaped { &line[1..] } else { line };
            field.value.extend(line.as_bytes());
            field.value.push(b'\n');
        }
    }
    for field in &mut list {
        let len = field.value.len();
        field.value.truncate(len.saturating_sub(1));
    }
    if list.is_empty() {
        return Err(
            Error::usage("no field is left").hint("a secret is deleted by `vault rm`, not here")
        );
    }
    Ok(list)
}
