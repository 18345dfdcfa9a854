//! Settings that a Pod has only once though several services may give them. Pure.

use crate::hosts::Names;
use crate::pod_security::SAFE_SYSCTLS;
use crate::unit::Unit;
use crate::{Input, security};
use k8s_openapi::api::core::v1::{
    PodDNSConfig, PodDNSConfigOption, PodSecurityContext, SeccompProfile, Sysctl,
};
use kompox_compose::{Diagnostic, Diagnostics, Located, Span};
use kompox_model::name::check_label;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The most name servers and search domains a Pod may have.
const NAME_SERVERS: usize = 3;
const SEARCHES: usize = 32;

/// A value that all services must agree on, with the place of the first.
struct Agreed<T> {
    value: Option<(T, Span)>,
}

impl<T: PartialEq> Agreed<T> {
    fn new() -> Self {
        Self { value: None }
    }

    fn set(&mut self, key: &str, value: T, span: Span, diagnostics: &mut Diagnostics) {
        match &self.value {
            None => self.value = Some((value, span)),
            Some((first, _)) if *first == value => {}
            Some((_, place)) => diagnostics.push(
                Diagnostic::error(
                    "convert.pod-conflict",
                    format!("`{key}` differs between services that share one Pod"),
                )
                .at(span)
                .label(*place, "the other value")
                .help("give all services the same value"),
            ),
        }
    }

    fn take(self) -> Option<T> {
        self.value.map(|(value, _)| value)
    }
}

