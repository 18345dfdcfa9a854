//! Compose volumes that get another name, another place, or go: no data are deleted, and nothing begins empty in silence.

use crate::bed::{Bed, COMPOSE, hint, kind};
use crate::volume_lines::own;
use kompox_compose::{ComposeFile, DotEnv};
use kompox_engine::{Error, app};
use kompox_model::Disk;
use kompox_model::port::{AppScope, Call, Disks as _, ErrorKind};
use serde_json::json;
use std::collections::BTreeMap;

/// The compose file with its volume under another name.
fn renamed() -> String {
    COMPOSE.replace("data:/data", "files:/data").replace("{data: {}}", "{files: {}}")
}

/// The compose file without its volume.
fn without() -> String {
    COMPOSE.replace("    volumes: [\"data:/data\"]\n", "").replace("volumes: {data: {}}\n", "")
}

/// Puts something into a compose volume's folder on the assigned disk of `volume`.
async fn fill(bed: &Bed, volume: &str, key: &str) {
    let disk = bed.disks().await.into_iter().find(|disk| disk.volume.as_str() == volume && disk.assigned);
    let disk = disk.unwrap();
    let identity = bed.identity();
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &disk.holder.uid };
    let path = format!("volumes/{key}");
    bed.memory.fill(&Call::new(&bed.cancel), scope, &disk.volume, &disk.name, &path, b"data").await.unwrap();
}

/// Deployed, with data.
async fn filled() -> Bed {
    let bed = Bed::deployed().await;
    fill(&bed, "default", "data").await;
    bed
}

async fn refused(bed: &Bed, compose: &str, code: &str) -> Error {
    bed.api.forget();
    let fingerprint = bed.memory.fingerprint();
    let error = bed.deploy(compose).await.unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::Conflict, code), "{error}");
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), fingerprint), "{error}");
    error
}

async fn start_empty(bed: &Bed, compose: &str, name: &str) {
    bed.deploy_with(compose, |options| options.start_empty.extend([name.to_owned()])).await.unwrap();
}

fn handles(disks: &[Disk]) -> Vec<&str> {
    disks.iter().map(|disk| disk.handle.as_str()).collect()
}

#[tokio::test]
async fn a_volume_that_is_removed_keeps_its_disk_and_data_and_that_is_said_once() {
    let bed = filled().await;
    let fingerprint = bed.memory.fingerprint();
    let says = "compose volume `data` is not in the compose file any more; what it holds stays in volumes/data of disk ";
    bed.deploy(&without()).await.unwrap();
    assert_eq!((bed.told.count(says), bed.memory.fingerprint()), (1, fingerprint.clone()));
    assert!(bed.api.objects().iter().all(|object| object["kind"] != "PersistentVolume"));
    bed.api.forget();
    bed.deploy(&without()).await.unwrap();
    assert_eq!((bed.told.count(says), bed.writes()), (1, Vec::new()), "a repeat has nothing to say");
    let lines = app::volumes(&bed.scope(&bed.client), &bed.load(&without())).await.unwrap().volumes;
    assert_eq!((lines[0].left[0].key.as_str(), lines[0].compose.len()), ("data", 0), "nor is it invisible");
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!(bed.memory.fingerprint(), fingerprint, "it comes back on the same disk");
    assert_eq!(bed.only("PersistentVolume")["spec"]["csi"]["volumeHandle"], "memory-1");
}

#[tokio::test]
async fn a_volume_with_another_name_does_not_start_empty_unasked() {
    let bed = filled().await;
    let error = refused(&bed, &renamed(), "app.volume.renamed").await;
    let parts =
        ["`files` would start empty", "`data`, which the compose file has no more, has data in volumes/data"];
    assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error}");
    let way = hint(&error).unwrap();
    assert!(way.contains("call it `data` again") && way.contains("--start-empty files"), "{way}");
    start_empty(&bed, &renamed(), "files").await;
    bed.api.forget();
    bed.deploy(&renamed()).await.expect("once it was accepted, it is not asked again");
    assert_eq!(bed.writes(), Vec::<String>::new());
    assert!(bed.told.has("compose volume `data` is not in the compose file any more"));
    bed.deploy(COMPOSE).await.expect("its data is where it was");
}

