//! What every store accepts as a key and as metadata. Kept equal everywhere, so that what was
//! written to one store can be copied to any other.

use super::{MAX_KEY, MAX_METADATA, Metadata, Result, StoreError};

/// Longest name of a metadata entry in bytes.
const MAX_NAME: usize = 128;

/// Refuses a key that no store takes.
pub(super) fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(invalid("an empty key"));
    }
    if key.len() > MAX_KEY {
        return Err(invalid(format!("a key of more than {MAX_KEY} bytes")));
    }
    if key.contains(['\0', '\n']) {
        return Err(invalid("a key with a NUL or a line break"));
    }
    Ok(())
}

/// The metadata as it is stored: names in lower case, the order kept. Values are never part of
/// an error.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<Metadata> {
    let mut stored = Metadata::with_capacity(metadata.len());
    let mut size = 0;
    for (name, value) in metadata {
        let name = name.to_ascii_lowercase();
        if !is_name(&name) {
            return Err(invalid("a metadata name with other than 1 to 128 of a-z 0-9 . _ -"));
        }
        if !is_value(value) {
            return Err(invalid(format!(
                "metadata {name:?} with other than visible ASCII and inner spaces"
            )));
        }
        size += name.len() + value.len();
        // Checked in the loop: it bounds the search for duplicates as well.
        if size > MAX_METADATA {
            return Err(invalid(format!("metadata of more than {MAX_METADATA} bytes")));
        }
        // HTTP would join the two values, so what is read would not be what was written.
        if stored.iter().any(|(other, _)| *other == name) {
            return Err(invalid(format!("metadata {name:?} twice")));
        }
        stored.push((name, value.clone()));
    }
    Ok(stored)
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn is_value(value: &str) -> bool {
    // Spaces at the ends are what HTTP drops.
    value.bytes().all(|b| matches!(b, 0x20..=0x7e))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

/// [`StoreError::Invalid`] with its reason.
pub(super) fn invalid(reason: impl Into<String>) -> StoreError {
    StoreError::Invalid { reason: reason.into() }
}
