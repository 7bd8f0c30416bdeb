//! Adding a note to the chain: what it asks for, what it therefore needs (keyrings, new
//! generations, cuts), and the race for its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::cipher::{Hash, sha256};
use crate::core::error::{Error, Result};
use crate::keys::holder::Holder;
use crate::keys::keyring::Keyring;
use crate::store::{Condition, StoreError};
use crate::team::cut::MAX_CUT;
use crate::team::note::{MAX_NOTE, MAX_OPS};
use crate::team::ops::Op;
use crate::team::rules::{self, Needs, Refusal};
use crate::team::{Note, State};

use super::super::chain::View;
use super::super::{Vault, note_key, now, object_key};
use super::cut::{Cuts, Unshown};

/// How often the race for the next note is run. Each lost one means that another admin's note
/// was added, unless the store lies: then this ends it.
const TRIES: usize = 200;

/// What somebody wants of the next note.
#[derive(Default)]
pub(super) struct Intent {
    /// Changes of members, rights, groups.
    pub ops: Vec<Op>,
    /// Groups that get a new generation, whether the ops need it or not.
    pub rotate: BTreeSet<String>,
    /// Groups whose keyrings are written again for the same people.
    pub rekey: BTreeSet<String>,
    /// Versions that this device has seen may be missing: the storage was restored.
    pub after_loss: bool,
}

/// Makes an intent from the newest state. Called again when another admin was faster. An empty
/// one means that there is nothing to do.
pub(super) type Make<'m> = dyn FnMut(&View) -> Result<Intent> + Send + 'm;

/// A note that was added.
pub(super) struct Appended {
    /// Its seq.
    pub seq: u64,
    /// Groups that have a new generation.
    pub rotated: BTreeSet<String>,
    /// What held before it.
    pub before: Arc<View>,
    /// What its cuts hold and the storage does not show.
    pub unshown: Vec<Unshown>,
    /// How many more there are, whose names this device does not know.
    pub unnamed: usize,
}

impl Vault {
    /// Adds a note signed by this identity, which must be an admin's. `None` if there was nothing
    /// to do.
    pub(super) async fn append(&self, make: &mut Make<'_>) -> Result<Option<Appended>> {
        self.append_with(self.identity()?, make).await
    }

    /// [`Self::append`], with keyrings opened by `opener` (the recovery identity, by somebody who
    /// is not a recipient yet).
    pub(super) async fn append_with(
        &self,
        opener: &dyn Holder,
        make: &mut Make<'_>,
    ) -> Result<Option<Appended>> {
        for _ in 0..TRIES {
            self.refresh().await?;
            let before = self.view();
            self.need_admin(&before)?;
            // On top of one that is gone, nobody could follow who has not seen it.
            self.check_chain_is_there().await?;
            let Intent { mut ops, mut rotate, mut rekey, after_loss } = make(&before)?;
            if ops.is_empty() && rotate.is_empty() && rekey.is_empty() {
                return Ok(None);
            }
            let seq = before.seq() + 1;
            let needs = rules::needs(&before.state, &ops, seq).map_err(refused)?;
            rotate.extend(needs.rotate.iter().cloned());
            rekey.extend(needs.rekey.iter().cloned());
            let keys = self.keyring_ops(opener, &before.state, &needs, &rotate, &rekey).await?;
            ops.extend(keys);
            let Cuts { made, unshown, unnamed } =
                self.cuts(&rotate, &needs.state, after_loss).await?;
            for (group, cut) in &made {
                let cut = cut.encode();
                if cut.len() as u64 > MAX_CUT {
                    return Err(Error::usage(format!("{group} has more than a million secrets"))
                        .hint("nothing was changed; purge some, or move folders to other groups"));
                }
                let hash = self.keep_object(&cut).await?;
                ops.push(Op::Cut { group: group.clone(), hash });
            }
            let state = rules::after(&before.state, &ops, seq).map_err(refused)?;
            if let Some(view) = self.try_note(&before, state, ops).await? {
                self.adopt(view)?;
                self.keep_team().await;
                return Ok(Some(Appended { seq, rotated: rotate, before, unshown, unnamed }));
            }
        }
        Err(Error::conflict("other admins were always faster")
            .hint("nothing was changed; try again"))
    }

    /// Denied, unless this identity may sign the next note.
    pub(super) fn need_admin(&self, view: &View) -> Result<()> {
        let me = self.identity()?.public().id();
        match view.state.member_of(me) {
            Some((_, member)) if member.admin => Ok(()),
            _ => Err(Error::denied("only an admin can change the team")
                .hint("`vault member ls` shows who is one")),
        }
    }

