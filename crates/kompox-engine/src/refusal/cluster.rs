//! What is refused because of the cluster. Pure.

super::refusals! {
    BUSY = "cluster.busy", Conflict,
        "A command works on an app of the cluster and may need what shall be removed.",
        "Repeat when it has ended; if it crashed, its Lease expires within 35 seconds.";
    INGRESS_CLASS_UNKNOWN = "cluster.ingress.class-unknown", NotFound,
        "The cluster has no ingress class of the configured name.",
        "Install an ingress controller, or set `cluster.ingress.class` to one that exists.";
    OBJECT_FOREIGN = "cluster.object.foreign", Conflict,
        "An object of the name that the driver needs exists and is not managed by Kompox.",
        "Remove or rename that object if nobody needs it.";
    UNFIT = "cluster.unfit", Internal,
        "`kompoxops doctor` found something without which apps do not work.",
        "Each check that failed says what helps; mend that and repeat the command.";
}
