//! Making the cut that a new generation starts from: of every path of the group the newest version
//! that counts, as signed headers show it, or what this device has seen where that is not shown.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{Prefix, SecretPath};
use crate::core::text::DECIMAL_MAX;
use crate::store::{Metadata, StoreError, list_wide};
use crate::team::accept::follows;
use crate::team::cut::CutEntry;
use crate::team::{Cut, State};

use super::super::device::Mark;
use super::super::versions::{MarkCheck, Versions};
use super::super::{PARALLEL, Vault, head_key, version_number};

/// From this number on, somebody uses the numbers of a path up: nobody gets there by writing.
const LAST: u64 = DECIMAL_MAX - (1 << 40);

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
    /// Where something of somebody who leaves was passed over, with what counts there: whoever has
    /// seen it goes on only when a version of somebody who stays is on top.
    pub overruled: Vec<(SecretPath, Option<SignedHeader>)>,
    /// How many more there are, whose names this device does not know.
    pub unnamed: usize,
}

/// What a cut says of one path.
#[derive(Default)]
struct Pinned {
    entry: Option<CutEntry>,
    /// The storage shows that version.
    shown: bool,
    /// Something of somebody who leaves was passed over: see [`Cuts::overruled`].
    overruled: bool,
    newest: Option<SignedHeader>,
}

impl Pinned {
    fn shown(signed: &SignedHeader) -> Self {
        let entry = CutEntry { n: signed.header.n, record: signed.record_hash };
        Self { entry: Some(entry), shown: true, overruled: false, newest: Some(signed.clone()) }
    }
}

/// The newest version that counts, and what was passed over above it.
pub(super) struct NewestOf {
    pub newest: Option<SignedHeader>,
    apart: Vec<SignedHeader>,
}

