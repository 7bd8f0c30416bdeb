//! Sealing values anew under the current generation, and removing what was sealed before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};

use crate::core::error::{Error, Kind, Result};
use crate::core::header::{Op, SignedHeader};
use crate::core::path::{Prefix, SecretPath};

use super::super::Vault;
use super::super::read::Opened;
use super::super::remove::again;
use super::super::versions::Versions;
use super::super::write::{Change, Draft};
use super::Progress;

/// How many paths are sealed anew at once: each is several requests, some of them large.
const AT_ONCE: usize = 16;

/// What is sealed anew.
#[derive(Debug, Default)]
pub struct Reseal {
    /// Only these groups; all, if there are none.
    pub groups: Vec<String>,
    /// Removes everything older as well, and purges what was deleted.
    pub purge_history: bool,
    /// Paths about which a person has not decided yet.
    pub except: BTreeSet<SecretPath>,
    /// Once it is set, no other path is begun; those that are under way are finished.
    pub stop: Arc<AtomicBool>,
}

/// What a re-seal did.
#[derive(Debug, Default)]
pub struct Resealed {
    /// Paths that were sealed anew.
    pub done: usize,
    /// Paths that were of the current generation already.
    pub current: usize,
    /// Paths that this identity may not write.
    pub skipped: usize,
    /// Paths that were not looked at any more, after a stop.
    pub left: usize,
    /// Paths that could not be sealed anew, and why.
    pub failed: Vec<(SecretPath, Error)>,
}

enum Outcome {
    Done,
    Current,
    Skipped,
}

impl Vault {
    /// Seals every live secret anew that is not of its group's current generation. Run again, it
    /// goes on where it stopped.
    ///
    /// # Errors
    /// If the names cannot be had. What fails for one path is in the answer.
    pub async fn reseal(&self, what: &Reseal, progress: &mut Progress<'_>) -> Result<Resealed> {
        self.refresh().await?;
        let view = self.view();
        let ours = |path: &SecretPath| {
            let owner = view.state.owner(path);
            let named = |g| what.groups.is_empty() || what.groups.iter().any(|group| group == g);
            owner.is_some_and(named) && !what.except.contains(path)
        };
        // A path whose head is missing is a live one all the same.
        let mut paths = self.list_history(&Prefix::default()).await?;
        paths.extend(self.list(&Prefix::default()).await?);
        paths.retain(ours);
        let total = paths.len();
        progress(0, total);
        let begun = paths.into_iter().take_while(|_| !what.stop.load(Ordering::SeqCst));
        let mut work = stream::iter(begun)
            .map(|path| async move {
                let done = self.reseal_one(&path, what.purge_history).await;
                (path, done)
            })
            .buffer_unordered(AT_ONCE);
        let (mut answer, mut count) = (Resealed::default(), 0);
        while let Some((path, outcome)) = work.next().await {
            count += 1;
            progress(count, total);
            match outcome {
                Ok(Outcome::Done) => answer.done += 1,
                Ok(Outcome::Current) => answer.current += 1,
                Ok(Outcome::Skipped) => answer.skipped += 1,
                Err(e) => answer.failed.push((path, e)),
            }
        }
        answer.left = total - count;
        answer.failed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(answer)
    }

    async fn reseal_one(&self, path: &SecretPath, purge_history: bool) -> Result<Outcome> {
        let me = self.identity()?.public().id();
        loop {
            let Some(newest) = self.standing(path).await?.newest else {
                return Ok(Outcome::Current);
            };
            let view = self.view();
            let header = &newest.signed.header;
            if header.op.is_tombstone() && !purge_history {
                return Ok(Outcome::Current);
            }
            if !view.state.may_write(me, path) {
                return Ok(Outcome::Skipped);
            }
            if header.op.is_tombstone() {
                match self.purge_deleted(path, header.op).await? {
                    Some(outcome) => return Ok(outcome),
                    // Somebody wrote it anew: that is a value to be sealed.
                    None => continue,
                }
            }
            let current = view.state.current(path).as_ref() == Some(&header.group);
            if current && (!purge_history || header.from == header.n) {
                let left = purge_history && self.remove_older(path, &newest.signed).await? > 0;
                return Ok(if left { Outcome::Done } else { Outcome::Current });
            }
            return match self.reseal_path(path, purge_history).await {
                // Deleted meanwhile.
                Err(e) if e.kind == Kind::NotFound => continue,
                other => other.map(|()| Outcome::Done),
            };
        }
    }

    /// Purges what is deleted; `None` if somebody wrote it anew meanwhile.
    async fn purge_deleted(&self, path: &SecretPath, op: Op) -> Result<Option<Outcome>> {
        if op != Op::Purge {
            match self.commit(path, Some(0), Change::Tombstone(Op::Purge)).await {
                Err(e) if e.kind == Kind::Conflict => return Ok(None),
                other => drop(other?),
            }
        }
        let newest = self.standing(path).await?.newest;
        let Some(newest) = newest.filter(|v| v.signed.header.op == Op::Purge) else {
            return Ok(None);
        };
        let removed = self.remove_older(path, &newest.signed).await?;
        Ok(Some(if removed > 0 { Outcome::Done } else { Outcome::Current }))
    }

    /// The newest value of `path` under a fresh data key of the current generation. With
    /// `purge_history` nothing older is kept.
    pub(super) async fn reseal_path(&self, path: &SecretPath, purge_history: bool) -> Result<()> {
        let mut make = |before: Option<&Opened>| {
            let before =
                before.ok_or_else(|| Error::not_found(format!("{path} was deleted meanwhile")))?;
            let (plain, since) = again(before)?;
            Ok(Draft { op: Op::Reseal, plain, since, keeps: !purge_history })
        };
        self.commit(path, None, Change::Content(&mut make)).await?;
        if purge_history && let Some(newest) = self.standing(path).await?.newest {
            self.remove_older(path, &newest.signed).await?;
        }
        Ok(())
    }

    /// Removes what `newest` says is not kept. Only below a version that is in the history and,
    /// after the chain was read once more, of the current generation or the cut's entry: a cut that
    /// was made meanwhile may stand on what is about to go.
    async fn remove_older(&self, path: &SecretPath, newest: &SignedHeader) -> Result<usize> {
        self.refresh().await?;
        let header = &newest.header;
        let view = self.view();
        let mut versions = Versions::new(self, path)?;
        let stored = versions.at(header.n).await?.map(|signed| signed.record_hash);
        let current = view.state.current(path).as_ref() == Some(&header.group)
            && view.state.may_write(header.by, path);
        let cut = self.cut_entry(path).await?;
        let held = cut.is_some_and(|cut| cut.record == newest.record_hash);
        if !(current || held)
            || stored != Some(newest.record_hash)
            || versions.check(header.n).await?.is_err()
        {
            return Err(Error::conflict(format!("the team was changed while {path} was purged"))
                .hint("nothing of it was removed; run the same command again"));
        }
        self.remove_below(path, header.from).await
    }
}
