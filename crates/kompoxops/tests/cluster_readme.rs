//! The README on a real cluster: its set-up command, then every command it shows, in one shell, in its order.
//!
//! A block marked `console` holds commands after `$ `, and below each the lines of its output worth showing. A command
//! ends with exit code 0, or with the one that its comment `# exit code N` names. Each line shown has to occur, in
//! order; words with a digit (times, ids, sizes, addresses) may differ. `...` stands for anything, between lines as
//! well as at the end of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Begins the line that the shell writes after each command, with the exit code.
const END: &str = "\u{1}end of command ";
const EXIT_CODE: &str = "# exit code ";

/// One command and what the document says about it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    shown: Vec<String>,
}

impl Step {
    fn exit_code(&self) -> i32 {
        self.command.split_once(EXIT_CODE).map_or(0, |(_, code)| code.trim().parse().expect("an exit code"))
    }

    /// Says what differs, if anything does.
    fn check(&self, output: &str, code: i32) -> Result<(), String> {
        let place = format!("README.md:{}: `{}`", self.line, self.command);
        if code != self.exit_code() {
            return Err(format!("{place} ended with exit code {code}\n{output}"));
        }
        let mut rest = output.lines();
        for shown in self.shown.iter().filter(|line| line.trim() != "...") {
            if !rest.any(|line| matches(line, shown)) {
                return Err(format!("{place} did not write `{shown}`, or not there\n{output}"));
            }
        }
        Ok(())
    }
}

fn matches(line: &str, shown: &str) -> bool {
    match shown.strip_suffix("...") {
        Some(start) => masked(line).starts_with(&masked(start)),
        None => masked(line) == masked(shown),
    }
}

/// The line with blanks as one, and `#` for every word that has a digit.
fn masked(line: &str) -> String {
    let mask = |word| if str::contains(word, |c: char| c.is_ascii_digit()) { "#" } else { word };
    line.split_whitespace().map(mask).collect::<Vec<_>>().join(" ")
}

/// The numbered lines of all blocks in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<(usize, &'a str)> {
    let (mut lines, mut inside) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        match (inside, line.strip_prefix("```")) {
            (None, Some(info)) => inside = Some(info == language),
            (Some(_), Some(_)) => inside = None,
            (Some(true), None) => lines.push((index + 1, line)),
            _ => {}
        }
    }
    lines
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, content) in blocks(text, "console") {
        match (content.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { line, command: command.to_owned(), shown: Vec::new() }),
            (None, Some(step)) => step.shown.push(content.to_owned()),
            (None, None) => panic!("README.md:{line}: output without a command"),
        }
    }
    steps
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout")
}

/// A shell as the reader's, in the checkout.
fn shell(script: &str) -> Command {
    let mut command = Command::new("bash");
    // The README names the folder that cargo takes by itself.
    command.args(["-c", script]).current_dir(root()).stdin(Stdio::null()).env_remove("CARGO_TARGET_DIR");
    command
}

/// What an earlier reader left is no part of the tour: neither files nor an app that was restarted with its cluster.
fn forget_earlier_readers() {
    let folder = root().join("target/demo/redmine");
    if !folder.join("kompoxops.yml").exists() {
        return;
    }
    let testbed = kompox_testbed::Testbed::of_this_checkout().expect("the checkout");
    testbed.up("a", &kompox_testbed::UpOptions::default()).expect("the cluster of the demo");
    let destroyed = Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(&folder)
        .args(["--yes", "app", "destroy", "--delete-namespace"])
        .status();
    assert!(destroyed.expect("kompoxops runs").success(), "the app of an earlier reader stays");
    fs::remove_dir_all(folder).expect("the folder goes");
}

#[test]
fn every_command_of_the_readme_works_as_shown() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let (_, demo) = blocks(&readme, "sh")[0];
    forget_earlier_readers();
    assert!(shell(demo).status().expect("bash runs").success(), "`{demo}` failed");

    let steps = steps(&readme);
    assert!(steps.len() > 10, "only {} commands found", steps.len());
    let script: String =
        steps.iter().map(|step| format!("{}\nprintf '\\n{END}%s\\n' $?\n", step.command)).collect();
    let output = shell(&format!("exec 2>&1\n{script}")).output().expect("bash runs");
    let output = String::from_utf8_lossy(&output.stdout);
    let mut parts = output.split(END);
    let mut text = parts.next().unwrap_or_default();
    let mut wrong = Vec::new();
    for step in &steps {
        let part = parts.next().unwrap_or_else(|| panic!("README.md:{}: never ended\n{output}", step.line));
        let (code, rest) = part.split_once('\n').expect("a whole line");
        wrong.extend(step.check(text, code.parse().expect("an exit code")).err());
        text = rest;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A document that shows commands without a test would sooner or later lie.
#[test]
fn no_other_document_shows_commands() {
    let docs = fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let others = ["ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name));
    let documents: Vec<_> =
        docs.chain(others).filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    assert!(documents.len() > 2, "{documents:?}");
    for path in documents {
        let text = fs::read_to_string(&path).expect("a document");
        let shown: Vec<_> =
            ["sh", "bash", "shell", "console"].iter().flat_map(|kind| blocks(&text, kind)).collect();
        assert!(shown.is_empty(), "{}: {shown:?}", path.display());
    }
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert_eq!(blocks(&readme, "sh").len(), 2, "what is not set-up belongs into a console block");
}

#[test]
fn the_readme_names_the_lineage() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let (_, lineage) = readme.split_once("## Where the name comes from").expect("the section");
    let (lineage, _) = lineage.split_once("\n## ").expect("its end");
    for part in ["Kompose", "https://github.com/kubernetes/kompose", "Kompox", "one Pod"] {
        assert!(lineage.contains(part), "{part}");
    }
}

#[test]
fn what_a_document_shows_is_told_apart() {
    let text =
        "```sh\na\nb\n```\ntext\n```console\n$ one  # exit code 3\nout 1\n...\n$ two\n```\n```\n$ no\n```\n";
    let step = |line, command: &str, shown: &[&str]| Step {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    let expected = [step(7, "one  # exit code 3", &["out 1", "..."]), step(10, "two", &[])];
    assert_eq!(steps(text), expected);
    assert_eq!(blocks(text, "sh"), [(2, "a"), (3, "b")]);
    assert_eq!(expected[0].check("before\nout   22\nafter\n", 3), Ok(()));
    for (output, code) in [("out 1\n", 0), ("other 1\n", 3), ("", 3)] {
        assert!(expected[0].check(output, code).is_err(), "{output} {code}");
    }
    assert!(matches("one 2 three", "one 1 ..."), "the rest of a line may be anything");
    let two = step(1, "two", &["b", "a"]);
    assert!(two.check("a\nb\n", 0).is_err(), "the order counts");
}