/// The Pod's security context, with the sysctls of the safe set and those that are `allowed`.
pub(crate) fn security_context(
    units: &[Unit<'_>],
    allowed: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) -> PodSecurityContext {
    let mut groups = BTreeSet::new();
    let mut sysctls: BTreeMap<&str, Agreed<&str>> = BTreeMap::new();
    for unit in units {
        for group in &unit.service.group_add {
            match security::id(&group.value) {
                Some(id) => drop(groups.insert(i64::from(id))),
                None => diagnostics.push(
                    Diagnostic::error(
                        "convert.group-add",
                        format!("group `{}` is a name, which only the image can resolve", group.value),
                    )
                    .at(group.span)
                    .help("write the number"),
                ),
            }
        }
        for (name, value) in &unit.service.sysctls {
            // Others were refused.
            if SAFE_SYSCTLS.contains(&name.as_str()) || allowed.contains(name) {
                let agreed = sysctls.entry(name).or_insert_with(Agreed::new);
                agreed.set(&format!("sysctls.{name}"), &value.value, value.span, diagnostics);
            }
        }
    }
    if let Some(unit) = units.iter().find(|unit| !unit.service.group_add.is_empty() && units.len() > 1) {
        let message = "`group_add` goes for every container of the Pod";
        diagnostics
            .push(Diagnostic::note("convert.group-add", message).at(unit.service.key_span("group_add")));
    }
    let sysctls: Vec<_> = sysctls
        .into_iter()
        .filter_map(|(name, value)| Some(Sysctl { name: name.to_owned(), value: value.take()?.to_owned() }))
        .collect();
    PodSecurityContext {
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        supplemental_groups: (!groups.is_empty()).then(|| groups.into_iter().collect()),
        sysctls: (!sysctls.is_empty()).then_some(sysctls),
        ..PodSecurityContext::default()
    }
}

/// The node selector for the platform, if one is given.
pub(crate) fn node_selector(
    units: &[Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> Option<BTreeMap<String, String>> {
    let mut agreed = Agreed::new();
    for platform in units.iter().filter_map(|unit| unit.service.platform.as_ref()) {
        let mut parts = platform.value.split('/');
        let (os, arch) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let arch = match arch {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if check_label("platform", os, 63).is_err() || check_label("platform", arch, 63).is_err() {
            let message = format!("`{}` is no platform", platform.value);
            diagnostics.push(
                Diagnostic::error("convert.platform", message)
                    .at(platform.span)
                    .help("write `linux/amd64` or `linux/arm64`"),
            );
            continue;
        }
        agreed.set("platform", (os.to_owned(), arch.to_owned()), platform.span, diagnostics);
    }
    let (os, arch) = agreed.take()?;
    Some([("kubernetes.io/os".to_owned(), os), ("kubernetes.io/arch".to_owned(), arch)].into())
}

/// The Pod's dnsPolicy and dnsConfig. Own name servers replace the cluster's, as they replace Docker's.
pub(crate) fn dns(
    units: &[Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> (Option<String>, Option<PodDNSConfig>) {
    let mut agree = |key: &str, list: fn(&kompox_compose::Service) -> &Vec<Located<String>>| {
        let mut agreed = Agreed::new();
        for (unit, values) in units.iter().map(|unit| (unit, list(unit.service))) {
            if !values.is_empty() {
                let values: Vec<_> = values.iter().map(|value| value.value.clone()).collect();
                agreed.set(key, values, unit.service.key_span(key), diagnostics);
            }
        }
        agreed.value
    };
    let servers = agree("dns", |service| &service.dns);
    let searches = agree("dns_search", |service| &service.dns_search);
    let options = agree("dns_opt", |service| &service.dns_opt);
    if let Some((servers, span)) = &servers {
        if let Some(bad) = servers.iter().find(|server| server.parse::<IpAddr>().is_err()) {
            let message = format!("name server `{bad}` is no address");
            diagnostics.push(Diagnostic::error("convert.dns", message).at(*span));
        }
        limit("name servers", servers.len(), NAME_SERVERS, *span, diagnostics);
    }
    if let Some((searches, span)) = &searches {
        limit("search domains", searches.len(), SEARCHES, *span, diagnostics);
        if let Some(bad) = searches.iter().find(|search| !is_domain(search)) {
            let message = format!("search domain `{bad}` is no domain");
            diagnostics.push(Diagnostic::error("convert.dns", message).at(*span));
        }
    }
    if let Some((options, span)) = &options
        && let Some(bad) = options.iter().find(|option| !is_resolver_option(option))
    {
        let message = format!("resolver option `{bad}` is no option such as ndots:2");
        diagnostics.push(Diagnostic::error("convert.dns", message).at(*span));
    }
    let policy = servers.is_some().then(|| "None".to_owned());
    let take = |list: Option<(Vec<String>, Span)>| list.map(|(values, _)| values);
    let config = PodDNSConfig {
        nameservers: take(servers),
        searches: take(searches),
        options: take(options).map(|options| options.iter().map(|option| resolver_option(option)).collect()),
    };
    (policy, (config != PodDNSConfig::default()).then_some(config))
}

/// What the API server takes as a search domain: it becomes a word of resolv.conf.
fn is_domain(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(|label| check_label("label", label, 63).is_ok())
}

/// One word of resolv.conf.
fn is_resolver_option(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    !text.is_empty() && text.len() <= 63 && !text.starts_with(':') && text.chars().all(legal)
}

fn limit(what: &str, count: usize, limit: usize, span: Span, diagnostics: &mut Diagnostics) {
    if count > limit {
        let message = format!("{count} {what}: a Pod can have {limit}");
        diagnostics.push(Diagnostic::error("convert.dns", message).at(span));
    }
}

fn resolver_option(text: &str) -> PodDNSConfigOption {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    PodDNSConfigOption { name: Some(name.to_owned()), value }
}

/// The Pod's hostname: the only legal one of the file, else the app's name.
pub(crate) fn hostname(input: &Input<'_>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> String {
    let written: Vec<_> = units.iter().filter_map(|unit| unit.service.hostname.as_ref()).collect();
    let different: BTreeSet<_> = written.iter().map(|name| name.value.as_str()).collect();
    match (different.first(), written.first()) {
        (Some(name), Some(_)) if different.len() == 1 && check_label("hostname", name, 63).is_ok() => {
            (*name).to_owned()
        }
        (_, Some(first)) => {
            let message = format!(
                "the Pod's hostname is `{}`; every hostname of the file is a name for it",
                input.app.name
            );
            diagnostics.push(Diagnostic::note("convert.hostname", message).at(first.span));
            input.app.name.to_string()
        }
        (_, None) => input.app.name.to_string(),
    }
}

/// Every name inside the Pod: services, their aliases and hostnames are this Pod, `extra_hosts` is what it says.
pub(crate) fn names(units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Names {
    let mut names = Names::default();
    for service in units.iter().map(|unit| unit.service) {
        let mut own = vec![(service.name.value.clone(), service.name.span)];
        let mut add = |name: &Located<String>| own.push((name.value.clone(), name.span));
        service.container_name.iter().for_each(&mut add);
        service.hostname.iter().for_each(&mut add);
        service.networks.iter().flat_map(|network| &network.aliases).for_each(&mut add);
        own.extend(service.links.iter().map(|link| (link.alias.clone(), link.span)));
        if let Some(domain) = &service.domainname {
            let host = service.hostname.as_ref().map_or(&service.name.value, |name| &name.value);
            own.push((format!("{host}.{}", domain.value), domain.span));
        }
        for (name, span) in own {
            names.local(&name, span).unwrap_or_else(|refused| diagnostics.push(refused));
        }
    }
    for extra in units.iter().flat_map(|unit| &unit.service.extra_hosts) {
        let added = match extra.address.parse::<IpAddr>() {
            Ok(address) => names.add(&extra.host, address, extra.span),
            Err(_) => Err(Diagnostic::error("convert.extra-hosts", format!("`{}` is no address for `{}`", extra.address, extra.host))
                .at(extra.span)
                .help("`host-gateway` is the machine of a developer; a Pod has no such host: write the address of the service that is meant")),
        };
        added.unwrap_or_else(|refused| diagnostics.push(refused));
    }
    names
}
