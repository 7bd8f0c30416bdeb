//! A secret as text in an editor, what to change from the text that the editor leaves, and what
//! becomes of that if somebody else wrote meanwhile.

mod text;

use subtle::ConstantTimeEq;

use self::text::{
    Edited, LEAVE_IT, MARK, NOTHING_WRITTEN, SIDES, explanation, fields, first_field, heading,
    reason, with_reason, write_field, write_text,
};
use super::Vault;
use super::read::{Content, Opened};
use super::write::Written;
use crate::core::document::{DEFAULT_FIELD, Document, Field, FieldType};
use crate::core::error::{Error, Result};
use crate::core::path::{SecretPath, escape};
use crate::core::secret::Secret;

/// Changes of a secret, field by field.
#[derive(Default)]
pub struct Edits {
    /// Fields to set: name, type if it changes or is new, value.
    pub set: Vec<(String, Option<FieldType>, Secret)>,
    /// Fields to remove.
    pub remove: Vec<String>,
    /// These bytes instead of fields.
    pub raw: Option<Secret>,
}

impl Edits {
    /// True if nothing changes.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty() && self.raw.is_none()
    }
}

impl Vault {
    /// Writes changes as a new version, on top of version `base` only if one is named (0: only if
    /// there is none).
    ///
    /// # Errors
    /// As [`Vault::put`].
    pub async fn apply(
        &self,
        path: &SecretPath,
        base: Option<u64>,
        edits: &Edits,
    ) -> Result<Written> {
        if let Some(raw) = &edits.raw {
            return self.put_raw(path, base, raw).await;
        }
        let mut set = |document: &mut Document, seq: u64| {
            document.fields.retain(|field| !edits.remove.contains(&field.name));
            for (name, kind, value) in &edits.set {
                document.set(name, *kind, Secret::copy_of(value.bytes()), seq)?;
            }
            Ok(())
        };
        self.put(path, base, &mut set).await
    }
}

/// A secret that is being edited as text.
pub struct Sheet {
    /// What was there before the edit.
    before: Content,
    /// The number of that version; 0 for none.
    base: u64,
    /// Fields under their names, not one value alone.
    headed: bool,
    text: Secret,
}

/// Changes on top of a version that somebody else wrote meanwhile.
pub enum Rebased {
    /// No field was changed by both sides: the same changes, and what they are changes of now.
    Merged(Edits, Sheet),
    /// These fields were: both values are in the text.
    Conflict(Sheet),
}

impl Sheet {
    /// The text to edit: the value alone, or all fields under their names; for a new secret
    /// (`None`) nothing.
    ///
    /// # Errors
    /// Usage if there is no text in it.
    pub fn new(path: &SecretPath, opened: Option<Opened>) -> Result<Self> {
        let Some(opened) = opened else {
            let before = Content::Doc(Document::default());
            return Ok(Self { before, base: 0, headed: false, text: Secret::with_capacity(0) });
        };
        let none = || {
            Error::usage(format!("{path} holds bytes, not text"))
                .hint("`vault put PATH --raw < FILE` writes bytes")
        };
        let (headed, text) = match &opened.content {
            Content::Raw(bytes) => (false, bytes.text().map(line_of).ok_or_else(none)?),
            Content::Doc(document) => match only_value(document) {
                Some(only) => (false, only.text().map(line_of).ok_or_else(none)?),
                None => {
                    let mut text = explanation();
                    document.fields.iter().for_each(|field| write_field(&mut text, field, ""));
                    (true, text)
                }
            },
        };
        Ok(Self { before: opened.content, base: opened.n, headed, text })
    }

    /// What is handed to the editor.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// The version that it is an edit of; 0 for a new secret.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The number that [`Self::base`] of an edit of this version is.
    pub fn base_of(opened: Option<&Opened>) -> u64 {
        opened.map_or(0, |opened| opened.n)
    }

