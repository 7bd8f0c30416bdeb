//! The history of one path.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::versions::{Versions, gaps, missing};
use super::{PARALLEL, Vault, version_key};
use crate::core::error::{Error, Result};
use crate::core::header::{Header, KeyId, SignedHeader};
use crate::core::path::SecretPath;
use crate::store::StoreError;
use crate::team::accept::follows;

/// One stored version, from its signed header; nothing is decrypted.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub n: u64,
    /// Its header, unless it is junk.
    pub header: Option<Header>,
    /// The author's name, if the key was ever in the team.
    pub author: Option<String>,
    /// Size of the stored body in bytes.
    pub size: u64,
    /// Why it does not count, if it does not.
    pub refused: Option<String>,
}

impl Vault {
    /// All stored versions of a path, the newest first.
    ///
    /// # Errors
    /// Not found if there are none; integrity if what this device has seen is missing.
    pub async fn history(&self, path: &SecretPath) -> Result<Vec<Version>> {
        self.refresh().await?;
        let mut versions = Versions::new(self, path)?;
        let numbers = Versions::numbers(self, path).await?;
        if numbers.is_empty() {
            if versions.mark().is_some() {
                return Err(Error::integrity(format!(
                    "the history of {path} is gone without a tombstone"
                )));
            }
            return Err(self.not_found(path).await);
        }
        let heads: Vec<_> = stream::iter(numbers.iter().copied())
            .map(|n| async move {
                match self.store.head(&version_key(path, n)).await {
                    Ok(head) => Ok((n, Some(head))),
                    Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => Ok((n, None)),
                    Err(e) => Err(Error::from(e)),
                }
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        for (n, head) in &heads {
            if let Some(head) = head {
                versions.learn(Some(*n), &head.metadata).await?;
            }
        }
        let mut list: Vec<Version> = Vec::new();
        let mut newest: Option<SignedHeader> = None;
        for (n, head) in heads.into_iter().rev() {
            let signed = versions.get(n).cloned();
            let refused = match (&signed, &head) {
                (Some(signed), _) => match versions.check(n).await? {
                    Ok(()) => unlinked(&versions, newest.as_ref(), signed),
                    Err(why) => Some(why.to_owned()),
                },
                (None, Some(_)) => Some("it is not a version of this path".to_owned()),
                (None, None) => Some("it is missing".to_owned()),
            };
            if refused.is_none() && newest.is_none() {
                newest.clone_from(&signed);
            }
            let header = signed.map(|s| s.header);
            let author = header.as_ref().and_then(|h| self.name_of(h.by));
            list.push(Version { n, header, author, size: head.map_or(0, |h| h.size), refused });
        }
        if let Some(SignedHeader { header, .. }) = newest {
            for gap in gaps(&numbers, header.from, header.n) {
                let (n, refused) = (*gap.end(), Some(missing(&gap)));
                list.push(Version { n, header: None, author: None, size: 0, refused });
            }
            list.sort_by_key(|version| std::cmp::Reverse(version.n));
        }
        Ok(list)
    }

    /// The name of whoever holds or held a key.
    pub(super) fn name_of(&self, by: KeyId) -> Option<String> {
        self.view().state.key(by).map(|(_, name)| name.to_owned())
    }
}

/// Why a version that is acceptable by itself is not part of the history below `newest`.
fn unlinked(
    versions: &Versions<'_>,
    newest: Option<&SignedHeader>,
    signed: &SignedHeader,
) -> Option<String> {
    newest?;
    let above = versions.get(signed.header.n + 1)?;
    follows(above, signed).err().map(|_| "the version after it names another one".to_owned())
}
