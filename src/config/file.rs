//! The configuration file and `.vault.toml`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use toml_edit::{DocumentMut, Item, Table, value};

use super::agent::AgentTable;
use super::aws;
use crate::vault::{AwsOptions, Error, Join, Kind, Prefix, Result};

const PROJECT_FILE: &str = ".vault.toml";
/// Largest file of settings that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// A vault in the configuration file.
#[derive(Clone, Debug)]
pub struct VaultEntry {
    /// Where it is; overrides the location in the pin.
    pub location: String,
    /// The join string that it was made or joined with.
    pub pin: String,
    /// How its bucket and KMS are reached.
    pub aws: AwsOptions,
    /// Its store cannot keep writers apart, so that only one may write.
    pub single_writer: bool,
    /// Everything else that is set, for lists.
    pub more: Vec<(String, String)>,
}

impl VaultEntry {
    /// An entry for the configuration file.
    pub fn new(location: String, pin: String, aws: AwsOptions) -> Self {
        Self { location, pin, aws, single_writer: false, more: Vec::new() }
    }

    /// How to open it.
    ///
    /// # Errors
    /// Usage if the pin is not a join string.
    pub fn join(&self) -> Result<Join> {
        let mut join = Join::parse(&self.pin)?;
        join.location.clone_from(&self.location);
        Ok(join)
    }
}

/// What the configuration file says.
#[derive(Default)]
pub(super) struct Config {
    pub default: Option<String>,
    pub vaults: BTreeMap<String, VaultEntry>,
    pub agent: AgentTable,
}

/// What a `.vault.toml` says.
pub(super) struct Project {
    pub path: PathBuf,
    pub vault: Option<String>,
    pub prefix: Option<Prefix>,
}

pub(super) fn read_config(path: &Path) -> Result<Config> {
    let document = read_toml(path)?.unwrap_or_default();
    let wrong = |what: &str| Error::usage(format!("{}: {what}", path.display()));
    let mut config = Config::default();
    for (key, item) in document.iter() {
        match key {
            "default" => {
                let name = item.as_str().ok_or_else(|| wrong("`default` is not a name"))?;
                config.default = Some(name.to_owned());
            }
            "vault" => {
                let table = item.as_table_like().ok_or_else(|| wrong("`vault` is not a table"))?;
                for (name, entry) in table.iter() {
                    let entry = read_entry(entry)
                        .map_err(|e| wrong(&format!("[vault.{name}]: {}", e.message)))?;
                    config.vaults.insert(name.to_owned(), entry);
                }
            }
            "agent" => {
                let table = item.as_table_like().ok_or_else(|| wrong("`agent` is not a table"))?;
                config.agent =
                    AgentTable::read(table).map_err(|e| wrong(&format!("[agent]: {e}")))?;
            }
            // Read where it is needed: see `interface.rs`.
            "tui" => {}
            other => return Err(wrong(&format!("unknown key `{other}`"))),
        }
    }
    Ok(config)
}

fn read_entry(entry: &Item) -> Result<VaultEntry> {
    let table = entry.as_table_like().ok_or_else(|| Error::usage("not a table"))?;
    let (mut location, mut pin) = (None, None);
    let (mut aws, mut more) = (AwsOptions::default(), Vec::new());
    let mut single_writer = false;
    for (key, item) in table.iter() {
        match key {
            "location" => location = item.as_str().map(str::to_owned),
            "pin" => pin = item.as_str().map(str::to_owned),
            "single_writer" => {
                single_writer = item
                    .as_bool()
                    .ok_or_else(|| Error::usage("`single_writer` is not true or false"))?;
                more.push((key.to_owned(), single_writer.to_string()));
            }
            key if aws::read(&mut aws, key, item)? => {
                more.push((key.to_owned(), aws::shown(item)));
            }
            other => return Err(Error::usage(format!("unknown key `{other}`"))),
        }
    }
    let needs = |key: &str| Error::usage(format!("it needs `{key}`"));
    let location = location.ok_or_else(|| needs("location"))?;
    let pin = pin.ok_or_else(|| needs("pin"))?;
    Ok(VaultEntry { location, pin, aws, single_writer, more })
}

