//! A store in a bucket of Amazon S3, or of another service that speaks its protocol and honours
//! its preconditions.
//!
//! Where S3 gives less than [`Store`] asks for:
//! - An etag is often a digest of the body: writing the same body again need not change it. What
//!   is written here is freshly encrypted, so no two bodies are alike.
//! - Removing with an etag what is not there may succeed.
//! - Metadata comes back sorted by name.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{RequestPayer, ServerSideEncryption, StorageClass};
use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};

use self::fault::Request;
use super::rules::{check_key, check_metadata, invalid};
use super::{Condition, Etag, Head, Listing, Metadata, Object, Page, Result, Store, StoreError};
use crate::aws::{Aws, AwsOptions, SettingError, Sse};

pub mod bucket;
mod fault;
mod list;

/// How often a body is asked for that breaks off; the SDK tries again only until it begins.
const BODIES: u32 = 3;
/// Pause before a body is asked for again, times the number of attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// A store in a bucket, or in the part of it whose keys begin with a prefix.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    place: String,
    options: AwsOptions,
}

impl S3Store {
    /// The store in `bucket` below `prefix`, which is put before every key as it is. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for what is no bucket or no beginning of a key.
    pub fn new(aws: &Aws, bucket: &str, prefix: &str) -> Result<Self> {
        if !prefix.is_empty() {
            check_key(prefix)?;
        }
        Ok(Self {
            client: aws.s3(bucket)?,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            place: aws.s3_place(),
            options: aws.options().clone(),
        })
    }

    /// The key in the bucket.
    fn full(&self, key: &str) -> Result<String> {
        check_key(key)?;
        let full = format!("{}{key}", self.prefix);
        check_key(&full)?;
        Ok(full)
    }

    fn request<'a>(&'a self, action: &'static str, key: &'a str) -> Request<'a> {
        Request { action, bucket: &self.bucket, prefix: &self.prefix, key, place: &self.place }
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.options.requester_pays.then_some(RequestPayer::Requester)
    }

    fn owner(&self) -> Option<String> {
        self.options.expected_owner.clone()
    }

    async fn get_once(&self, key: &str, full: &str, limit: u64) -> Result<Option<Object>> {
        let request = self.request("s3:GetObject", key);
        let get = self.client.get_object().bucket(&self.bucket).key(full);
        let get = get.set_request_payer(self.payer()).set_expected_bucket_owner(self.owner());
        let mut answer = get.send().await.map_err(|error| request.failed(error))?;
        let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
        let head = Head {
            metadata: metadata(key, answer.metadata(), answer.missing_meta())?,
            size: size.unwrap_or(0),
            etag: etag(key, answer.e_tag())?,
        };
        if head.size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size: head.size, limit });
        }
        let Some(body) = body(&mut answer, key, limit).await? else { return Ok(None) };
        let whole = size.is_none_or(|size| size == body.len() as u64);
        Ok(whole.then_some(Object { metadata: head.metadata, body, etag: head.etag }))
    }

    async fn look(&self, key: &str, full: &str) -> Result<Head> {
        let request = self.request("s3:GetObject", key);
        let head = self.client.head_object().bucket(&self.bucket).key(full);
        let head = head.set_request_payer(self.payer()).set_expected_bucket_owner(self.owner());
        let answer = head.send().await.map_err(|error| request.failed(error))?;
        Ok(Head {
            metadata: metadata(key, answer.metadata(), answer.missing_meta())?,
            size: answer.content_length().and_then(|size| size.try_into().ok()).unwrap_or(0),
            etag: etag(key, answer.e_tag())?,
        })
    }
}

