//! The variables in a file that is none: every reader gets them anew, and nothing is stored.

use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::fs::OFlags;

use super::failed;
use super::sources::Variables;
use crate::cli::session::shown;
use crate::vault::{Error, Result, Secret, write_env};

/// The file, while it is there.
pub struct Mount {
    path: PathBuf,
    /// True when it is to go. Held while it is replaced.
    over: Arc<Mutex<bool>>,
}

impl Mount {
    /// Makes the file, and answers its readers: as many of them as are told, or all.
    ///
    /// # Errors
    /// Conflict if something is there already; whatever the system says.
    pub fn new(path: &Path, variables: &Variables, reads: Option<u32>) -> Result<Self> {
        let mut text = Secret::with_capacity(1024);
        for (name, value) in variables.iter() {
            write_env(&mut text, name, value);
        }
        mkfifo(path, private()).map_err(|e| match e {
            nix::Error::EEXIST => Error::conflict(format!("{} is there already", shown(path)))
                .hint("if an interrupted run left it, remove it"),
            e => failed(&format!("cannot make {}", shown(path)), e),
        })?;
        let mount = Self { path: path.to_owned(), over: Arc::default() };
        let server = Server { path: mount.path.clone(), over: mount.over.clone(), text };
        thread::spawn(move || server.answer(reads));
        Ok(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // Wakes the other thread, which waits for a reader.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let reader = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        if reader.and_then(|reader| reader.metadata()).is_ok_and(|meta| is_fifo(&meta)) {
            let _ = remove_file(&self.path);
        }
    }
}

struct Server {
    path: PathBuf,
    over: Arc<Mutex<bool>>,
    text: Secret,
}

impl Server {
    fn answer(self, mut reads: Option<u32>) {
        // Opening waits for a reader.
        while let Ok(mut file) = File::options().write(true).open(&self.path) {
            reads = reads.map(|reads| reads - 1);
            if !self.turn_away(reads == Some(0)) {
                return;
            }
            // A reader that goes away early has had enough.
            let _ = file.write_all(self.text.bytes());
            if reads == Some(0) {
                return;
            }
        }
    }

    /// Who comes from now on finds another file, or none: of one file two readers would get half
    /// of it each. False if it is all over.
    fn turn_away(&self, is_last: bool) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if *over {
            return false;
        }
        if is_last {
            let _ = remove_file(&self.path);
            return true;
        }
        let mut next = self.path.clone().into_os_string();
        next.push(format!(".{}.tmp", std::process::id()));
        let next = PathBuf::from(next);
        mkfifo(&next, private()).is_ok() && rename(&next, &self.path).is_ok()
    }
}

fn private() -> Mode {
    Mode::S_IRUSR | Mode::S_IWUSR
}

fn is_fifo(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_fifo()
}
