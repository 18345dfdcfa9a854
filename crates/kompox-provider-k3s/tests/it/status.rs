//! The required part of the driver.

use crate::cluster::live_daemon_set;
use crate::scene::{Scene, configured, provider, told};
use kompox_model::port::{Call, Cancel, Driver, ErrorKind, ProvisionOptions};
use kompox_model::{VolumeKind, Workspace};
use kompox_provider::Registry;
use kompox_provider_k3s::{ID, K3s, factory};
use secrecy::ExposeSecret as _;
use serde_json::json;

#[test]
fn the_driver_is_found_by_its_id() {
    let mut registry = Registry::new();
    registry.register(ID, factory).unwrap();
    let workspace = Workspace { name: "ops".parse().unwrap(), domain: "example.test".to_owned() };
    let driver = registry.create(Some(&workspace), &provider()).unwrap();
    assert_eq!((driver.id(), driver.workspace_name(), driver.provider_name()), ("k3s", "ops", "prv"));
    assert_eq!(K3s::new(None, &provider()).workspace_name(), "(nil)");
    assert!(driver.disks().is_some());
}

#[tokio::test]
async fn installed_means_that_every_pod_is_ready_in_the_last_version() {
    let scene = Scene::new(&["a"]);
    let cancel = Cancel::new();
    let call = Call::new(&cancel).with_cluster(&scene.fake);
    let mut unready = live_daemon_set("/x");
    unready["status"]["numberReady"] = json!(0);
    let mut outdated = live_daemon_set("/x");
    outdated["metadata"]["generation"] = json!(2);
    let mut nowhere = live_daemon_set("/x");
    nowhere["status"] = json!({"observedGeneration": 1});
    for (daemon_set, installed) in [
        (Some(live_daemon_set("/x")), true),
        (Some(unready), false),
        (Some(outdated), false),
        (Some(nowhere), false),
        (None, false),
    ] {
        scene.fake.set_daemon_set(daemon_set.clone());
        let status = scene.driver.cluster_status(&call, &scene.cluster).await.unwrap();
        assert_eq!(status.installed, Some(installed), "{daemon_set:?}");
        assert_eq!((status.existing, status.provisioned), (true, Some(true)));
    }
}

#[tokio::test]
async fn what_cannot_be_found_out_is_unknown() {
    let scene = Scene::new(&["a"]);
    let cancel = Cancel::new();
    let status = scene.driver.cluster_status(&Call::new(&cancel), &scene.cluster).await.unwrap();
    assert_eq!((status.provisioned, status.installed), (None, None));
    scene.fake.deny("DaemonSet");
    scene.fake.deny("Namespace");
    let call = Call::new(&cancel).with_cluster(&scene.fake);
    let status = scene.driver.cluster_status(&call, &scene.cluster).await.unwrap();
    assert_eq!((status.provisioned, status.installed), (None, None));
}

#[tokio::test]
async fn clusters_are_not_made_here() {
    let scene = Scene::new(&["a"]);
    let cancel = Cancel::new();
    let call = Call::new(&cancel).with_cluster(&scene.fake);
    let options = ProvisionOptions::default();
    let (driver, cluster) = (&scene.driver, &scene.cluster);
    let kubeconfig = driver.cluster_kubeconfig(&call, cluster).await;
    for error in [
        driver.cluster_provision(&call, cluster, options).await.unwrap_err(),
        driver.cluster_deprovision(&call, cluster, options).await.unwrap_err(),
        kubeconfig.map(|bytes| bytes.expose_secret().len()).unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.detail.as_ref().unwrap().starts_with("not supported: "), "{}", told(&error));
        assert!(error.hint.is_some());
    }
    assert_eq!(scene.fake.counts(), (0, 0));
}

#[test]
fn volumes_are_local_and_nothing_more_is_an_opinion() {
    use kompox_model::{App, ComposeSource};
    let app = App::new("app".parse().unwrap(), ComposeSource::Inline(String::new()));
    let driver = K3s::new(None, &provider());
    let class = driver.disks().unwrap().class(&configured(&[]), &app, &app.volumes[0]).unwrap();
    assert_eq!(class.kind, VolumeKind::Local);
    assert_eq!((class.storage_class, class.access_modes), (None, vec!["ReadWriteOncePod".to_owned()]));
    assert!(class.mount_options.is_empty());
}
