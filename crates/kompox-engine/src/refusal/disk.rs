//! What commands about disks refuse. Pure.

super::refusals! {
    UNKNOWN = "disk.unknown", NotFound,
        "The app has no disk of that name.",
        "See which there are: `kompoxops disk list`.";
    VOLUME_UNKNOWN = "disk.volume-unknown", NotFound,
        "The app has no volume of that name.",
        "Name one of those the message lists.";
    EXISTS = "disk.exists", AlreadyExists,
        "The volume has a disk of that name already.",
        "Choose another name, or accept it with `--if-not-exists`.";
    USED = "disk.used", Conflict,
        "A Pod or a claim uses the disk.",
        "Stop the app first, or remove what the message names if nobody needs it.";
    SOURCE_IN_USE = "disk.source-in-use", Conflict,
        "The app writes to the disk that is to be copied, and its file system has no copies of one moment.",
        "Stop the app first, or copy a snapshot of the disk.";
    EXPORT_IN_USE = "disk.export.in-use", Conflict,
        "The app writes to the disk that is to be written out.",
        "Write a snapshot of it out, or stop the app first.";
    EXPORT_DISTURBED = "disk.export.disturbed", Conflict,
        "Somebody may have written to the disk while it was read; the archive is not to be used.",
        "Repeat the command when nothing else works on the app.";
    IMPORT_TOO_LARGE = "disk.import.too-large", Invalid,
        "The size for the new disk is smaller than that of the disk in the archive.",
        "Leave `--size` out, or give at least the size of that disk.";
    NOT_READY = "disk.not-ready", Conflict,
        "The disk is still being made or deleted.",
        "Repeat the command that makes it, or choose another disk.";
    NONE_ASSIGNED = "disk.none-assigned", Conflict,
        "The volume has no assigned disk, so there is none to switch from.",
        "Assign the disk, then deploy.";
    NO_PREVIOUS = "disk.no-previous", NotFound,
        "The Namespace remembers no disk from before.",
        "Name the disk: `kompoxops disk attach NAME`.";
    PREVIOUS_GONE = "disk.previous-gone", NotFound,
        "The disk from before is not there any more.",
        "See which there are: `kompoxops disk list`.";
    ASSIGNED = "disk.assigned", Conflict,
        "The disk is the assigned disk of its volume and cannot be deleted.",
        "Assign another disk first: `kompoxops disk assign NAME`.";
    IN_USE = "disk.in-use", Conflict,
        "A PersistentVolume still refers to the disk: a Pod may mount it.",
        "Deploy the app on its assigned disk, or destroy it, then repeat the command.";
    UNDECIDED = "disk.undecided", Conflict,
        "Something is wrong with the disks of a volume that cannot be mended without a decision; nothing of it was changed.",
        "Choose one of the commands that the message names.";
    NOT_AMBIGUOUS = "disk.not-ambiguous", Conflict,
        "The volume has one assigned disk, so there is nothing for `--keep` to choose.",
        "Switch the app to the other disk: `kompoxops disk attach NAME`.";
    UNSEEN_NOT_INSTALLED = "disk.unseen.not-installed", Unavailable,
        "What would list the disks is not installed in this cluster, or still starting.",
        "A command that makes a disk installs it; while it is starting, repeat the command in a moment.";
    UNSEEN_UNREACHABLE = "disk.unseen.unreachable", Unavailable,
        "A place that may have disks does not answer, so that \"there is no disk\" cannot be believed.",
        "Repeat the command once it answers again.";
    UNSEEN_FOREIGN = "disk.unseen.foreign", Conflict,
        "A node shows another disk store than the one it is known to have.",
        "Mount the right disk store on that node first.";
}
