//! Checking everything that is stored, and mending what a crash left behind.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::head::same_object;
use super::standing::Newest;
use super::versions::{MarkCheck, Versions, gaps, missing};
use super::{PARALLEL, Vault, head_key, version_key};
use crate::core::cipher::sha256;
use crate::core::error::{Error, Kind, Result};
use crate::core::path::{Prefix, SecretPath};
use crate::store::probe::PROBES;
use crate::store::{Condition, StoreError, list_all};

/// Temporary files older than this are nobody's.
const STALE: Duration = Duration::from_secs(3600);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Tampering, loss, or something that cannot be decrypted.
    Error,
    /// Left by a crash or put there by a stranger; harmless.
    Warning,
    /// Was found and mended.
    Mended,
}

/// Something that `verify` found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The path it is about.
    pub path: Option<SecretPath>,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// What `verify` looked at and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Paths checked, deleted ones included.
    pub paths: usize,
    /// Versions checked.
    pub versions: usize,
    /// Secrets that KMS did not open; their signatures were checked.
    pub undecrypted: usize,
    /// Secrets of groups that this identity does not read; their signatures were checked.
    pub locked: usize,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True if anything is wrong that mending does not cure.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    /// True if mending would change something.
    pub fn has_warnings(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Warning)
    }

    fn add(&mut self, path: &SecretPath, severity: Severity, message: impl Into<String>) {
        let message = message.into();
        self.findings.push(Finding { path: Some(path.clone()), severity, message });
    }
}

impl Vault {
    /// Checks the chain, every version of every path below `prefix` (signature, links, body) and
    /// that the newest ones can be decrypted; with `repair`, finishes what crashes left.
    ///
    /// # Errors
    /// Of the store. What is wrong with the data is in the report.
    pub async fn verify(&self, prefix: &Prefix, repair: bool) -> Result<Report> {
        self.refresh().await?;
        if repair {
            self.store.sweep(STALE).await?;
            // Of checks that were interrupted. One that is under way just now has to be run again.
            for probe in list_all(&*self.store, PROBES).await? {
                self.store.delete(&probe, None).await?;
            }
        }
        let mut paths: BTreeSet<SecretPath> = self.list_history(prefix).await?;
        paths.extend(self.list(prefix).await?);
        let total = paths.len();
        let reports = stream::iter(paths)
            .map(|path| async move { self.verify_one(&path, repair).await })
            .buffered(PARALLEL);
        let mut all = Report { paths: total, ..Report::default() };
        let chain = match self.check_chain_is_there().await {
            Ok(()) => self.team_notes().await.map(drop),
            gone => gone,
        };
        for check in [chain, self.check_pinned_objects().await] {
            match check {
                Err(e) if e.kind == Kind::Integrity => {
                    let severity = Severity::Error;
                    all.findings.push(Finding { path: None, severity, message: e.message });
                }
                other => other?,
            }
        }
        let reports: Vec<Report> = reports.try_collect().await?;
        for report in reports {
            all.versions += report.versions;
            all.undecrypted += report.undecrypted;
            all.locked += report.locked;
            all.findings.extend(report.findings);
        }
        Ok(all)
    }

    /// What is wrong with one path is no reason not to look at the others.
    async fn verify_one(&self, path: &SecretPath, repair: bool) -> Result<Report> {
        match self.verify_path(path, repair).await {
            Err(e) if e.kind == Kind::Integrity => {
                let mut report = Report::default();
                report.add(path, Severity::Error, e.message);
                Ok(report)
            }
            other => other,
        }
    }

