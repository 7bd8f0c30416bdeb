//! Settings: where they come from, and which vault is meant. With `aws`, the only part of the
//! crate that reads the environment.

pub mod agent;
mod aws;
mod extension;
mod file;
mod inherit;
pub mod interface;
mod nesting;
mod new_vault;
pub mod private;
mod surroundings;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};

use crate::vault::{
    AwsOptions, Capability, Error, Join, Location, Places, Prefix, Result, Secret, Storage, escape,
    is_member_name,
};

pub use agent::{AgentSettings, parse_span, runtime_dir, span};
pub use extension::extension;
use file::Project;
pub use file::{VaultEntry, add_vault, check_config, set_default, set_pin};
pub use inherit::{
    Inherit, inherited, is_ci, is_our_secret, is_unattended, variable_of_environment,
};
pub use interface::Interface;
pub use nesting::{NESTING, Nesting, arguments, nesting};
pub use new_vault::{NewVault, Ready, name_of};
pub use surroundings::{Surroundings, surroundings};

/// Where a setting came from, for `config list --show-origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag.
    Flag(&'static str),
    /// An environment variable.
    Env(&'static str),
    /// A file.
    File(PathBuf),
    /// Nothing else said anything.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Everything that is configured.
pub struct Settings {
    /// The configuration file, there or not.
    pub config_file: PathBuf,
    /// Where new vaults go when no location is given.
    pub vaults_dir: PathBuf,
    /// The identity file.
    pub identity: Sourced<PathBuf>,
    /// `VAULT_SSH_KEY`: the SSH key of the identity, if it is not where it was.
    pub ssh_key: Option<Sourced<PathBuf>>,
    /// State and cache directories.
    pub places: Places,
    /// How the agent is used.
    pub agent: AgentSettings,
    /// Known vaults by name.
    pub vaults: BTreeMap<String, VaultEntry>,
    /// The vault that is meant, unless a join string says so.
    pub selected: Option<Sourced<String>>,
    /// `VAULT_PIN`: a join string that stands for a configured vault.
    pub pin: Option<Join>,
    /// `VAULT_CAPABILITY`: the keys of a folder, as text.
    capability: Option<Secret>,
    /// The folder that `ls` lists when none is given.
    pub prefix: Option<Sourced<Prefix>>,
    /// The user's login name, if the environment tells and it is legal for a member.
    pub user: Option<String>,
}

/// A vault that is configured, or that `VAULT_PIN` names.
pub struct Target<'s> {
    /// Its name in the configuration.
    pub name: Option<&'s str>,
    /// Which vault, and where.
    pub join: Join,
    /// How its bucket and KMS are reached.
    pub aws: AwsOptions,
    /// Its store cannot keep writers apart.
    pub single_writer: bool,
}

impl Target<'_> {
    /// The place where it is, ready to be asked.
    ///
    /// # Errors
    /// Usage for settings that cannot work; not found for a directory that is not there.
    pub async fn storage(&self) -> Result<Storage> {
        let location = Location::parse(&self.join.location)?;
        let storage = Storage::open(location, self.aws.clone()).await?;
        Ok(if self.single_writer { storage.for_one_writer() } else { storage })
    }

    /// True if it can only be read with an identity. Where KMS wraps the data keys, the
    /// credentials for AWS are enough.
    ///
    /// # Errors
    /// Usage if it has no legal location.
    pub fn takes_an_identity(&self) -> Result<bool> {
        Ok(matches!(Location::parse(&self.join.location)?, Location::Dir(_)))
    }
}

impl<'s> Target<'s> {
    /// The region of the join string holds unless the configuration names another.
    fn new(name: Option<&'s str>, join: Join, mut aws: AwsOptions) -> Self {
        if aws.region.is_none() && !join.region.is_empty() {
            aws.region = Some(join.region.clone());
        }
        Self { name, join, aws, single_writer: false }
    }
}

impl Settings {
    /// Reads the environment and the files. `vault` is the `--vault` flag.
    ///
    /// # Errors
    /// Usage, naming the file and the line or the variable that is wrong.
    pub fn load(vault: Option<&str>) -> Result<Self> {
        Self::load_with(vault, file::find_project()?)
    }

