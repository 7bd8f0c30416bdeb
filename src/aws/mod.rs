//! Amazon's SDK, set up once: who we are, which region, which endpoints, one HTTP client.
//!
//! The credentials come from the SDK's own providers, in its order, with two differences: a
//! profile that was asked for by name goes before the environment, and the instance metadata
//! service is asked only where there is one (`metadata.rs`), because anywhere else the SDK waits
//! one to three seconds for an answer that never comes.
//!
//! Only this layer and `config` read the environment.

use std::time::Duration;

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig, ecs, imds};
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::OnceCell;

pub use aws_sdk_s3::config::Credentials;

use self::metadata::Surroundings;

pub use self::fault::{Answer, Fault};
pub use self::policy::statement;

mod endpoint;
mod fault;
mod http;
mod kms;
mod metadata;
mod policy;
mod retry;
mod s3;
mod sts;

/// Requests are tried this often in all.
const ATTEMPTS: u32 = 5;
/// The first pause is between zero and this, and the range doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one attempt may take to connect.
const CONNECT: Duration = Duration::from_secs(4);
/// How long one attempt may take until the answer begins.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Signed into requests to endpoints that have no regions and whose owner named none.
const NO_REGION: &str = "us-east-1";

/// Server-side encryption of the bucket's objects, below ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sse {
    /// Whatever the bucket does by itself.
    #[default]
    Bucket,
    /// With keys of the storage service (`AES256`).
    S3,
    /// With a key in KMS, the account's own if `None`.
    Kms {
        /// Id or ARN of the key.
        key: Option<String>,
        /// Fewer calls to KMS by a key of the bucket.
        bucket_key: bool,
    },
    /// Twice, with a key in KMS.
    KmsTwice {
        /// Id or ARN of the key.
        key: Option<String>,
    },
}

/// What can be set per vault. `None` and `false` are Amazon's defaults.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// Before that of the environment and the profile.
    pub region: Option<String>,
    /// A profile of the shared configuration; its credentials go before the environment's.
    pub profile: Option<String>,
    /// Credentials that replace the whole chain.
    pub credentials: Option<Credentials>,
    /// Another service that speaks S3, as a URL.
    pub endpoint_s3: Option<String>,
    /// Another service that speaks KMS, as a URL.
    pub endpoint_kms: Option<String>,
    /// The bucket in the path (`true`) or in the host name; `None`: in the path for IP addresses,
    /// localhost and names with dots.
    pub path_style: Option<bool>,
    /// IPv6 and IPv4.
    pub dual_stack: bool,
    /// FIPS endpoints.
    pub fips: bool,
    /// S3 transfer acceleration.
    pub accelerate: bool,
    /// The requester pays for requests and transfer.
    pub requester_pays: bool,
    /// Account that must own the bucket.
    pub expected_owner: Option<String>,
    /// Storage class of new objects.
    pub storage_class: Option<String>,
    /// Server-side encryption of new objects.
    pub sse: Sse,
    /// How long one attempt may take until its answer begins.
    pub attempt_timeout: Option<Duration>,
}

/// A setting that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

/// The SDK's configuration for all services, and the options it was made from.
#[derive(Clone, Debug)]
pub struct Aws {
    sdk: SdkConfig,
    options: AwsOptions,
}

