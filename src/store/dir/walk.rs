//! Listing: a walk in the order of the keys that opens only the directories it must.
//!
//! Siblings are sorted by the text with which all the keys below them begin (`a` for the object,
//! `a/` for the directory), so `a`, `a-x`, `a/b` come in the order of their keys' bytes.

use std::io;
use std::os::fd::OwnedFd;
use std::vec::IntoIter;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};
use rustix::io::Errno;

use super::name::{dir_name, meaning};
use super::tree::{find, open_dir};
use crate::store::page::{Filler, Place};
use crate::store::{Listing, Page};

/// Names a page, if the caller sets no limit. Every page reads its directories again, so large
/// pages are cheap and small ones are not.
const PAGE: usize = 10_000;

/// An open directory in the walk.
struct Level {
    folder: Folder,
    /// Keys, and directories with a `/` at the end, in ascending order.
    names: IntoIter<String>,
}

/// An open directory, and with what the keys in it begin.
struct Folder {
    dir: Dir,
    path: String,
}

/// One page.
pub(super) fn page(root: &OwnedFd, listing: &Listing<'_>) -> io::Result<Page> {
    let mut page = Filler::new(listing, PAGE);
    let mut levels = Vec::from_iter(start(root, listing)?);
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.next() else {
            levels.pop();
            continue;
        };
        let room = match page.place(&name) {
            Place::Nowhere => true,
            Place::Itself if !level.folder.is_below(&name) => page.key(&name),
            Place::Itself => {
                if let Some(folder) = level.folder.enter(name)? {
                    levels.push(read(folder, listing)?);
                }
                true
            }
            Place::Prefix(end) => {
                let holds = !level.folder.is_below(&name)
                    || level.folder.enter(name.clone())?.map_or(Ok(false), holds_object)?;
                !holds || page.prefix(&name[..end])
            }
        };
        if !room {
            break;
        }
    }
    Ok(page.finish())
}

/// The directory of the keys that can have the prefix, if there is one.
fn start(root: &OwnedFd, listing: &Listing<'_>) -> io::Result<Option<Level>> {
    let (path, names) = match listing.prefix.rfind('/') {
        None => ("", Vec::new()),
        Some(end) => {
            let names = listing.prefix[..end].split('/').map(dir_name).collect();
            (&listing.prefix[..=end], names)
        }
    };
    // The root's own descriptor has one position for everybody, so even the root is opened anew.
    let dir = find(root, &names).and_then(|dir| Ok(Dir::read_from(&dir)?));
    let folder = present(dir)?.map(|dir| Folder { dir, path: path.to_owned() });
    folder.map(|folder| read(folder, listing)).transpose()
}

/// Reads a directory: the names that can be, or lead to, something the listing wants.
fn read(mut folder: Folder, listing: &Listing<'_>) -> io::Result<Level> {
    let mut names = Vec::new();
    while let Some(name) = folder.next()? {
        let wanted = *name > *listing.start_after
            || folder.is_below(&name) && listing.start_after.starts_with(&name);
        if wanted && name.starts_with(listing.prefix) {
            names.push(name);
        }
    }
    names.sort_unstable();
    // A directory that changes while it is read may show a name twice.
    names.dedup();
    Ok(Level { folder, names: names.into_iter() })
}

/// Whether there is an object in or below the directory; reads no further than the first one.
fn holds_object(folder: Folder) -> io::Result<bool> {
    let mut folders = vec![folder];
    while let Some(folder) = folders.last_mut() {
        match folder.next()? {
            None => drop(folders.pop()),
            Some(name) if folder.is_below(&name) => {
                let below = folder.enter(name)?;
                folders.extend(below);
            }
            Some(_) => return Ok(true),
        }
    }
    Ok(false)
}

impl Folder {
    /// The next name that is ours, in no order: a key, or a directory's with its `/`.
    fn next(&mut self) -> io::Result<Option<String>> {
        while let Some(entry) = self.dir.next() {
            let entry = entry?;
            let Ok(file_name) = entry.file_name().to_str() else { continue };
            let Some((name, kind)) = meaning(&self.path, file_name) else { continue };
            if self.kind(&entry)? == Some(kind) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The kind of an entry. Some file systems do not tell it in the directory.
    fn kind(&self, entry: &DirEntry) -> io::Result<Option<FileType>> {
        if entry.file_type() != FileType::Unknown {
            return Ok(Some(entry.file_type()));
        }
        let stat = present(statat(self.dir.fd()?, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(stat.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    /// Whether a name in this directory is a directory's. The object with an empty segment has
    /// the name `a/` too, but in the directory `a/`, where it is the shortest possible.
    fn is_below(&self, name: &str) -> bool {
        name.len() > self.path.len() && name.ends_with('/')
    }

    /// Opens a directory in this one, if it is still there.
    fn enter(&self, path: String) -> io::Result<Option<Self>> {
        let segment = &path[self.path.len()..path.len() - 1];
        let Some(fd) = present(open_dir(self.dir.fd()?, &dir_name(segment)))? else {
            return Ok(None);
        };
        Ok(Some(Self { dir: Dir::new(fd)?, path }))
    }
}

/// Nothing, if what was asked for is not there (any more), or not what this store would make.
fn present<T>(found: std::result::Result<T, impl Into<io::Error>>) -> io::Result<Option<T>> {
    match found.map_err(Into::into) {
        Ok(found) => Ok(Some(found)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            _ => Err(error),
        },
    }
}
