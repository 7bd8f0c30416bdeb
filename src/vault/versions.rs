//! The versions of one path: which are there, which count, and whether they lead on from what
//! this device has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::device::Mark;
use super::{Vault, head_key, history_prefix, version_key, version_number};
use crate::core::error::Result;
use crate::core::header::{KeyId, SignedHeader};
use crate::core::path::SecretPath;
use crate::core::s3ec::Envelope;
use crate::core::text::DECIMAL_MAX;
use crate::store::{Metadata, StoreError, list_all};
use crate::team::State;
use crate::team::accept::{self, Standing, Verdict, follows};

/// From this number on, somebody uses the numbers of a path up: nobody gets there by writing.
pub(super) const LAST: u64 = DECIMAL_MAX - (1 << 40);

/// What is known so far of one path's versions.
pub(super) struct Versions<'a> {
    vault: &'a Vault,
    path: &'a SecretPath,
    seen: BTreeMap<u64, Option<SignedHeader>>,
    /// As it was before anything was fetched: another process of this device may raise it while
    /// this one still looks at what the storage said before.
    mark: Option<Mark>,
    /// The state that is about to hold, while a cut is made for it.
    leaving: Option<&'a State>,
}

/// The runs of numbers, from `from` up to but without `to`, that `numbers` (ascending) does not
/// have. Runs, since a number that somebody made up can be as high as 10^16.
pub(super) fn gaps(numbers: &[u64], from: u64, to: u64) -> Vec<RangeInclusive<u64>> {
    let mut gaps = Vec::new();
    let mut next = from;
    for &n in numbers.iter().filter(|n| (from..to).contains(n)) {
        if n > next {
            gaps.push(next..=n - 1);
        }
        next = n + 1;
    }
    if next < to {
        gaps.push(next..=to - 1);
    }
    gaps
}

/// A gap in words.
pub(super) fn missing(gap: &RangeInclusive<u64>) -> String {
    match (gap.start(), gap.end()) {
        (first, last) if first == last => format!("version {first} is missing"),
        (first, last) => format!("versions {first} to {last} are missing"),
    }
}

/// How a version stands to the mark of its path.
pub(super) enum MarkCheck {
    /// It is what was seen, or leads on from it.
    Passes,
    /// What was seen does not count any more (its author lost the right to write): the mark moves.
    Moves,
    /// It does not lead on from what was seen.
    Fails(String),
}

impl<'a> Versions<'a> {
    /// To be made before anything of the path is fetched.
    pub fn new(vault: &'a Vault, path: &'a SecretPath) -> Result<Self> {
        Ok(Self::marked(vault, path, vault.device.mark(path)?))
    }

    /// The same, with a mark that was read before any name was listed.
    pub fn marked(vault: &'a Vault, path: &'a SecretPath, mark: Option<Mark>) -> Self {
        Self { vault, path, seen: BTreeMap::new(), mark, leaving: None }
    }

    /// The same, for a cut that leads to `state`: who is not in that any more must not be able to
    /// stand in the way of being removed.
    pub fn leaving(self, state: &'a State) -> Self {
        Self { leaving: Some(state), ..self }
    }

