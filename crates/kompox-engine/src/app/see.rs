//! What a deploy finds and what it therefore plans: gather, convert, compare. IO through the ports; writes nothing.

use crate::app::live::{self, Live};
use crate::app::lived::Lived;
use crate::app::plan::{self, Action, Change, Plan};
use crate::app::record::Memory;
use crate::app::volumes::{self, Choice, Known};
use crate::app::{Loaded, act, gather, pair, remove, start_empty, time_zone, workload};
use crate::network::Enforcement;
use crate::{Error, Scope, disk, refusal, relocation};
use futures::future::{join3, try_join, try_join_all};
use kompox_convert::{Conversion, Facts, Folder, HostClaim, Input, VolumeBinding};
use kompox_model::port::{DiskInventory, PortError};
use kompox_model::{DiskName, Gvk, Holder, Object, ObjectRef, ObjectSet, Volume, VolumeName, label};
use kompox_yaml::Diagnostics;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted beside what the configuration says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Compose volumes, or volumes of their own, that may begin with nothing although there are data of them.
    pub(crate) start_empty: BTreeSet<String>,
    /// Take these disks of their volumes for the assigned ones, whatever is recorded.
    pub(crate) assigned: Vec<(VolumeName, DiskName)>,
    /// The app is being moved here, which no other command may look past.
    pub(crate) moving: bool,
    /// What this cluster holds is seen as if it were here already: the look before a move.
    pub(crate) coming: Option<Holder>,
    /// The app shall be stopped, also when it is not here yet.
    pub(crate) stopped: bool,
    /// Keep this disk's handle recorded in the Namespace as the aim of a switch under way.
    pub(crate) switching: Option<String>,
}

impl Wish {
    /// The inventory as it is wished to be.
    fn seen_so(&self, mut inventory: DiskInventory, us: &Holder) -> DiskInventory {
        let coming = |holder: &Holder| Some(holder) == self.coming.as_ref();
        inventory.disks.iter_mut().filter(|disk| coming(&disk.holder)).for_each(|d| d.holder = us.clone());
        // What is on its way is opened when it has arrived.
        inventory.volumes.iter_mut().for_each(|volume| volume.fenced &= self.coming.is_none());
        for (volume, name) in &self.assigned {
            for disk in inventory.disks.iter_mut().filter(|disk| disk.volume == *volume) {
                disk.assigned = disk.name == *name;
            }
        }
        inventory
    }
}

/// One look at the cluster and the plan that follows from it.
pub(crate) struct Seen {
    /// UID of the cluster.
    pub(crate) cluster_uid: String,
    /// The app's disks, and what could not be looked into.
    pub(crate) inventory: DiskInventory,
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
    /// Who enforces the policy.
    pub(crate) enforcement: Enforcement,
    /// What the server says an apply of the planned objects that exist would give; none for those that are made again.
    pub(crate) applied: BTreeMap<ObjectRef, Option<Value>>,
    /// The app was stopped and stays so.
    pub(crate) stopped: bool,
    /// Compose volumes that the compose file has no more, with what becomes of them.
    pub(crate) dropped: Vec<String>,
}

/// Looks, converts and plans.
///
/// # Errors
/// Invalid with all diagnostics when the app cannot be converted; the refusals of disks, hosts and owners; those of the
/// ports.
pub(crate) async fn see(scope: &Scope<'_>, loaded: &Loaded, wish: &Wish) -> Result<Seen, Error> {
    let own = async {
        let (cluster, namespace) = live::facts_and_namespace(scope).await?;
        live::refuse_going(scope, namespace.as_ref())?;
        if !wish.moving {
            relocation::refuse_moving(scope, namespace.as_ref())?;
            relocation::refuse_moved(scope, namespace.as_ref())?;
        }
        let us = Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid.clone() };
        let inventory = wish.seen_so(inventory(scope, &cluster.uid).await?, &us);
        Ok::<_, Error>((cluster, namespace, inventory))
    };
    // All at once, but errors in a fixed order: two runs of one situation must end alike.
    let (own, live, facts) = join3(own, live::by_label(scope, true), gather::facts(scope)).await;
    let (cluster, namespace, inventory) = own?;
    let (mut live, (facts, enforcement)) = (live?, facts?);
    let time_zones = time_zone::files(&loaded.project);
    let facts = Facts { kubernetes: cluster.version, time_zones, ..facts };
    let exists = namespace.is_some();
    let in_use = kompox_convert::volumes_in_use(scope.app, &loaded.project, &loaded.binds);
    // A Namespace that an app comes to forgets the disks of an earlier life.
    let here = namespace.as_ref().filter(|_| wish.coming.is_none());
    let remembered = Memory::read(here, &inventory.disks)?;
    let declared: BTreeSet<String> = loaded.project.volumes.keys().cloned().collect();
    let known = Known {
        app: scope.app,
        cluster: scope.cluster,
        cluster_uid: &cluster.uid,
        inventory: &inventory,
        remembered: &remembered,
        compose_volumes: &declared,
    };
    let choices = volumes::choose(&known, &in_use)?;
    let lived = Lived::read(namespace.as_ref())?;
    let folders = kompox_convert::folders(scope.app, &loaded.project);
    let empty = start_empty::Known {
        cluster_uid: &cluster.uid,
        inventory: &inventory,
        remembered: &remembered,
        lived: &lived,
        folders: &folders,
        declared: &declared,
        choices: &choices,
        accepted: &wish.start_empty,
    };
    start_empty::refuse(scope, &empty).await?;
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
    let (mut objects, namespace_object) = split_namespace(&resources.into_objects())?;
    let deployment = live.get(&workload::reference(scope));
    let stopped = wish.stopped || deployment.is_some_and(workload::is_stopped);
    if stopped {
        objects = workload::kept_stopped(&objects)?;
    }
    let handles: Vec<_> = bindings.iter().map(|b| (b.volume.name.clone(), b.handle.clone())).collect();
    let mut namespace_object = remembered.record(&namespace_object, &handles, &inventory);
    lived.record(&mut namespace_object, &folders, &declared, &inventory);
    if let Some(handle) = &wish.switching {
        namespace_object.body["metadata"]["annotations"][label::DISK_SWITCHING] = handle.as_str().into();
    }
    let (named, claimed) =
        try_join(live::by_name(scope, &objects, &live, exists), claims(scope, &host_claims, &live)).await?;
    live.extend(named);
    live.extend(claimed);
    if let Some(namespace) = namespace {
        live.insert(namespace_object.reference.clone(), namespace);
    }
    let (mut plan, applied) = plan(scope, &objects, &namespace_object, &host_claims, &live).await?;
    plan.disks = disks_to_make(&inventory, &choices);
    let dropped = lived.dropped(&declared).iter().map(|folder| in_words(folder, &inventory)).collect();
    Ok(Seen {
        cluster_uid: cluster.uid,
        inventory,
        choices,
        notes,
        summary,
        objects,
        namespace: namespace_object,
        claims: host_claims,
        live,
        plan,
        enforcement,
        applied,
        stopped,
        dropped,
    })
}

