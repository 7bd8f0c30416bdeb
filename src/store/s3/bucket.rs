//! How a bucket is set up, as far as the service tells.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ExpirationStatus, LifecycleRule, TransitionStorageClass,
};

use super::super::{Condition, Metadata, Result, Store, StoreError};
use super::S3Store;

/// What a rule does with objects that were last written some time ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are removed.
    Removed,
    /// They cannot be read any more before somebody restores them.
    Archived,
}

/// A rule that meets objects of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What it does with them.
    pub fate: Fate,
}

impl S3Store {
    /// The bucket's region, if it is there and the service tells.
    ///
    /// # Errors
    /// As any request.
    pub async fn region(&self) -> Result<Option<String>> {
        let head = self.client.head_bucket().bucket(&self.bucket);
        let answer = head.set_expected_bucket_owner(self.owner()).send().await;
        let answer = answer.map_err(|error| self.request("s3:ListBucket", "").failed(error))?;
        Ok(answer.bucket_region().map(str::to_owned))
    }

    /// Whether earlier versions of objects are kept when they are replaced or removed.
    ///
    /// # Errors
    /// As any request.
    pub async fn is_versioned(&self) -> Result<bool> {
        let ask = self.client.get_bucket_versioning().bucket(&self.bucket);
        let answer = ask.set_expected_bucket_owner(self.owner()).send().await;
        let answer = answer.map_err(|error| self.refused("s3:GetBucketVersioning", error))?;
        // Suspended: versions that were made before are still there.
        let status = answer.status();
        Ok(matches!(
            status,
            Some(BucketVersioningStatus::Enabled | BucketVersioningStatus::Suspended)
        ))
    }

    /// Whether the bucket's own settings keep the public out, whatever policies say.
    ///
    /// # Errors
    /// As any request.
    pub async fn blocks_the_public(&self) -> Result<bool> {
        let ask = self.client.get_public_access_block().bucket(&self.bucket);
        let answer = match ask.set_expected_bucket_owner(self.owner()).send().await {
            Err(error) if error.code() == Some("NoSuchPublicAccessBlockConfiguration") => {
                return Ok(false);
            }
            answer => {
                answer.map_err(|error| self.refused("s3:GetBucketPublicAccessBlock", error))?
            }
        };
        let block = answer.public_access_block_configuration();
        Ok(block.is_some_and(|block| {
            let all = [
                block.block_public_acls(),
                block.ignore_public_acls(),
                block.block_public_policy(),
                block.restrict_public_buckets(),
            ];
            all.iter().all(|set| *set == Some(true))
        }))
    }

    /// Rules that remove or archive objects below one of `prefixes`.
    ///
    /// # Errors
    /// As any request.
    pub async fn rules(&self, prefixes: &[&str]) -> Result<Vec<Rule>> {
        let ask = self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket);
        let answer = match ask.set_expected_bucket_owner(self.owner()).send().await {
            Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => {
                return Ok(Vec::new());
            }
            answer => {
                answer.map_err(|error| self.refused("s3:GetLifecycleConfiguration", error))?
            }
        };
        let full: Vec<String> =
            prefixes.iter().map(|prefix| format!("{}{prefix}", self.prefix)).collect();
        let meets = |rule: &&LifecycleRule| {
            let of = prefix_of(rule);
            full.iter().any(|ours| ours.starts_with(of) || of.starts_with(ours.as_str()))
        };
        let rules = answer.rules().iter();
        let rules = rules.filter(|rule| *rule.status() == ExpirationStatus::Enabled).filter(meets);
        Ok(rules.filter_map(rule).collect())
    }

    /// By how much this computer's clock and the service's differ, to a second: by the time that
    /// it gives to an object which is written below `key` and removed again.
    ///
    /// # Errors
    /// As any request.
    pub async fn clock_skew(&self, key: &str) -> Result<Duration> {
        let before = now();
        self.put(key, &Metadata::new(), b"what time is it", &Condition::None).await?;
        let full = self.full(key)?;
        let head = self.client.head_object().bucket(&self.bucket).key(&full);
        let head = head.set_request_payer(self.payer()).set_expected_bucket_owner(self.owner());
        let answer = head.send().await.map_err(|e| self.request("s3:GetObject", key).failed(e));
        let after = now();
        self.delete(key, None).await?;
        let written = answer?.last_modified().and_then(|time| u64::try_from(time.secs()).ok());
        let Some(written) = written else {
            let reason = "it tells no time".to_owned();
            return Err(StoreError::Unsupported { action: "s3:GetObject", reason });
        };
        let apart = written.saturating_sub(after).max(before.saturating_sub(written));
        Ok(Duration::from_secs(apart))
    }

    /// Why the bucket's settings cannot be read.
    fn refused<E>(&self, action: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.request(action, "").failed(error) {
            // Only listing can be narrowed to a prefix.
            StoreError::Refused { action, resource, reason, .. } => {
                StoreError::Refused { action, resource, condition: None, reason }
            }
            other => other,
        }
    }
}

