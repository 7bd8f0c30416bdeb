//! The head of a path: a cache of its newest version under a short name. Moved by writers, mended
//! by whoever finds it behind (`docs/FORMAT.md`, "Writing").

use super::standing::Newest;
use super::versions::Versions;
use super::{Vault, head_key};
use crate::core::cipher::sha256;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::SignedHeader;
use crate::core::path::SecretPath;
use crate::store::{Condition, Etag, Metadata, Object, StoreError};

/// How often a step is tried again because somebody else was faster. Each time somebody made
/// progress, unless the store lies about etags: then this ends it.
const TRIES: usize = 100;

impl Vault {
    /// Moves the head to a claimed version that is no tombstone. `head` is the etag of what is
    /// there, if anything was.
    pub(super) async fn move_head(
        &self,
        path: &SecretPath,
        n: u64,
        (metadata, body): (&Metadata, &[u8]),
        mut head: Option<Etag>,
    ) -> Result<()> {
        let key = head_key(path);
        for _ in 0..TRIES {
            let condition = head.take().map_or(Condition::Absent, Condition::Matches);
            match self.store.put(&key, metadata, body, &condition).await {
                Ok(_) if condition == Condition::Absent => {
                    // While there was no head, a tombstone may have been claimed above this one.
                    if self.has_above(path, n).await? {
                        self.mend_head(path).await?;
                    }
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
            match self.fetch_head(&key).await {
                Ok(found) => {
                    if self.counting(path, &found.metadata).await?.is_some_and(|s| s.header.n >= n)
                    {
                        return Ok(());
                    }
                    head = Some(found.etag);
                }
                Err(StoreError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(stuck(path))
    }

    /// Removes the head below a tombstone with number `n`, unless something newer is there.
    pub(super) async fn remove_head(&self, path: &SecretPath, n: u64) -> Result<()> {
        let key = head_key(path);
        for _ in 0..TRIES {
            let gone = match self.fetch_head(&key).await {
                Ok(found) => {
                    if self.counting(path, &found.metadata).await?.is_some_and(|s| s.header.n > n) {
                        return Ok(());
                    }
                    self.store.delete(&key, Some(&found.etag)).await
                }
                Err(e) => Err(e),
            };
            match gone {
                Ok(()) | Err(StoreError::NotFound { .. }) => {
                    if self.has_above(path, n).await? {
                        self.mend_head(path).await?;
                    }
                    return Ok(());
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(stuck(path))
    }

    /// Finishes what the writer of an acceptable version, found in the history, did not.
    pub(super) async fn finish_write(
        &self,
        path: &SecretPath,
        signed: &SignedHeader,
        object: &Object,
    ) -> Result<()> {
        let n = signed.header.n;
        check_body(path, signed, object)?;
        if signed.header.op.is_tombstone() {
            return self.remove_head(path, n).await;
        }
        self.move_head(path, n, (&object.metadata, &object.body), None).await
    }

    /// Makes the head what the history says. True if it was something else.
    ///
    /// # Errors
    /// Integrity, and nothing is written, if the history is not what this device has seen.
    pub(super) async fn mend_head(&self, path: &SecretPath) -> Result<bool> {
        let key = head_key(path);
        for _ in 0..TRIES {
            let newest = self.newest_in_history(path).await?.newest;
            if let Some(Newest { signed, object, .. }) = &newest {
                check_body(path, signed, object)?;
            }
            let head = match self.fetch(&key).await {
                Ok(head) => Some(head),
                Err(StoreError::NotFound { .. }) => None,
                Err(e) => return Err(e.into()),
            };
            // Somebody wrote after the history was listed, or the listing hides it: either way
            // a head that counts never goes back.
            let n = newest.as_ref().map_or(0, |v| v.signed.header.n);
            if let Some(head) = &head
                && self.counting(path, &head.metadata).await?.is_some_and(|s| s.header.n > n)
            {
                return Ok(false);
            }
            let live = newest.filter(|v| !v.signed.header.op.is_tombstone());
            let result = match (live, head) {
                (None, None) => return Ok(false),
                (None, Some(head)) => self.store.delete(&key, Some(&head.etag)).await,
                (Some(Newest { object, .. }), head) => {
                    let same = |h: &Object| same_object(h, &object);
                    if head.as_ref().is_some_and(same) {
                        return Ok(false);
                    }
                    let condition = head.map_or(Condition::Absent, |h| Condition::Matches(h.etag));
                    self.store.put(&key, &object.metadata, &object.body, &condition).await.map(drop)
                }
            };
            match result {
                Ok(()) if !self.has_above(path, n).await? => return Ok(true),
                // Somebody else moved it: look again.
                Ok(()) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(stuck(path))
    }

    /// The version that an object found as head of `path` is, if it counts.
    pub(super) async fn counting(
        &self,
        path: &SecretPath,
        metadata: &Metadata,
    ) -> Result<Option<SignedHeader>> {
        Versions::new(self, path)?.counting(metadata).await
    }

    /// True if the history shows a version above `n` that counts.
    async fn has_above(&self, path: &SecretPath, n: u64) -> Result<bool> {
        let mut versions = Versions::new(self, path)?;
        for above in Versions::numbers(self, path).await?.into_iter().filter(|m| *m > n) {
            if versions.at(above).await?.is_some() && versions.check(above).await?.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// True if two objects have the same bytes and metadata; stores may answer with names in another
/// order or case.
pub(super) fn same_object(a: &Object, b: &Object) -> bool {
    let entries = |object: &Object| {
        let entries = object.metadata.iter().map(|(k, v)| (k.to_ascii_lowercase(), v.clone()));
        std::collections::BTreeSet::from_iter(entries)
    };
    a.body == b.body && entries(a) == entries(b)
}

fn check_body(path: &SecretPath, signed: &SignedHeader, object: &Object) -> Result<()> {
    if sha256(&[&object.body]) == signed.header.body {
        return Ok(());
    }
    let n = signed.header.n;
    Err(Error::integrity(format!("the body of version {n} of {path} was changed")))
}

fn stuck(path: &SecretPath) -> Error {
    let message = format!("{path} was written, but the store does not let its head be moved");
    Error::new(Kind::Partial, message).hint("`vault verify --repair` tries again")
}
