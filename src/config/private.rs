//! Files that only their owner may read: the identity, the SSH key of one, recovery words.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::Settings;
use crate::vault::{Error, LockedIdentity, MAX_IDENTITY, Result, Secret, escape};

/// Largest file with a key of somebody else's, in bytes: an RSA key of 8,192 bits as PEM.
const MAX_KEY: usize = 16 * 1024;

/// A private file.
pub struct File {
    /// What it holds.
    pub secret: Secret,
    /// True if other users of this machine can read it, too.
    pub exposed: bool,
}

/// The identity of this device as its files have it.
pub struct IdentityFiles {
    /// What opens with a passphrase, or whatever it takes.
    pub locked: LockedIdentity,
    /// Those of the files that other users of this machine can read, too.
    pub exposed: Vec<PathBuf>,
}

/// Reads the identity file, and that of the SSH key which it names.
///
/// # Errors
/// Credentials if there is none, or it cannot be read.
pub fn read_identity(settings: &Settings) -> Result<IdentityFiles> {
    let path = &settings.identity.value;
    let file = read(path, "the identity", MAX_IDENTITY)?.ok_or_else(|| {
        Error::credentials(format!("there is no identity at {}", shown(path))).hint(
            match super::is_empty_capability() {
                true => super::EMPTY_CAPABILITY,
                false => {
                    "`vault init` or `vault id new` makes one; VAULT_IDENTITY names another file"
                }
            },
        )
    })?;
    let mut exposed = Vec::from_iter(file.exposed.then(|| path.clone()));
    let mut locked = LockedIdentity::parse(&file.secret)?;
    if let Some(remembered) = locked.ssh_key_path() {
        let path = match &settings.ssh_key {
            Some(given) => given.value.clone(),
            None => remembered.to_owned(),
        };
        let key = read(&path, "the SSH key", MAX_KEY)?.ok_or_else(|| {
            Error::credentials(format!("the SSH key of the identity is not at {}", shown(&path)))
                .hint("VAULT_SSH_KEY names where it is")
        })?;
        exposed.extend(key.exposed.then(|| path.clone()));
        locked = locked.with_ssh_key(path, key.secret);
    }
    Ok(IdentityFiles { locked, exposed })
}

/// Reads a file with a key.
///
/// # Errors
/// Usage if there is none; credentials if it cannot be read, or is too large.
pub fn read_key(path: &Path) -> Result<File> {
    let missing = || Error::usage(format!("there is no file {}", shown(path)));
    read(path, "the key", MAX_KEY)?.ok_or_else(missing)
}

fn read(path: &Path, what: &str, limit: usize) -> Result<Option<File>> {
    let failed =
        |e: std::io::Error| Error::credentials(format!("cannot read {}", shown(path))).because(e);
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let exposed = file.metadata().is_ok_and(|meta| meta.is_file() && meta.mode() & 0o077 != 0);
    let mut secret = Secret::with_capacity(limit);
    let mut chunk = zeroize::Zeroizing::new([0u8; 512]);
    loop {
        match file.read(&mut *chunk) {
            Ok(0) => return Ok(Some(File { secret, exposed })),
            Ok(_) if secret.len() > limit => {
                return Err(
                    Error::credentials(format!("cannot open {what}")).hint("the file is too large")
                );
            }
            Ok(len) => secret.extend(&chunk[..len]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
}

/// What to tell of a file that others can read.
pub fn exposed(path: &Path) -> String {
    format!("{} can be read by other users of this machine: chmod 600 it", shown(path))
}

/// Writes a file that must not be there yet, for the user alone, in one step.
///
/// # Errors
/// Conflict if it is there; whatever the system says.
pub fn write_new(path: &Path, bytes: &Secret) -> Result<()> {
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists => Error::conflict(format!("{} is there already", shown(path)))
            .hint("nothing was overwritten"),
        ErrorKind::PermissionDenied => {
            Error::denied(format!("cannot write {}", shown(path))).because(e)
        }
        _ => Error::general(format!("cannot write {}", shown(path))).because(e),
    };
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    }
    if path.file_name().is_none() {
        return Err(Error::usage("the path has no file name"));
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".vault-").tempfile_in(dir).map_err(failed)?;
    file.write_all(bytes.bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    // Never over an identity that appeared meanwhile.
    file.persist_noclobber(path).map(drop).map_err(|e| failed(e.error))
}

fn shown(path: &Path) -> String {
    escape(&path.display().to_string())
}
