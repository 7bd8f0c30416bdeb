//! The other side: an identity that the agent holds, used as one that this process holds.

use std::fmt;
use std::io::{Error as IoError, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

use super::Limits;
use super::message::{Answer, Handover, MAX_ANSWER, Malformed, Problem, Request, Status};
use super::place::{Peer, check_directory, connect_within, own_uid, peer, socket};
use super::stop::{Stopped, stop};
use crate::core::cipher::{Hash, sha256};
use crate::core::error::{Error, Result};
use crate::core::header::{GroupGen, KeyId, Record};
use crate::core::path::SecretPath;
use crate::core::s3ec::{Envelope, WrapKind};
use crate::core::secret::{Key, Secret};
use crate::keys::holder::{DeviceFiles, GroupKeys, Holder};
use crate::keys::identity::{Identity, PublicIdentity};
use crate::keys::keyring::Keyring;
use crate::keys::local::{description, is_ours};
use crate::keys::{DataKeys, Unwrap, Wrap, Wrapped};

/// How long an answer may take. Opening an SSH key takes longest.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one may take that costs the agent nothing. Every client begins with such a request, so
/// that it notices soon when nobody answers.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A connection to the agent.
pub struct AgentClient {
    dir: PathBuf,
    connection: Mutex<Option<UnixStream>>,
    peer: Peer,
}

impl AgentClient {
    /// Connects to the agent in `dir`; `None` if none runs there.
    ///
    /// # Errors
    /// Denied if the directory or the process is another user's.
    pub fn connect(dir: &Path) -> Result<Option<Self>> {
        let Some(stream) = open(dir)? else { return Ok(None) };
        let peer = peer(&stream).map_err(|e| Error::general("cannot see the agent").because(e))?;
        Ok(Some(Self { dir: dir.to_owned(), connection: Mutex::new(Some(stream)), peer }))
    }

    /// Asks. A connection that the agent closed meanwhile is made anew, once.
    fn ask(&self, request: &Request) -> Result<Answer> {
        let mut connection = self.connection.lock().expect("no panic holds this lock");
        let gone = || Error::credentials("the agent does not answer");
        if let Some(stream) = connection.as_mut() {
            match exchange(stream, request) {
                Ok(bytes) => return read(&bytes),
                // It is there, and would be as slow a second time.
                Err(e) if is_slow(&e) => {
                    *connection = None;
                    return Err(gone().because(e));
                }
                Err(_) => {}
            }
        }
        *connection = open(&self.dir)?;
        let stream = connection.as_mut().ok_or_else(gone)?;
        match exchange(stream, request) {
            Ok(bytes) => read(&bytes),
            Err(e) => {
                *connection = None;
                Err(gone().because(e))
            }
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// If it does not answer, or is of another version.
    pub fn status(&self) -> Result<Status> {
        match self.ask(&Request::Status)? {
            Answer::Status(status) => Ok(status),
            other => Err(unexpected(other)),
        }
    }

    /// Who the identity of a file is, if the agent holds it.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn find(&self, file: Hash) -> Result<Option<PublicIdentity>> {
        self.find_string(file)?.map(|id| PublicIdentity::parse(&id)).transpose()
    }

    fn find_string(&self, file: Hash) -> Result<Option<String>> {
        match self.ask(&Request::Find(file))? {
            Answer::Public(id) => Ok(Some(id)),
            Answer::Problem(Problem::NotHeld, _) => Ok(None),
            other => Err(unexpected(other)),
        }
    }

    /// Gives it an identity to hold.
    ///
    /// # Errors
    /// As [`Self::status`]; what it refuses.
    pub fn hold(&self, given: Handover, limits: Limits) -> Result<PublicIdentity> {
        let idle = limits.idle.map_or(0, |idle| idle.as_secs().max(1));
        self.status()?;
        match self.ask(&Request::Hold(Box::new(given), limits.most.as_secs(), idle))? {
            Answer::Public(id) => PublicIdentity::parse(&id),
            other => Err(unexpected(other)),
        }
    }

    /// Has it forget one identity; false if it did not hold it.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn lock(&self, id: KeyId) -> Result<bool> {
        match self.ask(&Request::Lock(Some(id)))? {
            Answer::Done => Ok(true),
            Answer::Problem(Problem::NotHeld, _) => Ok(false),
            other => Err(unexpected(other)),
        }
    }

    /// Has it forget everything, and ends it, whatever version it is of and whether it answers or
    /// not; returns when that is done.
    ///
    /// # Errors
    /// If it neither says that it has forgotten nor ends.
    pub fn end(&self) -> Result<Stopped> {
        let mut connection = self.connection.lock().expect("no panic holds this lock");
        let forgotten = connection.take().is_some_and(|mut stream| {
            let answer = exchange_within(&mut stream, &Request::Lock(None), LAST_WORDS);
            answer.is_ok_and(|bytes| matches!(read(&bytes), Ok(Answer::Done)))
        });
        stop(self.peer.pid, forgotten)
    }
}

/// How long an agent that is to end may take to say that it has forgotten.
const LAST_WORDS: Duration = Duration::from_millis(500);

fn is_slow(e: &IoError) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A connection to a process of ours.
fn open(dir: &Path) -> Result<Option<UnixStream>> {
    if !check_directory(dir)? {
        return Ok(None);
    }
    let failed = |e| Error::general("cannot reach the agent").because(e);
    let stream = match connect_within(&socket(dir), AT_ONCE) {
        Ok(stream) => stream,
        // Never there, or left behind by one that is gone.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(failed(e)),
    };
    if peer(&stream).map_err(failed)?.uid != own_uid() {
        return Err(Error::denied("the agent is a process of another user"));
    }
    Ok(Some(stream))
}

/// One request, and its answer within the time that it may take.
fn exchange(stream: &mut UnixStream, request: &Request) -> std::io::Result<Secret> {
    let limit = match request {
        Request::Status | Request::Find(_) | Request::Lock(_) => AT_ONCE,
        _ => PATIENCE,
    };
    exchange_within(stream, request, limit)
}

fn exchange_within(
    stream: &mut UnixStream,
    request: &Request,
    limit: Duration,
) -> std::io::Result<Secret> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let bytes = request.encode();
    let mut frame = Secret::with_capacity(bytes.len() + 4);
    let len = u32::try_from(bytes.len()).map_err(|_| ErrorKind::InvalidInput)?;
    frame.extend(&len.to_be_bytes());
    frame.extend(bytes.bytes());
    stream.write_all(frame.bytes())?;
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| ErrorKind::InvalidData)?;
    if len > MAX_ANSWER {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut answer = Secret::with_capacity(len);
    answer.buffer().resize(len, 0);
    stream.read_exact(answer.buffer())?;
    Ok(answer)
}

