//! `$EDITOR` on a file in memory: a directory of its own on a tmpfs, overwritten and removed
//! afterwards, with the flags that keep the editor from leaving copies elsewhere.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path as File, PathBuf};

use crate::config::Interface;
use crate::vault::generate::{Alphabet, Spec};
use crate::vault::{
    Content, DEFAULT_FIELD, Document, Error, FieldType, Opened, Path, Result, Secret,
    check_field_name, escape,
};

use super::message::Draft;

/// What marks the beginning of a field.
const MARK: &str = "== ";
/// Largest file that is read back, in bytes.
const MAX: u64 = 32 * 1024 * 1024;
/// Types of file systems that are never on a disk (`tmpfs`, `ramfs`).
#[cfg(target_os = "linux")]
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// A file in memory while it is edited. Dropped, it is overwritten and gone.
pub struct Scratch {
    dir: PathBuf,
    file: PathBuf,
}

impl Scratch {
    /// Writes `text` into a new file.
    ///
    /// # Errors
    /// If there is no directory in memory.
    pub fn new(interface: &Interface, text: &Secret) -> Result<Self> {
        let place =
            interface.memory_dirs.iter().find(|dir| is_in_memory(dir)).ok_or_else(|| {
                Error::general("there is no directory in memory to edit in")
                    .hint("E edits in a form; $XDG_RUNTIME_DIR is usually such a directory")
            })?;
        let failed = |e: std::io::Error| Error::general("cannot write the file to edit").because(e);
        let name = Spec::Password { length: 16, alphabet: Alphabet::Hex }.generate();
        let dir = place.join(format!("vault-{}", name.text().unwrap_or_default()));
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed)?;
        let scratch = Self { file: dir.join("secret"), dir };
        scratch.write(text)?;
        Ok(scratch)
    }

    /// Writes the text to edit, in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, text: &Secret) -> Result<()> {
        let failed = |e: std::io::Error| Error::general("cannot write the file to edit").because(e);
        let mut options = fs::File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&self.file).map_err(failed)?;
        file.write_all(text.bytes()).map_err(failed)
    }

    /// The command that edits it.
    ///
    /// # Errors
    /// If no editor is configured.
    pub fn command(&self, interface: &Interface) -> Result<(String, Vec<String>)> {
        let editor = interface.editor.clone().or_else(|| {
            let known = ["vim", "nano", "vi"].into_iter();
            known.map(str::to_owned).find(|name| find(interface, name).is_some())
        });
        let editor = editor.ok_or_else(|| {
            Error::usage("no editor is configured").hint("set EDITOR, or press E to edit in a form")
        })?;
        let program = editor.split_whitespace().next().unwrap_or_default().to_owned();
        let mut args = vec!["-c".to_owned(), format!("exec {editor} \"$@\""), "sh".to_owned()];
        args.extend(quiet(interface, &program).iter().map(|arg| (*arg).to_owned()));
        args.push(self.file.to_string_lossy().into_owned());
        Ok(("/bin/sh".to_owned(), args))
    }

    /// What the editor left.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self) -> Result<Secret> {
        let failed = |e: std::io::Error| Error::general("cannot read what was edited").because(e);
        let len = fs::metadata(&self.file).map_err(failed)?.len();
        if len > MAX {
            return Err(Error::usage("what was edited is too large: a secret holds 16 MiB"));
        }
        fs::read(&self.file).map(Secret::new).map_err(failed)
    }
}

impl Drop for Scratch {
    /// Also what the editor put beside it.
    fn drop(&mut self) {
        // Plain files only: what a link leads to is somebody else's, a pipe would keep us.
        let plain = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten().filter(plain) {
            let len = entry.metadata().map_or(0, |meta| meta.len());
            let mut options = fs::File::options();
            let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
            if let Ok(mut file) = options.write(true).custom_flags(no_link).open(entry.path()) {
                let _ = std::io::copy(&mut std::io::Read::take(std::io::repeat(0), len), &mut file);
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(target_os = "linux")]
fn is_in_memory(dir: &File) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|fs| IN_MEMORY.contains(&i64::from(fs.f_type as u32)))
}

/// No file system in memory can be told from others here.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &File) -> bool {
    false
}

fn find(interface: &Interface, program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return fs::canonicalize(program).ok();
    }
    interface.path.iter().find_map(|dir| fs::canonicalize(dir.join(program)).ok())
}

/// Flags that keep an editor from writing elsewhere what it edits.
fn quiet(interface: &Interface, program: &str) -> &'static [&'static str] {
    // `vi` is often a link to one of them.
    let real = find(interface, program).unwrap_or_else(|| program.into());
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        name if name.starts_with("nvim") => {
            &["-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"]
        }
        name if name.starts_with("vim") || name.starts_with("gvim") => {
            &["-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"]
        }
        "emacs" => &["-nw", "--eval", "(setq make-backup-files nil auto-save-default nil)"],
        _ => &[],
    }
}

