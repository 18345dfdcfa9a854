//! The keys of a service (Compose Specification, "Services top-level elements", "Deploy", "Build", "Develop"). Pure data.

use super::{Keys, Shape};

/// Every key of a service.
pub(crate) const SERVICE: Keys = &[
    ("annotations", Shape::Pairs),
    ("attach", Shape::Choice),
    ("blkio_config", Shape::Map(BLKIO, &[])),
    ("build", Shape::Short("context", BUILD)),
    ("cap_add", Shape::Texts),
    ("cap_drop", Shape::Texts),
    ("cgroup", Shape::Word(&["host", "private"])),
    ("cgroup_parent", Shape::Text),
    ("command", Shape::Command),
    ("configs", Shape::References(Some(""))),
    ("container_name", Shape::Text),
    ("cpu_count", Shape::Within(0, i64::MAX)),
    ("cpu_percent", Shape::Within(0, 100)),
    ("cpu_period", Shape::Int),
    ("cpu_quota", Shape::Int),
    ("cpu_rt_period", Shape::Int),
    ("cpu_rt_runtime", Shape::Int),
    ("cpu_shares", Shape::Int),
    ("cpus", Shape::Number),
    ("cpuset", Shape::Text),
    ("credential_spec", Shape::Map(CREDENTIAL_SPEC, &[])),
    ("depends_on", Shape::Typed),
    ("deploy", Shape::Map(DEPLOY, &[])),
    ("develop", Shape::Map(DEVELOP, &[])),
    ("device_cgroup_rules", Shape::Texts),
    ("devices", Shape::Typed),
    ("dns", Shape::Typed),
    ("dns_opt", Shape::Texts),
    ("dns_search", Shape::TextOrTexts),
    ("domainname", Shape::Text),
    ("entrypoint", Shape::Command),
    ("env_file", Shape::Typed),
    ("environment", Shape::Typed),
    ("expose", Shape::Scalars),
    ("extends", Shape::Typed),
    ("external_links", Shape::Texts),
    ("extra_hosts", Shape::Hosts),
    ("gpus", Shape::AllOr(&Shape::DeviceRequest(DEVICE_REQUEST, &[]))),
    ("group_add", Shape::Scalars),
    ("healthcheck", Shape::Map(HEALTHCHECK, &[])),
    ("hostname", Shape::Text),
    ("image", Shape::Text),
    ("init", Shape::Choice),
    ("ipc", Shape::Text),
    ("isolation", Shape::Text),
    ("label_file", Shape::TextOrTexts),
    ("labels", Shape::Typed),
    ("links", Shape::Texts),
    ("logging", Shape::Map(&[("driver", Shape::Text), ("options", Shape::Settings)], &[])),
    ("mac_address", Shape::Text),
    ("mem_limit", Shape::Bytes),
    ("mem_reservation", Shape::Bytes),
    ("mem_swappiness", Shape::Bytes),
    ("memswap_limit", Shape::Bytes),
    ("models", Shape::Names(&Shape::Map(MODEL, &[]))),
    ("network_mode", Shape::Text),
    ("networks", Shape::Typed),
    ("oom_kill_disable", Shape::Flag),
    ("oom_score_adj", Shape::Within(-1000, 1000)),
    ("pid", Shape::Text),
    ("pids_limit", Shape::Int),
    ("platform", Shape::Text),
    ("ports", Shape::Typed),
    ("post_start", Shape::List(&HOOK)),
    ("pre_start", Shape::List(&HOOK)),
    ("pre_stop", Shape::List(&HOOK)),
    ("privileged", Shape::Flag),
    ("profiles", Shape::Texts),
    ("provider", Shape::Map(&[("options", Shape::Strings), ("type", Shape::Text)], &["type"])),
    ("pull_policy", Shape::Typed),
    ("pull_refresh_after", Shape::Text),
    ("read_only", Shape::Flag),
    ("restart", Shape::Text),
    ("runtime", Shape::Text),
    ("scale", Shape::Count),
    ("secrets", Shape::References(Some("/run/secrets"))),
    ("security_opt", Shape::Texts),
    ("shm_size", Shape::Bytes),
    ("stdin_open", Shape::Flag),
    ("stop_grace_period", Shape::Duration),
    ("stop_signal", Shape::Text),
    ("storage_opt", Shape::Options),
    ("sysctls", Shape::Pairs),
    ("tmpfs", Shape::TextOrTexts),
    ("tty", Shape::Flag),
    ("ulimits", Shape::Each(&Shape::Limit)),
    ("umask", Shape::Scalar),
    ("use_api_socket", Shape::Boolean),
    ("user", Shape::Text),
    ("userns_mode", Shape::Text),
    ("uts", Shape::Text),
    ("volumes", Shape::Typed),
    ("volumes_from", Shape::Texts),
    ("working_dir", Shape::Text),
];

