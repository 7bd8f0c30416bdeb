//! Keys as file names and back.
//!
//! Each segment gets a suffix, so `a` (the file `a.o`) and `a/b` (in the directory `a.d`) can
//! both exist, and segments that mean something to the system (empty, `.`, `..`) are plain names.

use rustix::fs::FileType;

use crate::store::Result;
use crate::store::rules::{check_key, invalid};

/// Longest segment in bytes: with its suffix it is a file name everywhere (255 bytes).
const MAX_SEGMENT: usize = 250;

/// Where the object of a key is.
pub(super) struct Location {
    /// Names of the directories, outermost first.
    pub(super) parents: Vec<String>,
    /// Name of the file.
    pub(super) file: String,
}

impl Location {
    /// The place of a key, if the key can be stored.
    pub(super) fn of(key: &str) -> Result<Self> {
        check_key(key)?;
        if key.split('/').any(|segment| segment.len() > MAX_SEGMENT) {
            return Err(invalid(format!("a key with a segment of more than {MAX_SEGMENT} bytes")));
        }
        let (parents, file) = match key.rsplit_once('/') {
            Some((parents, file)) => (parents.split('/').map(dir_name).collect(), file),
            None => (Vec::new(), key),
        };
        Ok(Self { parents, file: format!("{file}.o") })
    }
}

/// The name of the directory that holds what is below a segment.
pub(super) fn dir_name(segment: &str) -> String {
    format!("{segment}.d")
}

/// What an entry of the directory for `path` (empty, or ending in `/`) stands for: a key, or the
/// beginning of all the keys in a directory (`path`, its segment, `/`), and the kind of file that
/// it must be. Nothing, if this store would not have chosen the name.
pub(super) fn meaning(path: &str, name: &str) -> Option<(String, FileType)> {
    let (segment, end, kind) = match name.strip_suffix(".o") {
        Some(segment) => (segment, "", FileType::RegularFile),
        None => (name.strip_suffix(".d")?, "/", FileType::Directory),
    };
    let name = [path, segment, end].concat();
    let legal = segment.len() <= MAX_SEGMENT && check_key(&name).is_ok();
    legal.then_some((name, kind))
}
