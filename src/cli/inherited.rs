//! File descriptors that the caller opened for us, and what a child does with its own before it
//! begins; memory that is kept from being swapped out. The only file with unsafe code.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::FdFlags;
use rustix::process::Pid;

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
    // SAFETY: as above; the call fails if it is not open, and then there is nothing to close.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let _ = rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC);
}

/// Closes all inherited file descriptors but the three streams. Only for a process that stays in
/// the background, and before anything else is opened in it.
#[allow(unsafe_code)]
pub fn close_all() {
    let Ok(list) = std::fs::read_dir("/dev/fd") else { return };
    let number =
        |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    // Gathered first: the list has one of its own, which is closed with it.
    let open: Vec<i32> = list.filter_map(number).filter(|fd| *fd > 2).collect();
    for fd in open {
        // SAFETY: borrowed for the one system call that tells whether it is open.
        let is_open = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) }).is_ok();
        if is_open {
            // SAFETY: nothing in this process holds it: it was inherited, and no other thread
            // runs yet that may have opened something under its number.
            unsafe { rustix::io::close(fd) };
        }
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
