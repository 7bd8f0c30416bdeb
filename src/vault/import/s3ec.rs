//! Objects that other S3 encryption clients wrote: the only place that reads older forms of the
//! vault's own format.

use futures_util::{StreamExt, TryStreamExt, stream};
use zeroize::Zeroizing;

use super::names::split;
use super::{ItemContent, MAX_ITEMS, Parsed, Total};
use crate::aws::{AwsOptions, LazyAws};
use crate::core::error::{Error, Kind, Result};
use crate::core::path::escape;
use crate::core::s3ec::import::{Commitment, Foreign, MasterKey, Options, RsaKey};
use crate::core::s3ec::{Class, WrapKind};
use crate::core::secret::{Key, Secret};
use crate::core::text::hex_array;
use crate::keys::kms::{KeyArn, decrypt_foreign, resolve};
use crate::store::{S3Store, Store, StoreError, list_all};
use crate::vault::PARALLEL;
use crate::vault::error::tampered;
use crate::vault::standing::MAX_BODY;

/// What instruction files end in.
const INSTRUCTION: &str = ".instruction";
/// Largest instruction file that is read, in bytes.
const MAX_INSTRUCTION: u64 = 64 * 1024;

/// What else than the format of today may be read. Everything is off by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Older {
    /// Objects that do not commit to their key: V2 and, with the others, V1.
    pub formats: bool,
    /// Wraps that bind the data key to nothing.
    pub wraps: bool,
    /// Content that is not authenticated (CBC).
    pub unauthenticated: bool,
}

/// The key that opens foreign objects.
pub enum ForeignKey {
    /// A KMS key, and the encryption context that the objects were written with.
    Kms {
        /// ARN, id or alias.
        key: String,
        /// Without the reserved pair.
        context: Vec<(String, String)>,
    },
    /// A raw AES-256 key.
    Aes(Key),
    /// An RSA key.
    Rsa(Box<RsaKey>),
}

impl ForeignKey {
    /// Reads an AES-256 key: 32 bytes, or 64 hexadecimal digits.
    ///
    /// # Errors
    /// Usage for anything else.
    pub fn aes(file: &Secret) -> Result<Self> {
        let digits = file.text().and_then(|text| hex_array::<32>(text.trim())).map(Zeroizing::new);
        let key = Key::from_slice(file.bytes()).or_else(|| Key::from_slice(&**digits.as_ref()?));
        key.map(Self::Aes).ok_or_else(|| {
            Error::usage("not an AES-256 key").hint("the file holds 32 bytes, or 64 hex digits")
        })
    }

    /// Reads an RSA private key as PEM.
    ///
    /// # Errors
    /// Usage for anything else.
    pub fn rsa(file: &Secret) -> Result<Self> {
        RsaKey::from_pkcs1_pem(file).map(|key| Self::Rsa(Box::new(key))).ok_or_else(|| {
            Error::usage("not an RSA private key")
                .hint("PEM with BEGIN RSA PRIVATE KEY: openssl rsa -traditional -in KEY")
        })
    }
}

/// A bucket with objects of other clients.
pub struct ForeignBucket {
    pub(super) store: S3Store,
    pub(super) aws: LazyAws,
    pub(super) bucket: String,
}

/// An object that was read and decrypted.
pub struct Imported {
    /// Its key in the bucket.
    pub key: String,
    /// Its plaintext.
    pub value: Secret,
}

/// Objects under names, for the plan; each is empty as long as none was read.
///
/// # Errors
/// Usage if there are too many, or too large ones.
pub fn foreign_items(names: &[String], read: Option<Vec<Imported>>, raw: bool) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut values = read.map(|read| read.into_iter().map(|read| read.value));
    for name in names {
        let value = match &mut values {
            Some(values) => values.next().expect("one for each name"),
            None => Secret::with_capacity(0),
        };
        match raw {
            true => parsed.push(split(name)?, ItemContent::Raw(value))?,
            false => parsed.push_value(split(name)?, value)?,
        }
    }
    Ok(parsed)
}

impl ForeignBucket {
    /// The bucket; nothing is asked yet.
    ///
    /// # Errors
    /// Usage for what is no bucket, or settings that cannot work.
    pub async fn open(bucket: &str, options: AwsOptions) -> Result<Self> {
        let aws = LazyAws::new(options);
        let store = S3Store::new(aws.get().await?, bucket, "")?;
        Ok(Self { store, aws, bucket: bucket.to_owned() })
    }