const BUILD: Keys = &[
    ("additional_contexts", Shape::Contexts),
    ("args", Shape::Environment),
    ("cache_from", Shape::List(&Shape::Text)),
    ("cache_to", Shape::List(&Shape::Text)),
    ("context", Shape::Context),
    ("dockerfile", Shape::Text),
    ("dockerfile_inline", Shape::Text),
    ("entitlements", Shape::Texts),
    ("extra_hosts", Shape::Hosts),
    ("isolation", Shape::Text),
    ("labels", Shape::Pairs),
    ("network", Shape::Text),
    ("no_cache", Shape::Flag),
    ("platforms", Shape::Texts),
    ("privileged", Shape::Flag),
    ("provenance", Shape::FlagOrText),
    ("pull", Shape::Flag),
    ("sbom", Shape::FlagOrText),
    ("secrets", Shape::References(None)),
    ("shm_size", Shape::Bytes),
    ("ssh", Shape::Ssh),
    ("tags", Shape::Texts),
    ("target", Shape::Text),
    ("ulimits", Shape::Each(&Shape::Limit)),
];

const BLKIO: Keys = &[
    ("device_read_bps", Shape::List(&RATE)),
    ("device_read_iops", Shape::List(&RATE)),
    ("device_write_bps", Shape::List(&RATE)),
    ("device_write_iops", Shape::List(&RATE)),
    ("weight", Shape::Int),
    ("weight_device", Shape::List(&Shape::Map(&[("path", Shape::Text), ("weight", Shape::Int)], &[]))),
];

const RATE: Shape = Shape::Map(&[("path", Shape::Text), ("rate", Shape::Bytes)], &[]);

const CREDENTIAL_SPEC: Keys = &[("config", Shape::Text), ("file", Shape::Text), ("registry", Shape::Text)];

const HEALTHCHECK: Keys = &[
    ("disable", Shape::Flag),
    ("interval", Shape::Duration),
    ("retries", Shape::Count),
    ("start_interval", Shape::Duration),
    ("start_period", Shape::Duration),
    ("test", Shape::Test),
    ("timeout", Shape::Duration),
];

/// A mount in its long form.
pub(crate) const MOUNT: Keys = &[
    ("bind", Shape::Map(BIND, &[])),
    ("consistency", Shape::Text),
    ("image", Shape::Map(&[("subpath", Shape::Text)], &[])),
    ("read_only", Shape::Flag),
    ("source", Shape::Text),
    ("target", Shape::Text),
    ("tmpfs", Shape::Map(&[("mode", Shape::Int), ("size", Shape::Bytes)], &[])),
    ("type", Shape::Text),
    (
        "volume",
        Shape::Map(&[("labels", Shape::Pairs), ("nocopy", Shape::Flag), ("subpath", Shape::Text)], &[]),
    ),
];

const BIND: Keys = &[
    ("create_host_path", Shape::Flag),
    ("propagation", Shape::Text),
    ("recursive", Shape::Word(&["enabled", "disabled", "writable", "readonly"])),
    ("selinux", Shape::Word(&["z", "Z"])),
];

