//! The lock of a store: whoever replaces or removes an object holds it, from the look at the
//! etag to the change. Readers and create-only writes need none.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::retry_on_intr;

/// Name of the file in the root. Never removed: a lock on a removed file locks nobody out.
const LOCK: &str = "lock";

/// Holds the lock until dropped. The system releases it too when the process dies.
pub(super) struct Lock {
    _file: OwnedFd,
}

/// Waits for the lock. Each call opens the file anew, so threads lock each other out as well as
/// processes do.
pub(super) fn exclusive(root: &OwnedFd) -> io::Result<Lock> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(root, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
    retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
    Ok(Lock { _file: file })
}
