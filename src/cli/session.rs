//! What every command starts from: settings, the identity, the open vault.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path as FilePath;

use super::Global;
use super::output;
use super::prompt::Prompt;
use crate::config::Settings;
use crate::vault::{DeviceIdentity, Error, Location, Path, Result, Secret, Storage, Vault, escape};

/// Largest file with an identity or a key that is read, in bytes.
const MAX_IDENTITY: u64 = 16 * 1024;

/// The context of one command.
pub struct Session {
    /// What is configured.
    pub settings: Settings,
    /// How questions are answered.
    pub prompt: Prompt,
    /// `--json`
    pub json: bool,
    /// `--yes`
    pub yes: bool,
    /// `--vault`
    vault: Option<String>,
}

impl Session {
    /// Reads the settings.
    ///
    /// # Errors
    /// Usage.
    pub fn new(global: &Global) -> Result<Self> {
        Ok(Self {
            settings: Settings::load(global.vault.as_deref())?,
            prompt: Prompt::new(global.no_input, global.passphrase_fd),
            json: global.json,
            yes: global.yes,
            vault: global.vault.clone(),
        })
    }

    /// ` --vault NAME` if that was given, for commands that are suggested.
    pub fn vault_flag(&self) -> String {
        self.vault.as_ref().map_or_else(String::new, |name| format!(" --vault {}", escape(name)))
    }

    /// The vault that is meant, open.
    ///
    /// # Errors
    /// Not found, credentials, integrity.
    pub async fn vault(&self) -> Result<Vault> {
        self.open(None).await
    }

    /// The vault that is meant, open, and about to be read at `path`.
    ///
    /// # Errors
    /// As [`Self::vault`].
    pub async fn vault_at(&self, path: &Path) -> Result<Vault> {
        self.open(Some(path)).await
    }

    async fn open(&self, path: Option<&Path>) -> Result<Vault> {
        let target = self.settings.target()?;
        let location = Location::parse(&target.join.location)?;
        // Where KMS wraps the data keys, the credentials for AWS are enough to read.
        let identity = match self.has_identity() || matches!(location, Location::Dir(_)) {
            true => Some(self.unlock().await?),
            false => None,
        };
        let mut storage = Storage::open(location, target.aws).await?;
        if target.single_writer {
            storage = storage.for_one_writer();
        }
        if let Some(path) = path {
            storage = storage.reading(path);
        }
        Vault::open_in(storage, &target.join.pin, &self.settings.places, identity).await
    }

    /// The identity of this device.
    ///
    /// # Errors
    /// Credentials if there is none or it cannot be opened.
    pub async fn unlock(&self) -> Result<DeviceIdentity> {
        let path = &self.settings.identity.value;
        let file = read_private(path, "the identity")?.ok_or_else(|| {
            Error::credentials(format!("there is no identity at {}", shown(path)))
                .hint("`vault init` or `vault id new` makes one; VAULT_IDENTITY names another file")
        })?;
        let passphrase = match DeviceIdentity::needs_passphrase(&file) {
            true => Some(self.prompt.passphrase().await?),
            false => None,
        };
        DeviceIdentity::from_file(&file, move || {
            passphrase.ok_or_else(|| Error::credentials("cannot open the identity"))
        })
    }

    /// Makes a new identity and its file. Asks for a passphrase unless `no_passphrase`.
    ///
    /// # Errors
    /// Conflict if there is one already.
    pub async fn new_identity(&self, no_passphrase: bool) -> Result<DeviceIdentity> {
        let path = &self.settings.identity.value;
        let passphrase = match no_passphrase {
            true => None,
            false => Some(self.prompt.new_passphrase().await?),
        };
        let identity = DeviceIdentity::random();
        write_new(path, &identity.to_file(passphrase.as_ref()))?;
        if no_passphrase {
            output::note(&format!(
                "The identity in {} has no passphrase: whoever can read that file can read the \
                 team's secrets.",
                shown(path)
            ));
        }
        Ok(identity)
    }

    /// Whether the identity's file is sealed under a passphrase.
    ///
    /// # Errors
    /// Credentials if it cannot be read.
    pub fn needs_passphrase(&self) -> Result<bool> {
        let file = read_private(&self.settings.identity.value, "the identity")?;
        Ok(file.is_some_and(|file| DeviceIdentity::needs_passphrase(&file)))
    }

    /// True if the identity file is there.
    pub fn has_identity(&self) -> bool {
        self.settings.identity.value.exists()
    }

    /// Tells what the vault found odd.
    pub fn warn(&self, vault: &Vault) {
        for warning in vault.take_warnings() {
            output::note(&format!("warning: {}", escape(&warning)));
        }
    }
}

/// A path for people.
pub fn shown(path: &FilePath) -> String {
    escape(&path.display().to_string())
}

/// Writes a file that must not be there yet, for the user alone, in one step.
///
/// # Errors
/// Conflict if it is there; whatever the system says.
pub fn write_new(path: &FilePath, bytes: &Secret) -> Result<()> {
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
    let temp = path.with_file_name(format!(".vault-{}.tmp", std::process::id()));
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temp)
        .map_err(|e| Error::general(format!("cannot write {}", shown(&temp))).because(e))?;
    let mut write = || {
        std::io::Write::write_all(&mut file, bytes.bytes())?;
        file.sync_all()?;
        // A link, unlike a rename, never replaces an identity that appeared meanwhile.
        fs::hard_link(&temp, path)
    };
    let written = write();
    let _ = fs::remove_file(&temp);
    written.map_err(failed)
}

/// A small private file, such as one with a key.
///
/// # Errors
/// Usage if it is not there or too large; credentials if it cannot be read.
pub fn read_secret_file(path: &FilePath) -> Result<Secret> {
    read_private(path, "the key")?
        .ok_or_else(|| Error::usage(format!("there is no file {}", shown(path))))
}

/// A small private file as a secret, or `None` if it is not there.
fn read_private(path: &FilePath, what: &str) -> Result<Option<Secret>> {
    let failed =
        |e: std::io::Error| Error::credentials(format!("cannot read {}", shown(path))).because(e);
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if file.metadata().is_ok_and(|meta| meta.is_file() && meta.mode() & 0o077 != 0) {
        output::note(&format!(
            "warning: {} can be read by other users of this machine: chmod 600 it",
            shown(path)
        ));
    }
    let mut secret = Secret::with_capacity(MAX_IDENTITY as usize);
    let mut chunk = zeroize::Zeroizing::new([0u8; 512]);
    loop {
        match file.read(&mut *chunk) {
            Ok(0) => return Ok(Some(secret)),
            Ok(_) if secret.len() as u64 > MAX_IDENTITY => {
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
