//! The threads of a run. Ends the process if an input does not end.

use super::corpus::Corpus;
use super::report::{Finding, Report, Slowest};
use super::supervise::Journal;
use super::target::Target;
use super::{LIMIT, MEMORY, SIZE, check, kernel, supervise};
use crate::{Project, Random};
use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Threads, each with every second input.
const THREADS: u64 = 2;
/// An input that takes this long is taken for one that does not end.
const ENDLESS: Duration = Duration::from_secs(20);
/// Inputs of a thread between two looks at the memory.
const BETWEEN: u64 = 16;
/// Findings after which it is enough.
const MOST: usize = 10;

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What the threads share.
struct Shared<'a> {
    corpus: &'a Corpus,
    seed: u64,
    end: Instant,
    /// Numbers from here on are not run.
    executions: u64,
    journal: Journal,
    report: Mutex<Report>,
    stop: AtomicBool,
    /// The input of each thread.
    now: [AtomicU64; THREADS as usize],
}

/// Makes the input with a number.
pub(super) fn input(corpus: &Corpus, seed: u64, number: u64) -> Project {
    Target::of(number).make(corpus, &mut Random::of(seed, number))
}

/// Runs inputs in this process until the time or the number is reached.
///
/// # Errors
/// When the corpus cannot be read, or a finding or the journal cannot be written.
pub fn threads(seed: u64, seconds: u64, executions: u64, journal: &Path) -> Result<Report, Box<dyn Error>> {
    let corpus = Corpus::read()?;
    let begun = Instant::now();
    let shared = Shared {
        corpus: &corpus,
        seed,
        end: begun + Duration::from_secs(seconds),
        executions,
        journal: Journal::open(journal)?,
        report: Mutex::default(),
        stop: AtomicBool::new(false),
        now: Default::default(),
    };
    std::panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string())));
    let failed = std::thread::scope(|scope| {
        let (ended, watch) = channel::<()>();
        let shared = &shared;
        let worker = |thread: u64| {
            let ended = ended.clone();
            scope.spawn(move || {
                let outcome = shared.work(thread).map_err(|error| error.to_string());
                drop(ended);
                outcome
            })
        };
        let workers: Vec<_> = (0..THREADS).map(worker).collect();
        drop(ended);
        let mut seen = [0; THREADS as usize];
        while watch.recv_timeout(ENDLESS) == Err(RecvTimeoutError::Timeout) {
            shared.watch(&mut seen);
        }
        let panicked = || Err("a thread failed".to_owned());
        workers.into_iter().find_map(|worker| worker.join().unwrap_or_else(|_| panicked()).err())
    });
    drop(std::panic::take_hook());
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut report = shared.report.into_inner()?;
    report.took = begun.elapsed();
    report.peak = kernel::peak();
    Ok(report)
}

impl Shared<'_> {
    fn work(&self, thread: u64) -> Result<(), Box<dyn Error>> {
        let mut executions = 0;
        let mut number = thread;
        while number < self.executions && Instant::now() < self.end && !self.stop.load(Ordering::Relaxed) {
            self.now[usize::try_from(thread)?].store(number, Ordering::Relaxed);
            self.journal.write(thread, number)?;
            let project = input(self.corpus, self.seed, number);
            if let Some(what) = self.run(number, &project) {
                self.found(number, &project, &what)?;
            }
            executions += 1;
            if executions % BETWEEN == 0 && kernel::peak() > MEMORY {
                self.memory(number)?;
            }
            number += THREADS;
        }
        if let Ok(mut report) = self.report.lock() {
            report.executions += executions;
        }
        Ok(())
    }

    /// Runs one input; what is wrong with it.
    fn run(&self, number: u64, project: &Project) -> Option<String> {
        let once = || catch_unwind(AssertUnwindSafe(|| check(project)));
        let mut took = match once() {
            Err(_) => return Some(format!("panic: {}", PANIC.take())),
            Ok(Err(wrong)) => return Some(wrong),
            Ok(Ok(checked)) => checked.longest,
        };
        let known = self.report.lock().ok()?.slowest.as_ref().map_or(Duration::ZERO, |slowest| slowest.took);
        let size = project.size();
        if took <= known || size > SIZE {
            return None;
        }
        // Something else may have had the processor: the best of several times is the input's own.
        for _ in 0..3 {
            took = took.min(once().ok()?.ok()?.longest);
        }
        let mut report = self.report.lock().ok()?;
        if report.slowest.as_ref().is_none_or(|slowest| slowest.took < took) {
            report.slowest = Some(Slowest { took, target: Target::of(number), size, number });
        }
        (took > LIMIT).then(|| format!("slow: {size} bytes take {} ms", took.as_millis()))
    }

    fn found(&self, number: u64, project: &Project, what: &str) -> Result<(), Box<dyn Error>> {
        let finding = Finding::write(self.seed, number, project, what)?;
        let mut report = self.report.lock().map_err(|_| "a thread failed")?;
        // Only what is slower than this is looked at again.
        report.findings.push(finding);
        if report.findings.len() >= MOST {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Looks for the input that took the memory, and ends the run: the largest set never becomes smaller again.
    fn memory(&self, number: u64) -> Result<(), Box<dyn Error>> {
        if self.stop.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let peak = kernel::peak();
        let mut culprit = number;
        let first = number.saturating_sub(2 * BETWEEN * THREADS);
        for candidate in first..number + 2 * BETWEEN * THREADS {
            if supervise::alone(self.seed, candidate)?.is_none_or(|peak| peak > MEMORY) {
                culprit = candidate;
                break;
            }
        }
        let project = input(self.corpus, self.seed, culprit);
        self.found(culprit, &project, &format!("memory: {peak:.0} MiB"))
    }

    /// Ends the process when a thread has been at one input since the last look.
    fn watch(&self, seen: &mut [u64; THREADS as usize]) {
        for (now, seen) in self.now.iter().zip(seen) {
            let number = now.load(Ordering::Relaxed);
            if number == *seen && number >= THREADS && !self.stop.load(Ordering::Relaxed) {
                let project = input(self.corpus, self.seed, number);
                let what = format!("endless: not done within {} s", ENDLESS.as_secs());
                let written = Finding::write(self.seed, number, &project, &what);
                println!("test fuzz::input_{number} ... FAILED\n{what}: {written:?}");
                println!("test result: FAILED. 0 passed; 1 failed; 0 ignored");
                std::process::exit(1);
            }
            *seen = number;
        }
    }
}
