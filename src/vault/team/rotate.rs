//! New generations, and what follows one: whatever was written while it was being opened.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{SecretPath, escape};
use crate::team::Standing;
use crate::team::accept;

use super::super::versions::Versions;
use super::super::{Content, PARALLEL, Vault, read, version_key};
use super::append::{Appended, Intent, Make};

/// What a change of the team led to.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Seq of the note.
    pub seq: u64,
    /// Groups that have a new generation.
    pub groups: Vec<String>,
    /// KMS keys of these groups: whoever IAM lets decrypt with them goes on reading.
    pub kms_keys: Vec<String>,
    /// Paths that members wrote while the generation was opened; sealed anew.
    pub resealed: Vec<SecretPath>,
    /// What somebody wrote who may not any more, and is in no cut.
    pub late: Vec<LateWrite>,
}

/// A version of somebody who may not write there any more, above what the cut has. It does not
/// count; it is for an admin to say what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateWrite {
    /// Where.
    pub path: SecretPath,
    /// Its number.
    pub n: u64,
    /// Whose.
    pub author: String,
}

/// What becomes of a late write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Its value is written anew, by this identity.
    Adopt,
    /// The value before it is written anew; it is kept as evidence only.
    Drop,
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

    /// Adds a note and does what a new generation leads to. `None` if there was nothing to do.
    pub(super) async fn change_team(&self, make: &mut Make<'_>) -> Result<Option<Rotated>> {
        let Some(Appended { seq, rotated }) = self.append(make).await? else {
            return Ok(None);
        };
        let (resealed, late) = self.settle(&rotated).await?;
        let view = self.view();
        let wraps = rotated.iter().filter_map(|group| view.state.groups.get(group));
        let kms_keys = wraps.flat_map(|group| &group.generations).filter_map(|g| g.wrap.kms());
        let kms_keys: BTreeSet<String> = kms_keys.map(str::to_owned).collect();
        let (groups, kms_keys) = (rotated.into_iter().collect(), kms_keys.into_iter().collect());
        Ok(Some(Rotated { seq, groups, kms_keys, resealed, late }))
    }

    /// Looks once more at the groups that have a new generation: what members wrote meanwhile is
    /// sealed anew, what nobody may have written is reported.
    pub(super) async fn settle(
        &self,
        groups: &BTreeSet<String>,
    ) -> Result<(Vec<SecretPath>, Vec<LateWrite>)> {
        if groups.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let view = self.view();
        let ours = |path: &SecretPath| view.state.owner(path).is_some_and(|g| groups.contains(g));
        let paths = self.numbers_by_path().await?.into_iter().filter(|(path, _)| ours(path));
        let mut missed = stream::iter(paths)
            .map(|(path, numbers)| async move { self.missed_by_cut(path, &numbers).await })
            .buffered(PARALLEL);
        let (mut stragglers, mut late) = (Vec::new(), Vec::new());
        while let Some(found) = missed.try_next().await? {
            stragglers.extend(found.straggler);
            late.extend(found.late);
        }
        drop(missed);
        for path in &stragglers {
            self.reseal_path(path, false).await?;
        }
        Ok((stragglers, late))
    }

    /// What is above the cut of one path and not of the current generation.
    async fn missed_by_cut(&self, path: SecretPath, numbers: &[u64]) -> Result<Missed> {
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
            let view = self.view();
            if !counts {
                found.late.extend(late_write(&view.state, &path, signed));
                continue;
            }
            if accept::standing(&view.state, cut, &path, signed) == Standing::Straggler
                && !signed.header.op.is_tombstone()
            {
                found.straggler = Some(path.clone());
            }
            break;
        }
        Ok(found)
    }

    /// Decides about a late write: writes a version of this identity either way, so that it is
    /// out of the way.
    ///
    /// # Errors
    /// Denied; integrity if it cannot be decrypted (then it can only be dropped).
    pub async fn resolve_late(&self, late: &LateWrite, what: Late) -> Result<()> {
        let LateWrite { path, n, .. } = late;
        if what == Late::Drop {
            let standing = self.standing(path).await?;
            let live = standing.newest.filter(|v| !v.signed.header.op.is_tombstone());
            // Nothing is below it: the next write replaces it.
            let Some(live) = live else { return Ok(()) };
            let version = self.decrypt_newest(path, live).await?;
            return self.rewrite(path, &version).await.map(drop);
        }
        let object = self.fetch(&version_key(path, *n)).await?;
        let signed = SignedHeader::parse(&self.id, path, &object.metadata)
            .map_err(|why| Error::integrity(format!("version {n} of {path} is junk: {why}")))?;
        let author = self.view().state.key(signed.header.by).is_some_and(|(k, _)| signed.verify(k));
        if !author {
            return Err(Error::integrity(format!(
                "nobody of the team signed version {n} of {path}"
            )));
        }
        // Not through the mark: what does not count must not raise it.
        let newest = read::Newest { signed, object, from_head: false };
        let opened = self.open_unseen(path, newest).await?;
        if matches!(&opened.content, Content::Raw(value) if value.is_empty()) {
            return Err(Error::usage(format!("version {n} of {path} is a tombstone"))
                .hint(format!("adopt it with: vault rm {}", path.quoted())));
        }
        self.rewrite(path, &opened).await.map(drop)
    }
}

/// What was found above a cut.
#[derive(Default)]
struct Missed {
    straggler: Option<SecretPath>,
    late: Vec<LateWrite>,
}

/// Junk that a key of the team, now or once, signed.
fn late_write(
    state: &crate::team::State,
    path: &SecretPath,
    signed: &SignedHeader,
) -> Option<LateWrite> {
    let (key, author) = state.key(signed.header.by)?;
    signed.verify(key).then(|| LateWrite {
        path: path.clone(),
        n: signed.header.n,
        author: author.to_owned(),
    })
}

pub(super) fn unknown_group(name: &str) -> Error {
    Error::not_found(format!("there is no group {}", escape(name)))
        .hint("`vault group ls` lists the groups")
}
