//! The commands that `cargo xtask conformance` and `cargo xtask fuzz` start, with counts in the form of Rust's own test
//! runner. Reads and writes the tests of kompox-compose; starts Docker Compose.
//!
//! `recorded DOCKER` asks the program at that path about every recorded case, with `KOMPOX_BLESS=1` to record its
//! answers. `generated DOCKER COUNT` holds both loaders against each other on so many projects. `fuzz SECONDS EXECUTIONS`
//! damages files until the first of both is reached, and `fuzz-show SEED NUMBER` prints one of its inputs. `KOMPOX_SEED`
//! repeats a run, and `KOMPOX_NUMBER` only one project of it.

use kompox_testcases::{Differential, Docker, Outcome, cases, fuzz};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments[..] {
        ["recorded", docker] => recorded(&Docker::new(docker)),
        ["generated", docker, count] => generated(Docker::new(docker), count),
        ["fuzz", seconds, executions] => fuzzed(seconds, executions),
        [fuzz::THREADS, seed, seconds, executions, journal] => threads(seed, seconds, executions, journal),
        [fuzz::ONE, seed, number] => one(seed, number),
        ["fuzz-show", seed, number] => show(seed, number),
        _ => Err("recorded DOCKER | generated DOCKER COUNT | fuzz SECONDS EXECUTIONS".into()),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The line that counts are read from.
fn result(passed: u64, failed: usize) -> bool {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    failed == 0
}

fn variable(name: &str) -> Result<Option<u64>, Box<dyn Error>> {
    Ok(std::env::var(name).ok().map(|value| value.parse()).transpose()?)
}

fn seed() -> Result<u64, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(variable("KOMPOX_SEED")?.unwrap_or(now))
}

fn recorded(docker: &Docker) -> Result<bool, Box<dyn Error>> {
    let bless = std::env::var_os("KOMPOX_BLESS").is_some();
    let cases = cases("config")?;
    let (next, different) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = docker.ask(&case.project).and_then(|answer| {
                        let same = Outcome::parse(&answer)? == case.docker;
                        if bless && !same {
                            case.record_docker(&answer)?;
                        }
                        Ok((same, answer))
                    });
                    let why = match answer {
                        Ok((true, _)) => continue,
                        Ok((false, answer)) => answer,
                        Err(error) => error.to_string(),
                    };
                    if let Ok(mut all) = different.lock() {
                        all.push((case.name.clone(), why));
                    }
                }
            });
        }
    });
    let mut different = different.into_inner()?;
    different.sort();
    for (name, answer) in &different {
        println!("{name}: Docker Compose answers\n{answer}");
        println!("test {name} ... {}", if bless { "recorded" } else { "FAILED" });
    }
    let equal = cases.len() - different.len();
    println!("{} cases, {equal} equal, {} different", cases.len(), different.len());
    Ok(result(equal as u64, if bless { 0 } else { different.len() }))
}

fn generated(docker: Docker, count: &str) -> Result<bool, Box<dyn Error>> {
    let (seed, only) = (seed()?, variable("KOMPOX_NUMBER")?);
    let numbers = only.map_or(0..count.parse()?, |number| number..number + 1);
    println!("generated projects of KOMPOX_SEED={seed}");
    let tally = Differential::new(docker)?.run(seed, numbers)?;
    for (number, finding) in &tally.findings {
        println!("\nproject {number}; KOMPOX_SEED={seed} KOMPOX_NUMBER={number} makes it again\n{finding}");
        println!("test generated::project_{number} ... FAILED");
    }
    for (reason, times) in &tally.explained {
        println!("{times:6} differ: {reason}");
    }
    let explained: u64 = tally.explained.values().sum();
    println!(
        "{} accepted and equal, {} refused by both, {explained} differences for a reason",
        tally.accepted, tally.refused
    );
    Ok(result(tally.accepted + tally.refused + explained, tally.findings.len()))
}

fn fuzzed(seconds: &str, executions: &str) -> Result<bool, Box<dyn Error>> {
    let seed = seed()?;
    println!("fuzzing with KOMPOX_SEED={seed}");
    fuzz::run(seed, seconds.parse()?, executions.parse()?)
}

fn threads(seed: &str, seconds: &str, executions: &str, journal: &str) -> Result<bool, Box<dyn Error>> {
    let report = fuzz::threads(seed.parse()?, seconds.parse()?, executions.parse()?, journal.as_ref())?;
    println!("{report}");
    Ok(result(1, report.findings.len()))
}

fn one(seed: &str, number: &str) -> Result<bool, Box<dyn Error>> {
    fuzz::one(seed.parse()?, number.parse()?)?;
    Ok(true)
}

fn show(seed: &str, number: &str) -> Result<bool, Box<dyn Error>> {
    print!("{}", fuzz::show(seed.parse()?, number.parse()?)?);
    Ok(true)
}
