//! The team chain as this client sees it: fetched, verified, remembered.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::device::{ChainRecord, Memory};
use super::team::{MAX_LOSS, lost_notes};
use super::{PARALLEL, Vault, note_key, object_key};
use crate::core::cipher::{Hash, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::SignedHeader;
use crate::core::path::SecretPath;
use crate::keys::holder::GroupKeys;
use crate::keys::keyring::MAX_KEYRING;
use crate::store::{Store, StoreError};
use crate::team::cut::{CutEntry, MAX_CUT};
use crate::team::note::{MAX_NOTE, SignedNote};
use crate::team::rules::{self, Refusal};
use crate::team::state::MAX_STATE;
use crate::team::{Cut, Note, Pin, State};

/// What a person can do where the storage shows less, or something else, than before.
pub(super) const FORKED: &str = "the storage lies, or it came back from a backup: `vault team restored` shows \
                      what is gone, and asks before it goes on";

/// What is known of the chain at one moment.
pub struct View {
    /// Seq of the first note whose hash is known.
    pub first: u64,
    /// Hashes of that note and of all later ones.
    pub hashes: Vec<Hash>,
    /// What they add up to.
    pub state: State,
}

impl View {
    /// Seq of the newest note.
    pub fn seq(&self) -> u64 {
        self.first + self.hashes.len() as u64 - 1
    }

    /// Hash of the newest note.
    pub fn hash(&self) -> &Hash {
        self.hashes.last().expect("a view has at least one note")
    }

    /// Hash of a note, if this client has seen it.
    pub fn hash_at(&self, seq: u64) -> Option<&Hash> {
        self.hashes.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    /// What a device remembers of it.
    pub(super) fn record(&self) -> ChainRecord {
        ChainRecord { first: self.first, hashes: self.hashes.clone(), state: self.state.hash() }
    }
}

/// Opened keyrings by the hashes of their files, and cuts by their hash.
#[derive(Default)]
pub struct Secrets {
    pub(super) keyrings: HashMap<Vec<Hash>, Arc<dyn GroupKeys>>,
    cuts: HashMap<Hash, Arc<Cut>>,
}

/// Fetches the note that `pin` names and the state after it.
pub async fn from_pin(store: &dyn Store, pin: &Pin) -> Result<View> {
    let missing = |e: StoreError| match e {
        StoreError::NotFound { .. } => Error::not_found("there is no vault at this location")
            .hint("check the location; `vault init` makes a new vault"),
        other => other.into(),
    };
    let note = store.get(&note_key(pin.seq), MAX_NOTE as u64).await.map_err(missing)?.body;
    if sha256(&[&note]) != pin.hash {
        let what = if pin.seq == 0 {
            "another vault is stored at this location"
        } else {
            "the team chain at this location is not the one that the join string names"
        };
        return Err(
            Error::integrity(what).hint("get a join string from an admin and compare its words")
        );
    }
    let refuse =
        |why: &str| Error::integrity(format!("note {} of the team is refused: {why}", pin.seq));
    if pin.seq == 0 {
        let (_, state) = rules::first(&note).map_err(refuse)?;
        return Ok(View { first: 0, hashes: vec![pin.hash], state });
    }
    let text =
        SignedNote::split(&note).ok_or_else(|| refuse("it is not a signed note"))?.unverified();
    let note = Note::parse(text).filter(|n| n.seq == pin.seq && n.vault == Some(pin.vault));
    let note = note.ok_or_else(|| refuse("it is not a note of this vault"))?;
    let state = fetch_pinned(store, &note.state, MAX_STATE, "team state").await?;
    Ok(View { first: pin.seq, hashes: vec![pin.hash], state: parse_state(&state)? })
}

fn two_chains() -> Error {
    Error::integrity("the pin and what this device remembers are of two different team chains")
        .hint(FORKED)
}

pub(super) fn parse_state(bytes: &[u8]) -> Result<State> {
    let state = std::str::from_utf8(bytes).ok().and_then(State::parse);
    state.ok_or_else(|| Error::integrity("the team state is malformed"))
}

/// An object that a note pins. Missing or different, it is an integrity error, never empty.
pub(super) async fn fetch_pinned(
    store: &dyn Store,
    hash: &Hash,
    limit: u64,
    what: &str,
) -> Result<Vec<u8>> {
    let key = object_key(hash);
    let object = store.get(&key, limit).await.map_err(|e| match e {
        StoreError::NotFound { .. } | StoreError::Damaged { .. } | StoreError::TooLarge { .. } => {
            Error::integrity(format!("the {what} that the team chain pins is missing or damaged"))
                .because(e)
                .hint(FORKED)
        }
        other => other.into(),
    })?;
    if sha256(&[&object.body]) == *hash {
        return Ok(object.body);
    }
    Err(Error::integrity(format!("the {what} that the team chain pins was replaced ({key})")))
}

impl Vault {
    /// The view that this device remembers, or `None` if it has not seen the vault.
    pub(super) async fn remembered(
        store: &dyn Store,
        device: &Memory,
        pin: &Pin,
    ) -> Result<Option<View>> {
        let Some(record) = device.chain()? else { return Ok(None) };
        let known =
            |seq: u64| record.hashes.get(usize::try_from(seq.checked_sub(record.first)?).ok()?);
        if known(pin.seq).is_some_and(|hash| *hash != pin.hash) {
            return Err(two_chains());
        }
        let state = match device.cached(&record.state) {
            Some(state) => state,
            None => {
                let state = fetch_pinned(store, &record.state, MAX_STATE, "team state").await?;
                device.cache(&record.state, &state);
                state
            }
        };
        Ok(Some(View { first: record.first, hashes: record.hashes, state: parse_state(&state)? }))
    }

    /// Checks that the chain, where it goes on from what this device remembers, leads to `pin`.
    pub(super) async fn reach(&self, pin: &Pin) -> Result<()> {
        if pin.seq > self.view().seq() {
            self.refresh().await?;
        }
        let view = self.view();
        match view.hash_at(pin.seq) {
            Some(hash) if *hash == pin.hash => Ok(()),
            // Older than what this device began with.
            None if pin.seq < view.first => self.reach_back(pin).await,
            _ => Err(Error::integrity(
                "the team chain that the storage shows does not lead from what this device \
                 remembers to the pin",
            )
            .hint(FORKED)),
        }
    }

    /// Checks that the chain that this device knows goes back to an older pin.
    async fn reach_back(&self, pin: &Pin) -> Result<()> {
        let notes = self.team_notes().await?;
        match notes.iter().find(|note| note.seq == pin.seq) {
            Some(note) if note.hash == pin.hash => Ok(()),
            _ => Err(two_chains()),
        }
    }

    /// Fetches and verifies what was added to the chain. One request if nothing was; more and more
    /// notes at once, the longer it turns out to be.
    pub(super) async fn refresh(&self) -> Result<()> {
        let known = self.view();
        let mut hashes: Vec<Hash> = Vec::new();
        let mut state: Option<State> = None;
        let mut at_once = 1;
        let end = 'chain: loop {
            let first = known.seq() + hashes.len() as u64 + 1;
            let notes = stream::iter(first..first + at_once).map(|seq| self.note_at(seq));
            let notes: Vec<_> = notes.buffered(PARALLEL).collect().await;
            for (seq, note) in (first..).zip(notes) {
                let bytes = match note {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => break 'chain Ok(()),
                    Err(e) => break 'chain Err(e),
                };
                let last = hashes.last().unwrap_or(known.hash());
                let before = state.as_ref().unwrap_or(&known.state);
                match rules::next(&self.id, seq - 1, last, before, &bytes) {
                    Ok((_, after)) => {
                        hashes.push(sha256(&[&bytes]));
                        state = Some(after);
                    }
                    Err(Refusal::Void) => {
                        self.warn(format!(
                            "note {seq} of the team is junk that no admin signed; it is ignored"
                        ));
                        break 'chain Ok(());
                    }
                    Err(Refusal::Invalid(why)) => {
                        let message = format!("note {seq} of the team is refused: {why}");
                        break 'chain Err(Error::integrity(message).hint(FORKED));
                    }
                }
            }
            at_once = (hashes.len() as u64).clamp(1, PARALLEL as u64);
        };
        if let Some(state) = state {
            let hashes = [&known.hashes[..], &hashes].concat();
            self.adopt(View { first: known.first, hashes, state })?;
            self.keep_team().await;
        }
        end
    }

    /// The bytes stored as a note, if there are any. What cannot be one is empty.
    async fn note_at(&self, seq: u64) -> Result<Option<Vec<u8>>> {
        let key = note_key(seq);
        let got = match self.ahead.take(&key) {
            Some(got) => got,
            None => self.store.get(&key, MAX_NOTE as u64).await,
        };
        match got {
            Ok(object) => Ok(Some(object.body)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(StoreError::TooLarge { .. } | StoreError::Damaged { .. }) => Ok(Some(Vec::new())),
            Err(e) => Err(e.into()),
        }
    }

    /// Checks that the newest note that this client knows is still stored as it was.
    pub(super) async fn check_chain_is_there(&self) -> Result<()> {
        let view = self.view();
        let lost = |what: &str| {
            Error::integrity(format!("note {} of the team is {what}", view.seq())).hint(FORKED)
        };
        match self.store.get(&note_key(view.seq()), MAX_NOTE as u64).await {
            Ok(note) if sha256(&[&note.body]) == *view.hash() => Ok(()),
            Ok(_) | Err(StoreError::Damaged { .. } | StoreError::TooLarge { .. }) => {
                Err(lost("not the one that this device has seen"))
            }
            Err(StoreError::NotFound { .. }) => Err(lost("gone")),
            Err(e) => Err(e.into()),
        }
    }

    /// Checks that everything that the newest state pins is stored, whatever is cached here.
    pub(super) async fn check_pinned_objects(&self) -> Result<()> {
        let view = self.view();
        fetch_pinned(&*self.store, &view.state.hash(), MAX_STATE, "team state").await?;
        for group in view.state.groups.values() {
            for hash in &group.keyring {
                fetch_pinned(&*self.store, hash, MAX_KEYRING, "keyring").await?;
            }
            if let Some(hash) = &group.cut {
                fetch_pinned(&*self.store, hash, MAX_CUT, "cut").await?;
            }
        }
        Ok(())
    }

    /// Makes `view` the current one and remembers it, unless another task has seen more.
    pub(super) fn adopt(&self, view: View) -> Result<()> {
        if view.seq() < self.view().seq() {
            return Ok(());
        }
        let text = view.state.to_string();
        self.device.cache(&sha256(&[text.as_bytes()]), text.as_bytes());
        self.device.save_chain(&view.record())?;
        self.show(view);
        Ok(())
    }

    /// Makes `view` the current one, for this run.
    pub(super) fn show(&self, view: View) {
        self.show_arc(Arc::new(view));
    }

    /// [`Self::show`]
    pub(super) fn show_arc(&self, view: Arc<View>) {
        *self.view.write().expect("no panic holds this lock") = view;
    }

    /// Checks the note that a header names: newer ones are fetched first, and a note with another
    /// hash is a fork. The header must be signed by a key of the chain. False for junk: it names a
    /// note that this chain does not have, and its key is gone, now or in `leaving`. No hidden note
    /// can give such a key a right again; everybody else's is an error.
    pub(super) async fn check_team(
        &self,
        path: &SecretPath,
        signed: &SignedHeader,
        leaving: Option<&State>,
    ) -> Result<bool> {
        let header = &signed.header;
        if header.team_seq > self.view().seq() {
            self.refresh().await?;
        }
        let view = self.view();
        let author = view.state.key(header.by).filter(|(key, _)| signed.verify(key));
        let Some((_, author)) = author else { return Ok(true) };
        let unknown = header.team_seq > view.seq()
            || view.hash_at(header.team_seq).is_some_and(|hash| hash[..16] != header.team_hash);
        if unknown && leaving.unwrap_or(&view.state).member_of(header.by).is_none() {
            let who = match leaving {
                Some(_) => "is being removed",
                None => "was removed",
            };
            self.warn(format!(
                "version {} of {path}, by {author}, who {who}, names a note of the team that is \
                 not there; it is ignored",
                header.n
            ));
            return Ok(false);
        }
        if unknown && self.was_lost(header.team_seq).await? {
            self.warn(format!(
                "version {} of {path}, by {author}, was written with a note that was lost when the \
                 bucket came back from a backup; it is ignored, write the value again",
                header.n
            ));
            return Ok(false);
        }
        if header.team_seq > view.seq() {
            return Err(Error::integrity(format!(
                "version {} of {path}, by {author}, was written with note {} of the team, which \
                 the storage does not show",
                header.n, header.team_seq
            ))
            .hint(format!(
                "if there is no such note, {author} made it up: `vault member rm {author}` makes \
                 it junk (several who do this are removed together: `vault member rm NAME NAME`)"
            )));
        }
        match view.hash_at(header.team_seq) {
            Some(hash) if hash[..16] != header.team_hash => Err(Error::integrity(format!(
                "version {} of {path}, by {author}, was written on a fork of the team chain (note \
                 {} differs)",
                header.n, header.team_seq
            ))
            .hint(FORKED)),
            // A note before the pin: only whoever joined earlier can compare it.
            _ => Ok(true),
        }
    }

    /// True if a note with this seq was among those that were lost with a backup: an admin said
    /// so, or somebody at this device is about to.
    async fn was_lost(&self, seq: u64) -> Result<bool> {
        let lost = |range: &RangeInclusive<u64>| range.contains(&seq);
        if self.lost.lock().expect("no panic holds this lock").iter().any(lost) {
            return Ok(true);
        }
        let view = self.view();
        for hash in view.state.restored.values() {
            let text = self.pinned(hash, MAX_LOSS as u64, "list of what was lost").await?;
            if lost_notes(&text).as_ref().is_some_and(lost) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The entry of a path in the newest cut of the group that owns it.
    pub(super) async fn cut_entry(&self, path: &SecretPath) -> Result<Option<CutEntry>> {
        let view = self.view();
        let Some(owner) = view.state.owner(path) else { return Ok(None) };
        Ok(self.cut_of(&view.state, owner).await?.and_then(|cut| cut.get(&self.id, path)))
    }

    /// The newest cut of a group, if it has one.
    pub(super) async fn cut_of(&self, state: &State, group: &str) -> Result<Option<Arc<Cut>>> {
        let Some(hash) = state.groups.get(group).and_then(|group| group.cut) else {
            return Ok(None);
        };
        let known = self.secrets().cuts.get(&hash).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let bytes = self.pinned(&hash, MAX_CUT, "cut").await?;
        let cut = Cut::decode(&bytes).ok_or_else(|| Error::integrity("a cut is malformed"))?;
        let cut = Arc::new(cut);
        self.secrets().cuts.insert(hash, cut.clone());
        Ok(Some(cut))
    }

    pub(super) async fn pinned(&self, hash: &Hash, limit: u64, what: &str) -> Result<Vec<u8>> {
        if let Some(object) = self.device.cached(hash) {
            return Ok(object);
        }
        let object = fetch_pinned(&*self.store, hash, limit, what).await?;
        self.device.cache(hash, &object);
        Ok(object)
    }

    pub(super) fn secrets(&self) -> std::sync::MutexGuard<'_, Secrets> {
        self.secrets.lock().expect("no panic holds this lock")
    }
}
