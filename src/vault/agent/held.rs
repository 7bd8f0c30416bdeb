//! What the agent holds, and how it answers: a request in, an answer out. Knows no socket, and
//! takes its time from a clock that is passed in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::message::{Answer, Handover, HeldInfo, Malformed, Problem, Request, Status};
use super::{Limits, MAX_LIMIT};
use crate::core::cipher::{Hash, sha256, wipe_stack};
use crate::core::error::{Error, Result};
use crate::core::header::{GroupGen, Header, KeyId, Record};
use crate::core::path::SecretPath;
use crate::core::secret::Secret;
use crate::core::text::b64_array;
use crate::keys::holder::Holder;
use crate::keys::identity::{Identity, LockedIdentity};
use crate::keys::keyring::Keyring;
use crate::keys::local::Tree;
use crate::keys::plugin::Ask;
use crate::team::Note;

/// Most identities that are held at once.
const MAX_HELD: usize = 16;
/// Most keyrings that are kept open for one of them.
const MAX_KEYRINGS: usize = 64;
/// A computer that slept longer than this has locked its agent.
const SLEPT: Duration = Duration::from_secs(2);
/// `x-amz-c` of every object that a vault holds.
const SUITE: &str = "115";

/// A moment, on two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Stands still while the computer sleeps.
    pub awake: Duration,
    /// Does not.
    pub all: Duration,
}

/// Tells the time.
pub type Clock = Box<dyn Fn() -> Moment + Send>;
/// Keeps a part of the memory from being swapped out, if the system lets it.
pub type Locker = fn(&[u8]) -> bool;

/// What of the memory cannot be swapped out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// The system did not let us.
    Nothing,
    /// The keys.
    Keys,
    /// All of it.
    All,
}

/// The system's clocks.
#[cfg(target_os = "linux")]
pub fn now() -> Moment {
    use rustix::time::{ClockId, clock_gettime};
    let read = |id| Duration::try_from(clock_gettime(id)).unwrap_or_default();
    Moment { awake: read(ClockId::Monotonic), all: read(ClockId::Boottime) }
}

/// The system's clocks.
#[cfg(not(target_os = "linux"))]
pub fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let all = since.unwrap_or_default();
    Moment { awake: all, all }
}

/// The identities that are held.
pub struct Agent {
    held: BTreeMap<KeyId, Box<Held>>,
    clock: Clock,
    lock_memory: Locker,
    locked: Locked,
    /// When the clocks were last looked at.
    seen: Moment,
    /// Something was held.
    was_given: bool,
}

struct Held {
    identity: Identity,
    file_hash: Hash,
    keyrings: VecDeque<(Hash, Arc<Keyring>)>,
    limits: Limits,
    since: Duration,
    used: Duration,
}

