//! How the entries of password managers become fields: the password is `value`, which `get`, `copy`
//! and `run` take when no field is named; beside it `username`, `url`, `otp`, `notes`, and whatever
//! else the entry has under its own name.

use std::collections::{HashMap, HashSet};

use super::{ItemContent, ItemField};
use crate::core::document::{FieldType, MAX_FIELD_NAME, MAX_FIELDS};
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
pub struct Login {
    fields: Vec<ItemField>,
    taken: HashSet<String>,
    /// The next number of each name that came twice.
    numbers: HashMap<String, usize>,
}

/// A name that is no longer than it takes to see that it is too long: those of a table's columns
/// come with every row.
pub fn cut(name: &str) -> &str {
    let mut len = name.len().min(4 * MAX_FIELD_NAME);
    while !name.is_char_boundary(len) {
        len -= 1;
    }
    &name[..len]
}

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
    /// One more than a secret may have is kept, so that the plan refuses them; others are not.
    pub fn custom(&mut self, name: &str, kind: Option<FieldType>, value: Option<Secret>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        if self.fields.len() > MAX_FIELDS {
            return;
        }
        let name = cut(name);
        let mut free = name.to_owned();
        if self.taken.contains(name) {
            let n = self.numbers.entry(free.clone()).or_insert(1);
            while self.taken.contains(&free) {
                *n += 1;
                free = format!("{name} {n}");
            }
        }
        self.taken.insert(free.clone());
        self.fields.push(ItemField::new(&free, kind, value));
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
        self.fields.sort_by_key(order);
        (!self.fields.is_empty()).then_some(ItemContent::Fields(self.fields))
    }
}
