//! A failure as text for people and as JSON. Pure.

use crate::exit::Failure;
use kompox_engine::{Error, FailureReport};
use kompox_model::port::ErrorKind;
use serde_json::{Value, json};
use std::error::Error as _;
use std::fmt::Write;

/// The failure with its causes, what it saw, and its hint; ends with a line break.
pub(crate) fn text(failure: &Failure) -> String {
    let mut text = match failure {
        Failure::Engine(Error::Interrupted { .. }) | Failure::Declined => format!("{failure}\n"),
        Failure::Engine(Error::Port(error)) if error.kind == ErrorKind::Cancelled => {
            format!("interrupted: {}\n", printable(&failure.to_string()))
        }
        _ => format!("error[{}]: {}\n", failure.reason(), printable(&failure.to_string())),
    };
    for cause in causes(failure) {
        let _ = writeln!(text, "  caused by: {}", printable(&cause));
    }
    if let Some(report) = seen(failure) {
        push_report(&mut text, report);
    }
    if let Some(hint) = failure.hint() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// The same as one JSON object.
pub(crate) fn object(failure: &Failure) -> Value {
    let mut object = json!({
        "level": "error",
        "code": failure.reason(),
        "message": failure.to_string(),
        "causes": causes(failure),
        "exit_code": failure.code(),
        "hint": failure.hint(),
    });
    if let Some(report) = seen(failure) {
        object["container"] = json!(report.container);
        object["waiting"] = json!(report.waiting);
        object["log"] = json!(report.log);
        object["events"] = json!(report.events);
    }
    object
}

fn seen(failure: &Failure) -> Option<&FailureReport> {
    match failure {
        Failure::Engine(Error::Failed(report) | Error::NotReady(report)) => Some(report),
        _ => None,
    }
}

fn push_report(text: &mut String, report: &FailureReport) {
    for waiting in &report.waiting {
        let _ = writeln!(text, "  waiting for: {}", printable(waiting));
    }
    if !report.log.is_empty() {
        let whose = report.container.as_deref().unwrap_or("the container");
        let _ = writeln!(text, "last lines of {whose}:");
        for line in &report.log {
            let _ = writeln!(text, "  | {}", printable(line));
        }
    }
    if !report.events.is_empty() {
        text.push_str("events:\n");
        for event in &report.events {
            let _ = writeln!(text, "  - {}", printable(event));
        }
    }
}

/// The chain of causes; one that only repeats the end of the message before it says nothing new.
fn causes(failure: &Failure) -> Vec<String> {
    let mut causes = Vec::new();
    let mut before = failure.to_string();
    let mut next = failure.source();
    while let Some(cause) = next {
        let message = cause.to_string();
        if !before.ends_with(&message) {
            before.clone_from(&message);
            causes.push(message);
        }
        next = cause.source();
    }
    causes
}

/// A text from elsewhere without characters that could steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::port::PortError;
    use std::io;

    #[test]
    fn causes_and_hint_follow_the_message() {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error = PortError::new(ErrorKind::Unavailable, "kubernetes", "list", "Pods")
            .detail("https://127.0.0.1:6443 cannot be reached")
            .because(cause)
            .hint("start it");
        let expected = "\
error[kubernetes.unavailable]: kubernetes: list Pods: https://127.0.0.1:6443 cannot be reached
  caused by: connection refused
hint: start it
";
        assert_eq!(text(&Failure::from(error)), expected);
    }

    #[test]
    fn a_failed_pod_shows_what_was_seen() {
        let report = FailureReport {
            cause: Some(kompox_engine::refusal::pod::CRASHED),
            headline: "container `db` ends with exit code 1 (Error), 3 times so far".to_owned(),
            container: Some("db".to_owned()),
            waiting: vec!["web".to_owned()],
            log: vec!["\u{1b}[31mno space left".to_owned()],
            events: vec!["BackOff: restarting".to_owned()],
            hint: Some("free some".to_owned()),
        };
        let expected = "\
error[app.pod.crashed]: container `db` ends with exit code 1 (Error), 3 times so far
  waiting for: web
last lines of db:
  | \u{fffd}[31mno space left
events:
  - BackOff: restarting
hint: free some
";
        let failure = Failure::Engine(Error::Failed(Box::new(report)));
        assert_eq!(text(&failure), expected);
        let object = object(&failure);
        assert_eq!(object["code"], "app.pod.crashed");
        assert_eq!((object["exit_code"].as_u64(), object["container"].as_str()), (Some(1), Some("db")));
    }

    #[test]
    fn an_interruption_is_no_error() {
        let failure = Failure::Engine(Error::Interrupted { done: "nothing was changed".to_owned() });
        assert_eq!(text(&failure), "interrupted; nothing was changed\n");
        let cancelled = PortError::new(ErrorKind::Cancelled, "kubernetes", "list", "Pods").hint("repeat");
        assert_eq!(text(&cancelled.into()), "interrupted: kubernetes: list Pods: cancelled\nhint: repeat\n");
    }

    #[test]
    fn a_cause_that_repeats_its_message_is_left_out() {
        let error = PortError::new(ErrorKind::Internal, "k3s", "read", "disk")
            .detail("it broke")
            .because(io::Error::other("it broke"));
        assert_eq!(text(&Failure::from(error)), "error[k3s.internal]: k3s: read disk: it broke\n");
    }
}