    /// What is to be changed, from what the editor left.
    ///
    /// # Errors
    /// Usage, if that makes no secret.
    pub fn edits(&self, after: &Secret) -> Result<Edits> {
        let text = after.text().ok_or_else(|| Error::usage("what was edited is not UTF-8 text"))?;
        let empty = || {
            Error::usage("the value is empty").hint("a secret is deleted by `vault rm`, not here")
        };
        let value = || Secret::copy_of(text.strip_suffix('\n').unwrap_or(text).as_bytes());
        if self.headed {
            self.check_top(text)?;
        }
        let new = match (&self.before, self.headed) {
            (Content::Doc(document), true) => return changed(fields(text)?, document),
            (Content::Doc(_), false) => value(),
            (Content::Raw(_), false) => value(),
            (Content::Raw(_), true) => {
                let [only] = <[Edited<'_>; 1]>::try_from(fields(text)?)
                    .map_err(|_| Error::usage("raw bytes have one field, `value`"))?;
                only.value
            }
        };
        let old = match &self.before {
            Content::Raw(old) => Some(old),
            Content::Doc(document) => only_value(document),
        };
        if old.is_some_and(|old| same(old, &new)) || self.base == 0 && new.is_empty() {
            return Ok(Edits::default());
        }
        if new.is_empty() {
            return Err(empty());
        }
        Ok(match self.before {
            Content::Raw(_) => Edits { raw: Some(new), ..Edits::default() },
            Content::Doc(_) => {
                Edits { set: vec![(DEFAULT_FIELD.to_owned(), None, new)], ..Edits::default() }
            }
        })
    }

    /// True for a line above the first field that nobody typed.
    fn is_ours(&self, line: &str) -> bool {
        let text = self.text.text().unwrap_or_default();
        let mut ours = text[..first_field(text).unwrap_or(0)].lines();
        let line = line.trim();
        line.is_empty()
            || line == LEAVE_IT
            || line.starts_with(NOTHING_WRITTEN)
            || ours.any(|known| known.trim() == line)
    }

    /// Above the first field nothing is read: what somebody typed there would be lost.
    fn check_top(&self, text: &str) -> Result<()> {
        let top = &text[..first_field(text).unwrap_or(text.len())];
        if top.lines().all(|line| self.is_ours(line)) {
            return Ok(());
        }
        Err(Error::usage("there is text above the first field")
            .hint(format!("it belongs below a line `{MARK}NAME [TYPE]`")))
    }

    /// What was typed, below the reason why it makes no secret. `None` for a value alone, which has
    /// no place for it.
    pub fn with_error(&self, typed: &Secret, error: &Error) -> Option<Secret> {
        let typed = typed.text().filter(|_| self.headed)?;
        // What we said above the first field is not said again; what somebody typed there stays.
        let (top, rest) = typed.split_at(first_field(typed).unwrap_or(typed.len()));
        let mut text = Secret::with_capacity(typed.len() + 2);
        for line in top.lines().filter(|line| !self.is_ours(line)) {
            text.extend(line.as_bytes());
            text.push(b'\n');
        }
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend(rest.as_bytes());
        Some(with_reason(&text, error))
    }

    /// The same changes on top of what somebody else wrote meanwhile (`None`: it was deleted).
    ///
    /// # Errors
    /// Usage if that is no text.
    pub fn rebase(
        &self,
        path: &SecretPath,
        edits: Edits,
        newest: Option<Opened>,
    ) -> Result<Rebased> {
        let base = Self::base_of(newest.as_ref());
        let newest = newest.map_or_else(|| Content::Doc(Document::default()), |n| n.content);
        let (Content::Doc(before), Content::Doc(theirs)) = (&self.before, &newest) else {
            return self.rebase_bytes(path, edits, newest, base);
        };
        let names = edits.set.iter().map(|(name, ..)| name).chain(&edits.remove);
        let clashes: Vec<String> = names
            .filter(|name| {
                let (old, new) = (before.field(name), theirs.field(name));
                let untouched = alike(old, new);
                let agreed = match edits.set.iter().find(|(set, ..)| set == *name) {
                    Some((_, kind, value)) => new.is_some_and(|new| {
                        same(&new.value, value) && kind.is_none_or(|kind| kind == new.kind)
                    }),
                    None => new.is_none(),
                };
                !untouched && !agreed
            })
            .cloned()
            .collect();
        // What was deleted as a whole does not come back in parts.
        if clashes.is_empty() && (base != 0 || self.base == 0) {
            let text = Secret::with_capacity(0);
            let sheet = Self { before: newest, base, headed: true, text };
            return Ok(Rebased::Merged(edits, sheet));
        }
        let (shown, clashes) = if base == 0 { (before, Vec::new()) } else { (theirs, clashes) };
        let mut text = reason(path, &clashes, base);
        for field in &shown.fields {
            let mine = edits.set.iter().find(|(name, ..)| *name == field.name);
            let clash = clashes.contains(&field.name);
            if let Some((name, kind, value)) = mine {
                let kind = kind.map_or(field.type_name(), |kind| kind.name());
                heading(&mut text, name, kind, if clash { SIDES[0] } else { "" });
                write_text(&mut text, value.text().unwrap_or_default());
            }
            if clash || mine.is_none() && !edits.remove.contains(&field.name) {
                write_field(&mut text, field, if clash { SIDES[1] } else { "" });
            }
        }
        for (name, kind, value) in &edits.set {
            if shown.field(name).is_none() {
                let old = before.field(name).map(Field::type_name);
                let kind = kind.map(|kind| kind.name()).or(old);
                heading(&mut text, name, kind.unwrap_or(FieldType::for_name(name).name()), "");
                write_text(&mut text, value.text().unwrap_or_default());
            }
        }
        Ok(Rebased::Conflict(Self { before: newest, base, headed: true, text }))
    }

    /// Where one side has no fields there is only one thing that both can have changed.
    fn rebase_bytes(
        &self,
        path: &SecretPath,
        edits: Edits,
        newest: Content,
        base: u64,
    ) -> Result<Rebased> {
        let theirs = match &newest {
            Content::Raw(bytes) => Some(bytes),
            Content::Doc(document) => only_value(document),
        };
        let mine = match (&edits.raw, &edits.set[..]) {
            (Some(raw), _) => Some(raw),
            (None, [(name, _, value)]) if name == DEFAULT_FIELD => Some(value),
            _ => None,
        };
        let (Some(mine), Some(theirs)) = (mine.and_then(Secret::text), theirs) else {
            return Err(Error::conflict(format!(
                "somebody else turned the fields of {path} into bytes, or the other way round"
            ))
            .hint("nothing was written; `vault history` shows who"));
        };
        let mut text = reason(path, &[DEFAULT_FIELD.to_owned()], base);
        for (value, side) in [(Some(mine), SIDES[0]), (theirs.text(), SIDES[1])] {
            heading(&mut text, DEFAULT_FIELD, "secret", side);
            write_text(&mut text, value.unwrap_or_default());
        }
        Ok(Rebased::Conflict(Self { before: newest, base, headed: true, text }))
    }
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

fn same(one: &Secret, other: &Secret) -> bool {
    one.bytes().ct_eq(other.bytes()).into()
}

fn alike(old: Option<&Field>, new: Option<&Field>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            old.type_name() == new.type_name() && same(&old.value, &new.value)
        }
        (None, None) => true,
        _ => false,
    }
}

