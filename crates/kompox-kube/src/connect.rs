//! From a kubeconfig, or from inside a Pod, to a connection. IO: reads kubeconfig files, the environment and what
//! they refer to; starts the kubeconfig's exec plugin, if it has one, and no other process. Writes nothing to disk.
//!
//! No request is sent here: a server that is away shows at the first use.

use crate::client::{Client, Inner};
use crate::portable::Chosen;
use crate::translate::{ADAPTER, Site};
use crate::transport;
use http::HeaderValue;
use http::header::USER_AGENT;
use hyper_util::client::proxy::matcher::Intercept;
use kompox_model::port::{ErrorKind, PortError};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretSlice};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

/// How to connect (KUB-04).
#[derive(Debug, Clone)]
pub struct Options {
    /// What the API server's audit log shows: `kompoxops/<module>`.
    pub user_agent: String,
    /// The kubeconfig's context; none means its current one.
    pub context: Option<String>,
    /// Requests per second on average; none means no limit, since API servers limit their clients by themselves.
    pub qps: Option<f32>,
    /// Requests that may start at once although `qps` is limited.
    pub burst: u32,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long a request may take that is not a stream; a shorter deadline of the call counts.
    pub request_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: "kompoxops/kube".to_owned(),
            context: None,
            qps: None,
            burst: 10,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// The files that `KUBECONFIG` names.
fn listed() -> Vec<PathBuf> {
    env::var_os("KUBECONFIG")
        .map(|value| env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default()
}

/// Where a kubeconfig came from, for messages.
fn failed(kind: ErrorKind, origin: &str, detail: impl Into<String>) -> PortError {
    PortError::new(kind, ADAPTER, "connect", origin).detail(detail)
}

impl Client {
    /// Connects with a kubeconfig in memory (KUB-05).
    ///
    /// # Errors
    /// Invalid when it is empty or malformed, lacks the context, or names unusable certificates; Unauthenticated when
    /// its exec plugin fails; Unsupported for a proxy that is not `http://`.
    pub async fn from_kubeconfig(bytes: &SecretSlice<u8>, options: Options) -> Result<Self, PortError> {
        let origin = "kubeconfig";
        let text = std::str::from_utf8(bytes.expose_secret())
            .map_err(|_| failed(ErrorKind::Invalid, origin, "it is not UTF-8 text"))?;
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| unusable(&error, origin))?;
        Self::build(kubeconfig, bytes.clone(), origin, options).await
    }

    /// Connects with a kubeconfig file (KUB-06). File names inside it are relative to its folder.
    ///
    /// # Errors
    /// NotFound with the path when there is no such file, otherwise those of [`Client::from_kubeconfig`].
    pub async fn from_path(path: &Path, options: Options) -> Result<Self, PortError> {
        Self::from_paths(&[path.to_owned()], options).await
    }

    /// Connects as other Kubernetes clients do: the files of `KUBECONFIG`, `~/.kube/config`, or the service account
    /// of the Pod it runs in.
    ///
    /// # Errors
    /// NotFound when none of them exists, otherwise those of [`Client::from_kubeconfig`].
    pub async fn from_environment(options: Options) -> Result<Self, PortError> {
        let listed = listed();
        if !listed.is_empty() {
            return Self::from_paths(&listed, options).await;
        }
        let home = env::home_dir().map(|home| home.join(".kube").join("config"));
        if let Some(path) = home.filter(|path| path.exists()) {
            return Self::from_path(&path, options).await;
        }
        if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            return Self::in_cluster(options).await;
        }
        Err(failed(ErrorKind::NotFound, "kubeconfig", "there is no KUBECONFIG and no ~/.kube/config")
            .hint("set KUBECONFIG, or name a kubeconfig in the cluster's `auth`"))
    }

