//! What commands about snapshots refuse. Pure.

super::refusals! {
    UNKNOWN = "snapshot.unknown", NotFound,
        "The volume has no snapshot of that name.",
        "See which there are: `kompoxops snapshot list`.";
    EXISTS = "snapshot.exists", AlreadyExists,
        "The volume has a snapshot of that name already.",
        "Choose another name, or delete the snapshot first.";
    NOT_READY = "snapshot.not-ready", Conflict,
        "The snapshot is still being made or deleted.",
        "Repeat the command that makes it, or choose another snapshot.";
    NO_DISK = "snapshot.no-disk", NotFound,
        "There is no disk that a snapshot could be made of.",
        "Name the disk, or deploy the app first.";
    TOO_LARGE = "snapshot.too-large", Invalid,
        "The new disk would be smaller than the disk the snapshot was made of.",
        "Leave `--size` out, or give at least the size of the snapshot.";
    IN_USE = "snapshot.in-use", Conflict,
        "The app writes to the disk, and its file system has no copies of one moment.",
        "Let the app be stopped for the copy and started again: `--stop`.";
    SET_IN_USE = "snapshot.set-in-use", Conflict,
        "The app writes to several disks, whose snapshots would be of different moments.",
        "Let the app be stopped for the copies and started again: `--stop`.";
    HOOK_UNKNOWN = "snapshot.hook-unknown", Conflict,
        "What the deploy noted of `x-kompox.quiesce` is not understood.",
        "Deploy the app again with this version.";
    NOT_HELD = "snapshot.not-held", Conflict,
        "A service could not be held still by `x-kompox.quiesce`, or not until the copy was made; the snapshot was removed.",
        "Mend the commands or give them more time, or stop the app instead: `--stop`.";
    DISTURBED = "snapshot.disturbed", Conflict,
        "Something may have written to the disk while it was copied; the snapshot was removed.",
        "Repeat the command when nothing else works on the app.";
}
