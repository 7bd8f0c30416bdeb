//! From the SDK's errors to ours.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http::endpoint::error::ResolveEndpointError;

use super::super::StoreError;
use super::super::rules::invalid;

/// Longest text of a server that becomes part of a message.
const MAX_TEXT: usize = 300;

/// Credentials that are unknown, wrong or over.
const CREDENTIALS: [&str; 11] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];
/// The bucket is elsewhere.
const REGION: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "Redirect",
    "TemporaryRedirect",
];
/// The request cannot be stored as it is.
const UNFIT: [&str; 4] = ["EntityTooLarge", "InvalidURI", "KeyTooLongError", "MetadataTooLarge"];

/// What was asked, for messages.
pub(super) struct Request<'a> {
    /// The permission it takes.
    pub(super) action: &'static str,
    /// The bucket.
    pub(super) bucket: &'a str,
    /// The store's prefix in it.
    pub(super) prefix: &'a str,
    /// The key below the prefix; empty for the bucket.
    pub(super) key: &'a str,
    /// The endpoint or region.
    pub(super) place: &'a str,
}

impl Request<'_> {
    /// Why it failed.
    pub(super) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match &error {
            SdkError::ServiceError(answer) => {
                let (code, message) = (answer.err().code(), answer.err().message());
                self.refused(answer.raw(), code.unwrap_or_default(), message.unwrap_or_default())
            }
            SdkError::ResponseError(answer) if answer.raw().status().is_success() => {
                let reason = format!("the answer cannot be read: {}", chain(&error));
                StoreError::Damaged { key: self.key.to_owned(), reason, etag: None }
            }
            SdkError::ResponseError(answer) => self.refused(answer.raw(), "", ""),
            SdkError::DispatchFailure(failure) if failure.is_user() => invalid(chain(&error)),
            SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
                if let Some(cause) = find::<CredentialsError>(&error) {
                    return StoreError::Credentials { reason: chain(cause) };
                }
                // Options that exclude each other.
                if let Some(cause) = find::<ResolveEndpointError>(&error) {
                    return invalid(chain(cause));
                }
                self.network(chain(&error))
            }
            SdkError::DispatchFailure(_) => self.network(chain(&error)),
            SdkError::TimeoutError(_) => self.network("no answer in time".to_owned()),
            // The request cannot even be built.
            _ => invalid(chain(&error)),
        }
    }

    /// The meaning of an answer. Answers to HEAD have no code, and other stores than Amazon's
    /// have codes of their own, so the status decides where the code does not.
    fn refused(&self, raw: &HttpResponse, code: &str, message: &str) -> StoreError {
        let status = raw.status().as_u16();
        let key = || self.key.to_owned();
        let reason = || said(status, code, message);
        match (code, status) {
            ("NoSuchBucket", _) => self.missing(),
            ("PreconditionFailed" | "ConditionalRequestConflict" | "OperationAborted", _)
            | (_, 409 | 412) => StoreError::Conflict { key: key() },
            ("RequestTimeTooSkewed", _) => StoreError::ClockSkew { place: self.place.to_owned() },
            (code, _) if CREDENTIALS.contains(&code) => {
                StoreError::Credentials { reason: reason() }
            }
            (code, _) if REGION.contains(&code) => self.elsewhere(raw),
            (code, _) if UNFIT.contains(&code) => invalid(reason()),
            (_, 301 | 307 | 308) => self.elsewhere(raw),
            (_, 401) => StoreError::Credentials { reason: reason() },
            (_, 403) => StoreError::Refused {
                action: self.action,
                resource: self.resource(),
                reason: reason(),
            },
            (_, 404) if self.key.is_empty() => self.missing(),
            (_, 404) => StoreError::NotFound { key: key() },
            ("NotImplemented", _) | (_, 405 | 501) => {
                StoreError::Unsupported { action: self.action, reason: reason() }
            }
            ("SlowDown" | "RequestTimeout" | "Throttling", _) | (_, 408 | 429 | 500..) => {
                self.network(reason())
            }
            _ => StoreError::Service { action: self.action, reason: reason() },
        }
    }

    fn network(&self, reason: String) -> StoreError {
        StoreError::Network { place: self.place.to_owned(), reason }
    }

    fn missing(&self) -> StoreError {
        StoreError::Missing { location: format!("s3://{} ({})", self.bucket, self.place) }
    }

    fn elsewhere(&self, raw: &HttpResponse) -> StoreError {
        let region = raw.headers().get("x-amz-bucket-region").map(shortened);
        StoreError::WrongRegion { bucket: self.bucket.to_owned(), region }
    }

    /// As policies name it.
    fn resource(&self) -> String {
        match (self.bucket.strip_prefix("arn:"), self.key) {
            (Some(_), "") => self.bucket.to_owned(),
            (Some(_), key) => format!("{}/object/{}{key}", self.bucket, self.prefix),
            (None, "") => format!("arn:aws:s3:::{}", self.bucket),
            (None, key) => format!("arn:aws:s3:::{}/{}{key}", self.bucket, self.prefix),
        }
    }
}

/// What the server said.
fn said(status: u16, code: &str, message: &str) -> String {
    let parts = [code, message].map(shortened);
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if said.is_empty() { format!("status {status}") } else { said.join(": ") }
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
}

/// An error and its causes in one line; each says something of its own.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in causes(error) {
        let text = error.to_string();
        if parts.last() != Some(&text) {
            parts.push(text);
        }
    }
    shortened(&parts.join(": "))
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
