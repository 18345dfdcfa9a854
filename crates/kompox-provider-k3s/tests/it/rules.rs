//! The conformance suite on the real store code, with one node and with three.

use crate::cluster::{FakeCluster, ROOT, run_program};
use crate::disk_store::tree;
use crate::scene::{configured, provider};
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, Cancel, Cluster as ClusterPort, DiskCreate, DiskStreams, Disks, ErrorKind, PortError,
    SnapshotCreate, VolumeFences, VolumeSnapshots,
};
use kompox_model::{AppIdentity, Cluster, DiskState, VolumeName};
use kompox_node_protocol::{Answer, AppRef, CreateDisk, Holder, Identity, Operation, Request, VolumeRef};
use kompox_provider::conformance::{self, Ability, ConformanceSubject, Outcome};
use kompox_provider_k3s::K3s;

/// Why one rule is left out on stores that are plain folders.
const ATOMIC: &str = "plain folders have no copies of one moment";

fn check_cut<T: std::fmt::Debug>(n: usize, result: Result<T, PortError>) -> Result<(), String> {
    match result {
        Err(error) if error.kind == ErrorKind::Unavailable => Ok(()),
        other => Err(format!("the create before change {n} was not cut off: {other:?}")),
    }
}

/// Runs every suite; what is left out is left out for a known reason.
async fn obeys_every_rule(nodes: &[&str]) {
    let subject = Subject::new(nodes);
    let reports = [
        conformance::disks(&subject).await,
        conformance::snapshots(&subject).await,
        conformance::moves(&subject).await,
    ];
    for report in reports {
        assert_eq!(report.failed().count(), 0, "{report}");
        for skipped in report.skipped() {
            assert_eq!(skipped.outcome, Outcome::Skipped(ATOMIC.to_owned()), "{report}");
        }
    }
}

struct Subject {
    fake: FakeCluster,
    driver: K3s,
    cluster: Cluster,
}

impl Subject {
    fn new(nodes: &[&str]) -> Self {
        let fake = FakeCluster::new(nodes);
        fake.label(nodes[nodes.len() - 1], "kompox.dev/disk-node", "true");
        Self { fake, driver: K3s::new(None, &provider()), cluster: configured(&[]) }
    }
}

#[async_trait]
impl ConformanceSubject for Subject {
    fn name(&self) -> String {
        format!("k3s with {} nodes", self.fake.nodes().len())
    }

    fn disks(&self) -> &dyn Disks {
        &self.driver
    }

    fn snapshots(&self) -> Option<&dyn VolumeSnapshots> {
        Some(&self.driver)
    }

    fn streams(&self) -> Option<&dyn DiskStreams> {
        Some(&self.driver)
    }

    fn fences(&self) -> Option<&dyn VolumeFences> {
        Some(&self.driver)
    }

    fn kubernetes(&self) -> Option<&dyn ClusterPort> {
        Some(&self.fake)
    }

    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn cluster_uid(&self) -> &str {
        "uid-1"
    }

    fn identity(&self, label: &str) -> AppIdentity {
        format!("ws/prv/{label}").parse().unwrap()
    }

