//! `app cp`: this machine's end of a copy. IO: files and standard streams here, through a thread of its own, since
//! trees are read and written by calls that wait.

use super::MODULE;
use crate::arguments::{CopyArguments, CopyEnd};
use crate::command::stream::{self, joined, pair, size};
use crate::command::watched::Watched;
use crate::exit::Failure;
use crate::session::{Session, Use};
use kompox_engine::app::{self, CopyPlace, copy_failed};
use kompox_engine::{Event, Scope};
use kompox_model::port::ErrorKind;
use kompox_node_protocol::{COPY_VERSION, Copied, Failure as NodeFailure, Kind, PackPlan, UnpackPlan};
use kompox_tree::{Arrival, Owners, Packed, name_of, pack, receive};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// What an interrupt means for the other end, which may just have got the last byte.
const IN_MIDAIR: &str = "nothing is changed in the container unless everything had arrived there; a repeat copies \
                         everything again";

pub(super) fn run(session: &Session<'_>, arguments: &CopyArguments) -> Result<(), Failure> {
    let job = Job::new(arguments)?;
    let opened = session.open_app()?;
    session.on_cluster(&opened, MODULE, Use::Stream, async |connected| {
        let scope = connected.app()?;
        let place = app::copy_place(&scope, &job.service).await?;
        let started = Instant::now();
        let copied = match &job.way {
            Way::Out { plan, to } => out(&scope, &place, plan, to).await?,
            Way::In { plan, from } => into(&scope, &place, plan, from).await?,
        };
        tell(&scope, &copied, started.elapsed());
        Ok(())
    })
}

/// What to copy which way, checked as far as words go.
struct Job {
    service: String,
    way: Way,
}

enum Way {
    Out { plan: PackPlan, to: To },
    In { plan: UnpackPlan, from: From },
}

/// Where a copy goes on this machine.
enum To {
    Path { path: PathBuf, name: Option<OsString>, owners: Owners },
    Stdout,
}

/// Where a copy comes from on this machine.
enum From {
    Path { path: PathBuf, follow: bool },
    Stdin,
}

impl Job {
    fn new(arguments: &CopyArguments) -> Result<Self, Failure> {
        let (archive, follow) = (arguments.archive, arguments.follow_link);
        let name = |path: &Path| name_of(path).map(|name| name.map(OsStr::to_owned)).map_err(failed);
        match (&arguments.source, &arguments.destination) {
            (CopyEnd::Container { service, path }, to) => {
                let to = match to {
                    CopyEnd::Container { .. } => return Err(usage("SRC and DEST are both in a container")),
                    CopyEnd::Stream if io::stdout().is_terminal() => {
                        return Err(usage("a tar archive is nothing for a terminal"));
                    }
                    CopyEnd::Stream => To::Stdout,
                    CopyEnd::Here(path) if path.as_os_str().is_empty() => return Err(usage("DEST is empty")),
                    CopyEnd::Here(to) => To::Path {
                        path: to.clone(),
                        name: name(Path::new(path))?,
                        owners: if archive { Owners::Kept } else { Owners::Ours },
                    },
                };
                name(Path::new(path))?;
                let plan = PackPlan { version: COPY_VERSION, path: path.clone(), follow };
                Ok(Self { service: service.clone(), way: Way::Out { plan, to } })
            }
            (from, CopyEnd::Container { service, path }) => {
                let (from, name) = match from {
                    CopyEnd::Here(from) => {
                        let name = name(from)?.map(OsString::into_string).transpose().map_err(|name| {
                            failed(NodeFailure::new(
                                Kind::Invalid,
                                format!("the name {} is not UTF-8", name.display()),
                            ))
                        })?;
                        (From::Path { path: from.clone(), follow }, name)
                    }
                    _ => (From::Stdin, None),
                };
                let plan = UnpackPlan {
                    version: COPY_VERSION,
                    path: path.clone(),
                    name,
                    foreign: matches!(from, From::Stdin),
                    keep_owners: archive,
                };
                Ok(Self { service: service.clone(), way: Way::In { plan, from } })
            }
            _ => Err(usage("neither SRC nor DEST is in a container")),
        }
    }
}

fn usage(message: &str) -> Failure {
    Failure::Usage {
        message: message.to_owned(),
        hint: "write one of them as SERVICE:PATH and the other as a path of this machine, or - for a pipe; `./` before a \
               path with a colon makes it one of this machine"
            .to_owned(),
    }
}

fn failed(failure: NodeFailure) -> Failure {
    copy_failed(&failure).into()
}

/// From the container to this machine.
async fn out(scope: &Scope<'_>, place: &CopyPlace, plan: &PackPlan, to: &To) -> Result<Copied, Failure> {
    let (path, name, owners) = match to {
        To::Stdout => {
            let stdout = tokio_util::compat::TokioAsyncWriteCompatExt::compat_write(tokio::io::stdout());
            let mut stdout = Watched::new(stdout, counting(scope));
            let result = app::copy_out(scope, place, plan, &mut stdout).await;
            return match stdout.failed.take() {
                Some(error) => Err(Failure::Output(error)),
                None => Ok(result?),
            };
        }
        To::Path { path, name, owners } => (path.clone(), name.clone(), *owners),
    };
    let (far, near) = pair()?;
    let writing = tokio::task::spawn_blocking(move || {
        let arrival = Arrival { path: &path, name: name.as_deref(), foreign: false, owners };
        let received = receive(&arrival, &far);
        // What comes after the end mark is padding; without a reader the other side would see a failure.
        if received.is_ok() {
            io::copy(&mut &far, &mut io::sink())
                .map_err(|error| kompox_tree::failure::cannot("read", "the archive", error))?;
        }
        received
    });
    let mut near = Watched::new(near, counting(scope));
    let result = app::copy_out(scope, place, plan, &mut near).await;
    let refused = near.failed.is_some();
    drop(near);
    let received = joined(writing).await?;
    match (result, received) {
        (Err(error), received) if is_interrupt(&error) => Err(interrupted(match received {
            Ok(_) => "everything had arrived, and is in its place",
            Err(_) => "nothing was changed here; a repeat copies everything again",
        })),
        // This end stopped first: the other one only noticed.
        (Err(_), Err(failure)) if refused => Err(failed(failure)),
        (Err(error), _) => Err(error.into()),
        (Ok(_), Err(failure)) => Err(failed(failure)),
        (Ok(copied), Ok(_)) => Ok(copied),
    }
}

