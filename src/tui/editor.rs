//! `$EDITOR` on a file in memory: a directory of its own on a tmpfs, overwritten and removed
//! afterwards, with the flags that keep the editor from leaving copies elsewhere.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path as File, PathBuf};

use crate::config::Interface;
use crate::vault::generate::{Alphabet, Spec};
use crate::vault::{Error, Result, Secret};

/// Largest file that is read back, in bytes.
const MAX: u64 = 32 * 1024 * 1024;
/// Types of file systems that are never on a disk (`tmpfs`, `ramfs`).
#[cfg(target_os = "linux")]
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// A file while it is edited. Dropped, it is overwritten and gone.
pub struct Scratch {
    dir: PathBuf,
    file: PathBuf,
}

impl Scratch {
    /// Writes `text` into a new file, in a new directory in `place`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(place: &File, text: &Secret) -> Result<Self> {
        let failed = |e: std::io::Error| Error::general("cannot write the file to edit").because(e);
        let name = Spec::Password { length: 16, alphabet: Alphabet::Hex }.generate();
        let dir = place.join(format!("vault-{}", name.text().unwrap_or_default()));
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed)?;
        let scratch = Self { file: dir.join("secret"), dir };
        scratch.write(text)?;
        Ok(scratch)
    }

    /// Writes the text to edit, in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, text: &Secret) -> Result<()> {
        let failed = |e: std::io::Error| Error::general("cannot write the file to edit").because(e);
        let mut options = fs::File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&self.file).map_err(failed)?;
        file.write_all(text.bytes()).map_err(failed)
    }

    /// The command that edits it.
    ///
    /// # Errors
    /// If no editor is configured.
    pub fn command(&self, interface: &Interface) -> Result<(String, Vec<String>)> {
        let editor = interface.editor.clone().or_else(|| {
            let known = ["vim", "nano", "vi"].into_iter();
            known.map(str::to_owned).find(|name| find(interface, name).is_some())
        });
        let editor = editor.ok_or_else(|| {
            Error::usage("no editor is configured")
                .hint("set EDITOR; in the terminal UI E edits in a form")
        })?;
        let program = editor.split_whitespace().next().unwrap_or_default().to_owned();
        let mut args = vec!["-c".to_owned(), format!("exec {editor} \"$@\""), "sh".to_owned()];
        args.extend(quiet(interface, &program).iter().map(|arg| (*arg).to_owned()));
        args.push(self.file.to_string_lossy().into_owned());
        Ok(("/bin/sh".to_owned(), args))
    }

    /// What the editor left.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self) -> Result<Secret> {
        let failed = |e: std::io::Error| Error::general("cannot read what was edited").because(e);
        let mut options = fs::File::options();
        // A pipe would keep us, and what a link leads to is somebody else's.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = options.read(true).custom_flags(flags.bits() as i32).open(&self.file);
        let mut file = file.map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(Error::general("the editor left something else than a file"));
        }
        if meta.len() > MAX {
            return Err(Error::usage("what was edited is too large: a secret holds 16 MiB"));
        }
        let mut text = zeroize::Zeroizing::new(Vec::with_capacity(meta.len() as usize + 1));
        std::io::Read::read_to_end(&mut file, &mut text).map_err(failed)?;
        Ok(Secret::new(std::mem::take(&mut text)))
    }
}

impl Drop for Scratch {
    /// Also what the editor put beside it.
    fn drop(&mut self) {
        // Plain files only: what a link leads to is somebody else's, a pipe would keep us.
        let plain = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten().filter(plain) {
            let len = entry.metadata().map_or(0, |meta| meta.len());
            let mut options = fs::File::options();
            let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
            if let Ok(mut file) = options.write(true).custom_flags(no_link).open(entry.path()) {
                let _ = std::io::copy(&mut std::io::Read::take(std::io::repeat(0), len), &mut file);
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A directory in memory to edit in.
///
/// # Errors
/// If there is none.
pub fn memory(interface: &Interface) -> Result<&File> {
    let place = interface.memory_dirs.iter().find(|dir| is_in_memory(dir));
    place.map(PathBuf::as_path).ok_or_else(|| {
        Error::general("there is no directory in memory to edit in")
            .hint("$XDG_RUNTIME_DIR is usually such a directory")
    })
}

#[cfg(target_os = "linux")]
fn is_in_memory(dir: &File) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|fs| IN_MEMORY.contains(&i64::from(fs.f_type as u32)))
}

/// No file system in memory can be told from others here.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &File) -> bool {
    false
}

fn find(interface: &Interface, program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return fs::canonicalize(program).ok();
    }
    interface.path.iter().find_map(|dir| fs::canonicalize(dir.join(program)).ok())
}

/// Flags that keep an editor from writing elsewhere what it edits.
fn quiet(interface: &Interface, program: &str) -> &'static [&'static str] {
    // `vi` is often a link to one of them.
    let real = find(interface, program).unwrap_or_else(|| program.into());
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        name if name.starts_with("nvim") => {
            &["-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"]
        }
        name if name.starts_with("vim") || name.starts_with("gvim") => {
            &["-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"]
        }
        name if name.starts_with("emacs") && !name.starts_with("emacsclient") => {
            &["-nw", "--eval", "(setq make-backup-files nil auto-save-default nil)"]
        }
        _ => &[],
    }
}
