//! New generations, and what follows one: whatever was written while it was being opened.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::{Error, Kind, Result};
use crate::core::path::{SecretPath, escape};
use crate::team::ops::Op;
use crate::team::{Standing, State, accept};

use super::super::versions::Versions;
use super::super::{PARALLEL, Vault};
use super::append::{Appended, Intent, Make};
use super::late::LateWrite;

/// What a change of the team led to.
#[derive(Debug)]
pub struct Rotated {
    /// Seq of the note.
    pub seq: u64,
    /// Groups that have a new generation.
    pub groups: Vec<String>,
    /// KMS keys of these groups: whoever IAM lets decrypt with them goes on reading.
    pub kms_keys: Vec<String>,
    /// What was written while the note was made.
    pub meanwhile: Meanwhile,
}

/// What was written while a new generation was opened.
#[derive(Debug, Default)]
pub struct Meanwhile {
    /// Paths that members wrote; sealed anew.
    pub resealed: Vec<SecretPath>,
    /// What somebody wrote who may not any more, and is in no cut.
    pub late: Vec<LateWrite>,
    /// The note stands, but not all of this could be looked at.
    pub unfinished: Option<Error>,
}

impl Vault {
    /// Opens a new generation of `group`, or of every group.
    ///
    /// # Errors
    /// Not found for an unknown group; denied; integrity.
    pub async fn rotate(&self, group: Option<&str>) -> Result<Option<Rotated>> {
        self.change_team(&mut |view| {
            let groups = &view.state.groups;
            let rotate: BTreeSet<String> = match group {
                None => groups.keys().cloned().collect(),
                Some(name) if groups.contains_key(name) => [name.to_owned()].into(),
                Some(name) => return Err(unknown_group(name)),
            };
            Ok(Intent { rotate, ..Intent::default() })
        })
        .await
    }

    /// Looks again at what was written while the newest generation of `group` (or of any) was
    /// opened: for an earlier run that was cut off.
    ///
    /// # Errors
    /// Not found for an unknown group; those of the store.
    pub async fn look_again(&self, group: Option<&str>) -> Result<Meanwhile> {
        self.refresh().await?;
        if let Some(name) = group.filter(|name| !self.view().state.groups.contains_key(*name)) {
            return Err(unknown_group(name));
        }
        let ours =
            |op: &Op| matches!(op, Op::Cut { group: of, .. } if group.is_none_or(|g| g == of));
        self.look_again_at(ours).await
    }

    /// [`Self::look_again`] at the newest note with an op that `is_it` knows.
    pub(super) async fn look_again_at(&self, is_it: impl Fn(&Op) -> bool) -> Result<Meanwhile> {
        let notes = self.team_notes().await?;
        let Some(note) = notes.iter().find(|note| note.seq > 0 && note.ops.iter().any(&is_it))
        else {
            return Ok(Meanwhile::default());
        };
        let cut = |op: &Op| match op {
            Op::Cut { group, .. } => Some(group.clone()),
            _ => None,
        };
        let groups: BTreeSet<String> = note.ops.iter().filter_map(cut).collect();
        let before = self.state_at(note.seq - 1).await?;
        Ok(self.settle(&groups, &before, note.seq - 1).await)
    }

    /// Adds a note and does what a new generation leads to. `None` if there was nothing to do.
    pub(super) async fn change_team(&self, make: &mut Make<'_>) -> Result<Option<Rotated>> {
        let Some(Appended { seq, rotated, before }) = self.append(make).await? else {
            return Ok(None);
        };
        let meanwhile = self.settle(&rotated, &before.state, before.seq()).await;
        let view = self.view();
        let groups = rotated.iter().filter_map(|group| view.state.groups.get(group));
        let kms_keys = groups.flat_map(|group| &group.generations).filter_map(|g| g.wrap.kms());
        let kms_keys: BTreeSet<String> = kms_keys.map(str::to_owned).collect();
        let (groups, kms_keys) = (rotated.into_iter().collect(), kms_keys.into_iter().collect());
        Ok(Some(Rotated { seq, groups, kms_keys, meanwhile }))
    }

    /// Looks once more at the groups that have a new generation: what members wrote meanwhile is
    /// sealed anew; what was right under `before`, the state after note `seq`, and is not any
    /// more, is reported. The note stands whatever happens here.
    async fn settle(&self, groups: &BTreeSet<String>, before: &State, seq: u64) -> Meanwhile {
        let mut found = Meanwhile::default();
        if let Err(e) = self.settle_into(groups, before, seq, &mut found).await {
            found.unfinished = Some(e);
        }
        found
    }

    async fn settle_into(
        &self,
        groups: &BTreeSet<String>,
        before: &State,
        seq: u64,
        found: &mut Meanwhile,
    ) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let view = self.view();
        let ours = |path: &SecretPath| view.state.owner(path).is_some_and(|g| groups.contains(g));
        let paths = self.numbers_by_path().await?.into_iter().filter(|(path, _)| ours(path));
        let mut missed =
            stream::iter(paths)
                .map(|(path, numbers)| async move {
                    self.missed_by_cut(path, &numbers, before, seq).await
                })
                .buffered(PARALLEL);
        let mut stragglers = Vec::new();
        while let Some(missed) = missed.try_next().await? {
            stragglers.extend(missed.straggler);
            found.late.extend(missed.late);
        }
        drop(missed);
        let late: BTreeSet<SecretPath> = found.late.iter().map(|late| late.path.clone()).collect();
        for path in stragglers.into_iter().filter(|path| !late.contains(path)) {
            match self.reseal_path(&path, false).await {
                Ok(()) => found.resealed.push(path),
                // Deleted, or the right to write there is not this identity's: nothing is lost.
                Err(e) if matches!(e.kind, Kind::NotFound | Kind::Denied) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// What is above the cut of one path and not of the current generation.
    async fn missed_by_cut(
        &self,
        path: SecretPath,
        numbers: &[u64],
        before: &State,
        seq: u64,
    ) -> Result<Missed> {
        let cut = self.cut_entry(&path).await?;
        let floor = cut.map_or(0, |cut| cut.n);
        let mut found = Missed::default();
        let mut versions = Versions::new(self, &path)?;
        for n in numbers.iter().rev().take_while(|n| **n > floor) {
            if versions.at(*n).await?.is_none() {
                continue;
            }
            let counts = versions.check(*n).await?.is_ok();
            let Some(signed) = versions.get(*n) else { continue };
            if !counts {
                // One question a path, about the newest.
                if found.late.is_none() {
                    found.late = LateWrite::of(before, seq, &path, signed);
                }
                continue;
            }
            let view = self.view();
            if accept::standing(&view.state, cut, &path, signed) == Standing::Straggler
                && !signed.header.op.is_tombstone()
            {
                found.straggler = Some(path.clone());
            }
            break;
        }
        Ok(found)
    }
}

/// What was found above a cut.
#[derive(Default)]
struct Missed {
    straggler: Option<SecretPath>,
    late: Option<LateWrite>,
}

pub(super) fn unknown_group(name: &str) -> Error {
    Error::not_found(format!("there is no group {}", escape(name)))
        .hint("`vault group ls` lists the groups")
}
