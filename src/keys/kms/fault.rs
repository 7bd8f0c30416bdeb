//! What a refusal of KMS means, and what can be done about it.

use crate::aws::{Answer, Fault, statement};
use crate::core::error::{Error, Kind};
use crate::core::path::{SecretPath, escape};

/// What is the matter with a key that nobody can use: it is disabled, or about to be deleted.
#[derive(Debug, thiserror::Error)]
#[error("its state is {0}")]
struct KeyState(String);

/// What a fault of a request about `key` means.
pub(super) fn failed(
    action: &'static str,
    key: &str,
    place: &str,
    path: Option<&SecretPath>,
    fault: Fault,
) -> Error {
    let Answer { code, said, .. } = match fault {
        Fault::Answer(answer) => answer,
        Fault::Credentials(reason) => {
            return Error::credentials(escape(&format!(
                "the credentials for KMS cannot be used: {reason}"
            )))
            .hint("look at AWS_PROFILE and the other AWS_ variables, or log in again");
        }
        Fault::ClockSkew => {
            return Error::credentials(format!(
                "the clocks of this computer and of KMS ({place}) differ too much"
            ))
            .hint("set this computer's clock and try again");
        }
        Fault::Network(reason) => {
            let message = escape(&format!("no answer from KMS ({place}): {reason}"));
            return Error::new(Kind::Network, message).hint("try again");
        }
        Fault::Setting(reason) => return Error::usage(escape(&reason)),
        Fault::Garbled(reason) => {
            return Error::general(escape(&format!("the answer of KMS cannot be read: {reason}")));
        }
    };
    let key_text = escape(key);
    let what = path.map_or("the data key".to_owned(), |path| format!("the data key of {path}"));
    match code.as_str() {
        "AccessDeniedException" | "AccessDenied" => {
            let condition = path.map(|path| ("kms:EncryptionContext:path", path.as_str()));
            let resource = if key.starts_with("arn:") { key } else { "*" };
            Error::denied(escape(&format!("KMS does not allow {action} with {key}: {said}"))).hint(
                escape(&format!("a policy has to say: {}", statement(action, resource, condition))),
            )
        }
        "DisabledException" => unusable(key, "Disabled"),
        // It says which state in a sentence only.
        "KMSInvalidStateException" => unusable(key, &said),
        "NotFoundException" => {
            Error::not_found(escape(&format!("there is no KMS key {key} ({place}): {said}")))
                .hint("check the key and its region")
        }
        "InvalidCiphertextException" => Error::integrity(format!(
            "KMS refuses {what}: it was changed, or is not of this path, group or vault"
        )),
        "IncorrectKeyException" => Error::integrity(format!(
            "{what} was wrapped by another KMS key than the one that the team chain pins ({key_text})"
        )),
        "InvalidKeyUsageException" | "InvalidArnException" | "ValidationException" => {
            Error::usage(escape(&format!("the KMS key {key} cannot be used for this: {said}")))
        }
        _ => Error::general(escape(&format!("KMS refuses {action} with {key}: {said}"))),
    }
}

/// Whether an error is about the state of a key, not about what somebody may do with it.
pub fn is_unusable(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<KeyState>())
}

/// A key in a state in which it does nothing.
pub(super) fn unusable(key: &str, state: &str) -> Error {
    let key = escape(key);
    let way = match state {
        "Disabled" => format!("whoever runs it can enable it: aws kms enable-key --key-id {key}"),
        "PendingDeletion" => format!(
            "everything under it is lost when it is gone; whoever runs it can stop that: \
             aws kms cancel-key-deletion --key-id {key}"
        ),
        _ => format!("look at it: aws kms describe-key --key-id {key}"),
    };
    Error::denied(format!("the KMS key {key} cannot be used now"))
        .because(KeyState(escape(state)))
        .hint(way)
}
