//! Writes of a deploy and a destroy: the Namespace and the Lease, applying, deleting, waiting for Pods to go. IO
//! through the cluster port; every write is preceded by a look at the Lease.

use crate::app::leaving::Leaving;
use crate::app::{live, pair};
use crate::progress::Step;
use crate::{Error, Event, Scope, relocation};
use futures::StreamExt;
use futures::future::try_join_all;
use kompox_model::port::{ApplyOptions, Cancel, ErrorKind, Lock, Patch, PortError};
use kompox_model::{Gvk, Object, ObjectRef, label};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Makes sure of the app's Namespace and takes its Lease.
///
/// # Errors
/// Conflict when the Namespace is foreign or going, the app is being moved, or another command holds the Lease.
pub(crate) async fn lock(scope: &Scope<'_>, holder: &str) -> Result<Box<dyn Lock>, Error> {
    let found = live::namespace(scope).await?;
    relocation::refuse_moving(scope, found.as_ref())?;
    lock_found(scope, found.as_ref(), holder).await
}

/// The same for the commands that move the app, or end a move.
pub(crate) async fn lock_moving(scope: &Scope<'_>, holder: &str) -> Result<Box<dyn Lock>, Error> {
    let found = live::namespace(scope).await?;
    lock_found(scope, found.as_ref(), holder).await
}

async fn lock_found(scope: &Scope<'_>, found: Option<&Value>, holder: &str) -> Result<Box<dyn Lock>, Error> {
    let call = scope.call();
    let namespace = scope.namespace();
    live::refuse_going(scope, found)?;
    if found.is_none() {
        match scope.kubernetes.create(&call, &bare_namespace(scope)).await {
            Ok(_) => {}
            // Somebody else made it between our look and our write: it must be ours all the same.
            Err(error) if error.kind == ErrorKind::AlreadyExists => {
                live::refuse_going(scope, live::namespace(scope).await?.as_ref())?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let lock = scope.kubernetes.lock(&call, &namespace, holder).await?;
    if let Some(former) = lock.taken_over() {
        scope
            .progress
            .event(Event::Warning(format!("took over from {former}, which stopped without finishing")));
    }
    Ok(lock)
}

/// The Namespace with nothing but its identity: what is needed before the Lease.
fn bare_namespace(scope: &Scope<'_>) -> Object {
    let identity = scope.identity();
    let name = scope.namespace();
    let body = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                label::NAME: identity.app.as_str(),
                label::INSTANCE: kompox_model::resource_name::instance(&identity),
                label::MANAGED_BY: label::MANAGER,
                label::APP_ID_HASH: identity.app_hash(),
                label::PART: label::PART_STATE,
                "pod-security.kubernetes.io/enforce": "baseline",
            },
            "annotations": {
                label::IDENTITY: identity.to_string(),
                label::APP: identity.location(&scope.cluster.name),
                label::PROVIDER: scope.driver.id(),
                label::PROVIDER_NAME: scope.provider.name.as_str(),
            },
        },
    });
    Object { reference: ObjectRef::new(Gvk::core("Namespace"), None, &name), body }
}

/// Applies objects, one step after the other, those of a step at once.
pub(crate) async fn apply(scope: &Scope<'_>, lock: &dyn Lock, steps: &[Vec<&Object>]) -> Result<(), Error> {
    let call = scope.call();
    for step in steps {
        try_join_all(step.iter().map(|object| async {
            lock.check()?;
            let options = ApplyOptions { dry_run: false, force: true };
            scope.kubernetes.apply(&call, object, options).await
        }))
        .await?;
        interrupted(scope, "some objects were applied; a repeat continues")?;
        bound(scope, step).await?;
    }
    Ok(())
}

/// How long claims may take to bind before the Pod is made all the same.
const BINDING: Duration = Duration::from_secs(3);

