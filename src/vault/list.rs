//! Names. A listing decrypts nothing and, by itself, reads no object.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{PARALLEL, Vault, head_key, version_number};
use crate::core::error::{Error, Result};
use crate::core::header::{Header, SignedHeader};
use crate::core::path::{Prefix, SecretPath};
use crate::store::{StoreError, list_all, list_pages, list_wide};
use crate::team::accept::{self, Standing};

/// A secret and what its signed header says.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub path: SecretPath,
    /// Its newest header; `None` if that does not verify.
    pub header: Option<Header>,
    /// The author's name.
    pub author: Option<String>,
    /// Size of the stored body in bytes.
    pub size: u64,
}

/// A deleted secret.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// Its name.
    pub path: SecretPath,
    /// When and by whom it was deleted, unless that does not verify.
    pub header: Option<Header>,
    /// The author's name.
    pub author: Option<String>,
}

impl Vault {
    /// The names below a prefix, in the order of their bytes. Keys that are not legal names are
    /// left out: nothing of ours can be stored there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, prefix: &Prefix) -> Result<Vec<SecretPath>> {
        let keys = list_wide(&*self.store, &below("s/", prefix), PARALLEL).await?;
        self.warn_of_listing();
        if keys.is_empty() && self.offline.is_none() {
            // Is this the vault that it was?
            self.check_chain_is_there().await?;
        }
        Ok(keys.iter().filter_map(|key| SecretPath::parse(&key[2..]).ok()).collect())
    }

    /// The names below a prefix with what their headers say, many requests at once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_long(&self, prefix: &Prefix) -> Result<Vec<Entry>> {
        self.refresh().await?;
        let paths = self.list(prefix).await?;
        let entries = stream::iter(paths).map(|path| self.entry(path)).buffered(PARALLEL);
        let entries: Vec<Option<Entry>> = entries.try_collect().await?;
        Ok(entries.into_iter().flatten().collect())
    }

    fn warn_of_listing(&self) {
        if self.offline.is_some() {
            self.warn("only what is kept on this device is listed".to_owned());
        }
    }

    /// [`Self::list`], page by page as they arrive. `next` answers false to stop.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_pages(
        &self,
        prefix: &Prefix,
        next: &mut (dyn FnMut(Vec<SecretPath>) -> bool + Send),
    ) -> Result<()> {
        let name = |key: &String| SecretPath::parse(key.strip_prefix("s/")?).ok();
        self.warn_of_listing();
        let mut any = false;
        let mut names = |keys: Vec<String>| {
            any |= !keys.is_empty();
            next(keys.iter().filter_map(name).collect())
        };
        list_pages(&*self.store, &below("s/", prefix), String::new(), &mut names).await?;
        match any {
            true => Ok(()),
            false if self.offline.is_some() => Ok(()),
            // Is this the vault that it was?
            false => self.check_chain_is_there().await,
        }
    }

    /// What the signed header of one secret says, from one small request; `None` if it is not
    /// there. Nothing is decrypted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn entry(&self, path: SecretPath) -> Result<Option<Entry>> {
        match self.store.head(&head_key(&path)).await {
            Ok(head) => {
                let header = SignedHeader::parse(&self.id, &path, &head.metadata).ok();
                let header = match header {
                    Some(signed) if self.could_count(&path, &signed).await? => Some(signed.header),
                    _ => None,
                };
                let author = header.as_ref().and_then(|h| self.name_of(h.by));
                Ok(Some(Entry { path, header, author, size: head.size }))
            }
            // Deleted between the listing and now.
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(StoreError::Damaged { .. }) => {
                Ok(Some(Entry { path, header: None, author: None, size: 0 }))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// False for what nobody who may write there signed, as far as the version itself tells.
    async fn could_count(&self, path: &SecretPath, signed: &SignedHeader) -> Result<bool> {
        let cut = self.cut_entry(path).await?;
        let standing = accept::standing(&self.view().state, cut, path, signed);
        Ok(!matches!(standing, Standing::Unacceptable(_)))
    }

    /// Deleted secrets below a prefix that can still be brought back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_deleted(&self, prefix: &Prefix) -> Result<Vec<Deleted>> {
        let live: BTreeSet<SecretPath> = self.list(prefix).await?.into_iter().collect();
        let all = self.list_history(prefix).await?;
        let gone = all.into_iter().filter(|path| !live.contains(path));
        let deleted = stream::iter(gone).map(|path| async move {
            let history = match self.history(&path).await {
                Ok(history) => history,
                Err(e) if e.kind == crate::core::error::Kind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            };
            let newest = history.into_iter().find(|version| version.refused.is_none());
            let Some(newest) = newest else { return Ok(None) };
            if newest.header.as_ref().is_some_and(|h| h.from == h.n && h.op.is_tombstone()) {
                return Ok(None);
            }
            Ok::<_, Error>(Some(Deleted { path, header: newest.header, author: newest.author }))
        });
        let deleted: Vec<Option<Deleted>> = deleted.buffered(PARALLEL).try_collect().await?;
        Ok(deleted.into_iter().flatten().collect())
    }

    /// Every path below a prefix that has a history, deleted ones included.
    pub(super) async fn list_history(&self, prefix: &Prefix) -> Result<BTreeSet<SecretPath>> {
        let keys = list_all(&*self.store, &below("h/", prefix)).await?;
        let path = |key: &String| {
            let (path, number) = key[2..].rsplit_once("/.vault/")?;
            // Anything else there is not a version, and no history of ours.
            version_number(number)?;
            SecretPath::parse(path).ok()
        };
        Ok(keys.iter().filter_map(path).collect())
    }
}

/// The keys below a prefix, which ends at a segment.
fn below(root: &str, prefix: &Prefix) -> String {
    match prefix.as_str() {
        "" => root.to_owned(),
        folder => format!("{root}{folder}/"),
    }
}
