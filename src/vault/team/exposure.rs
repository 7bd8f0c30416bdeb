//! Which values somebody knows who may not know them any more.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::Result;
use crate::core::path::{Prefix, SecretPath};
use crate::store::StoreError;
use crate::team::Cut;
use crate::team::ops::{Op, Right};

use super::super::device::Mark;
use super::super::versions::{MarkCheck, Versions};
use super::super::{PARALLEL, Vault, head_key};

const NOT_AS_SEEN: &str = "the storage does not show what was there";

/// A secret whose value has to be changed.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// Its name.
    pub path: SecretPath,
    /// Its newest version.
    pub version: u64,
    /// The group that somebody could read, and that held it then.
    pub group: String,
    /// Seq of the newest note that took somebody's right to read it.
    pub seq: u64,
    /// What it and earlier ones took, since the value was set: who was removed.
    pub why: Vec<String>,
}

impl Vault {
    /// The secrets below `prefix` whose values were set before somebody lost the right to read
    /// them. Read from signed headers; nothing is decrypted.
    ///
    /// # Errors
    /// Those of the store; integrity if a note is not what the chain says.
    pub async fn exposure(&self, prefix: &Prefix) -> Result<Vec<Exposed>> {
        self.refresh().await?;
        // Read first: what this device sees meanwhile is listed, and must not be missed there.
        let marks = self.device.marks()?;
        let mut paths = self.numbers_by_path().await?;
        for path in self.list(prefix).await?.into_iter().chain(marks.keys().cloned()) {
            paths.entry(path).or_default();
        }
        self.warn_of_unlisted(paths.keys()).await?;
        paths.retain(|path, _| prefix.covers(path));
        let checked = stream::iter(paths)
            .map(|(path, numbers)| {
                let mark = marks.get(&path).copied();
                async move { self.exposed_one(path, &numbers, mark).await }
            })
            .buffered(PARALLEL);
        let found: Vec<Option<(Exposed, u64)>> = checked.try_collect().await?;
        let found: Vec<(Exposed, u64)> = found.into_iter().flatten().collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let notes = self.team_notes().await?;
        let explain = |(mut exposed, since): (Exposed, u64)| {
            if exposed.why.is_empty() {
                let later = notes.iter().rev().filter(|note| note.seq > since);
                for why in later.flat_map(|note| losses(&note.ops, &exposed.group)) {
                    if !exposed.why.contains(&why) {
                        exposed.why.push(why);
                    }
                }
            }
            exposed
        };
        Ok(found.into_iter().map(explain).collect())
    }

    /// What is to be said of one path, and since when its value is set. The head is asked, and the
    /// history where that shows something newer or there is no head.
    async fn exposed_one(
        &self,
        path: SecretPath,
        numbers: &[u64],
        mark: Option<Mark>,
    ) -> Result<Option<(Exposed, u64)>> {
        let mut versions = Versions::marked(self, &path, mark);
        let head = match self.fetch_head(&head_key(&path)).await {
            Ok(head) => Some(head),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        let mut newest = match &head {
            Some(head) => versions.counting(&head.metadata).await?,
            None => None,
        };
        let above = numbers.last().copied();
        if newest.as_ref().map(|signed| signed.header.n) < above
            && let Some(signed) = versions.newest(numbers).await?
        {
            newest = newest.filter(|head| head.header.n > signed.header.n).or(Some(signed));
        }
        let view = self.view();
        let group = view.state.owner(&path).unwrap_or_default().to_owned();
        let odd = match &newest {
            Some(signed) => match versions.check_mark(signed.header.n).await? {
                MarkCheck::Fails(_) => Some(NOT_AS_SEEN),
                MarkCheck::Passes | MarkCheck::Moves => None,
            },
            None if mark.is_some() || self.cut_entry(&path).await?.is_some() => Some(NOT_AS_SEEN),
            None if head.is_some() => Some("its head cannot be verified"),
            None => return Ok(None),
        };
        // What cannot be checked is not all right.
        if let Some(why) = odd {
            let (seq, why) = (view.seq(), vec![why.to_owned()]);
            let version = mark.map_or(0, |mark| mark.n);
            return Ok(Some((Exposed { path, version, group, seq, why }, seq)));
        }
        let Some(signed) = newest.filter(|signed| !signed.header.op.is_tombstone()) else {
            return Ok(None);
        };
        let header = signed.header;
        let Some(seq) = self.exposed_since(&path, &header) else { return Ok(None) };
        let group = view.state.owner_of_loss(&path, seq).unwrap_or(group);
        let (version, since) = (header.n, header.since.min(header.team_seq));
        Ok(Some((Exposed { path, version, group, seq, why: Vec::new() }, since)))
    }

    /// Says so if an earlier cut holds paths that are not listed: nobody can tell their names.
    async fn warn_of_unlisted(&self, paths: impl Iterator<Item = &SecretPath>) -> Result<()> {
        let listed = paths.map(|path| Cut::path_hash(&self.id, path)).collect();
        let unlisted = self.unlisted(&self.view().state, &listed).await?;
        if unlisted > 0 {
            self.warn(format!(
                "{unlisted} secrets that were there when the keys were changed last are not \
                 listed any more; this says nothing of them"
            ));
        }
        Ok(())
    }
}

/// In words, what a note takes from somebody who could read `group`: only then has it a cut.
fn losses(ops: &[Op], group: &str) -> Vec<String> {
    let cut = ops.iter().any(|op| matches!(op, Op::Cut { group: of, .. } if of == group));
    if cut { ops.iter().filter_map(loss).collect() } else { Vec::new() }
}

/// In words, what an op takes away.
fn loss(op: &Op) -> Option<String> {
    Some(match op {
        Op::MemberRemove(name) => format!("{name} was removed"),
        Op::KeyRemove { member, .. } => format!("a device of {member} was removed"),
        Op::Role { member, grant: false, right } => match right {
            Right::Admin => format!("{member} is no admin any more"),
            Right::Read(group) => format!("{member} may not read {group} any more"),
            Right::Write(_) => return None,
        },
        Op::GroupSet { group, .. } => format!("folders moved to {group}"),
        Op::RecoverySet { .. } => "the recovery key was replaced".to_owned(),
        Op::Restored(_) => "the bucket came back from a backup".to_owned(),
        _ => return None,
    })
}
