//! Sending one request within the limits of its call, and reading the answer. IO: the network.

use crate::client::Client;
use crate::translate::Site;
use bytes::Bytes;
use futures::future::Either;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use kompox_model::port::{Call, Cancel, ErrorKind, PortError};
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;
use std::future::Future;
use std::time::{Duration, Instant};

/// What stops a piece of work from outside: the user, or the time.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) cancel: Cancel,
    deadline: Option<Instant>,
}

impl Limits {
    /// The limits of a call.
    pub(crate) fn of(call: &Call<'_>) -> Self {
        Self { cancel: call.cancel.clone(), deadline: call.deadline }
    }

    /// Limits of background work, which no user cancels.
    pub(crate) fn only(limit: Duration) -> Self {
        Self { cancel: Cancel::new(), deadline: Instant::now().checked_add(limit) }
    }

    /// The same, and at most this long from now.
    pub(crate) fn at_most(&self, limit: Duration) -> Self {
        let end = Instant::now().checked_add(limit);
        let deadline = match (self.deadline, end) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        };
        Self { cancel: self.cancel.clone(), deadline }
    }

    /// Ends, with the reason, when the work has to stop.
    pub(crate) async fn reached(&self, site: &Site) -> PortError {
        let time = match self.deadline {
            Some(deadline) => Either::Left(tokio::time::sleep_until(deadline.into())),
            None => Either::Right(std::future::pending()),
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => site.error(ErrorKind::Cancelled),
            () = time => site
                .error(ErrorKind::Timeout)
                .detail(format!("no answer from {} before the deadline", site.server)),
        }
    }

    /// Runs `work` unless and until it has to stop. Work that was stopped may have had its effect.
    pub(crate) async fn run<T, E>(
        &self,
        site: &Site,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: From<PortError>,
    {
        tokio::select! {
            biased;
            reason = self.reached(site) => Err(reason.into()),
            result = work => result,
        }
    }
}

/// Why a request has no good answer. Callers look at the server's own words before they become a [`PortError`].
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server answered with a failure.
    Status(Box<Status>),
    /// Anything else.
    Port(PortError),
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl Failure {
    pub(crate) fn into_port(self, site: &Site) -> PortError {
        match self {
            Self::Status(status) => site.status(&status),
            Self::Port(error) => error,
        }
    }
}

/// The body of a good answer.
pub(crate) struct Answer(pub(crate) Bytes);

impl Answer {
    pub(crate) fn json(&self, site: &Site) -> Result<Value, PortError> {
        serde_json::from_slice(&self.0).map_err(|error| site.garbled(error))
    }
}

impl Client {
    /// Sends a request that was built, and reads its whole answer.
    pub(crate) async fn send(
        &self,
        limits: &Limits,
        site: &Site,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Answer, Failure> {
        let request = request.map_err(|error| site.client(kube::Error::BuildRequest(error)))?;
        let work = async {
            let response = self.start(site, request).await?;
            let body = response.into_body().collect().await.map_err(|error| site.client(error))?.to_bytes();
            Ok(Answer(body))
        };
        limits.at_most(self.request_timeout()).run(site, work).await
    }

    /// Sends a request and returns its answer as soon as it begins, unless it is a failure.
    pub(crate) async fn start(
        &self,
        site: &Site,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Body>, Failure> {
        let response = self.kube().send(request.map(Body::from)).await.map_err(|error| site.client(error))?;
        for warning in response.headers().get_all(header::WARNING) {
            tracing::warn!(target = %site.target, "the server warns: {}", warning_text(warning.as_bytes()));
        }
        let date = response.headers().get(header::DATE).and_then(|value| value.to_str().ok());
        if let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            self.hear(date.timestamp());
        }
        let code = response.status();
        if code.is_success() || code.is_informational() {
            return Ok(response);
        }
        let body = response.into_body().collect().await.map_err(|error| site.client(error))?.to_bytes();
        Err(Failure::Status(Box::new(status_of(code.as_u16(), &body))))
    }
}

/// Reads a failure; what comes from a proxy, or for a path that does not exist, is plain text.
fn status_of(code: u16, body: &[u8]) -> Status {
    match serde_json::from_slice::<Status>(body) {
        Ok(status) if !status.message.is_empty() || !status.reason.is_empty() => {
            if status.code == 0 {
                status.with_code(code)
            } else {
                status
            }
        }
        _ => {
            let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
            Status::failure(text.trim(), "").with_code(code)
        }
    }
}

/// The text inside a warning header (`299 - "text"`).
fn warning_text(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let inner = text.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(inner, _)| inner);
    inner.unwrap_or(&text).replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_failures_keep_code_and_text() {
        let status = status_of(404, b"404 page not found\n");
        assert_eq!((status.code, status.message.as_str()), (404, "404 page not found"));
        let status =
            status_of(503, br#"{"kind":"Status","message":"etcd is away","reason":"ServiceUnavailable"}"#);
        assert_eq!((status.code, status.message.as_str()), (503, "etcd is away"));
    }

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning_text(br#"299 - "use \"x\" instead""#), r#"use "x" instead"#);
    }
}
