//! What is said to the agent, and what it answers. Each message has one form: the version, the
//! kind, then parts of bounded length, each behind its length. In a stream it stands behind its
//! own length, in 4 bytes.

use crate::core::cipher::Hash;
use crate::core::error::Kind;
use crate::core::header::{GroupGen, KeyId};
use crate::core::path::SecretPath;
use crate::core::secret::{Key, Secret};
use crate::core::text::take_lp;
use crate::keys::holder::DeviceFiles;
use crate::keys::identity::MAX_FILE;
use crate::keys::keyring::MAX_KEYRING;
use crate::team::note::MAX_NOTE;

/// Version of all messages.
pub(super) const VERSION: u8 = 1;
/// Longest request: a keyring, and what is said about it.
pub const MAX_REQUEST: usize = MAX_KEYRING as usize + 4096;
/// Longest answer.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Longest text of a short part.
const SHORT: usize = 4096;
/// Longest passphrase.
const MAX_PASSPHRASE: usize = 64 * 1024;
/// Longest wrapped data key.
const MAX_WRAPPED: usize = 1024;

/// Why a message is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is of another version.
    Version,
    /// It is not in the one form of any kind.
    Form,
}

/// An identity for the agent to hold.
pub struct Handover {
    /// Hash of the identity file of this device, by which others ask for it.
    pub file_hash: Hash,
    /// The identity: the seed as an unsealed file, or the file that an SSH key opens.
    pub file: Secret,
    /// Where the SSH key is; empty without one.
    pub ssh_path: String,
    /// That key's file.
    pub ssh_key: Secret,
    /// Its passphrase.
    pub passphrase: Secret,
}

/// What is said to the agent.
pub enum Request {
    /// What do you hold?
    Status,
    /// Who is the identity in the file with this hash?
    Find(Hash),
    /// Hold this; for at most so many seconds, unused for so many (0: used or not).
    Hold(Box<Handover>, u64, u64),
    /// Forget one identity, or all.
    Lock(Option<KeyId>),
    /// Sign the record of a version.
    SignRecord {
        /// Who signs.
        id: KeyId,
        /// The vault's id.
        vault: Hash,
        /// The path of the version.
        path: SecretPath,
        /// `vault-h`
        header: String,
        /// `x-amz-c`
        suite: String,
        /// `x-amz-i`
        message_id: String,
        /// `x-amz-d`
        commitment: String,
    },
    /// Sign the text of a note.
    SignNote(KeyId, String),
    /// The key for files of this device.
    KeyOfFiles(KeyId, DeviceFiles),
    /// Open a keyring: whose, the group, its newest generation, the age file.
    OpenKeyring(KeyId, String, u64, Vec<u8>),
    /// Open a data key, or make one, with a keyring that was opened.
    DataKey {
        /// Whose keyring.
        id: KeyId,
        /// Hash of its age file.
        keyring: Hash,
        /// The vault's id.
        vault: Hash,
        /// The generation.
        group: GroupGen,
        /// What the key is for.
        path: SecretPath,
        /// The wrapped key; `None`: a fresh one is wanted.
        wrapped: Option<Vec<u8>>,
    },
}

/// What the agent says of one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldInfo {
    /// Who it is.
    pub id: KeyId,
    /// Seconds until it is forgotten at the latest.
    pub left: u64,
    /// Seconds until it is forgotten unless it is used; 0: used or not.
    pub idle: u64,
}

/// What the agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What of its memory cannot be swapped out: 0 nothing, 1 keys, 2 all.
    pub locked: u8,
    /// What it holds.
    pub held: Vec<HeldInfo>,
}

/// What the agent cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The identity is not held, or not any more.
    NotHeld,
    /// The keyring has to be opened first.
    UnknownKeyring,
    /// The request is none that the agent answers.
    Refused,
    /// It was tried, and failed.
    Failed(Kind),
}

