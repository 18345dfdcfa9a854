//! The HTTP stack under the kube client: connections, TLS, credentials, repeats, pace. IO: the network.
//!
//! It is put together here, instead of taking kube's own, for three reasons: answers of the kind 5xx are not logged as
//! errors of the program, the pace of requests can be limited, and repeats end soon enough that the server's own
//! message reaches the user instead of a timeout.

use crate::connect::Options;
use crate::throttle::Pace;
use http::header::UPGRADE;
use http::{Request, Uri};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use std::borrow::Cow;
use std::time::{Duration, Instant};
use tower::retry::RetryLayer;
use tower::{BoxError, Service, ServiceBuilder, service_fn};

/// An idle connection is closed after this; API servers and load balancers keep them for longer.
const IDLE: Duration = Duration::from_secs(60);

/// Repeats of 429, 503 and 504: with growing pauses within a few seconds, or when the server asks for them.
const REPEATS: u32 = 6;

/// The proxy to go through, from `HTTPS_PROXY`, `NO_PROXY` and their kin, as other clients read them.
pub(crate) fn proxy_from_environment(server: &Uri) -> Option<Intercept> {
    Matcher::from_env().intercept(server)
}

/// Builds the client. Runs the kubeconfig's exec plugin, if it has one, and may block for that.
pub(crate) fn client(
    config: &Config,
    proxy: Option<&Intercept>,
    options: &Options,
) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(options.connect_timeout));
    tcp.set_keepalive(Some(Duration::from_secs(30)));
    match proxy {
        None => stack(config, options, tcp),
        Some(proxy) if proxy.uri().scheme_str() == Some("http") => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            stack(config, options, tunnel)
        }
        Some(proxy) => {
            Err(kube::Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy.uri().clone()) })
        }
    }
}

/// Without the machine's certificate authorities where no certificate is checked: there may be none, and reading them takes
/// longer than the connection.
fn trusting(config: &Config) -> Cow<'_, Config> {
    let plain = config.cluster_url.scheme_str() == Some("http");
    if config.root_cert.is_none() && (plain || config.accept_invalid_certs) {
        let mut config = config.clone();
        config.root_cert = Some(Vec::new());
        return Cow::Owned(config);
    }
    Cow::Borrowed(config)
}

fn stack<C>(config: &Config, options: &Options, connector: C) -> Result<Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper::rt::Read + hyper::rt::Write + Connection + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let https = trusting(config).rustls_https_connector_with_connector(connector)?;
    let pooled = HttpClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build::<_, Body>(https.clone());
    // A server that refuses an upgrade may close the connection after its answer. In the pool, the next request would
    // then be sent into a closed connection and fail.
    let fresh = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build::<_, Body>(https);
    let http = service_fn(move |request: Request<Body>| {
        let client = if request.headers().contains_key(UPGRADE) { &fresh } else { &pooled };
        // Not the query: that of an exec is the user's command.
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (started, answer) = (Instant::now(), client.request(request));
        async move {
            let answer = answer.await;
            let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(%method, path, status, duration_ms, "request");
            answer
        }
    });
    let repeats = RetryPolicy::new(Duration::from_millis(50), Duration::from_secs(5), REPEATS, true)
        .expect("the smaller delay is smaller");
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(repeats))
        .layer(Pace::new(options.qps, options.burst))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
