//! Who did what to the team: the notes themselves, checked against the chain that is known here.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::cipher::{Hash, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::KeyId;
use crate::core::path::escape;
use crate::core::text::hex;
use crate::core::text::lps;
use crate::keys::identity::words8;
use crate::store::StoreError;
use crate::team::Note;
use crate::team::note::{MAX_NOTE, SignedNote};
use crate::team::ops::{Op, Right};

use super::super::{PARALLEL, Vault, note_key};

/// One note of the chain.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its place in the chain.
    pub seq: u64,
    /// The author's clock, seconds since 1970.
    pub time: u64,
    /// The name of whoever signed it; `None` for a key that the team does not know.
    pub author: Option<String>,
    /// The id of the key that signed it.
    pub key: String,
    /// SHA-256 of the note, in hex.
    pub hash: String,
    /// What it did.
    pub changes: Vec<Change>,
}

/// One thing that a note did.
#[derive(Clone, Debug)]
pub struct Change {
    /// The name of the op, as in FORMAT.md.
    pub op: &'static str,
    /// In words.
    pub text: String,
}

/// A note, as the chain has it.
pub(in super::super) struct Logged {
    pub seq: u64,
    pub hash: Hash,
    pub by: KeyId,
    pub time: u64,
    /// SHA-256 of the state after it.
    pub state: Hash,
    pub ops: Vec<Op>,
}

impl Vault {
    /// All notes, the newest first. Those before the one that this client began with are checked
    /// against it, one by the hash in the next.
    ///
    /// # Errors
    /// Integrity if a note is missing, or is not the one that the chain names.
    pub async fn team_log(&self) -> Result<Vec<LogEntry>> {
        let notes = self.team_notes().await?;
        let view = self.view();
        let entry = |Logged { seq, hash, by, time, ops, .. }| {
            let name = view.state.key(by).map(|(_, name)| name.to_owned());
            let recovery = view.state.recovery.as_ref();
            let is_recovery = recovery.is_some_and(|(key, _)| KeyId::of(key) == by);
            LogEntry {
                seq,
                time,
                author: name.or(is_recovery.then(|| "recovery".to_owned())),
                key: by.to_string(),
                hash: hex(&hash),
                changes: changes(&ops),
            }
        };
        Ok(notes.into_iter().map(entry).collect())
    }

    /// All notes, the newest first.
    pub(in super::super) async fn team_notes(&self) -> Result<Vec<Logged>> {
        self.refresh().await?;
        let view = self.view();
        let notes: Vec<(u64, Vec<u8>)> = stream::iter(0..=view.seq())
            .map(|seq| async move { Ok::<_, Error>((seq, self.note_bytes(seq).await?)) })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let (mut log, mut hash) = (Vec::new(), *view.hash());
        for (seq, bytes) in notes.into_iter().rev() {
            if sha256(&[&bytes]) != hash {
                return Err(replaced(seq));
            }
            // Its hash is known: it was verified by whoever signed the note after it.
            let signed = SignedNote::split(&bytes).ok_or_else(|| replaced(seq))?;
            let note = Note::parse(signed.unverified()).ok_or_else(|| replaced(seq))?;
            let Note { time, state, ops, prev, .. } = note;
            log.push(Logged { seq, hash, by: signed.by, time, state, ops });
            hash = prev;
        }
        Ok(log)
    }

    async fn note_bytes(&self, seq: u64) -> Result<Vec<u8>> {
        match self.store.get(&note_key(seq), MAX_NOTE as u64).await {
            Ok(object) => Ok(object.body),
            Err(StoreError::NotFound { .. }) => {
                Err(Error::integrity(format!("note {seq} of the team is gone")))
            }
            Err(e) => Err(e.into()),
        }
    }
}

fn replaced(seq: u64) -> Error {
    Error::integrity(format!("note {seq} of the team is not the one that the chain names"))
}

/// What a note did, in words.
fn changes(ops: &[Op]) -> Vec<Change> {
    let list: Vec<Change> = ops.iter().filter_map(change).collect();
    if !list.is_empty() {
        return list;
    }
    let keyring = |op: &Op| match op {
        Op::Keyring { group, .. } => Some(Change {
            op: "keyring",
            text: format!("the keyring of {group} was written again"),
        }),
        _ => None,
    };
    ops.iter().filter_map(keyring).collect()
}

/// An op in words. Keyrings and cuts follow from the others; a new generation shows by its cut.
fn change(op: &Op) -> Option<Change> {
    let folder = |text: &str| match text {
        "" => "everything".to_owned(),
        text => format!("{}/", escape(text)),
    };
    let device = |key: &_, recipient: &String| words8(&lps(&[recipient.as_bytes(), key]));
    let (op, text) = match op {
        Op::Genesis(_) => ("genesis", "the vault was made".to_owned()),
        Op::MemberAdd(name) => ("member-add", format!("{name} joined")),
        Op::MemberRemove(name) => ("member-remove", format!("{name} was removed")),
        Op::KeyAdd { member, key, recipient } => {
            ("key-add", format!("{member} has a device: {}", device(key, recipient)))
        }
        Op::KeyRemove { member, key } => {
            ("key-remove", format!("{member} lost the device {}", KeyId::of(key)))
        }
        Op::Role { member, grant, right } => {
            let may = if *grant { "may" } else { "may no longer" };
            let what = match right {
                Right::Admin => "do everything (admin)".to_owned(),
                Right::Read(group) => format!("read the group {group}"),
                Right::Write(prefix) => format!("write {}", folder(prefix.as_str())),
            };
            ("role", format!("{member} {may} {what}"))
        }
        Op::GroupSet { group, wrap, prefixes } => {
            let folders: Vec<_> = prefixes.iter().map(|p| folder(p.as_str())).collect();
            let folders = if folders.is_empty() { "nothing".into() } else { folders.join(", ") };
            ("group-set", format!("the group {group} holds {folders}, wrapped by {wrap}"))
        }
        Op::Keyring { .. } => return None,
        Op::Cut { group, .. } => ("cut", format!("the group {group} has a new generation")),
        Op::RecoveryUsed { member, key, recipient } => (
            "recovery-used",
            format!("the recovery key made {member} an admin: {}", device(key, recipient)),
        ),
        Op::RecoverySet { .. } => ("recovery-set", "there is a new recovery key".to_owned()),
        Op::Restored(_) => ("restored", "the bucket came back from a backup".to_owned()),
    };
    Some(Change { op, text })
}
