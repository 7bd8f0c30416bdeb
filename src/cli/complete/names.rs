//! The names that there are: of vaults, of secrets, of folders.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::{Settings, Target, private};
use crate::vault::agent::Remote;
use crate::vault::{
    Ask, Error, IdentityHolder, Path, Prefix, Reference, Result, SCHEME, Secret, Vault,
};

/// Looks names up when one is asked for.
pub struct Names {
    vault: Option<String>,
}

impl Names {
    /// Of this vault of the configuration, or of the one that is meant anyway.
    pub fn new(vault: Option<String>) -> Self {
        Self { vault }
    }

    /// Names of vaults.
    pub fn vaults(&self, typed: &str) -> Vec<String> {
        let settings = Settings::load(None).map(|settings| settings.vaults).unwrap_or_default();
        settings.into_keys().filter(|name| name.starts_with(typed)).collect()
    }

    /// Paths and folders, one segment further than what is typed.
    pub fn paths(&self, typed: &str) -> Vec<String> {
        self.next(typed, Which::Live).into_iter().filter(|name| name.starts_with(typed)).collect()
    }

    /// The same of secrets that were deleted and can be brought back.
    pub fn deleted(&self, typed: &str) -> Vec<String> {
        self.next(typed, Which::Deleted)
            .into_iter()
            .filter(|name| name.starts_with(typed))
            .collect()
    }

    /// Folders alone.
    pub fn folders(&self, typed: &str) -> Vec<String> {
        let mut found = self.paths(typed);
        found.retain(|name| name.ends_with('/'));
        found
    }

    /// References to what [`Self::paths`] has.
    pub fn references(&self, typed: &str) -> Vec<String> {
        let Some(rest) = typed.strip_prefix(SCHEME) else {
            return Vec::from_iter(SCHEME.starts_with(typed).then(|| SCHEME.to_owned()));
        };
        let folder = match rest.rsplit_once('/') {
            // The name of a vault and nothing else.
            Some((name, _)) if name.starts_with('@') && !name.contains('/') => {
                Reference::parse(&format!("{SCHEME}{name}/x")).map(|r| (r.vault, String::new()))
            }
            Some((folder, _)) => Reference::parse(&format!("{SCHEME}{folder}"))
                .map(|reference| (reference.vault, format!("{}/", reference.path))),
            None => Ok((None, String::new())),
        };
        let Ok((vault, folder)) = folder else { return Vec::new() };
        let names = Self { vault: vault.clone().or(self.vault.clone()) };
        let reference = |name: String| {
            let (name, slash) = name.strip_suffix('/').map_or((&name[..], ""), |name| (name, "/"));
            let path = Path::parse(name).ok()?;
            let vault = vault.clone();
            let reference = Reference { vault, path, version: None, otp: false, field: None };
            Some(format!("{reference}{slash}"))
        };
        let found = names.next(&folder, Which::Live).into_iter().filter_map(reference);
        found.filter(|found| found.starts_with(typed)).collect()
    }

    /// `NAME=` and a reference.
    pub fn variables(&self, typed: &str) -> Vec<String> {
        let Some((name, typed)) = typed.split_once('=') else { return Vec::new() };
        self.references(typed).into_iter().map(|found| format!("{name}={found}")).collect()
    }

    /// What stands in the folder of `typed`: secrets, and folders with a slash.
    fn next(&self, typed: &str, which: Which) -> BTreeSet<String> {
        let folder = typed.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Ok(prefix) = Prefix::parse(folder) else { return BTreeSet::new() };
        let below = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let found = list(self.vault.as_deref(), &prefix, which).unwrap_or_default();
        let step = |path: &Path| {
            let rest = path.as_str().get(below..)?;
            let end = rest.find('/').map_or(rest.len(), |at| at + 1);
            path.as_str().get(..below + end).map(str::to_owned)
        };
        found.iter().filter_map(step).collect()
    }
}

/// Which secrets.
#[derive(Clone, Copy)]
enum Which {
    Live,
    Deleted,
}

fn list(vault: Option<&str>, prefix: &Prefix, which: Which) -> Result<Vec<Path>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::general("cannot start").because(e))?;
    runtime.block_on(async {
        let settings = Settings::load(vault)?;
        let vault = open(&settings).await?;
        match which {
            Which::Live => vault.list(prefix).await,
            Which::Deleted => {
                let deleted = vault.list_deleted(prefix).await?;
                Ok(deleted.into_iter().map(|deleted| deleted.path).collect())
            }
        }
    })
}

async fn open(settings: &Settings) -> Result<Vault> {
    let target = settings.target()?;
    if let Some(capability) = settings.capability(&target)? {
        return Vault::open_with(target.storage().await?, capability, &settings.places).await;
    }
    let identity = identity(settings, &target)?;
    let storage = target.storage().await?;
    Vault::open_in(storage, &target.join.pin, &settings.places, identity).await
}

/// The identity, if it opens by itself or the agent has it.
fn identity(settings: &Settings, target: &Target<'_>) -> Result<Option<Box<dyn IdentityHolder>>> {
    if !settings.identity.value.exists() && !target.takes_an_identity()? {
        return Ok(None);
    }
    let locked = private::read_identity(settings)?.locked;
    if !locked.needs_passphrase() && !locked.needs_plugin() {
        return Ok(Some(locked.open(Arc::new(Nobody))?.into()));
    }
    let agent = settings.agent.client()?.ok_or_else(nobody)?;
    Ok(Some(Remote::find(agent, locked.hash())?.ok_or_else(nobody)?.into()))
}

/// Answers nothing.
struct Nobody;

fn nobody() -> Error {
    Error::credentials("nobody is asked")
}

impl Ask for Nobody {
    fn passphrase(&self, _: &str) -> Result<Secret> {
        Err(nobody())
    }

    fn tell(&self, _: &str) {}

    fn hidden(&self, _: &str) -> Result<Secret> {
        Err(nobody())
    }

    fn line(&self, _: &str) -> Result<String> {
        Err(nobody())
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Result<bool> {
        Err(nobody())
    }
}