/// Waits a moment until the claims among `objects` are bound: a Pod that the scheduler sees earlier is put aside for a
/// second. Claims that bind only with their Pod are not waited for any longer.
async fn bound(scope: &Scope<'_>, objects: &[&Object]) -> Result<(), Error> {
    let mut claims =
        objects.iter().map(|object| &object.reference).filter(|r| r.gvk.kind == "PersistentVolumeClaim");
    let Some(first) = claims.next() else { return Ok(()) };
    let wanted: Vec<&str> = claims.chain([first]).map(|reference| reference.name.as_str()).collect();
    let call = scope.call();
    let query = kompox_model::port::Query::new(first.gvk.clone(), first.namespace.as_deref());
    let mut snapshots = scope.kubernetes.watch(&call, &query);
    let is_bound = |found: &[Value], name: &str| {
        found.iter().any(|claim| {
            claim.pointer("/metadata/name") == Some(&name.into())
                && claim.pointer("/status/phase") == Some(&"Bound".into())
        })
    };
    let watching = async {
        loop {
            let found = next(scope, &mut snapshots, "some objects were applied; a repeat continues").await?;
            if wanted.iter().all(|name| is_bound(&found, name)) {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(BINDING, watching).await.unwrap_or(Ok(()))
}

/// What a forced apply of the objects would give, without writing; none for a claim or volume that cannot be changed into
/// what is wanted.
pub(crate) async fn dry_run<'a>(
    scope: &Scope<'_>,
    objects: impl Iterator<Item = (&'a Object, &'a Value)>,
) -> Result<Vec<(ObjectRef, Option<Value>)>, Error> {
    let call = scope.call();
    let answers = try_join_all(objects.map(|(object, live)| async move {
        let options = ApplyOptions { dry_run: true, force: true };
        let after = match scope.kubernetes.apply(&call, object, options).await {
            Ok(after) => Some(after),
            Err(error) if error.kind == ErrorKind::Invalid && pair::is_fixed(object, live) => None,
            Err(error) => return Err(error),
        };
        Ok::<_, PortError>((object.reference.clone(), after))
    }))
    .await?;
    Ok(answers)
}

/// Deletes objects that were seen as `live`, only those very ones. Missing ones are success.
pub(crate) async fn delete(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    objects: impl Iterator<Item = (&ObjectRef, &Value)>,
) -> Result<(), Error> {
    let call = scope.call();
    try_join_all(objects.map(|(reference, body)| async move {
        lock.check()?;
        let uid = body.pointer("/metadata/uid").and_then(Value::as_str);
        scope.kubernetes.delete(&call, reference, uid).await
    }))
    .await?;
    Ok(())
}

/// Waits until an object that was seen as `body` is gone, finalizers and all. Another one of its name is not waited for.
pub(crate) async fn gone(scope: &Scope<'_>, reference: &ObjectRef, body: &Value) -> Result<(), Error> {
    let call = scope.call();
    let query = kompox_model::port::Query::new(reference.gvk.clone(), reference.namespace.as_deref())
        .fields(format!("metadata.name={}", reference.name));
    let uid = |body: &Value| body.pointer("/metadata/uid").cloned();
    let mut snapshots = scope.kubernetes.watch(&call, &query);
    let mut told = false;
    while next(scope, &mut snapshots, "something is still being deleted; a repeat continues")
        .await?
        .iter()
        .any(|found| uid(found) == uid(body))
    {
        if !std::mem::replace(&mut told, true) {
            scope.progress.event(Event::Waiting(format!("{reference} to go")));
        }
    }
    Ok(())
}

/// Waits until no Pod of the app is left, and tells which containers had to be killed.
pub(crate) async fn pods_gone(scope: &Scope<'_>) -> Result<(), Error> {
    let call = scope.call();
    let query = live::pod_query(scope);
    let step = Step::start(scope.progress, "waiting for the Pod to stop");
    let mut snapshots = scope.kubernetes.watch(&call, &query);
    let mut leaving = Leaving::default();
    loop {
        let pods = next(scope, &mut snapshots, "the Pod was told to stop").await?;
        tell_killed(scope, &mut leaving, &pods);
        if pods.is_empty() {
            break;
        }
    }
    step.done("Pod is gone");
    Ok(())
}

/// Tells of containers that had to be killed.
pub(crate) fn tell_killed(scope: &Scope<'_>, leaving: &mut Leaving, pods: &[Value]) {
    leaving.look(pods).into_iter().for_each(|text| scope.progress.event(Event::Warning(text)));
}

/// Frees a PersistentVolume of ours whose claim is gone, so that the new claim can bind: removes the former claim's uid,
/// only if it is still that one.
pub(crate) async fn free_released(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    volume: &ObjectRef,
    body: &Value,
    former: &str,
) -> Result<(), Error> {
    lock.check()?;
    let mut operations = vec![
        json!({"op": "test", "path": "/spec/claimRef/uid", "value": former}),
        json!({"op": "remove", "path": "/spec/claimRef/uid"}),
    ];
    if body.pointer("/spec/claimRef/resourceVersion").is_some() {
        operations.push(json!({"op": "remove", "path": "/spec/claimRef/resourceVersion"}));
    }
    scope.kubernetes.patch(&scope.call(), volume, &Patch::Json(Value::Array(operations))).await?;
    scope.progress.event(Event::Note(format!("{volume} was released by a former claim and is free again")));
    Ok(())
}

/// What ends a wait before its time.
pub(crate) struct Waits<'a> {
    /// Set by Ctrl-C.
    pub(crate) cancel: &'a Cancel,
    /// When the command must have ended.
    pub(crate) deadline: Option<Instant>,
    /// The app or cluster that it is about.
    pub(crate) subject: &'a str,
}

impl Waits<'_> {
    /// The next snapshot of a watch; ends with Interrupted on Ctrl-C and with Timeout at the deadline. A watch that ends by
    /// itself is an error: what was waited for has not been seen.
    pub(crate) async fn next(
        &self,
        snapshots: &mut kompox_model::port::Snapshots<'_>,
        done: &str,
    ) -> Result<Vec<Value>, Error> {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // First, since the watch ends with an error of its own when it is cancelled.
            biased;
            () = self.cancel.cancelled() => Err(Error::Interrupted { done: done.to_owned() }),
            snapshot = snapshots.next() => match snapshot {
                Some(snapshot) => Ok(snapshot?),
                None => Err(PortError::new(ErrorKind::Unavailable, "engine", "watch", self.subject)
                    .detail("the watch ended before what it waited for was seen")
                    .into()),
            },
            () = deadline => {
                Err(PortError::new(ErrorKind::Timeout, "engine", "wait for", self.subject)
                    .detail("the time limit of the command passed")
                    .hint("repeat the command, with a larger --timeout if the cluster is slow")
                    .into())
            }
        }
    }
}

