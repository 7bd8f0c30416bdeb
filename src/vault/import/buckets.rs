//! Buckets of nitor-vault and of sneaker: both seal each value under a data key of KMS.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::names::split;
use super::s3ec::ForeignBucket;
use super::{MAX_ITEMS, Parsed, Total, tree};
use crate::core::error::{Error, Result, listed};
use crate::core::foreign::{open_gcm, open_nitor_ctr};
use crate::core::path::escape;
use crate::core::secret::{Key, Secret};
use crate::core::text::b64_array;
use crate::keys::kms::{KeyArn, decrypt_foreign, resolve};
use crate::store::{Store, list_all};
use crate::vault::PARALLEL;
use crate::vault::standing::MAX_BODY;

/// Largest wrapped key or description, in bytes.
const MAX_SMALL: u64 = 16 * 1024;
/// The files of nitor-vault: the wrapped key, the sealed value and what it is bound to, and the
/// value as older versions sealed it.
const NITOR_KEY: &str = ".key";
const NITOR_GCM: &str = ".aesgcm.encrypted";
const NITOR_META: &str = ".meta";
const NITOR_CTR: &str = ".encrypted";
/// The files of sneaker: the sealed value and, in most versions, the wrapped key.
const SNEAKER_VALUE: &str = ".aes";
const SNEAKER_KEY: &str = ".kms";

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKind {
    /// nitor-vault's.
    Nitor,
    /// sneaker's.
    Sneaker,
}

/// How the values of a bucket are opened.
pub struct BucketKeys {
    /// The KMS key: ARN, id or alias.
    pub kms: String,
    /// Pairs of the encryption context that somebody gave, for sneaker.
    pub context: Vec<(String, String)>,
    /// Also read what nothing authenticates.
    pub unauthenticated: bool,
}

impl ForeignBucket {
    /// Whose bucket it looks like.
    ///
    /// # Errors
    /// Not found if it is nobody's; those of the store.
    pub async fn kind(&self, prefix: &str) -> Result<BucketKind> {
        let keys = list_all(&self.store, prefix).await?;
        let any = |end: &str| keys.iter().any(|key| key.ends_with(end));
        if any(NITOR_GCM) || any(NITOR_CTR) && any(NITOR_KEY) {
            return Ok(BucketKind::Nitor);
        }
        if any(SNEAKER_VALUE) {
            return Ok(BucketKind::Sneaker);
        }
        Err(Error::not_found("there is neither nitor-vault's nor sneaker's below this prefix")
            .hint("objects of an S3 encryption client: `vault import s3ec`"))
    }

    /// Reads and opens everything below a prefix.
    ///
    /// # Errors
    /// Usage for what needs a switch; integrity for what does not open; those of the store and of
    /// KMS.
    pub async fn open_all(
        &self,
        kind: BucketKind,
        prefix: &str,
        keys: &BucketKeys,
    ) -> Result<Parsed> {
        let found: BTreeSet<String> = list_all(&self.store, prefix).await?.into_iter().collect();
        let (mut parsed, mut names) = (Parsed::default(), BTreeSet::new());
        let ends: &[&str] = match kind {
            BucketKind::Nitor => &[NITOR_GCM, NITOR_CTR],
            BucketKind::Sneaker => &[SNEAKER_VALUE],
        };
        for key in &found {
            if let Some(name) = ends.iter().find_map(|end| key.strip_suffix(end)) {
                names.insert(name.to_owned());
            }
        }
        if names.is_empty() {
            return Err(Error::not_found("there is nothing to import below this prefix"));
        }
        if names.len() > MAX_ITEMS {
            return Err(Error::usage(format!("more than {MAX_ITEMS} secrets at once")));
        }
        let ctr: Vec<&String> = names
            .iter()
            .filter(|name| {
                kind == BucketKind::Nitor && !found.contains(&format!("{name}{NITOR_GCM}"))
            })
            .collect();
        if !ctr.is_empty() && !keys.unauthenticated {
            let ctr: Vec<_> = ctr.iter().map(|name| escape(name)).collect();
            return Err(Error::usage(format!(
                "these have only the old form, in which anybody can have changed them: {}",
                listed(&ctr, ", ")
            ))
            .hint("--unauthenticated reads them all the same"));
        }
        let arn = resolve(self.aws.get().await?, &keys.kms).await?;
        let total = Total::default();
        let read = |name: String| {
            let (found, arn, total) = (&found, &arn, &total);
            async move {
                let value = match kind {
                    BucketKind::Nitor => self.nitor(&name, found, arn).await?,
                    BucketKind::Sneaker => self.sneaker(&name, found, arn, &keys.context).await?,
                };
                total.add(&value)?;
                Ok::<_, Error>((name, value))
            }
        };
        let all: Vec<_> = stream::iter(names).map(read).buffered(PARALLEL).try_collect().await?;
        for (name, value) in all {
            let below = name.strip_prefix(prefix).unwrap_or(&name).trim_start_matches('/');
            parsed.push_value(split(below)?, value)?;
        }
        Ok(parsed)
    }

