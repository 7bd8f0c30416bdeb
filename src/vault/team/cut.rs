//! Making the cut that a new generation starts from: of every path of the group the newest version
//! that counts, as signed headers show it, or what this device has seen where that is not shown.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{Prefix, SecretPath};
use crate::store::{StoreError, list_wide};
use crate::team::cut::CutEntry;
use crate::team::{Cut, State};

use super::super::device::Mark;
use super::super::versions::{LAST, MarkCheck, Versions};
use super::super::{PARALLEL, Vault, head_key, version_number};

/// A version that a cut holds, so that nothing else counts in its place, and that the storage does
/// not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unshown {
    /// Where.
    pub path: SecretPath,
    /// Its number.
    pub n: u64,
}

/// The cuts of a note.
#[derive(Default)]
pub(super) struct Cuts {
    /// By group.
    pub made: BTreeMap<String, Cut>,
    /// What they hold and the storage does not show.
    pub unshown: Vec<Unshown>,
    /// How many more there are, whose names this device does not know.
    pub unnamed: usize,
}

impl Vault {
    /// The cuts of `groups`, which own paths as `after` says. `after_loss`: what this device and
    /// earlier cuts know may be gone, and a person agreed to that.
    pub(super) async fn cuts(
        &self,
        groups: &BTreeSet<String>,
        after: &State,
        after_loss: bool,
    ) -> Result<Cuts> {
        let made = groups.iter().map(|group| (group.clone(), Cut::default())).collect();
        let mut cuts = Cuts { made, ..Cuts::default() };
        if groups.is_empty() {
            return Ok(cuts);
        }
        // Read first: what this device sees meanwhile is listed, and must not be missed there.
        let marks = if after_loss { BTreeMap::new() } else { self.device.marks()? };
        let mut paths = self.numbers_by_path().await?;
        // A head whose history is hidden must not fall out of the cut, nor what was seen here.
        for path in self.list(&Prefix::default()).await?.into_iter().chain(marks.keys().cloned()) {
            paths.entry(path).or_default();
        }
        let known = paths.keys().map(|path| Cut::path_hash(&self.id, path)).collect();
        let owned = paths.into_iter().filter_map(|(path, numbers)| {
            let group = after.owner(&path).filter(|group| groups.contains(*group))?;
            let mark = marks.get(&path).copied();
            Some((group.to_owned(), path, numbers, mark))
        });
        let mut found = stream::iter(owned)
            .map(|(group, path, numbers, mark)| async move {
                let mut versions = Versions::marked(self, &path, mark).leaving(after);
                let found = match after_loss {
                    true => {
                        let left = self.what_is_left(&mut versions, &numbers).await?;
                        left.map(|signed| shown(&signed))
                    }
                    false => self.pinned_entry(&mut versions, &numbers).await?,
                };
                drop(versions);
                Ok::<_, Error>((group, path, found))
            })
            .buffered(PARALLEL);
        while let Some((group, path, found)) = found.try_next().await? {
            let (Some((entry, shown)), Some(cut)) = (found, cuts.made.get_mut(&group)) else {
                continue;
            };
            cut.insert(&self.id, &path, entry);
            if !shown {
                cuts.unshown.push(Unshown { path, n: entry.n });
            }
        }
        drop(found);
        if !after_loss {
            self.carry_unlisted(&mut cuts, after, &known).await?;
        }
        Ok(cuts)
    }

    /// Every path with a history, and the numbers of its stored versions, ascending.
    pub(super) async fn numbers_by_path(&self) -> Result<BTreeMap<SecretPath, Vec<u64>>> {
        let mut paths: BTreeMap<SecretPath, Vec<u64>> = BTreeMap::new();
        for key in list_wide(&*self.store, "h/", PARALLEL).await? {
            let Some((path, number)) = key[2..].rsplit_once("/.vault/") else { continue };
            let Some(n) = version_number(number) else { continue };
            if let Ok(path) = SecretPath::parse(path) {
                paths.entry(path).or_default().push(n);
            }
        }
        for numbers in paths.values_mut() {
            numbers.sort_unstable();
            numbers.dedup();
        }
        Ok(paths)
    }

