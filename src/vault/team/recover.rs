//! The recovery key: reading with it is silent, acting with it is one note that everybody sees.

use crate::core::cipher::sha256;
use crate::core::error::{Error, Result};
use crate::keys::identity::Identity;
use crate::team::ops::Op;
use crate::team::{Note, rules};

use super::super::chain::View;
use super::super::{Vault, now};
use super::append::Intent;
use super::members::{ANOTHER_NAME, check_name};
use super::rotate::Rotated;

const ANOTHER: &str = "make another one: move the identity file away, then `vault id new`";

/// A use of the recovery key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Seq of the note.
    pub seq: u64,
    /// The admin that it made.
    pub member: String,
}

impl Vault {
    /// The uses of the recovery key so far, as the team chain shows them to everybody.
    pub fn recovery_uses(&self) -> Vec<Recovered> {
        let view = self.view();
        let used = view.state.recovery_used.iter();
        used.map(|(seq, member)| Recovered { seq: *seq, member: member.clone() }).collect()
    }

    /// The uses of the recovery key that nobody at this device was told of yet. What happened
    /// before the note that this device began with is in the log, and no news: whoever gave it that
    /// pin was told.
    pub fn recovery_news(&self) -> Vec<Recovered> {
        let looked = self.device.looked().max(self.view().first);
        self.recovery_uses().into_iter().filter(|used| used.seq > looked).collect()
    }

    /// Remembers on this device that a person was told of the uses up to note `seq`.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn saw_recovery(&self, seq: u64) -> Result<()> {
        self.device.look(seq.max(self.device.looked()))
    }

    /// True if this is the recovery key now.
    ///
    /// # Errors
    /// If the chain cannot be had.
    pub async fn has_recovery(&self, recovery: &Identity) -> Result<bool> {
        self.refresh().await?;
        let view = self.view();
        Ok(view.state.recovery.as_ref().is_some_and(|(key, _)| *key == recovery.public().key))
    }

    /// The member of this name, if it is one who is no admin: recovering to that name makes all
    /// their devices an admin's.
    ///
    /// # Errors
    /// If the chain cannot be had.
    pub async fn is_plain_member(&self, name: &str) -> Result<bool> {
        self.refresh().await?;
        Ok(self.view().state.members.get(name).is_some_and(|member| !member.admin))
    }

    /// Makes this identity an admin's, called `name`, by the recovery key, and a recipient of
    /// every keyring. Run again after a crash, it goes on where it stopped.
    ///
    /// # Errors
    /// Denied if these are not the words of this vault; usage for a name that cannot be.
    pub async fn recover(&self, recovery: &Identity, name: &str) -> Result<()> {
        check_name(name).map_err(|e| e.hint(ANOTHER_NAME))?;
        let me = self.identity()?.public().clone();
        loop {
            self.refresh().await?;
            let before = self.view();
            let state = &before.state;
            if state.recovery.as_ref().map(|(key, _)| *key) != Some(recovery.public().key) {
                return Err(Error::denied("these are not the recovery words of this vault")
                    .hint("they are replaced by `vault recover --replace`: look for newer ones"));
            }
            if state.member_of(me.id()).is_some_and(|(_, member)| member.admin) {
                break;
            }
            if let Some((owner, _)) = state.member_of(me.id()) {
                return Err(Error::conflict(format!(
                    "this identity is a device of {owner} already, and the words make an admin of a \
                     new one"
                ))
                .hint(ANOTHER));
            }
            self.check_chain_is_there().await?;
            let member = name.to_owned();
            let ops =
                vec![Op::RecoveryUsed { member, key: me.key, recipient: me.recipient.clone() }];
            let seq = before.seq() + 1;
            let after = rules::after(state, &ops, seq).map_err(|why| {
                Error::conflict(format!("this identity cannot be recovered to: {why}"))
                    .hint(ANOTHER)
            })?;
            self.keep_object(after.to_string().as_bytes()).await?;
            let (vault, prev, state) = (Some(self.id), *before.hash(), after.hash());
            let note = Note { vault, seq, prev, time: now(), state, ops };
            let bytes = note.sign(recovery.signing_seed(), &recovery.public().key);
            if self.claim_note(&before, seq, &bytes).await? {
                let mut hashes = before.hashes.clone();
                hashes.push(sha256(&[&bytes]));
                self.adopt(View { first: before.first, hashes, state: after })?;
                self.keep_team().await;
                break;
            }
        }
        // Installed, but nobody has encrypted a keyring to this identity yet.
        let mut make = |view: &View| {
            let rekey = view.state.groups.keys().cloned().collect();
            Ok(Intent { rekey, ..Intent::default() })
        };
        self.append_with(recovery, &mut make).await.map(drop)
    }

    /// Fails early, before a person writes words down, if this identity is no admin's.
    ///
    /// # Errors
    /// Denied.
    pub async fn check_admin(&self) -> Result<()> {
        self.refresh().await?;
        self.need_admin(&self.view())
    }

    /// Replaces the recovery key; every group gets a new generation, since the old words open the
    /// old ones. The new words must be in safe hands before this is called.
    ///
    /// # Errors
    /// Denied for anybody but admins.
    pub async fn replace_recovery(&self, recovery: &Identity) -> Result<Option<Rotated>> {
        let (key, recipient) = (recovery.public().key, recovery.public().recipient.clone());
        self.change_team(&mut |view| {
            if view.state.recovery.as_ref().is_some_and(|(known, _)| *known == key) {
                return Ok(Intent::default());
            }
            let ops = vec![Op::RecoverySet { key, recipient: recipient.clone() }];
            Ok(Intent { ops, ..Intent::default() })
        })
        .await
    }
}
