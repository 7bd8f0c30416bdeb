//! Which endpoints are used, and how buckets are named in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use http::Uri;

use super::SettingError;

/// Where credentials of instances and containers come from: plain http by design, on addresses
/// that no router passes on.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The endpoint that the environment or the profile names for a service.
pub(super) fn configured(sdk: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = sdk.service_config().and_then(|config| config.load_config(key));
    own.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// Refuses an endpoint that is no URL or that would send requests in clear over a network.
pub(super) fn check(endpoint: &str) -> Result<(), SettingError> {
    // What stands before an `@` may be a password.
    let shown = endpoint.rsplit_once('@').map_or(endpoint, |(_, host)| host);
    let refused = |why: &str| Err(SettingError(format!("the endpoint {shown:?} {why}")));
    let Ok(uri) = endpoint.parse::<Uri>() else { return refused("is not a URL") };
    let Some(host) = uri.host() else { return refused("has no host") };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return refused("holds a user name");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(host) => Ok(()),
        Some("http") => refused("is plain http and not on this machine; use https"),
        _ => refused("is neither https nor http"),
    }
}

/// Whether a request may go out without TLS.
pub(super) fn may_be_plain(host: &str) -> bool {
    is_loopback(host) || address(host).is_some_and(|address| METADATA.contains(&address))
}

/// Whether the bucket goes into the path, where nothing says so: there are no subdomains of an
/// address, few of localhost, and no certificate for a name with dots below another.
pub(super) fn in_path(endpoint: Option<&str>, bucket: &str) -> bool {
    let uri = endpoint.and_then(|endpoint| endpoint.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::host);
    bucket.contains('.') || host.is_some_and(|host| address(host).is_some() || is_localhost(host))
}

fn is_loopback(host: &str) -> bool {
    address(host).map_or_else(|| is_localhost(host), |address| address.is_loopback())
}

fn is_localhost(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_clear() {
        for fits in
            ["https://s3.example.org", "http://127.0.0.1:80", "http://[::1]:9/", "http://LocalHost"]
        {
            assert!(check(fits).is_ok(), "{fits}");
        }
        for unfit in [
            "http://s3.example.org",
            "http://10.0.0.1:9000",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://169.254.169.254",
            "http://user@127.0.0.1",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "",
        ] {
            assert!(check(unfit).is_err(), "{unfit}");
        }
        let secret = check("http://user:hunter2@127.0.0.1").unwrap_err().to_string();
        assert!(secret.contains("user name") && !secret.contains("hunter2"), "{secret}");
        assert!(may_be_plain("169.254.169.254") && may_be_plain("[fd00:ec2::254]"));
        assert!(!may_be_plain("169.254.1.1") && !may_be_plain("metadata"));
    }

    #[test]
    fn buckets_without_a_host_name_go_into_the_path() {
        for (endpoint, bucket, path) in [
            (None, "bucket", false),
            (None, "a.dotted.bucket", true),
            (Some("https://s3.example.org"), "bucket", false),
            (Some("https://192.0.2.1"), "bucket", true),
            (Some("http://[::1]:9000"), "bucket", true),
            (Some("http://localhost:9000"), "bucket", true),
        ] {
            assert_eq!(in_path(endpoint, bucket), path, "{endpoint:?} {bucket}");
        }
    }
}