    async fn verify_path(&self, path: &SecretPath, repair: bool) -> Result<Report> {
        let mut report = Report::default();
        let mut newest = None;
        let mark = self.device.mark(path)?;
        if repair {
            self.restore_entry(path, &mut report).await?;
        }
        match self.verify_history(path, &mut report).await {
            Ok(found) => newest = found,
            Err(e) if e.kind == Kind::Integrity => report.add(path, Severity::Error, e.message),
            Err(e) => return Err(e),
        }
        if report.has_errors() {
            return Ok(report);
        }
        let Some(newest) = newest else {
            match mark {
                Some(mark) => {
                    let lost =
                        format!("its history is gone; this device has seen version {}", mark.n);
                    report.add(path, Severity::Error, lost);
                }
                None => {
                    report.add(path, Severity::Error, "it has a head but no history that counts")
                }
            }
            return Ok(report);
        };
        self.verify_head(path, &newest, repair, &mut report).await?;
        let header = newest.signed.header.clone();
        if header.from > 1 {
            self.finish_purge(path, header.from, repair, &mut report).await?;
        }
        if !header.op.is_tombstone() {
            let group = header.group.clone();
            match self.decrypt(path, newest).await {
                Ok(_) => {}
                Err(e) if e.kind == Kind::Integrity => report.add(path, Severity::Error, e.message),
                // Its signatures were checked. A folder of a group that this identity is not in is
                // no news; that KMS refuses is.
                Err(e) if e.kind == Kind::Denied => {
                    if self.is_wrapped_by_kms(&group) {
                        report.undecrypted += 1;
                        let message = format!("only its signatures were checked: {}", e.message);
                        report.add(path, Severity::Warning, message);
                    } else {
                        report.locked += 1;
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(report)
    }

    /// Where the history lost its newest version, or has it damaged, and the head is that version:
    /// writes the entry again, before the next write makes the loss final.
    async fn restore_entry(&self, path: &SecretPath, report: &mut Report) -> Result<()> {
        let head = match self.fetch(&head_key(path)).await {
            Ok(head) => head,
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let Some(signed) = self.counting(path, &head.metadata).await? else { return Ok(()) };
        if sha256(&[&head.body]) != signed.header.body {
            return Ok(());
        }
        let n = signed.header.n;
        let condition = match self.fetch(&version_key(path, n)).await {
            Ok(entry) if same_object(&entry, &head) => return Ok(()),
            Ok(entry) => {
                let mut versions = Versions::new(self, path)?;
                let found = versions.learn(Some(n), &entry.metadata).await?;
                if found.is_some_and(|found| found.record_hash != signed.record_hash) {
                    return Ok(());
                }
                Condition::Matches(entry.etag)
            }
            Err(StoreError::NotFound { .. }) => Condition::Absent,
            Err(e) => return Err(e.into()),
        };
        match self.store.put(&version_key(path, n), &head.metadata, &head.body, &condition).await {
            Ok(_) => {
                let restored = format!("version {n} was missing or damaged: mended from the head");
                report.add(path, Severity::Mended, restored);
                Ok(())
            }
            Err(StoreError::Conflict { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Every version from the oldest that is kept to the newest; answers the newest acceptable.
    async fn verify_history(
        &self,
        path: &SecretPath,
        report: &mut Report,
    ) -> Result<Option<Newest>> {
        let mut versions = Versions::new(self, path)?;
        let numbers = Versions::numbers(self, path).await?;
        let mut newest: Option<Newest> = None;
        let (mut stored, mut kept) = (Vec::new(), Vec::new());
        for n in numbers.into_iter().rev() {
            report.versions += 1;
            let object = match self.fetch(&version_key(path, n)).await {
                Ok(object) => object,
                Err(StoreError::Damaged { reason, .. }) => {
                    stored.push(n);
                    self.refuse_version(path, n, &reason, newest.as_ref(), report);
                    continue;
                }
                Err(StoreError::NotFound { .. }) => continue,
                Err(e) => return Err(e.into()),
            };
            stored.push(n);
            let Some(signed) = versions.learn(Some(n), &object.metadata).await? else {
                self.refuse_version(
                    path,
                    n,
                    "it is not a version of this path",
                    newest.as_ref(),
                    report,
                );
                continue;
            };
            if let Err(why) = versions.check(n).await? {
                self.refuse_version(path, n, why, newest.as_ref(), report);
                continue;
            }
            kept.push(n);
            if sha256(&[&object.body]) != signed.header.body {
                report.add(path, Severity::Error, format!("the body of version {n} was changed"));
            }
            if newest.is_none() {
                newest = Some(Newest { signed, object, from_head: false });
            }
        }
        let Some(top) = &newest else { return Ok(None) };
        let header = &top.signed.header;
        stored.reverse();
        for gap in gaps(&stored, header.from, header.n) {
            report.add(path, Severity::Error, missing(&gap));
        }
        for n in kept.into_iter().filter(|n| (header.from..header.n).contains(n)) {
            let linked = versions.get(n + 1).zip(versions.get(n));
            if let Some((above, below)) = linked
                && let Err(why) = crate::team::accept::follows(above, below)
            {
                report.add(path, Severity::Error, format!("version {n}: {why}"));
            }
        }
        if let MarkCheck::Fails(why) = versions.check_mark(header.n).await? {
            report.add(path, Severity::Error, why);
        }
        Ok(newest)
    }

    /// A version that does not count: above the newest one it is in the way of nothing; between
    /// acceptable ones it is a gap.
    fn refuse_version(
        &self,
        path: &SecretPath,
        n: u64,
        why: &str,
        newest: Option<&Newest>,
        report: &mut Report,
    ) {
        match newest {
            Some(newest) if n >= newest.signed.header.from => {
                report.add(path, Severity::Error, format!("version {n} does not count: {why}"));
            }
            Some(_) => {}
            None => report.add(
                path,
                Severity::Warning,
                format!("version {n} is junk and is replaced by the next write: {why}"),
            ),
        }
    }

    async fn verify_head(
        &self,
        path: &SecretPath,
        newest: &Newest,
        repair: bool,
        report: &mut Report,
    ) -> Result<()> {
        let head = match self.fetch(&head_key(path)).await {
            Ok(head) => Some(head),
            Err(StoreError::NotFound { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        if let Some(head) = &head
            && let Some(ahead) = self.counting(path, &head.metadata).await?
            && ahead.header.n > newest.signed.header.n
        {
            // Written while this was running, or the history does not show it.
            let n = ahead.header.n;
            let entry = Versions::new(self, path)?.at(n).await?.map(|s| s.record_hash);
            if entry != Some(ahead.record_hash) {
                let lost = format!("version {n} is the head, but missing from the history");
                report.add(path, Severity::Error, lost);
            }
            return Ok(());
        }
        let gone = newest.signed.header.op.is_tombstone();
        let wrong = match &head {
            None if gone => return Ok(()),
            None => "its head is missing",
            Some(_) if gone => "it was deleted, but its head is still there",
            Some(head) if same_object(head, &newest.object) => return Ok(()),
            Some(_) => "its head is not the newest version",
        };
        if repair {
            self.mend_head(path).await?;
            report.add(path, Severity::Mended, format!("{wrong}: mended"));
        } else {
            report.add(path, Severity::Warning, wrong);
        }
        Ok(())
    }

    async fn finish_purge(
        &self,
        path: &SecretPath,
        from: u64,
        repair: bool,
        report: &mut Report,
    ) -> Result<()> {
        let numbers = Versions::numbers(self, path).await?;
        let left: Vec<u64> = numbers.into_iter().filter(|n| *n < from).collect();
        // The oldest go first.
        if left.last().is_some_and(|last| *last != from - 1) {
            let odd =
                format!("version {from} says that nothing older is kept, and follows nothing");
            report.add(path, Severity::Error, odd);
            return Ok(());
        }
        let left = left.len();
        if left > 0 && repair {
            self.remove_below(path, from).await?;
            report.add(
                path,
                Severity::Mended,
                format!("a purge was cut off: {left} versions removed"),
            );
        } else if left > 0 {
            report.add(
                path,
                Severity::Warning,
                format!("a purge was cut off: {left} versions are left"),
            );
        }
        Ok(())
    }
}

/// A report with errors, as an error for the exit code.
impl From<&Report> for Error {
    fn from(report: &Report) -> Self {
        let errors = report.findings.iter().filter(|f| f.severity == Severity::Error).count();
        Self::integrity(format!("{errors} of the findings are errors"))
            .hint("compare with a backup, or with what other members see")
    }
}
