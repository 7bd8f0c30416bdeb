//! How much the names in a source may take. Every secret has a copy of all names above it, so a
//! small file could take all memory: names are counted before they are copied.

use crate::core::error::{Error, Result};

/// Most that the names of one secret may have together, in bytes. A path has fewer; what is longer
/// is still to be shown as a name that cannot be taken.
const MAX_OF_ONE: usize = 4096;
/// What a segment takes besides its bytes.
pub const SEGMENT: usize = 40;

fn check(len: usize) -> Result<()> {
    match len > MAX_OF_ONE {
        true => Err(Error::usage(format!(
            "a name, with those of the folders above it, has more than {MAX_OF_ONE} bytes"
        ))),
        false => Ok(()),
    }
}

/// A name with `/` in it is a path.
///
/// # Errors
/// Usage if it is far too long for one.
pub fn split(name: &str) -> Result<Vec<String>> {
    split_at(name, '/')
}

/// The same with something else between the segments.
///
/// # Errors
/// As [`split`].
pub fn split_at(name: &str, between: char) -> Result<Vec<String>> {
    check(name.len())?;
    Ok(name.split(between).map(str::to_owned).collect())
}

/// A name, of one segment, below others.
///
/// # Errors
/// As [`split`].
pub fn below(folders: &[String], name: &str) -> Result<Vec<String>> {
    check(folders.iter().map(String::len).sum::<usize>() + name.len())?;
    Ok(folders.iter().map(String::as_str).chain([name]).map(str::to_owned).collect())
}

/// The names on the way to where a tree is looked at.
#[derive(Default)]
pub struct Way {
    segments: Vec<String>,
    len: usize,
}

impl Way {
    /// The segments.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The segments, as people read them.
    pub fn shown(&self) -> String {
        self.segments.join("/")
    }

    /// Goes below a name for as long as `then` takes.
    ///
    /// # Errors
    /// As [`split`]; those of `then`.
    pub fn below(&mut self, name: &str, then: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let (depth, len) = (self.segments.len(), self.len);
        check(len + name.len())?;
        self.len += name.len();
        self.segments.extend(split(name)?);
        let done = then(self);
        self.segments.truncate(depth);
        self.len = len;
        done
    }
}
