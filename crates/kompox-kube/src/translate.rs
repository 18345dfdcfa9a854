//! What went wrong, in the words of the port: the one place where answers of the API server and errors of the client
//! become [`PortError`]s. Pure.
//!
//! The server's message is the detail; it is never repeated by the source.

use crate::kind::KindError;
use kompox_model::port::{ErrorKind, PortError};
use kube::client::RustlsTlsError;
use kube::core::Status;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

/// The adapter's name in errors.
pub(crate) const ADAPTER: &str = "kubernetes";

/// What was being done to what, and on which server.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) operation: &'static str,
    pub(crate) target: String,
    pub(crate) server: Arc<str>,
    /// The target holds secrets: values that the server quotes are not shown.
    pub(crate) secret: bool,
}

/// What the server answered, as the source of an error.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {code}{}{reason}", if reason.is_empty() { "" } else { " " })]
struct Answer {
    code: u16,
    reason: String,
}

impl Site {
    pub(crate) fn error(&self, kind: ErrorKind) -> PortError {
        PortError::new(kind, ADAPTER, self.operation, self.target.clone())
    }

    pub(crate) fn kind(&self, error: &KindError) -> PortError {
        self.error(ErrorKind::Invalid).detail(error.to_string())
    }

    /// An answer that is a failure.
    pub(crate) fn status(&self, status: &Status) -> PortError {
        let kind = kind_of(status);
        let detail = detail_of(status);
        let detail = if self.secret { without_values(&detail) } else { detail };
        let mut error = self.error(kind).detail(detail);
        if let Some(hint) = hint_of(kind, status) {
            error = error.hint(hint);
        }
        error.because(Answer { code: status.code, reason: status.reason.clone() })
    }

    /// An answer about a container of a Pod. A container that does not run (yet) is refused as a bad request, or as
    /// an internal error; to a caller it is a state.
    pub(crate) fn pod(&self, status: &Status) -> PortError {
        let error = self.status(status);
        let kind = pod_kind(&status.message).unwrap_or(error.kind);
        PortError { kind, ..error }
    }

    /// An error of the kube crate that opening a stream to a Pod gave.
    pub(crate) fn pod_client(&self, error: kube::Error) -> PortError {
        match error {
            kube::Error::Api(status) => self.pod(&status),
            other => self.client(other),
        }
    }

    /// An error of putting the client together; `trusts` tells whether the configuration brings authorities.
    pub(crate) fn setup(&self, error: kube::Error, trusts: bool) -> PortError {
        match error {
            kube::Error::RustlsTls(error @ RustlsTlsError::AddRootCertificate(_)) if !trusts => self
                .error(ErrorKind::Invalid)
                .detail("neither the kubeconfig nor this machine names certificate authorities to trust")
                .hint(
                    "give the kubeconfig's cluster its certificate-authority-data, install the package \
                     ca-certificates, or name a file of certificates in SSL_CERT_FILE",
                )
                .because(error),
            error => self.client(error),
        }
    }

    /// An error of the kube crate.
    pub(crate) fn client(&self, error: kube::Error) -> PortError {
        use kube::Error as E;
        match error {
            E::Api(status) => self.status(&status),
            E::HyperError(error) => self.transport(Box::new(error)),
            E::Service(error) => self.transport(error),
            E::ReadEvents(error) => self.transport(Box::new(error)),
            E::UpgradeConnection(error) => self
                .error(ErrorKind::Unavailable)
                .detail(format!("{} did not open a stream", self.server))
                .hint("a proxy between here and the API server must let WebSockets pass")
                .because(error),
            E::Auth(error) => self.credentials(error),
            E::RustlsTls(error) => self
                .error(ErrorKind::Invalid)
                .detail("the certificates of the kubeconfig cannot be used")
                .because(error),
            E::BuildRequest(error) => {
                self.error(ErrorKind::Invalid).detail("no request can be made of this").because(error)
            }
            E::HttpError(error) => {
                self.error(ErrorKind::Invalid).detail("no request can be made of this").because(error)
            }
            E::FromUtf8(error) => self.garbled(error),
            E::SerdeError(error) => self.garbled(error),
            E::LinesCodecMaxLineLengthExceeded => {
                self.error(ErrorKind::Internal).detail("a line of the watch is too long")
            }
            E::ProxyProtocolUnsupported { .. } | E::ProxyProtocolDisabled { .. } => {
                self.error(ErrorKind::Unsupported).detail("only http:// proxies can be used")
            }
            E::InferConfig(error) => {
                self.error(ErrorKind::Invalid).detail("no configuration was found").because(error)
            }
            E::InferKubeconfig(error) => {
                self.error(ErrorKind::Invalid).detail("the kubeconfig cannot be used").because(error)
            }
            E::TlsRequired => self.error(ErrorKind::Internal).detail("built without TLS"),
            E::Discovery(error) => self.error(ErrorKind::Internal).because(error),
        }
    }

