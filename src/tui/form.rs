//! Forms: their lines, and what they are for.

use crate::vault::{FieldType, Path};

use super::input::Input;
use super::message::Id;
use super::problem::Problem;

/// Something to fill in.
pub struct Form {
    /// What for.
    pub kind: FormKind,
    /// The lines.
    pub lines: Vec<Line>,
    /// The line that has the keys.
    pub focus: usize,
    /// Why it was not written.
    pub problem: Option<Problem>,
    /// It is being written.
    pub busy: Option<Id>,
    /// Somebody was faster: the popup above says so, and holds what would be written.
    pub refused: bool,
}

impl Form {
    /// True if it changes the team and no secret.
    pub fn is_about_the_team(&self) -> bool {
        use FormKind::{AddMember, RemoveMember, Role};
        matches!(self.kind, AddMember(_) | Role(_) | RemoveMember(_))
    }

    /// True if something was typed that would be lost.
    pub fn is_typed(&self) -> bool {
        // In a form that begins empty, what was typed and taken back is nothing.
        let begins_empty = matches!(
            self.kind,
            FormKind::Add
                | FormKind::Replace(..)
                | FormKind::AddMember(_)
                | FormKind::RemoveMember(_)
        );
        let typed = |line: &Line| match begins_empty {
            true => line.input.touched && !line.input.secret().is_empty(),
            false => line.input.touched,
        };
        self.lines.iter().any(typed)
    }
}

/// What a form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// A new secret.
    Add,
    /// The fields of this version; true: it is raw text without fields.
    Edit(Path, u64, bool),
    /// A new value, on top of this version; true: it is raw, without fields.
    Replace(Path, u64, bool),
    /// Another name.
    Rename(Path),
    /// Somebody new in the team, or another device; where they are to be let in.
    AddMember(String),
    /// What a member may do.
    Role(String),
    /// Remove a member, whose name is typed.
    RemoveMember(String),
}

/// A line of a form.
pub struct Line {
    /// What it is called.
    pub label: String,
    /// What it means.
    pub role: Role,
    /// What is typed.
    pub input: Input,
}

/// What a line of a form means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name of the secret.
    Path,
    /// The value of this field.
    Field(String, Option<FieldType>),
    /// The name of a field to be added; its value is the next line.
    NewName,
    /// The value of the field whose name is in the line before.
    NewValue,
    /// Plain text, of a form that writes no secret.
    Plain,
}
