//! What a failed request means for a store.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::StoreError;
use super::super::rules::invalid;
use crate::aws::{Answer, Fault};

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
        match Fault::of(&error) {
            Fault::Credentials(reason) => StoreError::Credentials { reason },
            Fault::ClockSkew => StoreError::ClockSkew { place: self.place.to_owned() },
            Fault::Network(reason) => StoreError::Network { place: self.place.to_owned(), reason },
            Fault::Setting(reason) => invalid(reason),
            Fault::Garbled(reason) => {
                let reason = format!("the answer cannot be read: {reason}");
                StoreError::Damaged { key: self.key.to_owned(), reason, etag: None }
            }
            Fault::Answer(answer) => self.refused(answer),
        }
    }

    /// The meaning of an answer. Answers to HEAD have no code, and other stores than Amazon's
    /// have codes of their own, so the status decides where the code does not.
    fn refused(&self, answer: Answer) -> StoreError {
        let Answer { status, code, said: reason, region } = answer;
        let key = || self.key.to_owned();
        match (code.as_str(), status) {
            ("NoSuchBucket", _) => self.missing(),
            ("PreconditionFailed" | "ConditionalRequestConflict" | "OperationAborted", _)
            | (_, 409 | 412) => StoreError::Conflict { key: key() },
            ("InvalidObjectState", _) => StoreError::Archived { key: key() },
            (code, _) if REGION.contains(&code) => self.elsewhere(region),
            (code, _) if UNFIT.contains(&code) => invalid(reason),
            (_, 301 | 307 | 308) => self.elsewhere(region),
            // S3 does not say that something is missing to whoever may not list.
            (_, 403) if reason.contains("perform: s3:ListBucket") => {
                let bucket = Request { action: "s3:ListBucket", key: "", ..*self };
                StoreError::Refused {
                    action: bucket.action,
                    resource: bucket.resource(),
                    condition: bucket.condition(),
                    reason,
                }
            }
            (_, 403) => StoreError::Refused {
                action: self.action,
                resource: self.resource(),
                condition: self.condition(),
                reason,
            },
            (_, 404) if self.key.is_empty() => self.missing(),
            (_, 404) => StoreError::NotFound { key: key() },
            ("NotImplemented", _) | (_, 405 | 501) => {
                StoreError::Unsupported { action: self.action, reason }
            }
            _ => StoreError::Service { action: self.action, reason },
        }
    }

    fn missing(&self) -> StoreError {
        StoreError::NoBucket { bucket: self.bucket.to_owned(), place: self.place.to_owned() }
    }

    fn elsewhere(&self, region: Option<String>) -> StoreError {
        // It becomes part of a command that people are told to run.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let region = region.filter(|region| region.len() <= 32 && region.chars().all(plain));
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

    /// What a statement for it can be narrowed to: listing is a right on the whole bucket.
    fn condition(&self) -> Option<(&'static str, String)> {
        let narrow = self.key.is_empty() && !self.prefix.is_empty();
        narrow.then(|| ("s3:prefix", format!("{}*", self.prefix)))
    }
}
