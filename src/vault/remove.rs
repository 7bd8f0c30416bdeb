//! Deleting, bringing back, rolling back, purging.

use super::device::Mark;
use super::read::Opened;
use super::standing::{Newest, Standing};
use super::versions::{LAST, Versions};
use super::write::{Base, Change, Draft, Plain, Written};
use super::{Content, Vault, version_key};
use crate::core::document::Document;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::Op;
use crate::core::path::SecretPath;
use crate::core::secret::Secret;
use crate::store::StoreError;

/// How often a version is given up anew because keys were changed meanwhile.
const TRIES: usize = 8;

/// What a purge removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Number of the tombstone.
    pub n: u64,
    /// How many older versions were removed.
    pub removed: usize,
}

impl Vault {
    /// Puts a tombstone on top of the history and removes the head. The values stay until a
    /// purge.
    ///
    /// # Errors
    /// Not found (also if it is deleted already), denied, conflict.
    pub async fn delete(&self, path: &SecretPath, if_version: Option<u64>) -> Result<Written> {
        let standing = self.standing(path).await?;
        match &standing.newest {
            Some(v) if !v.signed.header.op.is_tombstone() => {
                self.commit(path, if_version, Change::Tombstone(Op::Delete)).await
            }
            // A delete that was cut off before the head was gone.
            Some(v) if standing.head.is_some() => {
                let n = v.signed.header.n;
                self.remove_head(path, n).await?;
                Ok(Written { n })
            }
            _ => Err(self.nothing(path, standing.junk).await),
        }
    }

