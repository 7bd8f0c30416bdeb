//! Small private files of this device: read whole, replaced in one step.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::core::error::{Error, Result};
use crate::core::random;
use crate::core::text::hex;

/// Largest file of this device that is read: a chain record of a million notes.
const MAX_FILE: u64 = 80_000_000;

/// The bytes of a file; `None` if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_FILE || !meta.is_file() => return Err(edited(path)),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(_) | Err(_) => {}
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(cannot("read", path, e)),
    }
}

/// What is in a directory; nothing, if it is not there.
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = match fs::read_dir(dir) {
        Ok(list) => list,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot("read", dir, e)),
    };
    let hidden = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let paths = list.map(|entry| entry.map(|entry| entry.path()));
    let paths = paths.collect::<std::io::Result<Vec<_>>>().map_err(|e| cannot("read", dir, e))?;
    Ok(paths.into_iter().filter(|path| !hidden(path)).collect())
}

/// Replaces a file in one step. Not synced: after a power failure an older mark protects less,
/// but never wrongly, and a sync would cost every first read some milliseconds.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().expect("a file in a directory");
    make_dir(dir)?;
    let temp = dir.join(format!(".tmp-{}", hex(&random::array::<8>())));
    let write = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temp)?;
        file.write_all(bytes)?;
        fs::rename(&temp, path)
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&temp);
        cannot("write", path, e)
    })
}

/// Checks that files can be made in a directory, which is made if it is not there.
pub(super) fn check_writable(dir: &Path) -> Result<()> {
    let probe = dir.join(format!(".probe-{}", hex(&random::array::<8>())));
    replace(&probe, b"")?;
    fs::remove_file(&probe).map_err(|e| cannot("write", dir, e))
}

pub(super) fn make_dir(dir: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| cannot("make", dir, e))
}

pub(super) fn cannot(action: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            crate::core::error::Kind::Denied
        }
        _ => crate::core::error::Kind::General,
    };
    Error::new(kind, format!("cannot {action} {}", path.display()))
        .because(error)
        .hint("XDG_STATE_HOME and XDG_CACHE_HOME name other places for what this device remembers")
}

pub(super) fn edited(path: &Path) -> Error {
    Error::integrity(format!("{} was damaged or edited", path.display())).hint(
        "if you know why, remove the file: this device then forgets how far it has seen the vault",
    )
}
