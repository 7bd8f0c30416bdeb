//! The crate's error: a kind (which decides the exit code), one sentence, a hint that can be
//! acted on, and the cause. It never holds a secret value.

use std::error::Error as StdError;
use std::fmt;

/// What kind of failure it is. Each has its own exit code, see `docs/CLI.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything without a kind of its own.
    General,
    /// The request itself is wrong: bad arguments, a path that breaks a rule.
    Usage,
    /// No such secret, field, version or vault.
    NotFound,
    /// No identity, a wrong passphrase, credentials missing or expired.
    Credentials,
    /// The credentials are good but do not allow this.
    Denied,
    /// Somebody else was faster, or it exists already. Nothing was claimed.
    Conflict,
    /// Tampering, rollback, or anything that cannot be decrypted or verified.
    Integrity,
    /// The network failed or timed out.
    Network,
    /// Some of it was done, some not.
    Partial,
}

impl Kind {
    /// The name used in `--json` errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::Credentials => "credentials",
            Self::Denied => "denied",
            Self::Conflict => "conflict",
            Self::Integrity => "integrity",
            Self::Network => "network",
            Self::Partial => "partial",
        }
    }
}

/// Most names of a list in an error.
const LISTED: usize = 20;

/// The first of many names, or lines, with how many more there are.
pub fn listed<T: fmt::Display>(all: &[T], between: &str) -> String {
    let mut out: Vec<String> = all.iter().take(LISTED).map(ToString::to_string).collect();
    if all.len() > LISTED {
        out.push(format!("… and {} more", all.len() - LISTED));
    }
    out.join(between)
}

/// The error of every layer above the stores and the object format.
#[derive(Debug)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed, in one line.
    pub message: String,
    /// What to do about it, if that is known where the error arose.
    pub hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything above the stores and the object format.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// [`Kind::General`]
    pub fn general(message: impl Into<String>) -> Self {
        Self::new(Kind::General, message)
    }

    /// [`Kind::Usage`]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// [`Kind::NotFound`]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// [`Kind::Credentials`]
    pub fn credentials(message: impl Into<String>) -> Self {
        Self::new(Kind::Credentials, message)
    }

    /// [`Kind::Denied`]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Kind::Denied, message)
    }

    /// [`Kind::Conflict`]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// [`Kind::Integrity`]
    pub fn integrity(message: impl Into<String>) -> Self {
        Self::new(Kind::Integrity, message)
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What caused it, the nearest first, in words.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        std::iter::successors(self.source(), |&cause| cause.source()).map(ToString::to_string)
    }

    /// The message and its causes, in one line.
    pub fn in_full(&self) -> String {
        std::iter::once(self.message.clone()).chain(self.causes()).collect::<Vec<_>>().join(": ")
    }

    /// Adds the cause.
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}
