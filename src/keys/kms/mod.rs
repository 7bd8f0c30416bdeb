//! The KMS wrap: AWS KMS makes the data keys and opens them again, for whoever its policies
//! allow (`docs/FORMAT.md`, "KMS").
//!
//! Three things are pinned and never taken from what is stored: the key (its ARN is in the team
//! chain), the encryption context (made from the path that was asked for), and that the key which
//! KMS says it used is that key.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeySpec, KeyState, KeyUsageType};

use self::fault::{failed, unusable};
use super::local::binding;
use super::{Unwrap, Wrap, Wrapped};
use crate::aws::{Answer, Aws, Fault};
use crate::core::cipher::Hash;
use crate::core::error::{Error, Result};
use crate::core::header::GroupGen;
use crate::core::json::ascii_object;
use crate::core::path::{SecretPath, escape};
use crate::core::s3ec::{Envelope, WrapKind, check_kms_context, kms_context};
use crate::core::secret::{Key, Secret};

pub use self::arn::KeyArn;
pub use self::fault::is_unusable;

mod arn;
mod fault;

/// A pinned key, as the power over the data keys of one generation of a group.
pub struct KmsKeys {
    calls: Calls,
    vault: Hash,
    group: GroupGen,
}

impl KmsKeys {
    /// The data keys of `group` under `key`. Nothing is asked yet.
    pub fn new(aws: &Aws, key: &KeyArn, vault: Hash, group: GroupGen) -> Self {
        Self { calls: Calls::new(aws, key), vault, group }
    }

    /// Makes a data key for a path that no secret has and opens it again: proves before a vault
    /// is made that the key does what it is for.
    ///
    /// # Errors
    /// As [`Wrap::wrap`] and [`Unwrap::unwrap`].
    pub async fn prove(&self, path: &SecretPath) -> Result<()> {
        let context = self.context(path)?;
        let (_, wrapped) = self.calls.generate(path, &context).await?;
        self.calls.decrypt(Some(path), &context, &wrapped).await.map(drop)
    }

    fn context(&self, path: &SecretPath) -> Result<Vec<(String, String)>> {
        let pairs = binding(&self.vault, &self.group, path);
        kms_context(&borrowed(&pairs))
            .map_err(|e| Error::general(format!("cannot wrap {path}")).because(e))
    }
}

#[async_trait]
impl Wrap for KmsKeys {
    async fn wrap(&self, path: &SecretPath) -> Result<Wrapped> {
        let context = self.context(path)?;
        let (data_key, wrapped) = self.calls.generate(path, &context).await?;
        let description = ascii_object(&borrowed(&context));
        Ok(Wrapped { data_key, kind: WrapKind::Kms, wrapped, description })
    }
}

#[async_trait]
impl Unwrap for KmsKeys {
    async fn unwrap(&self, path: &SecretPath, envelope: &Envelope) -> Result<Option<Key>> {
        if envelope.wrap() != WrapKind::Kms {
            return Ok(None);
        }
        let pairs = binding(&self.vault, &self.group, path);
        check_kms_context(envelope, &borrowed(&pairs)).map_err(|e| {
            Error::integrity(format!(
                "the object stored for {path} is bound to another path, group or vault"
            ))
            .because(e)
        })?;
        // What was asked for, not what is stored; by now they are equal.
        let context = self.context(path)?;
        self.calls.decrypt(Some(path), &context, envelope.wrapped()).await.map(Some)
    }
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Requests for one key.
struct Calls {
    client: Client,
    key: KeyArn,
    place: String,
    /// Where a multi-Region key was pinned, if the nearer replica that is asked first is missing.
    home: Option<Box<Calls>>,
}

impl Calls {
    fn new(aws: &Aws, pinned: &KeyArn) -> Self {
        let at = |key: KeyArn, home| Self {
            client: aws.kms(key.region()),
            place: aws.kms_place(key.region()),
            key,
            home,
        };
        if pinned.is_multi_region() && pinned.region() != aws.region() {
            let home = at(pinned.clone(), None);
            return at(pinned.in_region(aws.region()), Some(Box::new(home)));
        }
        at(pinned.clone(), None)
    }

