//! What stands under a path: the newest version that counts and leads on from what this device has
//! seen, from the head or, where that does not do, from the history.

use super::chain::FORKED;
use super::versions::{MarkCheck, Versions};
use super::{Vault, head_key, version_key};
use crate::core::cipher;
use crate::core::document::MAX_PLAINTEXT;
use crate::core::error::{Error, Kind, Result};
use crate::core::header::SignedHeader;
use crate::core::path::{SecretPath, escape};
use crate::store::{Etag, Head, Object, StoreError};

/// Largest body that is read: the largest plaintext and its tag.
pub(super) const MAX_BODY: u64 = (MAX_PLAINTEXT + cipher::TAG) as u64;

/// A version that counts, not yet decrypted.
pub(super) struct Newest {
    pub signed: SignedHeader,
    pub object: Object,
    /// True if it was read at the head's key.
    pub from_head: bool,
}

/// What stands under a path: the newest version that counts, and the etag of whatever is at the
/// head's key, so that it can be replaced.
#[derive(Default)]
pub(super) struct Standing {
    pub newest: Option<Newest>,
    pub head: Option<Etag>,
    /// Something is stored there that does not count. With no newest version, that is not the
    /// same as nothing.
    pub junk: bool,
}

/// What is asked for along with the head.
pub(super) struct Ask {
    /// Newer notes of the team.
    pub team: bool,
    /// What is needed if there is no head.
    pub history: bool,
}

impl Vault {
    /// The newest acceptable version and the head's etag. Team notes are fetched side by side.
    pub(super) async fn standing(&self, path: &SecretPath) -> Result<Standing> {
        self.look(path, Ask { team: true, history: false }).await
    }

    /// [`Self::standing`] for a write: where the path seems to be new to this device, what is
    /// needed for a new one is asked for along with the head, not after it.
    pub(super) async fn standing_for_write(&self, path: &SecretPath) -> Result<Standing> {
        let history = self.device.mark(path)?.is_none();
        self.look(path, Ask { team: true, history }).await
    }