/// What makes `before` the fields of this list.
fn changed(list: Vec<Edited<'_>>, before: &Document) -> Result<Edits> {
    let mut edits = Edits::default();
    let gone = before.fields.iter().filter(|field| list.iter().all(|l| l.name != field.name));
    edits.remove = gone.map(|field| field.name.clone()).collect();
    for field in list {
        let old = before.field(field.name);
        let is_bytes = old.is_some_and(|old| old.value.text().is_none());
        if field.bytes && !field.value.bytes().trim_ascii().is_empty() {
            return Err(Error::usage(format!("{} is bytes, and has text", escape(field.name)))
                .hint("remove ` (bytes)` to replace them by the text"));
        }
        if field.bytes && !is_bytes || is_bytes && !field.bytes && field.value.is_empty() {
            return Err(Error::usage(format!(
                "{} has no text; ` (bytes)` keeps the bytes that were there",
                escape(field.name)
            )));
        }
        let kind = match old {
            // A type that this version does not know stays as it is.
            Some(old) if old.type_name() == field.kind => None,
            _ if field.kind.is_empty() => None,
            _ => Some(FieldType::parse(field.kind).ok_or_else(|| {
                Error::usage(format!("the type of {} is not one", escape(field.name)))
                    .hint("secret, text, url, email, otp or date")
            })?),
        };
        let unchanged = old.is_some_and(|old| field.bytes || same(&old.value, &field.value));
        if !unchanged || kind.is_some() {
            let value = match old {
                Some(old) if field.bytes => Secret::copy_of(old.value.bytes()),
                _ => field.value,
            };
            edits.set.push((field.name.to_owned(), kind, value));
        }
    }
    Ok(edits)
}

#[cfg(test)]
mod tests;
