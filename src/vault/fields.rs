//! Which field of a secret is meant.

use crate::core::document::{DEFAULT_FIELD, Document, Field};
use crate::core::error::{Error, Result};
use crate::core::path::{SecretPath, escape};

/// The field named, or `value`, or the only one.
///
/// # Errors
/// Not found if there is none; usage if it is not clear which one is meant.
pub fn choose<'a>(
    path: &SecretPath,
    document: &'a Document,
    name: Option<&str>,
) -> Result<&'a Field> {
    if let Some(name) = name {
        return document.field(name).ok_or_else(|| no_field(path, name, Some(document)));
    }
    match (document.field(DEFAULT_FIELD), document.fields.as_slice()) {
        (Some(field), _) => Ok(field),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::not_found(format!("{path} has no fields"))),
        (None, _) => Err(Error::usage(format!("{path} has several fields, none of them `value`"))
            .hint(format!("name one of: {}", names(document)))),
    }
}

/// The error for a field that is not there; without a document it is asked of raw bytes.
pub fn no_field(path: &SecretPath, name: &str, document: Option<&Document>) -> Error {
    let error = Error::not_found(format!("{path} has no field {}", escape(name)));
    match document {
        Some(document) => error.hint(format!("it has: {}", names(document))),
        None => error.hint("it is raw bytes, without fields"),
    }
}

fn names(document: &Document) -> String {
    let names: Vec<_> = document.fields.iter().map(|f| escape(&f.name)).collect();
    names.join(", ")
}
