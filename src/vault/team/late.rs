//! Late writes: right when they were made, but by somebody who may not any more, and too late for
//! the cut.

use crate::core::cipher::Hash;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::{Op, SignedHeader};
use crate::core::path::SecretPath;
use crate::team::State;
use crate::team::accept::follows;

use super::super::read::Opened;
use super::super::remove::again;
use super::super::standing::Newest;
use super::super::versions::Versions;
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
    /// What it stands on: a decision is about this, and nothing that is written later.
    base: Option<Base>,
}

/// The newest version of a path that counts, or the cut's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub n: u64,
    pub record: Hash,
    /// The newest note that its author knew.
    pub seq: u64,
}

impl Base {
    pub fn of(signed: &SignedHeader) -> Self {
        let SignedHeader { header, record_hash, .. } = signed;
        Self { n: header.n, record: *record_hash, seq: header.team_seq }
    }

    fn is(self, signed: &SignedHeader) -> bool {
        self.n == signed.header.n && self.record == signed.record_hash
    }
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
    /// Version `n`, which does not count now, if it did in a state of `before` and leads on from
    /// `base`. Whoever had no right then, a reader or somebody removed earlier, is not asked
    /// about; nor is what nobody can have written then: a number out of the air, or on top of what
    /// was written after the note.
    pub(super) async fn find(
        versions: &mut Versions<'_>,
        n: u64,
        base: Option<Base>,
        before: &[(u64, State)],
    ) -> Result<Option<Self>> {
        let path = versions.path();
        let Some(signed) = versions.get(n).cloned() else { return Ok(None) };
        let header = &signed.header;
        let right = before.iter().find_map(|(seq, state)| {
            let (key, author) = state.key(header.by)?;
            let right = state.may_write(header.by, path)
                && state.current(path).as_ref() == Some(&header.group)
                && header.team_seq <= *seq
                && base.is_none_or(|base| base.seq <= *seq)
                && signed.verify(key);
            right.then(|| author.to_owned())
        });
        let Some(author) = right else { return Ok(None) };
        let floor = base.map_or(0, |base| base.n);
        if versions.has_seen_above(floor) || !leads_on(versions, &signed, base).await? {
            return Ok(None);
        }
        let record = signed.record_hash;
        Ok(Some(Self { path: path.clone(), n, author, record, base }))
    }
}

/// True if each version from `signed` down names the one below it, and the last one `base`.
async fn leads_on(
    versions: &mut Versions<'_>,
    signed: &SignedHeader,
    base: Option<Base>,
) -> Result<bool> {
    let (floor, record) = base.map_or((0, [0; 32]), |base| (base.n, base.record));
    let mut above = signed.clone();
    while above.header.n > floor + 1 {
        let Some(below) = versions.at(above.header.n - 1).await? else { return Ok(false) };
        if follows(&above, below).is_err() {
            return Ok(false);
        }
        above = below.clone();
    }
    Ok(above.header.n == floor + 1 && above.header.prev == record)
}

impl Vault {
    /// Decides about a late write: writes a version of this identity either way, so that it is
    /// out of the way. False if something else counts there now than when it was found.
    ///
    /// # Errors
    /// Denied; integrity if it cannot be decrypted (then it can only be dropped).
    pub async fn resolve_late(&self, late: &LateWrite, what: Late) -> Result<bool> {
        let path = &late.path;
        let newest = self.standing(path).await?.newest;
        let same = match (late.base, &newest) {
            (None, None) => true,
            (Some(base), Some(newest)) => base.is(&newest.signed),
            _ => false,
        };
        if !same {
            return Ok(false);
        }
        let live = newest.filter(|v| !v.signed.header.op.is_tombstone());
        // What is written now must follow what was just read, and nothing newer.
        let base = Some(live.as_ref().map_or(0, |v| v.signed.header.n));
        let done = match (what, live) {
            (Late::Drop, None) => self.commit(path, base, Change::Bury).await.map(drop),
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
            let gone = if live { Change::Tombstone(Op::Delete) } else { Change::Bury };
            return self.commit(path, base, gone).await.map(drop);
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
