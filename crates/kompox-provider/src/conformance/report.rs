//! What became of each rule. Pure.

use std::fmt;

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The driver obeys it.
    Passed,
    /// The driver breaks it: the step and what happened.
    Failed(String),
    /// It could not be tried here: why.
    Skipped(String),
}

/// One rule and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// Where the rule comes from, such as `VOL-09`.
    pub requirement: String,
    /// The rule in words.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of all rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was tested.
    pub subject: String,
    /// One entry per rule, in the order of the rules.
    pub rules: Vec<RuleReport>,
}

impl Report {
    /// The rules that are broken.
    pub fn failed(&self) -> impl Iterator<Item = &RuleReport> {
        self.rules.iter().filter(|rule| matches!(rule.outcome, Outcome::Failed(_)))
    }

    /// The rules that could not be tried.
    pub fn skipped(&self) -> impl Iterator<Item = &RuleReport> {
        self.rules.iter().filter(|rule| matches!(rule.outcome, Outcome::Skipped(_)))
    }
}

/// One line per rule.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.subject)?;
        for RuleReport { requirement, name, outcome } in &self.rules {
            match outcome {
                Outcome::Passed => writeln!(f, "  passed   {requirement}: {name}")?,
                Outcome::Failed(why) => writeln!(f, "  FAILED   {requirement}: {name}\n           {why}")?,
                Outcome::Skipped(why) => writeln!(f, "  skipped  {requirement}: {name} ({why})")?,
            }
        }
        Ok(())
    }
}
