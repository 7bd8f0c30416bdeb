//! Writing a version: claim its number in the history, then move the head
//! (`docs/FORMAT.md`, "Writing").

use std::time::{Duration, Instant};

use super::read::Opened;
use super::standing::{Newest, Standing};
use super::versions::{LAST, Versions};
use super::{Vault, now, version_key};
use crate::core::cipher::{Hash, sha256};
use crate::core::document::{DEFAULT_FIELD, Document, check_size};
use crate::core::error::{Error, Result};
use crate::core::header::{self, GroupGen, Header, Kind, Op, SignedHeader};
use crate::core::path::SecretPath;
use crate::core::random;
use crate::core::s3ec;
use crate::core::secret::Secret;
use crate::core::text::hex;
use crate::keys::Wrapped;
use crate::store::{Condition, MAX_METADATA, Metadata, StoreError};

/// How long a write that loses races is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Said with every write where it holds.
const ONE_WRITER: &str = "this vault is for a single writer: its store cannot keep two apart";

/// A version that was written and acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its number.
    pub n: u64,
}

/// The plaintext of a new version.
pub(super) enum Plain {
    Doc(Document),
    Raw(Secret),
}

/// What a new version is to be.
pub(super) struct Draft {
    pub op: Op,
    pub plain: Plain,
    /// For `raw`: the age of the value that is carried on; `None` for a new value.
    pub since: Option<u64>,
    /// False if nothing older is kept once this version stands.
    pub keeps: bool,
}

/// Makes a draft from the version before it (`None` if there is none, or it is a tombstone).
/// Called again when another writer was faster.
pub(super) type Make<'m> = dyn FnMut(Option<&Opened>) -> Result<Draft> + Send + 'm;

pub(super) enum Change<'c, 'm> {
    Tombstone(Op),
    /// A tombstone where there is nothing, or a tombstone already: for what does not count and is
    /// to be out of the way.
    Bury,
    /// A new content whatever was there before, which is not decrypted.
    Whole(&'c mut Make<'m>),
    /// A content that is made from the one before.
    Content(&'c mut Make<'m>),
}

/// What a version stands on.
pub(super) struct Base {
    /// Number of the version before it; 0 for none.
    pub n: u64,
    /// Lowest version that is kept.
    pub from: u64,
    /// Record hash of the version before it.
    pub record: Hash,
}

/// A sealed version, ready to be stored.
pub(super) struct Sealed {
    header: Header,
    pub signed: SignedHeader,
    metadata: Metadata,
    body: Vec<u8>,
}

/// A data key that was asked for before it was certain that it is needed.
pub(super) struct EarlyKey {
    group: GroupGen,
    wrapped: Result<Wrapped>,
}

impl Vault {
    /// Sets fields of a document; the others are kept. Creates the secret if it is not there.
    ///
    /// # Errors
    /// Conflict if `if_version` is not the newest version (0: there is none), or if other
    /// writers were faster for 10 seconds; then no version was claimed.
    pub async fn put(
        &self,
        path: &SecretPath,
        if_version: Option<u64>,
        set: &mut (dyn FnMut(&mut Document, u64) -> Result<()> + Send),
    ) -> Result<Written> {
        let mut make = |before: Option<&Opened>| {
            let mut document = match before {
                Some(Opened { content: super::Content::Doc(document), .. }) => {
                    Document::decode(&document.encode()?)?
                }
                _ => Document::default(),
            };
            // Ages are counted in notes: this is the newest one that the value was set under.
            set(&mut document, self.view().seq())?;
            if matches!(before, Some(Opened { content: super::Content::Raw(_), .. }))
                && document.field(DEFAULT_FIELD).is_none()
            {
                return Err(Error::usage(format!(
                    "{path} is raw bytes, which fields would replace"
                ))
                .hint("set the field `value`, or remove it first"));
            }
            Ok(Draft { op: Op::Write, plain: Plain::Doc(document), since: None, keeps: true })
        };
        self.commit(path, if_version, Change::Content(&mut make)).await
    }

