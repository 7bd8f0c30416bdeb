//! What wraps and unwraps data keys: KMS or the keyrings of groups, as the chain pins them.

use std::sync::Arc;

use super::Vault;
use super::capability::no_key;
use crate::core::cipher::Hash;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::GroupGen;
use crate::keys::DataKeys;
use crate::keys::holder::{GroupKeys, Holder};
use crate::keys::identity::Identity;
use crate::keys::keyring::{Keyring, MAX_KEYRING};
use crate::keys::kms::{KeyArn, KmsKeys};
use crate::team::ops::WrapChoice;

impl Vault {
    /// What wraps and unwraps data keys of a group's generation, as the chain pins it.
    pub(super) async fn data_keys(&self, group: &GroupGen) -> Result<Box<dyn DataKeys>> {
        let view = self.view();
        let known = view.state.groups.get(&group.group);
        let state = known
            .ok_or_else(|| Error::integrity(format!("the group {} is unknown", group.group)))?;
        match state.generation_at(group.generation).map(|g| &g.wrap) {
            Some(WrapChoice::Local) => {}
            Some(WrapChoice::Kms(arn)) => {
                let key = KeyArn::parse(arn).ok_or_else(|| {
                    Error::integrity(format!("the team chain pins no KMS key for {group}"))
                })?;
                if self.offline.is_some() {
                    return Err(Error::new(
                        Kind::Network,
                        format!("the data keys of {group} are wrapped by KMS, which is not asked"),
                    )
                    .hint("without --offline it is"));
                }
                let aws = self.aws.get().await?;
                return Ok(Box::new(KmsKeys::new(aws, &key, self.id, group.clone())));
            }
            None => return Err(Error::integrity(format!("the generation {group} is unknown"))),
        }
        if let Some(capability) = &self.capability {
            let tree = capability.tree(self.id, group);
            return Ok(Box::new(tree.ok_or_else(|| no_key(capability, group))?));
        }
        let newest = state.generation();
        let keys = self.group_keys(self.identity()?, &group.group, &state.keyring, newest).await?;
        let keys = keys.data_keys(self.id, group.generation);
        Ok(keys.expect("opening checked the newest one"))
    }

    /// True if the chain pins a KMS key for a group's generation.
    pub(super) fn is_wrapped_by_kms(&self, group: &GroupGen) -> bool {
        let view = self.view();
        let state = view.state.groups.get(&group.group);
        let generation = state.and_then(|state| state.generation_at(group.generation));
        generation.is_some_and(|generation| matches!(generation.wrap, WrapChoice::Kms(_)))
    }

    /// The keyring of a group as the chain pins it, opened by `identity`: the keys themselves.
    pub(super) async fn keyring(
        &self,
        identity: &Identity,
        group: &str,
        files: &[Hash],
        newest: u64,
    ) -> Result<Arc<Keyring>> {
        let known = self.known_keys(group, files, newest).and_then(GroupKeys::keyring);
        if let Some(keyring) = known {
            return Ok(keyring);
        }
        let opened = self.open_keys(identity, group, files, newest).await?;
        Ok(opened.keyring().expect("an identity opens in this process"))
    }

    /// The keys of a group as the chain pins them, wherever `holder` has them.
    async fn group_keys(
        &self,
        holder: &dyn Holder,
        group: &str,
        files: &[Hash],
        newest: u64,
    ) -> Result<Arc<dyn GroupKeys>> {
        match self.known_keys(group, files, newest) {
            Some(keys) => Ok(keys),
            None => self.open_keys(holder, group, files, newest).await,
        }
    }

    fn known_keys(&self, group: &str, files: &[Hash], newest: u64) -> Option<Arc<dyn GroupKeys>> {
        let known = self.secrets().keyrings.get(files).cloned();
        // Two groups that pin the same file are a mistake of an admin: only one of them is right.
        known.filter(|k| k.group() == group && k.newest() == newest)
    }

    async fn open_keys(
        &self,
        holder: &dyn Holder,
        group: &str,
        files: &[Hash],
        newest: u64,
    ) -> Result<Arc<dyn GroupKeys>> {
        for hash in files {
            let file = self.pinned(hash, MAX_KEYRING, "keyring").await?;
            if let Some(keys) = holder.open_keyring(&file, group, newest)? {
                self.secrets().keyrings.insert(files.to_vec(), keys.clone());
                return Ok(keys);
            }
        }
        let view = self.view();
        let admins: Vec<&str> = view.state.admins().take(3).collect();
        let way = format!(
            "an admin can grant it ({}); `vault id show` prints what they need",
            admins.join(", ")
        );
        Err(Error::denied(format!("this identity cannot open the group {group}"))
            .hint(self.ask_for(way)))
    }
}