    /// Ends the program before its n-th change, for the first n that leaves the disk in state `creating`.
    async fn interrupt_create(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Ability, String> {
        let cancel = Cancel::new();
        let call = Call::new(&cancel).with_cluster(&self.fake);
        for n in 1..100 {
            self.fake.set_program_fault(&format!("abort:{n}"));
            check_cut(n, Disks::create(&self.driver, &call, scope, volume, options).await)?;
            let listed = Disks::list(&self.driver, &call, scope).await.map_err(|error| error.to_string())?;
            let made = listed.disks.iter().find(|disk| disk.volume == *volume && disk.name == options.name);
            if made.is_some_and(|disk| disk.state == DiskState::Creating) {
                return Ok(Ability::Done);
            }
        }
        Err("no cut left the disk half made".to_owned())
    }

    async fn interrupt_snapshot(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Ability, String> {
        let cancel = Cancel::new();
        let call = Call::new(&cancel).with_cluster(&self.fake);
        let options = SnapshotCreate { at_rest: true, ..options.clone() };
        for n in 1..100 {
            self.fake.set_program_fault(&format!("abort:{n}"));
            check_cut(n, VolumeSnapshots::create(&self.driver, &call, scope, volume, &options).await)?;
            let listed = VolumeSnapshots::list(&self.driver, &call, scope).await;
            let snapshots = listed.map_err(|error| error.to_string())?.snapshots;
            let made = snapshots.iter().find(|found| found.volume == *volume && found.name == options.name);
            if made.is_some_and(|snapshot| snapshot.state == DiskState::Creating) {
                return Ok(Ability::Done);
            }
        }
        Err("no cut left the snapshot half made".to_owned())
    }

    async fn set_atomic_snapshots(&self, atomic: bool) -> Result<Ability, String> {
        Ok(match atomic {
            true => Ability::Missing(ATOMIC.to_owned()),
            false => Ability::Done,
        })
    }

    async fn collide(&self, scope: AppScope<'_>, volume: &VolumeName) -> Result<Ability, String> {
        let other =
            Identity { workspace: "ws".to_owned(), provider: "prv".to_owned(), app: "other".to_owned() };
        let request = Request::new(Operation::Create(CreateDisk {
            volume: VolumeRef {
                app: AppRef { identity: other, app_hash: scope.identity.app_hash() },
                holder: Holder {
                    cluster: scope.cluster.name.to_string(),
                    cluster_uid: scope.cluster_uid.to_owned(),
                },
                volume: volume.to_string(),
            },
            generation: 0,
            disk: "one".to_owned(),
            size_bytes: 1,
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            source: "empty".to_owned(),
            at_rest: false,
            if_not_exists: false,
        }));
        let nodes = self.fake.nodes();
        let store = self.fake.store(&nodes[nodes.len() - 1]);
        let (_, output, _) = run_program(&store, &["store".to_owned()], request.encode().into_bytes(), None);
        let answer = Answer::decode(&output).map_err(|error| error.to_string())?;
        answer.into_result().map(|_| Ability::Done).map_err(|failure| failure.message)
    }

    async fn set_silent(&self, silent: bool) -> Result<Ability, String> {
        self.fake.set_silent(silent);
        Ok(Ability::Done)
    }

    async fn fingerprint(&self) -> Result<Option<String>, String> {
        let (patches, _) = self.fake.counts();
        let mut text = format!("{patches} patches\n");
        self.fake.nodes().iter().for_each(|node| text.push_str(&tree(&self.fake.store(node))));
        Ok(Some(text))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_obeys_every_rule() {
    obeys_every_rule(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_obey_every_rule() {
    obeys_every_rule(&["a", "b", "c"]).await;
}

#[tokio::test]
async fn a_disk_is_where_its_handle_says() {
    let scene = crate::scene::Scene::new(&["a"]);
    let disk = scene.create("default", "one").await.unwrap();
    assert_eq!(disk.node.as_deref(), Some("a"));
    let beneath = disk.handle.strip_prefix(&format!("{ROOT}/")).unwrap();
    assert_eq!(beneath, format!("{}/default/disks/one/data", scene.identity.app_hash()));
    assert!(scene.fake.store("a").join(beneath).is_dir());
}

#[tokio::test]
async fn a_large_archive_is_not_sent_where_nobody_wants_it() {
    let scene = crate::scene::Scene::new(&["a"]);
    scene.create("default", "one").await.unwrap();
    let (cancel, volume, name) = (Cancel::new(), "default".parse().unwrap(), "one".parse().unwrap());
    let call = Call::new(&cancel).with_cluster(&scene.fake);
    // An archive of nothing; its sub-path stays empty.
    let archive = vec![0; 100_000];
    let fill = async || scene.driver.fill(&call, scene.scope(), &volume, &name, "binds/conf", &archive).await;
    let before = scene.fake.counts().1;
    assert!(fill().await.unwrap());
    assert_eq!(scene.fake.counts().1 - before, 3, "the nodes, the sub-path, the upload");
    let data = scene.list().await.unwrap().disks.remove(0).handle;
    let folder =
        scene.fake.store("a").join(data.strip_prefix(&format!("{ROOT}/")).unwrap()).join("binds/conf");
    std::fs::write(folder.join("file"), "content").unwrap();
    let before = scene.fake.counts().1;
    assert!(!fill().await.unwrap());
    assert_eq!(scene.fake.counts().1 - before, 2, "the nodes, the sub-path");
}
