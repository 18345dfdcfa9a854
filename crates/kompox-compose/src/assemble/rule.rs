//! How two values of one key become one when files are merged (Compose Specification, "Merge Compose files").
//!
//! The table follows the tree: what a key is not listed for has the general rule, by which mappings are merged key by
//! key, lists are appended and anything else is replaced. Pure data.

use super::identity;
use kompox_yaml::Node;

/// How two values of one place are merged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// The general one.
    General,
    /// The later value stands alone.
    Replace,
    /// A mapping or a list of `KEY=VALUE`: merged by key.
    Pairs,
    /// One text or a list of them: appended.
    Texts,
    /// A list of names or a mapping by name: merged by name.
    Names(&'static Self),
    /// The same, where a name alone stands for a mapping with the defaults of `depends_on`.
    Dependencies,
    /// Text, or a mapping in which that text would be this key.
    Short(&'static str, &'static [(&'static str, Self)]),
    /// `logging`: merged unless both name a driver, and not the same one.
    Logging,
    /// A list or mapping of hosts: what is new is appended.
    Hosts,
    /// A list of which each entry has an identity: a later one takes the place of an earlier one.
    Keyed(fn(&Node) -> Option<String>),
    /// The same for volumes.
    Mounts,
    /// A list of requests, or `all`, which becomes one when something is merged into it.
    Gpus,
    /// A mapping whose keys have rules of their own.
    Keys(&'static [(&'static str, Self)]),
    /// A mapping whose keys are names, all with one rule.
    Each(&'static Self),
}

impl Rule {
    /// The rule of a key below.
    pub(super) fn below(self, key: &str) -> Self {
        match self {
            Self::Keys(keys) | Self::Short(_, keys) => {
                keys.iter().find(|(known, _)| *known == key).map_or(Self::General, |(_, rule)| *rule)
            }
            Self::Each(rule) | Self::Names(rule) => *rule,
            Self::Pairs => Self::Replace,
            _ => Self::General,
        }
    }
}

/// A whole file.
pub(super) const FILE: Rule = Rule::Keys(&[
    ("networks", Rule::Each(&Rule::Keys(&[("labels", Rule::Pairs), ("ipam", IPAM)]))),
    ("services", Rule::Each(&SERVICE)),
    ("volumes", Rule::Each(&Rule::Keys(&[("labels", Rule::Pairs)]))),
]);

const IPAM: Rule = Rule::Keys(&[("config", Rule::Keyed(identity::subnet))]);

/// One service.
pub(super) const SERVICE: Rule = Rule::Keys(&[
    ("annotations", Rule::Pairs),
    ("build", Rule::Short("context", BUILD)),
    ("cap_add", Rule::Keyed(identity::text)),
    ("cap_drop", Rule::Keyed(identity::text)),
    ("command", Rule::Replace),
    ("configs", Rule::Keyed(identity::config)),
    ("depends_on", Rule::Dependencies),
    ("deploy", Rule::Keys(&[("labels", Rule::Pairs)])),
    ("devices", Rule::Keyed(identity::device)),
    ("dns", Rule::Texts),
    ("dns_opt", Rule::Texts),
    ("dns_search", Rule::Texts),
    ("entrypoint", Rule::Replace),
    ("env_file", Rule::Texts),
    ("environment", Rule::Pairs),
    ("expose", Rule::Keyed(identity::text)),
    ("extra_hosts", Rule::Hosts),
    ("gpus", Rule::Gpus),
    ("healthcheck", Rule::Keys(&[("test", Rule::Replace)])),
    ("label_file", Rule::Texts),
    ("labels", Rule::Pairs),
    ("links", Rule::Keyed(identity::text)),
    ("logging", Rule::Logging),
    ("models", Rule::Names(&Rule::General)),
    ("networks", Rule::Names(&Rule::Keys(ADDRESSES))),
    ("ports", Rule::Keyed(identity::port)),
    ("profiles", Rule::Keyed(identity::text)),
    ("secrets", Rule::Keyed(identity::secret)),
    ("sysctls", Rule::Pairs),
    ("tmpfs", Rule::Texts),
    ("ulimits", Rule::Each(&Rule::Replace)),
    ("volumes", Rule::Mounts),
]);

const ADDRESSES: &[(&str, Rule)] =
    &[("aliases", Rule::Keyed(identity::text)), ("link_local_ips", Rule::Keyed(identity::text))];

const BUILD: &[(&str, Rule)] = &[
    ("additional_contexts", Rule::Pairs),
    ("args", Rule::Pairs),
    ("extra_hosts", Rule::Hosts),
    ("labels", Rule::Pairs),
    ("tags", Rule::Keyed(identity::text)),
];
