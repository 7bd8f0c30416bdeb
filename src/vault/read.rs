//! Reading a secret. Nothing is released before the last check passes.

use super::device::Mark;
use super::error::tampered;
use super::versions::{MarkCheck, Versions};
use super::{Vault, head_key, version_key};
use crate::core::cipher;
use crate::core::cipher::Hash;
use crate::core::document::{Document, MAX_PLAINTEXT};
use crate::core::error::{Error, Result};
use crate::core::header::{Header, Kind, SignedHeader};
use crate::core::path::{SecretPath, escape};
use crate::core::s3ec::Envelope;
use crate::core::secret::Secret;
use crate::keys::Unwrap;
use crate::store::{Etag, Object, StoreError};

/// Largest body that is read: the largest plaintext and its tag.
pub(super) const MAX_BODY: u64 = (MAX_PLAINTEXT + cipher::TAG) as u64;

/// What a version holds.
pub enum Content {
    /// Named fields.
    Doc(Document),
    /// The bytes themselves.
    Raw(Secret),
}

/// A decrypted version.
pub struct Opened {
    /// Its number.
    pub n: u64,
    /// What it holds.
    pub content: Content,
    pub(super) since: u64,
    pub(super) plaintext_hash: Hash,
}

/// The newest acceptable version of a path, not yet decrypted.
pub(super) struct Newest {
    pub signed: SignedHeader,
    pub object: Object,
}

/// What stands under a path: the newest version that counts, and the etag of whatever is at the
/// head's key, so that it can be replaced.
pub(super) struct Standing {
    pub newest: Option<Newest>,
    pub head: Option<Etag>,
}

impl Vault {
    /// The newest version of `path`, or version `n`.
    ///
    /// # Errors
    /// Not found (also if it is deleted), no right to read, or an integrity error that says what
    /// does not fit.
    pub async fn read(&self, path: &SecretPath, n: Option<u64>) -> Result<Opened> {
        let newest = self.standing(path).await?.newest;
        match (newest, n) {
            (Some(newest), None) if !newest.signed.header.op.is_tombstone() => {
                self.open(path, newest).await
            }
            (None, Some(_)) => Err(self.not_found(path).await),
            (Some(newest), Some(n)) => {
                let older = self.version(path, &newest, n).await?;
                self.open(path, older).await
            }
            (Some(newest), None) => {
                self.see(path, &newest.signed)?;
                let mut error = Error::not_found(format!("{path} was deleted"));
                if newest.signed.header.op != crate::core::header::Op::Purge {
                    error = error.hint(format!("`vault undelete {path}` brings it back"));
                }
                Err(error)
            }
            (None, None) => Err(self.not_found(path).await),
        }
    }