    /// Puts note n + 1 where nobody put one before. `None` if somebody was faster.
    async fn try_note(&self, before: &View, state: State, ops: Vec<Op>) -> Result<Option<View>> {
        let identity = self.identity()?;
        let (seq, count) = (before.seq() + 1, ops.len());
        let prev = *before.hash();
        let note = Note { vault: Some(self.id), seq, prev, time: now(), state: state.hash(), ops };
        let text = note.text();
        let signature = identity.sign_note(&text)?;
        let bytes = Note::signed(&text, &signature, &identity.public().key);
        if count > MAX_OPS || bytes.len() > MAX_NOTE {
            return Err(Error::usage("this is more than one note of the team can hold")
                .hint("do it in several steps"));
        }
        self.keep_object(state.to_string().as_bytes()).await?;
        if !self.claim_note(before, seq, &bytes).await? {
            return Ok(None);
        }
        let mut hashes = before.hashes.clone();
        hashes.push(sha256(&[&bytes]));
        Ok(Some(View { first: before.first, hashes, state }))
    }

    /// True if the note is stored now; false if another admin's is there.
    pub(super) async fn claim_note(&self, before: &View, seq: u64, bytes: &[u8]) -> Result<bool> {
        let key = note_key(seq);
        let mut condition = Condition::Absent;
        for _ in 0..TRIES {
            match self.store.put(&key, &Vec::new(), bytes, &condition).await {
                Ok(_) => return Ok(true),
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
            let (found, etag) = match self.store.get(&key, MAX_NOTE as u64).await {
                Ok(object) => (object.body, object.etag),
                Err(StoreError::NotFound { .. }) => {
                    condition = Condition::Absent;
                    continue;
                }
                Err(StoreError::Damaged { etag: Some(etag), .. }) => (Vec::new(), etag),
                Err(StoreError::TooLarge { .. }) => (Vec::new(), self.store.head(&key).await?.etag),
                Err(e) => return Err(e.into()),
            };
            if found == bytes {
                // Our own, by a request whose answer was lost.
                return Ok(true);
            }
            match rules::next(&self.id, before.seq(), before.hash(), &before.state, &found) {
                // Nobody who may sign here signed it: it is in the way, and it is replaced.
                Err(Refusal::Void) => condition = Condition::Matches(etag),
                Ok(_) => return Ok(false),
                Err(Refusal::Invalid(why)) => {
                    return Err(Error::integrity(format!(
                        "note {seq} of the team is refused: {why}"
                    )));
                }
            }
        }
        Err(Error::conflict("the store does not let the next note of the team be written"))
    }

    /// The keyrings of groups with a new generation, and of those with other recipients.
    async fn keyring_ops(
        &self,
        opener: &dyn Holder,
        before: &State,
        needs: &Needs,
        rotate: &BTreeSet<String>,
        rekey: &BTreeSet<String>,
    ) -> Result<Vec<Op>> {
        let mut ops = Vec::new();
        for group in rotate.union(rekey) {
            let known = match before.groups.get(group) {
                Some(state) => {
                    let opener = opener.identity()?;
                    Some(self.keyring(opener, group, &state.keyring, state.generation()).await?)
                }
                None => None,
            };
            let keyring = match known {
                None => Arc::new(Keyring::first(group)),
                Some(keyring) if rotate.contains(group) => Arc::new(keyring.next()),
                Some(keyring) => keyring,
            };
            let recipients = needs.state.recipients(group);
            let mut files = Vec::new();
            for file in keyring.seal(&recipients)? {
                files.push(self.keep_object(&file).await?);
            }
            files.sort_unstable();
            ops.push(Op::Keyring { group: group.clone(), generation: keyring.newest(), files });
        }
        Ok(ops)
    }

    /// Stores an object under its hash. Whatever is there under that name is either the same or
    /// wrong.
    pub(super) async fn keep_object(&self, object: &[u8]) -> Result<Hash> {
        let hash = sha256(&[object]);
        self.store.put(&object_key(&hash), &Vec::new(), object, &Condition::None).await?;
        Ok(hash)
    }
}

/// A rule that what somebody asked for breaks. Nothing was written.
fn refused(why: &'static str) -> Error {
    let error = Error::usage(format!("the team cannot be changed like this: {why}"));
    match why {
        "the last admin cannot be removed" => {
            error.hint("make somebody else an admin first: vault member role NAME admin")
        }
        _ => error,
    }
}