impl Aws {
    /// Reads the environment and the shared configuration files. Credentials are looked up with
    /// the first request.
    ///
    /// # Errors
    /// For endpoints that are no URLs or that would send requests in clear over a network, and
    /// where no region is known.
    pub async fn load(options: AwsOptions) -> Result<Self, SettingError> {
        let http = http::client();
        let surroundings = Surroundings::look();
        let region = region(&options, &surroundings, &http).await?;
        let attempt = options.attempt_timeout.unwrap_or(ATTEMPT);
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(region.clone())
            .http_client(http.clone())
            .retry_config(retry::config())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT.min(attempt))
                    .read_timeout(attempt)
                    .operation_attempt_timeout(attempt)
                    .build(),
            );
        loader = match &options.credentials {
            Some(fixed) => loader.credentials_provider(fixed.clone()),
            None => loader.credentials_provider(chain(&options, &surroundings, region, &http)),
        };
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if options.dual_stack {
            loader = loader.use_dual_stack(true);
        }
        if options.fips {
            loader = loader.use_fips(true);
        }
        let sdk = loader.load().await;
        // The environment and the profile may name another service too. From here on it is as if
        // the vault named it: what holds of endpoints must hold of all.
        let mut options = options;
        options.endpoint_s3 = options.endpoint_s3.or_else(|| endpoint::configured(&sdk, "S3"));
        options.endpoint_kms = options.endpoint_kms.or_else(|| endpoint::configured(&sdk, "KMS"));
        for endpoint in [&options.endpoint_s3, &options.endpoint_kms].into_iter().flatten() {
            endpoint::check(endpoint)?;
        }
        Ok(Self { sdk, options })
    }

    /// What it was made from, with the endpoints that are in use.
    pub fn options(&self) -> &AwsOptions {
        &self.options
    }

    /// The region that is in use.
    pub fn region(&self) -> &str {
        SdkConfig::region(&self.sdk).map_or(NO_REGION, Region::as_ref)
    }
}

/// [`Aws`], loaded when it is first needed: a vault in a directory needs it only where a KMS key
/// wraps its data keys.
#[derive(Debug)]
pub struct LazyAws {
    options: AwsOptions,
    loaded: OnceCell<Aws>,
}

impl LazyAws {
    /// Nothing is read yet.
    pub fn new(options: AwsOptions) -> Self {
        Self { options, loaded: OnceCell::new() }
    }

    /// The configuration; all callers get the same one.
    ///
    /// # Errors
    /// As [`Aws::load`].
    pub async fn get(&self) -> Result<&Aws, SettingError> {
        self.loaded.get_or_try_init(|| Aws::load(self.options.clone())).await
    }
}

/// Ours, then the environment's, then the profile's, then the machine's.
async fn region(
    options: &AwsOptions,
    surroundings: &Surroundings,
    http: &SharedHttpClient,
) -> Result<Region, SettingError> {
    if let Some(region) = &options.region {
        return Ok(Region::new(region.clone()));
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    let mut chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build());
    if surroundings.instance {
        let config = ProviderConfig::without_region().with_http_client(http.clone());
        chain =
            chain.or_else(imds::region::ImdsRegionProvider::builder().configure(&config).build());
    }
    match chain.region().await {
        Some(region) => Ok(region),
        None if options.endpoint_s3.is_some() => Ok(Region::new(NO_REGION)),
        None => Err(SettingError(
            "no region is set: neither for this vault, nor in AWS_REGION, nor in the profile"
                .into(),
        )),
    }
}

/// The SDK's default chain, except as said above.
fn chain(
    options: &AwsOptions,
    surroundings: &Surroundings,
    region: Region,
    http: &SharedHttpClient,
) -> SharedCredentialsProvider {
    let config =
        ProviderConfig::without_region().with_http_client(http.clone()).with_region(Some(region));
    let mut profile = ProfileFileCredentialsProvider::builder().configure(&config);
    if let Some(name) = &options.profile {
        // Named on purpose, so what happens to be in the environment does not stand in for it.
        profile = profile.profile_name(name);
        return SharedCredentialsProvider::new(profile.build());
    }
    let mut chain = CredentialsProviderChain::first_try(
        "Environment",
        EnvironmentVariableCredentialsProvider::new(),
    )
    .or_else("Profile", profile.build())
    .or_else(
        "WebIdentityToken",
        WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
    );
    if surroundings.container {
        let ecs = ecs::EcsCredentialsProvider::builder().configure(&config).build();
        chain = chain.or_else("EcsContainer", ecs);
    }
    if surroundings.instance {
        let imds = imds::credentials::ImdsCredentialsProvider::builder().configure(&config).build();
        chain = chain.or_else("Ec2InstanceMetadata", imds);
    }
    SharedCredentialsProvider::new(chain)
}