    /// The newest acceptable version and the head's etag. Team notes are fetched side by side.
    pub(super) async fn standing(&self, path: &SecretPath) -> Result<Standing> {
        let key = head_key(path);
        let mut versions = Versions::new(self, path)?;
        let (head, team) = futures_util::join!(self.store.get(&key, MAX_BODY), self.refresh());
        team?;
        let mut head_etag = None;
        match head {
            Ok(object) => {
                head_etag = Some(object.etag.clone());
                let signed = versions.learn(None, &object.metadata).await?;
                if let Some(signed) = signed.filter(|s| !s.header.op.is_tombstone())
                    && versions.check(signed.header.n).await?.is_ok()
                    && self.passes_mark(&mut versions, path, &signed).await?.is_none()
                {
                    return Ok(Standing {
                        newest: Some(Newest { signed, object }),
                        head: head_etag,
                    });
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(StoreError::Damaged { .. } | StoreError::TooLarge { .. }) => {
                // Not an object at all: nothing that could be replaced by its etag.
                head_etag = self.store.head(&key).await.ok().map(|head| head.etag);
            }
            Err(e) => return Err(e.into()),
        }
        let newest = self.newest_in_history(path).await?;
        if newest.is_none() {
            // Nothing of ours is here: is this the vault that it was?
            self.check_chain_is_there().await?;
        }
        if newest.as_ref().is_some_and(|newest| !newest.signed.header.op.is_tombstone()) {
            self.warn(format!(
                "the head of {path} is missing, behind or damaged; its history was read instead \
                 (`vault verify --repair` mends it)"
            ));
        }
        Ok(Standing { newest, head: head_etag })
    }

    /// The newest acceptable version among the `h/` entries.
    async fn newest_in_history(&self, path: &SecretPath) -> Result<Option<Newest>> {
        let mut versions = Versions::new(self, path)?;
        for n in Versions::numbers(self, path).await?.into_iter().rev() {
            let object = match self.store.get(&version_key(path, n), MAX_BODY).await {
                Ok(object) => object,
                Err(
                    StoreError::NotFound { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::TooLarge { .. },
                ) => continue,
                Err(e) => return Err(e.into()),
            };
            let Some(signed) = versions.learn(Some(n), &object.metadata).await? else {
                self.warn(format!("version {n} of {path} is junk; it is ignored"));
                continue;
            };
            if let Err(why) = versions.check(n).await? {
                self.warn(format!("version {n} of {path} is ignored: {why}"));
                continue;
            }
            if let Some(why) = self.passes_mark(&mut versions, path, &signed).await? {
                return Err(Error::integrity(escape(&why)).hint(
                    "the storage lies, or it was restored from a backup; `vault history` shows what is there",
                ));
            }
            return Ok(Some(Newest { signed, object }));
        }
        if let Some(mark) = versions.mark() {
            return Err(Error::integrity(format!(
                "{path} is gone without a tombstone: this device has seen version {}",
                mark.n
            )));
        }
        Ok(None)
    }

    /// `None` if the version may be used; otherwise why not.
    async fn passes_mark(
        &self,
        versions: &mut Versions<'_>,
        path: &SecretPath,
        signed: &SignedHeader,
    ) -> Result<Option<String>> {
        match versions.check_mark(signed.header.n).await? {
            MarkCheck::Passes => Ok(None),
            MarkCheck::Moves => {
                self.warn(format!(
                    "a version of {path} that this device has seen was written by somebody who \
                     may no longer write, and was dropped"
                ));
                self.device.raise(path, Mark::of(signed), true)?;
                Ok(None)
            }
            MarkCheck::Fails(why) => Ok(Some(why)),
        }
    }

    /// Version `n` below `newest`, if it counts.
    async fn version(&self, path: &SecretPath, newest: &Newest, n: u64) -> Result<Newest> {
        let header = &newest.signed.header;
        let missing = |why: String| {
            Error::not_found(why).hint(format!("`vault history {path}` lists its versions"))
        };
        if n < header.from {
            return Err(missing(format!("version {n} of {path} was purged")));
        }
        let mut versions = Versions::new(self, path)?;
        let object = match self.store.get(&version_key(path, n), MAX_BODY).await {
            Ok(object) => object,
            Err(StoreError::NotFound { .. }) if n < header.n => {
                return Err(Error::integrity(format!(
                    "version {n} of {path} is missing from its history"
                )));
            }
            Err(StoreError::NotFound { .. }) => {
                return Err(missing(format!(
                    "{path} has no version {n}, the newest is {}",
                    header.n
                )));
            }
            Err(e) => return Err(e.into()),
        };
        let Some(signed) = versions.learn(Some(n), &object.metadata).await? else {
            return Err(Error::integrity(format!("version {n} of {path} is junk")));
        };
        if let Err(why) = versions.check(n).await? {
            return Err(Error::integrity(format!("version {n} of {path} does not count: {why}")));
        }
        if signed.header.op.is_tombstone() {
            return Err(missing(format!("version {n} of {path} is a tombstone")));
        }
        Ok(Newest { signed, object })
    }

    /// Decrypts an accepted version.
    pub(super) async fn open(&self, path: &SecretPath, version: Newest) -> Result<Opened> {
        let Newest { signed, object } = version;
        let envelope = Envelope::parse(&object.metadata).map_err(|e| tampered(path.as_str(), e))?;
        let tree = self.tree(&signed.header.group).await?;
        let data_key = tree.unwrap(path, &envelope).await?.ok_or_else(|| {
            Error::integrity(format!(
                "{path} is wrapped in another way than the team chain says for {}",
                signed.header.group
            ))
        })?;
        let content_key = envelope.content_key(data_key).map_err(|e| tampered(path.as_str(), e))?;
        if cipher::sha256(&[&object.body]) != signed.header.body {
            return Err(Error::integrity(format!(
                "the body of {path} is not the one that was signed"
            )));
        }
        let plaintext = content_key.open(object.body).map_err(|e| tampered(path.as_str(), e))?;
        let opened = decode(&signed.header, plaintext)?;
        self.see(path, &signed)?;
        Ok(opened)
    }

    /// Remembers a version after everything about it was checked.
    pub(super) fn see(&self, path: &SecretPath, signed: &SignedHeader) -> Result<()> {
        self.device.raise(path, Mark::of(signed), false)
    }

    /// "No such secret", with the names that look like it.
    pub(super) async fn not_found(&self, path: &SecretPath) -> Error {
        let error = Error::not_found(format!("there is no secret {path}"));
        let Ok(names) = self.list(&Default::default()).await else { return error };
        let mut near: Vec<(usize, &str)> = names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(name.as_str(), path.as_str()), name.as_str()))
            .filter(|(distance, name)| {
                *distance <= 1 + name.len() / 4 || name.ends_with(path.as_str())
            })
            .collect();
        near.sort_unstable();
        let near: Vec<_> = near.iter().take(3).map(|(_, name)| escape(name)).collect();
        if near.is_empty() {
            return error.hint("`vault ls` lists the names");
        }
        error.hint(format!("did you mean {}?", near.join(" or ")))
    }
}

fn decode(header: &Header, plaintext: Secret) -> Result<Opened> {
    let plaintext_hash = cipher::sha256(&[plaintext.bytes()]);
    let content = match header.kind {
        Kind::Doc => Content::Doc(Document::decode(&plaintext)?),
        Kind::Raw => Content::Raw(plaintext),
    };
    Ok(Opened { n: header.n, content, since: header.since, plaintext_hash })
}
