//! Which values somebody knows who may not know them any more.

use crate::core::error::Result;
use crate::core::path::{Prefix, SecretPath};
use crate::team::ops::{Op, Right};

use super::super::Vault;

/// A secret whose value has to be changed.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// Its name.
    pub path: SecretPath,
    /// Its newest version.
    pub version: u64,
    /// The group that holds it.
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
        let entries = self.list_long(prefix).await?;
        let view = self.view();
        let mut found = Vec::new();
        let mut ranges = Vec::new();
        for entry in entries {
            let group = view.state.owner(&entry.path);
            let group = group.and_then(|name| Some((name, view.state.groups.get(name)?.exposed?)));
            let (Some((group, seq)), Some(header)) = (group, &entry.header) else { continue };
            if header.since < seq {
                ranges.push(header.since);
                let (group, version) = (group.to_owned(), header.n);
                found.push(Exposed { path: entry.path, version, group, seq, why: Vec::new() });
            }
        }
        if found.is_empty() {
            return Ok(found);
        }
        let notes = self.team_notes().await?;
        for (exposed, since) in found.iter_mut().zip(ranges) {
            let later = notes.iter().filter(|note| note.seq > since);
            exposed.why = later.flat_map(|note| losses(&note.ops, &exposed.group)).collect();
        }
        Ok(found)
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
