//! A new value of a secret that is there: which field it is for, typed or generated.

use crate::vault::{Content, DEFAULT_FIELD, Document, Edits, FieldType, Opened, Path};

use super::super::effect::Effect;
use super::super::generator::Target;
use super::super::message::{Draft, Id, Purpose};
use super::super::model::{Choice, Chosen, Form, Model, Popup, main_field};
use super::Effects;

/// What a new value replaces.
enum Place {
    /// The bytes of a secret without fields.
    Raw,
    /// This field.
    Field(String, FieldType),
    /// One of these; nobody but the user knows which.
    OneOf(Vec<(String, FieldType)>),
}

/// The field that is copied when none is named, or else those that come into question.
fn place(content: &Content) -> Place {
    let Content::Doc(document) = content else { return Place::Raw };
    if let Some(field) = main_field(document) {
        return Place::Field(field.name.clone(), field.kind);
    }
    match candidates(document) {
        none if none.is_empty() => Place::Field(DEFAULT_FIELD.to_owned(), FieldType::Secret),
        fields => Place::OneOf(fields),
    }
}

/// The secret fields; all fields if none is secret.
fn candidates(document: &Document) -> Vec<(String, FieldType)> {
    let any = document.fields.iter().any(|field| field.kind.is_secret());
    let meant = document.fields.iter().filter(|field| !any || field.kind.is_secret());
    meant.map(|field| (field.name.clone(), field.kind)).collect()
}

impl Model {
    /// The secret was read: a form for its new value, or the question for which field.
    pub(super) fn replace(&mut self, path: Path, opened: &Opened) {
        let n = opened.n;
        match place(&opened.content) {
            Place::Raw => self.open(Popup::Form(Form::replace(path, n, None))),
            Place::Field(name, kind) => {
                self.open(Popup::Form(Form::replace(path, n, Some((name, kind)))));
            }
            Place::OneOf(fields) => self.ask_which(path, fields, Chosen::Replace(n)),
        }
    }

    fn ask_which(&mut self, path: Path, fields: Vec<(String, FieldType)>, purpose: Chosen) {
        self.open(Popup::Fields(Choice { path, fields: Some(fields), cursor: 0, purpose }));
    }

    /// Enter in the generator.
    pub(super) fn use_generated(&mut self) -> Effects {
        let Some(Popup::Generator(generator)) = self.popups.last() else { return Vec::new() };
        match generator.target.clone() {
            Target::Nothing => drop(self.popups.pop()),
            Target::Line(at) => {
                let Some(Popup::Generator(generator)) = self.popups.pop() else {
                    return Vec::new();
                };
                if let Some(Popup::Form(form)) = self.popups.last_mut()
                    && let Some(line) = form.lines.get_mut(at)
                {
                    line.input.set(generator.value);
                }
            }
            Target::Secret(path) => {
                let id = self.request(format!("reading {path}"), None);
                if let Some(Popup::Generator(generator)) = self.popups.last_mut() {
                    generator.busy = Some(id);
                }
                return vec![Effect::Read(id, Purpose::Generated, path)];
            }
        }
        Vec::new()
    }

    /// The secret was read for the generator that waits for it.
    pub(super) fn generated_for(&mut self, id: Id, path: Path, opened: &Opened) -> Effects {
        if !self.generator_rests(id) {
            return Vec::new();
        }
        let n = opened.n;
        match place(&opened.content) {
            Place::Raw => self.write_generated(path, n, None),
            Place::Field(name, _) => self.write_generated(path, n, Some(name)),
            Place::OneOf(fields) => {
                self.ask_which(path, fields, Chosen::Generated(n));
                Vec::new()
            }
        }
    }

    /// The generator no longer waits for this read; true if it did, and nothing lies above it.
    pub(super) fn generator_rests(&mut self, id: Id) -> bool {
        let last = self.popups.len().wrapping_sub(1);
        for (at, popup) in self.popups.iter_mut().enumerate() {
            if let Popup::Generator(generator) = popup
                && generator.busy == Some(id)
            {
                generator.busy = None;
                return at == last;
            }
        }
        false
    }

    /// Writes the value of the generator on top into this field, or as raw bytes.
    pub(super) fn write_generated(&mut self, path: Path, n: u64, field: Option<String>) -> Effects {
        let Some(Popup::Generator(_)) = self.popups.last() else { return Vec::new() };
        let Some(Popup::Generator(generator)) = self.popups.pop() else { return Vec::new() };
        let id = self.unstoppable(format!("writing {path}"), None);
        let mut draft = Draft { path, base: Some(n), edits: Edits::default() };
        match field {
            Some(name) => draft.edits.set.push((name, None, generator.value)),
            None => draft.edits.raw = Some(generator.value),
        }
        vec![Effect::Write(id, draft)]
    }
}
