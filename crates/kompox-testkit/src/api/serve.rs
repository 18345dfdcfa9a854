//! HTTP in front of the scripted answers. IO: a socket on 127.0.0.1.

use super::fault::Fault;
use super::handle::{self, Ask, Reply};
use super::path::{self, Place};
use super::{Recorded, Shared};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

type Body = Either<Full<Bytes>, StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>>;

/// How long the bytes before a break have to leave.
const FLUSH: Duration = Duration::from_millis(20);

/// Takes connections until it is aborted.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&shared), request));
            // A connection that a fault or the client breaks ends with an error; that is its purpose.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Answers one request. An error breaks the connection.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path().to_owned();
    let recorded = Recorded {
        method: parts.method.clone(),
        query: path::query(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        path,
    };
    let mut response = act(&shared, recorded).await?;
    let now = jiff::Timestamp::try_from(shared.state().now()).map_err(io::Error::other)?;
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    let date = date.map_err(io::Error::other)?.parse().map_err(io::Error::other)?;
    response.headers_mut().insert(header::DATE, date);
    Ok(response)
}

/// Records a request, lets a fault hit it, and answers it.
async fn act(shared: &Arc<Shared>, recorded: Recorded) -> io::Result<Response<Body>> {
    let fault = {
        let mut state = shared.state();
        state.requests.push(recorded.clone());
        state.faults.hit(&recorded.method, &recorded.path, recorded.is_write())
    };
    match fault {
        Some(Fault::Status { code, reason, message }) => {
            return Ok(respond(handle::failure(code, reason, &message, &json!({}))));
        }
        Some(Fault::RetryAfter(seconds)) => {
            let mut response =
                respond(handle::failure(429, "TooManyRequests", "come back later", &json!({})));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::BreakBefore) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::BreakWithin(count)) => return cut(reply(shared, &recorded), count).await,
        Some(Fault::BreakAfter) => {
            reply(shared, &recorded);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        None => {}
    }
    let is_watch = recorded.query.get("watch").is_some_and(|value| value == "true");
    match Place::parse(&recorded.path) {
        Some(place) if is_watch && recorded.method == Method::GET => {
            Ok(watch(Arc::clone(shared), recorded, place))
        }
        _ => Ok(reply(shared, &recorded)),
    }
}

/// The answer to everything but a watch, with its effect.
fn reply(shared: &Shared, recorded: &Recorded) -> Response<Body> {
    let mut state = shared.state();
    if let Some((code, body)) = state.canned.get(&(recorded.method.clone(), recorded.path.clone())) {
        let since = recorded.query.get("sinceTime").and_then(|time| time.parse().ok());
        return plain(*code, since.map_or_else(|| body.clone(), |since| lines_since(body, since)));
    }
    if recorded.path == super::REVIEWS {
        let asked = &recorded.body["spec"]["resourceAttributes"];
        let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
        let resource = [text("resource"), text("subresource")].join("/");
        let denied = state.denied.contains(&(text("verb"), resource.trim_end_matches('/').to_owned()));
        return respond((201, json!({"kind": "SelfSubjectAccessReview", "status": {"allowed": !denied}})));
    }
    let Some(place) = Place::parse(&recorded.path) else {
        return plain(404, "404 page not found\n".to_owned());
    };
    let ask = Ask {
        method: &recorded.method,
        place: &place,
        query: &recorded.query,
        media_type: recorded.media_type(),
        body: &recorded.body,
    };
    let before = state.store.version();
    let (code, value) = handle::respond(&mut state.store, &ask);
    if state.store.version() != before {
        state.react(&value);
        shared.changed.notify_waiters();
    }
    respond((code, value))
}

/// The lines of a log that were written at this time or later.
fn lines_since(log: &str, since: jiff::Timestamp) -> String {
    let written = |line: &&str| {
        let time = line.split(' ').next().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        time.is_none_or(|time| time >= since)
    };
    log.split_inclusive('\n').filter(written).collect()
}

/// The same answer, broken off after some bytes.
async fn cut(response: Response<Body>, count: usize) -> io::Result<Response<Body>> {
    let (parts, body) = response.into_parts();
    let mut bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    bytes.truncate(count);
    // The break comes once the client has had time to be given what is before it.
    let frames = stream::iter([Some(Frame::data(bytes)), None]).then(|frame| async move {
        if let Some(frame) = frame {
            return Ok(frame);
        }
        tokio::time::sleep(FLUSH).await;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    Ok(Response::from_parts(parts, Either::Right(StreamBody::new(frames.boxed()))))
}

fn respond((code, body): Reply) -> Response<Body> {
    plain(code, body.to_string())
}

fn plain(code: u16, body: String) -> Response<Body> {
    let media_type = if body.starts_with('{') { "application/json" } else { "text/plain" };
    let mut response = Response::new(Either::Left(Full::from(body)));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

/// Where a watch stands.
struct Watch {
    shared: Arc<Shared>,
    recorded: Recorded,
    place: Place,
    version: u64,
    epoch: u64,
}

impl Watch {
    /// The lines that are due, or none when the watch was broken off.
    async fn next(&mut self) -> Option<String> {
        loop {
            let shared = Arc::clone(&self.shared);
            let changed = shared.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change falls in between.
            changed.as_mut().enable();
            let (lines, broken) = self.due();
            if broken || !lines.is_empty() {
                return (!broken).then_some(lines);
            }
            changed.await;
        }
    }

    fn due(&mut self) -> (String, bool) {
        let state = self.shared.state();
        if state.epoch != self.epoch {
            return (String::new(), true);
        }
        if self.version < state.store.floor {
            self.version = u64::MAX;
            let (_, gone) = handle::failure(410, "Expired", "too old resource version", &json!({}));
            return (format!("{}\n", json!({"type": "ERROR", "object": gone})), false);
        }
        let ask = Ask {
            method: &self.recorded.method,
            place: &self.place,
            query: &self.recorded.query,
            media_type: "",
            body: &Value::Null,
        };
        let mut lines = String::new();
        for event in state.store.since(self.version) {
            if handle::shows(&ask, &event.place, &event.value) {
                lines.push_str(&json!({"type": event.kind, "object": event.value}).to_string());
                lines.push('\n');
            }
        }
        self.version = self.version.max(state.store.version());
        (lines, false)
    }
}

fn watch(shared: Arc<Shared>, recorded: Recorded, place: Place) -> Response<Body> {
    let version = recorded.query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
    let epoch = shared.state().epoch;
    let watch = Watch { shared, recorded, place, version, epoch };
    let lines = stream::unfold(watch, |mut watch| async move {
        let lines = watch.next().await?;
        Some((Ok(Frame::data(Bytes::from(lines))), watch))
    });
    let mut response = Response::new(Either::Right(StreamBody::new(lines.boxed())));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
