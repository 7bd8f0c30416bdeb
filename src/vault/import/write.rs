//! Writing an import: where nothing is yet, many at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{ItemContent, Plan, Planned};
use crate::core::document::Document;
use crate::core::error::{Error, Kind, Result, listed};
use crate::core::path::SecretPath;
use crate::core::secret::Secret;
use crate::vault::team::Progress;
use crate::vault::{PARALLEL, Vault};

/// How many are written at once.
const AT_ONCE: usize = 16;

/// What became of an import.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was written.
    pub written: Vec<SecretPath>,
    /// What was not, and why.
    pub failed: Vec<(SecretPath, Error)>,
    /// What was not begun any more after that, or after the import was stopped.
    pub left: Vec<SecretPath>,
    /// What somebody else wrote meanwhile, where that is to be left as it is.
    pub there: Vec<SecretPath>,
}

/// How an import goes.
#[derive(Default)]
pub struct Manner {
    /// What somebody else writes meanwhile is left as it is, and is no failure.
    pub skip_existing: bool,
    /// Once it is true nothing more is begun.
    pub stop: AtomicBool,
}

impl Vault {
    /// Which of these secrets are there already.
    ///
    /// # Errors
    /// If it cannot be told of one of them.
    pub async fn present(&self, paths: &[SecretPath]) -> Result<Vec<SecretPath>> {
        let look = |path| async move { Ok::<_, Error>((path, self.live(path).await?.is_some())) };
        let there: Vec<_> =
            stream::iter(paths).map(look).buffered(PARALLEL).try_collect::<Vec<_>>().await?;
        Ok(there.into_iter().filter(|(_, there)| *there).map(|(path, _)| path.clone()).collect())
    }

    /// Fails if one of these secrets is there already, before anything is written.
    ///
    /// # Errors
    /// Conflict, naming them.
    pub async fn check_absent(&self, paths: &[SecretPath]) -> Result<()> {
        let there = self.present(paths).await?;
        if there.is_empty() {
            return Ok(());
        }
        Err(Error::conflict(format!("already there: {}", listed(&there, ", ")))
            .hint("nothing was written; import to another place, or remove them first"))
    }

    /// Fails if this identity may not write one of these paths, as far as is known now.
    ///
    /// # Errors
    /// Denied, naming them.
    pub fn check_may_write(&self, paths: &[SecretPath]) -> Result<()> {
        let mut denied: Vec<_> = Vec::new();
        for path in paths {
            match self.need_write(path) {
                Err(e) if e.kind == Kind::Denied && self.member().is_some() => {
                    denied.push((path.to_string(), e));
                }
                other => other?,
            }
        }
        let names: Vec<_> = denied.iter().map(|(path, _)| path.as_str()).collect();
        let message = format!("this identity may not write {}", listed(&names, ", "));
        match denied.pop().map(|(_, e)| e.hint.unwrap_or_default()) {
            None => Ok(()),
            Some(hint) => Err(Error::denied(message).hint(format!("nothing was written; {hint}"))),
        }
    }

    /// Writes every secret of a plan as the first version of its path. After a failure, and once it
    /// is to stop, no other is begun; those that are under way are finished.
    pub async fn import(
        &self,
        plan: &Plan,
        manner: &Manner,
        progress: &mut Progress<'_>,
    ) -> Outcome {
        let total = plan.secrets.len();
        let mut outcome = Outcome::default();
        let mut rest = plan.secrets.iter();
        let mut work = stream::FuturesUnordered::new();
        progress(0, total);
        loop {
            while work.len() < AT_ONCE
                && outcome.failed.is_empty()
                && !manner.stop.load(Ordering::Relaxed)
            {
                let Some(secret) = rest.next() else { break };
                work.push(async move { (&secret.path, self.import_one(secret).await) });
            }
            let Some((path, done)) = work.next().await else { break };
            match done {
                Ok(()) => outcome.written.push(path.clone()),
                Err(e) if manner.skip_existing && self.is_there(path, &e).await => {
                    outcome.there.push(path.clone());
                }
                Err(e) => outcome.failed.push((path.clone(), e)),
            }
            progress(outcome.done(), total);
            // A directory answers at once: whoever sets `stop` is to have a turn, too.
            tokio::task::yield_now().await;
        }
        outcome.left = rest.map(|secret| secret.path.clone()).collect();
        outcome.written.sort();
        outcome.there.sort();
        outcome.failed.sort_by(|a, b| a.0.cmp(&b.0));
        outcome
    }

    /// True if a write failed because another one was faster.
    async fn is_there(&self, path: &SecretPath, error: &Error) -> bool {
        error.kind == Kind::Conflict && matches!(self.live(path).await, Ok(Some(_)))
    }

    async fn import_one(&self, secret: &Planned) -> Result<()> {
        let fields = match &secret.content {
            ItemContent::Raw(value) => {
                return self.put_raw(&secret.path, Some(0), value).await.map(drop);
            }
            ItemContent::Fields(fields) => fields,
        };
        let mut set = |document: &mut Document, seq: u64| {
            fields.iter().try_for_each(|field| {
                let value = Secret::copy_of(field.value.bytes());
                document.set(&field.name, field.kind, value, seq)
            })
        };
        self.put(&secret.path, Some(0), &mut set).await.map(drop)
    }
}

impl Outcome {
    /// How many are over.
    fn done(&self) -> usize {
        self.written.len() + self.there.len() + self.failed.len()
    }

    /// The error, if not everything is there now.
    ///
    /// # Errors
    /// Partial, with the first names of each kind; the cause itself if nothing was written at all.
    pub fn check(&self) -> Result<()> {
        let hint = match self.failed.first() {
            None if self.left.is_empty() => return Ok(()),
            None => String::new(),
            Some((path, cause)) => {
                // A version that was claimed is there for others to see.
                if self.written.is_empty() && cause.kind != Kind::Partial {
                    let hint = cause.hint.clone().unwrap_or_else(|| "try again".to_owned());
                    let message = format!("nothing was written: {path} failed");
                    return Err(Error::new(cause.kind, message)
                        .because(cause.in_full())
                        .hint(hint));
                }
                // What one write says of itself is not true of all.
                let hint = cause.hint.as_deref().filter(|hint| !hint.contains("nothing was"));
                hint.map_or_else(String::new, |hint| format!("{hint}; then "))
            }
        };
        let names = |paths: &[SecretPath]| match paths {
            [] => "none".to_owned(),
            paths => listed(paths, ", "),
        };
        let failed: Vec<_> = self.failed.iter().map(|(path, _)| path.clone()).collect();
        let message = format!(
            "{} of {} were written\n  written: {}\n  failed: {}\n  not begun: {}",
            self.written.len(),
            self.done() + self.left.len(),
            names(&self.written),
            names(&failed),
            names(&self.left),
        );
        let error = Error::new(Kind::Partial, message)
            .hint(format!("{hint}import the rest with --skip-existing"));
        Err(match self.failed.first() {
            Some((path, cause)) => error.because(format!("{path}: {}", cause.in_full())),
            None => error.because("it was asked to end"),
        })
    }
}
