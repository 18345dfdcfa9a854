//! A token that expires in the middle of a command, and a connection that breaks around one write: whether the command ends
//! well or not, it or its repeat ends where an undisturbed one ends, and no disk is lost.

use crate::command::{Command, state};
use futures::stream::{self, StreamExt as _};
use kompox_engine::Error;
use kompox_model::Disk;
use kompox_testkit::{Fault, Recorded, When};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Commands at once: what they wait for overlaps.
const AT_ONCE: usize = 8;
/// What a command among so many may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) type State = (Vec<Value>, Vec<Disk>);

/// An undisturbed command: before which of its requests a token may expire with a difference, its writes, and where it ends.
struct Undisturbed {
    steps: Vec<usize>,
    writes: usize,
    end: State,
}

async fn undisturbed(command: Command) -> Undisturbed {
    let bed = command.bed().await;
    bed.api.forget();
    command.run(&bed, bed.scope(&bed.client)).await.unwrap();
    let (requests, writes) = (bed.api.requests(), bed.api.writes().len());
    Undisturbed { steps: steps(&requests), writes, end: state(&bed).await }
}

/// What is asked for the first time, and what follows a write. The rest reads again what has not changed.
fn steps(requests: &[Recorded]) -> Vec<usize> {
    let mut known = BTreeSet::new();
    let new: Vec<_> =
        requests.iter().map(|request| known.insert((request.method.as_str(), &request.path))).collect();
    (0..requests.len()).filter(|&at| new[at] || at > 0 && requests[at - 1].is_write()).collect()
}

/// Runs the command with a fault, and once more without if it failed; returns how it failed.
pub(crate) async fn disturbed(command: Command, when: When, fault: Fault, end: &State) -> Option<Error> {
    let what = format!("{command:?}, {fault:?} at {when:?}");
    let mut bed = command.bed().await;
    bed.limit = PATIENCE;
    let before = bed.disks().await;
    bed.api.plant(when, fault);
    let failed = command.run(&bed, bed.scope(&bed.client)).await.err();
    bed.api.heal();
    harmless(command, &before, &bed.disks().await, &what);
    if failed.is_some() {
        // It had done everything but could not say so: going back once more is a new switch.
        let all_done = matches!(command, Command::AttachPrevious) && &state(&bed).await == end;
        // A Lease that could not be given back is nobody's after a while.
        bed.api.set_clock(Duration::from_secs(60));
        let again = command.run(&bed, bed.scope(&bed.client)).await;
        again.unwrap_or_else(|error| panic!("after {what}: {error}"));
        harmless(command, &before, &bed.disks().await, &what);
        if all_done {
            return failed;
        }
    }
    let found = state(&bed).await;
    assert_eq!(found.0.len(), end.0.len(), "after {what}, which gave {failed:?}");
    for (found, end) in found.0.iter().zip(&end.0) {
        assert_eq!(found, end, "after {what}, which gave {failed:?}");
    }
    assert_eq!(found.1, end.1, "after {what}, which gave {failed:?}");
    failed
}

/// Nothing is lost that was not asked to go, and one disk at most is assigned.
fn harmless(command: Command, before: &[Disk], found: &[Disk], what: &str) {
    let kept = |disk: &&Disk| found.iter().any(|found| found.handle == disk.handle);
    let asked_for = |disk: &&Disk| matches!(command, Command::Delete) && disk.name.as_str() == "second";
    let lost: Vec<_> = before.iter().filter(|disk| !kept(disk) && !asked_for(disk)).collect();
    assert!(lost.is_empty(), "{what}: {lost:?}");
    assert!(found.iter().filter(|disk| disk.assigned).count() <= 1, "{what}: {found:?}");
}

#[tokio::test]
async fn a_token_that_expires_at_any_step_of_any_command_does_no_harm() {
    let mut points = 0;
    for command in Command::ALL {
        let whole = undisturbed(command).await;
        points += whole.steps.len();
        let end = &whole.end;
        stream::iter(whole.steps)
            .for_each_concurrent(AT_ONCE, |before| async move {
                let fault = Fault::status(401, "Unauthorized", "Unauthorized");
                if let Some(error) = disturbed(command, When::After(before), fault, end).await {
                    let code = error.code();
                    assert_eq!(code, "kubernetes.unauthenticated", "{command:?} after {before}: {error}");
                }
            })
            .await;
    }
    println!("points: {points}");
    assert!(points > 200, "{points}");
}

#[tokio::test]
async fn a_connection_that_breaks_around_any_write_of_any_command_does_no_harm() {
    let mut points = 0;
    for command in Command::ALL {
        let whole = undisturbed(command).await;
        points += whole.writes * 2;
        let end = &whole.end;
        let cases = (1..=whole.writes).flat_map(|at| [(at, Fault::BreakBefore), (at, Fault::BreakAfter)]);
        stream::iter(cases)
            .for_each_concurrent(AT_ONCE, |(at, fault)| async move {
                if let Some(error) = disturbed(command, When::Write(at), fault.clone(), end).await {
                    assert_eq!(
                        error.code(),
                        "kubernetes.unavailable",
                        "{command:?}, {fault:?} at {at}: {error}"
                    );
                }
            })
            .await;
    }
    assert!(points > 100, "{points}");
}
