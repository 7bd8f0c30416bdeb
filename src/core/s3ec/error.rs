//! One error type with the classes that the cross-client vectors use (§10).

/// Why an object was refused (§10). The names are those of the vectors' `expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Entries of two formats, or of metadata and an instruction file, are mixed.
    FormatConflict,
    /// A required entry is absent.
    MissingHeader,
    /// Base64, JSON or a length is malformed.
    BadEncoding,
    /// An algorithm that the tables do not have, or not in this format version.
    UnknownAlgorithm,
    /// The object does not commit to its key, and the reader requires that.
    CommitmentPolicy,
    /// A legacy algorithm whose switch is off.
    LegacyDisabled,
    /// The stored encryption context is not the one that the caller expects.
    ContextMismatch,
    /// The wrapped data key does not open.
    UnwrapFailed,
    /// The data key is not the one that the object was sealed with.
    CommitmentMismatch,
    /// The body was changed or cut.
    ContentAuth,
    /// The instruction file is missing, malformed or holds what belongs on the object.
    InstructionFile,
    /// The data key is wrapped by another kind of key than the one at hand.
    KeyMismatch,
}

/// A refused object. It never holds a value of the object: the text is safe to show and to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({class:?})")]
pub struct S3ecError {
    /// What kind of check failed.
    pub class: Class,
    /// What exactly is wrong, for people.
    pub reason: &'static str,
}

/// The result of an S3EC operation.
pub type Result<T> = std::result::Result<T, S3ecError>;

impl Class {
    /// An error of this class.
    pub(super) fn because(self, reason: &'static str) -> S3ecError {
        S3ecError { class: self, reason }
    }

    /// An error of this class, as a result.
    pub(super) fn refuse<T>(self, reason: &'static str) -> Result<T> {
        Err(self.because(reason))
    }
}
