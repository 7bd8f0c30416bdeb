//! A bucket that came back from a backup: what is gone, and how the team goes on.
//!
//! To a device that has seen more, a restored storage looks like a lying one. Only a person can
//! tell the two apart; this shows them what they would agree to. Whoever agrees trusts those only
//! who were admins in the newest state that this device knows: a removed one cannot use an old
//! backup to come back.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::core::cipher::{Hash, PublicKey, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::{KeyId, SignedHeader};
use crate::core::path::SecretPath;
use crate::keys::identity::Identity;
use crate::store::StoreError;
use crate::team::note::{MAX_NOTE, SignedNote};
use crate::team::ops::{Op, Right};
use crate::team::rules::{self, Refusal};
use crate::team::state::MAX_STATE;
use crate::team::{Cut, Note, State};

use super::super::chain::{View, fetch_pinned, parse_state};
use super::super::device::Mark;
use super::super::versions::{MarkCheck, Versions};
use super::super::{PARALLEL, Vault, note_key};
use super::append::Intent;
use super::loss::{Loss, LostVersion, MAX_LOSS, given_up, undone};

/// The chain as it is stored now, from where it parts from what this device has seen.
struct Found {
    /// Up to where it is the same, as far as this device can tell.
    kept: View,
    stored: View,
    /// Seq of the newest note that is surely as this device has seen it.
    last: u64,
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
    /// new generations of all groups, and takes away again what had been taken away; other devices
    /// then follow, and those of admins take away what the first one did not know of. Lowers what
    /// this device remembers. `words`: the recovery key and a name, where no admin is left.
    ///
    /// # Errors
    /// Denied for the first one who is no admin.
    pub async fn accept_loss(&self, words: Option<(&Identity, &str)>) -> Result<()> {
        let found = self.find_chain().await?;
        let loss = self.loss_of(&found).await?;
        if loss.is_none() {
            return Ok(());
        }
        let newest = self.view();
        let (Found { kept, stored, .. }, settled) = (found, loss.settled);
        if loss.notes > 0 {
            let lost = loss.kept + 1..=loss.kept + loss.notes;
            self.lost.lock().expect("no panic holds this lock").push(lost);
        }
        // Other notes have the numbers of those that are gone: a person is told of them, too.
        self.device.look(self.device.looked().min(loss.kept))?;
        self.show(stored);
        let done = self.say_so(&loss, &kept, &newest, settled, words).await;
        if let Err(e) = done {
            self.show_arc(newest);
            return Err(e);
        }
        self.forget_lost().await
    }

    /// The notes that this device has to add before it follows, if any.
    async fn say_so(
        &self,
        loss: &Loss,
        kept: &View,
        newest: &View,
        settled: bool,
        words: Option<(&Identity, &str)>,
    ) -> Result<()> {
        let admin = match (self.need_admin(&self.view()), words) {
            (Err(_), Some((recovery, name))) => {
                self.recover(recovery, name).await?;
                Ok(())
            }
            (admin, _) => admin,
        };
        if let Err(e) = admin {
            return match settled {
                // Somebody else has to do what is left, and `undone` says so.
                true => Ok(()),
                false => Err(e.hint(
                    "an admin says first that this is a backup: `vault team restored`; where \
                         none of that time is left, --recover takes the recovery words",
                )),
            };
        }
        let hash = match settled {
            true => None,
            false => Some(self.keep_loss(loss, newest).await?),
        };
        let mut make = |view: &View| {
            let mut ops: Vec<Op> = hash.map(Op::Restored).into_iter().collect();
            if loss.notes > 0 {
                ops.extend(taken_again(&view.state, &kept.state, &newest.state));
            }
            Ok(Intent { ops, after_loss: true, ..Intent::default() })
        };
        self.append(&mut make).await.map(drop)
    }

