//! Differences from Docker Compose that are on purpose, as classes: what generated projects may differ in. Reads
//! `config/classes.txt`.

use crate::case::tests;
use crate::difference::{Difference, Differences, is_step};
use crate::mutate::is_yaml;
use crate::{Outcome, Project, documents};
use serde_json::Value;
use std::error::Error;

/// One class with its reason.
#[derive(Clone, Debug)]
struct Class {
    what: What,
    reason: String,
}

#[derive(Clone, Debug)]
enum What {
    /// We refuse with an error that has these texts in order.
    WeRefuse(Vec<String>),
    /// Docker Compose refuses with an error that has these texts in order.
    DockerRefuses(Vec<String>),
    /// The same for a project of several files or documents.
    DockerRefusesPart(Vec<String>),
    /// A value differs.
    Differs(Vec<String>),
    /// A list differs only by what is in it again.
    Repeated(Vec<String>),
    /// We have only a part of a list.
    Fewer(Vec<String>),
}

/// All classes.
#[derive(Clone, Debug)]
pub struct Classes(Vec<Class>);

impl Classes {
    /// Reads the file: lines `we refuse | TEXT … TEXT | reason`, `docker refuses | TEXT … TEXT | reason`, `part
    /// refused | TEXT … TEXT | reason`, `differs | PATTERN | reason`, `repeated | PATTERN | reason` and `fewer | PATTERN | reason`.
    ///
    /// # Errors
    /// When it cannot be read, and for a line of another form.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        Self::parse(&std::fs::read_to_string(tests().join("config/classes.txt"))?)
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let class = |line: &str| {
            let [kind, what, reason] = line.split(" | ").collect::<Vec<_>>()[..] else { return None };
            let texts = || what.split(" … ").map(str::to_owned).collect();
            let path = || what.split('.').map(str::to_owned).collect();
            let what = match kind {
                "we refuse" => What::WeRefuse(texts()),
                "docker refuses" => What::DockerRefuses(texts()),
                "part refused" => What::DockerRefusesPart(texts()),
                "differs" => What::Differs(path()),
                "repeated" => What::Repeated(path()),
                "fewer" => What::Fewer(path()),
                _ => return None,
            };
            (reason.len() > 10).then(|| Class { what, reason: reason.to_owned() })
        };
        let all: Result<_, _> =
            lines.map(|line| class(line).ok_or_else(|| format!("classes.txt: {line}"))).collect();
        Ok(Self(all?))
    }

    /// The reasons why two answers may differ as they do; none if one of the differences has no reason.
    #[must_use]
    pub fn reasons(
        &self,
        differences: &Differences,
        project: &Project,
        docker: &Outcome,
        ours: &Outcome,
    ) -> Option<Vec<&str>> {
        match (docker, ours) {
            (Outcome::Refused(_), Outcome::Refused(_)) => Some(Vec::new()),
            (Outcome::Refused(why), Outcome::Config(_)) => {
                let reason = self.reason(|what| match what {
                    What::DockerRefuses(texts) => in_order(why, texts),
                    What::DockerRefusesPart(texts) => in_order(why, texts) && has_parts(project),
                    _ => false,
                });
                reason.map(|reason| vec![reason])
            }
            (Outcome::Config(_), Outcome::Refused(why)) => errors(why)
                .map(|error| {
                    self.reason(|what| match what {
                        What::WeRefuse(texts) => in_order(error, texts),
                        _ => false,
                    })
                })
                .collect(),
            (Outcome::Config(docker), Outcome::Config(ours)) => differences
                .between(docker, ours)
                .iter()
                .map(|difference| {
                    self.reason(|what| match what {
                        What::Differs(path) => is_path(path, &difference.path, docker),
                        What::Repeated(path) => {
                            is_path(path, &difference.path, docker) && is_repeated(difference)
                        }
                        What::Fewer(path) => is_path(path, &difference.path, docker) && is_part(difference),
                        _ => false,
                    })
                })
                .collect(),
        }
    }

    fn reason(&self, is: impl Fn(&What) -> bool) -> Option<&str> {
        self.0.iter().find(|class| is(&class.what)).map(|class| class.reason.as_str())
    }
}

/// Whether a project is merged from more than one document.
fn has_parts(project: &Project) -> bool {
    let files = project.files.iter().filter(|(path, _)| is_yaml(path));
    let documents = files.filter_map(|(_, bytes)| documents(std::str::from_utf8(bytes).ok()?));
    documents.map(|all| all.len()).sum::<usize>() > 1 || project.options("file").len() > 1
}

/// The lines of rendered diagnostics that are errors.
fn errors(rendered: &str) -> impl Iterator<Item = &str> {
    rendered.lines().filter(|line| line.contains("error[") && !line.starts_with(' '))
}

