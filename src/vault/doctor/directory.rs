//! What is special about a directory.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::{Check, Status};
use crate::core::error::Error;
use crate::core::path::escape;
use crate::store::DirStore;

/// A difference of clocks that people should know of.
pub(super) const SKEW: Duration = Duration::from_secs(60);

pub(super) fn examine(path: &Path) -> Vec<Check> {
    let mut checks = vec![owner(path)];
    let found = DirStore::open(path).and_then(|store| store.examine());
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            // Where nothing may be written, nothing can be tried.
            checks.push(Check::failed("file system", Status::Warning, &Error::from(error)));
            return checks;
        }
    };
    checks.push(match (found.hard_links, found.tells_case) {
        (true, true) => Check::ok("file system", "has hard links, and tells upper from lower case"),
        (false, _) => Check::error("file system", "has no hard links, which new versions need")
            .hint("move the directory to another file system"),
        (true, false) => Check::error("file system", "does not tell upper from lower case")
            .hint("move the directory to another file system: secrets would overwrite each other"),
    });
    checks.push(clock(found.skew));
    checks.push(match found.temporary {
        0 => Check::ok("temporary files", "none"),
        count => Check::warning("temporary files", format!("{count} of interrupted writes"))
            .hint("`vault verify --repair` removes those that are old"),
    });
    checks
}

pub(super) fn clock(skew: Duration) -> Check {
    let seconds = skew.as_secs();
    if skew < SKEW {
        return Check::ok("clock", "this computer and the storage agree");
    }
    Check::warning("clock", format!("this computer and the storage differ by {seconds} s"))
        .hint("set this computer's clock: times in the history are those of the writers")
}

fn owner(path: &Path) -> Check {
    let name = "directory";
    let shown = escape(&path.display().to_string());
    let meta = match path.metadata() {
        Ok(meta) => meta,
        Err(e) => return Check::error(name, format!("{shown} cannot be looked at: {e}")),
    };
    let mode = meta.mode() & 0o7777;
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let message = format!("{shown} can be changed by every user (mode {mode:o})");
        return Check::warning(name, message).hint(format!("chmod o-w {shown}"));
    }
    Check::ok(name, format!("{shown} (mode {mode:o}, owner {})", meta.uid()))
}