/// The next snapshot of a watch of a command about an app.
pub(crate) async fn next(
    scope: &Scope<'_>,
    snapshots: &mut kompox_model::port::Snapshots<'_>,
    done: &str,
) -> Result<Vec<Value>, Error> {
    let waits = Waits { cancel: scope.cancel, deadline: scope.deadline, subject: scope.app.name.as_str() };
    waits.next(snapshots, done).await
}

/// Ends the command when the user asked for it.
pub(crate) fn interrupted(scope: &Scope<'_>, done: &str) -> Result<(), Error> {
    if scope.cancel.is_cancelled() { Err(Error::Interrupted { done: done.to_owned() }) } else { Ok(()) }
}

/// A request that the user stopped, in terms of what had been done until then.
pub(crate) fn or_interrupted<T>(result: Result<T, Error>, done: &str) -> Result<T, Error> {
    match result {
        Err(Error::Port(error)) if error.kind == ErrorKind::Cancelled => {
            Err(Error::Interrupted { done: done.to_owned() })
        }
        other => other,
    }
}

/// Releases the Lease after an operation, whose result stays what it is: what was done is done, and a Lease that cannot
/// be given back expires by itself.
pub(crate) async fn release<T>(
    scope: &Scope<'_>,
    lock: Box<dyn Lock>,
    result: Result<T, Error>,
) -> Result<T, Error> {
    if let Err(error) = lock.release().await {
        let text = match error.kind {
            ErrorKind::Conflict => format!("another command may have run at the same time: {error}"),
            _ => format!("the Lease was not given back ({error}); it expires within 35 seconds"),
        };
        scope.progress.event(Event::Warning(text));
    }
    result
}