impl Agent {
    /// An agent that holds nothing. `locked` is what holds of its memory now, `lock_memory` is
    /// tried on each key if that is not all.
    pub fn new(clock: Clock, locked: Locked, lock_memory: Locker) -> Self {
        let seen = clock();
        let locked = if locked == Locked::All { locked } else { Locked::Keys };
        Self { held: BTreeMap::new(), clock, lock_memory, locked, seen, was_given: false }
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// True if nothing is held any more.
    pub fn is_over(&self) -> bool {
        self.was_given && self.is_empty()
    }

    /// Forgets everything.
    pub fn lock(&mut self) {
        self.held.clear();
        wipe_stack();
    }

    /// Forgets what is held too long, unused too long, or since before the computer slept. Every
    /// request begins with it.
    pub fn tick(&mut self) {
        let now = (self.clock)();
        let awake = now.awake.saturating_sub(self.seen.awake);
        let slept = now.all.saturating_sub(self.seen.all) > awake + SLEPT;
        self.seen = now;
        let before = self.held.len();
        self.held.retain(|_, held| !slept && !held.left(now.all).is_zero());
        if self.held.len() < before {
            wipe_stack();
        }
    }

    /// Answers the bytes of a request.
    pub fn answer_bytes(&mut self, bytes: &[u8]) -> Secret {
        let answer = match Request::decode(bytes) {
            Ok(request) => self.answer(request),
            Err(Malformed::Version) => refused("the agent is of another version"),
            Err(Malformed::Form) => refused("the agent does not understand this request"),
        };
        answer.encode()
    }

    /// Answers a request.
    pub fn answer(&mut self, request: Request) -> Answer {
        self.tick();
        let answer = self.dispatch(request).unwrap_or_else(|e| {
            // Kept short: it goes into one part of the answer.
            let text = e.message.chars().take(500).collect();
            Answer::Problem(Problem::Failed(e.kind), text)
        });
        // What was on the stack below: scalars, folder keys, the passphrase.
        wipe_stack();
        answer
    }

    fn dispatch(&mut self, request: Request) -> Result<Answer> {
        Ok(match request {
            Request::Status => Answer::Status(self.status()),
            Request::Find(file) => match self.held.values().find(|held| held.file_hash == file) {
                Some(held) => Answer::Public(held.identity.id_string()),
                None => not_held(),
            },
            Request::Hold(given, most, idle) => {
                let idle = Some(Duration::from_secs(idle)).filter(|idle| !idle.is_zero());
                let most = Duration::from_secs(most).min(MAX_LIMIT);
                self.hold(*given, Limits { idle, most })?
            }
            Request::Lock(None) => {
                self.lock();
                Answer::Done
            }
            Request::Lock(Some(id)) => match self.held.remove(&id) {
                Some(_) => Answer::Done,
                None => not_held(),
            },
            Request::SignRecord { id, vault, path, header, suite, message_id, commitment } => {
                let (path, header, suite) = (&path, header.as_str(), suite.as_str());
                let (message_id, commitment) = (message_id.as_str(), commitment.as_str());
                let record = Record { vault: &vault, path, header, suite, message_id, commitment };
                match self.used(id) {
                    Some(held) => sign_record(&held.identity, &record)?,
                    None => not_held(),
                }
            }
            Request::SignNote(id, text) => match self.used(id) {
                Some(_) if Note::parse(&text).is_none() => refused("this is no note of a team"),
                Some(held) => Answer::Signature(held.identity.sign_note(&text)?),
                None => not_held(),
            },
            Request::KeyOfFiles(id, files) => match self.used(id) {
                Some(held) => Answer::Key(held.identity.key_of_files(files)?),
                None => not_held(),
            },
            Request::OpenKeyring(id, group, newest, file) => {
                self.open_keyring(id, &group, newest, &file)?
            }
            Request::DataKey { id, keyring, vault, group, path, wrapped } => {
                let Some(held) = self.used(id) else { return Ok(not_held()) };
                held.data_key(&keyring, vault, group, &path, wrapped.as_deref())?
            }
        })
    }

    fn status(&self) -> Status {
        let held = self.held.iter().map(|(id, held)| HeldInfo {
            id: *id,
            left: held.most_left(self.seen.all).as_secs(),
            idle: held.idle_left(self.seen.all).map_or(0, |left| left.as_secs().max(1)),
        });
        let locked = match self.locked {
            Locked::Nothing => 0,
            Locked::Keys => 1,
            Locked::All => 2,
        };
        Status { locked, held: held.collect() }
    }

    fn hold(&mut self, given: Handover, limits: Limits) -> Result<Answer> {
        let Handover { file_hash, file, ssh_path, ssh_key, passphrase } = given;
        let mut locked = LockedIdentity::parse(&file)?;
        if !ssh_path.is_empty() {
            locked = locked.with_ssh_key(ssh_path.into(), ssh_key);
        }
        if locked.needs_plugin() {
            return Ok(refused("an age plugin keeps the key of this identity"));
        }
        let now = self.seen.all;
        let held = Box::new(Held {
            identity: locked.open(Arc::new(Given(passphrase)))?,
            file_hash,
            keyrings: VecDeque::new(),
            limits,
            since: now,
            used: now,
        });
        let id = held.identity.public().id();
        if self.held.len() >= MAX_HELD && !self.held.contains_key(&id) {
            return Ok(refused("the agent holds as many identities as it can"));
        }
        for key in held.identity.keys() {
            self.keep_in_memory(key.bytes());
        }
        let public = held.identity.id_string();
        self.held.insert(id, held);
        self.was_given = true;
        Ok(Answer::Public(public))
    }

    fn open_keyring(&mut self, id: KeyId, group: &str, newest: u64, file: &[u8]) -> Result<Answer> {
        let Some(held) = self.used(id) else { return Ok(not_held()) };
        let hash = sha256(&[file]);
        let known = held.keyrings.iter().find(|(known, _)| *known == hash);
        if known.is_some_and(|(_, keys)| keys.group == group && keys.newest() == newest) {
            return Ok(Answer::Opened(true));
        }
        let Some(keyring) = Keyring::open(file, group, newest, held.identity.age())? else {
            return Ok(Answer::Opened(false));
        };
        let keyring = Arc::new(keyring);
        if held.keyrings.len() >= MAX_KEYRINGS {
            held.keyrings.pop_front();
        }
        held.keyrings.push_back((hash, keyring.clone()));
        for key in keyring.keys() {
            self.keep_in_memory(key.bytes());
        }
        Ok(Answer::Opened(true))
    }

    fn keep_in_memory(&mut self, key: &[u8]) {
        if self.locked == Locked::Keys && !(self.lock_memory)(key) {
            self.locked = Locked::Nothing;
        }
    }

    /// An identity that is used now.
    fn used(&mut self, id: KeyId) -> Option<&mut Held> {
        let held = self.held.get_mut(&id)?;
        held.used = self.seen.all;
        Some(held)
    }
}

impl Held {
    /// How long until it is forgotten if nobody uses it.
    fn left(&self, now: Duration) -> Duration {
        let most = self.most_left(now);
        self.idle_left(now).map_or(most, |idle| idle.min(most))
    }

