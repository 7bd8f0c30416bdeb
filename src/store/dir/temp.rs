//! Temporary files: an object is complete and durable before it gets its name.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, linkat, openat, renameat, unlinkat};

use super::fault::is_missing;
use super::tree::{make, open_dir};

/// Name of the directory in the root. On the same file system as the objects, of course.
pub(super) const TMP: &str = "tmp";

/// A complete file without a name among the objects. Removed when dropped.
pub(super) struct TempFile {
    dir: OwnedFd,
    name: String,
}

impl TempFile {
    /// Writes `parts` to a new file of this (unique) name, durably.
    pub(super) fn write(root: &OwnedFd, name: &str, parts: &[&[u8]]) -> io::Result<Self> {
        let dir = make(root, &[TMP])?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(openat(&dir, name, flags | OFlags::CLOEXEC, mode)?);
        let temp = Self { dir, name: name.to_owned() };
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        Ok(temp)
    }

    /// Gives the file a name that must not be taken (`EEXIST` otherwise).
    pub(super) fn link(&self, parent: impl AsFd, name: &str) -> rustix::io::Result<()> {
        linkat(&self.dir, &self.name, parent, name, AtFlags::empty())
    }

    /// Gives the file a name, in place of the file that has it now.
    pub(super) fn rename(&self, parent: impl AsFd, name: &str) -> rustix::io::Result<()> {
        renameat(&self.dir, &self.name, parent, name)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // After a rename it is gone; what cannot be removed is left to `sweep`.
        let _ = unlinkat(&self.dir, &self.name, AtFlags::empty());
    }
}

/// Removes the temporary files that were last written `older_than` ago or earlier, and counts
/// them.
pub(super) fn sweep(root: &OwnedFd, older_than: Duration) -> io::Result<usize> {
    let dir = match open_dir(root, TMP).map_err(io::Error::from) {
        Err(error) if is_missing(&error) => return Ok(0),
        dir => dir?,
    };
    let now = SystemTime::now();
    let mut swept = 0;
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        if !matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
            continue;
        }
        let name = entry.file_name();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&dir, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // Its writer has finished.
            Err(rustix::io::Errno::NOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        // A time in the future has no age: not ours to judge, so it stays.
        let age = now.duration_since(metadata.modified()?).ok();
        if metadata.is_file() && age.is_some_and(|age| age >= older_than) {
            unlinkat(&dir, name, AtFlags::empty())?;
            swept += 1;
        }
    }
    Ok(swept)
}
