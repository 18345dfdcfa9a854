//! Holding the data of a container still while they are copied. Starts the container's own programs, waits for signals and
//! for its input.
//!
//! What was held is let go whatever happens: the other side says so, or dies and the input ends, the time is over, or this
//! program is told to end.

use crate::failure::{Result, cannot, conflict, invalid};
use kompox_node_protocol::{Failure, Kind, QuiesceHook, Quiesced, Released, Success};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often letting go is tried.
const ATTEMPTS: usize = 3;
/// What letting go may take at least.
const THAW_LIMIT: Duration = Duration::from_secs(30);

/// What ends the holding.
#[derive(Debug)]
enum News {
    /// The other side has what it wants.
    Release,
    /// Nobody waits any more: the input ended, or a signal came.
    Abandoned(&'static str),
    /// The program that was started has ended.
    Ended(std::io::Result<ExitStatus>),
}

/// Makes the data still, says so, waits, and lets go. `say` writes an answer.
pub(crate) fn run(hook: &QuiesceHook, mut say: impl FnMut(Result<Success>) -> Result<()>) -> Result<()> {
    let limit = Duration::from_secs(hook.seconds);
    if hook.freeze.is_empty() || hook.thaw.as_ref().is_some_and(Vec::is_empty) || limit.is_zero() {
        return say(Err(invalid("the plan has an empty command, or no time")));
    }
    let (sender, news) = channel();
    listen(&sender)?;
    let begun = Instant::now();
    let frozen = start(&hook.freeze, &sender).and_then(|child| wait(&child, &news, limit));
    let frozen = frozen.and_then(|()| {
        let took_ms = milliseconds(begun.elapsed());
        say(Ok(Success::Quiesced(Quiesced { took_ms })))
    });
    let held = Instant::now();
    let mut in_time = false;
    if frozen.is_ok() {
        in_time = match &hook.thaw {
            None => true,
            Some(_) => matches!(news.recv_timeout(limit), Ok(News::Release)),
        };
    }
    let held_ms = milliseconds(held.elapsed());
    // Also after a freeze that failed: it may have done half of its work.
    if let Some(thaw) = &hook.thaw {
        let thawed = let_go(thaw, limit);
        if let Err(failure) = thawed {
            return say(Err(failure));
        }
    }
    match frozen {
        Err(failure) => say(Err(failure)),
        Ok(()) => say(Ok(Success::Released(Released { in_time, held_ms }))),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Reports the end of the input and signals.
fn listen(sender: &Sender<News>) -> Result<()> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|error| cannot("wait for", "signals", error))?;
    let told = sender.clone();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // Nobody listens any more once all is done.
            let _ = told.send(News::Abandoned("a signal came"));
        }
    });
    let told = sender.clone();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(std::io::stdin()).read_line(&mut line);
        let news = match read {
            Ok(length) if length > 0 => News::Release,
            Ok(_) | Err(_) => News::Abandoned("nobody waits any more"),
        };
        // As above.
        let _ = told.send(news);
    });
    Ok(())
}

/// A program that runs; its end is reported.
struct Running {
    group: Option<Pid>,
    shown: String,
}

fn start(command: &[String], sender: &Sender<News>) -> Result<Running> {
    let shown = command.first().cloned().unwrap_or_default();
    let failed = |error: std::io::Error| Failure { kind: Kind::Invalid, ..cannot("start", &shown, error) };
    // Standard output carries the answers.
    let errors = std::io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut child = Command::new(&shown)
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(errors)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let told = sender.clone();
    std::thread::spawn(move || {
        // As in `listen`.
        let _ = told.send(News::Ended(child.wait()));
    });
    Ok(Running { group, shown })
}

/// Waits until the program has ended well.
fn wait(running: &Running, news: &Receiver<News>, limit: Duration) -> Result<()> {
    let shown = &running.shown;
    let abandon = |why: String| {
        if let Some(group) = running.group {
            // It may have ended by itself just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
        Err(conflict(why))
    };
    match news.recv_timeout(limit) {
        Ok(News::Ended(Ok(status))) if status.success() => Ok(()),
        Ok(News::Ended(Ok(status))) => Err(conflict(format!("{shown} failed: {status}"))),
        Ok(News::Ended(Err(error))) => Err(cannot("wait for", shown, error)),
        Ok(News::Release) => abandon(format!("{shown} was not waited for")),
        Ok(News::Abandoned(why)) => abandon(format!("{shown} was ended: {why}")),
        Err(RecvTimeoutError::Timeout) => {
            let failed = abandon(format!("{shown} did not end within {} s", limit.as_secs()));
            failed.map_err(|failure| Failure { kind: Kind::Timeout, ..failure })
        }
        Err(RecvTimeoutError::Disconnected) => abandon(format!("{shown} cannot be waited for")),
    }
}

/// Runs what lets go, again if it fails. Nothing else ends it: whoever gave up wants it most.
fn let_go(command: &[String], limit: Duration) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..ATTEMPTS {
        let (sender, news) = channel();
        last = start(command, &sender).and_then(|running| wait(&running, &news, limit.max(THAW_LIMIT)));
        if last.is_ok() {
            return Ok(());
        }
    }
    last.map_err(|failure| {
        failure.hint("the service may still be held: run its `thaw` command by hand, or restart the app")
    })
}
