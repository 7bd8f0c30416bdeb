//! The object format of the Amazon S3 Encryption Client ("S3EC"), in memory.
//!
//! The normal path writes and reads one format only: V3 (suite 115, key-committing), with all
//! of its entries in the object's metadata. There is no fallback from it, because every
//! published weakness of S3EC is a downgrade or a swap through metadata that the storage
//! controls. What other writers left behind is read by [`import`], which nothing on the normal
//! path calls.
//!
//! Sources: the S3EC specification (`awslabs/aws-encryption-sdk-specification`, folder
//! `s3-encryption/`, commit 167041b) and the released clients for Java, Go, Python and Ruby.
//! Section numbers in these files (§) are those of the project's description of that format.

mod context;
mod error;
pub mod import;
mod metadata;
mod v3;
mod wrap;

pub use context::{check_kms_context, kms_context};
pub use error::{Class, Result, S3ecError};
pub use v3::{ContentKey, Envelope, Sealed, seal};
pub use wrap::{WrapKind, unwrap_aes, wrap_aes};

/// Length of a V3 message id and of a V3 key commitment in bytes (§3.2).
pub const ID: usize = 28;