/// What becomes of a compose volume that the compose file has no more.
fn in_words(dropped: &Folder, inventory: &DiskInventory) -> String {
    let Folder { key, volume, sub_path } = dropped;
    let disk = inventory.disks.iter().find(|disk| disk.volume == *volume && disk.assigned);
    let disk =
        disk.map_or_else(|| format!("a disk of volume {volume}"), |disk| format!("disk {}", disk.name));
    format!(
        "compose volume `{key}` is not in the compose file any more; what it holds stays in {sub_path} of {disk}"
    )
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

/// Takes the Namespace out of the objects: it is created first and recorded last.
fn split_namespace(objects: &ObjectSet) -> Result<(ObjectSet, Object), Error> {
    let (mut namespaces, rest): (Vec<Object>, Vec<Object>) =
        objects.iter().cloned().partition(|object| object.reference.gvk == Gvk::core("Namespace"));
    let defect = |what: String| Error::refused(refusal::DEFECT, what, "this is a defect");
    let namespace = namespaces.pop().ok_or_else(|| defect("the conversion gave no Namespace".to_owned()))?;
    let rest = ObjectSet::new(rest).map_err(|twice| defect(format!("{twice} was made twice")))?;
    Ok((rest, namespace))
}

/// Claims that exist but are not in `live`; Conflict when another app has one, wherever it was found.
async fn claims(scope: &Scope<'_>, claims: &[HostClaim], live: &Live) -> Result<Live, Error> {
    let call = scope.call();
    let found = try_join_all(claims.iter().map(|claim| async move {
        let reference = claim.object().reference;
        let body = match live.get(&reference) {
            Some(body) => Some(body.clone()),
            None => scope.kubernetes.get(&call, &reference).await?,
        };
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
        refusal::app::HOST_TAKEN,
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
) -> Result<(Plan, BTreeMap<ObjectRef, Option<Value>>), Error> {
    pair::refuse_bound_elsewhere(objects, live)?;
    plan::refuse_foreign(&scope.identity(), objects, live)?;
    let wanted = objects.iter().chain([namespace]);
    let existing = wanted.filter_map(|object| Some((object, live.get(&object.reference)?)));
    let applied: BTreeMap<ObjectRef, Option<Value>> =
        act::dry_run(scope, existing).await?.into_iter().collect();
    let claim_refs: BTreeSet<_> = claims.iter().map(|claim| claim.object().reference).collect();
    let app_live: Live =
        live.iter().filter(|(r, _)| !claim_refs.contains(*r)).map(|(r, b)| (r.clone(), b.clone())).collect();
    let all = ObjectSet::new(objects.iter().chain([namespace]).cloned().collect()).map_err(|twice| {
        Error::refused(refusal::DEFECT, format!("{twice} was made twice"), "this is a defect")
    })?;
    let mut plan = plan::plan(&scope.identity(), &all, &app_live, &applied)?;
    pair::complete(&mut plan, objects, live);
    for reference in claim_refs {
        let action = if live.contains_key(&reference) { Action::Leave } else { Action::Create };
        plan.changes.push(Change { reference, action });
    }
    let going = plan.deletions().chain(plan.replacements());
    remove::refuse_not_retained(scope, going.filter_map(|reference| live.get_key_value(reference))).await?;
    Ok((plan, applied))
}

/// Disks that a deploy makes, in words.
fn disks_to_make(inventory: &DiskInventory, choices: &[(Volume, Choice)]) -> Vec<String> {
    let unknown = inventory.gaps.first();
    let made = choices.iter().filter_map(|(volume, choice)| match (choice, unknown) {
        (Choice::Existing(_), _) => None,
        (Choice::Continue(disk), _) => Some(format!("{}: finish disk {}", volume.name, disk.name)),
        (Choice::New, None) => Some(format!("{}: new disk of {}", volume.name, volume.size)),
        (Choice::New, Some(gap)) => Some(format!(
            "{}: disks unknown: {}; a new one of {} if there is none",
            volume.name, gap.message, volume.size
        )),
    });
    made.collect()
}
