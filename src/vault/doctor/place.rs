//! What the place of a vault allows and does, whatever kind of place it is.

use super::{Check, Status};
use crate::core::error::Error;
use crate::core::path::escape;
use crate::core::random;
use crate::core::text::hex;
use crate::store::probe::{Capability, PROBES, Report, Verdict, probe};
use crate::store::{Condition, Metadata, Store, StoreError, list_all};
use crate::vault::{Location, Storage};

impl Storage {
    /// Looks at the place: what may be done there, what the store really does, what was left
    /// behind, and what is special about its kind. A store that cannot keep writers apart is no
    /// error for a `single_writer`.
    pub async fn examine(&self, single_writer: bool) -> Vec<Check> {
        let store = &*self.store;
        // Before anything is written: some services make the bucket that somebody writes to.
        let listed = list_all(store, PROBES).await;
        if let Err(error @ StoreError::NoBucket { .. }) = listed {
            return vec![Check::failed("bucket", Status::Error, &Error::from(error))];
        }
        let mut checks = match &self.location {
            Location::Dir(path) => super::directory::examine(path),
            Location::S3 { bucket, prefix } => {
                super::bucket::examine(&self.aws, bucket, prefix).await
            }
        };
        let (may_write, permissions) = permissions(store).await;
        checks.extend(permissions);
        if may_write {
            checks.extend(capabilities(&probe(store).await, single_writer));
        } else {
            let message = "not measured, because nothing may be written";
            checks.push(Check::skipped("store", message));
        }
        checks.push(leftovers(listed));
        checks
    }
}

/// What the store did with a probe, a check for each.
fn capabilities(report: &Report, single_writer: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    for (capability, verdict) in &report.verdicts {
        let name = format!("store: {}", capability.name());
        checks.push(match verdict {
            Verdict::Works => Check::ok(&name, "works"),
            Verdict::Unknown(error) => {
                let what = format!("not measured: {error}");
                Check::warning(&name, escape(&what))
            }
            Verdict::Broken(seen) if capability.keeps_writers_apart() && !single_writer => {
                let hint = "one person or machine may write, and the vault is made with \
                            --single-writer; or use another store";
                Check::error(&name, escape(seen)).hint(hint)
            }
            // Without it nothing that is stored can be read again.
            Verdict::Broken(seen) if *capability == Capability::Metadata => {
                Check::error(&name, escape(seen)).hint("use another store")
            }
            Verdict::Broken(seen) => Check::warning(&name, escape(seen)),
        });
    }
    if !report.left.is_empty() {
        let message = format!("{} objects of this check could not be removed", report.left.len());
        checks.push(
            Check::warning("store: clean-up", message).hint(format!("they are below {PROBES}")),
        );
    }
    checks
}

/// A real put, get, list and delete. The first of the answer: whether writing is allowed.
async fn permissions(store: &dyn Store) -> (bool, Vec<Check>) {
    let key = format!("{PROBES}{}-permissions", hex(&random::array::<16>()));
    let put = store.put(&key, &Metadata::new(), b"probe", &Condition::None).await;
    let may_write = put.is_ok();
    let get = match store.get(&key, 64).await {
        // What must not be written cannot be found, and was looked for all the same.
        Err(StoreError::NotFound { .. }) if !may_write => Ok(()),
        answer => answer.map(drop),
    };
    let list = list_all(store, &key).await.map(drop);
    let delete = store.delete(&key, None).await;
    let check = |name: &str, answer: Result<(), StoreError>, status| match answer {
        Ok(()) => Check::ok(name, "allowed"),
        Err(error) => Check::failed(name, status, &Error::from(error)),
    };
    // Members who only read may do without two of them.
    let checks = vec![
        check("permission to write", put.map(drop), Status::Warning),
        check("permission to read", get, Status::Error),
        check("permission to list", list, Status::Error),
        check("permission to delete", delete, Status::Warning),
    ];
    (may_write, checks)
}

/// Objects of probes that were interrupted.
fn leftovers(listed: Result<Vec<String>, StoreError>) -> Check {
    match listed {
        Ok(keys) if keys.is_empty() => Check::ok("leftovers", "none"),
        Ok(keys) => {
            let message =
                format!("{} objects of interrupted checks are below {PROBES}", keys.len());
            Check::warning("leftovers", message).hint("`vault verify --repair` removes them")
        }
        Err(error) => Check::failed("leftovers", Status::Skipped, &Error::from(error)),
    }
}
