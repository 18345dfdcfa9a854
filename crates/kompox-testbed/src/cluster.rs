//! One cluster: bringing it up, repairing it, taking it down. Starts and ends processes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::components::{self, CommandLines, Programs};
use crate::configuration;
use crate::error::{Error, Result};
use crate::golang;
use crate::image::{self, Image, ImageArchive};
use crate::key::Key;
use crate::kubectl::Kubectl;
use crate::layout::{Layout, slot_lock};
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
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Domains of the ingress certificate, each with its wildcard: the names used in the project's own
/// examples and tests, and one per cluster letter.
const DOMAINS: &[&str] = &["kompox.test", "local.kompox.test"];
/// The label on an imported image that tells which archive it came from.
const ARCHIVE_LABEL: &str = "testbed.kompox.dev/archive";

/// What `up` may be asked for.
#[derive(Debug, Default, Clone)]
pub struct UpOptions {
    /// More domains for the ingress certificate; each also gets its wildcard.
    pub domains: Vec<String>,
}

/// A cluster's names and addresses, with what can be done with it.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) layout: Layout,
    pub(crate) slot: Slot,
}

impl Cluster {
    /// Its name, one letter.
    #[must_use]
    pub fn name(&self) -> String {
        self.slot.letter().to_string()
    }

    /// A kubeconfig of its administrator, keys included.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("pki/admin.conf")
    }

    /// Address of the only node: API server, NodePorts, LoadBalancer Services, ingress.
    #[must_use]
    pub fn node_address(&self) -> Ipv4Addr {
        self.slot.address()
    }

    /// Name of the only node.
    #[must_use]
    pub fn node_name(&self) -> String {
        self.slot.node()
    }

    /// The authority that signed the ingress controller's certificate.
    #[must_use]
    pub fn ingress_authority(&self) -> PathBuf {
        self.layout.authority().join("ca.crt")
    }

    /// A folder with the same path on the machine and on the node, for a disk store. `down` keeps it.
    #[must_use]
    pub fn disk_store(&self) -> PathBuf {
        self.layout.disks(self.slot)
    }

    /// kubectl as the administrator.
    ///
    /// # Errors
    /// When the sources that fix its version cannot be read.
    pub fn kubectl(&self) -> Result<Kubectl> {
        let path = golang::kubernetes_folder(&self.layout)?.join("kubectl");
        Ok(Kubectl { path, kubeconfig: self.kubeconfig() })
    }

    /// Whether its namespaces exist.
    ///
    /// # Errors
    /// When the machine's record cannot be read.
    pub fn is_up(&self) -> Result<bool> {
        Ok(self.record()?.is_some_and(|record| record.holder.alive()))
    }

    /// Imports image archives into the node, unless the very same are there.
    ///
    /// # Errors
    /// [`Error::NotUp`], and those of the import.
    pub fn load(&self, archives: &[ImageArchive]) -> Result<()> {
        let name = self.name();
        import(&self.namespaces()?, archives, &Steps::new(&name))
    }

    /// Imports an image archive that something else built.
    ///
    /// # Errors
    /// As [`Cluster::load`].
    pub fn load_file(&self, path: &Path) -> Result<()> {
        let path = path.canonicalize().map_err(Error::file("open", path))?;
        let namespaces = self.namespaces()?;
        let name = self.name();
        Steps::new(&name).step(&format!("import {}", path.display()), || {
            let ctr = namespaces.program("ctr").args(["--namespace", "k8s.io", "images", "import"]);
            ctr.arg(path).run().map(|_| ())
        })
    }

    /// What a shell needs to work with it; `PATH` is a folder to put in front.
    ///
    /// # Errors
    /// As [`Cluster::kubectl`].
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let folder = golang::kubernetes_folder(&self.layout)?;
        Ok(vec![
            ("KUBECONFIG", self.kubeconfig().display().to_string()),
            ("KOMPOX_TESTBED_CLUSTER", self.name()),
            ("KOMPOX_TESTBED_NODE", self.node_name()),
            ("KOMPOX_TESTBED_NODE_ADDRESS", self.node_address().to_string()),
            ("KOMPOX_TESTBED_INGRESS", self.node_address().to_string()),
            ("KOMPOX_TESTBED_CA", self.ingress_authority().display().to_string()),
            ("KOMPOX_TESTBED_DISK_STORE", self.disk_store().display().to_string()),
            ("PATH", folder.display().to_string()),
        ])
    }

    /// The log file of a component.
    ///
    /// # Errors
    /// [`Error::UnknownComponent`] for a name that `status` does not show.
    pub fn log(&self, component: &str) -> Result<PathBuf> {
        if !components::NAMES.contains(&component) {
            let known = components::NAMES.join(", ");
            return Err(Error::UnknownComponent { name: component.to_owned(), known });
        }
        Ok(self.folder().join("log").join(format!("{component}.log")))
    }

    /// What runs of it.
    ///
    /// # Errors
    /// When the machine's record cannot be read.
    pub fn status(&self) -> Result<Status> {
        let namespaces = match self.namespaces() {
            Ok(namespaces) => Some(namespaces),
            Err(Error::NotUp(_)) => None,
            Err(error) => return Err(error),
        };
        let of = |name| {
            let process = namespaces.as_ref()?.started(name)?.process;
            Some(Running { pid: process.pid, resident: process.resident().unwrap_or_default() })
        };
        let components = components::NAMES.iter().map(|name| (*name, of(name))).collect();
        let holder = namespaces.map(|namespaces| namespaces.holder.pid);
        Ok(Status { holder, components, memory: machine::memory(self.slot) })
    }

    /// Everything it keeps.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.layout.cluster(self.slot)
    }

    /// The namespaces of the running cluster.
    pub(crate) fn namespaces(&self) -> Result<Namespaces> {
        let record = self.record()?.filter(|record| record.holder.alive());
        let record = record.ok_or_else(|| Error::NotUp(self.slot.letter()))?;
        Ok(Namespaces::existing(self.slot, &self.folder(), Path::new("testbed-helper"), record.holder))
    }

    /// This state folder's record of the slot.
    fn record(&self) -> Result<Option<Record>> {
        Ok(Record::read(self.slot)?.filter(|record| record.root == self.layout.root))
    }

    /// Refuses a letter that runs from another state folder.
    fn check_owner(&self) -> Result<()> {
        match Record::read(self.slot)? {
            Some(record) if record.root != self.layout.root && record.holder.alive() => {
                Err(Error::SlotTaken { slot: self.slot.letter(), root: record.root })
            }
            _ => Ok(()),
        }
    }

    /// Brings it up, or back to health; what runs already is left alone.
    pub(crate) fn up(&self, options: &UpOptions) -> Result<()> {
        let name = self.name();
        let steps = Steps::new(&name);
        machine::check()?;
        packages::ensure(&steps)?;
        let _lock = Lock::take(&slot_lock(self.slot), &format!("cluster {name}"))?;
        self.check_owner()?;
        let programs = Programs {
            helper: rust_tools::helper(&self.layout, &steps)?,
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
            return Ok(Namespaces::existing(self.slot, &folder, &programs.helper, record.holder));
        }
        steps.step("namespaces and links", || {
            machine::clean(self.slot)?;
            machine::prepare()?;
            self.set_logs_aside()?;
            let namespaces = Namespaces::create(self.slot, &folder, &programs.helper)?;
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

    /// A component may have ended while others were still starting.
    fn check_components(&self, namespaces: &Namespaces, lines: &CommandLines<'_>) -> Result<()> {
        for component in lines.all() {
            if namespaces.started(component.name).is_none() {
                return Err(namespaces.failure(component.name, format!("{} ended", component.name)));
            }
        }
        Ok(())
    }

    /// Takes it down and undoes everything outside its own folder, whatever state it is in.
    pub(crate) fn down(&self, wipe: Option<Wipe>) -> Result<()> {
        let name = self.name();
        let steps = Steps::new(&name);
        machine::check()?;
        let _lock = Lock::take(&slot_lock(self.slot), &format!("cluster {name}"))?;
        self.check_owner()?;
        steps.step("down", || {
            if let Some(record) = Record::read(self.slot)? {
                record.holder.kill();
                wait_until(READY_LIMIT, "the end of the cluster's processes", || !record.holder.alive())?;
            }
            machine::clean(self.slot)?;
            machine::restore_if_unused()
        })?;
        match wipe {
            None => Ok(()),
            Some(wipe) => steps.step("wiping data", || self.wipe(wipe)),
        }
    }

    fn wipe(&self, wipe: Wipe) -> Result<()> {
        let folder = self.folder();
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries.flatten().map(|entry| entry.path()) {
            if wipe == Wipe::Everything || entry != self.disk_store() {
                fs::remove_dir_all(&entry).map_err(Error::file("remove", entry))?;
            }
        }
        match wipe {
            Wipe::Cluster => Ok(()),
            Wipe::Everything => fs::remove_dir(&folder).map_err(Error::file("remove", folder)),
        }
    }
}

/// What runs of a cluster.
#[derive(Debug, Clone)]
pub struct Status {
    /// The process that holds its namespaces; without it nothing runs.
    pub holder: Option<u32>,
    /// Every component, with its process if it runs.
    pub components: Vec<(&'static str, Option<Running>)>,
    /// Anonymous memory of all its processes and Pods, in bytes.
    pub memory: Option<u64>,
}

/// A component's process.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// Its number on the machine.
    pub pid: u32,
    /// Resident memory in bytes, shared pages included.
    pub resident: u64,
}

/// What `down` deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// The cluster's data: its objects, images and keys.
    Cluster,
    /// Its disks too.
    Everything,
}

/// The images no cluster is without.
struct NodeImages {
    pause: ImageArchive,
    coredns: ImageArchive,
    traefik: ImageArchive,
}

impl NodeImages {
    fn ensure(layout: &Layout, steps: &Steps<'_>) -> Result<Self> {
        Ok(Self {
            pause: image::ensure(Image::Pause, layout, steps)?,
            coredns: image::ensure(Image::Coredns, layout, steps)?,
            traefik: image::ensure(Image::Traefik, layout, steps)?,
        })
    }

    fn all(&self) -> [ImageArchive; 3] {
        [self.pause.clone(), self.coredns.clone(), self.traefik.clone()]
    }
}

fn import(namespaces: &Namespaces, archives: &[ImageArchive], steps: &Steps<'_>) -> Result<()> {
    let ctr = |arguments: &[&str]| {
        namespaces.program("ctr").args(["--namespace", "k8s.io", "images"]).args(arguments)
    };
    let present = ctr(&["list"]).run()?;
    for archive in archives {
        let label = format!("{ARCHIVE_LABEL}={}", archive.key);
        let there = |line: &str| line.split(' ').next() == Some(&*archive.reference) && line.contains(&label);
        if present.lines().any(there) {
            continue;
        }
        steps.step(&format!("import {}", archive.reference), || -> Result<()> {
            ctr(&["import"]).arg(&archive.path).run()?;
            ctr(&["label", &archive.reference, &label]).run().map(|_| ())
        })?;
    }
    Ok(())
}
