//! The one HTTP client of all services.
//!
//! TLS is rustls on *ring*, not on aws-lc, the SDK's default: aws-lc spends some 30 ms of CPU
//! on jitter entropy before its first random byte, which a one-shot command would pay on every
//! run. That can be built out, but only by an environment variable of the build, which `cargo
//! install` misses. ring reads the system's generator, needs no switch, and no CMake.

use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;

use super::endpoint::may_be_plain;

/// A new client, with its own connections.
pub(super) fn client() -> SharedHttpClient {
    let plain = Builder::new().build_http();
    SharedHttpClient::new(ByScheme { plain, tls: Arc::default() })
}

/// Loads the root certificates with the first https request, so never where there is none; and
/// refuses plain http to other machines, wherever the SDK has the address from.
#[derive(Debug)]
struct ByScheme {
    plain: SharedHttpClient,
    tls: Arc<OnceLock<SharedHttpClient>>,
}

impl HttpClient for ByScheme {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByRequest {
            plain: self.plain.http_connector(settings, components),
            tls: self.tls.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

#[derive(Debug)]
struct ByRequest {
    plain: SharedHttpConnector,
    tls: Arc<OnceLock<SharedHttpClient>>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for ByRequest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().parse::<Uri>().unwrap_or_default();
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), _) => {
                let tls = self.tls.get_or_init(tls);
                tls.http_connector(&self.settings, &self.components).call(request)
            }
            (Some("http"), Some(host)) if may_be_plain(host) => self.plain.call(request),
            _ => {
                let host = uri.host().unwrap_or_default();
                let why = format!("{host:?} would be asked in clear over a network; use https");
                HttpConnectorFuture::ready(Err(ConnectorError::user(why.into())))
            }
        }
    }
}

/// With the proxy of the environment; requests in clear stay on this machine and have none.
fn tls() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.build()
    })
}
