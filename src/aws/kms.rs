//! Clients of KMS.

use aws_config::Region;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::Builder;

use super::Aws;

impl Aws {
    /// A client for the keys of a region. Connections are shared with all other clients.
    pub fn kms(&self, region: &str) -> Client {
        let mut config = Builder::from(&self.sdk).region(Region::new(region.to_owned()));
        if let Some(endpoint) = &self.options.endpoint_kms {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }

    /// Where requests for keys of a region go, for messages.
    pub fn kms_place(&self, region: &str) -> String {
        self.options.endpoint_kms.clone().unwrap_or_else(|| region.to_owned())
    }
}
