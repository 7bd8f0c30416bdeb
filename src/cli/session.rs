//! What every command starts from: settings, the identity, the open vault.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use super::Global;
use super::cache::ago;
use super::output;
use super::prompt::Prompt;
use super::target;
use crate::config::{Settings, Target, is_unattended, private};
use crate::vault::{
    Ask, DeviceIdentity, Error, IdentityHolder, Kind, Location, Opened, Path, Prefix, Result,
    Secret, Vault, escape, identity_with_plugin, identity_with_ssh_key,
};

pub use crate::config::private::write_new;

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
    /// `--offline`, and how old an answer may be with it.
    offline: Option<Option<Duration>>,
}

impl Session {
    /// Reads the settings.
    ///
    /// # Errors
    /// Usage.
    pub fn new(global: &Global) -> Result<Self> {
        Ok(Self::with(global, Settings::load(global.vault.as_deref())?, global.no_input))
    }

    /// For what other programs run in whatever directory they are in: `.vault.toml` says nothing.
    ///
    /// # Errors
    /// Usage.
    pub fn anywhere(global: &Global) -> Result<Self> {
        let settings = Settings::load_anywhere(global.vault.as_deref())?;
        Ok(Self::with(global, settings, global.no_input || is_unattended()))
    }

    fn with(global: &Global, settings: Settings, no_input: bool) -> Self {
        Self {
            settings,
            prompt: Prompt::new(no_input, global.passphrase_fd),
            json: global.json,
            yes: global.yes,
            vault: global.vault.clone(),
            offline: global.offline.then_some(global.max_age),
        }
    }

    /// ` --vault NAME` if that was given, for commands that are suggested.
    pub fn vault_flag(&self) -> String {
        self.vault.as_ref().map_or_else(String::new, |name| format!(" --vault {}", escape(name)))
    }

    /// The `--vault` flag.
    pub fn vault_name(&self) -> Option<&str> {
        self.vault.as_deref()
    }

    /// The vault that is meant, open.
    ///
    /// # Errors
    /// Not found, credentials, integrity.
    pub async fn vault(&self) -> Result<Vault> {
        self.open(&[]).await
    }

    /// The vault that is meant, open, and about to be read at `path`.
    ///
    /// # Errors
    /// As [`Self::vault`].
    pub async fn vault_at(&self, path: &Path) -> Result<Vault> {
        self.open(std::slice::from_ref(path)).await
    }

    /// The folder that is meant: the one given, the configured one, or everything.
    ///
    /// # Errors
    /// Usage for what is no folder.
    pub fn prefix(&self, given: Option<&str>) -> Result<Prefix> {
        match (given, &self.settings.prefix) {
            (Some(text), _) => Prefix::parse(text),
            (None, Some(configured)) => Ok(configured.value.clone()),
            (None, None) => Ok(Prefix::default()),
        }
    }

    /// What `PATH` or `PATH@N` holds.
    ///
    /// # Errors
    /// Usage for what is no path; those of opening and reading.
    pub async fn read(&self, text: &str) -> Result<(Path, Opened)> {
        let (path, n) = target::versioned(text)?;
        let vault = self.vault_at(&path).await?;
        let opened = vault.read(&path, n).await;
        self.warn(&vault);
        Ok((path, opened?))
    }

    async fn open(&self, paths: &[Path]) -> Result<Vault> {
        self.open_target(&self.settings.target()?, paths, self.ask()).await
    }

    /// A vault of the configuration, open, and about to be read at these paths. `ask` answers
    /// what the identity asks.
    ///
    /// # Errors
    /// As [`Self::vault`].
    pub async fn open_target(
        &self,
        target: &Target<'_>,
        paths: &[Path],
        ask: Arc<dyn Ask>,
    ) -> Result<Vault> {
        if let Some(max_age) = self.offline {
            return self.open_offline(target, ask, max_age).await;
        }
        if let Some(capability) = self.settings.capability(target)? {
            let storage = target.storage().await?;
            return Vault::open_with(storage, capability, &self.settings.places).await;
        }
        let identity = match self.has_identity() || target.takes_an_identity()? {
            true => Some(super::holder::holder(self, ask)?),
            false => None,
        };
        let opened = async {
            let storage = target.storage().await?.reading(paths);
            Vault::open_in(storage, &target.join.pin, &self.settings.places, identity).await
        };
        opened.await.map_err(|e| match e.kind {
            // A directory that is not there.
            Kind::NotFound => self.or_offline(e, target),
            _ => e,
        })
    }

    /// Adds to the hint of a network that does not answer what can be read without it.
    pub fn without_network(&self, error: Error) -> Error {
        match self.settings.target() {
            Ok(target) if error.kind == Kind::Network => self.or_offline(error, &target),
            _ => error,
        }
    }

    fn or_offline(&self, error: Error, target: &Target<'_>) -> Error {
        if self.offline.is_some() || !self.settings.places.keep_any(&target.join.pin.vault) {
            return error;
        }
        let hint = error.hint.clone().map_or_else(String::new, |hint| format!("{hint}; "));
        error.hint(format!("{hint}--offline reads what this device keeps (`vault cache`)"))
    }

    /// The vault that is meant, as this device knows it, without its storage.
    ///
    /// # Errors
    /// As [`Vault::open_offline`].
    pub async fn vault_here(&self) -> Result<Vault> {
        self.open_offline(&self.settings.target()?, self.ask(), None).await
    }

