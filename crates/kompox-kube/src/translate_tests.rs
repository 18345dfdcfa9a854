//! Tests of the translation, on answers as API servers give them.

use super::*;
use serde_json::{Value, json};

fn site() -> Site {
    Site {
        operation: "apply",
        target: "ConfigMap a/b".into(),
        server: "https://h:6443".into(),
        secret: false,
    }
}

fn status(value: &Value) -> Status {
    serde_json::from_value(value.clone()).unwrap()
}

/// A failure with a code, a reason and a message.
fn answer(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

#[test]
fn every_code_has_its_kind() {
    for (code, reason, message, kind) in [
        (401, "Unauthorized", "Unauthorized", ErrorKind::Unauthenticated),
        (403, "Forbidden", "secrets is forbidden: User \"u\" cannot list resource", ErrorKind::Denied),
        (
            403,
            "Forbidden",
            "forbidden: User \"system:anonymous\" cannot get path",
            ErrorKind::Unauthenticated,
        ),
        (403, "Forbidden", "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1", ErrorKind::Quota),
        (404, "NotFound", "namespaces \"a\" not found", ErrorKind::NotFound),
        (404, "", "404 page not found", ErrorKind::NotFound),
        (405, "MethodNotAllowed", "no", ErrorKind::Unsupported),
        (409, "AlreadyExists", "configmaps \"b\" already exists", ErrorKind::AlreadyExists),
        (409, "Conflict", "the object has been modified", ErrorKind::Conflict),
        (410, "Expired", "too old resource version", ErrorKind::Conflict),
        (413, "RequestEntityTooLarge", "limit is 3145728", ErrorKind::Invalid),
        (415, "UnsupportedMediaType", "no", ErrorKind::Unsupported),
        (422, "Invalid", "spec: Required value", ErrorKind::Invalid),
        (400, "BadRequest", "bad", ErrorKind::Invalid),
        (429, "TooManyRequests", "too many", ErrorKind::Throttled),
        (500, "InternalError", "oh", ErrorKind::Internal),
        (500, "ServerTimeout", "the server was unable to process in time", ErrorKind::Timeout),
        (502, "", "bad gateway", ErrorKind::Unavailable),
        (503, "ServiceUnavailable", "etcd is away", ErrorKind::Unavailable),
        (504, "Timeout", "timeout", ErrorKind::Timeout),
        (0, "NotFound", "gone", ErrorKind::NotFound),
        (0, "", "unknown", ErrorKind::Internal),
    ] {
        let error = site().status(&status(&answer(code, reason, message)));
        assert_eq!(error.kind, kind, "{code} {reason} {message}");
        assert_eq!(error.detail.as_deref(), Some(message));
        let source = error.source.expect("the answer is the source").to_string();
        assert!(!source.contains(message) || message.is_empty() || message == reason, "{source}");
    }
}

#[test]
fn a_namespace_that_is_going_away_is_a_conflict_with_a_hint() {
    let mut body = answer(403, "Forbidden", "unable to create new content in namespace a");
    body["details"] = json!({"causes": [{"reason": "NamespaceTerminating", "message": "", "field": ""}]});
    let error = site().status(&status(&body));
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.hint.unwrap().contains("wait"));
}

#[test]
fn a_conflict_of_managers_lists_fields_and_managers() {
    let mut body = answer(409, "Conflict", "Apply failed with 2 conflicts: …");
    body["details"] = json!({"causes": [
        {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using v1", "field": ".data.a"},
        {"reason": "FieldManagerConflict", "message": "conflict with \"helm\"", "field": ".data.b"},
    ]});
    let error = site().status(&status(&body));
    assert_eq!(
        error.to_string(),
        "kubernetes: apply ConfigMap a/b: fields belong to other field managers: \
         .data.a (conflict with \"kubectl\" using v1), .data.b (conflict with \"helm\")"
    );
}

#[test]
fn values_of_secrets_are_not_shown() {
    let secret = Site { secret: true, ..site() };
    for message in [
        "Secret \"b\" is invalid: patch: Invalid value: \"{\\\"data\\\":{\\\"k\\\":\\\"Y2FuYXJ5\\\"}}\": json: cannot",
        "failed to create typed patch object (a/b; /v1, Kind=Secret): .data.k: expected string, got Y2FuYXJ5",
    ] {
        let error = secret.status(&status(&answer(422, "Invalid", message)));
        let shown = format!("{error} {:?} {:?}", error.hint, error.source);
        assert!(!shown.contains("Y2FuYXJ5") && shown.contains("the value is not shown"), "{shown}");
    }
}

#[test]
fn only_the_object_itself_is_absent() {
    let mut body = answer(404, "NotFound", "configmaps \"b\" not found");
    assert!(!is_absent(&status(&body), "b"), "a path that does not exist has no details");
    body["details"] = json!({"name": "b", "kind": "configmaps"});
    assert!(is_absent(&status(&body), "b"));
    body["details"] = json!({"name": "a", "kind": "namespaces"});
    assert!(!is_absent(&status(&body), "b"), "its Namespace is missing");
}

#[test]
fn causes_are_found_below_io_errors() {
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    let error = site().transport(Box::new(io::Error::other(refused)));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("nothing answers at https://h:6443"), "{error}");
    let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let error = site().transport(Box::new(io::Error::other(untrusted)));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.hint.unwrap().contains("certificate authority"));
    let error = site().transport(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[test]
fn the_output_of_a_credential_plugin_is_dropped() {
    use std::os::unix::process::ExitStatusExt as _;
    let out = std::process::Output {
        status: std::process::ExitStatus::from_raw(256),
        stdout: b"canary".to_vec(),
        stderr: b"canary".to_vec(),
    };
    let error = kube::client::AuthError::AuthExecRun { cmd: "login".into(), out: Box::new(out) };
    let error = site().client(kube::Error::Auth(error));
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    let shown = format!("{error:?}");
    assert!(shown.contains("login") && !shown.contains("canary"), "{shown}");
}

#[test]
fn containers_that_do_not_run_are_a_state() {
    for (code, message, kind) in [
        (400, "container \"c\" in pod \"p\" is waiting to start: ErrImageNeverPull", ErrorKind::Conflict),
        (500, "container not found (\"c\")", ErrorKind::Conflict),
        (400, "pod p does not have a host assigned", ErrorKind::Conflict),
        (
            400,
            "cannot exec into a container in a completed pod; current phase is Failed",
            ErrorKind::Conflict,
        ),
        (400, "previous terminated container \"c\" in pod \"p\" not found", ErrorKind::NotFound),
        (400, "container d is not valid for pod p", ErrorKind::NotFound),
        (404, "pods \"p\" not found", ErrorKind::NotFound),
        (400, "a container name must be specified for pod p", ErrorKind::Invalid),
    ] {
        assert_eq!(site().pod(&status(&answer(code, "", message))).kind, kind, "{message}");
    }
}
