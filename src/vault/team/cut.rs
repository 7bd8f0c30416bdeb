//! Making the cut that a new generation starts from: the newest acceptable version of every path
//! of the group, as signed headers show it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{SecretPath, escape};
use crate::store::list_wide;
use crate::team::cut::CutEntry;
use crate::team::{Cut, State};

use super::super::versions::{MarkCheck, Versions};
use super::super::{PARALLEL, Vault, version_number};

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
        let owned = |path: &SecretPath| {
            after.owner(path).filter(|group| groups.contains(*group)).map(str::to_owned)
        };
        let paths = self.numbers_by_path().await?.into_iter();
        let paths = paths.filter_map(|(path, numbers)| Some((owned(&path)?, path, numbers)));
        let mut found = stream::iter(paths)
            .map(|(group, path, numbers)| async move {
                let newest = self.newest_header(&path, &numbers, after_loss).await?;
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
        after_loss: bool,
    ) -> Result<Option<SignedHeader>> {
        let mut versions = Versions::new(self, path)?;
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
            )));
        }
        Ok(None)
    }
}