    async fn open_offline(
        &self,
        target: &Target<'_>,
        ask: Arc<dyn Ask>,
        max_age: Option<Duration>,
    ) -> Result<Vault> {
        if self.settings.capability(target)?.is_some() {
            return Err(Error::usage("a capability keeps nothing on this device")
                .hint("unset VAULT_CAPABILITY to read offline as a member"));
        }
        let identity = super::holder::holder(self, ask)?;
        let location = Location::parse(&target.join.location)?;
        let (pin, places) = (&target.join.pin, &self.settings.places);
        Vault::open_offline(location, pin, places, identity, max_age).await
    }

    /// The identity of this device with its keys, in this process.
    ///
    /// # Errors
    /// Credentials if there is none or it cannot be opened.
    pub async fn unlock(&self) -> Result<DeviceIdentity> {
        super::holder::read(self)?.open(self.ask())
    }

    /// The identity of this device, wherever its keys are.
    ///
    /// # Errors
    /// As [`Self::unlock`].
    pub async fn holder(&self) -> Result<Box<dyn IdentityHolder>> {
        super::holder::holder(self, self.ask())
    }

    /// Who answers what a key asks.
    pub fn ask(&self) -> Arc<dyn Ask> {
        Arc::new(self.prompt.clone())
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

    /// Checks, before anything else is asked, that recovery words can be handed over.
    ///
    /// # Errors
    /// Usage if there is neither a terminal nor a file.
    pub fn check_words(&self, file: Option<&FilePath>) -> Result<()> {
        match file {
            Some(_) => Ok(()),
            None => self.prompt.terminal_for_words().map(drop),
        }
    }

    /// Writes recovery words to a new file, or shows them once.
    ///
    /// # Errors
    /// Conflict if the file is there; usage if there is no terminal.
    pub async fn hand_over(
        &self,
        recovery: &DeviceIdentity,
        file: Option<&FilePath>,
    ) -> Result<()> {
        let mut words = recovery.to_words();
        match file {
            Some(file) => {
                words.push(b'\n');
                write_new(file, &words)
            }
            None => self.prompt.show_words(&words).await,
        }
    }

    /// Makes an identity that opens with an SSH key, and its file.
    ///
    /// # Errors
    /// Usage for a key that cannot; credentials for a wrong passphrase.
    pub fn new_identity_with_ssh_key(&self, path: &FilePath) -> Result<DeviceIdentity> {
        let path = std::path::absolute(path)
            .map_err(|e| Error::usage("not a usable path of a file").because(e))?;
        let key = read_secret_file(&path)?;
        let (identity, file) = identity_with_ssh_key(&path, &key, &self.prompt)?;
        write_new(&self.settings.identity.value, &file)?;
        Ok(identity)
    }

    /// Makes an identity that opens with an age plugin, and its file.
    ///
    /// # Errors
    /// Usage for a file that names no such key; credentials if the plugin is missing or fails.
    pub fn new_identity_with_plugin(
        &self,
        path: &FilePath,
        recipient: Option<&str>,
    ) -> Result<DeviceIdentity> {
        let identities = read_secret_file(path)?;
        let (identity, file) = identity_with_plugin(&identities, recipient, self.ask())?;
        write_new(&self.settings.identity.value, &file)?;
        Ok(identity)
    }

    /// Whether the identity, or the SSH key that it needs, is sealed under a passphrase.
    ///
    /// # Errors
    /// Credentials if it cannot be read.
    pub fn needs_passphrase(&self) -> Result<bool> {
        Ok(private::read_identity(&self.settings)?.locked.needs_passphrase())
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
        if let Some(since) = vault.offline_since() {
            let age = crate::vault::now().saturating_sub(since);
            output::note(&format!("offline: as it was verified {}", ago(age)));
        }
        for used in vault.recovery_news() {
            output::note(&format!(
                "warning: the recovery key made {} an admin (note {} of the team); `vault team log` \
                 has it",
                used.member, used.seq
            ));
            // Told to a person once; where nobody reads along, again and again.
            if output::is_watched() {
                let _ = vault.saw_recovery(used.seq);
            }
        }
    }
}

/// A path for people.
pub fn shown(path: &FilePath) -> String {
    escape(&path.display().to_string())
}

/// A small private file, such as one with a key.
///
/// # Errors
/// Usage if it is not there; credentials if it cannot be read or is too large.
pub fn read_secret_file(path: &FilePath) -> Result<Secret> {
    let private::File { secret, exposed } = private::read_key(path)?;
    if exposed {
        output::note(&format!("warning: {}", private::exposed(path)));
    }
    Ok(secret)
}

/// Recovery words from a file.
///
/// # Errors
/// As [`read_secret_file`].
pub fn read_words(path: &FilePath) -> Result<Secret> {
    read_secret_file(path).map(|text| words_only(&text))
}

/// The words with one space between them, however they were written down.
pub fn words_only(text: &Secret) -> Secret {
    let mut out = Secret::with_capacity(text.len());
    for word in text.bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        // Numbers in front of the words, as they are shown.
        if word.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            continue;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        for byte in word {
            out.push(byte.to_ascii_lowercase());
        }
    }
    out
}
