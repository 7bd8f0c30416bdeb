//! Programs called `vault-NAME` on the path, which are commands of ours.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The program of an extension; `None` if there is none. Only directories that the path names from
/// the root on: what a program means may not depend on where one is.
pub fn extension(name: &str) -> Option<PathBuf> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.bytes().all(plain) {
        return None;
    }
    let path = env::var_os("PATH")?;
    let runs = |program: &PathBuf| {
        let meta = fs::metadata(program);
        meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let dirs = env::split_paths(&path).filter(|dir| dir.is_absolute());
    dirs.map(|dir| dir.join(format!("vault-{name}"))).find(runs)
}