/// The nearest `.vault.toml`, from the current directory upwards.
pub(super) fn find_project() -> Result<Option<Project>> {
    let Ok(here) = env::current_dir() else { return Ok(None) };
    for dir in here.ancestors() {
        let path = dir.join(PROJECT_FILE);
        let Some(document) = read_toml(&path)? else { continue };
        let wrong = |what: &str| {
            Error::usage(format!("{}: {what}", path.display()))
                .hint("a .vault.toml may name a vault of yours and a prefix, nothing else")
        };
        let mut project = Project { path: path.clone(), vault: None, prefix: None };
        for (key, item) in document.iter() {
            let text = item.as_str().ok_or_else(|| wrong(&format!("`{key}` is not a string")))?;
            match key {
                "vault" => project.vault = Some(text.to_owned()),
                "prefix" => project.prefix = Some(Prefix::parse(text)?),
                other => return Err(wrong(&format!("`{other}` is not allowed here"))),
            }
        }
        return Ok(Some(project));
    }
    Ok(None)
}

/// Adds a vault to the configuration file; comments and everything else in it stay. The first
/// one becomes the default.
///
/// # Errors
/// Conflict if the name stands for another vault; whatever the system says.
pub fn add_vault(path: &Path, name: &str, entry: &VaultEntry) -> Result<()> {
    edit(path, |document| {
        let vaults = document.entry("vault").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let vaults = vaults
            .as_table_like_mut()
            .ok_or_else(|| Error::usage(format!("{}: `vault` is not a table", path.display())))?;
        let mut table = Table::new();
        table.insert("location", value(&entry.location));
        table.insert("pin", value(&entry.pin));
        aws::write(&entry.aws, &mut table);
        if entry.single_writer {
            table.insert("single_writer", value(true));
        }
        vaults.insert(name, Item::Table(table));
        if document.get("default").is_none() {
            document.insert("default", value(name));
        }
        Ok(())
    })
}

/// Gives a vault of the configuration file another pin; everything else in it stays.
///
/// # Errors
/// Whatever the system says.
pub fn set_pin(path: &Path, name: &str, pin: &str) -> Result<()> {
    edit(path, |document| {
        let vaults = document.get_mut("vault").and_then(Item::as_table_like_mut);
        let entry = vaults.and_then(|vaults| vaults.get_mut(name));
        if let Some(entry) = entry.and_then(Item::as_table_like_mut) {
            entry.insert("pin", value(pin));
        }
        Ok(())
    })
}

/// Makes a vault the default.
///
/// # Errors
/// Whatever the system says.
pub fn set_default(path: &Path, name: &str) -> Result<()> {
    edit(path, |document| {
        document.insert("default", value(name));
        Ok(())
    })
}

/// Checks that the configuration file can be written.
///
/// # Errors
/// Whatever the system says.
pub fn check_config(path: &Path) -> Result<()> {
    edit(path, |_| Ok(()))
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
    let failed = |e: std::io::Error| {
        let kind = match e.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Kind::Denied,
            _ => Kind::General,
        };
        Error::new(kind, format!("cannot write {}", path.display()))
            .because(e)
            .hint("XDG_CONFIG_HOME names another place for the configuration")
    };
    // A link into somebody's collection of settings stays a link.
    let target = fs::canonicalize(path);
    let path = target.as_deref().unwrap_or(path);
    let dir = path.parent().expect("the configuration file is in a directory");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    // Two commands may add a vault at the same time: neither may lose the other's.
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(dir.join("config.lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut document = read_toml(path)?.unwrap_or_default();
    change(&mut document)?;
    let temp = dir.join(format!("config.toml.{}", std::process::id()));
    let write = || {
        let mut file =
            fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
        file.write_all(document.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&temp, path)
    };
    write().map_err(failed)
}

pub(super) fn read_toml(path: &Path) -> Result<Option<DocumentMut>> {
    let wrong = |what: &str| Error::usage(format!("{} {what}", path.display()));
    let mut options = fs::File::options();
    // Without NONBLOCK, a pipe that somebody put into a directory above would hold us for ever.
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(wrong("cannot be read").because(e)),
    };
    if !file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_SIZE) {
        return Err(wrong("is no file, or too large"));
    }
    let mut text = String::new();
    file.take(MAX_SIZE)
        .read_to_string(&mut text)
        .map_err(|e| wrong("cannot be read").because(e))?;
    let parsed = text.parse::<DocumentMut>();
    parsed.map(Some).map_err(|e| wrong("is not TOML").because(e))
}