    /// A fresh data key and its wrapped form.
    async fn generate(
        &self,
        path: &SecretPath,
        context: &[(String, String)],
    ) -> Result<(Key, Vec<u8>)> {
        let request = |calls: &Self| {
            let call = calls.client.generate_data_key().key_id(calls.key.to_string());
            let call = call.key_spec(DataKeySpec::Aes256);
            call.set_encryption_context(Some(context.iter().cloned().collect())).send()
        };
        let (calls, answer) = match (request(self).await, &self.home) {
            (Err(error), Some(home)) if is_missing(&error) => (&**home, request(home).await),
            (answer, _) => (self, answer),
        };
        let mut answer =
            answer.map_err(|error| calls.failed("kms:GenerateDataKey", Some(path), &error))?;
        // Taken first: what is dropped with the answer is not zeroed.
        let data_key = key(answer.plaintext.take());
        calls.check_key(answer.key_id())?;
        match (data_key, answer.ciphertext_blob.take().map(Blob::into_inner)) {
            (Some(data_key), Some(wrapped)) => Ok((data_key, wrapped)),
            _ => Err(calls.nonsense()),
        }
    }

    async fn decrypt(
        &self,
        path: Option<&SecretPath>,
        context: &[(String, String)],
        wrapped: &[u8],
    ) -> Result<Key> {
        let request = |calls: &Self| {
            let call = calls.client.decrypt().key_id(calls.key.to_string());
            let call = call.ciphertext_blob(Blob::new(wrapped));
            call.set_encryption_context(Some(context.iter().cloned().collect())).send()
        };
        let (calls, answer) = match (request(self).await, &self.home) {
            (Err(error), Some(home)) if is_missing(&error) => (&**home, request(home).await),
            (answer, _) => (self, answer),
        };
        let mut answer = answer.map_err(|error| calls.failed("kms:Decrypt", path, &error))?;
        let data_key = key(answer.plaintext.take());
        calls.check_key(answer.key_id())?;
        data_key.ok_or_else(|| calls.nonsense())
    }

    fn check_key(&self, answered: Option<&str>) -> Result<()> {
        match answered {
            Some(answered) if self.key.is(answered) => Ok(()),
            other => Err(Error::integrity(format!(
                "KMS used the key {} where the team chain pins {}",
                escape(other.unwrap_or("?")),
                self.key
            ))
            .hint("somebody may have put another key's object there; `vault verify` looks closer")),
        }
    }

    fn nonsense(&self) -> Error {
        Error::general(format!("the answer of KMS ({}) holds no data key", self.place))
    }

    /// What a failed request means. `path` is what it was made for.
    fn failed<E>(
        &self,
        action: &'static str,
        path: Option<&SecretPath>,
        error: &SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        failed(action, &self.key.to_string(), &self.place, path, Fault::of(error))
    }
}

/// The 32 bytes of a data key; the buffer that they came in is zeroed.
fn key(plaintext: Option<Blob>) -> Option<Key> {
    Key::from_slice(Secret::new(plaintext?.into_inner()).bytes())
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("NotFoundException")
}

/// The data key of an object that another client wrote, with its own context.
///
/// # Errors
/// As [`Unwrap::unwrap`].
pub async fn decrypt_foreign(
    aws: &Aws,
    key: &KeyArn,
    wrapped: &[u8],
    context: &[(String, String)],
) -> Result<Key> {
    Calls::new(aws, key).decrypt(None, context, wrapped).await
}

/// The ARN of the key that a person named by ARN, id or alias, after a look at what it is.
///
/// # Errors
/// Usage for a key that cannot wrap data keys; not found; denied; whatever KMS answers.
pub async fn resolve(aws: &Aws, given: &str) -> Result<KeyArn> {
    let region = match given.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "kms", region, ..] => region.to_owned(),
        _ => aws.region().to_owned(),
    };
    let answer = aws.kms(&region).describe_key().key_id(given).send().await;
    let answer = match (answer, KeyArn::parse(given)) {
        (Ok(answer), _) => answer,
        (Err(error), arn) => match (Fault::of(&error), arn) {
            // Whoever may use a key need not be allowed to look at it.
            (Fault::Answer(Answer { code, .. }), Some(arn)) if code == "AccessDeniedException" => {
                return Ok(arn);
            }
            (fault, _) => {
                let place = aws.kms_place(&region);
                return Err(failed("kms:DescribeKey", given, &place, None, fault));
            }
        },
    };
    let key = answer.key_metadata().ok_or_else(|| Error::general("KMS describes no key"))?;
    let unfit = |why: &str| {
        Error::usage(format!("the KMS key {} {why}", escape(given)))
            .hint("a vault needs a symmetric key for encryption, which is KMS's default")
    };
    if key.key_usage().is_some_and(|usage| *usage != KeyUsageType::EncryptDecrypt)
        || key.key_spec().is_some_and(|spec| *spec != KeySpec::SymmetricDefault)
    {
        return Err(unfit("is not a symmetric key for encryption"));
    }
    if let Some(state) = key.key_state().filter(|state| **state != KeyState::Enabled) {
        return Err(unusable(given, state.as_str()));
    }
    key.arn().and_then(KeyArn::parse).ok_or_else(|| unfit("has no ARN that can be pinned"))
}
