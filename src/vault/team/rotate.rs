//! New generations, and what follows one: whatever was written while it was being opened.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::{Error, Kind, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{SecretPath, escape};
use crate::team::ops::Op;
use crate::team::{Standing, State, accept};

use super::super::versions::Versions;
use super::super::write::Change;
use super::super::{PARALLEL, Vault};
use super::append::{Appended, Intent, Make};
use super::cut::Unshown;
use super::late::{Base, LateWrite};

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
    /// What was seen before and the storage does not show now. The cut holds it: nothing else
    /// counts in its place.
    pub unshown: Vec<Unshown>,
    /// How many more there are, whose names this device does not know.
    pub unnamed: usize,
}

/// What was written while a new generation was opened.
#[derive(Debug, Default)]
pub struct Meanwhile {
    /// Paths that members wrote; sealed anew.
    pub resealed: Vec<SecretPath>,
    /// Paths where somebody who may not write any more left something that never counted for the
    /// cut; what counts was written once more on top.
    pub overruled: Vec<SecretPath>,
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

    /// [`Self::look_again`] at all notes with an op that `is_it` knows.
    pub(super) async fn look_again_at(&self, is_it: impl Fn(&Op) -> bool) -> Result<Meanwhile> {
        let notes = self.team_notes().await?;
        let ours = |ops: &[Op]| ops.iter().any(&is_it);
        let mut groups = BTreeSet::new();
        let mut before = Vec::new();
        for (note, last) in notes.iter().zip(notes.iter().skip(1)).filter(|(n, _)| ours(&n.ops)) {
            groups.extend(note.ops.iter().filter_map(cut_group));
            before.push((last.seq, last.ops.clone(), last.state));
        }
        let before = stream::iter(before).map(|(seq, ops, hash)| async move {
            Ok::<_, Error>((seq, self.state_of(seq, &ops, &hash).await?))
        });
        let before: Vec<(u64, State)> = before.buffered(PARALLEL).try_collect().await?;
        Ok(self.settle(&groups, &before).await)
    }

    /// Adds a note and does what a new generation leads to. `None` if there was nothing to do.
    pub(super) async fn change_team(&self, make: &mut Make<'_>) -> Result<Option<Rotated>> {
        let Some(appended) = self.append(make).await? else { return Ok(None) };
        let Appended { seq, rotated, before, unshown, unnamed } = appended;
        let meanwhile = self.settle(&rotated, &[(before.seq(), before.state.clone())]).await;
        let view = self.view();
        let groups = rotated.iter().filter_map(|group| view.state.groups.get(group));
        let kms_keys = groups.flat_map(|group| &group.generations).filter_map(|g| g.wrap.kms());
        let kms_keys: BTreeSet<String> = kms_keys.map(str::to_owned).collect();
        let (groups, kms_keys) = (rotated.into_iter().collect(), kms_keys.into_iter().collect());
        Ok(Some(Rotated { seq, groups, kms_keys, meanwhile, unshown, unnamed }))
    }

    /// Puts a version of this identity on top of what counts, where somebody who may not write any
    /// more left something above it: whoever has seen that goes on only from there.
    async fn overrule(&self, path: &SecretPath, newest: Option<SignedHeader>) -> Result<()> {
        let live = newest.as_ref().is_some_and(|signed| !signed.header.op.is_tombstone());
        let floor = newest.as_ref().map_or(0, |signed| signed.header.n);
        // Above what counts this device has seen, if anything, what does not.
        if self.device.mark(path)?.is_some_and(|mark| mark.n > floor) {
            match &newest {
                Some(signed) => self.device.raise(path, self.mark_of(signed), true)?,
                None => self.device.forget(path)?,
            }
        }
        match live {
            true => self.reseal_path(path, false).await,
            false => self.commit(path, Some(0), Change::Bury).await.map(drop),
        }
    }