    fn most_left(&self, now: Duration) -> Duration {
        (self.since + self.limits.most).saturating_sub(now)
    }

    fn idle_left(&self, now: Duration) -> Option<Duration> {
        self.limits.idle.map(|idle| (self.used + idle).saturating_sub(now))
    }

    fn data_key(
        &self,
        keyring: &Hash,
        vault: Hash,
        group: GroupGen,
        path: &SecretPath,
        wrapped: Option<&[u8]>,
    ) -> Result<Answer> {
        let known = self.keyrings.iter().find(|(hash, _)| hash == keyring);
        let Some((_, keyring)) = known.filter(|(_, keyring)| keyring.group == group.group) else {
            let text = "this keyring is not open here".to_owned();
            return Ok(Answer::Problem(Problem::UnknownKeyring, text));
        };
        let Some(keys) = keyring.generation(group.generation) else {
            return Ok(refused("the keyring has no such generation"));
        };
        let tree = Tree::new(vault, group, &keys.gk);
        Ok(match wrapped {
            Some(wrapped) => Answer::Key(tree.open(path, wrapped)?),
            None => {
                let (key, wrapped) = tree.seal(path)?;
                Answer::Fresh(key, wrapped)
            }
        })
    }
}

/// Signs what is a record of a version by this identity, and nothing else.
fn sign_record(identity: &Identity, record: &Record<'_>) -> Result<Answer> {
    let id = |text| b64_array::<28>(text).is_some();
    let ours = Header::parse(record.header).is_ok_and(|h| h.by == identity.public().id());
    if !ours || record.suite != SUITE || !id(record.message_id) || !id(record.commitment) {
        return Ok(refused("this is no record of a version by this identity"));
    }
    Ok(Answer::Signature(identity.sign_record(record)?))
}

fn refused(why: &str) -> Answer {
    Answer::Problem(Problem::Refused, why.to_owned())
}

fn not_held() -> Answer {
    Answer::Problem(Problem::NotHeld, "the agent does not hold this identity".to_owned())
}

/// Answers with the passphrase that came along. There is nobody to ask for more.
struct Given(Secret);

impl Ask for Given {
    fn passphrase(&self, _: &str) -> Result<Secret> {
        Ok(Secret::copy_of(self.0.bytes()))
    }

    fn tell(&self, _: &str) {}

    fn hidden(&self, _: &str) -> Result<Secret> {
        Err(Error::usage("an agent asks nothing"))
    }

    fn line(&self, _: &str) -> Result<String> {
        Err(Error::usage("an agent asks nothing"))
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Result<bool> {
        Err(Error::usage("an agent asks nothing"))
    }
}
