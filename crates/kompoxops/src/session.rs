//! What every command that talks to a cluster needs: driver, connection, signals, time limit. IO: starts the
//! asynchronous runtime.

use crate::arguments::{GlobalArguments, Limit};
use crate::configuration::{Everything, Opened};
use crate::connect;
use crate::exit::Failure;
use crate::interrupt;
use crate::progress::Screen;
use kompox_engine::cluster::ClusterScope;
use kompox_engine::{Event, Progress, Scope};
use kompox_kube::Client;
use kompox_model::port::{Call, Cancel, Driver};
use kompox_provider::Registry;
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// Time limit of commands that must end by themselves.
const DEFAULT_LIMIT: Duration = Duration::from_secs(600);

/// One run of the program.
pub(crate) struct Session<'a> {
    /// Options of every command.
    pub(crate) global: &'a GlobalArguments,
    /// Where everything but data goes.
    pub(crate) screen: &'a Screen,
    /// The built-in drivers.
    pub(crate) drivers: Registry,
}

/// How a command uses its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It ends by itself and tells what it does.
    Operation,
    /// It tells what it does and ends by itself, but moves so much data that no time limit fits all.
    Transfer,
    /// It is a stream between the user and a container: no time limit, nothing said about the connection.
    Stream,
}

/// A connected cluster.
pub(crate) struct Connected<'a> {
    opened: &'a Opened,
    driver: &'a dyn Driver,
    kubernetes: &'a Client,
    cancel: &'a Cancel,
    deadline: Option<Instant>,
    progress: &'a Screen,
}

impl<'a> Connected<'a> {
    /// The configured app on this cluster.
    pub(crate) fn app(&self) -> Result<Scope<'a>, Failure> {
        let ClusterScope { workspace, provider, cluster, driver, kubernetes, cancel, deadline, progress } =
            self.cluster();
        let app = self.opened.app()?;
        Ok(Scope { workspace, provider, cluster, app, driver, kubernetes, cancel, deadline, progress })
    }

    /// The kubeconfig of this connection, with its one context called `name`. Holds credentials.
    pub(crate) fn own_kubeconfig(&self, name: &str) -> Result<serde_json::Value, Failure> {
        let bytes = self.kubernetes.own_kubeconfig(name)?;
        serde_json::from_slice(bytes.expose_secret()).map_err(|error| Failure::Output(error.into()))
    }

    /// The cluster alone.
    pub(crate) fn cluster(&self) -> ClusterScope<'a> {
        let configuration = &self.opened.configuration;
        ClusterScope {
            workspace: &configuration.workspace,
            provider: &configuration.provider,
            cluster: &configuration.cluster,
            driver: self.driver,
            kubernetes: self.kubernetes,
            cancel: self.cancel,
            deadline: self.deadline,
            progress: self.progress,
        }
    }
}

impl Session<'_> {
    /// Reads the configuration of a command that is about a cluster.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        Everything::read(self.global, self.screen)?.cluster(self.global.wanted(), self.screen)
    }

    /// Reads the configuration of a command that is about an app.
    pub(crate) fn open_app(&self) -> Result<Opened, Failure> {
        Everything::read(self.global, self.screen)?.app(self.global.wanted(), self.screen)
    }

    /// Everything that is configured.
    pub(crate) fn everything(&self) -> Result<Everything, Failure> {
        Everything::read(self.global, self.screen)
    }

    /// The driver of the configured provider.
    pub(crate) fn driver(&self, opened: &Opened) -> Result<Box<dyn Driver>, Failure> {
        let configuration = &opened.configuration;
        Ok(self.drivers.create(Some(&configuration.workspace), &configuration.provider)?)
    }

    /// Connects, does `work`, and stops it on Ctrl-C. `module` is what the API server's audit log shows.
    pub(crate) fn on_cluster<T>(
        &self,
        opened: &Opened,
        module: &str,
        how: Use,
        work: impl AsyncFnOnce(&Connected<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let driver = self.driver(opened)?;
        let result = self.running(how, async |cancel, deadline| {
            let call = Call { deadline, cancel, cluster: None };
            let client = connect::connect(opened, driver.as_ref(), &call, module).await?;
            self.asking(opened, &client, how);
            let connected = self.connected(opened, driver.as_ref(), &client, (cancel, deadline));
            work(&connected).await
        });
        result.map_err(|failure| opened.explain(failure, self.screen))
    }

    /// The same for a command on two clusters.
    pub(crate) fn on_clusters<T>(
        &self,
        (here, there): (&Opened, &Opened),
        module: &str,
        how: Use,
        work: impl AsyncFnOnce(&Connected<'_>, &Connected<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        connect::refuse_override()?;
        let drivers = (self.driver(here)?, self.driver(there)?);
        let result = self.running(how, async |cancel, deadline| {
            let call = Call { deadline, cancel, cluster: None };
            let clients = (
                connect::connect(here, drivers.0.as_ref(), &call, module).await?,
                connect::connect(there, drivers.1.as_ref(), &call, module).await?,
            );
            self.asking(here, &clients.0, how);
            self.asking(there, &clients.1, how);
            let limits = (cancel, deadline);
            let near = self.connected(here, drivers.0.as_ref(), &clients.0, limits);
            let far = self.connected(there, drivers.1.as_ref(), &clients.1, limits);
            work(&near, &far).await
        });
        result.map_err(|failure| here.explain(failure, self.screen))
    }

    fn asking(&self, opened: &Opened, client: &Client, how: Use) {
        if how != Use::Stream {
            let name = &opened.configuration.cluster.name;
            self.screen.event(Event::Started(format!("asking cluster {name} at {}", client.server())));
        }
    }

    fn connected<'c>(
        &'c self,
        opened: &'c Opened,
        driver: &'c dyn Driver,
        kubernetes: &'c Client,
        (cancel, deadline): (&'c Cancel, Option<Instant>),
    ) -> Connected<'c> {
        Connected { opened, driver, kubernetes, cancel, deadline, progress: self.screen }
    }

    /// Does `work` until it ends or is stopped by Ctrl-C.
    fn running<T>(
        &self,
        how: Use,
        work: impl AsyncFnOnce(&Cancel, Option<Instant>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|source| Failure::System { action: "start the runtime", source })?;
        let cancel = Cancel::new();
        interrupt::listen(&runtime, &cancel, self.screen)?;
        let deadline = self.limit(how).map(|limit| Instant::now() + limit);
        let result = runtime.block_on(work(&cancel, deadline));
        // A read from stdin that nobody answers would be waited for otherwise.
        runtime.shutdown_background();
        self.screen.clear();
        result
    }

    fn limit(&self, how: Use) -> Option<Duration> {
        match (self.global.timeout, how) {
            (Some(Limit(limit)), _) => limit,
            (None, Use::Operation) => Some(DEFAULT_LIMIT),
            (None, Use::Stream | Use::Transfer) => None,
        }
    }
}

/// Who holds the Lease of a running command, for those who wait for it.
pub(crate) fn holder() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    let system = rustix::system::uname();
    format!("kompoxops-{user}@{}-{}", system.nodename().to_string_lossy(), std::process::id())
}

/// A number nobody can foresee, for names of new disks.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds each hasher from the system's random source.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
