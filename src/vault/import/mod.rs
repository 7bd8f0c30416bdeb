//! What other programs keep, brought into the vault. Each format has a file here that makes
//! [`Item`]s of bytes; [`plan`] gives them their paths, and [`write`] writes them.
//!
//! Everything is read, checked and decrypted before the first write. An error names places (a line,
//! an entry, a field), never what stands there.

mod bitwarden;
mod buckets;
mod csv;
mod data;
mod detect;
mod env;
mod keepass;
mod logins;
mod names;
mod onepassword;
mod pass;
mod plan;
mod properties;
mod s3ec;
mod sops;
mod tfvars;
mod tree;
mod write;
mod yaml;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::core::document::FieldType;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

pub use buckets::{BucketKeys, BucketKind, open_nitor, split_envelope};
pub use detect::FileFormat;
pub use keepass::read as read_keepass;
pub use pass::{parse as parse_pass, read as read_pass};
pub use plan::{Plan, Planned, plan};
pub use s3ec::{ForeignBucket, ForeignKey, Imported, Older, foreign_items};
pub use sops::{SopsFile, SopsKeys};
pub use write::{Manner, Outcome};

/// Largest file that is read, in bytes.
pub const MAX_IMPORT: usize = 64 * 1024 * 1024;
/// Most secrets of one import.
pub const MAX_ITEMS: usize = 50_000;
/// Most that all names of one import may take, in bytes.
const MAX_NAMES: usize = 64 * 1024 * 1024;
/// Most that all values of one import may have together, in bytes: they are in memory at once.
const MAX_VALUES: usize = 512 * 1024 * 1024;

/// A secret of another program.
pub struct Item {
    /// Folders and name, as they stand there: they may break the rules of a path.
    pub segments: Vec<String>,
    /// What it holds.
    pub content: ItemContent,
}

/// What a secret of another program holds.
pub enum ItemContent {
    /// Named fields.
    Fields(Vec<ItemField>),
    /// Bytes without fields.
    Raw(Secret),
}

/// A field of one.
pub struct ItemField {
    /// Its name, which may break the rules of one.
    pub name: String,
    /// Its type; `None`: as the name suggests.
    pub kind: Option<FieldType>,
    /// Its value.
    pub value: Secret,
}

/// What was read.
#[derive(Default)]
pub struct Parsed {
    /// The secrets.
    pub items: Vec<Item>,
    /// What has no place in the vault and is left out. For people to read, and not escaped.
    pub left: Vec<String>,
    /// What the names above take.
    names: usize,
    values: usize,
}

impl Parsed {
    /// Adds a secret.
    ///
    /// # Errors
    /// Usage if there are too many, or they are too large together.
    fn push(&mut self, segments: Vec<String>, content: ItemContent) -> Result<()> {
        if self.items.len() == MAX_ITEMS {
            return Err(Error::usage(format!("more than {MAX_ITEMS} secrets at once")));
        }
        self.names += segments.iter().map(|name| name.len() + names::SEGMENT).sum::<usize>();
        match &content {
            ItemContent::Raw(value) => self.values += value.len(),
            ItemContent::Fields(fields) => {
                self.names += fields.iter().map(|field| field.name.len()).sum::<usize>();
                self.values += fields.iter().map(|field| field.value.len()).sum::<usize>();
            }
        }
        self.check_names()?;
        if self.values > MAX_VALUES {
            return Err(too_much());
        }
        self.items.push(Item { segments, content });
        Ok(())
    }

    /// Notes what is left out. Too much of it is an error of the plan, and kept out of memory.
    fn leave(&mut self, what: String) {
        self.names += what.len() + names::SEGMENT;
        if self.check_names().is_ok() {
            self.left.push(what);
        }
    }

    fn check_names(&self) -> Result<()> {
        match self.names > MAX_NAMES {
            true => Err(Error::usage(format!(
                "the names take more than {} MiB: each secret has those of all folders above it",
                MAX_NAMES / 1024 / 1024
            ))),
            false => Ok(()),
        }
    }

    /// Adds a secret with the one field that `get` prints.
    fn push_value(&mut self, segments: Vec<String>, value: Secret) -> Result<()> {
        self.push(segments, ItemContent::Fields(vec![ItemField::new("value", None, value)]))
    }
}

impl ItemField {
    fn new(name: &str, kind: Option<FieldType>, value: Secret) -> Self {
        Self { name: name.to_owned(), kind, value }
    }
}

/// Reads a file that takes no key.
///
/// # Errors
/// Usage, with the place of what is wrong, and for formats that take a key.
pub fn parse(format: FileFormat, bytes: &Secret) -> Result<Parsed> {
    if bytes.len() > MAX_IMPORT {
        return Err(too_large());
    }
    if bytes.bytes().trim_ascii().is_empty() {
        return Err(Error::usage("the file is empty"));
    }
    check_utf16(bytes)?;
    match format {
        FileFormat::Dotenv => env::dotenv(bytes),
        FileFormat::DockerEnv => env::docker(bytes),
        FileFormat::Github => env::github(bytes),
        FileFormat::Json => data::read(&tree::json(bytes)?),
        FileFormat::Yaml => data::read(&tree::yaml(bytes)?),
        FileFormat::Tfvars => data::values(&tfvars::tfvars(bytes)?),
        FileFormat::JavaProperties => properties::properties(bytes),
        FileFormat::K8sSecret => data::k8s_secret(&tree::json_or_yaml(bytes)?),
        FileFormat::Csv => csv::read(bytes),
        FileFormat::Bitwarden => bitwarden::read(&tree::json(bytes)?),
        FileFormat::OnePassword => onepassword::read(bytes),
        FileFormat::KeePass | FileFormat::Sops => Err(Error::usage("this format takes a key")),
    }
}

/// Counts what is read of many files at once, before all of it is there.
#[derive(Default)]
struct Total(AtomicUsize);

impl Total {
    /// # Errors
    /// Usage if it is more than is kept in memory at once.
    fn add(&self, value: &Secret) -> Result<()> {
        let before = self.0.fetch_add(value.len(), Ordering::Relaxed);
        if before + value.len() > MAX_VALUES { Err(too_much()) } else { Ok(()) }
    }
}

fn too_much() -> Error {
    let limit = MAX_VALUES / 1024 / 1024;
    Error::usage(format!("all values together are larger than {limit} MiB"))
        .hint("import one folder after the other")
}

fn too_large() -> Error {
    Error::usage(format!("the file is larger than {} MiB", MAX_IMPORT / 1024 / 1024))
}

/// What spreadsheets save as "Unicode text".
fn check_utf16(bytes: &Secret) -> Result<()> {
    match bytes.bytes() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Err(Error::usage("the file is UTF-16").hint("save it as UTF-8; a table as CSV UTF-8"))
        }
        _ => Ok(()),
    }
}

/// Text without the mark of byte order that some programs begin it with.
fn text_of(bytes: &Secret) -> Result<&str> {
    let text = bytes.text().ok_or_else(|| Error::usage("the file is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