    /// Stores the list of what was lost, with the notes of the lists that are given up with it.
    async fn keep_loss(&self, loss: &Loss, known: &View) -> Result<Hash> {
        let mut notes: Vec<(u64, Hash)> = (loss.kept + 1..=known.seq())
            .filter_map(|seq| Some((seq, *known.hash_at(seq)?)))
            .collect();
        for (_, hash) in known.state.restored.range(loss.kept + 1..) {
            let earlier = self.pinned(hash, MAX_LOSS as u64, "list of what was lost").await;
            notes.extend(earlier.map(|text| given_up(&text)).unwrap_or_default());
        }
        let text = loss.text(&notes);
        let hash = self.keep_object(text.as_bytes()).await?;
        // The next backup to come back may not have it.
        self.device.cache(&hash, text.as_bytes());
        Ok(hash)
    }

    /// Finds where the stored chain parts from the one that this device knows, and follows it.
    async fn find_chain(&self) -> Result<Found> {
        let known = self.view();
        let mut kept = None;
        for seq in (known.first..=known.seq()).rev() {
            let hash = known.hash_at(seq).expect("it is of this view");
            if let Some(note) = self.stored_note(seq).await?
                && sha256(&[&note]) == *hash
            {
                kept = Some((seq, note));
                break;
            }
        }
        let Some((seq, note)) = kept else { return self.find_from_the_start(&known).await };
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
        Ok(Found { kept, stored, last: seq, settled })
    }

    /// [`Self::find_chain`] for a device that joined after the backup was made, and knows none of
    /// the stored notes: all of them are checked, from the one that the vault is named by. An admin
    /// whom this device knows must have signed, since, that this is a backup; that signature holds
    /// everything before it.
    async fn find_from_the_start(&self, known: &View) -> Result<Found> {
        let nothing = || {
            Error::integrity("nothing of the team that this device knows is stored here")
                .hint("another vault is stored here now; `vault join` opens it under another name")
        };
        let first = self.stored_note(0).await?.filter(|note| sha256(&[note]) == self.id);
        let first = first.filter(|_| known.first > 0).ok_or_else(nothing)?;
        let (_, state) = rules::first(&first)
            .map_err(|why| Error::integrity(format!("note 0 of the team is refused: {why}")))?;
        let mut stored = View { first: 0, hashes: vec![self.id], state };
        let mut kept = None;
        while let Some((note, by, after)) = self.next_stored(&stored).await? {
            if kept.is_none() && is_admin(&known.state, by) && self.is_consent(&note, known).await?
            {
                let View { first, hashes, state } = &stored;
                let (hashes, state) = (hashes.clone(), state.clone());
                kept = Some(View { first: *first, hashes, state });
            }
            stored = after;
        }
        let settled = kept.is_some();
        let kept = match kept {
            Some(kept) => kept,
            None => View { first: 0, hashes: stored.hashes.clone(), state: stored.state.clone() },
        };
        let last = kept.seq().min(known.first - 1);
        Ok(Found { kept, stored, last, settled })
    }

