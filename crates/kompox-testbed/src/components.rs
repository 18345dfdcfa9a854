//! The programs of a cluster and their arguments. Pure: folders in, command lines out.

use std::path::{Path, PathBuf};

use crate::slot::Slot;

/// Where a cluster's programs are.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// The folder of Kubernetes' own programs.
    pub(crate) kubernetes: PathBuf,
    /// The folder of etcd.
    pub(crate) etcd: PathBuf,
    /// The agent.
    pub(crate) agent: PathBuf,
    /// The NetworkPolicy engine.
    pub(crate) policy: PathBuf,
}

/// A long-running program of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    /// Its name in `status` and `logs`.
    pub(crate) name: &'static str,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Configuration it reads only when it starts: a change means a restart.
    pub(crate) reads: Vec<PathBuf>,
}

/// Names of all components, in the order they start.
pub(crate) const NAMES: &[&str] = &[
    "containerd",
    "etcd",
    "apiserver",
    "controller-manager",
    "scheduler",
    "kubelet",
    "proxy",
    "policy",
    "load-balancer",
];

/// Command lines of one cluster.
pub(crate) struct CommandLines<'a> {
    /// The cluster.
    pub(crate) slot: Slot,
    /// Its folder.
    pub(crate) folder: &'a Path,
    /// Where programs are.
    pub(crate) programs: &'a Programs,
}

impl CommandLines<'_> {
    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn kubernetes(&self, program: &str) -> String {
        self.programs.kubernetes.join(program).display().to_string()
    }

    fn component(&self, name: &'static str, command: Vec<String>, reads: &[&str]) -> Component {
        Component { name, command, reads: reads.iter().map(|path| self.folder.join(path)).collect() }
    }

    /// The container runtime.
    pub(crate) fn containerd(&self) -> Component {
        let command = vec!["containerd".to_owned(), "--config".to_owned(), self.path("conf/containerd.toml")];
        self.component("containerd", command, &["conf/containerd.toml"])
    }

    /// The data store. Without fsync it survives every crash but that of the machine.
    pub(crate) fn etcd(&self) -> Component {
        let command = vec![
            self.programs.etcd.join("etcd").display().to_string(),
            format!("--name={}", self.slot.node()),
            format!("--data-dir={}", self.path("etcd")),
            "--unsafe-no-fsync".to_owned(),
            "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
            "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
            "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        self.component("etcd", command, &[])
    }

    /// The API server.
    pub(crate) fn apiserver(&self) -> Component {
        let pki = |name: &str| self.path(&format!("pki/{name}"));
        let command = vec![
            self.kubernetes("kube-apiserver"),
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            format!("--advertise-address={}", self.slot.address()),
            "--secure-port=6443".to_owned(),
            format!("--tls-cert-file={}", pki("apiserver.crt")),
            format!("--tls-private-key-file={}", pki("apiserver.key")),
            format!("--client-ca-file={}", pki("ca.crt")),
            format!("--service-cluster-ip-range={}", self.slot.services()),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-account-key-file={}", pki("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", pki("service-accounts.key")),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--kubelet-client-certificate={}", pki("apiserver-kubelet.crt")),
            format!("--kubelet-client-key={}", pki("apiserver-kubelet.key")),
            format!("--kubelet-certificate-authority={}", pki("ca.crt")),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--requestheader-client-ca-file={}", pki("front-ca.crt")),
            "--requestheader-allowed-names=front-proxy-client".to_owned(),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            format!("--proxy-client-cert-file={}", pki("front-proxy.crt")),
            format!("--proxy-client-key-file={}", pki("front-proxy.key")),
        ];
        self.component("apiserver", command, &["pki/apiserver.crt", "pki/ca.crt"])
    }

    /// The controllers. The client rate is what a fresh cluster's first seconds depend on.
    pub(crate) fn controller_manager(&self) -> Component {
        let kubeconfig = self.path("pki/controller-manager.conf");
        let command = vec![
            self.kubernetes("kube-controller-manager"),
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            format!("--service-account-private-key-file={}", self.path("pki/service-accounts.key")),
            "--use-service-account-credentials".to_owned(),
            format!("--root-ca-file={}", self.path("pki/ca.crt")),
            format!("--cluster-signing-cert-file={}", self.path("pki/ca.crt")),
            format!("--cluster-signing-key-file={}", self.path("pki/ca.key")),
            "--allocate-node-cidrs=true".to_owned(),
            format!("--cluster-cidr={}", self.slot.pods()),
            "--node-cidr-mask-size=24".to_owned(),
            format!("--service-cluster-ip-range={}", self.slot.services()),
            "--leader-elect=false".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            format!("--flex-volume-plugin-dir={}", self.path("run/flex")),
        ];
        self.component("controller-manager", command, &["pki/controller-manager.conf"])
    }

    /// The scheduler.
    pub(crate) fn scheduler(&self) -> Component {
        let command = vec![
            self.kubernetes("kube-scheduler"),
            format!("--kubeconfig={}", self.path("pki/scheduler.conf")),
            "--leader-elect=false".to_owned(),
        ];
        self.component("scheduler", command, &["pki/scheduler.conf"])
    }

    /// The node's agent.
    pub(crate) fn kubelet(&self) -> Component {
        let command = vec![
            self.kubernetes("kubelet"),
            format!("--config={}", self.path("conf/kubelet.yaml")),
            format!("--kubeconfig={}", self.path("pki/kubelet.conf")),
            format!("--hostname-override={}", self.slot.node()),
            format!("--node-ip={}", self.slot.address()),
        ];
        self.component(
            "kubelet",
            command,
            &["conf/kubelet.yaml", "pki/kubelet.conf", "pki/kubelet-serving.crt"],
        )
    }

    /// Services on the node.
    pub(crate) fn proxy(&self) -> Component {
        let command =
            vec![self.kubernetes("kube-proxy"), format!("--config={}", self.path("conf/kube-proxy.yaml"))];
        self.component("proxy", command, &["conf/kube-proxy.yaml", "pki/proxy.conf"])
    }

    /// NetworkPolicies.
    pub(crate) fn policy(&self) -> Component {
        let command = vec![
            self.programs.policy.display().to_string(),
            self.kubernetes("kubectl"),
            self.path("pki/admin.conf"),
            self.slot.node(),
        ];
        self.component("policy", command, &["pki/admin.conf"])
    }

    /// Addresses for Services of type LoadBalancer.
    pub(crate) fn load_balancer(&self) -> Component {
        let command = vec![
            self.programs.agent.display().to_string(),
            "balance".to_owned(),
            self.kubernetes("kubectl"),
            self.path("pki/admin.conf"),
            self.slot.address().to_string(),
        ];
        self.component("load-balancer", command, &["pki/admin.conf"])
    }

    /// Every component, as in [`NAMES`].
    pub(crate) fn all(&self) -> [Component; 9] {
        [
            self.containerd(),
            self.etcd(),
            self.apiserver(),
            self.controller_manager(),
            self.scheduler(),
            self.kubelet(),
            self.proxy(),
            self.policy(),
            self.load_balancer(),
        ]
    }
}
