//! Forms: add, edit, new value, rename.

use crate::vault::{
    Content, DEFAULT_FIELD, Edits, FieldType, Opened, Path, Secret, check_field_name,
};

use super::super::effect::Effect;
use super::super::generator::{Generator, Target};
use super::super::input::Input;
use super::super::keys::Action;
use super::super::message::{Change, Draft};
use super::super::model::{Form, FormKind, Line, Model, Popup, Problem, Role};
use super::super::team::TeamChange;
use super::Effects;

/// True if what is typed there must not be seen.
pub(super) fn is_secret(role: &Role) -> bool {
    match role {
        Role::Field(name, kind) => kind.unwrap_or(FieldType::for_name(name)).is_secret(),
        Role::NewValue => true,
        Role::Path | Role::NewName | Role::Plain => false,
    }
}

pub(super) fn line(label: &str, role: Role, text: Secret) -> Line {
    let input = Input::with(text, is_secret(&role));
    Line { label: label.to_owned(), role, input }
}

fn empty() -> Secret {
    Secret::with_capacity(64)
}

impl Form {
    /// A new secret, beside the one under the cursor.
    pub(super) fn add(beside: Option<&Path>, folder: &str) -> Self {
        let dir = match beside.and_then(|path| path.as_str().rsplit_once('/')) {
            Some((dir, _)) => dir,
            None => folder,
        };
        let dir = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        Self::new(
            FormKind::Add,
            vec![
                line("name", Role::Path, Secret::new(dir.into_bytes())),
                line("value", Role::Field(DEFAULT_FIELD.to_owned(), None), empty()),
            ],
        )
    }

    /// A new value of a field, of version `n`; without a field, of raw bytes.
    pub(super) fn replace(path: Path, n: u64, field: Option<(String, FieldType)>) -> Self {
        let raw = field.is_none();
        let (name, kind) = field.unwrap_or((DEFAULT_FIELD.to_owned(), FieldType::Secret));
        let label = if name == DEFAULT_FIELD { "new value".to_owned() } else { name.clone() };
        let role = Role::Field(name, Some(kind));
        Self::new(FormKind::Replace(path, n, raw), vec![line(&label, role, empty())])
    }

    /// Another name.
    pub(super) fn rename(path: Path) -> Self {
        let name = Secret::copy_of(path.as_str().as_bytes());
        Self::new(FormKind::Rename(path), vec![line("new name", Role::Path, name)])
    }

    /// The fields of a version. `None` if there is no text in it to edit.
    pub(super) fn edit(path: Path, opened: Opened) -> Option<Self> {
        let n = opened.n;
        match opened.content {
            Content::Raw(bytes) => {
                bytes.text()?;
                let role = Role::Field(DEFAULT_FIELD.to_owned(), Some(FieldType::Secret));
                let lines = vec![line("value", role, bytes)];
                Some(Self::new(FormKind::Edit(path, n, true), lines))
            }
            Content::Doc(document) => {
                // Bytes that are no text stay as they are.
                let texts = document.fields.into_iter().filter(|f| f.value.text().is_some());
                let lines: Vec<Line> = texts
                    .map(|f| line(&f.name, Role::Field(f.name.clone(), Some(f.kind)), f.value))
                    .collect();
                (!lines.is_empty()).then(|| Self::new(FormKind::Edit(path, n, false), lines))
            }
        }
    }

    /// What is to be written.
    fn draft(&self) -> Result<Draft, String> {
        let mut draft = Draft {
            path: self.path()?,
            base: match &self.kind {
                FormKind::Add => Some(0),
                FormKind::Edit(_, n, _) | FormKind::Replace(_, n, _) => Some(*n),
                _ => None,
            },
            edits: Edits::default(),
        };
        let editing = matches!(self.kind, FormKind::Edit(..));
        let mut name = None;
        for line in &self.lines {
            let typed = || Secret::copy_of(line.input.secret().bytes());
            match &line.role {
                Role::Path | Role::Plain => {}
                Role::Field(..) if editing && !line.input.touched => {}
                Role::Field(..) if line.input.secret().is_empty() => {
                    return Err(format!("{} is empty", line.label));
                }
                Role::Field(..) if self.is_raw() => {
                    draft.edits.raw = Some(typed());
                }
                Role::Field(name, _) => draft.edits.set.push((name.clone(), None, typed())),
                Role::NewName => name = Some(line.input.text().trim().to_owned()),
                Role::NewValue => {
                    let name = name.take().unwrap_or_default();
                    if name.is_empty() && line.input.secret().is_empty() {
                        continue;
                    }
                    check_field_name(&name).map_err(|e| e.hint.unwrap_or(e.message))?;
                    if draft.edits.set.iter().any(|(other, ..)| *other == name) || self.has(&name) {
                        return Err("there are two fields of that name".to_owned());
                    }
                    draft.edits.set.push((name, None, typed()));
                }
            }
        }
        if draft.edits.is_empty() {
            return Err("nothing was changed".to_owned());
        }
        Ok(draft)
    }