fn read(bytes: &Secret) -> Result<Answer> {
    Answer::decode(bytes.bytes()).map_err(|wrong| match wrong {
        Malformed::Version => Error::general("the agent is of another version of vault")
            .hint("`vault lock --all` ends it, `vault unlock` starts one of this version"),
        Malformed::Form => Error::general("the agent does not answer as one"),
    })
}

/// An answer to something else, or a problem.
fn unexpected(answer: Answer) -> Error {
    match answer {
        Answer::Problem(Problem::Failed(kind), text) => Error::new(kind, text),
        Answer::Problem(Problem::NotHeld, text) => Error::credentials(text),
        Answer::Problem(_, text) => Error::denied(text),
        _ => Error::general("the agent answers something else than was asked"),
    }
}

/// Opens the identity in this process after all, for the reason that it is told.
pub type Fallback = Box<dyn FnOnce(&str) -> Result<Identity> + Send>;

/// An identity that the agent holds. Where that cannot do something, or does not answer any more,
/// the identity is opened here.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    client: AgentClient,
    public: PublicIdentity,
    id_string: String,
    own: OnceLock<Identity>,
    fallback: Mutex<Option<Fallback>>,
}

impl Remote {
    /// The identity in a file with this hash, if the agent holds it.
    ///
    /// # Errors
    /// As [`AgentClient::status`].
    pub fn find(client: AgentClient, file: Hash) -> Result<Option<Self>> {
        let Some(id_string) = client.find_string(file)? else { return Ok(None) };
        let public = PublicIdentity::parse(&id_string)?;
        let (own, fallback) = (OnceLock::new(), Mutex::new(None));
        Ok(Some(Self(Arc::new(Inner { client, public, id_string, own, fallback }))))
    }