    /// The same without `.vault.toml`: for what other programs run in whatever directory they are
    /// in, which somebody else may have filled.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_anywhere(vault: Option<&str>) -> Result<Self> {
        Self::load_with(vault, None)
    }

    fn load_with(vault: Option<&str>, project: Option<Project>) -> Result<Self> {
        let dirs = Xdg::new().map_err(|e| {
            Error::general("cannot find the home directory").because(e).hint("set HOME")
        })?;
        let config_file = dirs.config_dir().join("vault").join("config.toml");
        let data = dirs.data_dir().join("vault");
        let state = dirs.state_dir().unwrap_or_else(|| dirs.home_dir().join(".local/state"));
        let places = Places { state: state.join("vault"), cache: dirs.cache_dir().join("vault") };
        if variable("AGEDEBUG")?.as_deref() == Some("plugin") {
            return Err(Error::usage(
                "AGEDEBUG=plugin prints keys, and that would be those of the vault",
            )
            .hint("unset AGEDEBUG; stock age is there to look at a plugin with"));
        }
        let identity = match variable("VAULT_IDENTITY")? {
            Some(path) => Sourced { value: path.into(), origin: Origin::Env("VAULT_IDENTITY") },
            None => Sourced { value: data.join("identity"), origin: Origin::Default },
        };
        let ssh_key = variable("VAULT_SSH_KEY")?
            .map(|path| Sourced { value: path.into(), origin: Origin::Env("VAULT_SSH_KEY") });
        let global = file::read_config(&config_file)?;
        let pin = variable("VAULT_PIN")?.map(|text| Join::parse(&text)).transpose()?;
        let capability = variable("VAULT_CAPABILITY")?.map(|text| Secret::new(text.into_bytes()));
        let named = |value: String, origin| Some(Sourced { value, origin });
        let selected = match (vault, variable("VAULT_NAME")?) {
            (Some(name), _) => named(name.to_owned(), Origin::Flag("--vault")),
            (None, Some(name)) => named(name, Origin::Env("VAULT_NAME")),
            (None, None) => None,
        };
        let chosen = selected.is_some();
        let mut prefix = None;
        let mut selected_by_file = None;
        if let Some(project) = project {
            let origin = || Origin::File(project.path.clone());
            prefix = project.prefix.map(|value| Sourced { value, origin: origin() });
            selected_by_file = project.vault.map(|value| Sourced { value, origin: origin() });
        }
        let default =
            global.default.and_then(|name| named(name, Origin::File(config_file.clone())));
        Ok(Self {
            config_file,
            vaults_dir: data.join("vaults"),
            identity,
            ssh_key,
            places,
            agent: AgentSettings::new(global.agent)?,
            vaults: global.vaults,
            selected: selected.or(selected_by_file).or(default),
            pin,
            capability,
            // A folder of the vault that the file names, not of another one.
            prefix: prefix.filter(|_| !chosen),
            user: ["USER", "LOGNAME"]
                .into_iter()
                .find_map(|name| env::var(name).ok().filter(|name| is_member_name(name))),
        })
    }

    /// The vault that is meant.
    ///
    /// # Errors
    /// Not found, with what to do.
    pub fn target(&self) -> Result<Target<'_>> {
        if let (Some(pin), None | Some(Sourced { origin: Origin::File(_), .. })) =
            (&self.pin, &self.selected)
        {
            return Ok(Target::new(None, pin.clone(), AwsOptions::default()));
        }
        if let (Some(text), None | Some(Sourced { origin: Origin::File(_), .. })) =
            (&self.capability, &self.selected)
        {
            let join = Capability::parse(text)?.join;
            return Ok(Target::new(None, join, AwsOptions::default()));
        }
        let hint = "`vault init` makes a vault, `vault join` opens one of somebody else's";
        let Some(selected) = &self.selected else {
            let error = Error::not_found("no vault is configured");
            return Err(match self.vaults.is_empty() {
                _ if is_empty_capability() => error.hint(EMPTY_CAPABILITY),
                true => error.hint(hint),
                false => error.hint("choose one: vault vaults use NAME"),
            });
        };
        self.target_named(&selected.value).map_err(|mut e| {
            // Not what was typed just now.
            if !matches!(selected.origin, Origin::Flag(_)) {
                e.message = format!("{} ({})", e.message, escape(&selected.origin.to_string()));
            }
            e
        })
    }

    /// A vault of the configuration.
    ///
    /// # Errors
    /// Not found.
    pub fn target_named(&self, name: &str) -> Result<Target<'_>> {
        let (name, entry) = self.vaults.get_key_value(name).ok_or_else(|| {
            Error::not_found(format!("there is no vault {} in the configuration", escape(name)))
                .hint("`vault vaults` lists the known ones")
        })?;
        let target = Target::new(Some(name), entry.join()?, entry.aws.clone());
        Ok(Target { single_writer: entry.single_writer, ..target })
    }

    /// What `VAULT_CAPABILITY` opens of the vault that is meant. A pin that is set beside it holds,
    /// since it may be newer.
    ///
    /// # Errors
    /// Usage if it is no capability, or that of another vault.
    pub fn capability(&self, target: &Target<'_>) -> Result<Option<Capability>> {
        let Some(text) = &self.capability else { return Ok(None) };
        let mut capability = Capability::parse(text)?;
        if capability.join.pin.vault != target.join.pin.vault {
            return Err(Error::usage("VAULT_CAPABILITY is for another vault")
                .hint("unset it, or leave --vault, VAULT_NAME and VAULT_PIN out"));
        }
        if target.join.pin.seq > capability.join.pin.seq {
            capability.join.pin = target.join.pin.clone();
        }
        Ok(Some(capability))
    }

    /// True if `VAULT_CAPABILITY` is set.
    pub fn has_capability(&self) -> bool {
        self.capability.is_some()
    }

    /// The location of a new vault: what was given, made absolute, or a directory of ours.
    ///
    /// # Errors
    /// Usage if it is no location.
    pub fn new_location(&self, given: Option<&str>, name: Option<&str>) -> Result<Location> {
        match given {
            Some(text) if text.contains("://") => Location::parse(text),
            Some("") => Err(Error::usage("the location is empty")),
            Some(text) => Location::parse(&absolute(Path::new(text))?),
            None => {
                let dir = self.vaults_dir.join(name.unwrap_or("main"));
                Location::parse(&absolute(&dir)?)
            }
        }
    }
}

