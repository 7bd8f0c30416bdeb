//! File descriptors that the caller opened for us.

use std::fs::File;
use std::os::fd::BorrowedFd;

/// A file on a duplicate of an inherited file descriptor: opening `/dev/fd/N` instead would begin
/// at the start of a file again, and fails for sockets and for pipes of other users.
///
/// # Errors
/// If there is no such descriptor.
#[allow(unsafe_code)]
pub fn open(fd: u32) -> std::io::Result<File> {
    let fd = i32::try_from(fd).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    // SAFETY: the number is borrowed for the one system call that duplicates it. Nothing here
    // closes it, and if it is not open that call fails, which is the only use of it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(File::from(rustix::io::dup(borrowed)?))
}