/// What the names of its objects begin with.
fn prefix_of(rule: &LifecycleRule) -> &str {
    let filter = rule.filter();
    let in_filter = filter.and_then(|filter| filter.prefix());
    let in_both = filter.and_then(|filter| filter.and()).and_then(|both| both.prefix());
    // Of the older form, which some services still have.
    #[allow(deprecated)]
    let outside = rule.prefix();
    in_filter.or(in_both).or(outside).unwrap_or_default()
}

fn rule(rule: &LifecycleRule) -> Option<Rule> {
    let id = rule.id().unwrap_or("without a name").to_owned();
    // A rule that only tidies up delete markers has neither days nor a date.
    let ends = rule.expiration().is_some_and(|end| end.days().is_some() || end.date().is_some());
    let archive = |class: Option<&TransitionStorageClass>| {
        matches!(class, Some(TransitionStorageClass::Glacier | TransitionStorageClass::DeepArchive))
    };
    if ends {
        return Some(Rule { id, fate: Fate::Removed });
    }
    let archives = rule.transitions().iter().any(|step| archive(step.storage_class()));
    archives.then_some(Rule { id, fate: Fate::Archived })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleFilter, Transition};

    use super::*;

    fn enabled() -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
        LifecycleRule::builder().id("r").status(ExpirationStatus::Enabled)
    }

    #[test]
    fn only_rules_that_take_objects_away_count() {
        let fate = |r: aws_sdk_s3::types::builders::LifecycleRuleBuilder| {
            rule(&r.build().unwrap()).map(|rule| rule.fate)
        };
        let to = |class| {
            enabled().transitions(Transition::builder().days(1).storage_class(class).build())
        };
        let days = LifecycleExpiration::builder().days(1).build();
        let markers = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
        assert_eq!(fate(enabled().expiration(days)), Some(Fate::Removed));
        assert_eq!(fate(enabled().expiration(markers)), None);
        assert_eq!(fate(to(TransitionStorageClass::DeepArchive)), Some(Fate::Archived));
        assert_eq!(fate(to(TransitionStorageClass::Glacier)), Some(Fate::Archived));
        assert_eq!(fate(to(TransitionStorageClass::GlacierIr)), None);
        assert_eq!(fate(to(TransitionStorageClass::StandardIa)), None);
        assert_eq!(fate(enabled()), None);
    }

    #[test]
    #[allow(deprecated)]
    fn rules_have_their_prefix_in_one_of_three_places() {
        let both = aws_sdk_s3::types::LifecycleRuleAndOperator::builder().prefix("b/").build();
        let filter = LifecycleRuleFilter::builder;
        for (rule, prefix) in [
            (enabled().filter(filter().prefix("a/").build()), "a/"),
            (enabled().filter(filter().and(both).build()), "b/"),
            (enabled().prefix("c/"), "c/"),
            (enabled(), ""),
        ] {
            assert_eq!(prefix_of(&rule.build().unwrap()), prefix);
        }
    }
}