    /// The same, with a way to open the identity here.
    pub fn with_fallback(self, fallback: Fallback) -> Self {
        *self.0.fallback.lock().expect("no panic holds this lock") = Some(fallback);
        self
    }

    fn id(&self) -> KeyId {
        self.0.public.id()
    }

    /// The identity, opened here.
    fn own(&self, why: &str) -> Result<&Identity> {
        if let Some(own) = self.0.own.get() {
            return Ok(own);
        }
        let mut fallback = self.0.fallback.lock().expect("no panic holds this lock");
        let open = fallback.take().ok_or_else(|| Error::credentials(why.to_owned()))?;
        let identity = open(why)?;
        if *identity.public() != self.0.public {
            return Err(Error::credentials("the agent holds another identity than the file"));
        }
        Ok(self.0.own.get_or_init(|| identity))
    }

    /// What the agent answers, or what the identity does here when the agent is gone or has
    /// locked it.
    fn ask<T>(
        &self,
        request: &Request,
        read: impl FnOnce(Answer) -> std::result::Result<T, Answer>,
        here: impl FnOnce(&Identity) -> Result<T>,
    ) -> Result<T> {
        if let Some(own) = self.0.own.get() {
            return here(own);
        }
        match self.0.client.ask(request) {
            Ok(Answer::Problem(Problem::NotHeld, _)) => here(self.own("the agent was locked")?),
            Ok(answer) => read(answer).map_err(unexpected),
            // It also ends when it has nothing to hold any more.
            Err(_) => here(self.own("the agent was locked, or has ended")?),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.id())
    }
}

impl From<Remote> for Box<dyn Holder> {
    fn from(remote: Remote) -> Self {
        Box::new(remote)
    }
}

impl Holder for Remote {
    fn public(&self) -> &PublicIdentity {
        &self.0.public
    }

    fn id_string(&self) -> String {
        self.0.id_string.clone()
    }

    fn sign_record(&self, record: &Record<'_>) -> Result<[u8; 64]> {
        let request = Request::SignRecord {
            id: self.id(),
            vault: *record.vault,
            path: record.path.clone(),
            header: record.header.to_owned(),
            suite: record.suite.to_owned(),
            message_id: record.message_id.to_owned(),
            commitment: record.commitment.to_owned(),
        };
        self.ask(&request, signature, |own| own.sign_record(record))
    }

    fn sign_note(&self, text: &str) -> Result<[u8; 64]> {
        let request = Request::SignNote(self.id(), text.to_owned());
        self.ask(&request, signature, |own| own.sign_note(text))
    }

    fn open_keyring(
        &self,
        file: &[u8],
        group: &str,
        newest: u64,
    ) -> Result<Option<Arc<dyn GroupKeys>>> {
        let keys = RemoteKeys {
            holder: self.clone(),
            file: file.to_vec(),
            hash: sha256(&[file]),
            group: group.to_owned(),
            newest,
        };
        let keys = Arc::new(keys);
        let read = |answer| match answer {
            Answer::Opened(true) => Ok(Some(keys as Arc<dyn GroupKeys>)),
            Answer::Opened(false) => Ok(None),
            other => Err(other),
        };
        let request = Request::OpenKeyring(self.id(), group.to_owned(), newest, file.to_vec());
        self.ask(&request, read, |own| own.open_keyring(file, group, newest))
    }

    fn key_of_files(&self, files: DeviceFiles) -> Result<Key> {
        let read = |answer| match answer {
            Answer::Key(key) => Ok(key),
            other => Err(other),
        };
        let request = Request::KeyOfFiles(self.id(), files);
        self.ask(&request, read, |own| own.key_of_files(files))
    }