    /// Writes the exact bytes as a version of kind `raw`.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_raw(
        &self,
        path: &SecretPath,
        if_version: Option<u64>,
        value: &Secret,
    ) -> Result<Written> {
        let mut make = |_: Option<&Opened>| {
            let plain = Plain::Raw(Secret::copy_of(value.bytes()));
            Ok(Draft { op: Op::Write, plain, since: None, keeps: true })
        };
        self.commit(path, if_version, Change::Whole(&mut make)).await
    }

    /// Claims the next version and moves the head to it.
    pub(super) async fn commit(
        &self,
        path: &SecretPath,
        if_version: Option<u64>,
        mut change: Change<'_, '_>,
    ) -> Result<Written> {
        // What cannot be remembered is better not claimed.
        self.device.check()?;
        let deadline = Instant::now() + RETRY;
        let mut early = None;
        let mut first = true;
        loop {
            let standing = match std::mem::take(&mut first) {
                true => {
                    let look = self.standing_for_write(path);
                    let (standing, made) = futures_util::join!(look, self.early_data_key(path));
                    early = made;
                    standing?
                }
                false => self.standing(path).await?,
            };
            if let Change::Tombstone(Op::Delete) = change
                && let Some(n) = deleted(&standing, if_version)
            {
                // By somebody else, or by ourselves before a crash: only the head is left to do.
                self.remove_head(path, n).await?;
                return Ok(Written { n });
            }
            self.check_version(path, if_version, standing.newest.as_ref())?;
            let sealed = self.draft(path, standing.newest, &mut change, early.take()).await?;
            if self.claim(path, &sealed).await? {
                if self.single_writer {
                    self.warn(ONE_WRITER.to_owned());
                }
                let n = sealed.header.n;
                let moved = if sealed.header.op.is_tombstone() {
                    self.keep_no_longer(path);
                    self.remove_head(path, n).await
                } else {
                    self.keep_written(path, n, &sealed.metadata, &sealed.body);
                    let object = (&sealed.metadata, &sealed.body[..]);
                    self.move_head(path, n, object, standing.head).await
                };
                // Not before: a reader beside this one would find the head behind its mark. Also
                // where the head did not move: the version is claimed, and is to be shown.
                let remembered = self.device.raise(path, self.mark_of(&sealed.signed), false);
                moved.and(remembered).map_err(|e| claimed(path, n, e))?;
                return Ok(Written { n });
            }
            // Where `if_version` does not hold any more, the next round says so.
            if Instant::now() >= deadline {
                return Err(Error::conflict(format!("{path} was changed by somebody else"))
                    .hint("nothing was written; look at the newest version and try again"));
            }
            let pause = Duration::from_micros(u64::from(random::below(15_000)));
            tokio::time::sleep(pause).await;
        }
    }

    /// A data key for the first attempt, if KMS makes it: asked for while the head is on its way.
    /// It is for this path and group only, and used once.
    async fn early_data_key(&self, path: &SecretPath) -> Option<EarlyKey> {
        let view = self.view();
        let me = self.identity.as_ref()?.public().id();
        let group = view.state.current(path).filter(|_| view.state.may_write(me, path))?;
        if !self.is_wrapped_by_kms(&group) {
            return None;
        }
        let wrapped = match self.data_keys(&group).await {
            Ok(keys) => keys.wrap(path).await,
            Err(e) => Err(e),
        };
        Some(EarlyKey { group, wrapped })
    }

    fn check_version(
        &self,
        path: &SecretPath,
        if_version: Option<u64>,
        newest: Option<&Newest>,
    ) -> Result<()> {
        let found = newest.filter(|v| !v.signed.header.op.is_tombstone());
        let found = found.map_or(0, |v| v.signed.header.n);
        match if_version {
            Some(wanted) if wanted != found => {
                Err(Error::conflict(format!("{path} is at version {found}, not {wanted}"))
                    .hint("nothing was written; `vault history` shows who changed it"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that this identity may write at a path, as far as is known now.
    ///
    /// # Errors
    /// Denied if it may not; credentials if there is none.
    pub fn need_write(&self, path: &SecretPath) -> Result<()> {
        let me = self.identity()?.public().id();
        match self.view().state.may_write(me, path) {
            true => Ok(()),
            false => Err(self.may_not_write(path)),
        }
    }

    fn may_not_write(&self, path: &SecretPath) -> Error {
        let way =
            "an admin can grant it: `vault member role`, or `vault member add` if you are new";
        Error::denied(format!("this identity may not write {path}")).hint(self.ask_for(way))
    }

    /// Seals the version that follows `before`.
    async fn draft(
        &self,
        path: &SecretPath,
        before: Option<Newest>,
        change: &mut Change<'_, '_>,
        early: Option<EarlyKey>,
    ) -> Result<Sealed> {
        let base = match &before {
            None => Base { n: 0, from: 1, record: [0; 32] },
            Some(v) => Base {
                n: v.signed.header.n,
                from: v.signed.header.from,
                record: v.signed.record_hash,
            },
        };
        self.draft_on(path, base, before, change, early).await
    }

    /// Seals the version that follows `base`.
    pub(super) async fn draft_on(
        &self,
        path: &SecretPath,
        base: Base,
        before: Option<Newest>,
        change: &mut Change<'_, '_>,
        early: Option<EarlyKey>,
    ) -> Result<Sealed> {
        let view = self.view();
        let identity = self.identity()?;
        let me = identity.public().id();
        let group = view.state.current(path).filter(|_| view.state.may_write(me, path));
        let group = group.ok_or_else(|| self.may_not_write(path))?;
        let Base { n, from, record: prev } = base;
        let n = n + 1;
        if n >= LAST {
            return Err(Error::integrity(format!(
                "the version numbers of {path} are used up, which nobody does by writing"
            ))
            .hint("`vault history` shows who did: once they are removed, it does not count"));
        }
        let seq = view.seq();
        let needed = matches!(change, Change::Content(_));
        let grave = |op| (op, Kind::Raw, Secret::with_capacity(0), seq, op != Op::Purge);
        let (op, kind, plaintext, since, keeps) = match change {
            Change::Tombstone(op) => grave(*op),
            Change::Bury => grave(Op::Delete),
            Change::Whole(make) | Change::Content(make) => {
                let before = match before {
                    Some(v) if needed && !v.signed.header.op.is_tombstone() => {
                        Some(self.decrypt_newest(path, v).await?)
                    }
                    _ => None,
                };
                let draft = make(before.as_ref())?;
                let (kind, plaintext, since) = match draft.plain {
                    Plain::Doc(document) => (Kind::Doc, document.encode()?, document.since(seq)),
                    Plain::Raw(bytes) => (Kind::Raw, bytes, draft.since.unwrap_or(seq)),
                };
                (draft.op, kind, plaintext, since, draft.keeps)
            }
        };
        check_size(plaintext.len())?;
        let wrapped = match early.filter(|early| early.group == group) {
            Some(early) => early.wrapped?,
            None => self.data_keys(&group).await?.wrap(path).await?,
        };
        let s3ec::Sealed { mut metadata, body } = s3ec::seal(
            plaintext,
            &wrapped.data_key,
            wrapped.kind,
            &wrapped.wrapped,
            &wrapped.description,
        )
        .map_err(|e| Error::general(format!("cannot seal {path}")).because(e))?;
        let header = Header {
            n,
            op,
            kind,
            group,
            from: if keeps { from } else { n },
            since,
            prev,
            body: sha256(&[&body]),
            team_seq: seq,
            team_hash: *view.hash().first_chunk().expect("a hash has more than 16 bytes"),
            time: now(),
            by: me,
        };
        let sign = |record: &header::Record<'_>| identity.sign_record(record);
        header::attach_with(&mut metadata, &self.id, path, &header, sign)?;
        let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_METADATA {
            return Err(Error::usage(format!(
                "the path is too long: the object would need {size} bytes of metadata, S3 allows {MAX_METADATA}"
            )));
        }
        let signed = SignedHeader::parse(&self.id, path, &metadata).map_err(|why| {
            Error::general(format!("a header that was just made is wrong: {why}"))
        })?;
        Ok(Sealed { header, signed, metadata, body })
    }

    /// Claims the version's number. False if another writer has it.
    pub(super) async fn claim(&self, path: &SecretPath, sealed: &Sealed) -> Result<bool> {
        let n = sealed.header.n;
        let key = version_key(path, n);
        let put = |condition| async move {
            self.store.put(&version_key(path, n), &sealed.metadata, &sealed.body, &condition).await
        };
        match put(Condition::Absent).await {
            Ok(_) => return Ok(true),
            Err(StoreError::Conflict { .. }) => {}
            Err(e) => return Err(e.into()),
        }
        let there = match self.fetch(&key).await {
            Ok(object) => object,
            Err(StoreError::NotFound { .. }) => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let signed = SignedHeader::parse(&self.id, path, &there.metadata).ok();
        if signed.as_ref().is_some_and(|s| s.record_hash == sealed.signed.record_hash) {
            // Our own, claimed by a request whose answer was lost.
            return Ok(true);
        }
        // Somebody who was given the right to write a moment ago is no junk.
        self.refresh().await?;
        let mut versions = Versions::new(self, path)?;
        if let Some(learned) = versions.learn(Some(n), &there.metadata).await?
            && versions.check(n).await?.is_ok()
        {
            self.finish_write(path, &learned, &there).await?;
            return Ok(false);
        }
        self.keep_evidence(signed.as_ref(), &there.metadata, &there.body).await?;
        self.warn(format!("version {n} of {path} was junk and has been replaced"));
        match put(Condition::Matches(there.etag)).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Keeps a void that a key of this team, now or once, has signed.
    async fn keep_evidence(
        &self,
        signed: Option<&SignedHeader>,
        metadata: &Metadata,
        body: &[u8],
    ) -> Result<()> {
        let view = self.view();
        let Some(signed) = signed else { return Ok(()) };
        if !view.state.key(signed.header.by).is_some_and(|(key, _)| signed.verify(key)) {
            return Ok(());
        }
        let key = format!(".vault/void/{}", hex(&signed.record_hash));
        match self.store.put(&key, metadata, body, &Condition::Absent).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// The version is written: "failed, try again" would make the caller write it twice.
fn claimed(path: &SecretPath, n: u64, cause: Error) -> Error {
    let message = format!("version {n} of {path} was written, but the write was not finished");
    // Not the hint of the cause: that may say to run the command again.
    Error::new(crate::core::error::Kind::Partial, message)
        .because(cause)
        .hint("do not write it again: once that is mended, `vault verify --repair` finishes it")
}

/// The number of the tombstone, if what is to be deleted was deleted already and nothing else.
fn deleted(standing: &Standing, if_version: Option<u64>) -> Option<u64> {
    let header = &standing.newest.as_ref()?.signed.header;
    let wanted = if_version.is_none_or(|n| n + 1 == header.n);
    (header.op.is_tombstone() && wanted).then_some(header.n)
}
