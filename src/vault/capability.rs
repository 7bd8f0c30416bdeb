//! Reading with the keys of one folder, and nothing else.

use std::collections::BTreeSet;

use super::Vault;
use super::open::{Places, Storage};
use crate::core::error::{Error, Result};
use crate::core::header::GroupGen;
use crate::core::path::{Prefix, escape};
use crate::keys::local::Tree;
use crate::team::capability::{Capability, MAX_GENERATIONS};

impl Vault {
    /// The keys of a folder in every generation that its secrets are sealed under, for machines
    /// that read there. It opens nothing that is written under a later generation.
    ///
    /// # Errors
    /// Usage where a KMS key wraps (IAM gives the right there); denied if this identity cannot read the folder.
    pub async fn capability(&self, folder: &Prefix) -> Result<Capability> {
        self.refresh().await?;
        let view = self.view();
        if folder.as_str().is_empty() {
            return Err(Error::usage("a capability is of a folder, not of everything")
                .hint("a machine that reads everything is a member: `vault member add`"));
        }
        let group = view.state.folder_owner(folder).expect("main owns what nobody else does");
        let state = &view.state.groups[group];
        let newest = GroupGen { group: group.to_owned(), generation: state.generation() };
        if self.is_wrapped_by_kms(&newest) {
            let key = state.generations.last().and_then(|g| g.wrap.kms()).unwrap_or_default();
            return Err(Error::usage(format!(
                "what is below {} is wrapped by KMS, where IAM gives the right to read",
                escape(folder.as_str())
            ))
            .hint(format!(
                "allow kms:Decrypt on {} with the condition StringLike \
                 kms:EncryptionContext:path {}/*",
                escape(key),
                escape(folder.as_str())
            )));
        }
        let mut numbers = BTreeSet::from([newest.generation]);
        for entry in self.list_long(folder).await? {
            let g = entry.header.map(|header| header.group);
            numbers.extend(g.filter(|g| g.group == *group).map(|g| g.generation));
        }
        let numbers = numbers.into_iter().rev().take(MAX_GENERATIONS).collect::<BTreeSet<_>>();
        let identity = self.identity()?.identity()?;
        let keyring = self.keyring(identity, group, &state.keyring, newest.generation).await?;
        let mut keys = Vec::new();
        for number in numbers {
            let of = GroupGen { group: group.to_owned(), generation: number };
            if self.is_wrapped_by_kms(&of) {
                continue;
            }
            let Some(generation) = keyring.generation(number) else { continue };
            let tree = Tree::new(self.id, of, &generation.gk);
            keys.push((number, tree.folder(folder).expect("a whole tree has every folder")));
        }
        let (group, folder) = (group.to_owned(), folder.clone());
        Ok(Capability { join: self.join(), group, folder, keys })
    }

    /// Folders below `folder` that are of other groups than it is.
    pub fn groups_below(&self, folder: &Prefix) -> Vec<String> {
        let view = self.view();
        let own = view.state.folder_owner(folder);
        let below = view.state.prefixes_at(u64::MAX).into_iter();
        let other = below.filter(|(p, g)| folder.covers_prefix(p) && Some(*g) != own);
        other.map(|(prefix, _)| prefix.as_str().to_owned()).collect()
    }

    /// Opens the vault of a capability, to read below its folder. Nothing is remembered here:
    /// how fresh it is, the pin says.
    ///
    /// # Errors
    /// As [`Vault::open_in`].
    pub async fn open_with(
        storage: Storage,
        capability: Capability,
        places: &Places,
    ) -> Result<Self> {
        let mut vault = Self::open_held(storage, &capability.join.pin, places, None).await?;
        vault.capability = Some(capability);
        Ok(vault)
    }
}

/// What a capability has no key for.
pub(super) fn no_key(capability: &Capability, group: &GroupGen) -> Error {
    let folder = escape(capability.folder.as_str());
    if group.group == capability.group {
        return Error::denied(format!(
            "the capability for {folder} has no key of {group}: it was made for other generations"
        ))
        .hint(format!("a member makes a new one: vault capability {folder}/"));
    }
    Error::denied(format!("the capability for {folder} opens nothing of the group {}", group.group))
}