    pub(super) async fn look(&self, path: &SecretPath, ask: Ask) -> Result<Standing> {
        let key = head_key(path);
        let mut versions = Versions::new(self, path)?;
        let early = || async { if ask.history { Some(self.absence(path).await) } else { None } };
        let team = || async { if ask.team { self.refresh().await } else { Ok(()) } };
        let (head, team, early) = futures_util::join!(self.fetch(&key), team(), early());
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
                    let newest = Some(Newest { signed, object, from_head: true });
                    return Ok(Standing { newest, head: head_etag, junk: false });
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            // Not an object at all: nothing that could be replaced by its etag.
            Err(StoreError::Damaged { .. }) => {
                let standing = self.newest_in_history(path).await?;
                self.warn_of_head(path, &standing);
                return Ok(Standing { junk: true, ..standing });
            }
            Err(e) => return Err(e.into()),
        }
        if self.offline.is_some() {
            // Its history would tell more, and is not here.
            return Err(Error::new(
                Kind::Network,
                format!(
                    "what is kept of {path} is not the newest version that this device has seen"
                ),
            )
            .hint("without --offline the storage is asked; `vault cache fill` keeps it anew"));
        }
        let (numbers, chain) = match early {
            Some(early) => early,
            None => self.absence(path).await,
        };
        let standing = match self.scan_history(path, numbers?, false).await? {
            Some(standing) => standing,
            None => self.newest_in_history(path).await?,
        };
        if standing.newest.is_none() {
            // Nothing of ours is here: is this the vault that it was?
            chain?;
        }
        self.warn_of_head(path, &standing);
        Ok(Standing { junk: standing.junk || head_etag.is_some(), head: head_etag, ..standing })
    }

    /// What shows, side by side, whether a path without a head has a history, and whether the
    /// vault is still the one that it was.
    async fn absence(&self, path: &SecretPath) -> (Result<Vec<u64>>, Result<()>) {
        futures_util::join!(Versions::numbers(self, path), self.check_chain_is_there())
    }

    fn warn_of_head(&self, path: &SecretPath, standing: &Standing) {
        if standing.newest.as_ref().is_some_and(|v| !v.signed.header.op.is_tombstone()) {
            self.warn(format!(
                "the head of {path} is missing, behind or damaged; its history was read instead \
                 (`vault verify --repair` mends it)"
            ));
        }
    }

    /// The newest acceptable version among the `h/` entries.
    pub(super) async fn newest_in_history(&self, path: &SecretPath) -> Result<Standing> {
        // An entry that was listed but is gone was purged meanwhile: then the list is outdated.
        for _ in 0..3 {
            let numbers = Versions::numbers(self, path).await?;
            if let Some(standing) = self.scan_history(path, numbers, false).await? {
                return Ok(standing);
            }
        }
        let numbers = Versions::numbers(self, path).await?;
        Ok(self.scan_history(path, numbers, true).await?.unwrap_or_default())
    }

    /// `None` if a listed entry is not there, unless those are to be passed over.
    async fn scan_history(
        &self,
        path: &SecretPath,
        numbers: Vec<u64>,
        pass: bool,
    ) -> Result<Option<Standing>> {
        let mut versions = Versions::new(self, path)?;
        let mut junk = false;
        for n in numbers.into_iter().rev() {
            let object = match self.fetch(&version_key(path, n)).await {
                Ok(object) => object,
                Err(StoreError::NotFound { .. }) if pass => continue,
                Err(StoreError::NotFound { .. }) => return Ok(None),
                Err(StoreError::Damaged { .. }) => {
                    self.warn(format!("version {n} of {path} is damaged; it is ignored"));
                    junk = true;
                    continue;
                }
                Err(e) => return Err(e.into()),
            };
            let Some(signed) = versions.learn(Some(n), &object.metadata).await? else {
                self.warn(format!("version {n} of {path} is junk; it is ignored"));
                junk = true;
                continue;
            };
            if let Err(why) = versions.check(n).await? {
                self.warn(format!("version {n} of {path} is ignored: {why}"));
                junk = true;
                continue;
            }
            if let Some(why) = self.passes_mark(&mut versions, path, &signed).await? {
                return Err(rolled_back(&why));
            }
            let newest = Some(Newest { signed, object, from_head: false });
            return Ok(Some(Standing { newest, head: None, junk }));
        }
        if let Some(mark) = versions.mark() {
            return Err(Error::integrity(format!(
                "{path} is gone without a tombstone: this device has seen version {}",
                mark.n
            ))
            .hint(FORKED));
        }
        // Neither can this be new, nor may what is left count in its place.
        if let Some(cut) = self.cut_entry(path).await? {
            return Err(Error::integrity(format!(
                "{path} is gone: version {} of it was there when the keys were changed last",
                cut.n
            ))
            .hint(FORKED));
        }
        Ok(Some(Standing { newest: None, head: None, junk }))
    }

    /// An object whose body may be a version's. A longer one comes with its metadata only (no
    /// signed hash fits an empty body, so it is never taken for a version), a damaged one without:
    /// both are junk that can be replaced by its etag.
    pub(super) async fn fetch(&self, key: &str) -> crate::store::Result<Object> {
        let got = match self.ahead.take(key) {
            Some(got) => got,
            None => self.store.get(key, MAX_BODY).await,
        };
        match got {
            Err(StoreError::TooLarge { .. }) => {
                let Head { metadata, etag, .. } = self.store.head(key).await?;
                Ok(Object { metadata, body: Vec::new(), etag })
            }
            Err(StoreError::Damaged { etag: Some(etag), .. }) => {
                Ok(Object { metadata: Vec::new(), body: Vec::new(), etag })
            }
            other => other,
        }
    }

    /// [`Self::fetch`] without the body.
    pub(super) async fn fetch_head(&self, key: &str) -> crate::store::Result<Head> {
        match self.store.head(key).await {
            Err(StoreError::Damaged { etag: Some(etag), .. }) => {
                Ok(Head { metadata: Vec::new(), size: 0, etag })
            }
            other => other,
        }
    }

    /// `None` if the version may be used; otherwise why not.
    pub(super) async fn passes_mark(
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
                self.device.raise(path, self.mark_of(signed), true)?;
                Ok(None)
            }
            MarkCheck::Fails(why) => Ok(Some(why)),
        }
    }
}

pub(super) fn rolled_back(why: &str) -> Error {
    Error::integrity(escape(why)).hint(FORKED)
}