/// Checks the name of a vault in the configuration: 1 to 64 letters, digits, `.`, `_`, `-`, and
/// none of the last three in front.
///
/// # Errors
/// Usage.
pub fn check_vault_name(name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if plain && (1..=64).contains(&name.len()) && !name.starts_with(['.', '_', '-']) {
        return Ok(());
    }
    let bad = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c));
    let bad = bad.map_or_else(String::new, |c| {
        format!(", for `{}` cannot be in it", escape(&c.to_string()))
    });
    Err(Error::usage(format!("not a name for a vault: {}{bad}", escape(name))).hint(
        "--name NAME: 1 to 64 letters, digits, `.`, `_` or `-`, beginning with a letter or digit",
    ))
}

fn absolute(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)
        .map_err(|e| Error::usage("not a usable path of a directory").because(e))?;
    absolute.into_os_string().into_string().map_err(|_| {
        Error::usage("the path of the vault is not UTF-8").hint("choose another directory")
    })
}

/// An environment variable; an empty one counts as not set.
/// What CI gives to the jobs of a fork is the variable without its value.
pub(crate) fn is_empty_capability() -> bool {
    env::var_os("VAULT_CAPABILITY").is_some_and(|value| value.is_empty())
}

/// The hint that goes with it.
pub(crate) const EMPTY_CAPABILITY: &str =
    "VAULT_CAPABILITY is set, but empty: this job was not given the secret with it";

fn variable(name: &'static str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::usage(format!("the environment variable {name} is not UTF-8")))
        }
    }
}