    /// An answer that is not what it should be.
    pub(crate) fn garbled(&self, error: impl StdError + Send + Sync + 'static) -> PortError {
        self.error(ErrorKind::Internal)
            .detail(format!("{} sent an answer that cannot be read", self.server))
            .because(error)
    }

    /// Credentials that could not be had. The output of an exec plugin may hold a token and is dropped.
    fn credentials(&self, error: kube::client::AuthError) -> PortError {
        use kube::client::AuthError as A;
        let refused = self.error(ErrorKind::Unauthenticated);
        match error {
            A::AuthExecRun { cmd, out } => refused
                .detail(format!("the kubeconfig's exec plugin `{cmd}` ended with {}", out.status))
                .hint("run the plugin by hand to see why; often a login has expired"),
            A::AuthExecStart(error) => refused
                .detail("the kubeconfig's exec plugin cannot be started")
                .hint("install the plugin that the kubeconfig names, or give another kubeconfig")
                .because(error),
            A::AuthExecParse(_) | A::ExecPluginFailed => {
                refused.detail("the kubeconfig's exec plugin did not print a credential")
            }
            other => refused.detail("the kubeconfig has no credential that can be used").because(other),
        }
    }

    /// A connection that could not be made or broke.
    pub(crate) fn transport(&self, error: Box<dyn StdError + Send + Sync>) -> PortError {
        let error = match error.downcast::<kube::client::AuthError>() {
            Ok(error) => return self.credentials(*error),
            Err(error) => error,
        };
        let cause = cause_of(&*error);
        let kind = match cause {
            Cause::TimedOut => ErrorKind::Timeout,
            Cause::Refused | Cause::Untrusted(_) | Cause::Connect | Cause::Broken => ErrorKind::Unavailable,
        };
        let server = &self.server;
        let problem = self.error(kind).because(error);
        match cause {
            Cause::Refused => problem
                .detail(format!("nothing answers at {server}"))
                .hint("start the cluster, or give a kubeconfig that names a running one"),
            Cause::TimedOut => problem.detail(format!("{server} did not answer in time")),
            Cause::Untrusted(hint) => {
                problem.detail(format!("no trusted connection to {server} could be made")).hint(hint)
            }
            Cause::Connect => problem.detail(format!("no connection to {server} could be made")),
            Cause::Broken => problem.detail(format!("the connection to {server} broke")),
        }
    }
}

/// Why a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Refused,
    TimedOut,
    Untrusted(&'static str),
    Connect,
    Broken,
}

/// Looks for the cause down the chain of sources. An [`io::Error`] hides what it wraps from the chain.
fn cause_of(error: &(dyn StdError + 'static)) -> Cause {
    let mut cause = Cause::Broken;
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls.or_else(|| error.downcast_ref::<rustls::Error>()) {
            return Cause::Untrusted(trust_hint(tls));
        }
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Cause::Refused,
            Some(io::ErrorKind::TimedOut) => return Cause::TimedOut,
            _ => {}
        }
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect()) {
            cause = Cause::Connect;
        }
        next = wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    cause
}

fn trust_hint(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "the server's certificate names other hosts; use one of them in the kubeconfig, or set tls-server-name"
        }
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "the server's certificate has expired; renew it on the cluster"
        }
        rustls::Error::InvalidCertificate(_) => {
            "the kubeconfig's certificate authority did not sign the server's certificate; take a fresh kubeconfig"
        }
        _ => "check that the address of the kubeconfig speaks TLS and that the clocks agree",
    }
}

