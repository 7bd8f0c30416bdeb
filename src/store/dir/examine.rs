//! What the file system below a store can do, tried in its temporary directory.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;

use super::file::new_etag;
use super::temp::{TMP, TempFile};
use super::tree::make;

/// What was found.
#[derive(Debug)]
pub struct FileSystem {
    /// A file can have two names.
    pub hard_links: bool,
    /// `a` and `A` are two files.
    pub tells_case: bool,
    /// By how much its clock and this computer's differ.
    pub skew: Duration,
    /// Files in the temporary directory, which writers are using or left behind.
    pub temporary: usize,
}

pub(super) fn examine(root: &OwnedFd) -> io::Result<FileSystem> {
    let dir = make(root, &[TMP])?;
    let temporary = count(&dir)?;
    let name = format!("probe-{}", new_etag()?.0);
    let before = SystemTime::now();
    let temp = TempFile::write(root, &name, &[b"probe"])?;
    let file = File::from(openat(&dir, &name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
    let written = file.metadata()?.modified()?;
    // A coarse clock stands still between its ticks, so either order is possible.
    let skew = written.duration_since(before).unwrap_or_else(|earlier| earlier.duration());
    let other = name.to_uppercase();
    let tells_case = match statat(&dir, &other, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => false,
        Err(Errno::NOENT) => true,
        Err(error) => return Err(error.into()),
    };
    let second = format!("{name}-link");
    let hard_links = match temp.link(&dir, &second) {
        Ok(()) => true,
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV) => false,
        Err(error) => return Err(error.into()),
    };
    if hard_links {
        unlinkat(&dir, &second, AtFlags::empty())?;
    }
    Ok(FileSystem { hard_links, tells_case, skew, temporary })
}

fn count(dir: &OwnedFd) -> io::Result<usize> {
    let mut count = 0;
    for entry in Dir::read_from(dir)? {
        let kind = entry?.file_type();
        count += usize::from(matches!(kind, FileType::RegularFile | FileType::Unknown));
    }
    Ok(count)
}