#[tokio::test]
async fn another_name_is_fine_where_nothing_would_seem_lost() {
    Bed::deployed().await.deploy(&renamed()).await.expect("the old one is empty");
    let bed = filled().await;
    fill(&bed, "default", "files").await;
    bed.deploy(&renamed()).await.expect("the data was moved by hand");
    let bed = filled().await;
    let both = COMPOSE.replace("\"data:/data\"", "\"data:/data\", \"files:/files\"");
    let both = both.replace("{data: {}}", "{data: {}, files: {}}");
    bed.deploy(&both).await.expect("a volume that is merely new");
    let idle = renamed().replace("{files: {}}", "{files: {}, data: {}}");
    let bed = filled().await;
    bed.deploy(&idle).await.expect("the old one is still declared, so that it was not renamed");
}

/// Its own entry in `app.volumes` goes, or gets another name, while the compose file still uses it.
#[tokio::test]
async fn an_entry_with_disks_does_not_disappear_under_a_volume_in_use() {
    for after in [None, Some("files")] {
        let mut bed = Bed::new().await;
        bed.app.volumes.push(own("db", "data"));
        bed.deploy(COMPOSE).await.unwrap();
        fill(&bed, "db", "data").await;
        let disks = bed.disks().await;
        bed.app.volumes.pop();
        bed.app.volumes.extend(after.map(|name| own(name, "data")));
        let error = refused(&bed, COMPOSE, "app.volume.vanished").await;
        assert!(error.to_string().contains("app.volumes no longer names db"), "{error}");
        assert!(hint(&error).unwrap().contains("add `- name: db` with `compose: data`"), "{error:?}");
        start_empty(&bed, COMPOSE, "data").await;
        let found = bed.disks().await;
        assert!(handles(&disks).iter().all(|handle| handles(&found).contains(handle)), "{found:?}");
    }
}

/// From a disk of its own back to the shared one, both of which are configured.
#[tokio::test]
async fn a_volume_that_gives_its_own_disk_up_does_not_start_empty_unasked() {
    let mut bed = Bed::new().await;
    bed.app.volumes.push(own("db", "data"));
    bed.deploy(COMPOSE).await.unwrap();
    fill(&bed, "db", "data").await;
    bed.app.volumes[1].compose = Some("other".into());
    let error = refused(&bed, COMPOSE, "app.volume.would-start-empty").await;
    assert!(
        hint(&error).unwrap().contains("--volume default --source sub-path:db/volumes/data"),
        "{error:?}"
    );
    bed.app.volumes[1].compose = Some("data".into());
    bed.deploy(COMPOSE).await.expect("nothing has changed");
}

/// Where the project lies is in no name of a disk, nor of anything else.
#[tokio::test]
async fn the_project_in_another_folder_has_the_same_disk() {
    let bed = filled().await;
    let (fingerprint, objects) = (bed.memory.fingerprint(), bed.api.objects());
    let files = kompox_compose::MemoryFiles::new();
    let source = app::Source {
        app: &bed.app,
        compose: &[ComposeFile {
            name: "elsewhere/of/another/name/compose.yml",
            path: "compose.yml",
            text: COMPOSE,
        }],
        dot_env: DotEnv::Read,
        files: &files,
        environment: &BTreeMap::new(),
        profiles: &[],
    };
    let (loaded, _) = app::load(&source, &mut kompox_compose::Sources::default());
    let options = crate::bed::options();
    app::deploy(&bed.scope(&bed.client), &loaded.unwrap(), &options, "tester").await.unwrap();
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), fingerprint));
    assert_eq!(bed.api.objects(), objects);
}

#[tokio::test]
async fn what_the_namespace_remembers_of_compose_volumes_is_not_forgotten_when_it_cannot_be_read() {
    let bed = filled().await;
    bed.tamper(&bed.namespace_path(), |namespace| {
        namespace["metadata"]["annotations"]["kompox.dev/compose-volumes"] = json!("{");
    });
    let error = refused(&bed, COMPOSE, "app.disk.memory-unreadable").await;
    assert!(error.to_string().contains("kompox.dev/compose-volumes"), "{error}");
}

/// An app from before there was the annotation: it is written by the next deploy and nothing is asked.
#[tokio::test]
async fn an_app_of_an_earlier_version_is_taken_as_it_is() {
    let bed = filled().await;
    bed.tamper(&bed.namespace_path(), |namespace| {
        namespace["metadata"]["annotations"].as_object_mut().unwrap().remove("kompox.dev/compose-volumes");
    });
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!(bed.remembered("kompox.dev/compose-volumes"), json!(r#"{"data":{"volume":"default"}}"#));
    assert_eq!(bed.disks().await.len(), 1);
}
