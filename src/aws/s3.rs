//! A client of S3.

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};

use super::{Aws, SettingError, endpoint, retry};

impl Aws {
    /// A client for one bucket.
    ///
    /// # Errors
    /// For what is no name of a bucket.
    pub fn s3(&self, bucket: &str) -> Result<Client, SettingError> {
        check_bucket(bucket)?;
        let options = &self.options;
        // Nothing but what the service insists on: not every store that speaks S3 knows the newer
        // checksums, and some refuse the trailers they come in. Nothing is lost by it: the body's
        // SHA-256 is in every signature, and what we read is authenticated.
        let mut config = Builder::from(&self.sdk)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_classifier(retry::Undecided)
            .accelerate(options.accelerate);
        if let Some(endpoint) = &options.endpoint_s3 {
            config = config.endpoint_url(endpoint);
        }
        let in_path = || endpoint::in_path(options.endpoint_s3.as_deref(), bucket);
        let in_path = options.path_style.unwrap_or_else(in_path);
        Ok(Client::from_conf(config.force_path_style(in_path).build()))
    }

    /// Where requests for buckets go, for messages.
    pub fn s3_place(&self) -> String {
        let region = || SdkConfig::region(&self.sdk).map_or("no region", Region::as_ref).to_owned();
        self.options.endpoint_s3.clone().unwrap_or_else(region)
    }
}

/// Names by Amazon's rules, and ARNs of access points, which the SDK checks.
fn check_bucket(bucket: &str) -> Result<(), SettingError> {
    let refused = |why| Err(SettingError(format!("{bucket:?} is not a bucket for a vault: {why}")));
    if bucket.starts_with("arn:") {
        return Ok(());
    }
    let inner = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-');
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !(3..=63).contains(&bucket.len())
        || !bucket.chars().all(inner)
        || !outer(bucket.chars().next())
        || !outer(bucket.chars().last())
        || bucket.contains("..")
    {
        return refused(
            "names have 3 to 63 of a-z 0-9 . - and begin and end with a letter or digit",
        );
    }
    if bucket.ends_with("--x-s3") {
        return refused("directory buckets do not list in order");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_bucket;

    #[test]
    fn buckets_have_names_by_the_rules() {
        for fits in ["abc", "team.secrets-1", "arn:aws:s3:eu-west-1:123456789012:accesspoint/x"] {
            assert!(check_bucket(fits).is_ok(), "{fits}");
        }
        for unfit in
            ["ab", "Team", "a/b", "-abc", "abc-", "a..b", "team--euw1-az1--x-s3", "a b", ""]
        {
            assert!(check_bucket(unfit).is_err(), "{unfit}");
        }
        assert!(check_bucket(&"a".repeat(64)).is_err());
    }
}
