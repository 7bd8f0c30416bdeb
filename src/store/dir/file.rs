//! The bytes of an object's file.
//!
//! ```text
//! vault-object/1
//! etag: 0f7c2a…                    always the second line, 32 lower-case hex digits
//! name: value                      one line an entry of the metadata, in order
//!
//! body to the end of the file
//! ```
//!
//! In Python:
//!
//! ```python
//! head, body = open(path, "rb").read().split(b"\n\n", 1)
//! form, etag, *metadata = head.decode("ascii").split("\n")
//! assert form == "vault-object/1" and etag.startswith("etag: ")
//! metadata = dict(line.split(": ", 1) for line in metadata)
//! ```
//!
//! The etag is known by its place, so a metadata entry may be called `etag` too. The length of
//! the body is not in the file: files are complete before they get their name, and a body that
//! somebody cut afterwards is for the encryption above to refuse, as any other change is.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use rand::TryRng;
use rand::rngs::SysRng;
use rustix::fs::{Mode, OFlags, openat};

use super::fault::{fault, is_missing};
use crate::store::rules::check_metadata;
use crate::store::{Etag, Metadata, Result, StoreError};

const FORM: &str = "vault-object/1";
/// Longest head in bytes. The limit of the metadata keeps what we write far below it.
const MAX_HEAD: usize = 16 * 1024;
/// One read gets nearly every head.
const CHUNK: usize = 4096;

/// An etag of 128 random bits: it never comes again, so `If-Match` cannot mistake a later object
/// for an earlier one even if the bytes are the same.
pub(super) fn new_etag() -> io::Result<Etag> {
    let mut random = [0; 16];
    SysRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
    Ok(Etag(base16ct::lower::encode_string(&random)))
}

/// Everything in front of the body. The metadata has passed [`check_metadata`].
pub(super) fn encode_head(etag: &Etag, metadata: &Metadata) -> String {
    let mut head = format!("{FORM}\netag: {}\n", etag.0);
    for (name, value) in metadata {
        head.extend([name.as_str(), ": ", value.as_str(), "\n"]);
    }
    head.push('\n');
    head
}

/// An object's file, its head read.
pub(super) struct ObjectFile {
    pub(super) etag: Etag,
    pub(super) metadata: Metadata,
    /// Length of the body in bytes.
    pub(super) size: u64,
    /// The part of the body that came along with the head.
    start: Vec<u8>,
    file: File,
}

impl ObjectFile {
    /// Opens the file of `key` and reads its head.
    pub(super) fn open(parent: impl AsFd, name: &str, key: &str) -> Result<Self> {
        let file = open_regular(parent, name).map_err(|error| match error {
            error if is_missing(&error) => StoreError::NotFound { key: key.to_owned() },
            error => fault("read", key)(error),
        })?;
        let Some(mut file) = file else {
            return Err(damaged(key, "not a regular file"));
        };
        let info = file.metadata().map_err(fault("read", key))?;
        let length = info.len();
        let (head, start) = read_head(&mut file).map_err(fault("read", key))?;
        let head = head.ok_or_else(|| torn(key, "its head has no end", &info))?;
        let (etag, metadata) = parse_head(&head).map_err(|reason| torn(key, reason, &info))?;
        // Another program may cut the file while we read: never below what was read.
        let size = length.saturating_sub(head.len() as u64 + 2).max(start.len() as u64);
        Ok(Self { etag, metadata, size, start, file })
    }

    /// Reads the body, which the caller has found small enough.
    pub(super) fn read_body(self, key: &str) -> Result<Vec<u8>> {
        let mut body = self.start;
        let rest = self.size - body.len() as u64;
        body.reserve_exact(usize::try_from(rest).unwrap_or(0));
        self.file.take(rest).read_to_end(&mut body).map_err(fault("read", key))?;
        if body.len() as u64 != self.size {
            return Err(damaged(key, "it was cut while it was read"));
        }
        Ok(body)
    }
}

/// The file, or nothing if it is of another kind. Without `NONBLOCK`, a pipe put there by
/// somebody else would hold us for ever.
fn open_regular(parent: impl AsFd, name: &str) -> io::Result<Option<File>> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(openat(parent, name, flags, Mode::empty())?);
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Reads a file of ours that is small, if it is a regular file of at most `limit` bytes.
pub(super) fn read_small(parent: impl AsFd, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open_regular(parent, name)? else { return Ok(None) };
    let mut text = Vec::new();
    file.take(limit + 1).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= limit).then_some(text))
}

/// The head without its last line break and the empty line, if it ends within [`MAX_HEAD`], and
/// what was read behind it.
fn read_head(file: &mut impl Read) -> io::Result<(Option<Vec<u8>>, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(CHUNK);
    loop {
        let before = bytes.len();
        file.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
        // The end may lie across two reads.
        let from = before.saturating_sub(1);
        if let Some(at) = bytes[from..].windows(2).position(|pair| pair == b"\n\n") {
            let start = bytes.split_off(from + at + 2);
            bytes.truncate(from + at);
            return Ok((Some(bytes), start));
        }
        if bytes.len() == before || bytes.len() >= MAX_HEAD {
            return Ok((None, Vec::new()));
        }
    }
}

/// Reads everything in front of the body, without the empty line that ends it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_head(head: &[u8]) -> std::result::Result<(Etag, Metadata), &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "its head is no text")?;
    let mut lines = head.split('\n');
    if lines.next() != Some(FORM) {
        return Err("not an object of a version this program knows");
    }
    let etag = lines.next().and_then(|line| line.strip_prefix("etag: "));
    let etag = etag.filter(|hex| {
        hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    let etag = Etag(etag.ok_or("it has no etag")?.to_owned());
    let mut metadata = Metadata::new();
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or("a line of its head has no colon")?;
        metadata.push((name.to_owned(), value.to_owned()));
    }
    // Exactly what a put writes: a head has one form only.
    match check_metadata(&metadata) {
        Ok(stored) if stored == metadata => Ok((etag, metadata)),
        _ => Err("its metadata is not legal"),
    }
}

/// [`StoreError::Damaged`] with its reason.
pub(super) fn damaged(key: &str, reason: &str) -> StoreError {
    StoreError::Damaged { key: key.to_owned(), reason: reason.to_owned(), etag: None }
}

/// [`StoreError::Damaged`] of a file without a head of ours. Its etag is made of what the system
/// tells of the file, so that it is still replaced by one writer only.
fn torn(key: &str, reason: &str, file: &std::fs::Metadata) -> StoreError {
    let etag =
        format!("{:x}-{:x}-{:x}-{:x}", file.ino(), file.mtime(), file.mtime_nsec(), file.len());
    StoreError::Damaged { key: key.to_owned(), reason: reason.to_owned(), etag: Some(Etag(etag)) }
}
