//! The DNS records of an app's hosts, and whether they lead to the cluster. IO: asks the system's resolver, for the app's
//! own hosts only.

use kompox_engine::app::AppStatus;
use serde::Serialize;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How long the answer for all hosts may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// One record that has to be set, and what is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DnsLine {
    /// The host.
    pub(super) name: String,
    /// `A`, `AAAA` or `CNAME`; none while the ingress controller's address is not known.
    #[serde(rename = "type")]
    pub(super) kind: Option<&'static str>,
    /// Where it has to lead.
    pub(super) value: Option<String>,
    /// `set`, `missing`, `elsewhere`, or `unknown` when it was not asked for or nobody answered.
    pub(super) state: &'static str,
    /// The addresses that were found.
    pub(super) found: Vec<IpAddr>,
}

/// The addresses of a host by the system's resolver; none when it has none.
pub(super) async fn system(host: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host.as_str(), 443)).await?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

/// One line for each host of the app; nothing is asked without `lookup`.
pub(super) async fn lines<F>(status: &AppStatus, lookup: Option<impl Fn(String) -> F>) -> Vec<DnsLine>
where
    F: Future<Output = io::Result<Vec<IpAddr>>>,
{
    let (kind, value) = match (&status.ingress_fqdn, &status.ingress_ip) {
        (Some(name), _) => (Some("CNAME"), Some(name.clone())),
        (None, Some(ip)) if ip.contains(':') => (Some("AAAA"), Some(ip.clone())),
        (None, Some(ip)) => (Some("A"), Some(ip.clone())),
        (None, None) => (None, None),
    };
    let Some(lookup) = lookup else {
        let unknown = status.hosts.iter().map(|host| DnsLine {
            name: host.clone(),
            kind,
            value: value.clone(),
            state: "unknown",
            found: Vec::new(),
        });
        return unknown.collect();
    };
    let ask = |host: String| {
        let asked = lookup(host);
        async {
            tokio::time::timeout(PATIENCE, asked)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
    };
    let target = async {
        match (&status.ingress_fqdn, &status.ingress_ip) {
            (Some(name), _) => ask(name.clone()).await.unwrap_or_default(),
            (None, Some(ip)) => ip.parse().into_iter().collect(),
            (None, None) => Vec::new(),
        }
    };
    let hosts = futures::future::join_all(status.hosts.iter().map(|host| ask(host.clone())));
    let (target, found) = futures::future::join(target, hosts).await;
    let line = |(host, found): (&String, io::Result<Vec<IpAddr>>)| {
        let (state, found) = judge(found, &target);
        DnsLine { name: host.clone(), kind, value: value.clone(), state, found }
    };
    status.hosts.iter().zip(found).map(line).collect()
}

/// What the answer for a host means.
fn judge(found: io::Result<Vec<IpAddr>>, target: &[IpAddr]) -> (&'static str, Vec<IpAddr>) {
    match found {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => ("unknown", Vec::new()),
        Err(_) => ("missing", Vec::new()),
        Ok(found) if found.is_empty() => ("missing", found),
        Ok(found) if target.is_empty() => ("unknown", found),
        Ok(found) if found.iter().any(|address| target.contains(address)) => ("set", found),
        Ok(found) => ("elsewhere", found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_engine::app::State;
    use std::sync::Mutex;

    fn status(ip: Option<&str>, fqdn: Option<&str>) -> AppStatus {
        AppStatus {
            app: "ops/k3s/a".into(),
            namespace: "n".into(),
            state: State::Ready,
            reason: None,
            pod: None,
            containers: Vec::new(),
            hosts: ["set.test", "away.test", "none.test"].map(Into::into).into(),
            custom_hosts: Vec::new(),
            ingress_ip: ip.map(Into::into),
            ingress_fqdn: fqdn.map(Into::into),
            disks: Vec::new(),
            disks_unknown: Vec::new(),
            events: Vec::new(),
            foreign_fields: Vec::new(),
        }
    }

    async fn states(status: &AppStatus, asked: &Mutex<Vec<String>>) -> Vec<&'static str> {
        let lookup = |host: String| {
            asked.lock().unwrap().push(host.clone());
            async move {
                match host.as_str() {
                    "set.test" | "in.test" => Ok(vec![[192, 0, 2, 1].into()]),
                    "away.test" => Ok(vec![[192, 0, 2, 9].into()]),
                    _ => Err(io::Error::other("no such name")),
                }
            }
        };
        lines(status, Some(lookup)).await.into_iter().map(|line| line.state).collect()
    }

    #[tokio::test]
    async fn hosts_are_compared_with_the_ingress_controller() {
        let asked = Mutex::default();
        let by_address = status(Some("192.0.2.1"), None);
        assert_eq!(states(&by_address, &asked).await, ["set", "elsewhere", "missing"]);
        assert_eq!(
            *asked.lock().unwrap(),
            ["set.test", "away.test", "none.test"],
            "nothing else is asked for"
        );
        assert_eq!(states(&status(None, Some("in.test")), &asked).await, ["set", "elsewhere", "missing"]);
        assert_eq!(states(&status(None, None), &asked).await, ["unknown", "unknown", "missing"]);
        let quiet = lines(&by_address, false.then_some(system)).await;
        assert!(quiet.iter().all(|line| line.state == "unknown" && line.kind == Some("A")), "{quiet:?}");
    }
}
