//! What a deploy finds and what it therefore plans: gather, convert, compare. IO through the ports; writes nothing.

use crate::app::live::{self, Live};
use crate::app::plan::{self, Action, Change, Plan};
use crate::app::volumes::{self, Choice, Known};
use crate::app::{Loaded, act, gather, record, time_zone};
use crate::{Error, Scope, disk};
use futures::future::{join3, try_join, try_join_all};
use kompox_convert::{Conversion, Facts, HostClaim, Input, VolumeBinding};
use kompox_model::port::{DiskInventory, ErrorKind, PortError};
use kompox_model::{Gvk, Object, ObjectRef, ObjectSet, Volume, VolumeName};
use kompox_yaml::Diagnostics;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One look at the cluster and the plan that follows from it.
pub(crate) struct Seen {
    /// UID of the cluster.
    pub(crate) cluster_uid: String,
    /// The disk of each volume in use.
    pub(crate) choices: Vec<(Volume, Choice)>,
    /// What convert said.
    pub(crate) notes: Diagnostics,
    /// Hosts, containers, uploads.
    pub(crate) summary: kompox_convert::Summary,
    /// Objects to apply, without the Namespace.
    pub(crate) objects: ObjectSet,
    /// The Namespace as it shall be in the end.
    pub(crate) namespace: Object,
    /// Host claims to create.
    pub(crate) claims: Vec<HostClaim>,
    /// What exists of all this.
    pub(crate) live: Live,
    /// What to do.
    pub(crate) plan: Plan,
}

/// Looks, converts and plans.
///
/// # Errors
/// Invalid with all diagnostics when the app cannot be converted; the refusals of disks, hosts and owners; those of the
/// ports.
pub(crate) async fn see(
    scope: &Scope<'_>,
    loaded: &Loaded,
    start_empty: &BTreeSet<VolumeName>,
) -> Result<Seen, Error> {
    let own = async {
        let (cluster, namespace) = live::facts_and_namespace(scope).await?;
        let inventory = inventory(scope, &cluster.uid).await?;
        Ok::<_, Error>((cluster, namespace, inventory))
    };
    // All at once, but errors in a fixed order: two runs of one situation must end alike.
    let (own, live, facts) = join3(own, live::by_label(scope, true), gather::facts(scope)).await;
    let (cluster, namespace, inventory) = own?;
    let (mut live, facts) = (live?, facts?);
    let time_zones = time_zone::files(&loaded.project);
    let facts = Facts { kubernetes: cluster.version, time_zones, ..facts };
    let exists = namespace.is_some();
    let in_use = kompox_convert::volumes_in_use(scope.app, &loaded.project, &loaded.binds);
    let known = Known {
        app: scope.app,
        cluster: scope.cluster,
        cluster_uid: &cluster.uid,
        inventory: &inventory,
        remembered: &record::current_handles(namespace.as_ref()),
        compose_volumes: &loaded.project.volumes.keys().cloned().collect(),
    };
    let choices = volumes::choose(&known, &in_use)?;
    own_disk_starts_empty(scope, &cluster.uid, &choices, start_empty).await?;
    let bindings = bindings(scope, &choices)?;
    let input = Input {
        workspace: scope.workspace,
        provider: scope.provider,
        cluster: scope.cluster,
        app: scope.app,
        project: &loaded.project,
        volumes: &bindings,
        binds: &loaded.binds,
        facts: &facts,
    };
    let (conversion, notes) = kompox_convert::convert(&input);
    let Some(Conversion { resources, host_claims, summary }) = conversion else {
        return Err(Error::Invalid(notes));
    };
    let (objects, namespace_object) = split_namespace(&resources.into_objects())?;
    let handles: Vec<_> = bindings.iter().map(|b| (b.volume.name.clone(), b.handle.clone())).collect();
    let namespace_object = record::record(&namespace_object, namespace.as_ref(), &handles);
    let (named, claimed) =
        try_join(live::by_name(scope, &objects, &live, exists), claims(scope, &host_claims, &live)).await?;
    live.extend(named);
    live.extend(claimed);
    if let Some(namespace) = namespace {
        live.insert(namespace_object.reference.clone(), namespace);
    }
    let plan = plan(scope, &objects, &namespace_object, &host_claims, &live, &choices).await?;
    Ok(Seen {
        cluster_uid: cluster.uid,
        choices,
        notes,
        summary,
        objects,
        namespace: namespace_object,
        claims: host_claims,
        live,
        plan,
    })
}

async fn inventory(scope: &Scope<'_>, uid: &str) -> Result<DiskInventory, Error> {
    if scope.driver.disks().is_none() {
        Ok(DiskInventory::default())
    } else {
        disk::inventory(scope, uid).await
    }
}

fn bindings(scope: &Scope<'_>, choices: &[(Volume, Choice)]) -> Result<Vec<VolumeBinding>, Error> {
    let mut classes = BTreeMap::new();
    for (volume, _) in choices {
        classes.insert(volume.name.clone(), disk::disks(scope)?.class(scope.cluster, scope.app, volume)?);
    }
    Ok(volumes::bindings(choices, |volume| classes[&volume.name].clone()))
}

