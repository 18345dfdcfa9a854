//! Why the Pod of an app is not ready. Pure.

super::refusals! {
    FAILED = "app.pod.failed", Internal,
        "The Pod failed for a reason of its own.",
        "The message and the Pod's events say more.";
    CRASHED = "app.pod.crashed", Internal,
        "A container ends again and again.",
        "Its last lines are shown; mend the cause and deploy again.";
    ONE_SHOT = "app.pod.one-shot-failed", Internal,
        "A container that must end with exit code 0 ended with another one.",
        "Its last lines are shown; mend the cause and deploy again.";
    OUT_OF_MEMORY = "app.pod.out-of-memory", Internal,
        "A container was killed for using more memory than its limit.",
        "Raise the limit of that service, or let it use less.";
    DISK_FULL = "app.pod.disk-full", Internal,
        "A container ends and says that there is no space left on its device.",
        "Free space on the app's disk, or move the app to a larger one.";
    ADDRESS_IN_USE = "app.pod.address-in-use", Internal,
        "Two services of the app listen on one port; in a Pod they share the network.",
        "Let one of them listen on another port.";
    IMAGE = "app.pod.image", Internal,
        "An image cannot be pulled.",
        "Check the image name, and that the cluster's nodes can reach its registry.";
    NOT_CREATED = "app.pod.container-not-created", Internal,
        "The node cannot create a container.",
        "The message says why; mend it and deploy again.";
    EVICTED = "app.pod.evicted", Internal,
        "The node gave the Pod up because it ran short of memory or disk space.",
        "Free some, or give the app smaller limits.";
    NOT_MADE = "app.pod.not-made", Internal,
        "The cluster refuses to make the Pod: a quota, a security policy or a webhook.",
        "The message names what refuses; have it changed, or change the app.";
    UNHEALTHY = "app.pod.unhealthy", Unavailable,
        "A container did not become healthy in the time its healthcheck allows.",
        "The Pod is left as it is and may still become ready: see `kompoxops app status`.";
    NOT_READY = "app.pod.not-ready", Unavailable,
        "The Pod was not ready in the time the command had.",
        "The Pod is left as it is; see `kompoxops app status`, or repeat with a larger `--timeout`.";
}