    async fn nitor(&self, name: &str, found: &BTreeSet<String>, arn: &KeyArn) -> Result<Secret> {
        let blob = self.small(name, NITOR_KEY).await?;
        let key = decrypt_foreign(self.aws.get().await?, arn, &blob, &[]).await?;
        if !found.contains(&format!("{name}{NITOR_GCM}")) {
            let body = self.store.get(&format!("{name}{NITOR_CTR}"), MAX_BODY).await?.body;
            return Ok(open_nitor_ctr(&key, body));
        }
        let body = self.store.get(&format!("{name}{NITOR_GCM}"), MAX_BODY).await?.body;
        let meta = self.small(name, NITOR_META).await?;
        // Nothing binds a value to its name: one under another name opens all the same.
        open_nitor(&key, &meta, body).ok_or_else(|| changed(name).hint("it was changed or cut"))
    }

    async fn sneaker(
        &self,
        name: &str,
        found: &BTreeSet<String>,
        arn: &KeyArn,
        given: &[(String, String)],
    ) -> Result<Secret> {
        let mut context = given.to_vec();
        context.push(("Path".to_owned(), format!("s3://{}/{name}", self.bucket)));
        let body = self.store.get(&format!("{name}{SNEAKER_VALUE}"), MAX_BODY).await?.body;
        if !found.contains(&format!("{name}{SNEAKER_KEY}")) {
            // Both in one object.
            let (blob, sealed) = split_envelope(&body).ok_or_else(|| changed(name))?;
            let key = decrypt_foreign(self.aws.get().await?, arn, blob, &context).await?;
            let opened = open_gcm(&key, &[0; 12], arn.to_string().as_bytes(), sealed.to_vec());
            return opened.ok_or_else(|| changed(name));
        }
        let blob = self.small(name, SNEAKER_KEY).await?;
        let key = decrypt_foreign(self.aws.get().await?, arn, &blob, &context).await?;
        open_sneaker(&key, &arn.to_string(), &body).ok_or_else(|| changed(name))
    }

    async fn small(&self, name: &str, end: &str) -> Result<Vec<u8>> {
        Ok(self.store.get(&format!("{name}{end}"), MAX_SMALL).await?.body)
    }
}

/// A value of nitor-vault, which is bound to the text that its nonce stands in.
pub fn open_nitor(key: &Key, meta: &[u8], sealed: Vec<u8>) -> Option<Secret> {
    let tree = tree::json(&Secret::copy_of(meta)).ok()?;
    if tree.text_at("alg")? != "AESGCM" {
        return None;
    }
    open_gcm(key, &b64_array(tree.text_at("nonce")?)?, meta, sealed)
}

/// A value of sneaker behind its nonce. Newer versions bind it to the name of the KMS key.
pub fn open_sneaker(key: &Key, arn: &str, body: &[u8]) -> Option<Secret> {
    let (nonce, sealed) = body.split_first_chunk::<12>()?;
    open_gcm(key, nonce, arn.as_bytes(), sealed.to_vec())
        .or_else(|| open_gcm(key, nonce, b"", sealed.to_vec()))
}

/// The wrapped key, behind its length, and the sealed value.
pub fn split_envelope(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = body.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    rest.split_at_checked(len)
}

fn changed(name: &str) -> Error {
    Error::integrity(format!("{} cannot be decrypted", escape(name)))
        .hint("it was changed or cut, or put under another name or in another bucket")
}
