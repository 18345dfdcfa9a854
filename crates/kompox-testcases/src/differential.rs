//! Many projects that both loaders are asked about: generated ones, and recorded ones that were damaged. Starts Docker
//! Compose, on several threads; prints what it finds.

use crate::generate::{self, Schema};
use crate::{
    Case, Classes, Differences, Docker, Donors, Outcome, Project, Random, documents, mutate, ours, reduce,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Asks of Docker Compose for making one finding smaller.
const TRIES: usize = 400;
/// Findings after which it is enough.
const MOST_FINDINGS: usize = 12;

/// What the projects are made from and held against.
#[derive(Debug)]
pub struct Differential {
    docker: Docker,
    cases: Vec<Case>,
    donors: Donors,
    schema: Schema,
    differences: Differences,
    classes: Classes,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Tally {
    /// Projects that both accept and both normalise to the same.
    pub accepted: u64,
    /// Projects that both refuse.
    pub refused: u64,
    /// Projects that differ for a reason, by reason.
    pub explained: BTreeMap<String, u64>,
    /// What differs for no known reason: the number of the project with it, and how it differs.
    pub findings: Vec<(u64, String)>,
}

impl Differential {
    /// Reads the cases, the schema and the reasons.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn new(docker: Docker) -> Result<Self, Box<dyn Error>> {
        let differences = Differences::read()?;
        let mut cases = crate::cases("config")?;
        let mut donors = Donors::default();
        // Damage to what differs anyway shows the same difference again.
        cases.retain(|case| !differences.cases.contains_key(&case.name));
        for (_, bytes) in cases.iter().flat_map(|case| &case.project.files) {
            let documents = std::str::from_utf8(bytes).ok().and_then(documents);
            documents.iter().flatten().for_each(|document| donors.add(document));
        }
        let (schema, classes) = (Schema::read()?, Classes::read()?);
        Ok(Self { docker, cases, donors, schema, differences, classes })
    }

    /// One of all projects of a seed.
    #[must_use]
    pub fn project(&self, seed: u64, number: u64) -> Project {
        let mut random = Random::of(seed, number);
        let (mut project, damage) = match self.cases.get(random.below(self.cases.len())) {
            Some(case) if random.one_in(2) => (case.project.clone(), true),
            _ => (generate::project(&self.schema, &mut random), random.one_in(3)),
        };
        if damage {
            mutate(&mut project, &self.donors, &mut random);
        }
        project
    }

    /// Asks both loaders about the projects of some numbers, on several threads.
    ///
    /// # Errors
    /// When Docker Compose cannot be asked.
    pub fn run(&self, seed: u64, numbers: std::ops::Range<u64>) -> Result<Tally, Box<dyn Error>> {
        let next = AtomicU64::new(numbers.start);
        let tally = Mutex::new(Tally::default());
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let failed = std::thread::scope(|scope| {
            let work = || loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let enough = tally.lock().is_ok_and(|tally| tally.findings.len() >= MOST_FINDINGS);
                if number >= numbers.end || enough {
                    return None;
                }
                if let Err(error) = self.one(seed, number, &tally) {
                    return Some(format!("project {number} of seed {seed}: {error}"));
                }
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().find_map(|worker| worker.join().unwrap_or(Some("a thread failed".to_owned())))
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(tally.into_inner().unwrap_or_default()),
        }
    }

    fn one(&self, seed: u64, number: u64, tally: &Mutex<Tally>) -> Result<(), Box<dyn Error>> {
        let project = self.project(seed, number);
        let (docker, ours) = self.answers(&project)?;
        let shown = self.differences.shown(&docker, &ours);
        let reasons = self.classes.reasons(&self.differences, &project, &docker, &ours);
        let finding = if shown.is_some() && reasons.is_none() { Some(self.finding(&project)?) } else { None };
        let Ok(mut tally) = tally.lock() else { return Ok(()) };
        match (shown, finding) {
            (None, _) if ours.is_refused() => tally.refused += 1,
            (None, _) => tally.accepted += 1,
            (Some(_), Some(finding)) => tally.findings.push((number, finding)),
            (Some(_), None) => {
                for reason in reasons.unwrap_or_default() {
                    *tally.explained.entry(reason.to_owned()).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn answers(&self, project: &Project) -> Result<(Outcome, Outcome), Box<dyn Error>> {
        Ok((Outcome::parse(&self.docker.ask_why(project)?)?, ours::answer(project)))
    }

    /// The whole project, as small as it still differs, and how it differs.
    fn finding(&self, project: &Project) -> Result<String, Box<dyn Error>> {
        let unexplained = |project: &Project, docker: &Outcome, ours: &Outcome| {
            self.differences.shown(docker, ours).is_some()
                && self.classes.reasons(&self.differences, project, docker, ours).is_none()
        };
        let (docker, ours) = self.answers(project)?;
        let small = reduce(project, TRIES, |candidate| {
            self.answers(candidate).is_ok_and(|(new_docker, new_ours)| {
                let as_before = new_docker.is_refused() == docker.is_refused()
                    && new_ours.is_refused() == ours.is_refused();
                as_before && unexplained(candidate, &new_docker, &new_ours)
            })
        });
        let (docker, ours) = self.answers(&small)?;
        let shown = self.differences.shown(&docker, &ours).unwrap_or_default();
        Ok(format!("{}-- difference --\n{shown}", small.text()))
    }
}
