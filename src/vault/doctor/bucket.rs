//! What is special about a bucket.

use super::{Check, Status, directory};
use crate::aws::{Aws, Fault, LazyAws};
use crate::core::error::Error;
use crate::core::path::escape;
use crate::core::random;
use crate::core::text::hex;
use crate::store::probe::PROBES;
use crate::store::s3::bucket::{Fate, Rule};
use crate::store::{S3Store, StoreError};

/// What must stay as long as nobody removes it.
const KEPT: [&str; 6] = ["s/", "h/", ".vault/team/", ".vault/obj/", ".vault/void/", ".vault/blob/"];

pub(super) async fn examine(aws: &LazyAws, bucket: &str, prefix: &str) -> Vec<Check> {
    let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let opened = async {
        let aws = aws.get().await?;
        Ok::<_, StoreError>((aws, S3Store::new(aws, bucket, &below)?))
    };
    let (aws, store) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return vec![Check::failed("bucket", Status::Error, &Error::from(error))],
    };
    let key = format!("{PROBES}{}-clock", hex(&random::array::<16>()));
    let (caller, region, versions, public, rules, skew) = futures_util::join!(
        aws.caller(),
        store.region(),
        store.is_versioned(),
        store.blocks_the_public(),
        store.rules(&KEPT),
        store.clock_skew(&key),
    );
    let skew = match skew {
        Ok(skew) => directory::clock(skew),
        // Denied, for one: whoever only reads.
        Err(error @ StoreError::ClockSkew { .. }) => {
            Check::failed("clock", Status::Error, &Error::from(error))
        }
        Err(error) => not_told("clock", error),
    };
    vec![
        credentials(caller),
        there(aws, region),
        versioning(versions),
        public_access(public),
        lifecycle(rules),
        skew,
    ]
}

fn credentials(caller: Option<Result<String, Fault>>) -> Check {
    let name = "credentials";
    match caller {
        None => Check::skipped(name, "another service than Amazon's: it is not asked who you are"),
        Some(Ok(arn)) => Check::ok(name, escape(&arn)),
        Some(Err(Fault::Credentials(why))) => Check::error(name, escape(&why))
            .hint("look at AWS_PROFILE and the other AWS_ variables, or log in again"),
        Some(Err(Fault::ClockSkew)) => {
            Check::error(name, "refused, because this computer's clock is wrong")
        }
        Some(Err(Fault::Network(why) | Fault::Setting(why) | Fault::Garbled(why))) => {
            Check::warning(name, escape(&why))
        }
        Some(Err(Fault::Answer(answer))) => Check::warning(name, escape(&answer.said)),
    }
}

fn there(aws: &Aws, region: Result<Option<String>, StoreError>) -> Check {
    let name = "bucket";
    match region {
        Ok(Some(region)) if region == aws.region() => {
            Check::ok(name, format!("is there, in {}", escape(&region)))
        }
        Ok(None) => Check::ok(name, "is there; the service tells no region"),
        Ok(Some(region)) if aws.options().endpoint_s3.is_some() => {
            Check::ok(name, format!("is there; the service says in {}", escape(&region)))
        }
        Ok(Some(region)) => {
            let region = escape(&region);
            let message = format!("is in {region}, and {} is asked", escape(aws.region()));
            Check::warning(name, message).hint(format!("set region = \"{region}\" for the vault"))
        }
        // Whoever may list below some prefixes only is told nothing of the bucket; what matters is
        // tried by itself.
        Err(error @ StoreError::Refused { .. }) => {
            Check::failed(name, Status::Warning, &Error::from(error))
        }
        Err(error) => Check::failed(name, Status::Error, &Error::from(error)),
    }
}

fn versioning(versioned: Result<bool, StoreError>) -> Check {
    let name = "bucket versioning";
    match versioned {
        Ok(false) => Check::ok(name, "off: what is purged is gone"),
        Ok(true) => {
            let message =
                "on: what `vault purge` removes stays in the bucket as noncurrent versions";
            Check::warning(name, message)
                .hint("remove them with a lifecycle rule for noncurrent versions")
        }
        Err(error) => not_told(name, error),
    }
}

fn public_access(blocked: Result<bool, StoreError>) -> Check {
    let name = "public access block";
    match blocked {
        Ok(true) => Check::ok(name, "all four settings are on"),
        Ok(false) => {
            let message = "not all four settings are on: a policy can open the bucket to everybody";
            Check::warning(name, message).hint("switch on Block Public Access for the bucket")
        }
        Err(error) => not_told(name, error),
    }
}

fn lifecycle(rules: Result<Vec<Rule>, StoreError>) -> Check {
    let name = "lifecycle rules";
    let rules = match rules {
        Ok(rules) => rules,
        Err(error) => return not_told(name, error),
    };
    let Some(rule) = rules.first() else { return Check::ok(name, "none meets the vault") };
    let what = match rule.fate {
        Fate::Removed => "removes",
        Fate::Archived => "archives",
    };
    let message = format!("the rule {} {what} objects of the vault", escape(&rule.id));
    Check::error(name, message).hint("narrow its prefix, so that it spares the vault")
}

/// Settings that cannot be read are no fault of the vault.
fn not_told(name: &str, error: StoreError) -> Check {
    Check::failed(name, Status::Skipped, &Error::from(error))
}
