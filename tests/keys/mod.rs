//! How data keys are wrapped, against real key services and faithful replies.

pub mod kinds;
mod kms;
mod plugins;
mod replies;

use vault::aws::{Aws, AwsOptions};
use vault::core::error::Result;
use vault::core::header::GroupGen;
use vault::core::path::SecretPath;
use vault::core::s3ec::{self, Envelope};
use vault::core::secret::{Key, Secret};
use vault::keys::kms::{KeyArn, KmsKeys};
use vault::keys::{Unwrap, Wrap, Wrapped};

use crate::support::servers::on;

/// The vault that the keys are for.
const VAULT: [u8; 32] = [7; 32];

fn path(text: &str) -> SecretPath {
    SecretPath::parse(text).unwrap()
}

async fn keys(options: AwsOptions, arn: &str) -> KmsKeys {
    let aws = Aws::load(options).await.unwrap();
    let group = GroupGen { group: "main".into(), generation: 1 };
    KmsKeys::new(&aws, &KeyArn::parse(arn).unwrap(), VAULT, group)
}

fn wrap(options: AwsOptions, arn: &str, at: &str) -> Result<Wrapped> {
    let (arn, at) = (arn.to_owned(), path(at));
    on(async move { keys(options, &arn).await.wrap(&at).await })
}

fn unwrap(options: AwsOptions, arn: &str, at: &str, envelope: Envelope) -> Result<Option<Key>> {
    let (arn, at) = (arn.to_owned(), path(at));
    on(async move { keys(options, &arn).await.unwrap(&at, &envelope).await })
}

/// An object with this wrap, as a store would give it back.
fn envelope(wrapped: &Wrapped, description: &str) -> Envelope {
    let sealed = s3ec::seal(
        Secret::copy_of(b"value"),
        &wrapped.data_key,
        wrapped.kind,
        &wrapped.wrapped,
        description,
    );
    Envelope::parse(&sealed.unwrap().metadata).unwrap()
}