/// From this machine into the container.
async fn into(
    scope: &Scope<'_>,
    place: &CopyPlace,
    plan: &UnpackPlan,
    from: &From,
) -> Result<Copied, Failure> {
    let (path, follow) = match from {
        From::Stdin => {
            let mut stdin = Watched::new(tokio::io::stdin().compat(), counting(scope));
            return match app::copy_in(scope, place, plan, &mut stdin).await {
                Err(error) if is_interrupt(&error) => Err(interrupted(IN_MIDAIR)),
                result => Ok(result?),
            };
        }
        From::Path { path, follow } => (path.clone(), *follow),
    };
    let (far, near) = pair()?;
    let reading = tokio::task::spawn_blocking(move || {
        let packed = pack(&path, follow, &far);
        far.shutdown(Shutdown::Write)
            .map(|()| packed)
            .unwrap_or_else(|error| Err(kompox_tree::failure::cannot("end", "the archive", error)))
    });
    let mut near = Watched::new(near, counting(scope));
    let result = app::copy_in(scope, place, plan, &mut near).await;
    drop(near);
    if let Err(error) = &result
        && is_interrupt(error)
    {
        return Err(interrupted(IN_MIDAIR));
    }
    match (joined(reading).await?, result) {
        // The other end saw a stream that was cut; this one knows why.
        (Err(failure), Err(_)) if failure.kind != Kind::Cancelled => Err(failed(failure)),
        (_, Err(error)) => Err(error.into()),
        (Ok(Packed { left_out, first_left_out, .. }), Ok(copied)) => {
            Ok(Copied { left_out, first_left_out, ..copied })
        }
        (Err(failure), Ok(_)) => Err(failed(failure)),
    }
}

fn is_interrupt(error: &kompox_engine::Error) -> bool {
    matches!(error, kompox_engine::Error::Port(error) if error.kind == ErrorKind::Cancelled)
}

fn interrupted(done: &str) -> Failure {
    kompox_engine::Error::Interrupted { done: done.to_owned() }.into()
}

fn tell(scope: &Scope<'_>, copied: &Copied, took: Duration) {
    let entries = match copied.entries {
        1 => "1 entry".to_owned(),
        more => format!("{more} entries"),
    };
    let what = format!("copied {entries}, {}", size(copied.bytes));
    scope.progress.event(Event::Done { what, took });
    if copied.left_out > 0 {
        let first = copied.first_left_out.join(", ");
        let more = if copied.left_out > copied.first_left_out.len() as u64 { ", ..." } else { "" };
        let text = format!("{} left out, being sockets, pipes or devices: {first}{more}", copied.left_out);
        scope.progress.event(Event::Warning(app::one_line(&text)));
    }
}

/// Tells how much of the copy went by.
fn counting<'a>(scope: &'a Scope<'a>) -> impl FnMut(usize) + Unpin + 'a {
    let pace = stream::pace();
    let (mut bytes, mut told) = (0, Instant::now());
    move |more| {
        bytes += more as u64;
        if told.elapsed() >= pace {
            told = Instant::now();
            scope.progress.event(Event::Progressed(format!("copied {} so far", size(bytes))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(source: &str, destination: &str) -> Result<Job, Failure> {
        let end = |text: &str| CopyEnd::from(OsString::from(text));
        let (source, destination) = (end(source), end(destination));
        Job::new(&CopyArguments { source, destination, archive: false, follow_link: true })
    }

    #[test]
    fn exactly_one_end_is_in_a_container() {
        for (source, destination, message) in [
            ("web:/a", "db:/b", "both in a container"),
            ("a", "b", "neither SRC nor DEST"),
            ("-", "-", "neither SRC nor DEST"),
            ("-", "a", "neither SRC nor DEST"),
            ("web:/a", "", "DEST is empty"),
        ] {
            let Err(Failure::Usage { message: found, .. }) = job(source, destination) else {
                panic!("{source} {destination}")
            };
            assert!(found.contains(message), "{found}");
        }
        for (source, destination) in [("web:/a/..", "b"), ("web:..", "-"), ("..", "web:/a"), ("", "web:/a")] {
            assert_eq!(job(source, destination).err().map(|failure| failure.code()), Some(3), "{source}");
        }
    }

    #[test]
    fn names_and_ways_are_those_of_the_command_line() {
        let Way::Out { plan, to: To::Path { name, owners, .. } } = job("web:etc/x/", "b").unwrap().way else {
            panic!()
        };
        assert_eq!((plan.path.as_str(), plan.follow), ("/etc/x/", true));
        assert_eq!((name.as_deref(), owners), (Some(OsStr::new("x")), Owners::Ours));
        for (source, name, foreign) in [("a/b", Some("b"), false), ("a/.", None, false), ("-", None, true)] {
            let Way::In { plan, .. } = job(source, "web:/c").unwrap().way else { panic!("{source}") };
            assert_eq!((plan.name.as_deref(), plan.foreign), (name, foreign), "{source}");
        }
    }
}
