//! What commands about an app refuse. Pure.

super::refusals! {
    DISK_NONE_ASSIGNED = "app.disk.none-assigned", Conflict,
        "The volume has disks, but none is assigned, so none is known to hold the current data.",
        "Choose one: `kompoxops disk assign NAME`.";
    DISK_SEVERAL_ASSIGNED = "app.disk.several-assigned", Conflict,
        "More than one disk of the volume claims to be the assigned one.",
        "Choose one: `kompoxops disk assign NAME`.";
    DISK_DELETING = "app.disk.deleting", Conflict,
        "The assigned disk of the volume is being deleted.",
        "Assign another disk: `kompoxops disk assign NAME`.";
    DISK_LOST = "app.disk.lost", Conflict,
        "No disk is listed, but the app's Namespace remembers one: starting on an empty disk would hide data.",
        "Bring that disk back, or create and assign one by hand.";
    DISK_HELD = "app.disk.held", Conflict,
        "The disk is held by another cluster; two clusters must never use one disk.",
        "Deploy the app there, or move it.";
    DISK_FENCED = "app.disk.fenced", Conflict,
        "A volume of the app is fenced, so that nothing can open its disks: a takeover was not finished.",
        "Repeat the takeover: `kompoxops app takeover --fenced`.";
    DISK_MEMORY_UNREADABLE = "app.disk.memory-unreadable", Conflict,
        "The annotation of the Namespace that remembers the disks cannot be read.",
        "Mend the annotation, or remove it if every disk is there.";
    VOLUME_VANISHED = "app.volume.vanished", Conflict,
        "A compose volume has its data on a disk of its own, but the configuration no longer names the volume.",
        "Add the volume to `app.volumes` again, or remove it from the compose file.";
    VOLUME_RENAMED = "app.volume.renamed", Conflict,
        "A compose volume is new and would start empty, while one that the compose file has no more has data.",
        "Call it by its old name again, or say `--start-empty` if it is another volume.";
    VOLUME_WOULD_START_EMPTY = "app.volume.would-start-empty", Conflict,
        "A compose volume would move to an empty disk while its data is on the disk of another volume.",
        "Copy the data with `disk create --source`, or say `--start-empty`.";
    VOLUME_NOT_RETAINED = "app.volume.not-retained", Conflict,
        "A PersistentVolume that has to go is not kept by its reclaim policy: deleting it could delete the disk.",
        "Set its persistentVolumeReclaimPolicy to Retain, then repeat the command.";
    VOLUME_BOUND_ELSEWHERE = "app.volume.bound-elsewhere", Conflict,
        "The PersistentVolume of the disk is bound to a claim that is not the app's.",
        "Remove that claim if nobody needs it.";
    HOST_TAKEN = "app.host.taken", Conflict,
        "The host belongs to another app on this cluster.",
        "Choose another host or app name, or remove the host from that app first.";
    HOST_CONTENDED = "app.host.contended", Conflict,
        "Somebody else made and removed the claim of the host at this very moment.",
        "Repeat the command.";
    NAMESPACE_FOREIGN = "app.namespace.foreign", Conflict,
        "A Namespace of the app's name exists and belongs to somebody else.",
        "Choose another app name, or remove the foreign Namespace if nobody needs it.";
    NAMESPACE_FOREIGN_CLAIM = "app.namespace.foreign-claim", Conflict,
        "The Namespace holds a PersistentVolumeClaim that is not of this app and would be deleted with it.",
        "Delete that claim by hand if nobody needs its data, or destroy without `--delete-namespace`.";
    OBJECT_FOREIGN = "app.object.foreign", Conflict,
        "An object of the name that the app needs exists and belongs to somebody else.",
        "Remove or rename that object if nobody needs it.";
    OBJECT_DELETING = "app.object.deleting", Conflict,
        "An object that the app needs is being deleted.",
        "Wait until it is gone, then repeat the command.";
    OBJECT_RETURNED = "app.object.returned", Conflict,
        "An object is there again after its deletion.",
        "Somebody made it again meanwhile; repeat the command.";
    NOT_DEPLOYED = "app.not-deployed", NotFound,
        "The app is not deployed on this cluster.",
        "Deploy it first: `kompoxops app deploy`.";
    STOPPED = "app.stopped", Conflict,
        "The app is stopped, so there is nothing to restart.",
        "Start it: `kompoxops app start`.";
    STOPPED_DISK_GONE = "app.stopped-disk-changed", Conflict,
        "The claim of the stopped app is not on an assigned disk of this cluster any more.",
        "Bring the app to its assigned disks, then start it: `kompoxops app deploy`.";
    SERVICE_AMBIGUOUS = "app.service.ambiguous", Invalid,
        "The app has several services and the command line names none.",
        "Name one of those the message lists.";
    SERVICE_UNKNOWN = "app.service.unknown", NotFound,
        "The app has no service of that name.",
        "Name one of those the message lists.";
    POD_NONE = "app.pod.none", NotFound,
        "The app has no Pod on this cluster.",
        "Deploy it first: `kompoxops app deploy`.";
    POD_NOT_RUNNING = "app.pod.not-running", Unavailable,
        "A connection waited half a minute, and no Pod of the app was running.",
        "See what keeps it: `kompoxops app status`.";
    SHELL_NONE = "app.shell.none", Unsupported,
        "The image of the service has no shell that Kompox knows.",
        "Run a program that it does have: `kompoxops app exec`.";
    COPY_NONE = "app.copy.no-program", Unsupported,
        "Copies are made by a program of Kompox that is not in the service's container.",
        "Deploy again if the message says so; otherwise set `x-kompox.copy` on a service, then deploy.";
    COPY_OLD = "app.copy.old-program", Unsupported,
        "The program of Kompox in the container is too old to copy.",
        "Use a kompox-node image of the command line's version and deploy again.";
    COPY_FAILED = "app.copy.failed", Internal,
        "One end of the copy refused or failed, and the cause decides the exit code; each file at the destination is the old \
         one or the new one, whole.",
        "Mend what the message names, then repeat the command.";
    COPY_CUT = "app.copy.cut", Unavailable,
        "The other end of the copy ended in the middle; what was at the destination is as it was.",
        "See `kompoxops app status`, then repeat the command; it removes a `.kompox-copy-*` that was left behind.";
    PORT_NONE = "app.port.none", Invalid,
        "The service declares no port, and the command line names none.",
        "Name the port it listens on.";
    PORT_AMBIGUOUS = "app.port.ambiguous", Invalid,
        "The service declares several ports, and the command line names none.",
        "Name one of those the message lists.";
    TUNNEL_ADDRESS = "app.tunnel.address", Conflict,
        "The tunnel cannot listen on that address of this machine.",
        "Choose another port, where 0 takes a free one, or another `--address`.";
    MOVING = "app.moving", Conflict,
        "The app is being moved between two clusters, and nothing else may change it meanwhile.",
        "Finish the move by repeating it, or give it up with `--abort`; if the other cluster is gone: `app takeover --fenced`.";
    MOVED = "app.moved", Conflict,
        "The app was moved to another cluster.",
        "Set the app's cluster to that one in the configuration.";
    MOVE_SAME = "app.move.same-cluster", Invalid,
        "Both names are of one cluster, so there is nothing to move.",
        "Name another cluster with `--to`.";
    MOVE_OCCUPIED = "app.move.occupied", Conflict,
        "The cluster that the app shall be moved to has disks of it already.",
        "Delete them there if nobody needs them, then repeat the command.";
    MOVE_OLD_COPIES = "app.move.old-copies", Conflict,
        "The cluster that the app shall be moved to has the fenced copies that an earlier move left.",
        "Let them be deleted: add `--delete-old-copies`.";
    MOVE_GIVEN = "app.move.given", Conflict,
        "The other cluster holds the app's disks already, so that the move cannot be given up.",
        "Finish the move by repeating it, then move the app back.";
    TAKEOVER_NOTHING = "app.takeover.nothing", NotFound,
        "This cluster sees no disks of the app that it could take over.",
        "Mount the disk store of the old cluster first, or import an export.";
    TAKEOVER_ALIVE = "app.takeover.alive", Conflict,
        "The cluster that holds the app's disks answers, so that it is not gone.",
        "Move the app: `kompoxops app move`.";
    TAKEOVER_INCOMPLETE = "app.takeover.incomplete", Conflict,
        "The disks that this cluster sees were taken over, but a volume of the app has none, so that the app was not deployed.",
        "Import an export of the volume, or deploy the app if it may begin empty.";
    CLONE_VOLUME = "app.clone.volume", Invalid,
        "The other app lacks a volume of the app that is cloned.",
        "Add the volume to the other app's `volumes`.";
    CLONE_OCCUPIED = "app.clone.occupied", Conflict,
        "The other app has disks already.",
        "Clone to an app that was never deployed.";
    DISK_IMPORTING = "app.disk.importing", Conflict,
        "The assigned disk is being made of an archive, and the import was cut off.",
        "Repeat the import, or detach and delete the disk.";
}