    /// Connects with what the environment alone says, as programs do that nobody sits in front of: the files of
    /// `KUBECONFIG`, or the service account of the Pod it runs in. No file in a home directory is looked for.
    ///
    /// # Errors
    /// NotFound when there is neither, otherwise those of [`Client::from_kubeconfig`].
    pub async fn from_variables(options: Options) -> Result<Self, PortError> {
        let listed = listed();
        if !listed.is_empty() {
            return Self::from_paths(&listed, options).await;
        }
        if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            return Self::in_cluster(options).await;
        }
        Err(failed(
            ErrorKind::NotFound,
            "kubeconfig",
            "there is no KUBECONFIG, and this is no Pod of a cluster",
        )
        .hint("set KUBECONFIG, or connect with type `kubectl` in cluster.auth"))
    }

    /// Connects with the service account of the Pod it runs in.
    ///
    /// # Errors
    /// NotFound outside of a cluster; Invalid when the certificates cannot be used.
    pub async fn in_cluster(options: Options) -> Result<Self, PortError> {
        let config = Config::incluster().map_err(|error| {
            failed(ErrorKind::NotFound, "service account", "this is not a Pod with a service account")
                .because(error)
        })?;
        Self::from_config(config, options).await
    }

    /// Connects with a REST configuration (KUB-07); such a client has no kubeconfig.
    ///
    /// # Errors
    /// Invalid without a server URL or with unusable certificates; Unauthenticated when its exec plugin fails.
    pub async fn from_config(config: Config, options: Options) -> Result<Self, PortError> {
        if config.cluster_url.host().is_none() {
            return Err(failed(ErrorKind::Invalid, "REST configuration", "it names no server"));
        }
        let explicit = config.proxy_url.clone();
        Self::open(config, explicit, None, None, options).await
    }

    /// The files that exist, merged: the first to set something wins.
    async fn from_paths(paths: &[PathBuf], options: Options) -> Result<Self, PortError> {
        let origin = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let mut existing = paths.iter().filter(|path| path.exists()).peekable();
        if existing.peek().is_none() {
            return Err(failed(ErrorKind::NotFound, &origin, "there is no such kubeconfig file"));
        }
        let mut merged = Kubeconfig::default();
        for path in existing {
            let next = Kubeconfig::read_from(path).map_err(|e| unusable(&e, &path.display().to_string()))?;
            merged = merged.merge(next).map_err(|error| unusable(&error, &origin))?;
        }
        let bytes = match paths {
            [path] => std::fs::read(path).map_err(|error| unreadable(&error, path))?,
            _ => serde_json::to_vec(&merged)
                .map_err(|_| failed(ErrorKind::Internal, &origin, "the files cannot be merged"))?,
        };
        Self::build(merged, bytes.into(), &origin, options).await
    }

    async fn build(
        kubeconfig: Kubeconfig,
        bytes: SecretSlice<u8>,
        origin: &str,
        options: Options,
    ) -> Result<Self, PortError> {
        let explicit = proxy_of_context(&kubeconfig, origin, options.context.as_deref())?;
        let chosen = Chosen::find(&kubeconfig, options.context.as_deref());
        let choice = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &choice)
            .await
            .map_err(|error| unusable(&error, origin))?;
        Self::open(config, explicit, Some(bytes), chosen, options).await
    }

    /// `explicit` is the proxy that the configuration itself names.
    async fn open(
        mut config: Config,
        explicit: Option<http::Uri>,
        kubeconfig: Option<SecretSlice<u8>>,
        chosen: Option<Chosen>,
        options: Options,
    ) -> Result<Self, PortError> {
        // Fails when the program has installed one already, which is what is wanted.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let server: Arc<str> = config.cluster_url.to_string().trim_end_matches('/').into();
        let target = server.to_string();
        let site = Site { operation: "connect", target, server: Arc::clone(&server), secret: false };
        let agent = HeaderValue::from_str(&options.user_agent).map_err(|error| {
            site.error(ErrorKind::Invalid).detail("the user agent is no header value").because(error)
        })?;
        config.headers.push((USER_AGENT, agent));
        let proxy: Option<Intercept> = match &explicit {
            Some(url) => hyper_util::client::proxy::matcher::Matcher::builder()
                .all(url.to_string())
                .build()
                .intercept(&config.cluster_url),
            None => transport::proxy_from_environment(&config.cluster_url),
        };
        config.proxy_url = proxy.as_ref().map(|proxy| proxy.uri().clone());
        let kube = if config.auth_info.exec.is_some() {
            // The plugin is waited for, maybe for a login in a browser: not on a thread that others need.
            let (config, options) = (config.clone(), options.clone());
            tokio::task::spawn_blocking(move || transport::client(&config, proxy.as_ref(), &options))
                .await
                .map_err(|error| site.error(ErrorKind::Internal).because(error))?
        } else {
            transport::client(&config, proxy.as_ref(), &options)
        }
        .map_err(|error| site.setup(error, config.root_cert.is_some()))?;
        Ok(Self(Arc::new(Inner {
            kube,
            config,
            kubeconfig,
            chosen,
            server,
            options,
            ahead: AtomicI64::new(crate::client::UNHEARD),
        })))
    }
}

