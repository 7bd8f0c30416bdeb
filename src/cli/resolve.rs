//! What references lead to: all of them at once, from as many vaults as they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;

use super::session::Session;
use crate::vault::{
    Ask, AskOnce, Error, Kind, Opened, Path, Prefix, Reference, Result, Secret, Value, Vault,
    escape, now,
};

/// A version of a secret: the vault (`None` is the current one), the path, and the number (`None`
/// is the newest).
pub type Place = (Option<String>, Path, Option<u64>);
/// What is at each place.
pub type Found = BTreeMap<Place, Result<Opened>>;

/// The vaults that references name, opened once each.
pub struct Resolver<'s> {
    session: &'s Session,
    ask: Arc<dyn Ask>,
    asks: Arc<Asks>,
    vaults: BTreeMap<Option<String>, Result<Vault>>,
}

/// Asks as long as the terminal is ours.
struct Asks {
    ask: Arc<dyn Ask>,
    no_more: AtomicBool,
}

impl<'s> Resolver<'s> {
    /// With no vault open yet.
    pub fn new(session: &'s Session) -> Self {
        let asks = Arc::new(Asks { ask: session.ask(), no_more: AtomicBool::new(false) });
        let ask = Arc::new(AskOnce::new(asks.clone()));
        Self { session, ask, asks, vaults: BTreeMap::new() }
    }

    /// From now on nothing is asked: a program has the terminal.
    pub fn ask_no_more(&self) {
        self.asks.no_more.store(true, Ordering::Relaxed);
    }

    /// Opens the vaults of these places and of the prefixes, which are in the current one.
    async fn open(&mut self, places: &BTreeSet<Place>, prefixes: bool) {
        let mut paths: BTreeMap<Option<&String>, Vec<Path>> = BTreeMap::new();
        for (vault, path, _) in places {
            paths.entry(vault.as_ref()).or_default().push(path.clone());
        }
        if prefixes {
            paths.entry(None).or_default();
        }
        // One after the other: each may ask for something.
        for (name, paths) in paths {
            if !self.vaults.contains_key(&name.cloned()) {
                let opened = self.open_one(name, &paths).await;
                self.vaults.insert(name.cloned(), opened);
            }
        }
    }

    async fn open_one(&self, name: Option<&String>, paths: &[Path]) -> Result<Vault> {
        let settings = &self.session.settings;
        let target = match name {
            Some(name) => settings.target_named(name)?,
            None => settings.target()?,
        };
        self.session.open_target(&target, paths, self.ask.clone()).await
    }

    /// The names below prefixes of the current vault.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn below(&mut self, prefixes: &[Prefix]) -> Result<Vec<Vec<Path>>> {
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        let vault = match self.vaults.get(&None) {
            Some(Ok(vault)) => vault,
            _ => return Err(self.vaults.remove(&None).and_then(Result::err).expect("opened")),
        };
        join_all(prefixes.iter().map(|prefix| vault.list(prefix))).await.into_iter().collect()
    }

    /// Opens what is needed to read these places, and what is below the prefixes.
    ///
    /// # Errors
    /// If the names below a prefix cannot be had.
    pub async fn prepare(
        &mut self,
        places: &BTreeSet<Place>,
        prefixes: &[Prefix],
    ) -> Result<Vec<Vec<Path>>> {
        self.open(places, !prefixes.is_empty()).await;
        self.below(prefixes).await
    }

    /// What is at the places: side by side, one round in each vault.
    pub async fn read(&mut self, places: BTreeSet<Place>) -> Found {
        self.open(&places, false).await;
        let mut of_vault: BTreeMap<Option<String>, Vec<(Path, Option<u64>)>> = BTreeMap::new();
        for (vault, path, version) in places {
            of_vault.entry(vault).or_default().push((path, version));
        }
        let session = self.session;
        let vaults = &self.vaults;
        let rounds = of_vault.into_iter().map(|(name, wanted)| {
            let vault = vaults.get(&name);
            async move {
                let answers = match vault {
                    Some(Ok(vault)) => {
                        let answers = vault.read_each(&wanted).await;
                        session.warn(vault);
                        answers
                    }
                    Some(Err(e)) => Err(again(e)),
                    None => unreachable!("all are opened before"),
                };
                (name, wanted, answers)
            }
        });
        let rounds = join_all(rounds).await;
        let mut found = Found::new();
        for (name, wanted, answers) in rounds {
            let answers = match answers {
                Ok(answers) => answers,
                Err(e) => wanted.iter().map(|_| Err(again(&e))).collect(),
            };
            for ((path, version), answer) in wanted.into_iter().zip(answers) {
                found.insert((name.clone(), path, version), answer);
            }
        }
        found
    }

    /// True unless one of these is not the newest version any more, as one small request a path
    /// shows.
    pub async fn are_newest(&self, seen: &BTreeMap<Place, u64>) -> bool {
        let newest = seen.iter().filter(|((_, _, version), _)| version.is_none());
        let asked = newest.filter_map(|((vault, path, _), n)| {
            let vault = self.vaults.get(vault)?.as_ref().ok()?;
            Some(async move {
                match vault.entry(path.clone()).await {
                    Ok(Some(entry)) => entry.header.is_none_or(|header| header.n == *n),
                    Ok(None) => false,
                    // The network will come back.
                    Err(_) => true,
                }
            })
        });
        join_all(asked).await.into_iter().all(|same| same)
    }
}

