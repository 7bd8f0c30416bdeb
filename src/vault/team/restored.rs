//! A bucket that came back from a backup: what is gone, and how the team goes on.
//!
//! To a device that has seen more, a restored storage looks like a lying one. Only a person can
//! tell the two apart; this shows them what they would agree to. Whoever agrees trusts those only
//! who were admins in the newest state that this device knows: a removed one cannot use an old
//! backup to come back.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::cipher::{Hash, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::{KeyId, SignedHeader};
use crate::core::json::ascii_string;
use crate::core::path::{SecretPath, escape};
use crate::core::text::{decimal, hex};
use crate::store::StoreError;
use crate::team::note::{MAX_NOTE, SignedNote};
use crate::team::ops::{Op, Right};
use crate::team::rules::{self, Refusal};
use crate::team::state::MAX_STATE;
use crate::team::{Note, State};

use super::super::chain::{View, fetch_pinned, parse_state};
use super::super::device::Mark;
use super::super::{PARALLEL, Vault, note_key};
use super::append::Intent;

/// Longest list of what was lost, in bytes.
pub(in super::super) const MAX_LOSS: usize = 8 * 1024 * 1024;

/// What the storage had and has no more.
#[derive(Clone, Debug, Default)]
pub struct Loss {
    /// Seq of the newest note that is as this device has seen it.
    pub kept: u64,
    /// How many notes after it are gone.
    pub notes: u64,
    /// What these notes had done, in words.
    pub undone: Vec<String>,
    /// Secrets of which newer versions are gone.
    pub versions: Vec<LostVersion>,
    /// Secrets that this device has seen and of which nothing is left; their names are not known.
    pub unnamed: usize,
    /// True if an admin has said already that this is a backup.
    pub settled: bool,
}

/// A secret of which newer versions are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostVersion {
    /// Its name.
    pub path: SecretPath,
    /// The newest version that this device has seen.
    pub seen: u64,
    /// The newest one that is there.
    pub stored: u64,
}

impl Loss {
    /// True if everything that this device has seen is there.
    pub fn is_none(&self) -> bool {
        self.notes == 0 && self.versions.is_empty() && self.unnamed == 0
    }

    /// The object that the note names: for others to read before they agree.
    fn text(&self) -> String {
        let mut text = format!("vault-restored/v1\nkept {}\nnotes {}\n", self.kept, self.notes);
        for LostVersion { path, seen, stored } in &self.versions {
            let path = ascii_string(path.as_str());
            writeln!(text, "version {seen} {stored} {path}").expect("writing to a string");
        }
        for line in &self.undone {
            writeln!(text, "undone {}", ascii_string(line)).expect("writing to a string");
        }
        while text.len() > MAX_LOSS {
            text.truncate(text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1));
        }
        text
    }
}

/// The seqs of the notes that a list of what was lost says were lost.
pub(in super::super) fn lost_notes(text: &[u8]) -> Option<RangeInclusive<u64>> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    if lines.next()? != "vault-restored/v1" {
        return None;
    }
    let kept = decimal(lines.next()?.strip_prefix("kept ")?)?;
    let notes = decimal(lines.next()?.strip_prefix("notes ")?)?;
    (notes > 0).then(|| kept + 1..=kept.saturating_add(notes))
}

/// The chain as it is stored now, from where it parts from what this device has seen.
struct Found {
    kept: View,
    stored: View,
    settled: bool,
}

impl Vault {
    /// What is gone of what this device has seen.
    ///
    /// # Errors
    /// Integrity if what is stored instead was not made by admins of this team.
    pub async fn loss(&self) -> Result<Loss> {
        let found = self.find_chain().await?;
        self.loss_of(&found).await
    }

    /// Goes on with what is stored. The first admin who does this adds a note that says so, opens
    /// new generations of all groups, and removes again whoever had been removed; other devices
    /// then follow. Lowers what this device remembers.
    ///
    /// # Errors
    /// Denied for the first one who is no admin.
    pub async fn accept_loss(&self) -> Result<()> {
        let found = self.find_chain().await?;
        let loss = self.loss_of(&found).await?;
        if loss.is_none() {
            return Ok(());
        }
        let newest = self.view();
        let Found { kept, stored, settled } = found;
        if loss.notes > 0 {
            let lost = loss.kept + 1..=loss.kept + loss.notes;
            self.lost.lock().expect("no panic holds this lock").push(lost);
        }
        // Other notes have the numbers of those that are gone: a person is told of them, too.
        self.device.look(self.device.looked().min(kept.seq()))?;
        self.show(stored);
        if settled {
            return self.forget_lost().await;
        }
        if let Err(e) = self.need_admin(&self.view()) {
            self.show_arc(newest);
            return Err(e.hint("an admin says first that this is a backup: vault team restored"));
        }
        let hash = self.keep_object(loss.text().as_bytes()).await?;
        let mut make = |view: &View| {
            let mut ops = vec![Op::Restored(hash)];
            ops.extend(removed_again(&view.state, &newest.state, kept.seq() < newest.seq()));
            Ok(Intent { ops, after_loss: true, ..Intent::default() })
        };
        if let Err(e) = self.append(&mut make).await {
            self.show_arc(newest);
            return Err(e);
        }
        self.forget_lost().await
    }

