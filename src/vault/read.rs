//! Reading a secret. Nothing is released before the last check passes.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use super::device::Mark;
use super::error::tampered;
use super::standing::{Ask, Newest, rolled_back};
use super::versions::Versions;
use super::{PARALLEL, Vault, head_key, version_key};
use crate::core::cipher;
use crate::core::cipher::Hash;
use crate::core::document::Document;
use crate::core::error::{Error, Kind as ErrorKind, Result};
use crate::core::header::{Header, Kind, SignedHeader};
use crate::core::path::{SecretPath, escape};
use crate::core::s3ec::Envelope;
use crate::core::secret::Secret;
use crate::store::StoreError;
use crate::team::accept::follows;

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

impl Vault {
    /// The newest version of `path`, or version `n`.
    ///
    /// # Errors
    /// Not found (also if it is deleted), no right to read, or an integrity error that says what
    /// does not fit.
    pub async fn read(&self, path: &SecretPath, n: Option<u64>) -> Result<Opened> {
        let standing = self.standing(path).await?;
        let junk = standing.junk;
        let Some(newest) = standing.newest else { return Err(self.nothing(path, junk).await) };
        if let Some(n) = n {
            let version = self.version(path, newest, n).await?;
            return self.decrypt_newest(path, version).await;
        }
        self.open_standing(path, newest).await
    }

    /// The content of the newest version; not found for a tombstone.
    async fn open_standing(&self, path: &SecretPath, newest: Newest) -> Result<Opened> {
        if !newest.signed.header.op.is_tombstone() {
            let kept = self.to_keep(path, &newest);
            let n = newest.signed.header.n;
            let opened = self.decrypt_newest(path, newest).await?;
            kept.iter().for_each(|kept| self.keep_current(kept, n));
            self.was_read_offline(path);
            return Ok(opened);
        }
        self.see(path, &newest.signed)?;
        self.keep_no_longer(path);
        let mut error = Error::not_found(format!("{path} was deleted"));
        if newest.signed.header.op != crate::core::header::Op::Purge {
            error = error.hint(format!("`vault undelete {}` brings it back", path.quoted()));
        }
        Err(error)
    }

    /// The newest versions of many paths, side by side; the answers are in their order.
    ///
    /// # Errors
    /// If the team's notes cannot be had; each answer is as of [`Self::read`].
    pub async fn read_many(&self, paths: &[SecretPath]) -> Result<Vec<Result<Opened>>> {
        let newest: Vec<_> = paths.iter().map(|path| (path.clone(), None)).collect();
        self.read_each(&newest).await
    }

    /// Many paths, each at its newest version or at the one named, side by side; the answers are
    /// in their order. The heads are asked for along with the team's newer notes.
    ///
    /// # Errors
    /// As [`Self::read_many`].
    pub async fn read_each(
        &self,
        wanted: &[(SecretPath, Option<u64>)],
    ) -> Result<Vec<Result<Opened>>> {
        let paths: BTreeSet<&SecretPath> = wanted.iter().map(|(path, _)| path).collect();
        let heads = stream::iter(&paths).map(|path| async move {
            let key = head_key(path);
            let got = self.fetch(&key).await;
            self.ahead.keep(key, got);
        });
        let heads = heads.buffer_unordered(PARALLEL).for_each(|()| async {});
        let (team, ()) = futures_util::join!(self.refresh(), heads);
        team?;
        self.open_keyrings(&paths).await;
        let read = |(path, n): &(SecretPath, Option<u64>)| {
            let (path, n) = (path.clone(), *n);
            async move {
                let standing = self.look(&path, Ask { team: false, history: false }).await?;
                let junk = standing.junk;
                let Some(newest) = standing.newest else {
                    return Err(self.nothing(&path, junk).await);
                };
                match n {
                    None => self.open_standing(&path, newest).await,
                    Some(n) => {
                        let version = self.version(&path, newest, n).await?;
                        self.decrypt_newest(&path, version).await
                    }
                }
            }
        };
        Ok(stream::iter(wanted).map(read).buffered(PARALLEL).collect().await)
    }

    /// Opens what many paths have in common once, not once for each. What fails here fails again,
    /// with a message, where it is needed.
    async fn open_keyrings(&self, paths: &BTreeSet<&SecretPath>) {
        let view = self.view();
        let groups: BTreeSet<_> =
            paths.iter().filter_map(|path| view.state.current(path)).collect();
        for group in groups {
            let _ = self.data_keys(&group).await;
        }
    }

