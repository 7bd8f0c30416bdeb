//! File descriptors that the caller opened for us, and what a child does with its own before it
//! begins; memory that is kept from being swapped out. The only file with unsafe code.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use rustix::io::FdFlags;
use rustix::process::Pid;

/// Those that the caller opened, and that are closed on exec since.
static CLOSED_ON_EXEC: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A file on a duplicate of an inherited file descriptor: opening `/dev/fd/N` instead would begin
/// at the start of a file again, and fails for sockets and for pipes of other users.
///
/// # Errors
/// If there is no such descriptor, or it is one of this process.
#[allow(unsafe_code)]
pub fn open(fd: u32) -> std::io::Result<File> {
    let fd = i32::try_from(fd).map_err(|_| ErrorKind::InvalidInput)?;
    if !is_inherited(fd) {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: the number is borrowed for the one system call that duplicates it. It is the
    // caller's: nothing in this process owns it, or closes it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?))
}

/// True if the caller opened it: whatever this process opens is closed on exec from the beginning,
/// so that it was not there when the process began if it is.
#[allow(unsafe_code)]
fn is_inherited(fd: i32) -> bool {
    if fd < 0 {
        return false;
    }
    // SAFETY: borrowed for the one system call that tells its flags, and fails if it is not open.
    let flags = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) });
    let closed = CLOSED_ON_EXEC.lock().unwrap_or_else(PoisonError::into_inner);
    flags.is_ok_and(|flags| !flags.contains(FdFlags::CLOEXEC) || closed.contains(&fd))
}

/// Keeps these bytes from being swapped out, as long as the process lives.
#[allow(unsafe_code)]
pub fn lock_memory(bytes: &[u8]) -> bool {
    // SAFETY: the range is that of a slice, which is mapped. Locking its pages changes nothing
    // that a program can see, and they are never unlocked, so that no other lock is undone.
    unsafe { rustix::mm::mlock(bytes.as_ptr().cast_mut().cast(), bytes.len()) }.is_ok()
}

/// Closes an inherited file descriptor when another program takes over.
#[allow(unsafe_code)]
pub fn close_on_exec(fd: u32) {
    let Ok(fd) = i32::try_from(fd) else { return };
    if !is_inherited(fd) {
        return;
    }
    CLOSED_ON_EXEC.lock().unwrap_or_else(PoisonError::into_inner).insert(fd);
    // SAFETY: borrowed for the one system call; it is open, and nothing here closes it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let _ = rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC);
}

/// Closes all inherited file descriptors but the three streams: for a process that stays in the
/// background.
#[allow(unsafe_code)]
pub fn close_all() {
    let Ok(list) = std::fs::read_dir("/dev/fd") else { return };
    let number =
        |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let open: Vec<i32> = list.filter_map(number).filter(|fd| *fd > 2).collect();
    let closed =
        |fd: &i32| CLOSED_ON_EXEC.lock().unwrap_or_else(PoisonError::into_inner).contains(fd);
    for fd in open.into_iter().filter(|fd| is_inherited(*fd) && !closed(fd)) {
        // SAFETY: it is open, and the caller's: what this process owns is closed on exec.
        unsafe { rustix::io::close(fd) };
    }
}

/// Sends a signal by its number: those from `SIGRTMIN` on have no name.
#[allow(unsafe_code)]
pub fn send_number(pid: Pid, number: i32) {
    // SAFETY: the call takes two numbers and touches no memory of this process.
    let _ = unsafe { nix::libc::kill(pid.as_raw_nonzero().get(), number) };
}

/// Gives the program a session of its own whose terminal is the one on its stdin.
#[allow(unsafe_code)]
pub fn own_session(command: &mut Command) {
    let begin = || {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        Ok(())
    };
    // SAFETY: between fork and exec only calls that are safe in a signal handler may happen. Both
    // are bare system calls; neither allocates, locks or touches what other threads may hold.
    unsafe { command.pre_exec(begin) };
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn only_what_the_caller_opened_is_taken() {
        let file = File::open("/dev/null").unwrap();
        let fd = u32::try_from(file.as_raw_fd()).unwrap();
        assert!(open(fd).is_err(), "it is ours");
        // As a caller leaves it.
        rustix::io::fcntl_setfd(&file, FdFlags::empty()).unwrap();
        let again = open(fd).unwrap();
        assert!(rustix::io::fcntl_getfd(&again).unwrap().contains(FdFlags::CLOEXEC));
        close_on_exec(fd);
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC));
        assert!(open(fd).is_ok(), "still the caller's");
        assert!(open(1 << 20).is_err() && open(u32::MAX).is_err());
    }
}
