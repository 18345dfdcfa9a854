//! Others who change the same volume meanwhile, and programs that are killed at every step.

use crate::cluster::{ExecFault, FakeCluster, run_program};
use crate::scene::{Scene, told};
use kompox_model::DiskState;
use kompox_model::port::ErrorKind;
use kompox_node_protocol::{AppRef, AssignDisk, CreateDisk, Holder, Identity, Operation, Request, VolumeRef};

/// Another program that changes the volume behind the driver's back.
fn meddle(fake: &FakeCluster, operation: Operation) {
    let request = Request::new(operation).encode().into_bytes();
    let (code, output, _) = run_program(&fake.store("a"), &["store".to_owned()], request, None);
    let text = String::from_utf8(output).unwrap();
    assert!(code == 0 && text.contains("\"ok\""), "{text}");
}

fn volume(scene: &Scene, cluster: &str) -> VolumeRef {
    let identity = Identity { workspace: "ws".to_owned(), provider: "prv".to_owned(), app: "app".to_owned() };
    VolumeRef {
        app: AppRef { identity, app_hash: scene.identity.app_hash() },
        holder: Holder { cluster: cluster.to_owned(), cluster_uid: "uid-1".to_owned() },
        volume: "default".to_owned(),
    }
}

fn create(volume: VolumeRef, disk: &str) -> Operation {
    Operation::Create(CreateDisk {
        volume,
        generation: 0,
        disk: disk.to_owned(),
        size_bytes: 1,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        source: "empty".to_owned(),
        at_rest: false,
        if_not_exists: false,
    })
}

#[tokio::test]
async fn a_first_disk_made_meanwhile_stays_the_assigned_one() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    let theirs = create(volume(&scene, "here"), "theirs");
    scene.fake.interlope(move |fake| meddle(fake, theirs));
    let ours = scene.create("default", "ours").await.unwrap();
    assert!(!ours.assigned);
    assert_eq!(scene.shown().await, ["default/theirs@a*", "default/ours@a"]);
}

#[tokio::test]
async fn a_switch_made_meanwhile_is_seen_and_the_change_decided_anew() {
    let scene = Scene::new(&["a"]);
    for name in ["one", "two", "three"] {
        scene.create("default", name).await.unwrap();
    }
    // The volume's record is at its first generation: making later disks does not change it.
    let assign = |disk: &str| {
        let volume = volume(&scene, "here");
        Operation::Assign(AssignDisk { volume, generation: 1, disk: disk.to_owned(), at: None })
    };
    let theirs = assign("two");
    scene.fake.interlope(move |fake| meddle(fake, theirs));
    assert!(scene.assign("default", "three").await.unwrap().assigned);
    let mut shown = scene.shown().await;
    shown.sort();
    assert_eq!(shown, ["default/one@a", "default/three@a*", "default/two@a"]);
}