    /// The path that they are of.
    pub fn path(&self) -> &'a SecretPath {
        self.path
    }

    /// True if somebody may write here also in the state that a cut is made for.
    pub fn stays(&self, by: KeyId) -> bool {
        self.leaving.is_none_or(|after| after.may_write(by, self.path))
    }

    /// The newest version that this device had seen before.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// True if this device has seen a version above `n` whose author may write still: what stands
    /// on version `n` beside it was decided about.
    pub fn has_seen_above(&self, n: u64) -> bool {
        let may = |mark: Mark| self.vault.view().state.may_write(mark.by, self.path);
        self.mark.is_some_and(|mark| mark.n > n && may(mark))
    }

    /// The numbers of all stored versions, ascending.
    pub async fn numbers(vault: &Vault, path: &SecretPath) -> Result<Vec<u64>> {
        let prefix = history_prefix(path);
        let keys = list_all(&*vault.store, &prefix).await?;
        let numbers = keys.iter().filter_map(|key| version_number(&key[prefix.len()..]));
        // A set: not every store that calls itself one lists in order, and once.
        Ok(BTreeSet::from_iter(numbers).into_iter().collect())
    }

    /// Reads the metadata of an object of this path, found as version `n` or (`None`) as head.
    /// `None` if it is junk.
    pub async fn learn(
        &mut self,
        n: Option<u64>,
        metadata: &Metadata,
    ) -> Result<Option<SignedHeader>> {
        let mut parsed = Envelope::parse(metadata)
            .ok()
            .and_then(|_| SignedHeader::parse(&self.vault.id, self.path, metadata).ok())
            .filter(|signed| n.is_none_or(|n| n == signed.header.n));
        if let Some(signed) = &parsed
            && !self.vault.check_team(self.path, signed, self.leaving).await?
        {
            parsed = None;
        }
        match (n, &parsed) {
            (Some(n), _) => drop(self.seen.insert(n, parsed.clone())),
            (None, Some(signed)) => {
                // Only a head whose own signature verifies may stand in for its `h/` entry.
                let view = self.vault.view();
                let key = view.state.key(signed.header.by);
                if !key.is_some_and(|(key, _)| signed.verify(key)) {
                    return Ok(None);
                }
                self.seen.insert(signed.header.n, parsed.clone());
            }
            (None, None) => {}
        }
        Ok(parsed)
    }

    /// Version `n`, fetched if it was not learned yet; `None` if it is missing or junk.
    pub async fn at(&mut self, n: u64) -> Result<Option<&SignedHeader>> {
        if !self.seen.contains_key(&n) {
            self.fetch(n).await?;
        }
        Ok(self.get(n))
    }

    /// A version that was learned and is well-formed.
    pub fn get(&self, n: u64) -> Option<&SignedHeader> {
        self.seen.get(&n)?.as_ref()
    }

    /// The newest version that counts, of those with these numbers, ascending. Whoever leaves must
    /// not be able to have put something over what is there: a version of theirs that contradicts
    /// the one below it, or that uses the numbers up, is passed over. Not what this device has
    /// seen, though, nor what only has nothing below it: that, the storage can bring about.
    pub async fn newest(&mut self, numbers: &[u64]) -> Result<Option<SignedHeader>> {
        let mut apart: Option<u64> = None;
        for &n in numbers.iter().rev() {
            if self.at(n).await?.is_none() || self.check(n).await?.is_err() {
                continue;
            }
            let signed = self.get(n).cloned().expect("it was just looked at");
            let seen = self.mark.is_some_and(|mark| mark.record == signed.record_hash);
            let follows = if self.stays(signed.header.by) {
                true
            } else if n >= LAST {
                false
            } else if seen || n == 1 || signed.header.from == n {
                true
            } else {
                self.at(n - 1).await?.is_none_or(|below| follows(&signed, below).is_ok())
            };
            if !follows {
                apart = apart.or(Some(n));
                continue;
            }
            if let Some(apart) = apart {
                self.vault.warn(format!(
                    "version {apart} of {}, by somebody who leaves, does not follow what is below \
                     it; it is passed over, and version {n} counts",
                    self.path
                ));
            }
            return Ok(Some(signed));
        }
        Ok(None)
    }

    /// The version that an object found at the head's key is, if it counts.
    pub async fn counting(&mut self, metadata: &Metadata) -> Result<Option<SignedHeader>> {
        let Some(signed) = self.learn(None, metadata).await? else { return Ok(None) };
        Ok(self.check(signed.header.n).await?.is_ok().then_some(signed))
    }

    /// The version at the head's key, if it counts.
    pub async fn head(&mut self) -> Result<Option<SignedHeader>> {
        match self.vault.fetch_head(&head_key(self.path)).await {
            Ok(head) => self.counting(&head.metadata).await,
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether version `n` counts; further versions are fetched as needed.
    pub async fn check(&mut self, n: u64) -> Result<std::result::Result<(), &'static str>> {
        loop {
            let cut = self.vault.cut_entry(self.path).await?;
            let view = self.vault.view();
            match accept::judge(&view.state, cut, self.path, &self.seen, n) {
                Verdict::Yes => return Ok(Ok(())),
                Verdict::No(why) => return Ok(Err(why)),
                Verdict::Need(other) => self.fetch(other).await?,
            }
        }
    }

    /// Whether version `n`, which counts, leads on from the mark of this device.
    pub async fn check_mark(&mut self, n: u64) -> Result<MarkCheck> {
        let Some(mark) = self.mark else { return Ok(MarkCheck::Passes) };
        let Some(why) = self.walk_to(n, &mark).await? else { return Ok(MarkCheck::Passes) };
        let cut = self.vault.cut_entry(self.path).await?;
        let cut_n = cut.map_or(0, |cut| cut.n);
        let view = self.vault.view();
        let current = self.get(n).is_some_and(|signed| {
            accept::standing(&view.state, cut, self.path, signed) == Standing::Current
        });
        let author_lost_it = !view.state.may_write(mark.by, self.path);
        // What was seen is above the cut, and somebody who may write stands above the cut, too; or
        // a later cut says what counts in its place.
        let decided = if mark.n > cut_n { current && n > cut_n } else { n >= cut_n };
        if author_lost_it && decided {
            return Ok(MarkCheck::Moves);
        }
        Ok(MarkCheck::Fails(why))
    }

    /// Walks from version `n` down to the mark. `None` if the mark is on the way.
    async fn walk_to(&mut self, n: u64, mark: &Mark) -> Result<Option<String>> {
        let path = self.path;
        if n < mark.n {
            return Ok(Some(format!(
                "{path} was rolled back: this device has seen version {}, the storage shows {n}",
                mark.n
            )));
        }
        let mut at = n;
        loop {
            let Some(signed) = self.get(at).cloned() else {
                return Ok(Some(format!("version {at} of {path} is missing from its history")));
            };
            if at == mark.n {
                let same = signed.record_hash == mark.record;
                return Ok((!same).then(|| {
                    format!("version {at} of {path} is not the one that this device has seen")
                }));
            }
            if signed.header.from == at {
                // Everything older was purged by somebody who may write here.
                return Ok(None);
            }
            if at == mark.n + 1 && signed.header.prev == mark.record {
                return Ok(None);
            }
            at -= 1;
            if !self.seen.contains_key(&at) {
                self.fetch(at).await?;
            }
            if let Some(below) = self.get(at)
                && let Err(why) = follows(&signed, below)
            {
                return Ok(Some(format!(
                    "version {} of {path} is not linked to its history: {why}",
                    at + 1
                )));
            }
        }
    }

    async fn fetch(&mut self, n: u64) -> Result<()> {
        match self.vault.store.head(&version_key(self.path, n)).await {
            Ok(head) => drop(self.learn(Some(n), &head.metadata).await?),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => {
                self.seen.insert(n, None);
            }
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }
}