impl Asks {
    fn if_it_may(&self) -> Result<&dyn Ask> {
        match self.no_more.load(Ordering::Relaxed) {
            false => Ok(&*self.ask),
            true => Err(Error::credentials(
                "the identity is locked, and nothing is asked while the program runs",
            )
            .hint("`vault unlock` in another terminal has the agent hold it")),
        }
    }
}

impl Ask for Asks {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        self.if_it_may()?.passphrase(what)
    }

    fn tell(&self, message: &str) {
        if let Ok(ask) = self.if_it_may() {
            ask.tell(message);
        }
    }

    fn hidden(&self, question: &str) -> Result<Secret> {
        self.if_it_may()?.hidden(question)
    }

    fn line(&self, question: &str) -> Result<String> {
        self.if_it_may()?.line(question)
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool> {
        self.if_it_may()?.confirm(question, yes, no)
    }
}

/// What one or more references to these places lead to.
pub fn places<'r>(references: impl IntoIterator<Item = &'r Reference>) -> BTreeSet<Place> {
    references.into_iter().map(place).collect()
}

fn place(reference: &Reference) -> Place {
    (reference.vault.clone(), reference.path.clone(), reference.version)
}

/// The value that a reference means.
///
/// # Errors
/// Whatever stood in the way of reading it; not found without such a field.
pub fn value(reference: &Reference, found: &Found) -> Result<Value> {
    match found.get(&place(reference)) {
        Some(Ok(opened)) => reference.value(opened, now()),
        Some(Err(e)) => Err(again(e)),
        None => unreachable!("every reference was read"),
    }
}

/// The same error for a second reader.
pub fn again(error: &Error) -> Error {
    let again = Error::new(error.kind, error.in_full());
    match &error.hint {
        Some(hint) => again.hint(hint),
        None => again,
    }
}

/// All that failed as one error, a line each; `None` if nothing did. `then` says what does not
/// happen because of it.
pub fn failures(all: Vec<(String, Error)>, then: &str) -> Option<Error> {
    let kind = all.iter().map(|(_, e)| e.kind).max_by_key(|kind| weight(*kind))?;
    let count = all.len();
    // The vault itself cannot be opened, or the network is gone: once is enough.
    if let [(_, first), rest @ ..] = all.as_slice()
        && !rest.is_empty()
        && matches!(first.kind, Kind::Credentials | Kind::Network)
        && rest.iter().all(|(_, e)| again(e).message == again(first).message)
    {
        return Some(again(first));
    }
    let mut message = match count {
        1 => format!("a value is not to be had; {then}"),
        _ => format!("{count} values are not to be had; {then}"),
    };
    for (what, error) in &all {
        let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        message.push_str(&format!("\n  {}: {}{hint}", escape(what), again(error)));
    }
    Some(Error::new(kind, message))
}

/// Which of several failures decides the exit code.
fn weight(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 0,
        Kind::NotFound => 1,
        Kind::General | Kind::Conflict | Kind::Partial => 2,
        Kind::Denied => 3,
        Kind::Network => 4,
        Kind::Credentials => 5,
        Kind::Integrity => 6,
    }
}
