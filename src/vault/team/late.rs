//! Late writes: right when they were made, but by somebody who may not any more, and too late for
//! the cut.

use crate::core::cipher::Hash;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::{Op, SignedHeader};
use crate::core::path::SecretPath;
use crate::team::State;

use super::super::read::{Newest, Opened};
use super::super::remove::again;
use super::super::write::{Change, Draft};
use super::super::{Vault, version_key};

/// A version that its author might write when the note that took the right away was being made.
/// It does not count; it is for an admin to say what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateWrite {
    /// Where.
    pub path: SecretPath,
    /// Its number.
    pub n: u64,
    /// Whose.
    pub author: String,
    record: Hash,
}

/// What becomes of a late write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Its value is written anew, by this identity.
    Adopt,
    /// The value before it is written anew; it is kept as evidence only.
    Drop,
}

impl LateWrite {
    /// A version that does not count now, if it would have under `before`, the state after note
    /// `seq`. Whoever had no right then, a reader or somebody removed earlier, is not asked about.
    pub(super) fn of(
        before: &State,
        seq: u64,
        path: &SecretPath,
        signed: &SignedHeader,
    ) -> Option<Self> {
        let header = &signed.header;
        let (key, author) = before.key(header.by)?;
        let right = before.may_write(header.by, path)
            && before.current(path).as_ref() == Some(&header.group)
            && header.team_seq <= seq
            && signed.verify(key);
        right.then(|| Self {
            path: path.clone(),
            n: header.n,
            author: author.to_owned(),
            record: signed.record_hash,
        })
    }
}

impl Vault {
    /// Decides about a late write: writes a version of this identity either way, so that it is
    /// out of the way. False if that was decided meanwhile, by a newer version that counts.
    ///
    /// # Errors
    /// Denied; integrity if it cannot be decrypted (then it can only be dropped).
    pub async fn resolve_late(&self, late: &LateWrite, what: Late) -> Result<bool> {
        let path = &late.path;
        let newest = self.standing(path).await?.newest;
        if newest.as_ref().is_some_and(|v| v.signed.header.n >= late.n) {
            return Ok(false);
        }
        let live = newest.filter(|v| !v.signed.header.op.is_tombstone());
        // What is written now must follow what was just read, and nothing newer.
        let base = Some(live.as_ref().map_or(0, |v| v.signed.header.n));
        let done = match (what, live) {
            // Nothing is below it: the next write replaces it.
            (Late::Drop, None) => return Ok(true),
            (Late::Drop, Some(live)) => {
                let version = self.decrypt_newest(path, live).await?;
                self.rewrite(path, &version, base).await
            }
            (Late::Adopt, live) => self.adopt_late(late, live.is_some(), base).await,
        };
        match done {
            Err(e) if e.kind == Kind::Conflict => Ok(false),
            other => other.map(|()| true),
        }
    }

    async fn adopt_late(&self, late: &LateWrite, live: bool, base: Option<u64>) -> Result<()> {
        let LateWrite { path, n, .. } = late;
        let changed = || Error::integrity(format!("version {n} of {path} is another one now"));
        let object = self.fetch(&version_key(path, *n)).await?;
        let signed =
            SignedHeader::parse(&self.id, path, &object.metadata).map_err(|_| changed())?;
        if signed.record_hash != late.record {
            return Err(changed());
        }
        if signed.header.op.is_tombstone() {
            return match live {
                true => {
                    let gone = Change::Tombstone(Op::Delete);
                    self.commit(path, base, gone).await.map(drop)
                }
                false => Ok(()),
            };
        }
        // Not through the mark: what does not count must not raise it.
        let version = Newest { signed, object, from_head: false };
        let opened = self.open_unseen(path, version).await?;
        self.rewrite(path, &opened, base).await
    }

    /// A value that was read, as the version after `base`.
    async fn rewrite(&self, path: &SecretPath, version: &Opened, base: Option<u64>) -> Result<()> {
        let mut make = |_: Option<&Opened>| {
            let (plain, since) = again(version)?;
            Ok(Draft { op: Op::Reseal, plain, since, keeps: true })
        };
        self.commit(path, base, Change::Whole(&mut make)).await.map(drop)
    }
}