    /// Looks once more at the groups that have a new generation: what members wrote meanwhile is
    /// sealed anew; what was right in a state of `before`, the one after the note with this seq,
    /// and is not any more, is reported. The note stands whatever happens here.
    async fn settle(&self, groups: &BTreeSet<String>, before: &[(u64, State)]) -> Meanwhile {
        let mut found = Meanwhile::default();
        if let Err(e) = self.settle_into(groups, before, &mut found).await {
            found.unfinished = Some(e);
        }
        found
    }

    async fn settle_into(
        &self,
        groups: &BTreeSet<String>,
        before: &[(u64, State)],
        found: &mut Meanwhile,
    ) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let view = self.view();
        let ours = |path: &SecretPath| view.state.owner(path).is_some_and(|g| groups.contains(g));
        let paths = self.numbers_by_path().await?.into_iter().filter(|(path, _)| ours(path));
        let mut missed = stream::iter(paths)
            .map(|(path, numbers)| async move { self.missed_by_cut(path, &numbers, before).await })
            .buffered(PARALLEL);
        let (mut stragglers, mut left) = (Vec::new(), Vec::new());
        while let Some(missed) = missed.try_next().await? {
            stragglers.extend(missed.straggler);
            left.extend(missed.left);
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
        for (path, newest) in left {
            match self.overrule(&path, newest).await {
                Ok(()) => found.overruled.push(path),
                // Somebody else was faster: then theirs is on top.
                Err(e) if matches!(e.kind, Kind::NotFound | Kind::Conflict) => {}
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
        before: &[(u64, State)],
    ) -> Result<Missed> {
        let cut = self.cut_entry(&path).await?;
        let floor = cut.map_or(0, |cut| cut.n);
        let mut base = cut.map(|cut| Base { n: cut.n, record: cut.record, seq: 0 });
        let mut found = Missed::default();
        let mut versions = Versions::new(self, &path)?;
        let mut refused = Vec::new();
        for n in numbers.iter().rev().take_while(|n| **n > floor) {
            if versions.at(*n).await?.is_none() {
                continue;
            }
            if versions.check(*n).await?.is_err() {
                refused.push(*n);
                continue;
            }
            let Some(signed) = versions.get(*n) else { continue };
            base = Some(Base::of(signed));
            let view = self.view();
            if accept::standing(&view.state, cut, &path, signed) == Standing::Straggler
                && !signed.header.op.is_tombstone()
            {
                found.straggler = Some(path.clone());
            }
            break;
        }
        // One question a path, about the newest.
        for n in &refused {
            found.late = LateWrite::find(&mut versions, *n, base, before).await?;
            if found.late.is_some() {
                return Ok(found);
            }
        }
        // What is no question either, but was signed by somebody who might write there before, and
        // was perhaps seen: only what nobody has written over since.
        let settled = base.is_some_and(|base| base.n > floor);
        let might = |n: &u64| {
            let Some(signed) = versions.get(*n) else { return false };
            let by = signed.header.by;
            before.iter().any(|(_, state)| {
                state.may_write(by, &path)
                    && state.key(by).is_some_and(|(key, _)| signed.verify(key))
            })
        };
        // Where this device has seen more that counts, what is left is not all that there was.
        if !settled && !versions.has_seen_above(floor) && refused.iter().any(might) {
            let newest = match cut {
                Some(cut) => match versions.at(cut.n).await? {
                    Some(signed) if signed.record_hash == cut.record => Some(signed.clone()),
                    // Hidden: then there is nothing to put on top.
                    _ => return Ok(found),
                },
                None => None,
            };
            found.left = Some((path.clone(), newest));
        }
        Ok(found)
    }
}

/// The group of a cut.
fn cut_group(op: &Op) -> Option<String> {
    match op {
        Op::Cut { group, .. } => Some(group.clone()),
        _ => None,
    }
}

/// What was found above a cut.
#[derive(Default)]
struct Missed {
    straggler: Option<SecretPath>,
    /// Something that does not count is above what does.
    left: Option<(SecretPath, Option<SignedHeader>)>,
    late: Option<LateWrite>,
}

pub(super) fn unknown_group(name: &str) -> Error {
    Error::not_found(format!("there is no group {}", escape(name)))
        .hint("`vault group ls` lists the groups")
}
