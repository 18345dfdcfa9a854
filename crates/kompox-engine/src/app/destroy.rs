//! `app destroy`: removes everything of the app but its Namespace and its disks. IO through the ports.

use crate::app::act;
use crate::app::live::{self, Live};
use crate::app::remove::{self, Pod};
use crate::progress::{Step, objects};
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{Lock, Query};
use kompox_model::{Gvk, label, object};
use serde_json::Value;

/// Options of a destroy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DestroyOptions {
    /// Delete the Namespace too. Disks stay all the same.
    pub delete_namespace: bool,
    /// Only say what would be deleted.
    pub dry_run: bool,
}

/// What a destroy did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Destroyed {
    /// Objects that were deleted, in order.
    pub deleted: Vec<String>,
    /// True when the Namespace was deleted too.
    pub namespace_deleted: bool,
}

/// Removes the app from the cluster. Repeating it is success.
///
/// # Errors
/// Conflict when something would take a disk along, or the Namespace is foreign; those of the cluster.
pub async fn destroy(scope: &Scope<'_>, options: DestroyOptions, holder: &str) -> Result<Destroyed, Error> {
    let looked = look(scope, options).await;
    let Some(found) = act::or_interrupted(looked, "nothing was changed")? else {
        scope.progress.event(Event::Note("nothing of the app is left on the cluster".to_owned()));
        return Ok(Destroyed::default());
    };
    if options.dry_run {
        let deleted = names(scope, &found);
        return Ok(Destroyed { deleted, namespace_deleted: options.delete_namespace });
    }
    let lock = act::lock(scope, holder).await;
    let lock = act::or_interrupted(lock, "nothing was deleted")?;
    let result = remove_all(scope, lock.as_ref(), options).await;
    let result = act::or_interrupted(result, "some objects were deleted; a repeat deletes the rest");
    match result {
        // The Lease is gone with the Namespace.
        Ok(deleted) if options.delete_namespace => Ok(Destroyed { deleted, namespace_deleted: true }),
        result => {
            let deleted = act::release(scope, lock, result).await?;
            Ok(Destroyed { deleted, namespace_deleted: false })
        }
    }
}

/// What there is to delete, none when that is nothing. A Namespace on its way out is waited for.
async fn look(scope: &Scope<'_>, options: DestroyOptions) -> Result<Option<Live>, Error> {
    let mut namespace = live::namespace(scope).await?;
    if let Some(going) = namespace.as_ref().filter(|found| live::is_terminating(found) && !options.dry_run) {
        let step = Step::start(scope.progress, "waiting for the Namespace to go");
        act::gone(scope, &live::namespace_reference(scope), going).await?;
        step.done("Namespace is gone");
        namespace = live::namespace(scope).await?;
    }
    let found = ours(scope, live::by_label(scope, namespace.is_some()).await?);
    if found.is_empty() && (namespace.is_none() || !options.delete_namespace) {
        return Ok(None);
    }
    remove::refuse_not_retained(scope, &found).await?;
    if options.delete_namespace {
        refuse_other_claims(scope, &found).await?;
    }
    Ok(Some(found))
}

/// Only what carries our full identity: the hash in the label may collide.
fn ours(scope: &Scope<'_>, live: Live) -> Live {
    let identity = scope.identity().to_string();
    live.into_iter()
        .filter(|(_, body)| object::annotation(body, label::IDENTITY) == Some(identity.as_str()))
        .collect()
}

fn names(scope: &Scope<'_>, found: &Live) -> Vec<String> {
    remove::in_order(scope, found).into_iter().map(|(reference, _)| reference.to_string()).collect()
}

/// A claim that somebody else put into the Namespace would go with it, and perhaps its data.
async fn refuse_other_claims(scope: &Scope<'_>, ours: &Live) -> Result<(), Error> {
    let namespace = scope.namespace();
    let query = Query::new(Gvk::core("PersistentVolumeClaim"), Some(&namespace));
    let claims = scope.kubernetes.list(&scope.call(), &query).await?;
    let name = |claim: &Value| claim.pointer("/metadata/name").and_then(Value::as_str).map(ToOwned::to_owned);
    let known = |name: &String| {
        ours.keys().any(|reference| reference.gvk.kind == "PersistentVolumeClaim" && reference.name == *name)
    };
    match claims.iter().filter_map(name).find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(Error::refused(
            refusal::app::NAMESPACE_FOREIGN_CLAIM,
            format!("Namespace {namespace} holds claim {name}, which is not of this app"),
            "delete that claim by hand if nobody needs its data, or destroy without --delete-namespace",
        )),
    }
}

/// Removes everything of the app under the Lease; the names of what was deleted.
pub(crate) async fn remove_all(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    options: DestroyOptions,
) -> Result<Vec<String>, Error> {
    let step = Step::start(scope.progress, "deleting the app's objects");
    let found = ours(scope, live::by_label(scope, true).await?);
    remove::remove(scope, lock, &found, Pod::Goes).await?;
    let left = ours(scope, live::by_label(scope, true).await?);
    if let Some((reference, _)) = left.iter().find(|(_, body)| !live::is_terminating(body)) {
        return Err(Error::refused(
            refusal::app::OBJECT_RETURNED,
            format!("{reference} is still there after its deletion"),
            "somebody made it again meanwhile; repeat the command",
        ));
    }
    for (reference, body) in &left {
        act::gone(scope, reference, body).await?;
    }
    step.done(format!("{} deleted", objects(found.len())));
    if options.delete_namespace {
        remove_namespace(scope, lock).await?;
    }
    Ok(names(scope, &found))
}

async fn remove_namespace(scope: &Scope<'_>, lock: &dyn Lock) -> Result<(), Error> {
    let step = Step::start(scope.progress, "deleting the Namespace");
    let reference = live::namespace_reference(scope);
    if let Some(body) = live::namespace(scope).await? {
        refuse_other_claims(scope, &Live::new()).await?;
        act::delete(scope, lock, [(&reference, &body)].into_iter()).await?;
        act::gone(scope, &reference, &body).await?;
    }
    step.done("Namespace is gone");
    Ok(())
}
