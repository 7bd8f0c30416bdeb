//! Who the credentials belong to.

use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;

use super::{Aws, Fault, endpoint};

impl Aws {
    /// The ARN of whoever the credentials belong to. Nothing where another service than Amazon's
    /// holds the bucket and no STS of its own is named: its credentials are not for Amazon to see.
    pub async fn caller(&self) -> Option<Result<String, Fault>> {
        let own = endpoint::configured(&self.sdk, "STS");
        if own.is_none() && self.options.endpoint_s3.is_some() {
            return None;
        }
        let mut config = Builder::from(&self.sdk);
        if let Some(own) = own {
            if let Err(error) = endpoint::check(&own) {
                return Some(Err(Fault::Setting(error.to_string())));
            }
            config = config.endpoint_url(own);
        }
        let answer = Client::from_conf(config.build()).get_caller_identity().send().await;
        let arn = |arn: Option<&str>| arn.unwrap_or("somebody without a name").to_owned();
        Some(answer.map(|who| arn(who.arn())).map_err(|error| Fault::of(&error)))
    }
}
