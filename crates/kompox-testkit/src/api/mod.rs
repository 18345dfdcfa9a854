//! A scripted Kubernetes API server: an in-process HTTP server on 127.0.0.1 with objects in memory, that records every
//! request and fails where a test wants it to. IO: a socket.
//!
//! It keeps resource versions, uids, selectors, pages, preconditions, dry runs, finalizers and watches as real servers
//! do. It knows no kinds: it validates nothing, fills in no defaults, and its server-side apply is simplified. Tests of
//! those run on a real cluster.

mod fault;
mod handle;
mod merge;
mod path;
mod select;
mod serve;
mod store;

pub use fault::{Fault, When};

use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use path::Place;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use store::{Store, Stored};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Where a requester asks for its own rights.
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A request that the server got.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, decoded.
    pub query: BTreeMap<String, String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body, null when it is no JSON.
    pub body: Value,
}

impl Recorded {
    /// Verb, API group and resource that the requester needs the right for, as RBAC rules name them; none for what is no
    /// object, such as the version, and for questions about rights, which everybody may ask.
    #[must_use]
    pub fn right(&self) -> Option<(&'static str, String, String)> {
        let place = Place::parse(&self.path).filter(|_| self.path != REVIEWS)?;
        let verb = match (&self.method, &place.name) {
            (&Method::GET, _) if self.query.get("watch").is_some_and(|watch| watch == "true") => "watch",
            (&Method::GET, None) => "list",
            (&Method::GET, Some(_)) => "get",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, _) => "delete",
            _ => return None,
        };
        let group = place.base.split('/').nth(1).filter(|_| place.base.starts_with("apis/"));
        let resource = match place.subresource {
            Some(subresource) => format!("{}/{subresource}", place.plural),
            None => place.plural,
        };
        Some((verb, group.unwrap_or_default().to_owned(), resource))
    }

    /// True for what changes something: not a read, not a dry run, and no question about rights.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.method != Method::GET && self.path != REVIEWS && !self.query.contains_key("dryRun")
    }

    /// A header as text, empty when it is not there.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Who says it asks.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.header(header::USER_AGENT)
    }

    /// The type of the body.
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.header(header::CONTENT_TYPE)
    }

    /// Method and path in one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Objects that follow from one that was written.
type Reaction = Box<dyn Fn(&Value) -> Vec<(String, Value)> + Send>;

struct State {
    store: Store,
    requests: Vec<Recorded>,
    faults: fault::Faults,
    canned: BTreeMap<(Method, String), (u16, String)>,
    reaction: Option<Reaction>,
    /// Verb and resource that questions about rights are answered with no for.
    denied: BTreeSet<(String, String)>,
    /// Watches that were opened in an earlier epoch are broken off.
    epoch: u64,
    /// How far the server's clock is ahead.
    ahead: Duration,
}

impl State {
    fn put(&mut self, path: &str, object: Value) {
        let place = Place::parse(path).filter(|place| place.name.is_some());
        let place = place.unwrap_or_else(|| panic!("{path} is no path of an object"));
        let applied = self.store.get(&place).map(|stored| stored.applied.clone()).unwrap_or_default();
        self.store.put(place, Stored { value: object, applied });
    }

    fn react(&mut self, written: &Value) {
        let made = self.reaction.as_ref().map(|reaction| reaction(written)).unwrap_or_default();
        for (path, object) in made {
            match Place::parse(&path) {
                Some(place) if object.is_null() => self.store.remove(&place),
                _ => self.put(&path, object),
            }
        }
    }
}

impl State {
    fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server. It ends, with all its connections, when it is dropped.
pub struct ScriptedApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for ScriptedApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedApi {
    /// Starts a server, with the Namespaces `default` and `kube-system`, on a free port.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut canned = BTreeMap::new();
        let version = r#"{"major": "1", "minor": "36", "gitVersion": "v1.36.0-scripted"}"#;
        canned.insert((Method::GET, "/version".to_owned()), (200, version.to_owned()));
        let state = State {
            store: Store::new(),
            requests: Vec::new(),
            faults: fault::Faults::default(),
            canned,
            reaction: None,
            denied: BTreeSet::new(),
            epoch: 0,
            ahead: Duration::ZERO,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        let task = tokio::spawn(serve::serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig for it, with context `scripted`.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: scripted\n\
             clusters: [{{name: scripted, cluster: {{server: \"{}\"}}}}]\n\
             users: [{{name: scripted, user: {{}}}}]\n\
             contexts: [{{name: scripted, context: {{cluster: scripted, user: scripted}}}}]\n",
            self.url()
        )
    }

    /// Puts an object at its path, as somebody else would; watches see it, no request is recorded.
    ///
    /// # Panics
    /// When the path is none of an object.
    pub fn put(&self, path: &str, object: Value) {
        self.shared.state().put(path, object);
        self.shared.changed.notify_waiters();
    }

    /// Removes the object at a path.
    ///
    /// # Panics
    /// When the path is none of an object.
    pub fn remove(&self, path: &str) {
        let place = Place::parse(path).unwrap_or_else(|| panic!("{path} is no path of an object"));
        self.shared.state().store.remove(&place);
        self.shared.changed.notify_waiters();
    }

    /// The object at a path.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<Value> {
        let place = Place::parse(path)?;
        self.shared.state().store.get(&place).map(|stored| stored.value.clone())
    }

    /// All objects, by collection, Namespace and name.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.shared.state().store.iter().map(|(_, object)| object.clone()).collect()
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// The requests that were to change something.
    #[must_use]
    pub fn writes(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(Recorded::is_write).collect()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.state().requests.clear();
    }

    /// Plants a fault.
    pub fn plant(&self, when: When, fault: Fault) {
        self.shared.state().faults.plant(when, fault);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Answers this method and path always so.
    pub fn answer(&self, method: Method, path: &str, code: u16, body: &str) {
        self.shared.state().canned.insert((method, path.to_owned()), (code, body.to_owned()));
    }

    /// Stands in for controllers: after each change, `reaction` gets the server's answer (the object that was written, or
    /// the status of a deletion) and returns what follows from it, by path; null removes the object there.
    pub fn react(&self, reaction: impl Fn(&Value) -> Vec<(String, Value)> + Send + 'static) {
        self.shared.state().reaction = Some(Box::new(reaction));
    }

    /// Answers the question whether the requester may do this to a resource with no; all others are answered with yes.
    /// The requests themselves are not refused.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.shared.state().denied.insert((verb.to_owned(), resource.to_owned()));
    }

    /// Sets the server's clock, as its answers tell it, ahead of the machine's.
    pub fn set_clock(&self, ahead: Duration) {
        self.shared.state().ahead = ahead;
    }

    /// Breaks off all watches, as when a connection ends.
    pub fn break_watches(&self) {
        self.shared.state().epoch += 1;
        self.shared.changed.notify_waiters();
    }

    /// Forgets the history, as servers do after a while: a watch from before is told to list again.
    pub fn compact(&self) {
        self.shared.state().store.compact();
        self.shared.changed.notify_waiters();
    }
}
