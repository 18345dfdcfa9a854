//! Following one kind of object for as long as this program runs. Starts a thread; reads from the API server.

use std::io::{Error, Result};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::Api;
use crate::object::{Namespace, Pod, Policy};

/// Before a failed request is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// An API server that restarts is back sooner.
const PATIENCE: Duration = Duration::from_secs(60);

/// A change of the objects of one kind.
#[derive(Debug)]
pub(crate) enum Change<T> {
    /// These and no others exist.
    All(Vec<T>),
    /// This one is new or changed.
    Set(T),
    /// This one is gone.
    Gone(T),
}

/// What followers tell.
#[derive(Debug)]
pub(crate) enum Message {
    /// Of policies.
    Policies(Change<Policy>),
    /// Of Pods.
    Pods(Change<Pod>),
    /// Of Namespaces.
    Namespaces(Change<Namespace>),
    /// The API server has been out of reach for too long.
    Lost(String),
}

/// Follows the kind at `path` and tells every change.
pub(crate) fn follow<T: DeserializeOwned + Send + 'static>(
    api: &Api,
    path: &'static str,
    send: &Sender<Message>,
    wrap: fn(Change<T>) -> Message,
) {
    let (api, send) = (api.clone(), send.clone());
    std::thread::spawn(move || {
        let mut heard = Instant::now();
        // When nobody listens any more the program is about to end.
        while let Err(error) = once(&api, path, |change| send.send(wrap(change)).is_ok(), &mut heard) {
            eprintln!("testbed-policy: {error}");
            if heard.elapsed() > PATIENCE {
                send.send(Message::Lost(format!("{path} could not be read for {PATIENCE:?}: {error}"))).ok();
                return;
            }
            std::thread::sleep(PAUSE);
        }
    });
}

/// Lists, then watches, again and again; ends without an error when nobody listens.
fn once<T: DeserializeOwned>(
    api: &Api,
    path: &str,
    tell: impl Fn(Change<T>) -> bool,
    heard: &mut Instant,
) -> Result<()> {
    loop {
        let (items, version) = api.list(path)?;
        *heard = Instant::now();
        let all = items.into_iter().map(serde_json::from_value).collect::<std::result::Result<_, _>>()?;
        if !tell(Change::All(all)) {
            return Ok(());
        }
        for event in api.watch(path, &version)? {
            let mut event = event?;
            *heard = Instant::now();
            let object = event["object"].take();
            let change = match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => Change::Set(serde_json::from_value(object)?),
                Some("DELETED") => Change::Gone(serde_json::from_value(object)?),
                Some("BOOKMARK") => continue,
                other => return Err(unexpected(path, other, &object)),
            };
            if !tell(change) {
                return Ok(());
            }
        }
    }
}

fn unexpected(path: &str, kind: Option<&str>, object: &Value) -> Error {
    Error::other(format!("{path}: event {}: {object}", kind.unwrap_or("without a type")))
}