#[tokio::test]
async fn a_disk_that_was_assigned_meanwhile_is_not_deleted() {
    let scene = Scene::new(&["a"]);
    scene.create("default", "one").await.unwrap();
    scene.create("default", "two").await.unwrap();
    // A refusal that is not about the generation is final: one look, one change, one more look.
    let before = scene.fake.counts().1;
    assert_eq!(scene.delete("default", "one").await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(scene.fake.counts().1 - before, 3);
    let volume = volume(&scene, "here");
    let theirs = Operation::Assign(AssignDisk { volume, generation: 1, disk: "two".to_owned(), at: None });
    scene.fake.interlope(move |fake| meddle(fake, theirs));
    let error = scene.delete("default", "two").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(told(&error).contains("disk `two` is assigned"), "{}", told(&error));
}

#[tokio::test]
async fn a_volume_taken_by_another_cluster_meanwhile_is_left_alone() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    let theirs = create(volume(&scene, "elsewhere"), "theirs");
    scene.fake.interlope(move |fake| meddle(fake, theirs));
    let error = scene.create("default", "ours").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(told(&error).contains("held by cluster elsewhere"), "{}", told(&error));
    assert_eq!(scene.shown().await, ["default/theirs@a*"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_disks_at_once_leave_one_assigned() {
    let scene = Scene::new(&["a"]);
    let (one, two) = tokio::join!(scene.create("default", "one"), scene.create("default", "two"));
    assert_ne!(one.unwrap().assigned, two.unwrap().assigned);
    let disks = scene.list().await.unwrap().disks;
    assert_eq!((disks.len(), disks.iter().filter(|disk| disk.assigned).count()), (2, 1));
}

/// Repeats `act` with a program that is killed before its n-th change, for every n until it gets through, and hands each
/// cut to `check`.
async fn cut_at_every_step<T>(
    scene: &Scene,
    act: impl AsyncFn() -> Result<T, kompox_model::port::PortError>,
    check: impl AsyncFn(&Scene),
) -> usize {
    for n in 1..100 {
        scene.fake.set_program_fault(&format!("abort:{n}"));
        let result = act().await;
        let unused = scene.fake.take_program_fault();
        match result {
            Ok(_) => {
                assert!(!unused, "no change was sent");
                return n;
            }
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable, "{}", told(&error)),
        }
        check(scene).await;
    }
    panic!("it never got through");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_programs_lose_nothing_and_repeats_complete_them() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    let steps = cut_at_every_step(
        &scene,
        async || scene.create("default", "one").await,
        async |scene| {
            let disks = scene.list().await.unwrap().disks;
            assert!(disks.is_empty() || disks[0].assigned, "{disks:?}");
        },
    )
    .await;
    assert!(steps > 3, "only {steps} steps");
    scene.create("default", "two").await.unwrap();
    cut_at_every_step(
        &scene,
        async || scene.assign("default", "two").await,
        async |scene| {
            let disks = scene.list().await.unwrap().disks;
            assert_eq!(disks.iter().filter(|disk| disk.assigned).count(), 1, "{disks:?}");
            assert!(disks.iter().all(|disk| disk.state == DiskState::Ready), "{disks:?}");
        },
    )
    .await;
    // A delete that got through before its program was killed is reported as "was not there" by its repeat.
    for n in 1..100 {
        scene.fake.set_program_fault(&format!("abort:{n}"));
        let result = scene.delete("default", "one").await;
        scene.fake.take_program_fault();
        assert_eq!(scene.shown().await.last().map(String::as_str), Some("default/two@a*"));
        if result.is_ok() {
            break;
        }
        assert_eq!(result.unwrap_err().kind, ErrorKind::Unavailable);
    }
    assert_eq!(scene.shown().await, ["default/two@a*"]);
}

/// Seen on a real cluster: a Pod of kompox-node that was ready is replaced just when it is asked.
#[tokio::test]
async fn a_program_that_is_killed_while_it_is_asked_is_asked_again() {
    let scene = Scene::new(&["n1", "n2"]);
    scene.fake.set_fault("n1", Some(ExecFault::IsKilled));
    scene.after_install().await.unwrap();
    scene.fake.set_fault("n1", Some(ExecFault::Says("no answer")));
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

/// Seen on a real cluster: a container runtime under load does not report that a command has ended.
#[tokio::test(start_paused = true)]
async fn an_answer_counts_though_the_end_of_the_program_is_lost() {
    let scene = Scene::new(&["n1"]);
    scene.create("default", "one").await.unwrap();
    scene.create("default", "two").await.unwrap();
    scene.fake.set_fault("n1", Some(ExecFault::EndIsLost));
    assert!(scene.delete("default", "two").await.unwrap());
    assert_eq!(scene.shown().await, ["default/one@n1*"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_lost_is_asked_once_more() {
    let scene = Scene::new(&["n1"]);
    scene.create("default", "one").await.unwrap();
    scene.fake.set_fault("n1", Some(ExecFault::IsLost));
    let (_, execs) = scene.fake.counts();
    assert_eq!(scene.shown().await, ["default/one@n1*"]);
    assert_eq!(scene.fake.counts().1, execs + 2);
}
