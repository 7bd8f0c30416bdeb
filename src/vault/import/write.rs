//! Writing an import: where nothing is yet, many at a time.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{ItemContent, Plan, Planned};
use crate::core::document::Document;
use crate::core::error::{Error, Kind, Result};
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
    /// What was not begun any more after that.
    pub left: Vec<SecretPath>,
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
        let names: Vec<_> = there.iter().map(ToString::to_string).collect();
        Err(Error::conflict(format!("already there: {}", names.join(", ")))
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
        let message = format!("this identity may not write {}", names.join(", "));
        match denied.pop().map(|(_, e)| e.hint.unwrap_or_default()) {
            None => Ok(()),
            Some(hint) => Err(Error::denied(message).hint(format!("nothing was written; {hint}"))),
        }
    }

    /// Writes every secret of a plan as the first version of its path. After a failure no other is
    /// begun; those that are under way are finished.
    pub async fn import(&self, plan: &Plan, progress: &mut Progress<'_>) -> Outcome {
        let total = plan.secrets.len();
        let mut outcome = Outcome::default();
        let mut rest = plan.secrets.iter();
        let mut work = stream::FuturesUnordered::new();
        progress(0, total);
        loop {
            while work.len() < AT_ONCE && outcome.failed.is_empty() {
                let Some(secret) = rest.next() else { break };
                work.push(async move { (&secret.path, self.import_one(secret).await) });
            }
            let Some((path, done)) = work.next().await else { break };
            match done {
                Ok(()) => outcome.written.push(path.clone()),
                Err(e) => outcome.failed.push((path.clone(), e)),
            }
            progress(outcome.written.len() + outcome.failed.len(), total);
        }
        outcome.left = rest.map(|secret| secret.path.clone()).collect();
        outcome.written.sort();
        outcome.failed.sort_by(|a, b| a.0.cmp(&b.0));
        outcome
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
    /// The error, if not everything was written.
    ///
    /// # Errors
    /// Partial, with all names; the cause itself if nothing was written at all.
    pub fn check(mut self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let failed: Vec<SecretPath> = self.failed.iter().map(|(path, _)| path.clone()).collect();
        let (path, cause) = self.failed.swap_remove(0);
        // A version that was claimed is there for others to see.
        if self.written.is_empty() && cause.kind != Kind::Partial {
            let hint = cause.hint.clone().unwrap_or_else(|| "try again".to_owned());
            let message = format!("nothing was written: {path} failed");
            return Err(Error::new(cause.kind, message).because(cause.in_full()).hint(hint));
        }
        let names = |paths: &[SecretPath]| {
            let names: Vec<_> = paths.iter().map(ToString::to_string).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let message = format!(
            "{} of {} were written\n  written: {}\n  failed: {}\n  not begun: {}",
            self.written.len(),
            self.written.len() + failed.len() + self.left.len(),
            names(&self.written),
            names(&failed),
            names(&self.left),
        );
        let why = format!("{path}: {}", cause.in_full());
        let hint = cause.hint.clone().map_or_else(String::new, |hint| format!("{hint}; then "));
        Err(Error::new(Kind::Partial, message)
            .because(why)
            .hint(format!("{hint}import the rest with --skip-existing")))
    }
}
