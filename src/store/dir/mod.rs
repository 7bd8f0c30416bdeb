//! A store in a directory: for teams on a shared file system, for backups and for tests.
//!
//! | Path in the root | What |
//! |---|---|
//! | `vault-store` | the marker, `vault-dir/1` and a line break |
//! | `<segment>.d/…/<segment>.o` | an object, one file (`name.rs`: the key as a path; `file.rs`: its bytes) |
//! | `tmp/` | files not yet complete |
//! | `lock` | held by whoever replaces or removes an object |
//!
//! Files are complete and durable before they get their name, and get it in one step: no reader
//! ever sees half an object, and a crash leaves the old or the new one. A create-only write
//! makes the name with `link(2)`, which the system refuses if it exists; all other changes look
//! and act under the lock. So the file system must have hard links, and tell upper from lower
//! case.
//!
//! The calls block: they are short, and there is one command at a time.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fsync, openat, unlinkat};
use rustix::io::Errno;

use self::fault::{fault, is_missing};
use self::file::{ObjectFile, damaged, encode_head, new_etag, read_small};
use self::name::Location;
use self::temp::TempFile;
use super::rules::{check_metadata, invalid};
use super::{Condition, Etag, Head, Listing, Metadata, Object, Page, Result, Store, StoreError};

pub use self::examine::FileSystem;
pub use self::file::parse_head;

mod examine;
mod fault;
mod file;
mod lock;
mod name;
mod temp;
mod tree;
mod walk;

const MARKER: &str = "vault-store";
const MARKER_TEXT: &str = "vault-dir/1\n";

/// How often a write makes its directories again. Each time needs a delete that empties the
/// directory just then, so running out of attempts means that something else is wrong.
const ATTEMPTS: usize = 100;

/// A store in a directory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct DirStore {
    path: PathBuf,
    root: Arc<OwnedFd>,
}

impl DirStore {
    /// Makes a store in `root`, and the directory too if it is missing (only the user can enter
    /// it then). A store that is there already is opened.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the directory holds other things; those of the system.
    pub fn create(root: &Path) -> Result<Self> {
        let path = root.display().to_string();
        let fault = fault("create", &path);
        let is_new = !root.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(&fault)?;
        let store = Self::at(root)?;
        match store.check_marker() {
            Err(StoreError::Missing { .. }) => {}
            checked => return checked.map(|()| store),
        }
        if store.holds_other_things().map_err(&fault)? {
            return Err(invalid(format!(
                "{path:?} is not empty and no store of this program: name an empty or a new directory"
            )));
        }
        store.write_marker().map_err(&fault)?;
        if is_new && let Ok(parent) = openat(&*store.root, "..", OFlags::RDONLY, Mode::empty()) {
            // Best effort: the user may not be allowed to read the parent.
            let _ = fsync(parent);
        }
        Ok(store)
    }

    /// Opens the store in `root`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the directory or its marker is not there; those of the system.
    pub fn open(root: &Path) -> Result<Self> {
        let store = Self::at(root)?;
        store.check_marker()?;
        Ok(store)
    }

    /// Removes temporary files that were last written `older_than` ago or earlier: a crashed
    /// writer leaves one behind. Answers how many there were.
    ///
    /// # Errors
    /// Those of the system.
    pub fn sweep_temp(&self, older_than: Duration) -> Result<usize> {
        let path = self.path.display().to_string();
        temp::sweep(&self.root, older_than).map_err(fault("sweep", &path))
    }

    /// Tries what the file system below can do.
    ///
    /// # Errors
    /// Those of the system.
    pub fn examine(&self) -> Result<FileSystem> {
        let path = self.path.display().to_string();
        examine::examine(&self.root).map_err(fault("examine", &path))
    }