    fn identity(&self) -> Result<&Identity> {
        self.own("this takes keys that the agent does not give out")
    }
}

fn signature(answer: Answer) -> std::result::Result<[u8; 64], Answer> {
    match answer {
        Answer::Signature(signature) => Ok(signature),
        other => Err(other),
    }
}

/// A group's keys that the agent has.
struct RemoteKeys {
    holder: Remote,
    file: Vec<u8>,
    hash: Hash,
    group: String,
    newest: u64,
}

impl GroupKeys for RemoteKeys {
    fn group(&self) -> &str {
        &self.group
    }

    fn newest(&self) -> u64 {
        self.newest
    }

    fn data_keys(self: Arc<Self>, vault: Hash, generation: u64) -> Option<Box<dyn DataKeys>> {
        let group = GroupGen { group: self.group.clone(), generation };
        let exists = (1..=self.newest).contains(&generation);
        exists.then(|| Box::new(RemoteTree { keys: self, vault, group }) as Box<dyn DataKeys>)
    }

    fn keyring(self: Arc<Self>) -> Option<Arc<Keyring>> {
        None
    }
}

/// One generation of them.
struct RemoteTree {
    keys: Arc<RemoteKeys>,
    vault: Hash,
    group: GroupGen,
}

impl RemoteTree {
    fn ask(&self, path: &SecretPath, wrapped: Option<&[u8]>) -> Result<Option<Answer>> {
        let holder = &self.keys.holder;
        let request = Request::DataKey {
            id: holder.id(),
            keyring: self.keys.hash,
            vault: self.vault,
            group: self.group.clone(),
            path: path.clone(),
            wrapped: wrapped.map(<[u8]>::to_vec),
        };
        let read = |answer| match answer {
            Answer::Problem(Problem::UnknownKeyring, _) => Ok(None),
            answer @ (Answer::Key(_) | Answer::Fresh(..)) => Ok(Some(answer)),
            other => Err(other),
        };
        holder.ask(&request, read, |_| Ok(None))
    }

    /// The agent's answer, or the keys here where it is gone.
    fn answer(&self, path: &SecretPath, wrapped: Option<&[u8]>) -> Result<Found> {
        if let Some(answer) = self.ask(path, wrapped)? {
            return Ok(Found::Answer(answer));
        }
        // It was started anew, or has put away what was used least.
        let RemoteKeys { holder, file, group, newest, .. } = &*self.keys;
        let lost = || Error::integrity(format!("the keyring of {group} does not open any more"));
        let opened = holder.open_keyring(file, group, *newest)?.ok_or_else(lost)?;
        if let Some(keyring) = opened.keyring() {
            let keys = keyring.data_keys(self.vault, self.group.generation).ok_or_else(lost)?;
            return Ok(Found::Here(keys));
        }
        self.ask(path, wrapped)?.map(Found::Answer).ok_or_else(lost)
    }
}

enum Found {
    Answer(Answer),
    Here(Box<dyn DataKeys>),
}

#[async_trait]
impl Wrap for RemoteTree {
    async fn wrap(&self, path: &SecretPath) -> Result<Wrapped> {
        match self.answer(path, None)? {
            Found::Here(keys) => keys.wrap(path).await,
            Found::Answer(Answer::Fresh(data_key, wrapped)) => {
                let description = description(&self.vault, &self.group, path);
                Ok(Wrapped { data_key, kind: WrapKind::Aes, wrapped, description })
            }
            Found::Answer(other) => Err(unexpected(other)),
        }
    }
}

#[async_trait]
impl Unwrap for RemoteTree {
    async fn unwrap(&self, path: &SecretPath, envelope: &Envelope) -> Result<Option<Key>> {
        if !is_ours(&self.vault, &self.group, path, envelope)? {
            return Ok(None);
        }
        match self.answer(path, Some(envelope.wrapped()))? {
            Found::Here(keys) => keys.unwrap(path, envelope).await,
            Found::Answer(Answer::Key(key)) => Ok(Some(key)),
            Found::Answer(other) => Err(unexpected(other)),
        }
    }
}