    /// What is stored as a note; `None` for nothing, or something that cannot be one.
    async fn stored_note(&self, seq: u64) -> Result<Option<Vec<u8>>> {
        match self.store.get(&note_key(seq), MAX_NOTE as u64).await {
            Ok(object) => Ok(Some(object.body)),
            Err(
                StoreError::NotFound { .. }
                | StoreError::TooLarge { .. }
                | StoreError::Damaged { .. },
            ) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The stored note that follows `view`, who signed it, and what it leads to.
    async fn next_stored(&self, view: &View) -> Result<Option<(Note, KeyId, View)>> {
        let seq = view.seq() + 1;
        let Some(bytes) = self.stored_note(seq).await? else { return Ok(None) };
        let (note, state) = match rules::next(&self.id, seq - 1, view.hash(), &view.state, &bytes) {
            Ok(next) => next,
            Err(Refusal::Void) => return Ok(None),
            Err(Refusal::Invalid(why)) => {
                let message = format!("note {seq} of the team is refused: {why}");
                return Err(Error::integrity(message));
            }
        };
        let by = SignedNote::split(&bytes).expect("it was one a moment ago").by;
        let hashes = [&view.hashes[..], &[sha256(&[&bytes])]].concat();
        Ok(Some((note, by, View { first: view.first, hashes, state })))
    }

    /// The state after a note whose hash is known. Note 0 pins none: it is what its ops make.
    pub(super) async fn state_of(&self, seq: u64, ops: &[Op], hash: &Hash) -> Result<State> {
        if seq == 0 {
            return rules::after(&State::default(), ops, 0)
                .map_err(|why| Error::integrity(format!("note 0 is refused: {why}")));
        }
        parse_state(&fetch_pinned(&*self.store, hash, MAX_STATE, "team state").await?)
    }

    /// Follows the stored notes after `kept`. Where they are others than this device knows, they
    /// must be of people who are admins in the state that it knows, or whom the recovery key of
    /// that state made one, and one of these must say that this is a backup. Words that were
    /// replaced after the backup was made are good for whoever is an admin anyway.
    async fn follow(&self, kept: &View, known: &View) -> Result<(View, bool)> {
        let clone = |view: &View| View {
            first: view.first,
            hashes: view.hashes.clone(),
            state: view.state.clone(),
        };
        let mut stored = clone(kept);
        let (lost, mut settled) = (kept.seq() < known.seq(), false);
        let words = known.state.recovery.as_ref().map(|(key, _)| KeyId::of(key));
        let mut recovered: Option<KeyId> = None;
        let mut odd = None;
        while let Some((note, by, after)) = self.next_stored(&stored).await? {
            let says_so = note.ops.iter().any(|op| matches!(op, Op::Restored(_)));
            if lost && !settled {
                let trusted = is_admin(&known.state, by) || recovered == Some(by);
                match &note.ops[..] {
                    [Op::RecoveryUsed { key, .. }]
                        if Some(by) == words || is_admin(&known.state, KeyId::of(key)) =>
                    {
                        recovered = Some(KeyId::of(key));
                    }
                    _ if trusted && says_so && self.is_consent(&note, known).await? => {
                        settled = true;
                    }
                    // By words that were replaced since: of use with a consent only.
                    [Op::RecoveryUsed { .. }] => odd = odd.or(Some(note.seq)),
                    // Somebody who did not notice, or is about to say so.
                    _ if trusted => {}
                    _ => return Err(not_a_backup(note.seq)),
                }
            }
            settled |= says_so && !lost && note.seq > known.seq();
            stored = after;
        }
        match odd.filter(|_| !settled) {
            Some(seq) => Err(not_a_backup(seq)),
            None => Ok((stored, settled)),
        }
    }

    /// True if a note says that this is a backup of the chain that this device knows, and not of
    /// another one: that would be a consent which was given before, to something else.
    async fn is_consent(&self, note: &Note, known: &View) -> Result<bool> {
        let hash = note.ops.iter().find_map(|op| match op {
            Op::Restored(hash) => Some(hash),
            _ => None,
        });
        let Some(hash) = hash.filter(|hash| known.state.restored.get(&note.seq) != Some(hash))
        else {
            return Ok(false);
        };
        let text = self.pinned(hash, MAX_LOSS as u64, "list of what was lost").await?;
        let named = given_up(&text);
        let mut shared = named.iter().filter_map(|(seq, hash)| Some(known.hash_at(*seq)? == hash));
        // One note of its own is enough: a list has the notes of the lists before it, too.
        let own = shared.clone().any(|same| same);
        // Whoever consented knew none of the notes that this device knows: then it must be the first
        // consent at that place.
        let first =
            shared.next().is_none() && known.state.restored.keys().all(|seq| *seq < note.seq);
        Ok(own || first)
    }

    async fn loss_of(&self, found: &Found) -> Result<Loss> {
        let known = self.view();
        let mut loss = Loss {
            kept: found.last,
            notes: known.seq() - found.last,
            settled: found.settled,
            ..Loss::default()
        };
        let may = self.need_admin(&found.stored).is_ok() || !found.settled;
        loss.undone = undone(&found.kept.state, &known.state, &found.stored.state, may);
        let marks = self.device.marks()?;
        let mut paths = self.numbers_by_path().await?;
        for path in marks.keys() {
            paths.entry(path.clone()).or_default();
        }
        let listed = paths.keys().map(|path| Cut::path_hash(&self.id, path)).collect();
        let notes = loss.notes;
        let lost = stream::iter(paths).map(|(path, numbers)| {
            let mark = marks.get(&path).copied();
            async move {
                let stored = numbers.last().copied().unwrap_or(0);
                let seen = match notes {
                    0 => self.lost_version(&path, &numbers, mark).await?,
                    // Of the versions that are there, some name notes that are not.
                    _ => mark.map(|mark| mark.n).filter(|n| stored < *n),
                };
                Ok::<_, Error>(seen.map(|seen| LostVersion { path, seen, stored }))
            }
        });
        let lost: Vec<Option<LostVersion>> = lost.buffered(PARALLEL).try_collect().await?;
        loss.versions = lost.into_iter().flatten().collect();
        if loss.notes == 0 {
            loss.unnamed = self.unlisted(&known.state, &listed).await?;
            // A consent covers what was seen before it, and nothing that its own cuts hold.
            let newest = found.stored.state.restored.keys().last().copied().unwrap_or(0);
            let covered = |lost: &LostVersion| {
                marks.get(&lost.path).is_some_and(|m| m.n == lost.seen && m.restored < newest)
            };
            loss.settled &= loss.unnamed == 0 && loss.versions.iter().all(covered);
        }
        Ok(loss)
    }

    /// The number of the version of a path that was seen, or is in the cut, if what is stored does
    /// not lead on from it.
    async fn lost_version(
        &self,
        path: &SecretPath,
        numbers: &[u64],
        mark: Option<Mark>,
    ) -> Result<Option<u64>> {
        let mut versions = Versions::marked(self, path, mark);
        for newest in [versions.newest(numbers).await?, versions.head().await?] {
            if let Some(signed) = newest
                && !matches!(versions.check_mark(signed.header.n).await?, MarkCheck::Fails(_))
            {
                return Ok(None);
            }
        }
        let cut = self.cut_entry(path).await?.map(|cut| cut.n);
        Ok(mark.map(|mark| mark.n).max(cut))
    }

    /// Lets this device remember what is stored now, and nothing newer.
    async fn forget_lost(&self) -> Result<()> {
        let view = self.view();
        self.device.replace_chain(&view.record())?;
        let paths = stream::iter(self.numbers_by_path().await?).map(|(path, numbers)| async move {
            let mut versions = Versions::marked(self, &path, None);
            let newest = self.what_is_left(&mut versions, &numbers).await?;
            drop(versions);
            Ok::<_, Error>((path, newest))
        });
        let newest: Vec<(SecretPath, Option<SignedHeader>)> =
            paths.buffered(PARALLEL).try_collect().await?;
        let mut kept = Vec::new();
        for (path, signed) in &newest {
            if let Some(signed) = signed {
                self.device.raise(path, self.mark_of(signed), true)?;
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

fn not_a_backup(seq: u64) -> Error {
    Error::integrity(format!(
        "note {seq} of the team is another one than this device has seen, and no admin whom it \
         knows says that this is a backup"
    ))
    .hint("somebody may be using an old backup; ask the other admins what they see")
}

/// The ops that take away from `state` what had been taken away between `kept` and `newest`. Who
/// was added again since has other keys.
fn taken_again(state: &State, kept: &State, newest: &State) -> Vec<Op> {
    let mut ops = Vec::new();
    for (name, member) in &state.members {
        let then = newest.members.get(name);
        let gone = |key: &&PublicKey| newest.retired.contains_key(*key);
        let gone: Vec<&PublicKey> = member.keys.keys().filter(gone).collect();
        if then.is_none() && gone.len() == member.keys.len() {
            ops.push(Op::MemberRemove(name.clone()));
            continue;
        }
        ops.extend(gone.into_iter().map(|key| Op::KeyRemove { member: name.clone(), key: *key }));
        let (Some(then), Some(was)) = (then, kept.members.get(name)) else { continue };
        let mut take = |right| ops.push(Op::Role { member: name.clone(), grant: false, right });
        if member.admin && was.admin && !then.admin {
            take(Right::Admin);
        }
        if !then.admin {
            let read = member.read.intersection(&was.read).filter(|g| !then.read.contains(*g));
            read.for_each(|group| take(Right::Read(group.clone())));
            let write = member.write.intersection(&was.write).filter(|p| !then.write.contains(*p));
            write.for_each(|prefix| take(Right::Write(prefix.clone())));
        }
    }
    ops
}