/// What the agent answers.
pub enum Answer {
    /// It is done.
    Done,
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Find`] and [`Request::Hold`]: the self-signed public string.
    Public(String),
    /// To the requests to sign.
    Signature([u8; 64]),
    /// To [`Request::OpenKeyring`]: whether it is for this identity.
    Opened(bool),
    /// To [`Request::KeyOfFiles`], and [`Request::DataKey`] for a wrapped one.
    Key(Key),
    /// To [`Request::DataKey`] for a fresh one, with its wrapped form.
    Fresh(Key, Vec<u8>),
    /// What is wrong, in words.
    Problem(Problem, String),
}

/// Kinds of errors by number.
const KINDS: [Kind; 9] = [
    Kind::General,
    Kind::Usage,
    Kind::NotFound,
    Kind::Credentials,
    Kind::Denied,
    Kind::Conflict,
    Kind::Integrity,
    Kind::Network,
    Kind::Partial,
];

impl Request {
    /// The bytes.
    pub fn encode(&self) -> Secret {
        match self {
            Self::Status => Writer::new(0),
            Self::Find(file) => Writer::new(1).part(file),
            Self::Hold(given, most, idle) => Writer::new(2)
                .part(&given.file_hash)
                .part(given.file.bytes())
                .part(given.ssh_path.as_bytes())
                .part(given.ssh_key.bytes())
                .part(given.passphrase.bytes())
                .number(*most)
                .number(*idle),
            Self::Lock(id) => Writer::new(3).part(id.as_ref().map_or(&[][..], |id| &id.0)),
            Self::SignRecord { id, vault, path, header, suite, message_id, commitment } => {
                Writer::new(4)
                    .part(&id.0)
                    .part(vault)
                    .part(path.as_str().as_bytes())
                    .part(header.as_bytes())
                    .part(suite.as_bytes())
                    .part(message_id.as_bytes())
                    .part(commitment.as_bytes())
            }
            Self::SignNote(id, text) => Writer::new(5).part(&id.0).part(text.as_bytes()),
            Self::KeyOfFiles(id, files) => {
                Writer::new(6).part(&id.0).part(files.purpose().as_bytes())
            }
            Self::OpenKeyring(id, group, newest, file) => {
                Writer::new(7).part(&id.0).part(group.as_bytes()).number(*newest).part(file)
            }
            Self::DataKey { id, keyring, vault, group, path, wrapped } => {
                let writer = Writer::new(if wrapped.is_some() { 8 } else { 9 })
                    .part(&id.0)
                    .part(keyring)
                    .part(vault)
                    .part(group.to_string().as_bytes())
                    .part(path.as_str().as_bytes());
                match wrapped {
                    Some(wrapped) => writer.part(wrapped),
                    None => writer,
                }
            }
        }
        .0
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// What it is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut reader) = Reader::new(bytes)?;
        let request = Self::read(kind, &mut reader).ok_or(Malformed::Form)?;
        reader.end(request)
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            0 => Self::Status,
            1 => Self::Find(reader.array()?),
            2 => {
                let given = Handover {
                    file_hash: reader.array()?,
                    file: Secret::copy_of(reader.part(MAX_FILE)?),
                    ssh_path: reader.text(SHORT)?,
                    ssh_key: Secret::copy_of(reader.part(MAX_FILE)?),
                    passphrase: Secret::copy_of(reader.part(MAX_PASSPHRASE)?),
                };
                Self::Hold(Box::new(given), reader.number()?, reader.number()?)
            }
            3 => match reader.part(8)? {
                [] => Self::Lock(None),
                id => Self::Lock(Some(KeyId(id.try_into().ok()?))),
            },
            4 => Self::SignRecord {
                id: reader.id()?,
                vault: reader.array()?,
                path: reader.path()?,
                header: reader.text(SHORT)?,
                suite: reader.text(SHORT)?,
                message_id: reader.text(SHORT)?,
                commitment: reader.text(SHORT)?,
            },
            5 => Self::SignNote(reader.id()?, reader.text(MAX_NOTE)?),
            6 => {
                let id = reader.id()?;
                let purpose = reader.text(SHORT)?;
                let mut all = [DeviceFiles::Marks, DeviceFiles::Cache].into_iter();
                Self::KeyOfFiles(id, all.find(|files| files.purpose() == purpose)?)
            }
            7 => {
                let (id, group, newest) = (reader.id()?, reader.text(SHORT)?, reader.number()?);
                Self::OpenKeyring(id, group, newest, reader.part(MAX_KEYRING as usize)?.to_vec())
            }
            8 | 9 => Self::DataKey {
                id: reader.id()?,
                keyring: reader.array()?,
                vault: reader.array()?,
                group: GroupGen::parse(&reader.text(SHORT)?)?,
                path: reader.path()?,
                wrapped: match kind {
                    8 => Some(reader.part(MAX_WRAPPED)?.to_vec()),
                    _ => None,
                },
            },
            _ => return None,
        })
    }
}

impl Answer {
    /// The bytes.
    pub fn encode(&self) -> Secret {
        match self {
            Self::Done => Writer::new(0),
            Self::Status(Status { locked, held }) => {
                let writer = Writer::new(1).part(&[*locked]);
                held.iter().fold(writer, |writer, info| {
                    writer.part(&info.id.0).number(info.left).number(info.idle)
                })
            }
            Self::Public(id) => Writer::new(2).part(id.as_bytes()),
            Self::Signature(signature) => Writer::new(3).part(signature),
            Self::Opened(opened) => Writer::new(4).part(&[u8::from(*opened)]),
            Self::Key(key) => Writer::new(5).part(key.bytes()),
            Self::Fresh(key, wrapped) => Writer::new(6).part(key.bytes()).part(wrapped),
            Self::Problem(problem, text) => {
                let number = match problem {
                    Problem::NotHeld => 100,
                    Problem::UnknownKeyring => 101,
                    Problem::Refused => 102,
                    Problem::Failed(kind) => {
                        let at = KINDS.iter().position(|known| known == kind);
                        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
                    }
                };
                Writer::new(7).part(&[number]).part(text.as_bytes())
            }
        }
        .0
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// What it is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut reader) = Reader::new(bytes)?;
        let answer = Self::read(kind, &mut reader).ok_or(Malformed::Form)?;
        reader.end(answer)
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            0 => Self::Done,
            1 => {
                let [locked] = reader.array()?;
                let mut held = Vec::new();
                while !reader.0.is_empty() {
                    let (id, left, idle) = (reader.id()?, reader.number()?, reader.number()?);
                    held.push(HeldInfo { id, left, idle });
                }
                Self::Status(Status { locked, held })
            }
            2 => Self::Public(reader.text(SHORT)?),
            3 => Self::Signature(reader.array()?),
            4 => match reader.array()? {
                [0] => Self::Opened(false),
                [1] => Self::Opened(true),
                _ => return None,
            },
            5 => Self::Key(reader.key()?),
            6 => Self::Fresh(reader.key()?, reader.part(MAX_WRAPPED)?.to_vec()),
            7 => {
                let problem = match reader.array()? {
                    [100] => Problem::NotHeld,
                    [101] => Problem::UnknownKeyring,
                    [102] => Problem::Refused,
                    [at] => Problem::Failed(*KINDS.get(usize::from(at))?),
                };
                Self::Problem(problem, reader.text(SHORT)?)
            }
            _ => return None,
        })
    }
}

struct Writer(Secret);

impl Writer {
    fn new(kind: u8) -> Self {
        Self(Secret::copy_of(&[VERSION, kind]))
    }

    fn part(mut self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("parts are far below 4 GiB");
        self.0.extend(&len.to_be_bytes());
        self.0.extend(bytes);
        self
    }

    fn number(self, number: u64) -> Self {
        self.part(&number.to_be_bytes())
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<(u8, Self), Malformed> {
        match bytes {
            [VERSION, kind, rest @ ..] => Ok((*kind, Self(rest))),
            [VERSION] | [] => Err(Malformed::Form),
            _ => Err(Malformed::Version),
        }
    }

    fn part(&mut self, limit: usize) -> Option<&'a [u8]> {
        take_lp(&mut self.0).filter(|part| part.len() <= limit)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.part(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn id(&mut self) -> Option<KeyId> {
        self.array().map(KeyId)
    }

    fn key(&mut self) -> Option<Key> {
        Key::from_slice(self.part(32)?)
    }

    fn text(&mut self, limit: usize) -> Option<String> {
        std::str::from_utf8(self.part(limit)?).ok().map(str::to_owned)
    }

    fn path(&mut self) -> Option<SecretPath> {
        let text = self.text(SHORT)?;
        SecretPath::parse(&text).ok().filter(|path| path.as_str() == text)
    }

    fn end<T>(self, message: T) -> Result<T, Malformed> {
        if self.0.is_empty() { Ok(message) } else { Err(Malformed::Form) }
    }
}
