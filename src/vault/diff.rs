//! What two versions of a secret have in common.

use subtle::ConstantTimeEq;

use super::read::{Content, Opened};
use crate::core::secret::Secret;

/// A field that is not the same in both.
pub struct FieldDiff<'o> {
    /// Its name; `None` for the bytes of a raw version.
    pub field: Option<&'o str>,
    /// Its type and value before, if it was there.
    pub old: Option<(&'o str, &'o Secret)>,
    /// Its type and value afterwards, if it is there.
    pub new: Option<(&'o str, &'o Secret)>,
}

impl FieldDiff<'_> {
    /// The word for it.
    pub fn what(&self) -> &'static str {
        match (self.old, self.new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }
}

type Part<'o> = (Option<&'o str>, (&'o str, &'o Secret));

/// The fields that differ in type or value: first those of the old version, then the added ones.
/// Their order in the document does not count.
pub fn diff<'o>(old: &'o Opened, new: &'o Opened) -> Vec<FieldDiff<'o>> {
    let (old, new) = (parts(old), parts(new));
    let find = |all: &[Part<'o>], field| all.iter().find(|(f, _)| *f == field).map(|(_, p)| *p);
    let of_old = old.iter().filter_map(|&(field, before)| {
        let after = find(&new, field);
        (!after.is_some_and(|after| same(before, after))).then_some(FieldDiff {
            field,
            old: Some(before),
            new: after,
        })
    });
    let of_new = new.iter().filter_map(|&(field, after)| {
        let is_new = find(&old, field).is_none();
        is_new.then_some(FieldDiff { field, old: None, new: Some(after) })
    });
    of_old.chain(of_new).collect()
}

fn parts(opened: &Opened) -> Vec<Part<'_>> {
    match &opened.content {
        Content::Raw(bytes) => vec![(None, ("raw", bytes))],
        Content::Doc(document) => {
            let fields = document.fields.iter();
            fields.map(|f| (Some(f.name.as_str()), (f.type_name(), &f.value))).collect()
        }
    }
}

fn same((kind, value): (&str, &Secret), (other_kind, other): (&str, &Secret)) -> bool {
    kind == other_kind && bool::from(value.bytes().ct_eq(other.bytes()))
}