/// What is known of a path before its versions are looked at.
pub(super) struct Known<'k> {
    /// Numbers of its stored versions, ascending.
    pub numbers: Vec<u64>,
    /// The newest version that this device has seen.
    pub mark: Option<Mark>,
    /// The state after the note that a cut is made for.
    pub leaving: Option<&'k State>,
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
                let known = Known { numbers, mark, leaving: Some(after) };
                let found = match after_loss {
                    true => {
                        let left = self.what_is_left(&path, &known).await?;
                        left.as_ref().map(Pinned::shown).unwrap_or_default()
                    }
                    false => self.pinned_entry(&path, &known).await?,
                };
                Ok::<_, Error>((group, path, found))
            })
            .buffered(PARALLEL);
        while let Some((group, path, found)) = found.try_next().await? {
            let Pinned { entry, shown, overruled, newest } = found;
            if overruled {
                cuts.overruled.push((path.clone(), newest));
            }
            let (Some(entry), Some(cut)) = (entry, cuts.made.get_mut(&group)) else { continue };
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

    /// The entry of a path, if there is one: the newest version that counts. Where that does not
    /// lead on from what this device has seen, what it has seen; and where nothing counts, the
    /// entry of the cut before. So nobody makes a rollback final by hiding or planting a version,
    /// and nobody can stand in the way of being removed.
    async fn pinned_entry(&self, path: &SecretPath, known: &Known<'_>) -> Result<Pinned> {
        let before = self.cut_entry(path).await?;
        let mut versions = versions(self, path, known);
        let NewestOf { mut newest, apart } = self.newest_of(&mut versions, known).await?;
        if newest.is_none() && apart.is_empty() {
            newest = self.head_of(&mut versions, path).await?;
        }
        let overruled = !apart.is_empty();
        if let Some(signed) = &newest
            && !matches!(versions.check_mark(signed.header.n).await?, MarkCheck::Fails(_))
        {
            return Ok(Pinned { overruled, ..Pinned::shown(signed) });
        }
        let stays = |by| known.leaving.is_none_or(|after| after.may_write(by, path));
        let seen = known.mark.filter(|mark| {
            // Below the cut before, and where its author had lost the right, it is this device's
            // word against the team's. So it is where its author leaves, and it was passed over, or
            // somebody who stays has written a version that is no older.
            let passed = |signed: &SignedHeader| signed.record_hash == mark.record;
            let overtaken = newest
                .as_ref()
                .is_some_and(|signed| signed.header.n >= mark.n && stays(signed.header.by));
            mark.n > before.map_or(0, |cut| cut.n)
                && self.view().state.may_write(mark.by, path)
                && (stays(mark.by) || !overtaken && mark.n < LAST && !apart.iter().any(passed))
        });
        let hidden = match (seen, newest, before) {
            (Some(mark), ..) => CutEntry { n: mark.n, record: mark.record },
            (None, Some(signed), _) => return Ok(Pinned { overruled, ..Pinned::shown(&signed) }),
            (None, None, Some(before)) => before,
            (None, None, None) => return Ok(Pinned { overruled, ..Pinned::default() }),
        };
        let shown = self.is_shown(path, hidden, known).await?;
        Ok(Pinned { entry: Some(hidden), shown, overruled, newest: None })
    }

    /// The newest version that counts now or, where the storage lost what the cut before holds,
    /// that somebody signed who may write there: all that is left to choose from.
    pub(super) async fn what_is_left(
        &self,
        path: &SecretPath,
        known: &Known<'_>,
    ) -> Result<Option<SignedHeader>> {
        let mut versions = versions(self, path, known);
        if let Some(newest) = self.newest_of(&mut versions, known).await?.newest {
            return Ok(Some(newest));
        }
        if self.cut_entry(path).await?.is_none() {
            return Ok(None);
        }
        let view = self.view();
        for n in known.numbers.iter().rev() {
            let Some(signed) = versions.at(*n).await? else { continue };
            let by = signed.header.by;
            let right = view.state.may_write(by, path)
                && known.leaving.is_none_or(|after| after.may_write(by, path))
                && view.state.ever_owned(&signed.header.group, path)
                && view.state.key(by).is_some_and(|(key, _)| signed.verify(key));
            if right {
                return Ok(Some(signed.clone()));
            }
        }
        Ok(None)
    }

    /// The newest version that counts, of those that are listed. Whoever leaves must not be able
    /// to have put something beside what is there: a version of theirs that does not lead on from
    /// a lower one that counts, or that uses the numbers up, is passed over.
    pub(super) async fn newest_of(
        &self,
        versions: &mut Versions<'_>,
        known: &Known<'_>,
    ) -> Result<NewestOf> {
        let path = versions.path();
        let mut apart: Vec<SignedHeader> = Vec::new();
        for n in known.numbers.iter().rev() {
            if versions.at(*n).await?.is_none() || versions.check(*n).await?.is_err() {
                continue;
            }
            let signed = versions.get(*n).cloned().expect("it was just looked at");
            let stays = known.leaving.is_none_or(|after| after.may_write(signed.header.by, path));
            let below = match *n {
                _ if stays => Ok(()),
                1 => Ok(()),
                n => match versions.at(n - 1).await? {
                    Some(below) if signed.header.from < n => follows(&signed, below),
                    Some(_) => Ok(()),
                    None => Err("nothing is below it"),
                },
            };
            if stays || below.is_ok() && *n < LAST {
                if let Some(top) = apart.first() {
                    self.warn(format!(
                        "version {} of {path}, by somebody who leaves, does not lead on from \
                         version {n}; it is passed over",
                        top.header.n
                    ));
                }
                return Ok(NewestOf { newest: Some(signed), apart });
            }
            apart.push(signed);
        }
        // Nothing below counts: a purge, or what is left of a history.
        let newest = apart.iter().position(|signed| signed.header.n < LAST);
        let newest = newest.map(|i| apart.drain(..=i).next_back().expect("it was found"));
        Ok(NewestOf { newest, apart })
    }

    /// The version at the head's key, if it counts.
    pub(super) async fn head_of(
        &self,
        versions: &mut Versions<'_>,
        path: &SecretPath,
    ) -> Result<Option<SignedHeader>> {
        let head = match self.fetch_head(&head_key(path)).await {
            Ok(head) => head,
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        self.counts(versions, &head.metadata).await
    }

    /// The version that an object at the head's key is, if it counts.
    pub(super) async fn counts(
        &self,
        versions: &mut Versions<'_>,
        metadata: &Metadata,
    ) -> Result<Option<SignedHeader>> {
        let Some(signed) = versions.learn(None, metadata).await? else { return Ok(None) };
        Ok(versions.check(signed.header.n).await?.is_ok().then_some(signed))
    }

    /// True if the version that an entry names is stored, in the history or as the head.
    async fn is_shown(
        &self,
        path: &SecretPath,
        entry: CutEntry,
        known: &Known<'_>,
    ) -> Result<bool> {
        let mut versions = versions(self, path, known);
        let is_it = |signed: &SignedHeader| signed.record_hash == entry.record;
        if known.numbers.contains(&entry.n) && versions.at(entry.n).await?.is_some_and(is_it) {
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

fn versions<'v>(vault: &'v Vault, path: &'v SecretPath, known: &Known<'v>) -> Versions<'v> {
    let versions = Versions::marked(vault, path, known.mark);
    match known.leaving {
        Some(after) => versions.leaving(after),
        None => versions,
    }
}
