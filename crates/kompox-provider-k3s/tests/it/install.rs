//! The objects of the installation, as text beside this file; refreshed with `KOMPOX_BLESS=1`.

use crate::scene::{configured, provider, told};
use kompox_model::port::{Driver, ErrorKind};
use kompox_provider_k3s::K3s;
use std::path::Path;

#[test]
fn the_plan_is_as_written() {
    let cluster = configured(&[("K3S_DISK_STORE", "/srv/disks")]);
    let plan = K3s::new(None, &provider()).install_plan(&cluster).unwrap();
    let bodies: Vec<_> = plan.iter().map(|object| &object.body).collect();
    let text = serde_json::to_string_pretty(&bodies).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/install.json");
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}

#[test]
fn another_image_or_store_is_another_revision() {
    let driver = K3s::new(None, &provider());
    let revision = |cluster: &kompox_model::Cluster| {
        let plan = driver.install_plan(cluster).unwrap();
        let body = &plan.iter().last().unwrap().body;
        body["spec"]["template"]["metadata"]["annotations"]["kompox.dev/revision"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let usual = configured(&[]);
    assert_eq!(revision(&usual), revision(&usual));
    let mut other = usual.clone();
    other.node_image = Some("kompox-node:other".to_owned());
    assert_ne!(revision(&usual), revision(&other));
    assert_ne!(revision(&usual), revision(&configured(&[("K3S_DISK_STORE", "/srv/disks")])));
}

#[test]
fn without_an_image_the_way_to_one_is_named() {
    let mut cluster = configured(&[]);
    for image in [None, Some(String::new())] {
        cluster.node_image = image;
        let error = K3s::new(None, &provider()).install_plan(&cluster).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        let text = told(&error);
        assert!(text.contains("cluster.images.node") && text.contains("cargo xtask image"), "{text}");
    }
}