/// `deploy`.
pub(crate) const DEPLOY: Keys = &[
    ("endpoint_mode", Shape::Text),
    ("labels", Shape::Pairs),
    ("mode", Shape::Text),
    ("placement", Shape::Map(PLACEMENT, &[])),
    ("replicas", Shape::Count),
    ("resources", Shape::Map(&[("limits", LIMITS), ("reservations", Shape::Map(RESERVATIONS, &[]))], &[])),
    ("restart_policy", Shape::Map(RESTART_POLICY, &[])),
    ("rollback_config", Shape::Map(UPDATE, &[])),
    ("update_config", Shape::Map(UPDATE, &[])),
];

const PLACEMENT: Keys = &[
    ("constraints", Shape::Texts),
    ("max_replicas_per_node", Shape::Int),
    ("preferences", Shape::List(&Shape::Map(&[("spread", Shape::Text)], &[]))),
];

const LIMITS: Shape =
    Shape::Map(&[("cpus", Shape::Number), ("memory", Shape::Bytes), ("pids", Shape::Int)], &[]);

/// `deploy.resources.reservations`.
pub(crate) const RESERVATIONS: Keys = &[
    ("cpus", Shape::Number),
    ("devices", Shape::List(&Shape::DeviceRequest(DEVICE_REQUEST, &["capabilities"]))),
    ("generic_resources", Shape::List(&Shape::Map(GENERIC, &[]))),
    ("memory", Shape::Bytes),
];

const GENERIC: Keys =
    &[("discrete_resource_spec", Shape::Map(&[("kind", Shape::Text), ("value", Shape::Int)], &[]))];

const DEVICE_REQUEST: Keys = &[
    ("capabilities", Shape::Texts),
    ("count", Shape::AllOr(&Shape::Int)),
    ("device_ids", Shape::Texts),
    ("driver", Shape::Text),
    ("options", Shape::Pairs),
];

const RESTART_POLICY: Keys = &[
    ("condition", Shape::Text),
    ("delay", Shape::Duration),
    ("max_attempts", Shape::Count),
    ("window", Shape::Duration),
];

const UPDATE: Keys = &[
    ("delay", Shape::Time),
    ("failure_action", Shape::Text),
    ("max_failure_ratio", Shape::Number),
    ("monitor", Shape::Time),
    ("order", Shape::Word(&["start-first", "stop-first"])),
    ("parallelism", Shape::Count),
];

const DEVELOP: Keys = &[("watch", Shape::List(&Shape::Map(WATCH, &["action", "path"])))];

const WATCH: Keys = &[
    ("action", Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])),
    ("exec", HOOK),
    ("ignore", Shape::TextOrTexts),
    ("include", Shape::TextOrTexts),
    ("initial_sync", Shape::Boolean),
    ("path", Shape::Path),
    ("target", Shape::Text),
];

/// One entry of `post_start` or `pre_stop`.
const HOOK: Shape = Shape::Map(HOOK_KEYS, &["command"]);

/// The keys of a hook.
pub(crate) const HOOK_KEYS: Keys = &[
    ("command", Shape::Command),
    ("environment", Shape::Variables),
    ("privileged", Shape::Flag),
    ("user", Shape::Text),
    ("working_dir", Shape::Text),
];

const MODEL: Keys = &[("endpoint_var", Shape::Text), ("model_var", Shape::Text)];

/// One entry of a service's `networks`.
pub(crate) const SERVICE_NETWORK: Keys = &[
    ("aliases", Shape::Texts),
    ("driver_opts", Shape::Options),
    ("gw_priority", Shape::Number),
    ("interface_name", Shape::Text),
    ("ipv4_address", Shape::Text),
    ("ipv6_address", Shape::Text),
    ("link_local_ips", Shape::Texts),
    ("mac_address", Shape::Text),
    ("priority", Shape::Number),
];
