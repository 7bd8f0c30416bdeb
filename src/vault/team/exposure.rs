//! Which values somebody knows who may not know them any more.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::error::Result;
use crate::core::path::{Prefix, SecretPath};
use crate::store::StoreError;
use crate::team::ops::{Op, Right};

use super::super::{PARALLEL, Vault, head_key};

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
        let paths = self.list(prefix).await?;
        let checked = stream::iter(paths)
            .map(|path| async move { self.exposed_one(path).await })
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
                exposed.why = later.flat_map(|note| losses(&note.ops, &exposed.group)).collect();
            }
            exposed
        };
        Ok(found.into_iter().map(explain).collect())
    }

    /// What is to be said of one path, and since when its value is set.
    async fn exposed_one(&self, path: SecretPath) -> Result<Option<(Exposed, u64)>> {
        let head = match self.fetch_head(&head_key(&path)).await {
            Ok(head) => head,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let view = self.view();
        let group = view.state.owner(&path).unwrap_or_default().to_owned();
        let Some(signed) = self.counting(&path, &head.metadata).await? else {
            // What cannot be checked is not all right.
            let (seq, why) = (view.seq(), vec!["its head cannot be verified".to_owned()]);
            return Ok(Some((Exposed { path, version: 0, group, seq, why }, seq)));
        };
        let header = signed.header;
        let Some(seq) = self.exposed_since(&path, &header) else { return Ok(None) };
        let group = view.state.owner_of_loss(&path, seq).unwrap_or(group);
        let (version, since) = (header.n, header.since.min(header.team_seq));
        Ok(Some((Exposed { path, version, group, seq, why: Vec::new() }, since)))
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
