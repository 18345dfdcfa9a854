//! Programs built from the pinned Go modules in `testbed/go`. Runs go; keeps what it built.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::key::Key;
use crate::layout::Layout;
use crate::lock::Lock;
use crate::program::Program;
use crate::steps::Steps;

/// One `go.mod` of ours with the programs taken from it.
struct Module {
    name: &'static str,
    /// Program and its package. A program NAME.test is a package's tests, as Go itself calls them.
    programs: &'static [(&'static str, &'static str)],
    /// Linker settings, usually the version a program reports.
    variables: &'static [&'static str],
    /// A file of a dependency that is exchanged for the build.
    exchange: Option<Exchange>,
}

/// A file of a module we depend on, exchanged by one of ours.
struct Exchange {
    module: &'static str,
    file: &'static str,
    by: &'static str,
}

/// The programs of Kubernetes itself. The version is that of `testbed/go/kubernetes/go.mod`.
const KUBERNETES: Module = Module {
    name: "kubernetes",
    programs: &[
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
        ("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
        ("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
    ],
    variables: &[
        "k8s.io/component-base/version.gitVersion=v1.36.3",
        "k8s.io/component-base/version.gitMajor=1",
        "k8s.io/component-base/version.gitMinor=36",
        "k8s.io/client-go/pkg/version.gitVersion=v1.36.3",
    ],
    exchange: None,
};
const ETCD: Module = Module { name: "etcd", programs: &[("etcd", ".")], variables: &[], exchange: None };
const COREDNS: Module =
    Module { name: "coredns", programs: &[("coredns", ".")], variables: &[], exchange: None };
/// Without the ACME DNS providers: a third of the packages, more than half of the build time.
const TRAEFIK: Module = Module {
    name: "traefik",
    programs: &[("traefik", "github.com/traefik/traefik/v3/cmd/traefik")],
    variables: &["github.com/traefik/traefik/v3/pkg/version.Version=v3.6.12"],
    exchange: Some(Exchange {
        module: "github.com/go-acme/lego/v4",
        file: "providers/dns/zz_gen_dns_providers.go",
        by: "_overlay/dns_providers.go",
    }),
};

/// Docker Compose's own command: it reads and normalises files without a daemon.
const COMPOSE: Module = Module {
    name: "compose",
    programs: &[("docker-compose", "github.com/docker/compose/v2/cmd")],
    variables: &["github.com/docker/compose/v2/internal.Version=v2.40.3"],
    exchange: None,
};
/// Kompose, another converter of compose files.
const KOMPOSE: Module = Module {
    name: "kompose",
    programs: &[("kompose", "github.com/kubernetes/kompose")],
    variables: &[],
    exchange: None,
};
const MINIFLUX: Module = Module {
    name: "miniflux",
    programs: &[("miniflux", "miniflux.app/v2")],
    variables: &["miniflux.app/v2/internal/version.Version=2.3.5"],
    exchange: None,
};

/// Kubernetes' own end-to-end suite, as far as we use it, and the program its Pods run. A module apart from the one
/// above, whose programs need not be built again when something changes here.
const E2E: Module = Module {
    name: "e2e",
    programs: &[("agnhost", "k8s.io/kubernetes/test/images/agnhost"), ("e2e.test", ".")],
    variables: &[],
    exchange: None,
};

/// The folder with `agnhost` and `e2e.test`.
pub(crate) fn e2e(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&E2E, layout, steps)
}

/// The programs of Kubernetes, as one folder.
pub(crate) fn kubernetes(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&KUBERNETES, layout, steps)
}

/// The folder with `etcd`.
pub(crate) fn etcd(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&ETCD, layout, steps)
}

/// The folder with `coredns`.
pub(crate) fn coredns(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&COREDNS, layout, steps)
}

/// The folder with `traefik`.
pub(crate) fn traefik(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&TRAEFIK, layout, steps)
}

/// The folder with `docker-compose`.
pub(crate) fn compose(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&COMPOSE, layout, steps)
}

/// The folder with `kompose`.
pub(crate) fn kompose(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&KOMPOSE, layout, steps)
}

/// The folder with `miniflux`.
pub(crate) fn miniflux(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&MINIFLUX, layout, steps)
}

