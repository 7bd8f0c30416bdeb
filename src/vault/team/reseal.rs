//! Sealing values anew under the current generation, and removing what was sealed before.

use futures_util::{StreamExt, stream};

use crate::core::error::{Error, Kind, Result};
use crate::core::header::{Op, SignedHeader};
use crate::core::path::SecretPath;
use crate::store::StoreError;

use super::super::read::Opened;
use super::super::remove::{Purged, again};
use super::super::write::{Change, Draft, Written};
use super::super::{Vault, head_key};
use super::Progress;

/// How many paths are sealed anew at once: each is several requests, some of them large.
const AT_ONCE: usize = 16;

/// What a re-seal did.
#[derive(Debug, Default)]
pub struct Resealed {
    /// Paths that were sealed anew.
    pub done: usize,
    /// Paths that were of the current generation already.
    pub current: usize,
    /// Paths of groups that this identity may not write.
    pub skipped: usize,
    /// Paths that could not be sealed anew, and why.
    pub failed: Vec<(SecretPath, Error)>,
}

enum Outcome {
    Done,
    Current,
    Skipped,
}

impl Vault {
    /// Seals every live secret of `groups` (all, if there are none) anew that is not of its
    /// group's current generation. With `purge_history`, removes everything older as well, and
    /// purges what was deleted. Run again, it goes on where it stopped.
    ///
    /// # Errors
    /// If the names cannot be had. What fails for one path is in the answer.
    pub async fn reseal(
        &self,
        groups: &[String],
        purge_history: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Resealed> {
        self.refresh().await?;
        let view = self.view();
        let ours = |path: &SecretPath| {
            let owner = view.state.owner(path);
            owner.is_some_and(|g| groups.is_empty() || groups.iter().any(|group| group == g))
        };
        let mut paths: Vec<SecretPath> = match purge_history {
            true => self.list_history(&Default::default()).await?.into_iter().collect(),
            false => self.list(&Default::default()).await?,
        };
        paths.retain(ours);
        let total = paths.len();
        progress(0, total);
        let mut work = stream::iter(paths)
            .map(|path| async move {
                let done = self.reseal_one(&path, purge_history).await;
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
        answer.failed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(answer)
    }

    async fn reseal_one(&self, path: &SecretPath, purge_history: bool) -> Result<Outcome> {
        let view = self.view();
        let me = self.identity()?.public().id();
        if !view.state.may_write(me, path) {
            return Ok(Outcome::Skipped);
        }
        let header = match self.store.head(&head_key(path)).await {
            Ok(head) => SignedHeader::parse(&self.id, path, &head.metadata).ok().map(|s| s.header),
            Err(StoreError::NotFound { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        // A hint only: what is written is made from what the history says.
        let current = header.as_ref().is_some_and(|header| {
            view.state.current(path).as_ref() == Some(&header.group)
                && (!purge_history || header.from == header.n)
        });
        if current {
            if purge_history && let Some(header) = header {
                self.remove_below(path, header.n).await?;
            }
            return Ok(Outcome::Current);
        }
        match self.reseal_path(path, purge_history).await {
            Ok(_) => Ok(Outcome::Done),
            // Deleted meanwhile, or before: a value that nobody gets to see by its name.
            Err(e) if e.kind == Kind::NotFound && purge_history => match self.purge(path).await {
                Ok(Purged { removed: 1.., .. }) => Ok(Outcome::Done),
                Ok(_) => Ok(Outcome::Current),
                Err(e) if e.kind == Kind::NotFound => Ok(Outcome::Current),
                Err(e) => Err(e),
            },
            Err(e) if e.kind == Kind::NotFound => Ok(Outcome::Current),
            Err(e) => Err(e),
        }
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
        let written = self.commit(path, None, Change::Content(&mut make)).await?;
        if purge_history {
            self.remove_below(path, written.n).await?;
        }
        Ok(())
    }

    /// A value that was read, as the newest version.
    pub(super) async fn rewrite(&self, path: &SecretPath, version: &Opened) -> Result<Written> {
        let mut make = |_: Option<&Opened>| {
            let (plain, since) = again(version)?;
            Ok(Draft { op: Op::Reseal, plain, since, keeps: true })
        };
        self.commit(path, None, Change::Whole(&mut make)).await
    }
}