fn in_order(text: &str, parts: &[String]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.find(part.as_str()) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Whether a pattern stands for a path, or for something above it, in what Docker Compose has. A step `*[key=text]`
/// stands for a mapping with that text under that key.
fn is_path(pattern: &[String], path: &[String], docker: &Value) -> bool {
    let Some((step, below)) = pattern.split_first() else { return true };
    let Some((key, rest)) = path.split_first() else { return false };
    let value = match docker {
        Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
        docker => docker.get(key),
    };
    let value = value.unwrap_or(&Value::Null);
    let (name, condition) = step.split_once('[').unwrap_or((step, ""));
    let holds = match condition.trim_end_matches(']').split_once('=') {
        Some((key, text)) => value.get(key).and_then(Value::as_str) == Some(text),
        None => true,
    };
    holds && is_step(name, key) && is_path(below, rest, value)
        || name == "**" && (is_path(pattern, rest, value) || is_path(below, path, docker))
}

/// Whether Docker Compose has a list and we have it without what is in it again.
fn is_repeated(difference: &Difference) -> bool {
    let docker = difference.docker.as_ref().and_then(Value::as_array);
    let mut once: Vec<&Value> = Vec::new();
    for item in docker.into_iter().flatten() {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    let ours = difference.ours.as_ref().and_then(Value::as_array);
    ours.is_some_and(|ours| ours.iter().eq(once))
}

/// Whether all that we have of a list is in that of Docker Compose, which has more.
fn is_part(difference: &Difference) -> bool {
    let list = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).cloned();
    let (Some(docker), Some(ours)) = (list(&difference.docker), list(&difference.ours)) else { return false };
    ours.len() < docker.len() && ours.iter().all(|item| docker.contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_difference_needs_a_reason() {
        let classes = Classes::parse(
            "# c\nwe refuse | error[a.b] … odd | because it is odd\nrepeated | services.*.ports | because it has no effect\n",
        )
        .unwrap();
        let differences = Differences::read().unwrap();
        let reasons = |docker: &Outcome, ours: &Outcome| {
            classes.reasons(&differences, &Project::default(), docker, ours).map(|all| all.len())
        };
        let config = |ports: Value, image: &str| {
            Outcome::Config(json!({"services": {"w": {"ports": ports, "image": image}}}))
        };
        let refused = |text: &str| Outcome::Refused(text.to_owned());
        assert_eq!(reasons(&config(json!([1]), "x"), &refused("f:1:1: error[a.b]: odd\n  help: x")), Some(1));
        assert_eq!(
            reasons(&config(json!([1]), "x"), &refused("f:1:1: error[a.b]: odd\nf:1:2: error[c]: x")),
            None
        );
        assert_eq!(reasons(&refused("x"), &config(json!([1]), "x")), None);
        assert_eq!(reasons(&refused("x"), &refused("y")), Some(0));
        assert_eq!(reasons(&config(json!([1, 2, 1]), "x"), &config(json!([1, 2]), "x")), Some(1));
        assert_eq!(reasons(&config(json!([1, 2, 1]), "x"), &config(json!([1, 2]), "y")), None);
        assert_eq!(reasons(&config(json!([1, 3]), "x"), &config(json!([2]), "x")), None);
        let class = Classes::parse("differs | services.*.ports.*[a=b].c | for the test\n").unwrap();
        let reasons = |docker: &Outcome, ours: &Outcome| {
            class.reasons(&differences, &Project::default(), docker, ours).map(|all| all.len())
        };
        assert_eq!(
            reasons(&config(json!([{"a": "b", "c": 1}]), "x"), &config(json!([{"a": "b"}]), "x")),
            Some(1)
        );
        assert_eq!(
            reasons(&config(json!([{"a": "c", "c": 1}]), "x"), &config(json!([{"a": "c"}]), "x")),
            None
        );
        let class = Classes::parse("fewer | services.*.ports | for the test\n").unwrap();
        let reasons = |docker: &Outcome, ours: &Outcome| {
            class.reasons(&differences, &Project::default(), docker, ours).map(|all| all.len())
        };
        assert_eq!(reasons(&config(json!([1, 2, 3]), "x"), &config(json!([1, 3]), "x")), Some(1));
        assert_eq!(reasons(&config(json!([1, 2, 3]), "x"), &config(json!([3, 1]), "x")), Some(1));
        assert_eq!(reasons(&config(json!([1, 2, 3]), "x"), &config(json!([1, 4]), "x")), None);
        assert_eq!(reasons(&config(json!([1, 2]), "x"), &config(json!([1, 2, 3]), "x")), None);
        assert!(Classes::parse("we refuse | x\n").is_err());
    }
}