    /// Version `n`, if it counts and is linked to `newest`.
    async fn version(&self, path: &SecretPath, newest: Newest, n: u64) -> Result<Newest> {
        let top = &newest.signed.header;
        let missing = |why: String| {
            Error::not_found(why)
                .hint(format!("`vault history {}` lists its versions", path.quoted()))
        };
        let tombstone = || missing(format!("version {n} of {path} is a tombstone"));
        if n < top.from {
            return Err(missing(format!("version {n} of {path} was purged")));
        }
        if n == top.n {
            return if top.op.is_tombstone() { Err(tombstone()) } else { Ok(newest) };
        }
        let mut versions = Versions::new(self, path)?;
        let object = match self.fetch(&version_key(path, n)).await {
            Ok(object) => object,
            Err(StoreError::NotFound { .. }) if n < top.n => {
                return Err(Error::integrity(format!(
                    "version {n} of {path} is missing from its history"
                )));
            }
            Err(StoreError::NotFound { .. }) => {
                return Err(missing(format!("{path} has no version {n}, the newest is {}", top.n)));
            }
            Err(e) => return Err(e.into()),
        };
        let Some(signed) = versions.learn(Some(n), &object.metadata).await? else {
            return Err(Error::integrity(format!("version {n} of {path} is junk")));
        };
        if let Err(why) = versions.check(n).await? {
            return Err(Error::integrity(format!("version {n} of {path} does not count: {why}")));
        }
        if n > top.n {
            if let Some(why) = self.passes_mark(&mut versions, path, &signed).await? {
                return Err(rolled_back(&why));
            }
        } else if let Err(why) = self.check_link(&mut versions, &newest, &signed).await? {
            return Err(Error::integrity(format!("version {n} of {path} does not count: {why}")));
        }
        if signed.header.op.is_tombstone() {
            return Err(tombstone());
        }
        Ok(Newest { signed, object, from_head: false })
    }

    /// Whether the version after `signed` names it. Of two writers in a race both signed a
    /// version with the same number: the storage has seen both, but only one was built upon.
    async fn check_link(
        &self,
        versions: &mut Versions<'_>,
        newest: &Newest,
        signed: &SignedHeader,
    ) -> Result<std::result::Result<(), &'static str>> {
        let next = signed.header.n + 1;
        if next == newest.signed.header.n {
            return Ok(follows(&newest.signed, signed));
        }
        let Some(above) = versions.at(next).await?.cloned() else {
            return Ok(Err("the version after it is missing"));
        };
        match versions.check(next).await? {
            Ok(()) => Ok(follows(&above, signed)),
            Err(why) => Ok(Err(why)),
        }
    }

    /// Decrypts an accepted version. Not all of an object is signed: where the head does not
    /// open, its `h/` entry may.
    pub(super) async fn decrypt_newest(
        &self,
        path: &SecretPath,
        version: Newest,
    ) -> Result<Opened> {
        let (n, from_head) = (version.signed.header.n, version.from_head);
        let error = match self.decrypt(path, version).await {
            Err(e) if e.kind == ErrorKind::Integrity && from_head => e,
            other => return other,
        };
        match self.newest_in_history(path).await?.newest {
            Some(entry) if entry.signed.header.n == n => {
                let opened = self.decrypt(path, entry).await?;
                self.warn(format!(
                    "the head of {path} is damaged; its history was read instead \
                     (`vault verify --repair` mends it)"
                ));
                Ok(opened)
            }
            _ => Err(error),
        }
    }

    /// Decrypts an accepted version.
    pub(super) async fn decrypt(&self, path: &SecretPath, version: Newest) -> Result<Opened> {
        let signed = version.signed.clone();
        let opened = self.open_unseen(path, version).await?;
        self.see(path, &signed)?;
        Ok(opened)
    }

    /// [`Self::decrypt`] of a version that need not count, and is not remembered.
    pub(super) async fn open_unseen(&self, path: &SecretPath, version: Newest) -> Result<Opened> {
        let Newest { signed, object, .. } = version;
        let envelope = Envelope::parse(&object.metadata).map_err(|e| tampered(path.as_str(), e))?;
        let keys = self.data_keys(&signed.header.group).await?;
        let data_key = keys.unwrap(path, &envelope).await?.ok_or_else(|| {
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
        decode(&signed.header, plaintext)
    }

    /// The mark of a version that is seen now.
    pub(super) fn mark_of(&self, signed: &SignedHeader) -> Mark {
        Mark::of(signed, &self.view().state)
    }

    /// Remembers a version after everything about it was checked.
    pub(super) fn see(&self, path: &SecretPath, signed: &SignedHeader) -> Result<()> {
        self.device.raise(path, self.mark_of(signed), false)
    }

    /// The error for a path without a version that counts. That there is something, but nothing
    /// that verifies, is never "not found".
    pub(super) async fn nothing(&self, path: &SecretPath, junk: bool) -> Error {
        if !junk {
            return self.not_found(path).await;
        }
        Error::integrity(format!("what is stored at {path} is not of this team"))
            .hint("somebody else wrote it, or changed it; the next `vault put` there replaces it")
    }

    /// "No such secret", with the names that look like it.
    pub(super) async fn not_found(&self, path: &SecretPath) -> Error {
        let error = Error::not_found(format!("there is no secret {path}"));
        let Ok(names) = self.list(&Default::default()).await else { return error };
        let below = |name: &SecretPath| {
            name.as_str().strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if names.iter().any(below) {
            return error.hint(format!("{path} is a folder: `vault ls {path}` lists it"));
        }
        let mut near: Vec<(usize, &str)> = names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(name.as_str(), path.as_str()), name.as_str()))
            .filter(|(distance, name)| {
                *distance < name.len() && *distance <= 1 + name.len() / 4
                    || name.ends_with(path.as_str())
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