/// Where the programs of Kubernetes are, whether or not they are built already.
pub(crate) fn kubernetes_folder(layout: &Layout) -> Result<PathBuf> {
    Ok(layout.programs(KUBERNETES.name, &KUBERNETES.key(layout)?))
}

impl Module {
    fn source(&self, layout: &Layout) -> PathBuf {
        layout.source("testbed/go").join(self.name)
    }

    fn key(&self, layout: &Layout) -> Result<String> {
        Ok(Key::default().folder(&self.source(layout))?.text(self.linker_flags()).short())
    }

    fn linker_flags(&self) -> String {
        self.variables.iter().fold("-s -w".to_owned(), |flags, variable| format!("{flags} -X {variable}"))
    }
}

fn ensure(module: &Module, layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    let folder = layout.programs(module.name, &module.key(layout)?);
    let complete = || module.programs.iter().all(|(program, _)| folder.join(program).is_file());
    if complete() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let _lock = Lock::take(&layout.build_lock(), "building programs or images")?;
    if complete() {
        return Ok(folder);
    }
    let scratch = folder.join("src");
    let exchanged = module.exchange.as_ref().map(|exchange| {
        steps.long_step(&format!("fetching the modules of {}", module.name), || {
            prepare_exchange(module, exchange, layout, &scratch)
        })
    });
    let modfile = exchanged.transpose()?;
    for (program, package) in module.programs {
        let target = folder.join(program);
        if !target.is_file() {
            steps.long_step(&format!("go build {program}"), || {
                build(module, package, &module.source(layout), modfile.as_deref(), &target)
            })?;
        }
    }
    fs::remove_dir_all(&scratch).ok();
    remove_older(module.name, &folder);
    Ok(folder)
}

fn go(folder: &Path) -> Program {
    Program::new("go").current_dir(folder).env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false")
}

fn build(module: &Module, package: &str, source: &Path, modfile: Option<&Path>, target: &Path) -> Result<()> {
    let unfinished = target.with_extension("unfinished");
    let tests = target.extension().is_some_and(|extension| extension == "test");
    let command: &[&str] = if tests { &["test", "-c"] } else { &["build"] };
    let mut go = go(source).args(command).args(["-trimpath", "-ldflags", &module.linker_flags()]);
    if let Some(modfile) = modfile {
        go = go.arg("-modfile").arg(modfile);
    }
    go.arg("-o").arg(&unfinished).arg(package).run()?;
    fs::rename(&unfinished, target).map_err(Error::file("rename", &unfinished))
}

/// Copies the dependency, exchanges the file, and writes a module file that takes the copy.
/// (The module cache itself may not be overlaid.)
fn prepare_exchange(
    module: &Module,
    exchange: &Exchange,
    layout: &Layout,
    scratch: &Path,
) -> Result<PathBuf> {
    let source = module.source(layout);
    go(&source).args(["mod", "download", exchange.module]).run()?;
    let original = go(&source).args(["list", "-m", "-f", "{{.Dir}}", exchange.module]).run()?;
    let copy = scratch.join("exchanged");
    fs::remove_dir_all(scratch).ok();
    fs::create_dir_all(scratch).map_err(Error::file("make", scratch))?;
    Program::new("cp").args(["--recursive", "--no-preserve=mode", original.trim()]).arg(&copy).run()?;
    let place = copy.join(exchange.file);
    fs::copy(source.join(exchange.by), &place).map_err(Error::file("write", &place))?;

    let modfile = scratch.join("build.mod");
    let own = source.join("go.mod");
    let text = fs::read_to_string(&own).map_err(Error::file("read", own))?;
    let text = format!("{text}\nreplace {} => {}\n", exchange.module, copy.display());
    fs::write(&modfile, text).map_err(Error::file("write", &modfile))?;
    let sums = scratch.join("build.sum");
    fs::copy(source.join("go.sum"), &sums).map_err(Error::file("write", sums))?;
    Ok(modfile)
}

/// Half a gigabyte each: only the current build of a module is kept.
fn remove_older(module: &str, current: &Path) {
    let siblings = current.parent().and_then(|folder| fs::read_dir(folder).ok());
    for entry in siblings.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let older = name.to_str().and_then(|name| name.rsplit_once('-')).is_some_and(|(of, _)| of == module);
        if older && entry.path() != current {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
