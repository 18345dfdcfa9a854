//! Bringing a cluster up, or back to health: what runs already is left alone. Starts processes.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::cluster::Cluster;
use crate::components::{CommandLines, Programs};
use crate::configuration;
use crate::error::{Error, Result};
use crate::golang;
use crate::import::{NodeImages, import};
use crate::key::Key;
use crate::layout::slot_lock;
use crate::lock::Lock;
use crate::machine::{self, Record};
use crate::namespaces::Namespaces;
use crate::packages;
use crate::pki::{self, Pki};
use crate::process::wait_until;
use crate::rust_tools;
use crate::slot::Slot;
use crate::steps::Steps;

const API_PORT: u16 = 6443;
/// Made by the engine once policies are enforced, on the cluster's own `/run`.
const POLICY_READY: &str = "/run/testbed-policy.ready";
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Domains of the ingress certificate, each with its wildcard: the names used in the project's own
/// examples and tests, and one per cluster letter.
const DOMAINS: &[&str] = &["kompox.test", "local.kompox.test"];
/// What `up` may be asked for.
#[derive(Debug, Default, Clone)]
pub struct UpOptions {
    /// More domains for the ingress certificate; each also gets its wildcard.
    pub domains: Vec<String>,
}

impl Cluster {
    /// Brings it up, or back to health; what runs already is left alone.
    pub(crate) fn up(&self, options: &UpOptions) -> Result<()> {
        let name = self.name();
        let steps = Steps::new(&name);
        machine::check()?;
        packages::ensure(&steps)?;
        let _lock = Lock::take(&slot_lock(self.slot), &format!("cluster {name}"))?;
        self.check_owner()?;
        let programs = Programs {
            agent: rust_tools::agent(&self.layout, &steps)?,
            policy: rust_tools::policy(&self.layout, &steps)?,
            kubernetes: golang::kubernetes(&self.layout, &steps)?,
            etcd: golang::etcd(&self.layout, &steps)?,
        };
        let images = NodeImages::ensure(&self.layout, &steps)?;
        steps.step("keys and configuration", || self.configure(options))?;
        let folder = self.folder();
        let namespaces = self.hold(&programs, &steps)?;
        let lines = CommandLines { slot: self.slot, folder: &folder, programs: &programs };
        self.start(&namespaces, &lines, &images, &steps)?;
        steps.step("cluster DNS and ingress", || self.install(&images))?;
        self.wait_for_policy(&namespaces)?;
        self.check_components(&namespaces, &lines)?;
        steps.total(&format!("cluster {name} is up: https://{}:{API_PORT}", self.node_address()));
        Ok(())
    }

    fn configure(&self, options: &UpOptions) -> Result<()> {
        let folder = self.folder();
        configuration::write(self.slot, &folder)?;
        pki::control_plane(self.slot, folder.join("pki"))?;
        let authority = self.layout.authority();
        fs::create_dir_all(&authority).map_err(Error::file("make", &authority))?;
        let _lock = Lock::take(&authority.join("lock"), "the ingress authority")?;
        pki::ingress(authority, folder.join("pki"), &self.domains(options)?)
    }

    /// The usual domains, those asked for now and those asked for earlier.
    fn domains(&self, options: &UpOptions) -> Result<Vec<String>> {
        let record = self.folder().join("pki/domains");
        let earlier = fs::read_to_string(&record).unwrap_or_default();
        let mut domains: Vec<String> = DOMAINS.iter().map(|domain| (*domain).to_owned()).collect();
        domains.extend(Slot::all().map(|slot| format!("{}.kompox.test", slot.letter())));
        domains.extend(options.domains.iter().cloned());
        domains.extend(earlier.lines().map(str::to_owned));
        domains.sort_unstable();
        domains.dedup();
        pki::write_if_changed(&record, &domains.join("\n"))?;
        Ok(domains)
    }

    /// The cluster's namespaces: those that are there, or new ones after clearing away what is left
    /// of an earlier cluster.
    fn hold(&self, programs: &Programs, steps: &Steps<'_>) -> Result<Namespaces> {
        let folder = self.folder();
        if let Some(record) = self.record()?.filter(|record| record.holder.alive()) {
            return Ok(Namespaces::existing(self.slot, &folder, &programs.agent, record.holder));
        }
        steps.step("namespaces and links", || {
            machine::clean(self.slot)?;
            machine::prepare()?;
            self.set_logs_aside()?;
            let namespaces = Namespaces::create(self.slot, &folder, &programs.agent)?;
            // First of all, so that a crash from here on leaves nothing nobody knows of.
            let record = Record { root: self.layout.root.clone(), holder: namespaces.holder.clone() };
            record.write(self.slot)?;
            namespaces.furnish()?;
            Ok(namespaces)
        })
    }

    /// Keeps the logs of the cluster's last life only.
    fn set_logs_aside(&self) -> Result<()> {
        let (log, previous) = (self.folder().join("log"), self.folder().join("log.previous"));
        if previous.exists() {
            fs::remove_dir_all(&previous).map_err(Error::file("remove", &previous))?;
        }
        fs::rename(&log, &previous).map_err(Error::file("rename", &log))?;
        fs::create_dir(&log).map_err(Error::file("make", log))
    }

