//! Groups: folders with keys of their own.

use std::collections::BTreeSet;

use crate::core::error::{Error, Result};
use crate::core::header::is_group_name;
use crate::core::path::Prefix;
use crate::team::ops::{Op, Right, WrapChoice};

use super::super::Vault;
use super::super::init::proved_kms;
use super::append::Intent;
use super::members::member;
use super::rotate::{Rotated, unknown_group};

/// How a group's data keys are wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// By the group's own folder tree.
    Local,
    /// By a KMS key: its ARN, or (in a request) an id or alias.
    Kms(String),
}

/// A group, as everybody in the team sees it.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its folders; the empty one holds what is in no other group's.
    pub prefixes: Vec<Prefix>,
    /// How its data keys are wrapped now.
    pub wrapping: Wrapping,
    /// Its current generation.
    pub generation: u64,
    /// Names of the members that can read it.
    pub readers: Vec<String>,
}

/// What a group is to be. What is `None` stays as it is, or is taken from `main`.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// All its folders.
    pub prefixes: Option<BTreeSet<Prefix>>,
    /// How its data keys are wrapped.
    pub wrapping: Option<Wrapping>,
    /// Members that can read it, beside admins. Only for a new group.
    pub readers: Vec<String>,
}

/// A folder that went to another group.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The folder.
    pub folder: Prefix,
    /// The group whose folder it was itself, if it was one's.
    pub from: Option<String>,
    /// The group that holds it now.
    pub to: String,
    /// Who reads it now.
    pub readers: Vec<String>,
}

impl Vault {
    /// The folders that note `seq` moved, and who reads them now.
    pub fn moves(&self, seq: Option<u64>) -> Vec<Moved> {
        let view = self.view();
        let state = &view.state;
        let moved = state.owners.keys().filter(|(at, _)| Some(*at) == seq);
        let moved = moved.filter_map(|(at, folder)| {
            let to = state.folder_owner(folder)?.to_owned();
            let before = state.prefixes_at(at.saturating_sub(1));
            let from = before.get(folder).map(|group| (*group).to_owned());
            let readers = state.members.iter().filter(|(_, m)| state.may_read(m, &to));
            let readers = readers.map(|(name, _)| name.clone()).collect();
            Some(Moved { folder: folder.clone(), from, to, readers })
        });
        moved.collect()
    }

    /// The groups, by name.
    ///
    /// # Errors
    /// If the chain cannot be had.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        self.refresh().await?;
        let view = self.view();
        let state = &view.state;
        let owned = state.prefixes_at(u64::MAX);
        let groups = state.groups.iter().map(|(name, group)| {
            let prefixes = owned.iter().filter(|(_, owner)| **owner == name.as_str());
            let readers = state.members.iter().filter(|(_, m)| state.may_read(m, name));
            let wrapping = match group.generations.last().map(|g| &g.wrap) {
                Some(WrapChoice::Kms(arn)) => Wrapping::Kms(arn.clone()),
                _ => Wrapping::Local,
            };
            Group {
                name: name.clone(),
                prefixes: prefixes.map(|(prefix, _)| (*prefix).clone()).collect(),
                wrapping,
                generation: group.generation(),
                readers: readers.map(|(name, _)| name.clone()).collect(),
            }
        });
        Ok(groups.collect())
    }

    /// Makes a group and moves its folders to it. Run again after a crash, it does nothing; the
    /// values that moved are then sealed anew with [`Vault::reseal`].
    ///
    /// # Errors
    /// Usage, conflict if there is one of that name, denied.
    pub async fn add_group(&self, name: &str, change: &GroupChange) -> Result<Option<Rotated>> {
        if !is_group_name(name) {
            return Err(Error::usage("not a name for a group: 1 to 32 of a-z 0-9 -"));
        }
        if change.prefixes.as_ref().is_none_or(BTreeSet::is_empty) {
            return Err(Error::usage("a group without a folder").hint("--path FOLDER names one"));
        }
        self.refresh().await?;
        let view = self.view();
        if view.state.groups.contains_key(name) {
            let owned = view.state.prefixes_at(u64::MAX).into_iter();
            let has = owned.filter(|(_, g)| *g == name).map(|(p, _)| p.clone()).collect();
            if change.prefixes.as_ref() == Some(&has) {
                // By a run that was cut off: what is left to do comes after the note.
                return Ok(None);
            }
            return Err(Error::conflict(format!("there is a group {name} already, or was one"))
                .hint("`vault group set` changes a group; names are never used again"));
        }
        self.put_group(name, change).await
    }

    /// Changes the folders or the wrap of a group. A folder of another group moves here; one
    /// that is left out goes to whoever holds the folder above it.
    ///
    /// # Errors
    /// Not found, usage, denied.
    pub async fn set_group(&self, name: &str, change: &GroupChange) -> Result<Option<Rotated>> {
        self.refresh().await?;
        if !self.view().state.groups.contains_key(name) {
            return Err(unknown_group(name));
        }
        self.put_group(name, change).await
    }

    async fn put_group(&self, name: &str, change: &GroupChange) -> Result<Option<Rotated>> {
        let wrap = match &change.wrapping {
            None => None,
            Some(Wrapping::Local) => Some(WrapChoice::Local),
            Some(Wrapping::Kms(key)) => Some(WrapChoice::Kms(proved_kms(&self.aws, key).await?)),
        };
        self.change_team(&mut |view| {
            let state = &view.state;
            let known = state.groups.get(name);
            let basis = known.or_else(|| state.groups.get("main"));
            let current = basis.and_then(|g| g.generations.last()).map(|g| g.wrap.clone());
            let current = current.unwrap_or(WrapChoice::Local);
            let wrap_now = wrap.clone().unwrap_or_else(|| current.clone());
            let owned = state.prefixes_at(u64::MAX);
            let has: BTreeSet<Prefix> =
                owned.iter().filter(|(_, g)| **g == name).map(|(p, _)| (*p).clone()).collect();
            let wanted = change.prefixes.clone().unwrap_or_else(|| has.clone());
            if known.is_some() && wanted == has && wrap_now == current {
                return Ok(Intent::default());
            }
            if name != "main" && wanted.iter().any(|prefix| prefix.as_str().is_empty()) {
                return Err(Error::usage("the group main always holds what no other group does"));
            }
            let mut ops = Vec::new();
            // A prefix has one owner: where it moves, the group that loses it says so too.
            let losers: BTreeSet<&str> = wanted
                .iter()
                .filter_map(|p| owned.get(p).copied())
                .filter(|g| *g != name)
                .collect();
            for loser in losers {
                let keeps = owned.iter().filter(|(p, g)| **g == loser && !wanted.contains(**p));
                let keeps = keeps.map(|(p, _)| (*p).clone()).collect();
                let wrap = state.groups[loser].generations.last().map(|g| g.wrap.clone());
                let wrap = wrap.unwrap_or(WrapChoice::Local);
                ops.push(Op::GroupSet { group: loser.to_owned(), wrap, prefixes: keeps });
            }
            let group = name.to_owned();
            ops.push(Op::GroupSet { group: group.clone(), wrap: wrap_now, prefixes: wanted });
            for reader in change.readers.iter().collect::<BTreeSet<_>>() {
                if !member(state, reader)?.admin {
                    let right = Right::Read(group.clone());
                    ops.push(Op::Role { member: reader.clone(), grant: true, right });
                }
            }
            Ok(Intent { ops, ..Intent::default() })
        })
        .await
    }
}
