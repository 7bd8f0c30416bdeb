//! The system's errors as the store's. Only names get into them, never what is stored.

use std::io;

use rustix::io::Errno;

use crate::store::StoreError;

/// For `map_err`: what an error means when `action` was tried on `target` (a key or a path).
pub(super) fn fault(action: &'static str, target: &str) -> impl Fn(io::Error) -> StoreError {
    move |source| {
        let target = target.to_owned();
        match Errno::from_io_error(&source) {
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
                StoreError::Denied { action, target, source }
            }
            Some(Errno::NOSPC | Errno::DQUOT) => StoreError::Full { action, target, source },
            Some(Errno::NAMETOOLONG) => {
                StoreError::Invalid { reason: "a name too long for the file system".to_owned() }
            }
            // A link or another kind of file where this store has a file or a directory.
            Some(Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO) => StoreError::Damaged {
                key: target,
                reason: "something else is in the place of its file or directory".to_owned(),
                etag: None,
            },
            _ => StoreError::Io { action, target, source },
        }
    }
}

/// Whether the system says that there is nothing of this name.
pub(super) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
