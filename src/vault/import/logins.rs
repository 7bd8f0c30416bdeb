//! How the entries of password managers become fields: the password is `value`, which `get`, `copy`
//! and `run` take when no field is named; beside it `username`, `url`, `otp`, `notes`, and whatever
//! else the entry has under its own name.

use super::{ItemContent, ItemField};
use crate::core::document::FieldType;
use crate::core::secret::Secret;

/// What an entry's parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Who logs in.
    Username,
    /// The password.
    Password,
    /// Where.
    Url,
    /// The seed of one-time passwords.
    Otp,
    /// Anything that somebody wrote beside it; often secret, too.
    Notes,
}

/// The fields of an entry, being gathered.
#[derive(Default)]
pub struct Login(Vec<ItemField>);

impl Login {
    /// Adds a part, unless it is empty.
    pub fn part(&mut self, part: Part, value: Option<Secret>) {
        let (name, kind) = match part {
            Part::Username => ("username", FieldType::Text),
            Part::Password => ("value", FieldType::Secret),
            Part::Url => ("url", FieldType::Url),
            Part::Otp => ("otp", FieldType::Otp),
            Part::Notes => ("notes", FieldType::Secret),
        };
        self.custom(name, Some(kind), value);
    }

    /// Adds a field under a name of its own, unless it is empty. The second of a name is `NAME 2`.
    pub fn custom(&mut self, name: &str, kind: Option<FieldType>, value: Option<Secret>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        let taken = |name: &str| self.0.iter().any(|field| field.name == name);
        let mut free = name.to_owned();
        let mut n = 2;
        while taken(&free) {
            free = format!("{name} {n}");
            n += 1;
        }
        self.0.push(ItemField::new(&free, kind, value));
    }

    /// The fields, those of a login first and the notes last; `None` if there are none.
    pub fn fields(mut self) -> Option<ItemContent> {
        let order = |field: &ItemField| match field.name.as_str() {
            "username" => 0,
            "value" => 1,
            "url" => 2,
            "otp" => 3,
            "notes" => 5,
            _ => 4,
        };
        self.0.sort_by_key(order);
        (!self.0.is_empty()).then_some(ItemContent::Fields(self.0))
    }
}
