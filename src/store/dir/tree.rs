//! Finding, making and pruning the directories of keys. Every step goes from an open directory
//! to the next without following links, so no link can lead out of the store.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, fsync, mkdirat, openat, unlinkat};
use rustix::io::Errno;

/// Opens one directory below another.
pub(super) fn open_dir(parent: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens the directory that the names lead to.
pub(super) fn find<S: AsRef<str>>(root: &OwnedFd, names: &[S]) -> io::Result<OwnedFd> {
    let mut dir = root.try_clone()?;
    for name in names {
        dir = open_dir(&dir, name.as_ref())?;
    }
    Ok(dir)
}

/// As [`find`], but makes the directories that are missing, durably.
pub(super) fn make<S: AsRef<str>>(root: &OwnedFd, names: &[S]) -> io::Result<OwnedFd> {
    let mut dir = root.try_clone()?;
    for name in names {
        let name = name.as_ref();
        dir = match open_dir(&dir, name) {
            Err(Errno::NOENT) => {
                match mkdirat(&dir, name, Mode::RWXU) {
                    // Somebody else's new directory may not be durable yet: ours to see to.
                    Ok(()) | Err(Errno::EXIST) => fsync(&dir)?,
                    Err(error) => return Err(error.into()),
                }
                open_dir(&dir, name)?
            }
            found => found?,
        };
    }
    Ok(dir)
}

/// Removes the directories that the names lead to, innermost first, as long as they are empty.
pub(super) fn prune(root: &OwnedFd, names: &[String]) {
    let mut names = names;
    while let Some((name, parents)) = names.split_last() {
        // An empty directory does no harm, so whatever stops us (usually: it is not empty) is
        // no failure. Nothing to sync either: one that comes back after a crash is empty too.
        let removed =
            find(root, parents).and_then(|parent| Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?));
        if removed.is_err() {
            return;
        }
        names = parents;
    }
}