    /// The entry of a path, and whether the storage shows that version: the newest one that
    /// counts. Where that does not lead on from what this device has seen, what it has seen; and
    /// where nothing counts, the entry of the cut before. So nobody makes a rollback final by
    /// hiding or planting a version, and nobody can stand in the way of being removed.
    async fn pinned_entry(
        &self,
        versions: &mut Versions<'_>,
        numbers: &[u64],
    ) -> Result<Option<(CutEntry, bool)>> {
        let path = versions.path();
        let before = self.cut_entry(path).await?;
        let mut newest = versions.newest(numbers).await?;
        if newest.is_none() {
            newest = versions.head().await?.filter(|signed| signed.header.n < LAST);
        }
        if let Some(signed) = &newest
            && !matches!(versions.check_mark(signed.header.n).await?, MarkCheck::Fails(_))
        {
            return Ok(Some(shown(signed)));
        }
        let seen = versions.mark().filter(|mark| {
            // Below the cut before, and where its author had lost the right, it is this device's
            // word against the team's.
            mark.n > before.map_or(0, |cut| cut.n)
                && self.view().state.may_write(mark.by, path)
                && (versions.stays(mark.by) || mark.n < LAST)
        });
        // So it is where its author leaves, and somebody who stays has written one that is no older.
        let overtaken = |mark: &Mark, signed: &SignedHeader| {
            signed.header.n >= mark.n
                && versions.stays(signed.header.by)
                && !versions.stays(mark.by)
        };
        let hidden = match (seen, newest, before) {
            (Some(mark), Some(signed), _) if overtaken(&mark, &signed) => {
                self.warn(format!(
                    "version {} of {path} that this device has seen, by somebody who leaves, is not \
                     there; version {} counts",
                    mark.n, signed.header.n
                ));
                return Ok(Some(shown(&signed)));
            }
            (Some(mark), ..) => CutEntry { n: mark.n, record: mark.record },
            (None, Some(signed), _) => return Ok(Some(shown(&signed))),
            (None, None, Some(before)) => before,
            (None, None, None) => return Ok(None),
        };
        let shown = self.is_shown(versions, numbers, hidden).await?;
        Ok(Some((hidden, shown)))
    }

    /// The newest version that counts now or, where the storage lost what the cut before holds,
    /// that somebody signed who may write there: all that is left to choose from.
    pub(super) async fn what_is_left(
        &self,
        versions: &mut Versions<'_>,
        numbers: &[u64],
    ) -> Result<Option<SignedHeader>> {
        let path = versions.path();
        if let Some(newest) = versions.newest(numbers).await? {
            return Ok(Some(newest));
        }
        if self.cut_entry(path).await?.is_none() {
            return Ok(None);
        }
        let view = self.view();
        for n in numbers.iter().rev() {
            let Some(signed) = versions.at(*n).await?.cloned() else { continue };
            let by = signed.header.by;
            let right = view.state.may_write(by, path)
                && versions.stays(by)
                && view.state.ever_owned(&signed.header.group, path)
                && view.state.key(by).is_some_and(|(key, _)| signed.verify(key));
            if right {
                return Ok(Some(signed));
            }
        }
        Ok(None)
    }

    /// True if the version that an entry names is stored, in the history or as the head.
    async fn is_shown(
        &self,
        versions: &mut Versions<'_>,
        numbers: &[u64],
        entry: CutEntry,
    ) -> Result<bool> {
        let path = versions.path();
        let is_it = |signed: &SignedHeader| signed.record_hash == entry.record;
        if numbers.contains(&entry.n) && versions.at(entry.n).await?.is_some_and(is_it) {
            return Ok(true);
        }
        match self.fetch_head(&head_key(path)).await {
            Ok(head) => {
                let signed = SignedHeader::parse(&self.id, path, &head.metadata);
                Ok(signed.is_ok_and(|signed| is_it(&signed)))
            }
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Takes over what earlier cuts hold of paths that are not listed any more. Where folders
    /// move, nobody can say whose such a path becomes: all receivers hold it.
    async fn carry_unlisted(
        &self,
        cuts: &mut Cuts,
        after: &State,
        known: &BTreeSet<Hash>,
    ) -> Result<()> {
        let state = &self.view().state;
        let moved = state.prefixes_at(u64::MAX) != after.prefixes_at(u64::MAX);
        let mut carried = BTreeSet::new();
        for group in state.groups.keys() {
            let Some(old) = self.cut_of(state, group).await? else { continue };
            for (_, cut) in cuts.made.iter_mut().filter(|(into, _)| moved || *into == group) {
                carried.extend(cut.carry(&old, known));
            }
        }
        cuts.unnamed = carried.len();
        Ok(())
    }

    /// How many paths the newest cuts hold of which nothing is listed.
    pub(super) async fn unlisted(&self, state: &State, listed: &BTreeSet<Hash>) -> Result<usize> {
        let mut unlisted = BTreeSet::new();
        for group in state.groups.keys() {
            if let Some(cut) = self.cut_of(state, group).await? {
                unlisted.extend(cut.unknown(listed));
            }
        }
        Ok(unlisted.len())
    }
}

fn shown(signed: &SignedHeader) -> (CutEntry, bool) {
    (CutEntry { n: signed.header.n, record: signed.record_hash }, true)
}
