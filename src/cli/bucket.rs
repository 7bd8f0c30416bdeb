//! Flags that say how a bucket and KMS are reached.

use clap::Args;
use clap::builder::NonEmptyStringValueParser as NonEmpty;

use crate::vault::{AwsOptions, Error, Location, Result};

/// Kept in the configuration of the vault, with `location` and `pin`.
#[derive(Args)]
pub struct Bucket {
    /// The bucket's region; default: that of the environment or the profile
    #[arg(long, value_name = "REGION", value_parser = NonEmpty::new(), help_heading = "Bucket options")]
    region: Option<String>,
    /// Use this profile of the AWS configuration for the vault
    #[arg(long, value_name = "NAME", value_parser = NonEmpty::new(), help_heading = "Bucket options")]
    profile: Option<String>,
    /// URL of another service than Amazon's that speaks S3
    #[arg(long, value_name = "URL", value_parser = NonEmpty::new(), help_heading = "Bucket options")]
    endpoint_s3: Option<String>,
    /// URL of another service than Amazon's that speaks KMS
    #[arg(long, value_name = "URL", value_parser = NonEmpty::new(), help_heading = "Bucket options")]
    endpoint_kms: Option<String>,
    /// The bucket in the path of the URL, not in the host name
    #[arg(long, help_heading = "Bucket options")]
    path_style: bool,
}

impl Bucket {
    /// The options for a vault at `location`.
    ///
    /// # Errors
    /// Usage if flags of a bucket are given for a directory.
    pub fn options(self, location: &Location, kms: bool) -> Result<AwsOptions> {
        let bucket_flags = self.endpoint_s3.is_some() || self.path_style;
        let any = bucket_flags || self.region.is_some() || self.profile.is_some();
        let dir = matches!(location, Location::Dir(_));
        if dir && (bucket_flags || (!kms && any)) {
            return Err(Error::usage("the options of a bucket do not fit a directory")
                .hint("give a location like s3://bucket/prefix, or leave them out"));
        }
        Ok(self.anywhere())
    }

    /// The options, for a bucket that is no vault's.
    pub fn anywhere(self) -> AwsOptions {
        AwsOptions {
            region: self.region,
            profile: self.profile,
            endpoint_s3: self.endpoint_s3,
            endpoint_kms: self.endpoint_kms,
            path_style: self.path_style.then_some(true),
            ..AwsOptions::default()
        }
    }
}