    /// Brings a deleted secret back: the version before the tombstone becomes the newest again.
    ///
    /// # Errors
    /// Conflict if it is not deleted; not found if there is nothing to bring back.
    pub async fn undelete(&self, path: &SecretPath) -> Result<Written> {
        let Standing { newest, junk, .. } = self.standing(path).await?;
        let Some(newest) = newest else { return Err(self.nothing(path, junk).await) };
        let header = &newest.signed.header;
        if !header.op.is_tombstone() && !newest.from_head {
            // An undelete that was cut off before the head was there.
            self.mend_head(path).await?;
            return Ok(Written { n: header.n });
        }
        if !header.op.is_tombstone() {
            return Err(Error::conflict(format!("{path} is not deleted")));
        }
        // The newest version that still has a value: there may be several tombstones.
        let mut n = header.n;
        while n > header.from {
            n -= 1;
            match self.read(path, Some(n)).await {
                // Only while it is deleted: somebody may have written it anew.
                Ok(version) => return self.restore(path, version, Some(0)).await,
                Err(e) if e.kind == crate::core::error::Kind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Err(Error::not_found(format!("nothing of {path} is kept, it was purged")))
    }

    /// Writes the plaintext of version `n` again, as the newest version.
    ///
    /// # Errors
    /// Not found if there is no such version, or it is a tombstone.
    pub async fn rollback(&self, path: &SecretPath, n: u64) -> Result<Written> {
        let version = self.read(path, Some(n)).await?;
        self.restore(path, version, None).await
    }

    /// An earlier plaintext, with the age of its values, under a fresh data key.
    async fn restore(
        &self,
        path: &SecretPath,
        version: Opened,
        if_version: Option<u64>,
    ) -> Result<Written> {
        let mut make = |_: Option<&Opened>| {
            let (plain, since) = again(&version)?;
            Ok(Draft { op: Op::Reseal, plain, since, keeps: true })
        };
        self.commit(path, if_version, Change::Whole(&mut make)).await
    }

    /// Claims a last tombstone and removes every older version for good. Run again after a
    /// crash, it goes on where it stopped.
    ///
    /// Where the storage does not show what was seen, or what the newest cut holds, this gives it
    /// up: the tombstone stands on that, and every device follows.
    ///
    /// # Errors
    /// Not found if there is nothing, denied, conflict.
    pub async fn purge(&self, path: &SecretPath) -> Result<Purged> {
        let standing = match self.standing(path).await {
            Err(e) if e.kind == Kind::Integrity => return self.give_up(path, e).await,
            other => other?,
        };
        let Standing { newest, junk, .. } = standing;
        let Some(newest) = newest else { return Err(self.nothing(path, junk).await) };
        let n = if newest.signed.header.op == Op::Purge {
            newest.signed.header.n
        } else {
            self.claim_purge(path).await?
        };
        self.remove_head(path, n).await?;
        let removed = self.remove_below(path, n).await?;
        Ok(Purged { n, removed })
    }

    /// A purge on top of the highest version that was seen or is in the cut.
    async fn give_up(&self, path: &SecretPath, why: Error) -> Result<Purged> {
        // Not where the team's notes are what is refused.
        self.refresh().await?;
        self.check_chain_is_there().await?;
        self.need_write(path)?;
        self.device.check()?;
        for _ in 0..TRIES {
            let before = self.view().state.current(path);
            let Some(mut base) = self.highest(path).await? else { return Err(why) };
            let n = base.n + 1;
            base.from = n;
            let mut change = Change::Tombstone(Op::Purge);
            let sealed = self.draft_on(path, base, None, &mut change, None).await?;
            if !self.claim(path, &sealed).await? {
                return Err(Error::conflict(format!("{path} was changed by somebody else"))
                    .hint("nothing was given up; look at the newest version and try again"));
            }
            self.device.raise(path, self.mark_of(&sealed.signed), true)?;
            self.warn(format!(
                "version {} of {path} is gone: it is given up, with all that is left below it",
                n - 1
            ));
            self.refresh().await?;
            if self.view().state.current(path) == before {
                self.remove_head(path, n).await?;
                let removed = self.remove_below(path, n).await?;
                return Ok(Purged { n, removed });
            }
        }
        Err(Error::conflict(format!("the team was changed while {path} was given up")))
    }

    /// The highest of what this device has seen of a path, what the newest cut holds, and what is
    /// shown and counts; `None` if nothing was ever known of it.
    async fn highest(&self, path: &SecretPath) -> Result<Option<Base>> {
        let mut versions = Versions::new(self, path)?;
        // What somebody wrote who may not any more is not held.
        let counts = |mark: &Mark| self.view().state.may_write(mark.by, path) && mark.n < LAST;
        let seen = versions.mark();
        let mark = seen.filter(counts).map(|mark| (mark.n, mark.record));
        let cut = self.cut_entry(path).await?.map(|cut| (cut.n, cut.record));
        let known = match mark.max(cut) {
            Some(known) => known,
            None if seen.is_some() => (0, [0; 32]),
            None => return Ok(None),
        };
        let shown = versions.newest(&Versions::numbers(self, path).await?).await?;
        let shown = shown.map(|signed| (signed.header.n, signed.record_hash));
        let (n, record) = shown.map_or(known, |shown| shown.max(known));
        Ok(Some(Base { n, from: 1, record }))
    }

    /// Claims a purge under a generation that is still the current one afterwards: otherwise a
    /// cut that was made meanwhile may name a version that is about to go.
    async fn claim_purge(&self, path: &SecretPath) -> Result<u64> {
        loop {
            // Taken first: the chain may be fetched at any time, by other tasks as well.
            let before = self.view().state.current(path);
            let written = self.commit(path, None, Change::Tombstone(Op::Purge)).await?;
            self.refresh().await?;
            if self.view().state.current(path) == before {
                return Ok(written.n);
            }
        }
    }

    /// Removes all versions below `n`, the oldest first. They were read out of the history and
    /// have no value any more; junk among them goes as well.
    pub(super) async fn remove_below(&self, path: &SecretPath, n: u64) -> Result<usize> {
        let mut removed = 0;
        for old in Versions::numbers(self, path).await?.into_iter().filter(|old| *old < n) {
            match self.store.delete(&version_key(path, old), None).await {
                Ok(()) => removed += 1,
                Err(StoreError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(removed)
    }

    /// True if there is a secret at `path` that is not deleted.
    ///
    /// # Errors
    /// Anything but "not found".
    pub async fn exists(&self, path: &SecretPath) -> Result<bool> {
        Ok(self.live(path).await?.is_some())
    }

    pub(super) async fn live(&self, path: &SecretPath) -> Result<Option<Newest>> {
        let newest = self.standing(path).await?.newest;
        Ok(newest.filter(|v| !v.signed.header.op.is_tombstone()))
    }

    pub(super) async fn need_live(&self, path: &SecretPath) -> Result<Newest> {
        let standing = self.standing(path).await?;
        match standing.newest {
            Some(newest) if !newest.signed.header.op.is_tombstone() => Ok(newest),
            Some(_) => Err(self.not_found(path).await),
            None => Err(self.nothing(path, standing.junk).await),
        }
    }
}

/// The plaintext of a version once more, with its age.
pub(super) fn again(version: &Opened) -> Result<(Plain, Option<u64>)> {
    Ok(match &version.content {
        Content::Doc(document) => (Plain::Doc(Document::decode(&document.encode()?)?), None),
        Content::Raw(bytes) => (Plain::Raw(Secret::copy_of(bytes.bytes())), Some(version.since)),
    })
}
