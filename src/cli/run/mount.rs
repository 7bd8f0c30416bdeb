//! The variables in a file that is none: every reader gets them anew, and nothing is stored.

use std::fs::{File, Metadata, OpenOptions, metadata, remove_file, rename, symlink_metadata};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::fs::OFlags;

use super::failed;
use super::sources::Variables;
use crate::cli::output;
use crate::cli::session::shown;
use crate::vault::{Error, Result, Secret, write_env};

/// How long a file stays open behind what was written: who looked it up before it was replaced, and
/// opens it after that, finds its end instead of waiting for a writer that never comes.
const LINGER: Duration = Duration::from_millis(10);

/// The file, while it is there.
pub struct Mount {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

/// What is there. Held while it is replaced.
struct State {
    /// True when it is to go.
    is_over: bool,
    /// The file that we made last.
    made: Made,
    /// The one that takes its place: made before it is needed, so that as few as possible open the
    /// same one.
    spare: Option<(PathBuf, Made)>,
}

/// Which file it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Made {
    device: u64,
    inode: u64,
}

impl Mount {
    /// Makes the file, and answers its readers: as many of them as are told, or all.
    ///
    /// # Errors
    /// Conflict if something is there already; denied where others could put something else in its
    /// place; whatever the system says.
    pub fn new(path: &Path, variables: &Variables, reads: Option<u32>) -> Result<Self> {
        let cannot = |e: std::io::Error| failed(&format!("cannot make {}", shown(path)), e);
        check_folder(path)?;
        let mut text = Secret::with_capacity(1024);
        for (name, value) in variables.iter() {
            write_env(&mut text, name, value);
        }
        mkfifo(path, private()).map_err(|e| match e {
            nix::Error::EEXIST => Error::conflict(format!("{} is there already", shown(path)))
                .hint("if an interrupted run left it, remove it"),
            e => cannot(e.into()),
        })?;
        let made = Made::at(path).map_err(cannot)?;
        let state = Arc::new(Mutex::new(State { is_over: false, made, spare: None }));
        let mount = Self { path: path.to_owned(), state };
        let server =
            Server { path: mount.path.clone(), state: mount.state.clone(), text: Arc::new(text) };
        thread::spawn(move || server.answer(reads));
        Ok(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        if let Some((spare, _)) = state.spare.take() {
            let _ = remove_file(spare);
        }
        // Wakes the other thread, which waits for a reader.
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let reader = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        if reader.and_then(|reader| reader.metadata()).is_ok_and(|meta| state.made.is(&meta)) {
            let _ = remove_file(&self.path);
        }
    }
}

struct Server {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    text: Arc<Secret>,
}

/// What the next reader finds.
enum Next {
    /// A file of its own.
    File,
    /// None: this was the last one.
    Nothing,
    /// None, and it should.
    Failed(std::io::Error),
    /// Nobody gets anything any more.
    Over,
}

impl Server {
    fn answer(self, mut reads: Option<u32>) {
        loop {
            if reads != Some(1) {
                self.make_spare();
            }
            // Opening waits for a reader.
            let Some(file) = self.open() else { return };
            reads = reads.map(|reads| reads - 1);
            let goes_on = match self.turn_away(reads == Some(0)) {
                Next::Over => return,
                Next::Nothing => false,
                Next::File => true,
                Next::Failed(e) => {
                    let path = shown(&self.path);
                    output::note(&format!(
                        "warning: {path} goes after this reader\n  because: {e}"
                    ));
                    false
                }
            };
            let text = self.text.clone();
            let serve = move |mut file: File| {
                // A reader that goes away early has had enough.
                let _ = file.write_all(text.bytes());
                thread::sleep(LINGER);
            };
            if !goes_on {
                return serve(file);
            }
            // The next one does not wait for a slow one: of those who waited for us in one file,
            // only one would have it.
            thread::spawn(move || serve(file));
        }
    }

    /// The file that we made, with somebody who reads it.
    fn open(&self) -> Option<File> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let opened = File::options().write(true).custom_flags(flags).open(&self.path);
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok((meta, file)) if state.made.is(&meta) => return Some(file),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            _ if state.is_over => {}
            _ => output::note(&format!(
                "warning: {} is not the file that was made: nobody gets the variables in it",
                shown(&self.path)
            )),
        }
        None
    }

    /// Who comes from now on finds another file, or none: of one file two readers would get half
    /// of it each.
    fn turn_away(&self, is_last: bool) -> Next {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Next::Over;
        }
        let failed = match is_last {
            true => None,
            false => match self.replace(&mut state) {
                Ok(()) => return Next::File,
                Err(e) => Some(e),
            },
        };
        // Whoever comes must not wait for ever.
        let _ = remove_file(&self.path);
        failed.map_or(Next::Nothing, Next::Failed)
    }

    /// What fails here fails again when it is needed, and is told then.
    fn make_spare(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_over && state.spare.is_none() {
            state.spare = self.make().ok();
        }
    }

    fn make(&self) -> std::io::Result<(PathBuf, Made)> {
        let mut tries = 0;
        let next = loop {
            let mut next = self.path.clone().into_os_string();
            next.push(format!(".{:016x}.tmp", random()));
            let next = PathBuf::from(next);
            match mkfifo(&next, private()) {
                Ok(()) => break next,
                Err(nix::Error::EEXIST) if tries < 16 => tries += 1,
                Err(e) => return Err(e.into()),
            }
        };
        let made = Made::at(&next)?;
        Ok((next, made))
    }

    fn replace(&self, state: &mut State) -> std::io::Result<()> {
        let (next, made) = match state.spare.take() {
            Some(spare) => spare,
            None => self.make()?,
        };
        match rename(&next, &self.path) {
            Ok(()) => {
                state.made = made;
                Ok(())
            }
            Err(e) => {
                let _ = remove_file(&next);
                Err(e)
            }
        }
    }
}

impl Made {
    /// The FIFO at a path.
    fn at(path: &Path) -> std::io::Result<Self> {
        let meta = symlink_metadata(path)?;
        let made = Self { device: meta.dev(), inode: meta.ino() };
        made.is(&meta).then_some(made).ok_or_else(|| ErrorKind::AlreadyExists.into())
    }

    /// True if this is it, and ours.
    fn is(self, meta: &Metadata) -> bool {
        let same = Self { device: meta.dev(), inode: meta.ino() } == self;
        let ours = meta.uid() == rustix::process::geteuid().as_raw();
        same && ours && meta.file_type().is_fifo()
    }
}

/// Where others can rename files, they can put one of theirs in its place.
fn check_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Ok(meta) = metadata(folder) else { return Ok(()) };
    let (mode, group) = (meta.mode(), rustix::process::getegid().as_raw());
    let by_others = mode & 0o002 != 0 || mode & 0o020 != 0 && meta.gid() != group;
    match by_others && mode & 0o1000 == 0 {
        true => Err(Error::denied(format!("others can write to {}", shown(folder)))
            .hint("--mount takes a file in a folder that is yours alone")),
        false => Ok(()),
    }
}

/// A number that nobody guesses. It protects nothing: a name that is taken is not used.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

fn private() -> Mode {
    Mode::S_IRUSR | Mode::S_IWUSR
}