    /// The keys below a prefix, without instruction files.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = list_all(&self.store, prefix).await?;
        keys.retain(|key| !key.ends_with(INSTRUCTION) && !key.ends_with('/'));
        if keys.len() > MAX_ITEMS {
            return Err(Error::usage(format!("more than {MAX_ITEMS} secrets at once")));
        }
        Ok(keys)
    }

    /// Reads and decrypts objects, many side by side. If one cannot be read, none is answered.
    ///
    /// # Errors
    /// Integrity for what does not open, or is no object of an S3 encryption client; usage where
    /// a format is not allowed by `older`; those of the store and of KMS.
    pub async fn read(
        &self,
        keys: &[String],
        with: &ForeignKey,
        older: Older,
    ) -> Result<Vec<Imported>> {
        let arn = match with {
            ForeignKey::Kms { key, .. } => Some(resolve(self.aws.get().await?, key).await?),
            ForeignKey::Aes(_) | ForeignKey::Rsa(_) => None,
        };
        let total = Total::default();
        let read = |key: &String| {
            let (key, arn, total) = (key.clone(), arn.as_ref(), &total);
            async move {
                let read = self.read_one(key, with, arn, older).await?;
                total.add(&read.value)?;
                Ok(read)
            }
        };
        stream::iter(keys).map(read).buffered(PARALLEL).try_collect().await
    }

    async fn read_one(
        &self,
        key: String,
        with: &ForeignKey,
        arn: Option<&KeyArn>,
        older: Older,
    ) -> Result<Imported> {
        let object = self.store.get(&key, MAX_BODY).await?;
        let options = Options {
            commitment: if older.formats { Commitment::Allow } else { Commitment::Require },
            legacy_wrapping: older.wraps,
            legacy_unauthenticated: older.unauthenticated,
        };
        let shown = escape(&key);
        let refused = |e| refused(&shown, e);
        let foreign = match Foreign::parse(&object.metadata, None, &options) {
            Err(e) if e.class == Class::InstructionFile => {
                let file = self.instruction_file(&key).await?;
                Foreign::parse(&object.metadata, file.as_deref(), &options).map_err(refused)?
            }
            parsed => parsed.map_err(refused)?,
        };
        let data_key = match (with, arn) {
            (ForeignKey::Kms { context, .. }, Some(arn)) if foreign.wrap() == WrapKind::Kms => {
                let pairs: Vec<_> = context.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                let request = foreign.kms_request(&pairs).map_err(refused)?;
                decrypt_foreign(self.aws.get().await?, arn, request.blob, &request.context).await?
            }
            (ForeignKey::Aes(key), _) => foreign.unwrap(&MasterKey::Aes(key)).map_err(refused)?,
            (ForeignKey::Rsa(key), _) => foreign.unwrap(&MasterKey::Rsa(key)).map_err(refused)?,
            (ForeignKey::Kms { .. }, _) => {
                return Err(Error::usage(format!("the data key of {shown} is not wrapped by KMS"))
                    .hint("--aes-key FILE or --rsa-key FILE names the key that it is wrapped by"));
            }
        };
        let value = foreign.open(data_key, object.body).map_err(refused)?;
        Ok(Imported { key, value })
    }

    async fn instruction_file(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self.store.get(&format!("{key}{INSTRUCTION}"), MAX_INSTRUCTION).await {
            Ok(object) => Ok(Some(object.body)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// A refusal in words, and the switch that would allow it.
fn refused(key: &str, error: crate::core::s3ec::S3ecError) -> Error {
    let switch = match error.class {
        Class::CommitmentPolicy => "--older-formats reads objects that do not commit to their key",
        Class::LegacyDisabled if error.reason.contains("wrap") => {
            "--legacy-wraps reads wraps that bind the data key to nothing"
        }
        Class::LegacyDisabled => "--unauthenticated reads content that anybody can have changed",
        Class::ContextMismatch => "--context NAME=VALUE gives the pairs that it was written with",
        Class::KeyMismatch => "--kms, --aes-key or --rsa-key names the key that it is wrapped by",
        Class::MissingHeader | Class::InstructionFile => {
            return tampered(key, error).hint("is it an object of an S3 encryption client at all?");
        }
        _ => return tampered(key, error),
    };
    Error::new(Kind::Usage, format!("{key} cannot be read with what was given"))
        .because(error)
        .hint(switch)
}
