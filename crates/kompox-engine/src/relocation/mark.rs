//! The marks of a move on the app's Namespaces: on the way, and away. IO through the cluster port; what they mean is pure.

use crate::app::live;
use crate::{Error, Scope, refusal};
use kompox_model::port::{Lock, Patch};
use kompox_model::{ClusterName, label, object};
use serde_json::{Value, json};

/// Where an app is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is moved from here to that cluster.
    To(ClusterName),
    /// It comes from that cluster.
    From(ClusterName),
    /// It was moved to that cluster.
    Moved(ClusterName),
    /// What is written cannot be read; it may be any of these.
    Unreadable(String),
    /// None of these.
    None,
}

impl Mark {
    /// What a Namespace says.
    pub(crate) fn read(namespace: Option<&Value>) -> Self {
        let text = |key| namespace.and_then(|found| object::annotation(found, key));
        let cluster = |text: &str| text.parse::<ClusterName>().ok();
        let unreadable = |text: &str| Self::Unreadable(text.to_owned());
        if let Some(text) = text(label::MOVE) {
            return match text.split_once(' ').map(|(way, name)| (way, cluster(name))) {
                Some(("to", Some(name))) => Self::To(name),
                Some(("from", Some(name))) => Self::From(name),
                _ => unreadable(text),
            };
        }
        text(label::MOVED_TO)
            .map_or(Self::None, |text| cluster(text).map_or_else(|| unreadable(text), Self::Moved))
    }
}

/// Writes the mark. A Namespace that becomes the target of a move forgets the disks of an earlier life.
pub(crate) async fn set(scope: &Scope<'_>, lock: &dyn Lock, mark: Mark) -> Result<(), Error> {
    let found = live::namespace(scope).await?;
    if Mark::read(found.as_ref()) == mark {
        return Ok(());
    }
    let mut annotations = match &mark {
        Mark::To(name) => json!({label::MOVE: format!("to {name}"), label::MOVED_TO: null}),
        Mark::From(name) => json!({label::MOVE: format!("from {name}"), label::MOVED_TO: null}),
        Mark::Moved(name) => json!({label::MOVE: null, label::MOVED_TO: name.as_str()}),
        Mark::None | Mark::Unreadable(_) => json!({label::MOVE: null, label::MOVED_TO: null}),
    };
    if matches!(mark, Mark::From(_)) {
        for key in [label::DISK_CURRENT, label::DISK_PREVIOUS, label::DISKS] {
            annotations[key] = Value::Null;
        }
    }
    lock.check()?;
    let change = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    scope.kubernetes.patch(&scope.call(), &live::namespace_reference(scope), &change).await?;
    Ok(())
}

/// Takes the mark of a move away, whichever there is; what it was.
pub(crate) async fn forget(scope: &Scope<'_>, lock: &dyn Lock) -> Result<Mark, Error> {
    let found = live::namespace(scope).await?;
    let mark = Mark::read(found.as_ref());
    if mark != Mark::None {
        set(scope, lock, Mark::None).await?;
    }
    Ok(mark)
}

/// The cluster at the other end of a move that is under way.
///
/// # Errors
/// Conflict for a mark that cannot be read; those of the cluster.
pub(crate) async fn other_end(scope: &Scope<'_>) -> Result<Option<ClusterName>, Error> {
    let found = live::namespace(scope).await?;
    match Mark::read(found.as_ref()) {
        Mark::To(other) | Mark::From(other) => Ok(Some(other)),
        Mark::Unreadable(_) => refuse_moving(scope, found.as_ref()).map(|()| None),
        Mark::Moved(_) | Mark::None => Ok(None),
    }
}

/// Conflict while the app is on its way between clusters.
pub(crate) fn refuse_moving(scope: &Scope<'_>, namespace: Option<&Value>) -> Result<(), Error> {
    let (way, other) = match Mark::read(namespace) {
        Mark::To(other) => (format!("from cluster {} to {other}", scope.cluster.name), other),
        Mark::From(other) => {
            (format!("from cluster {other} to {}", scope.cluster.name), scope.cluster.name.clone())
        }
        Mark::Unreadable(text) => {
            return Err(Error::refused(
                refusal::app::MOVING,
                format!(
                    "the Namespace of app {} has a mark of a move that cannot be read: {text:?}",
                    scope.app.name
                ),
                format!(
                    "look where the app is, then remove annotation {} or {} by hand",
                    label::MOVE,
                    label::MOVED_TO
                ),
            ));
        }
        Mark::Moved(_) | Mark::None => return Ok(()),
    };
    Err(Error::refused(
        refusal::app::MOVING,
        format!("app {} is being moved {way}", scope.app.name),
        format!(
            "finish the move by repeating it: kompoxops app move --to {other}; or give it up: add --abort; if the other \
             cluster is gone: kompoxops app takeover --fenced"
        ),
    ))
}

/// Conflict when the app was moved away from this cluster.
pub(crate) fn refuse_moved(scope: &Scope<'_>, namespace: Option<&Value>) -> Result<(), Error> {
    let Mark::Moved(other) = Mark::read(namespace) else { return Ok(()) };
    Err(Error::refused(
        refusal::app::MOVED,
        format!("app {} was moved from cluster {} to {other}", scope.app.name, scope.cluster.name),
        format!(
            "its data are there: set the app's cluster to {other} in the configuration; back here: \
             kompoxops app move --to {}",
            scope.cluster.name
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_what_was_written() {
        let namespace = |annotations: Value| json!({"metadata": {"annotations": annotations}});
        let name = |text: &str| text.parse::<ClusterName>().unwrap();
        for (annotations, mark) in [
            (json!({}), Mark::None),
            (json!({"kompox.dev/move": "to c2"}), Mark::To(name("c2"))),
            (json!({"kompox.dev/move": "from c1", "kompox.dev/moved-to": "c3"}), Mark::From(name("c1"))),
            (json!({"kompox.dev/moved-to": "c3"}), Mark::Moved(name("c3"))),
            (json!({"kompox.dev/move": "to ../x"}), Mark::Unreadable("to ../x".into())),
            (json!({"kompox.dev/move": "away"}), Mark::Unreadable("away".into())),
            (json!({"kompox.dev/moved-to": ""}), Mark::Unreadable(String::new())),
        ] {
            assert_eq!(Mark::read(Some(&namespace(annotations.clone()))), mark, "{annotations}");
        }
        assert_eq!(Mark::read(None), Mark::None);
    }
}
