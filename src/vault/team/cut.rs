//! Making the cut that a new generation starts from: the newest acceptable version of every path
//! of the group, as signed headers show it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{Prefix, SecretPath, escape};
use crate::store::{StoreError, list_wide};
use crate::team::cut::CutEntry;
use crate::team::{Cut, State};

use super::super::chain::FORKED;
use super::super::versions::{MarkCheck, Versions};
use super::super::{PARALLEL, Vault, head_key, version_number};

impl Vault {
    /// The cuts of `groups`, which own paths as `after` says. `after_loss`: versions that this
    /// device has seen may be gone.
    pub(super) async fn cuts(
        &self,
        groups: &BTreeSet<String>,
        after: &State,
        after_loss: bool,
    ) -> Result<BTreeMap<String, Cut>> {
        let mut cuts: BTreeMap<String, Cut> =
            groups.iter().map(|group| (group.clone(), Cut::default())).collect();
        if groups.is_empty() {
            return Ok(cuts);
        }
        // Counted first: what this device reads meanwhile is listed, and not yet counted.
        let marks = self.device.marks()?;
        let mut paths = self.numbers_by_path().await?;
        // A head whose history is hidden must not fall out of the cut.
        for path in self.list(&Prefix::default()).await? {
            paths.entry(path).or_default();
        }
        if !after_loss {
            self.check_nothing_is_hidden(marks, paths.keys())?;
        }
        let owned = |path: &SecretPath| {
            after.owner(path).filter(|group| groups.contains(*group)).map(str::to_owned)
        };
        let paths = paths.into_iter();
        let paths = paths.filter_map(|(path, numbers)| Some((owned(&path)?, path, numbers)));
        let mut found = stream::iter(paths)
            .map(|(group, path, numbers)| async move {
                let newest = self.newest_header(&path, &numbers, Some(after), after_loss).await?;
                Ok::<_, Error>((group, path, newest))
            })
            .buffered(PARALLEL);
        while let Some((group, path, newest)) = found.try_next().await? {
            if let (Some(signed), Some(cut)) = (newest, cuts.get_mut(&group)) {
                let entry = CutEntry { n: signed.header.n, record: signed.record_hash };
                cut.insert(&self.id, &path, entry);
            }
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

    /// The newest version that counts, of those with these numbers.
    ///
    /// # Errors
    /// Integrity where it does not lead on from what this device has seen: a cut must not make a
    /// rollback final.
    pub(super) async fn newest_header(
        &self,
        path: &SecretPath,
        numbers: &[u64],
        leaving: Option<&State>,
        after_loss: bool,
    ) -> Result<Option<SignedHeader>> {
        let mut versions = Versions::new(self, path)?;
        if let Some(state) = leaving {
            versions = versions.leaving(state);
        }
        for n in numbers.iter().rev() {
            if versions.at(*n).await?.is_none() || versions.check(*n).await?.is_err() {
                continue;
            }
            if !after_loss && let MarkCheck::Fails(why) = versions.check_mark(*n).await? {
                return Err(Error::integrity(escape(&why))
                    .hint("nothing was changed; `vault verify` shows what is wrong"));
            }
            return Ok(versions.get(*n).cloned());
        }
        if let Some(mark) = versions.mark().filter(|_| !after_loss) {
            return Err(Error::integrity(format!(
                "{path} is gone without a tombstone: this device has seen version {}",
                mark.n
            ))
            .hint(FORKED));
        }
        if numbers.is_empty() && !after_loss && self.has_head(path).await? {
            return Err(Error::integrity(format!(
                "{path} has a head, but the storage shows no history of it"
            ))
            .hint("nothing was changed; `vault verify --repair` mends it if it can"));
        }
        Ok(None)
    }

    /// True if something that counts is at the head's key.
    async fn has_head(&self, path: &SecretPath) -> Result<bool> {
        match self.fetch_head(&head_key(path)).await {
            Ok(head) => Ok(self.counting(path, &head.metadata).await?.is_some()),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Checks that every path with a mark on this device is among those that the storage lists.
    fn check_nothing_is_hidden<'p>(
        &self,
        marks: usize,
        paths: impl Iterator<Item = &'p SecretPath>,
    ) -> Result<()> {
        let mut listed = 0;
        for path in paths {
            listed += usize::from(self.device.mark(path)?.is_some());
        }
        match marks.saturating_sub(listed) {
            0 => Ok(()),
            n => Err(Error::integrity(format!(
                "the storage does not list {n} secrets that this device has seen"
            ))
            .hint(FORKED)),
        }
    }
}