#[async_trait]
impl Store for S3Store {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        let full = self.full(key)?;
        for attempt in 1..=BODIES {
            if let Some(object) = self.get_once(key, &full, limit).await? {
                return Ok(object);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        let reason = format!("the answer broke off {BODIES} times");
        Err(StoreError::Network { place: self.place.clone(), reason })
    }

    async fn head(&self, key: &str) -> Result<Head> {
        self.look(key, &self.full(key)?).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Etag> {
        let full = self.full(key)?;
        let metadata: HashMap<_, _> = check_metadata(metadata)?.into_iter().collect();
        let (if_match, if_none_match) = match condition {
            Condition::None => (None, None),
            Condition::Absent => (None, Some("*".to_owned())),
            Condition::Matches(etag) => (Some(sendable(key, etag)?), None),
        };
        let (sse, kms_key, bucket_key) = encryption(&self.options.sse);
        let request = self.request("s3:PutObject", key);
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(full)
            .set_metadata(Some(metadata))
            // The one check of the body that every store knows, in front of it; buckets with
            // object lock insist on one.
            .content_md5(Base64::encode_string(&Md5::digest(body)))
            .body(ByteStream::from(body.to_vec()))
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_storage_class(self.options.storage_class.as_deref().map(StorageClass::from))
            .set_server_side_encryption(sse)
            .set_ssekms_key_id(kms_key)
            .set_bucket_key_enabled(bucket_key)
            .set_request_payer(self.payer())
            .set_expected_bucket_owner(self.owner());
        match put.send().await.map_err(|error| request.failed(error)) {
            Ok(answer) => etag(key, answer.e_tag()),
            // Some stores say that nothing is there where others say that it does not match.
            Err(StoreError::NotFound { key }) if matches!(condition, Condition::Matches(_)) => {
                Err(StoreError::Conflict { key })
            }
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        let full = self.full(key)?;
        let if_match = etag.map(|etag| sendable(key, etag)).transpose()?;
        let request = self.request("s3:DeleteObject", key);
        let delete = self.client.delete_object().bucket(&self.bucket).key(&full);
        let delete = delete
            .set_if_match(if_match)
            .set_request_payer(self.payer())
            .set_expected_bucket_owner(self.owner());
        match delete.send().await.map_err(|error| request.failed(error)) {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound { .. }) if etag.is_none() => Ok(()),
            // The precondition also fails on what is not there: which of the two is it?
            Err(StoreError::Conflict { key: there }) => match self.look(key, &full).await {
                Err(StoreError::NotFound { key }) => Err(StoreError::NotFound { key }),
                _ => Err(StoreError::Conflict { key: there }),
            },
            Err(error) => Err(error),
        }
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        list::page(self, listing).await
    }
}

impl From<SettingError> for StoreError {
    fn from(error: SettingError) -> Self {
        invalid(error.to_string())
    }
}

/// The rest of the answer, `None` if it breaks off. The length that was announced is checked
/// before; this holds where it was not, or was wrong.
async fn body(answer: &mut GetObjectOutput, key: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        match answer.body.try_next().await {
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => return Ok(Some(body)),
            Err(_) => return Ok(None),
        }
        let size = body.len() as u64;
        if size > limit {
            return Err(StoreError::TooLarge { key: key.to_owned(), size, limit });
        }
    }
}

/// The metadata with names in lower case, sorted: the SDK does not keep their order.
fn metadata(
    key: &str,
    found: Option<&HashMap<String, String>>,
    missing: Option<i32>,
) -> Result<Metadata> {
    if missing.is_some_and(|missing| missing > 0) {
        let reason = "it has metadata that cannot be sent".to_owned();
        return Err(StoreError::Damaged { key: key.to_owned(), reason, etag: None });
    }
    let entries = found.into_iter().flatten();
    let mut metadata: Metadata =
        entries.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    metadata.sort();
    Ok(metadata)
}

fn etag(key: &str, found: Option<&str>) -> Result<Etag> {
    let reason = || "the store sends no etag for it".to_owned();
    found.map(|etag| Etag(etag.to_owned())).ok_or_else(|| StoreError::Damaged {
        key: key.to_owned(),
        reason: reason(),
        etag: None,
    })
}

/// The etag as a precondition. `*` would match anything and an empty one may be dropped on the
/// way: no store gives either out, so they match nothing.
fn sendable(key: &str, etag: &Etag) -> Result<String> {
    let text = etag.0.as_str();
    if text.is_empty() || text.contains('*') || !text.bytes().all(|b| matches!(b, 0x21..=0x7e)) {
        return Err(StoreError::Conflict { key: key.to_owned() });
    }
    Ok(text.to_owned())
}

fn encryption(sse: &Sse) -> (Option<ServerSideEncryption>, Option<String>, Option<bool>) {
    match sse {
        Sse::Bucket => (None, None, None),
        Sse::S3 => (Some(ServerSideEncryption::Aes256), None, None),
        Sse::Kms { key, bucket_key } => {
            (Some(ServerSideEncryption::AwsKms), key.clone(), bucket_key.then_some(true))
        }
        Sse::KmsTwice { key } => (Some(ServerSideEncryption::AwsKmsDsse), key.clone(), None),
    }
}
