//! Renaming and copying. Keys are bound to paths, so both write the value anew; its age is
//! carried on.

use super::Vault;
use super::read::Opened;
use super::remove::again;
use super::write::{Change, Draft, Written};
use crate::core::error::{Error, Result};
use crate::core::header::Op;
use crate::core::path::SecretPath;

impl Vault {
    /// Writes the newest version of `from` at `to`, where nothing may be yet.
    ///
    /// # Errors
    /// Conflict if `to` holds something else. If it holds the same value already (an earlier
    /// copy that was cut off), nothing is written.
    pub async fn copy(&self, from: &SecretPath, to: &SecretPath) -> Result<Written> {
        if from == to {
            return Err(Error::usage(format!("{from} and {to} are the same path")));
        }
        let source = self.need_live(from).await?;
        let stale = self.is_stale(from, &source.signed.header);
        let source = self.decrypt_newest(from, source).await?;
        if let Some(there) = self.live(to).await? {
            let there = self.decrypt_newest(to, there).await?;
            if there.plaintext_hash == source.plaintext_hash {
                self.mend_head(to).await?;
                return Ok(Written { n: there.n });
            }
            return Err(taken(to));
        }
        let mut make = |before: Option<&Opened>| {
            if before.is_some() {
                return Err(taken(to));
            }
            let (plain, since) = again(&source)?;
            Ok(Draft { op: Op::Write, plain, since, keeps: true })
        };
        let written = self.commit(to, None, Change::Content(&mut make)).await?;
        let view = self.view();
        if stale && view.state.exposed_since(to, source.since).is_none() {
            self.warn(format!(
                "the value of {from} has to be changed, and {to} is in another group, which does \
                 not show that"
            ));
        }
        Ok(written)
    }

    /// [`Self::copy`], then a tombstone at `from`. Its history stays there.
    ///
    /// # Errors
    /// As [`Self::copy`]; denied for either path; conflict if `from` was changed meanwhile (then both are there).
    pub async fn rename(&self, from: &SecretPath, to: &SecretPath) -> Result<Written> {
        let standing = self.standing(from).await?;
        if let Some(tombstone) = standing.newest.filter(|v| v.signed.header.op.is_tombstone())
            && standing.head.is_some()
        {
            // A rename that was cut off before the head was gone.
            self.remove_head(from, tombstone.signed.header.n).await?;
        }
        let before = self.need_live(from).await?.signed.header.n;
        // Before the copy, which would be left behind.
        self.need_write(from)?;
        let written = self.copy(from, to).await?;
        self.commit(from, Some(before), Change::Tombstone(Op::Delete)).await.map_err(|e| {
            if e.kind != crate::core::error::Kind::Conflict {
                return e;
            }
            Error::conflict(format!("{from} was changed while it was copied to {to}"))
                .hint("both are there now; compare them and remove one with `vault rm`")
        })?;
        Ok(written)
    }
}

fn taken(path: &SecretPath) -> Error {
    Error::conflict(format!("{path} is already there"))
        .hint(format!("choose another name, or remove it first: vault rm {}", path.quoted()))
}
