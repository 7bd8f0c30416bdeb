//! From the errors of the layers below to the one that people see.

use crate::aws::{SettingError, statement};
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
                "if it is on a disk or share that is not mounted: mount it; `vault vaults --json` has \
                 the join string, and if the directory was moved: \
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
            StoreError::NoBucket { .. } => Self::not_found(message).hint(
                "check the name, the region and the endpoint; a bucket is made with its \
                 provider's tools",
            ),
            StoreError::Archived { .. } => Self::general(message).hint(
                "restore it with the provider's tools, and keep the vault's objects out of \
                 lifecycle rules that archive",
            ),
            StoreError::Refused { action, resource, condition, .. } => {
                let condition = condition.as_ref().map(|(key, pattern)| (*key, pattern.as_str()));
                let statement = statement(action, &resource, condition);
                // Without the right to list, S3 does not even say that something is not there.
                let listing = match action {
                    "s3:GetObject" => "; reading also needs s3:ListBucket on the bucket",
                    _ => "",
                };
                Self::denied(message)
                    .hint(escape(&format!("a policy has to say: {statement}{listing}")))
            }
            StoreError::ClockSkew { .. } => {
                Self::credentials(message).hint("set this computer's clock and try again")
            }
            StoreError::WrongRegion { region, .. } => Self::usage(message).hint(match region {
                Some(region) => format!(
                    "give --region {0}, or set region = \"{0}\" for the vault in the configuration",
                    escape(&region)
                ),
                None => "set the vault's region to that of the bucket".to_owned(),
            }),
            StoreError::Network { reason, .. } => {
                Self::new(Kind::Network, message).hint(unreached(&reason))
            }
            StoreError::NotKept { .. } => Self::new(Kind::Network, message)
                .hint("`vault cache fill` keeps secrets on this device; without --offline the storage is asked"),
            StoreError::Unsupported { .. } | StoreError::Service { .. } => Self::general(message),
            StoreError::Io { source, .. } => Self::general(message).because(source),
        }
    }
}

impl From<SettingError> for Error {
    fn from(error: SettingError) -> Self {
        let hint = "look at the vault's settings in the configuration and at the AWS_ variables";
        Self::usage(escape(&error.to_string())).hint(hint)
    }
}

/// What to do where no answer came.
fn unreached(reason: &str) -> &'static str {
    if reason.contains("certificate") || reason.contains("TLS handshake") {
        return "nothing was sent: the endpoint speaks no TLS, or this computer does not trust its \
                certificate";
    }
    if reason.contains("(Connect)") {
        return "nothing was sent: check the network, the endpoint and the region";
    }
    "it was tried several times; if it was to change something, look whether that has happened, \
     then try again"
}

/// An object that is not what its key says it is.
pub(super) fn tampered(what: &str, error: S3ecError) -> Error {
    Error::new(Kind::Integrity, format!("{what} cannot be decrypted")).because(error)
}
