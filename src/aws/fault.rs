//! What an error of the SDK says, the same for all services. What it means for a request is for
//! those to say who made it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http::endpoint::error::ResolveEndpointError;

/// Longest text of a server that becomes part of a message.
const MAX_TEXT: usize = 300;

/// Codes for credentials that are unknown, wrong or over.
const CREDENTIALS: [&str; 12] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];
/// What the SDK says in ten lines.
const NONE: &str = "there are none, neither in the environment nor in the AWS configuration";
/// Codes for "later".
const BUSY: [&str; 6] = [
    "Busy",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// Codes for a clock that is wrong.
const SKEW: [&str; 3] = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];

/// A request that failed.
#[derive(Debug)]
pub enum Fault {
    /// There are no credentials, or the service does not take them.
    Credentials(String),
    /// The clocks differ by more than signatures allow.
    ClockSkew,
    /// No answer, or "later"; it was tried several times.
    Network(String),
    /// The settings do not make a request.
    Setting(String),
    /// The service said no.
    Answer(Answer),
    /// The service said yes in words that cannot be read.
    Garbled(String),
}

/// A refusal of a service.
#[derive(Debug)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// The service's name for it; empty if there is none (as in answers to HEAD).
    pub code: String,
    /// What people are told: code and message, or the status.
    pub said: String,
    /// Where the service says that the bucket is.
    pub region: Option<String>,
}

impl Fault {
    /// Sorts an error of the SDK.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let (code, message) = (answer.err().code(), answer.err().message());
                answered(answer.raw(), code.unwrap_or_default(), message.unwrap_or_default())
            }
            SdkError::ResponseError(answer) if answer.raw().status().is_success() => {
                Self::Garbled(chain(error))
            }
            SdkError::ResponseError(answer) => answered(answer.raw(), "", ""),
            SdkError::DispatchFailure(failure) if failure.is_user() => Self::Setting(chain(error)),
            SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
                match find::<CredentialsError>(error) {
                    Some(CredentialsError::CredentialsNotLoaded(_)) => {
                        return Self::Credentials(NONE.to_owned());
                    }
                    Some(cause) => return Self::Credentials(chain(cause)),
                    None => {}
                }
                // Options that exclude each other.
                if let Some(cause) = find::<ResolveEndpointError>(error) {
                    return Self::Setting(chain(cause));
                }
                Self::Network(chain(error))
            }
            SdkError::DispatchFailure(_) => Self::Network(chain(error)),
            SdkError::TimeoutError(_) => Self::Network("no answer in time".to_owned()),
            // The request cannot even be built.
            _ => Self::Setting(chain(error)),
        }
    }
}

/// The status decides where the code does not: not every service that speaks a protocol of
/// Amazon's has its codes.
fn answered(raw: &HttpResponse, code: &str, message: &str) -> Fault {
    let status = raw.status().as_u16();
    // KMS and its kin put a name space in front, `com.amazonaws.kms#`.
    let code = code.rsplit('#').next().unwrap_or_default();
    let said = said(status, code, message);
    if SKEW.contains(&code) || (code == "InvalidSignatureException" && skewed(message)) {
        return Fault::ClockSkew;
    }
    if CREDENTIALS.contains(&code) || code == "InvalidSignatureException" || status == 401 {
        return Fault::Credentials(said);
    }
    if BUSY.contains(&code) || matches!(status, 408 | 429) || (status >= 500 && status != 501) {
        return Fault::Network(said);
    }
    let region = raw.headers().get("x-amz-bucket-region").map(shortened);
    Fault::Answer(Answer { status, code: shortened(code), said, region })
}

/// Services other than S3 have one code for a wrong signature and for a wrong clock.
fn skewed(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
}

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
