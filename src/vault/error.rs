//! From the errors of the layers below to the one that people see.

use crate::core::error::{Error, Kind};
use crate::core::path::escape;
use crate::core::s3ec::S3ecError;
use crate::store::StoreError;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = escape(&error.to_string());
        match error {
            StoreError::NotFound { .. } => Self::not_found(message),
            StoreError::Conflict { .. } => {
                Self::conflict(message).hint("nothing was changed; try again")
            }
            StoreError::Damaged { etag: None, .. } => Self::integrity(message)
                .hint("somebody put something else there; look at it, and remove it by hand"),
            StoreError::TooLarge { .. } | StoreError::Damaged { .. } => Self::integrity(message),
            StoreError::Invalid { .. } => Self::usage(message),
            StoreError::Missing { .. } => Self::not_found(message).hint(
                "`vault vaults --json` has the join string; if the directory was moved: \
                 vault join JOIN --location DIRECTORY",
            ),
            StoreError::Denied { source, .. } => Self::denied(message)
                .hint("the system user that runs vault needs read and write access there")
                .because(source),
            StoreError::Full { source, .. } => Self::general(message)
                .hint("free some space and run the command again; what was stored before is intact")
                .because(source),
            StoreError::Credentials { .. } => Self::credentials(message)
                .hint("look at AWS_PROFILE and the other AWS_ variables, or log in again"),
            StoreError::Refused { action, resource, .. } => Self::denied(message).hint(escape(
                &format!("whoever runs the storage can allow {action} on {resource}"),
            )),
            StoreError::ClockSkew { .. } => {
                Self::credentials(message).hint("set this computer's clock and try again")
            }
            StoreError::WrongRegion { .. } => {
                Self::usage(message).hint("set the vault's region to that of the bucket")
            }
            StoreError::Network { .. } => Self::new(Kind::Network, message)
                .hint("it was tried several times; look whether it has happened, then try again"),
            StoreError::Unsupported { .. } | StoreError::Service { .. } => Self::general(message),
            StoreError::Io { source, .. } => Self::general(message).because(source),
        }
    }
}

/// An object that is not what its key says it is.
pub(super) fn tampered(what: &str, error: S3ecError) -> Error {
    Error::new(Kind::Integrity, format!("{what} cannot be decrypted")).because(error)
}