/// Checks that the wanted context exists and returns the proxy that its cluster names.
fn proxy_of_context(
    kubeconfig: &Kubeconfig,
    origin: &str,
    context: Option<&str>,
) -> Result<Option<http::Uri>, PortError> {
    let known: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    if known.is_empty() {
        return Err(failed(ErrorKind::Invalid, origin, "it is no kubeconfig: it has no contexts"));
    }
    let known_list = format!("known contexts: {}", known.join(", "));
    let wanted = context.or(kubeconfig.current_context.as_deref()).filter(|name| !name.is_empty());
    let Some(wanted) = wanted else {
        return Err(failed(ErrorKind::Invalid, origin, "it has no current context").hint(known_list));
    };
    let Some(found) = kubeconfig.contexts.iter().find(|context| context.name == wanted) else {
        return Err(
            failed(ErrorKind::Invalid, origin, format!("it has no context `{wanted}`")).hint(known_list)
        );
    };
    let cluster = found.context.as_ref().map(|context| context.cluster.as_str());
    let proxy = kubeconfig
        .clusters
        .iter()
        .find(|named| Some(named.name.as_str()) == cluster)
        .and_then(|named| named.cluster.as_ref()?.proxy_url.as_deref())
        .filter(|url| !url.is_empty());
    proxy
        .map(|url| {
            url.parse().map_err(|error: http::uri::InvalidUri| {
                failed(ErrorKind::Invalid, origin, "its proxy-url is no URL").because(error)
            })
        })
        .transpose()
}

fn unreadable(error: &std::io::Error, path: &Path) -> PortError {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        _ => ErrorKind::Invalid,
    };
    failed(kind, &path.display().to_string(), format!("the file cannot be read: {error}"))
}

/// A kubeconfig that cannot be used. What the parser says of malformed text may quote it, and with it a credential,
/// so only the position is kept.
fn unusable(error: &KubeconfigError, origin: &str) -> PortError {
    match error {
        KubeconfigError::ReadConfig(error, path) => unreadable(error, path),
        KubeconfigError::Parse(error) => {
            let place = error.location().map_or_else(String::new, |location| {
                format!(" (line {}, column {})", location.line(), location.column())
            });
            failed(ErrorKind::Invalid, origin, format!("it is no kubeconfig{place}"))
        }
        other => failed(ErrorKind::Invalid, origin, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, rest: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\n{rest}\n\
             clusters: [{{name: c, cluster: {{server: 'https://{name}:6443'}}}}]\n\
             contexts: [{{name: {name}, context: {{cluster: c, user: u}}}}]\n"
        )
    }

    #[tokio::test]
    async fn several_files_are_merged_and_missing_ones_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let [missing, one, two] = ["missing", "one", "two"].map(|name| folder.path().join(name));
        std::fs::write(&one, part("one", "")).unwrap();
        std::fs::write(&two, part("two", "current-context: two")).unwrap();
        let client = Client::from_paths(&[missing.clone(), one, two], Options::default()).await.unwrap();
        assert_eq!(client.server(), "https://one:6443", "context two, cluster c of the first file");
        let copy = client.kubeconfig().unwrap();
        let again = Client::from_kubeconfig(&copy, Options::default()).await.unwrap();
        assert_eq!(again.server(), client.server());

        let error = Client::from_paths(std::slice::from_ref(&missing), Options::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
    }

    #[tokio::test]
    async fn outside_of_a_cluster_there_is_no_service_account() {
        if env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
            let error = Client::in_cluster(Options::default()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::NotFound);
        }
    }
}