    fn at(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(CWD, root, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { path: root.to_owned(), root: Arc::new(fd) }),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(missing(root)),
            Err(error) => Err(fault("open", &root.display().to_string())(error.into())),
        }
    }

    fn check_marker(&self) -> Result<()> {
        match read_small(&*self.root, MARKER, MARKER_TEXT.len() as u64) {
            Ok(Some(text)) if text == MARKER_TEXT.as_bytes() => Ok(()),
            Ok(_) => Err(damaged(MARKER, "not the marker of a version this program knows")),
            Err(error) if is_missing(&error) => Err(missing(&self.path)),
            Err(error) => Err(fault("open", &self.path.display().to_string())(error)),
        }
    }

    /// The etag of what is there, also if that is a damaged file.
    fn etag(&self, location: &Location, key: &str) -> Result<Etag> {
        match self.find(location, key) {
            Ok((_, object)) => Ok(object.etag),
            Err(StoreError::Damaged { etag: Some(etag), .. }) => Ok(etag),
            Err(error) => Err(error),
        }
    }

    /// Whether there is anything that an interrupted [`Self::create`] would not leave.
    fn holds_other_things(&self) -> io::Result<bool> {
        for entry in Dir::read_from(&*self.root)? {
            let entry = entry?;
            if ![&b"."[..], b"..", b"tmp"].contains(&entry.file_name().to_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn write_marker(&self) -> io::Result<()> {
        let temp = TempFile::write(&self.root, &new_etag()?.0, &[MARKER_TEXT.as_bytes()])?;
        match temp.link(&*self.root, MARKER) {
            // Somebody else made the same store just now.
            Ok(()) | Err(Errno::EXIST) => Ok(fsync(&*self.root)?),
            Err(error) => Err(error.into()),
        }
    }

    /// The object as it is now.
    fn find(&self, location: &Location, key: &str) -> Result<(OwnedFd, ObjectFile)> {
        let parent = tree::find(&self.root, &location.parents).map_err(|error| match error {
            error if is_missing(&error) => self.absent(key),
            error => fault("read", key)(error),
        })?;
        let object = ObjectFile::open(&parent, &location.file, key).map_err(|e| match e {
            StoreError::NotFound { .. } => self.absent(key),
            other => other,
        })?;
        Ok((parent, object))
    }

    /// An object that is not there, or a store that is not: a directory that was removed while it
    /// is open looks as if everything in it was.
    fn absent(&self, key: &str) -> StoreError {
        match read_small(&*self.root, MARKER, MARKER_TEXT.len() as u64) {
            Err(error) if is_missing(&error) => {
                StoreError::Missing { location: self.path.display().to_string() }
            }
            _ => StoreError::NotFound { key: key.to_owned() },
        }
    }

    /// Puts a file in its place with `step`, durably, making the directories that it needs. A
    /// delete may prune one of them just before the step, which then fails: made again.
    fn place(
        &self,
        location: &Location,
        step: impl Fn(&OwnedFd) -> rustix::io::Result<()>,
    ) -> io::Result<()> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let placed = tree::make(&self.root, &location.parents)
                .and_then(|parent| step(&parent).and_then(|()| fsync(&parent)).map_err(Into::into));
            match placed {
                Err(error) if is_missing(&error) && attempts < ATTEMPTS => {}
                placed => return placed,
            }
        }
    }
}

#[async_trait]
impl Store for DirStore {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        let (_, mut object) = self.find(&Location::of(key)?, key)?;
        if object.size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size: object.size, limit });
        }
        let metadata = std::mem::take(&mut object.metadata);
        let etag = object.etag.clone();
        Ok(Object { metadata, body: object.read_body(key)?, etag })
    }

    async fn head(&self, key: &str) -> Result<Head> {
        let (_, object) = self.find(&Location::of(key)?, key)?;
        Ok(Head { metadata: object.metadata, size: object.size, etag: object.etag })
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Etag> {
        let location = Location::of(key)?;
        let metadata = check_metadata(metadata)?;
        let fault = fault("write", key);
        let conflict = || StoreError::Conflict { key: key.to_owned() };
        let etag = new_etag().map_err(&fault)?;
        let head = encode_head(&etag, &metadata);
        // The slow part, so before the lock.
        let temp =
            TempFile::write(&self.root, &etag.0, &[head.as_bytes(), body]).map_err(&fault)?;

        if *condition == Condition::Absent {
            let placed = self.place(&location, |parent| temp.link(parent, &location.file));
            return match placed {
                Ok(()) => Ok(etag),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(conflict()),
                Err(error) => Err(fault(error)),
            };
        }
        let _lock = lock::exclusive(&self.root).map_err(&fault)?;
        if let Condition::Matches(expected) = condition {
            match self.etag(&location, key) {
                Ok(etag) if etag == *expected => {}
                Ok(_) | Err(StoreError::NotFound { .. }) => return Err(conflict()),
                Err(error) => return Err(error),
            }
        }
        self.place(&location, |parent| temp.rename(parent, &location.file)).map_err(&fault)?;
        Ok(etag)
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        let location = Location::of(key)?;
        let fault = fault("delete", key);
        let _lock = lock::exclusive(&self.root).map_err(&fault)?;
        if let Some(expected) = etag
            && self.etag(&location, key)? != *expected
        {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        // Without an etag the file is not read: what is damaged can be removed.
        let removed = tree::find(&self.root, &location.parents).and_then(|parent| {
            unlinkat(&parent, &location.file, AtFlags::empty())?;
            Ok(fsync(&parent)?)
        });
        match removed {
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(fault(error)),
            Ok(()) => {
                tree::prune(&self.root, &location.parents);
                Ok(())
            }
        }
    }

    async fn sweep(&self, age: Duration) -> Result<()> {
        self.sweep_temp(age).map(drop)
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        walk::page(&self.root, listing).map_err(fault("list", listing.prefix))
    }
}

fn missing(root: &Path) -> StoreError {
    StoreError::Missing { location: root.display().to_string() }
}
