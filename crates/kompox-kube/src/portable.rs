//! The kubeconfig of a connection, cut down to what it uses and independent of other files. IO: reads the certificate
//! files that the kubeconfig names.

use crate::client::Client;
use crate::translate::ADAPTER;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kompox_model::port::{ErrorKind, PortError};
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use secrecy::{SecretSlice, SecretString};

fn failed(kind: ErrorKind, detail: impl Into<String>) -> PortError {
    PortError::new(kind, ADAPTER, "read", "kubeconfig").detail(detail)
}

/// What a connection uses of its kubeconfig.
#[derive(Clone)]
pub(crate) struct Chosen {
    cluster: Cluster,
    user: Option<AuthInfo>,
    namespace: Option<String>,
}

impl Chosen {
    /// The context with this name, or the current one, with its cluster and user; none when one of them is missing.
    pub(crate) fn find(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<Self> {
        let wanted = context.or(kubeconfig.current_context.as_deref())?;
        let named = kubeconfig.contexts.iter().find(|named| named.name == wanted)?;
        let context = named.context.as_ref()?;
        let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
        let user = context.user.as_ref().and_then(|user| {
            kubeconfig.auth_infos.iter().find(|named| named.name == *user)?.auth_info.clone()
        });
        Some(Self { cluster: cluster.cluster.clone()?, user, namespace: context.namespace.clone() })
    }

    /// Puts the content of certificate files in place of their names.
    fn embed(mut self) -> Result<Self, PortError> {
        if let Some(data) = content(&mut self.cluster.certificate_authority)? {
            self.cluster.certificate_authority_data.get_or_insert(data);
        }
        if let Some(user) = &mut self.user {
            if let Some(data) = content(&mut user.client_certificate)? {
                user.client_certificate_data.get_or_insert(data);
            }
            if let Some(data) = content(&mut user.client_key)? {
                user.client_key_data.get_or_insert(SecretString::from(data));
            }
        }
        Ok(self)
    }
}

/// The file's content in base64; its name is taken away.
fn content(file: &mut Option<String>) -> Result<Option<String>, PortError> {
    let Some(path) = file.take().filter(|path| !path.is_empty()) else { return Ok(None) };
    let bytes = std::fs::read(&path).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Invalid,
        };
        failed(kind, format!("{path}, which it names, cannot be read")).because(error)
    })?;
    Ok(Some(STANDARD.encode(bytes)))
}

impl Client {
    /// A kubeconfig in JSON (which is YAML too) with nothing but what this connection uses: one cluster, one user and
    /// one context, all called `name`, the current one. Certificates are inside; a token file stays a file, since its
    /// content changes.
    ///
    /// # Errors
    /// Unsupported for a connection that was not made with a kubeconfig; NotFound, Denied and Invalid for a
    /// certificate file that cannot be read.
    pub fn own_kubeconfig(&self, name: &str) -> Result<SecretSlice<u8>, PortError> {
        let chosen = self.0.chosen.clone().ok_or_else(|| {
            failed(ErrorKind::Unsupported, "this connection uses the service account of its Pod")
                .hint("name a kubeconfig in cluster.auth")
        })?;
        let Chosen { cluster, user, namespace } = chosen.embed()?;
        let own = Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            current_context: Some(name.to_owned()),
            clusters: vec![NamedCluster {
                name: name.to_owned(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: name.to_owned(),
                auth_info: Some(user.unwrap_or_default()),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.to_owned(),
                context: Some(Context {
                    cluster: name.to_owned(),
                    user: Some(name.to_owned()),
                    namespace,
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            ..Kubeconfig::default()
        };
        let bytes = serde_json::to_vec(&own)
            .map_err(|_| failed(ErrorKind::Internal, "it cannot be written as JSON"))?;
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use secrecy::ExposeSecret as _;
    use serde_json::{Value, json};

    const TEXT: &str = "
apiVersion: v1
kind: Config
current-context: other
clusters:
- {name: c, cluster: {server: 'https://127.0.0.1:6443', certificate-authority: ca.crt, tls-server-name: k}}
- {name: other, cluster: {server: 'https://127.0.0.1:1'}}
users:
- {name: u, user: {token: canary, username: x}}
- {name: other, user: {password: another-canary}}
contexts:
- {name: wanted, context: {cluster: c, user: u, namespace: n}}
- {name: other, context: {cluster: other, user: other}}
";

    fn json(bytes: &SecretSlice<u8>) -> Value {
        serde_json::from_slice(bytes.expose_secret()).unwrap()
    }

    #[tokio::test]
    async fn only_what_is_used_is_in_it_and_certificates_are_inside() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = empty_bundle();
        std::fs::write(folder.path().join("ca.crt"), bundle).unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, TEXT).unwrap();
        let options = Options { context: Some("wanted".to_owned()), ..Options::default() };
        let client = Client::from_path(&path, options).await.unwrap();
        let own = client.own_kubeconfig("mine").unwrap();
        let found = json(&own);
        assert_eq!(found["current-context"], "mine");
        assert_eq!(
            found["contexts"][0]["context"],
            json!({"cluster": "mine", "user": "mine", "namespace": "n"})
        );
        let cluster = &found["clusters"][0]["cluster"];
        assert_eq!(
            (&cluster["server"], &cluster["tls-server-name"]),
            (&json!("https://127.0.0.1:6443"), &json!("k"))
        );
        assert_eq!(cluster["certificate-authority-data"], STANDARD.encode(bundle));
        assert_eq!(cluster.get("certificate-authority"), None);
        assert_eq!(found["users"][0]["user"]["token"], "canary");
        assert!(!found.to_string().contains("another-canary"), "{found}");
        let again = Client::from_kubeconfig(&own, Options::default()).await.unwrap();
        assert_eq!(again.server(), client.server());

        std::fs::remove_file(folder.path().join("ca.crt")).unwrap();
        let error = client.own_kubeconfig("mine").unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.to_string().contains("ca.crt"), "{error}");
    }

    /// No certificate at all: a bundle without any is accepted when a client is made.
    fn empty_bundle() -> &'static [u8] {
        b"# an empty bundle\n"
    }

    #[tokio::test]
    async fn without_a_kubeconfig_there_is_none() {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = Client::from_config(config, Options::default()).await.unwrap();
        assert_eq!(client.own_kubeconfig("mine").unwrap_err().kind, ErrorKind::Unsupported);
    }
}