/// The kind that the words of kubelet and API server stand for.
fn pod_kind(message: &str) -> Option<ErrorKind> {
    const NOT_RUNNING: &[&str] =
        &["waiting to start", "container not found", "does not have a host assigned", "in a completed pod"];
    const MISSING: &[&str] = &["is not valid for pod", "previous terminated container"];
    let says = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    if says(NOT_RUNNING) {
        Some(ErrorKind::Conflict)
    } else if says(MISSING) {
        Some(ErrorKind::NotFound)
    } else {
        None
    }
}

/// True when any cause of the failure has this reason.
fn caused_by(status: &Status, reason: &str) -> bool {
    status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
}

/// What a caller can do about a failure.
pub(crate) fn kind_of(status: &Status) -> ErrorKind {
    let (reason, message) = (status.reason.as_str(), status.message.as_str());
    match (code_of(status), reason) {
        (401, _) => ErrorKind::Unauthenticated,
        (403, _) if message.contains("exceeded quota") => ErrorKind::Quota,
        (403, _) if caused_by(status, "NamespaceTerminating") => ErrorKind::Conflict,
        (403, _) if message.contains("User \"system:anonymous\"") => ErrorKind::Unauthenticated,
        (403, _) => ErrorKind::Denied,
        (404, _) => ErrorKind::NotFound,
        (409, "AlreadyExists") => ErrorKind::AlreadyExists,
        (409 | 410 | 412, _) => ErrorKind::Conflict,
        (405 | 406 | 415 | 501, _) => ErrorKind::Unsupported,
        (408 | 504, _) | (_, "ServerTimeout") => ErrorKind::Timeout,
        (429, _) => ErrorKind::Throttled,
        (502 | 503, _) => ErrorKind::Unavailable,
        (400..=499, _) => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

/// The code, or the one that belongs to the reason: failures inside a stream may come without a code.
fn code_of(status: &Status) -> u16 {
    if status.code != 0 {
        return status.code;
    }
    match status.reason.as_str() {
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "AlreadyExists" | "Conflict" => 409,
        "Gone" | "Expired" => 410,
        "Invalid" => 422,
        "BadRequest" => 400,
        "TooManyRequests" => 429,
        "ServiceUnavailable" => 503,
        "Timeout" => 504,
        _ => 500,
    }
}

/// The server's message in one line. Of a conflict of field managers it is the list of fields and managers.
fn detail_of(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<String> = causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| format!("{} ({})", cause.field, cause.message))
        .collect();
    if !fields.is_empty() {
        return format!("fields belong to other field managers: {}", fields.join(", "));
    }
    let text = status.message.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { kind_of(status).phrase().to_owned() } else { text }
}

/// A message without what the server quotes of the object: a refused patch is answered with the whole of it.
fn without_values(detail: &str) -> String {
    match ["Invalid value", "got "].iter().filter_map(|sign| detail.find(sign)).min() {
        Some(start) => format!("{}(the value is not shown)", &detail[..start]),
        None => detail.to_owned(),
    }
}

fn hint_of(kind: ErrorKind, status: &Status) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthenticated => Some(
            "the cluster does not accept the kubeconfig's credentials; take a fresh kubeconfig or log in again",
        ),
        ErrorKind::Denied if status.message.contains("violates PodSecurity") => {
            Some("the Namespace's Pod Security level forbids what the Pod asks for")
        }
        ErrorKind::Denied if status.message.contains("cannot") => {
            Some("ask the cluster's administrator for this right")
        }
        ErrorKind::Quota => {
            Some("free something in the Namespace, or ask the administrator for a larger ResourceQuota")
        }
        ErrorKind::Conflict if caused_by(status, "NamespaceTerminating") => {
            Some("wait until the Namespace is gone and repeat")
        }
        _ => None,
    }
}

/// True when the answer says that exactly this object is not there, and not that the path is wrong or that its
/// Namespace or kind is missing.
pub(crate) fn is_absent(status: &Status, name: &str) -> bool {
    status.code == 404
        && status.reason == "NotFound"
        && status.details.as_ref().is_some_and(|details| details.name == name)
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