    fn start(
        &self,
        namespaces: &Namespaces,
        lines: &CommandLines<'_>,
        images: &NodeImages,
        steps: &Steps<'_>,
    ) -> Result<()> {
        for component in [lines.containerd(), lines.etcd(), lines.apiserver()] {
            namespaces.ensure(&component)?;
        }
        let import = || -> Result<()> {
            let ready = || namespaces.program("ctr").arg("version").succeeds();
            wait_until(READY_LIMIT, "containerd", ready)
                .map_err(|error| namespaces.failure("containerd", error.to_string()))?;
            import(namespaces, &images.all(), steps)
        };
        let control = || -> Result<()> {
            steps.step("API server ready", || self.wait_for_api(namespaces))?;
            steps.step("node ready", || {
                let rest = [
                    lines.proxy(),
                    lines.policy(),
                    lines.controller_manager(),
                    lines.scheduler(),
                    lines.kubelet(),
                    lines.load_balancer(),
                ];
                for component in rest {
                    namespaces.ensure(&component)?;
                }
                self.wait_for_node(namespaces)
            })
        };
        // The import mostly waits for the disk while the others mostly compute.
        std::thread::scope(|scope| {
            let import = scope.spawn(import);
            let control = control();
            let imported = import.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            control.and(imported)
        })
    }

    fn wait_for_api(&self, namespaces: &Namespaces) -> Result<()> {
        let kubectl = self.kubectl()?;
        let address = SocketAddr::from((self.node_address(), API_PORT));
        let listens = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        let alive = || namespaces.started("apiserver").is_some();
        let ready = || listens() && kubectl.program(&["get", "--raw", "/readyz"]).succeeds();
        wait_until(READY_LIMIT, "the API server", || !alive() || ready())
            .map_err(|error| namespaces.failure("apiserver", error.to_string()))?;
        if alive() { Ok(()) } else { Err(namespaces.failure("apiserver", "the API server ended".to_owned())) }
    }

    fn wait_for_node(&self, namespaces: &Namespaces) -> Result<()> {
        let kubectl = self.kubectl()?;
        let node = format!("node/{}", self.node_name());
        let failure = |error: Error| namespaces.failure("kubelet", error.to_string());
        wait_until(READY_LIMIT, "the node", || kubectl.program(&["get", &node]).succeeds())
            .map_err(failure)?;
        let timeout = format!("--timeout={}s", READY_LIMIT.as_secs());
        kubectl.run(&["wait", "--for=condition=Ready", &node, &timeout]).map_err(failure)?;
        // A Pod whose first packet to the API server finds no rule yet repeats it in vain for 30 s.
        let service = SocketAddr::from((self.slot.api_service(), 443));
        let reachable = || TcpStream::connect_timeout(&service, Duration::from_millis(200)).is_ok();
        wait_until(READY_LIMIT, "the API server's Service", reachable)
            .map_err(|error| namespaces.failure("proxy", error.to_string()))
    }

    /// The Deployments every cluster has.
    fn install(&self, images: &NodeImages) -> Result<()> {
        let kubectl = self.kubectl()?;
        let pki = Pki::open(self.folder().join("pki"))?;
        let certificate = Pki::base64(&pki.certificate("ingress"))?;
        let key = Pki::base64(&pki.key("ingress"))?;
        let revision = Key::default().text(&images.traefik.key).text(&certificate).short();
        let dns = configuration::coredns(self.slot, &images.coredns.reference, &images.coredns.key)?;
        let ingress = configuration::traefik(&images.traefik.reference, &revision, &certificate, &key)?;
        kubectl.apply(&format!("{dns}---\n{ingress}"))?;
        let timeout = format!("--timeout={}s", READY_LIMIT.as_secs());
        for (namespace, name) in [("kube-system", "coredns"), ("traefik", "traefik")] {
            let deployment = format!("deployment/{name}");
            kubectl.run(&["--namespace", namespace, "rollout", "status", &deployment, &timeout])?;
        }
        Ok(())
    }

    /// Policies are enforced before anybody relies on them; seldom is there anything left to wait for.
    fn wait_for_policy(&self, namespaces: &Namespaces) -> Result<()> {
        let alive = || namespaces.started("policy").is_some();
        let ready = || namespaces.program("test").args(["-e", POLICY_READY]).succeeds();
        wait_until(READY_LIMIT, "the policy engine", || !alive() || ready())
            .map_err(|error| namespaces.failure("policy", error.to_string()))
    }

    /// A component may have ended while others were still starting.
    fn check_components(&self, namespaces: &Namespaces, lines: &CommandLines<'_>) -> Result<()> {
        for component in lines.all() {
            if namespaces.started(component.name).is_none() {
                return Err(namespaces.failure(component.name, format!("{} ended", component.name)));
            }
        }
        Ok(())
    }
}