/// The text to edit: the value alone, or all fields under their names.
///
/// # Errors
/// If there is no text in it.
pub fn text(path: &Path, content: &Content) -> Result<Secret> {
    let none = || {
        Error::usage(format!("{path} holds bytes, not text"))
            .hint("`vault put PATH --raw < FILE` writes bytes")
    };
    let document = match content {
        Content::Raw(bytes) => return bytes.text().map(line_of).ok_or_else(none),
        Content::Doc(document) => document,
    };
    if let Some(only) = only_value(document) {
        return only.text().map(line_of).ok_or_else(none);
    }
    let mut out = Secret::with_capacity(4096);
    out.extend(
        format!(
            "A line `{MARK}NAME [TYPE]` begins a field; its value follows. Remove both to remove \
             it.\nTypes: secret, text, url, email, otp, date. These two lines are not read.\n\n"
        )
        .as_bytes(),
    );
    for field in &document.fields {
        let bytes = if field.value.text().is_none() { " (bytes)" } else { "" };
        out.extend(format!("{MARK}{} [{}]{bytes}\n", field.name, field.type_name()).as_bytes());
        let text = field.value.text().unwrap_or_default();
        for line in text.split('\n').filter(|_| bytes.is_empty()) {
            // What looks like a mark, or like an escaped one, is escaped.
            if line.trim_start_matches('\\').starts_with(MARK) {
                out.push(b'\\');
            }
            out.extend(line.as_bytes());
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// The value of a secret that has nothing else.
fn only_value(document: &Document) -> Option<&Secret> {
    match &document.fields[..] {
        [field] if field.name == DEFAULT_FIELD => Some(&field.value),
        _ => None,
    }
}

/// Editors end every line.
fn line_of(text: &str) -> Secret {
    let mut out = Secret::copy_of(text.as_bytes());
    out.push(b'\n');
    out
}

/// What is to be written, from what the editor left; `None` if nothing was changed.
///
/// # Errors
/// Usage, if what was edited makes no secret.
pub fn draft(path: &Path, before: &Opened, after: &Secret) -> Result<Option<Draft>> {
    let text = after.text().ok_or_else(|| Error::usage("what was edited is not UTF-8 text"))?;
    let mut draft =
        Draft { path: path.clone(), base: Some(before.n), set: vec![], remove: vec![], raw: None };
    let line = || Secret::copy_of(text.strip_suffix('\n').unwrap_or(text).as_bytes());
    let old = match &before.content {
        Content::Raw(bytes) => Err(bytes),
        Content::Doc(document) => only_value(document).map_or(Ok(document), Err),
    };
    match old {
        Err(old) => {
            let new = line();
            if new.bytes() == old.bytes() {
                return Ok(None);
            }
            if new.is_empty() {
                return Err(Error::usage("the value is empty").hint("d deletes the secret"));
            }
            match before.content {
                Content::Raw(_) => draft.raw = Some(new),
                Content::Doc(_) => draft.set.push((DEFAULT_FIELD.to_owned(), None, new)),
            }
        }
        Ok(document) => {
            fields(text, document, &mut draft)?;
            if draft.set.is_empty() && draft.remove.is_empty() {
                return Ok(None);
            }
        }
    }
    Ok(Some(draft))
}

/// What was typed, below the reason why it makes no secret: above the first field nothing is read.
/// `None` for a text without fields, which has no such place.
pub fn with_error(text: &Secret, error: &Error) -> Option<Secret> {
    let typed = text.text()?;
    let first = typed.starts_with(MARK).then_some(0);
    let first = first.or_else(|| typed.find(&format!("\n{MARK}")).map(|at| at + 1))?;
    let hint = error.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
    let reason = format!(
        "Nothing was written: {}{hint}.\nLeave this text as it is to give up.\n\n",
        error.message
    );
    let mut out = Secret::copy_of(reason.as_bytes());
    out.extend(&typed.as_bytes()[first..]);
    Some(out)
}

/// One field as it was edited.
struct Edited<'t> {
    name: &'t str,
    kind: &'t str,
    bytes: bool,
    value: Secret,
}

fn fields(text: &str, before: &Document, draft: &mut Draft) -> Result<()> {
    let mut list: Vec<Edited<'_>> = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if let Some(heading) = line.strip_prefix(MARK) {
            let heading = heading.trim_end();
            let (heading, bytes) = match heading.strip_suffix(" (bytes)") {
                Some(rest) => (rest, true),
                None => (heading, false),
            };
            let (name, kind) = match heading.strip_suffix(']').and_then(|h| h.rsplit_once(" [")) {
                Some((name, kind)) => (name, kind),
                None => (heading, ""),
            };
            check_field_name(name)?;
            if list.iter().any(|field| field.name == name) {
                return Err(Error::usage(format!("the field {} is there twice", escape(name))));
            }
            list.push(Edited { name, kind, bytes, value: Secret::with_capacity(256) });
        } else if let Some(field) = list.last_mut() {
            let escaped = line.trim_start_matches('\\').starts_with(MARK);
            let line = if escaped { &line[1..] } else { line };
            field.value.extend(line.as_bytes());
            field.value.push(b'\n');
        }
    }
    for mut field in list {
        let len = field.value.len();
        field.value.truncate(len.saturating_sub(1));
        let old = before.field(field.name);
        let kind = match old {
            // A type that this version does not know stays as it is.
            Some(old) if old.type_name() == field.kind => None,
            _ if field.kind.is_empty() => None,
            _ => Some(FieldType::parse(field.kind).ok_or_else(|| {
                Error::usage(format!("not a type of a field: {}", escape(field.kind)))
                    .hint("secret, text, url, email, otp or date")
            })?),
        };
        let same = old.is_some_and(|old| field.bytes || old.value.bytes() == field.value.bytes());
        if !same || kind.is_some() {
            let value = match old {
                Some(old) if field.bytes => Secret::copy_of(old.value.bytes()),
                _ => field.value,
            };
            draft.set.push((field.name.to_owned(), kind, value));
        }
        draft.remove.push(field.name.to_owned());
    }
    // Those that are gone.
    let kept = std::mem::take(&mut draft.remove);
    let gone = before.fields.iter().filter(|field| !kept.contains(&field.name));
    draft.remove = gone.map(|field| field.name.clone()).collect();
    if kept.is_empty() {
        return Err(Error::usage("no field is left").hint("d deletes the secret"));
    }
    Ok(())
}