    /// False for raw text, and for a name alone.
    fn has_fields(&self) -> bool {
        let known = matches!(
            self.kind,
            FormKind::Add | FormKind::Replace(..) | FormKind::Edit(_, _, false)
        );
        known && !self.is_raw()
    }

    fn is_raw(&self) -> bool {
        matches!(self.kind, FormKind::Edit(_, _, true) | FormKind::Replace(_, _, true))
    }

    fn has(&self, name: &str) -> bool {
        self.lines.iter().any(|line| matches!(&line.role, Role::Field(n, _) if n == name))
    }

    /// The name of the secret that is written.
    fn path(&self) -> Result<Path, String> {
        match &self.kind {
            FormKind::Edit(path, ..) | FormKind::Replace(path, ..) => Ok(path.clone()),
            FormKind::Add | FormKind::Rename(_) => {
                let text = self.lines[0].input.text().trim();
                Path::parse(text).map_err(|e| e.hint.unwrap_or(e.message))
            }
            FormKind::AddMember(_) | FormKind::Role(_) | FormKind::RemoveMember(_) => {
                Err("this form writes no secret".to_owned())
            }
        }
    }
}

impl Model {
    /// Keys in a form.
    pub(super) fn filling(&mut self, action: Action) -> Effects {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return Vec::new() };
        if form.busy.is_some() {
            return Vec::new();
        }
        let last = form.lines.len() - 1;
        match action {
            Action::Next => form.focus = (form.focus + 1) % (last + 1),
            Action::Previous => form.focus = (form.focus + last) % (last + 1),
            Action::Accept if form.focus < last => form.focus += 1,
            Action::Accept | Action::Write => return self.submit(),
            Action::Reveal => {
                let line = &mut form.lines[form.focus];
                if is_secret(&line.role) {
                    line.input.masked = !line.input.masked;
                }
            }
            Action::AddField if form.has_fields() => {
                form.lines.push(line("field", Role::NewName, empty()));
                form.lines.push(line("its value", Role::NewValue, empty()));
                form.focus = form.lines.len() - 2;
            }
            Action::Generate if is_secret(&form.lines[form.focus].role) => {
                let target = Target::Line(form.focus);
                self.open(Popup::Generator(Generator::new(target)));
            }
            Action::Generate => {
                form.problem = Some(Problem::note("this line is no secret: nothing to generate"));
            }
            _ => {}
        }
        Vec::new()
    }

    fn submit(&mut self) -> Effects {
        let Some(Popup::Form(form)) = self.popups.last_mut() else { return Vec::new() };
        if let Some(change) = form.team_change() {
            return self.submit_team(change);
        }
        let effect = match &form.kind {
            FormKind::Rename(from) => {
                form.path().map(|to| (to.clone(), Err(Change::Rename(from.clone(), to))))
            }
            _ => form.draft().map(|draft| (draft.path.clone(), Ok(draft))),
        };
        let (path, what) = match effect {
            Ok(effect) => effect,
            Err(problem) => {
                form.problem = Some(Problem::note(&problem));
                return Vec::new();
            }
        };
        let id = self.unstoppable(format!("writing {path}"), None);
        if let Some(Popup::Form(form)) = self.popups.last_mut() {
            form.busy = Some(id);
            form.problem = None;
        }
        self.hide();
        vec![match what {
            Ok(draft) => Effect::Write(id, draft),
            Err(change) => Effect::Change(id, change),
        }]
    }

    fn submit_team(&mut self, change: Result<TeamChange, Problem>) -> Effects {
        let change = match change {
            Ok(change) => change,
            Err(problem) => {
                if let Some(Popup::Form(form)) = self.popups.last_mut() {
                    form.problem = Some(problem);
                }
                return Vec::new();
            }
        };
        let id = self.unstoppable("changing the team", None);
        if let Some(Popup::Form(form)) = self.popups.last_mut() {
            (form.busy, form.problem) = (Some(id), None);
        }
        vec![Effect::ChangeTeam(id, change)]
    }

    /// The form that waits for this request.
    pub(super) fn form_of(&mut self, id: u64) -> Option<usize> {
        self.popups.iter().position(|popup| matches!(popup, Popup::Form(f) if f.busy == Some(id)))
    }
}
