//! Where the agent's socket is, and who is at its other end. Both sides look: at who owns the
//! directory before they use it, and at the user of the process that they speak to.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{ErrorKind, Result as IoResult};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::Pid;
use tokio::net::UnixListener;

use crate::core::error::{Error, Result};
use crate::core::path::escape;

const SOCKET: &str = "agent.sock";
/// Held by the agent as long as it runs, so that there is one.
const LOCK: &str = "agent.lock";

/// The socket in a directory.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join(SOCKET)
}

/// A process at the other end of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub uid: u32,
    /// Not known of a process outside of our PID namespace, such as one on the host of a container
    /// that shares the directory.
    pub pid: Option<Pid>,
}

/// Who is at the other end. By nix, because rustix takes a PID of 0 for an error.
#[cfg(target_os = "linux")]
pub(super) fn peer(socket: impl AsFd) -> IoResult<Peer> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let peer = getsockopt(&socket, PeerCredentials)?;
    Ok(Peer { uid: peer.uid(), pid: Pid::from_raw(peer.pid()) })
}

/// Who is at the other end.
#[cfg(not(target_os = "linux"))]
pub(super) fn peer(_: impl AsFd) -> IoResult<Peer> {
    Err(ErrorKind::Unsupported.into())
}

/// Connects to a socket. One that nobody accepts at makes nobody wait longer than this.
pub(super) fn connect_within(path: &Path, limit: Duration) -> IoResult<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
    connect(&socket, &address)?;
    Ok(socket.into())
}

/// Who we are.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether there is a directory for sockets that nobody else can put anything into.
///
/// # Errors
/// Denied if somebody else made it, or could change what is in it.
pub fn check_directory(dir: &Path) -> Result<bool> {
    let shown = escape(&dir.display().to_string());
    let hint = "remove it, or set XDG_RUNTIME_DIR to a directory of your own";
    let refused = |why: &str| {
        Err(Error::denied(format!("the directory of the agent, {shown}, {why}")).hint(hint))
    };
    let found = match fs::symlink_metadata(dir) {
        Ok(found) => found,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Error::denied(format!("cannot look at {shown}")).because(e)),
    };
    if !found.is_dir() {
        return refused("is no directory");
    }
    if found.uid() != own_uid() {
        return refused("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refused("is open to other users");
    }
    // Whoever can write above it can put another one in its place.
    let above = dir.parent().and_then(|above| fs::metadata(above).ok());
    let safe = above.is_some_and(|above| {
        let ours = above.uid() == own_uid() || above.uid() == 0;
        ours && (above.mode() & 0o022 == 0 || above.mode() & 0o1000 != 0)
    });
    if safe { Ok(true) } else { refused("is in one that other users can change") }
}

/// A socket that is listened at, and the lock that says so.
pub struct Listening {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// The socket's file, which is ours as long as the listener is open.
    file: (u64, u64),
    lock: File,
}

impl Listening {
    /// Listens in `dir`, which is made if it is not there; `None` if another agent does. Call it
    /// within a runtime.
    ///
    /// # Errors
    /// As [`check_directory`]; whatever the system says.
    pub fn start(dir: &Path) -> Result<Option<Self>> {
        let failed = |e: std::io::Error| {
            let shown = escape(&dir.display().to_string());
            Error::general(format!("cannot make the agent's socket in {shown}"))
                .because(e)
                .hint("XDG_RUNTIME_DIR names a directory of your own, with a short path")
        };
        if !check_directory(dir)? {
            match DirBuilder::new().mode(0o700).create(dir) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(e)),
            }
            // Somebody may have been faster.
            check_directory(dir)?;
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(e)) => return Err(failed(e)),
        }
        // Whoever left it is gone, or would hold the lock.
        let path = socket(dir);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        let file = fs::symlink_metadata(&path).map_err(failed)?;
        Ok(Some(Self { listener, path, file: identity(&file), lock }))
    }

    /// False once nobody can find us any more: the directory is gone, as it is when a user's last
    /// session ends, or another agent listens there.
    pub(super) fn is_found(&self) -> bool {
        let lock = self.path.with_file_name(LOCK);
        let locked = self.lock.metadata().is_ok_and(|ours| is(&lock, identity(&ours)));
        locked && is(&self.path, self.file)
    }
}

/// What tells one file from all others that are there.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn is(path: &Path, file: (u64, u64)) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| identity(&found) == file)
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Not that of another agent.
        if is(&self.path, self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
