//! What is known of the cluster. Pure.

use std::collections::BTreeMap;

use crate::follow::{Change, Message};
use crate::object::{Named, Namespace, Pod, Policy};
use crate::ruleset;

/// Objects of one kind by Namespace and name; none before the first list.
type Known<T> = Option<BTreeMap<(String, String), T>>;

/// Everything that decides about packets.
#[derive(Debug, Default)]
pub(crate) struct World {
    policies: Known<Policy>,
    pods: Known<Pod>,
    namespaces: Known<Namespace>,
}

impl World {
    /// Takes a message in.
    pub(crate) fn take(&mut self, message: Message) -> Result<(), String> {
        match message {
            Message::Policies(change) => apply(&mut self.policies, change),
            Message::Pods(change) => apply(&mut self.pods, change),
            Message::Namespaces(change) => apply(&mut self.namespaces, change),
            Message::Lost(why) => return Err(why),
        }
        Ok(())
    }

    /// The rules, once every kind was listed.
    pub(crate) fn rules(&self) -> Option<String> {
        let (policies, pods, namespaces) =
            (self.policies.as_ref()?, self.pods.as_ref()?, self.namespaces.as_ref()?);
        Some(ruleset::ruleset(policies.values(), pods.values(), namespaces.values()))
    }
}

fn apply<T: Named>(known: &mut Known<T>, change: Change<T>) {
    let key = |object: &T| {
        let metadata = object.metadata();
        (metadata.namespace.clone(), metadata.name.clone())
    };
    match change {
        Change::All(objects) => {
            *known = Some(objects.into_iter().map(|object| (key(&object), object)).collect());
        }
        Change::Set(object) => {
            known.get_or_insert_default().insert(key(&object), object);
        }
        Change::Gone(object) => {
            known.get_or_insert_default().remove(&key(&object));
        }
    }
}