/// A compose volume that gets its first own disk while the shared one has its data would seem to have lost it.
async fn own_disk_starts_empty(
    scope: &Scope<'_>,
    uid: &str,
    choices: &[(Volume, Choice)],
    start_empty: &BTreeSet<VolumeName>,
) -> Result<(), Error> {
    let shared = choices.iter().find_map(|(volume, choice)| match choice {
        Choice::Existing(disk) if volume.compose.is_none() => Some((volume, disk)),
        _ => None,
    });
    let Some((shared, shared_disk)) = shared else { return Ok(()) };
    let identity = scope.identity();
    for (volume, choice) in choices {
        let Some(key) = volume.compose.as_ref().filter(|_| *choice == Choice::New) else { continue };
        if start_empty.contains(&volume.name) {
            continue;
        }
        let path = format!("volumes/{key}");
        let occupied = disk::disks(scope)?
            .occupied(
                &scope.call(),
                scope.disks(&identity, uid),
                &shared.name,
                &shared_disk.name,
                std::slice::from_ref(&path),
            )
            .await?;
        if !occupied.is_empty() {
            return Err(Error::refused(
                ErrorKind::Conflict,
                format!(
                    "compose volume `{key}` would move to a new disk of its own, but its data is on disk {}",
                    shared_disk.name
                ),
                format!(
                    "copy the data: kompoxops disk create --volume {0} --source sub-path:{path}; or start without it: \
                     kompoxops app deploy --start-empty {0} (the old data stays where it is)",
                    volume.name
                ),
            ));
        }
    }
    Ok(())
}

/// Takes the Namespace out of the objects: it is created first and recorded last.
fn split_namespace(objects: &ObjectSet) -> Result<(ObjectSet, Object), Error> {
    let (mut namespaces, rest): (Vec<Object>, Vec<Object>) =
        objects.iter().cloned().partition(|object| object.reference.gvk == Gvk::core("Namespace"));
    let defect = |what: String| Error::refused(ErrorKind::Internal, what, "this is a defect");
    let namespace = namespaces.pop().ok_or_else(|| defect("the conversion gave no Namespace".to_owned()))?;
    let rest = ObjectSet::new(rest).map_err(|twice| defect(format!("{twice} was made twice")))?;
    Ok((rest, namespace))
}

/// Claims that exist but are not in `live`; Conflict when another app has one.
async fn claims(scope: &Scope<'_>, claims: &[HostClaim], live: &Live) -> Result<Live, Error> {
    let call = scope.call();
    let wanted =
        claims.iter().map(|claim| (claim, claim.object().reference)).filter(|(_, r)| !live.contains_key(r));
    let found = try_join_all(wanted.map(|(claim, reference)| async move {
        let body = scope.kubernetes.get(&call, &reference).await?;
        Ok::<_, PortError>(body.map(|body| (claim, reference, body)))
    }))
    .await?;
    let mut ours = Live::new();
    for (claim, reference, body) in found.into_iter().flatten() {
        check_claim(claim, &body)?;
        ours.insert(reference, body);
    }
    Ok(ours)
}

/// Conflict when a claim belongs to another app.
pub(crate) fn check_claim(claim: &HostClaim, live: &Value) -> Result<(), Error> {
    let owner = HostClaim::owner_of(live);
    if owner == Some(claim.owner.to_string().as_str()) {
        return Ok(());
    }
    Err(Error::refused(
        ErrorKind::Conflict,
        format!("host {} already belongs to app {}", claim.host, owner.unwrap_or("(unknown)")),
        "choose another host or app name, or remove the host from that app first",
    ))
}

async fn plan(
    scope: &Scope<'_>,
    objects: &ObjectSet,
    namespace: &Object,
    claims: &[HostClaim],
    live: &Live,
    choices: &[(Volume, Choice)],
) -> Result<Plan, Error> {
    let existing = objects.iter().chain([namespace]).filter(|object| live.contains_key(&object.reference));
    let applied: BTreeMap<ObjectRef, Value> = act::dry_run(scope, existing).await?.into_iter().collect();
    let claim_refs: BTreeSet<_> = claims.iter().map(|claim| claim.object().reference).collect();
    let app_live: Live =
        live.iter().filter(|(r, _)| !claim_refs.contains(*r)).map(|(r, b)| (r.clone(), b.clone())).collect();
    let all = ObjectSet::new(objects.iter().chain([namespace]).cloned().collect()).map_err(|twice| {
        Error::refused(ErrorKind::Internal, format!("{twice} was made twice"), "this is a defect")
    })?;
    let mut plan = plan::plan(&scope.identity(), &all, &app_live, &applied)?;
    for reference in claim_refs {
        let action = if live.contains_key(&reference) { Action::Leave } else { Action::Create };
        plan.changes.push(Change { reference, action });
    }
    plan.disks = choices
        .iter()
        .filter_map(|(volume, choice)| match choice {
            Choice::Existing(_) => None,
            Choice::Continue(disk) => Some(format!("{}: finish disk {}", volume.name, disk.name)),
            Choice::New => Some(format!("{}: new disk of {}", volume.name, volume.size)),
        })
        .collect();
    Ok(plan)
}