    /// Finds where the stored chain parts from the one that this device knows, and follows it.
    async fn find_chain(&self) -> Result<Found> {
        let known = self.view();
        let mut kept = None;
        for seq in (known.first..=known.seq()).rev() {
            let hash = known.hash_at(seq).expect("it is of this view");
            match self.store.get(&note_key(seq), MAX_NOTE as u64).await {
                Ok(note) if sha256(&[&note.body]) == *hash => {
                    kept = Some((seq, note.body));
                    break;
                }
                Ok(_)
                | Err(
                    StoreError::NotFound { .. }
                    | StoreError::TooLarge { .. }
                    | StoreError::Damaged { .. },
                ) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let Some((seq, note)) = kept else {
            return Err(Error::integrity(
                "nothing of the team that this device knows is stored here",
            )
            .hint("another vault is stored here now; `vault join` opens it under another name"));
        };
        let state = match seq == known.seq() {
            true => known.state.clone(),
            false => {
                let note = SignedNote::split(&note).and_then(|n| Note::parse(n.unverified()));
                let malformed = || Error::integrity("a note of the team is malformed");
                let note = note.ok_or_else(malformed)?;
                self.state_of(seq, &note.ops, &note.state).await?
            }
        };
        let count = usize::try_from(seq - known.first).expect("it was counted") + 1;
        let kept = View { first: known.first, hashes: known.hashes[..count].to_vec(), state };
        let (stored, settled) = self.follow(&kept, &known).await?;
        // Where only secrets are gone, the note that says so was taken for any other one.
        let unread = |seq: &u64| *seq >= known.first && *seq > self.device.agreed();
        let settled = settled || known.state.restored.keys().last().is_some_and(unread);
        Ok(Found { kept, stored, settled })
    }

    /// The state after a note of the chain.
    pub(super) async fn state_at(&self, seq: u64) -> Result<State> {
        let notes = self.team_notes().await?;
        let note = notes.iter().find(|note| note.seq == seq);
        let note = note.ok_or_else(|| Error::integrity(format!("note {seq} is not there")))?;
        self.state_of(seq, &note.ops, &note.state).await
    }

    /// The state after a note whose hash is known. Note 0 pins none: it is what its ops make.
    async fn state_of(&self, seq: u64, ops: &[Op], hash: &Hash) -> Result<State> {
        if seq == 0 {
            return rules::after(&State::default(), ops, 0)
                .map_err(|why| Error::integrity(format!("note 0 is refused: {why}")));
        }
        parse_state(&fetch_pinned(&*self.store, hash, MAX_STATE, "team state").await?)
    }

    /// Follows the stored notes after `kept`. Where they are others than this device knows, they
    /// must be of people who are admins in the state that it knows, and begin with one that says
    /// that this is a backup.
    async fn follow(&self, kept: &View, known: &View) -> Result<(View, bool)> {
        let (mut hashes, mut state) = (kept.hashes.clone(), kept.state.clone());
        let (mut seq, mut last): (u64, Hash) = (kept.seq(), *kept.hash());
        let (lost, mut settled) = (kept.seq() < known.seq(), false);
        loop {
            let bytes = match self.store.get(&note_key(seq + 1), MAX_NOTE as u64).await {
                Ok(object) => object.body,
                Err(StoreError::NotFound { .. }) => break,
                Err(StoreError::TooLarge { .. } | StoreError::Damaged { .. }) => Vec::new(),
                Err(e) => return Err(e.into()),
            };
            let (note, after) = match rules::next(&self.id, seq, &last, &state, &bytes) {
                Ok(next) => next,
                Err(Refusal::Void) => break,
                Err(Refusal::Invalid(why)) => {
                    return Err(Error::integrity(format!(
                        "note {} of the team is refused: {why}",
                        seq + 1
                    )));
                }
            };
            let by = SignedNote::split(&bytes).map(|signed| signed.by);
            let trusted = by.is_some_and(|by| is_admin(&known.state, by) || !lost || settled);
            let says_so = note.ops.iter().any(|op| matches!(op, Op::Restored(_)));
            if !trusted || (lost && !settled && !says_so) {
                return Err(Error::integrity(format!(
                    "note {} of the team is another one than this device has seen, and no admin \
                     whom it knows says that this is a backup",
                    seq + 1
                ))
                .hint("somebody may be using an old backup; ask the other admins what they see"));
            }
            settled |= says_so && (lost || seq >= known.seq());
            (seq, last, state) = (seq + 1, sha256(&[&bytes]), after);
            hashes.push(last);
        }
        Ok((View { first: kept.first, hashes, state }, settled))
    }

    async fn loss_of(&self, found: &Found) -> Result<Loss> {
        let known = self.view();
        let kept = found.kept.seq();
        let mut loss = Loss {
            kept,
            notes: known.seq() - kept,
            undone: undone(&found.kept.state, &known.state),
            settled: found.settled,
            ..Loss::default()
        };
        let mut there = 0;
        let paths = self.numbers_by_path().await?;
        for (path, numbers) in &paths {
            let Some(mark) = self.device.mark(path)? else { continue };
            there += 1;
            let stored = numbers.last().copied().unwrap_or(0);
            if stored < mark.n {
                loss.versions.push(LostVersion { path: path.clone(), seen: mark.n, stored });
            }
        }
        loss.unnamed = self.device.marks()?.saturating_sub(there);
        Ok(loss)
    }

    /// Lets this device remember what is stored now, and nothing newer.
    async fn forget_lost(&self) -> Result<()> {
        let view = self.view();
        self.device.replace_chain(&view.record())?;
        let paths = stream::iter(self.numbers_by_path().await?).map(|(path, numbers)| async move {
            let newest = self.newest_header(&path, &numbers, None, true).await?;
            Ok::<_, Error>((path, newest))
        });
        let newest: Vec<(SecretPath, Option<SignedHeader>)> =
            paths.buffered(PARALLEL).try_collect().await?;
        let mut kept = Vec::new();
        for (path, signed) in &newest {
            if let Some(signed) = signed {
                self.device.raise(path, Mark::of(signed), true)?;
                kept.push(path);
            }
        }
        self.device.keep_marks(&kept)?;
        self.device.agree(view.state.restored.keys().last().copied().unwrap_or(0))
    }
}

fn is_admin(state: &State, by: KeyId) -> bool {
    state.member_of(by).is_some_and(|(_, member)| member.admin)
}

/// The ops that take away again what had been taken away after the backup was made.
fn removed_again(state: &State, newest: &State, lost: bool) -> Vec<Op> {
    let mut ops = Vec::new();
    if !lost {
        return ops;
    }
    for (name, member) in &state.members {
        let Some(then) = newest.members.get(name) else {
            ops.push(Op::MemberRemove(name.clone()));
            continue;
        };
        for key in member.keys.keys().filter(|key| !then.keys.contains_key(*key)) {
            ops.push(Op::KeyRemove { member: name.clone(), key: *key });
        }
        let mut take = |right| ops.push(Op::Role { member: name.clone(), grant: false, right });
        if member.admin && !then.admin {
            take(Right::Admin);
        }
        if !then.admin {
            member.read.difference(&then.read).for_each(|group| take(Right::Read(group.clone())));
            member.write.difference(&then.write).for_each(|p| take(Right::Write(p.clone())));
        }
    }
    ops
}

/// What the notes between two states had done, in words.
fn undone(kept: &State, known: &State) -> Vec<String> {
    let mut lines = Vec::new();
    for name in known.members.keys().filter(|name| !kept.members.contains_key(*name)) {
        lines.push(format!("{name} had joined: add them again"));
    }
    for name in kept.members.keys().filter(|name| !known.members.contains_key(*name)) {
        lines.push(format!("{name} had been removed: is removed again"));
    }
    for (name, was) in &kept.members {
        let Some(is) = known.members.get(name) else { continue };
        for key in was.keys.keys().filter(|key| !is.keys.contains_key(*key)) {
            let key = KeyId::of(key);
            lines.push(format!("the device {key} of {name} had been removed: is removed again"));
        }
        for key in is.keys.keys().filter(|key| !was.keys.contains_key(*key)) {
            let key = KeyId::of(key);
            lines.push(format!("{name} had a device {key}: add it again"));
        }
        if (was.admin, &was.read, &was.write) != (is.admin, &is.read, &is.write) {
            lines.push(format!(
                "the rights of {name} had changed: what was taken is taken again, what was given \
                 has to be given again"
            ));
        }
    }
    for group in known.groups.keys().filter(|group| !kept.groups.contains_key(*group)) {
        lines.push(format!("the group {} had been made: make it again", escape(group)));
    }
    let (was, is) = (kept.prefixes_at(u64::MAX), known.prefixes_at(u64::MAX));
    if was != is {
        lines.push("folders had moved between groups: move them again".to_owned());
    }
    for (name, group) in &kept.groups {
        let now = known.groups.get(name).and_then(|g| g.generations.last());
        if now.is_some_and(|now| Some(&now.wrap) != group.generations.last().map(|g| &g.wrap)) {
            lines.push(format!("the wrap of {name} had changed: set it again"));
        }
    }
    if kept.recovery != known.recovery {
        let old = kept.recovery.as_ref().map_or_else(String::new, |(key, _)| hex(&key[..4]));
        lines.push(format!("the recovery words had been replaced: replace them again ({old}…)"));
    }
    lines
}
