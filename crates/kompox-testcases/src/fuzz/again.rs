//! Small projects that ask for much: what is written once is used again and again. Pure.

use crate::Project;
use std::fmt::Write as _;

/// The ways to do so, each with what is large at first and what uses it then.
pub const AGAIN: [(&str, Parts); 19] = [
    ("include", |large, uses| {
        let list = "  - a.yaml\n".repeat(uses / 11);
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", services(large))]
    }),
    ("include-long", |large, uses| {
        let list = "  - a.yaml\n".repeat(uses / 11);
        let long = format!("services:\n  a:\n    image: x\n    command: {}\n", "c".repeat(large));
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", long)]
    }),
    ("include-empty", |large, uses| {
        let list = "  - a.yaml\n".repeat(uses / 11);
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", format!("#{}\n", "c".repeat(large)))]
    }),
    ("include-others", |large, uses| {
        // Every line makes the model larger into which the next is taken.
        let list = "  - a.yaml\n  - b.yaml\n".repeat(uses / 22);
        let one = services(large / 2);
        let other = one.replace("  s", "  t");
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", one), ("b.yaml", other)]
    }),
    ("include-paths", |large, uses| {
        let list = "    - a.yaml\n".repeat(uses / 13);
        vec![("compose.yaml", format!("include:\n- path:\n{list}")), ("a.yaml", services(large))]
    }),
    ("include-env", |large, uses| {
        let list = "  - a.yaml\n".repeat(uses / 11);
        let model = "services:\n  a:\n    image: x\n".to_owned();
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", model), (".env", variables(large))]
    }),
    ("include-env-comment", |large, uses| {
        let list = "  - path: a.yaml\n    env_file: c.env\n".repeat(uses / 39);
        let model = "services:\n  a:\n    image: x\n".to_owned();
        let comment = format!("#{}\n", "c".repeat(large));
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", model), ("c.env", comment)]
    }),
    ("extends", |large, uses| {
        let keys: String =
            (0..large / 15).fold(String::new(), |text, at| text + &format!("      L{at}: v\n"));
        let base = format!("services:\n  a:\n    image: x\n    labels:\n{keys}");
        vec![("compose.yaml", extending(uses, "{file: a.yaml, service: a}")), ("a.yaml", base)]
    }),
    ("extends-long", |large, uses| {
        let base = format!("  a:\n    image: x\n    command: {}\n", "c".repeat(large));
        vec![("compose.yaml", extending(uses, "a") + &base)]
    }),
    ("extends-words", |large, uses| {
        let base = format!("  a:\n    image: x\n    command: {}\n", "c ".repeat(large / 2));
        vec![("compose.yaml", extending(uses, "a") + &base)]
    }),
    ("extends-many", |large, uses| {
        vec![("compose.yaml", extending(uses, "{file: a.yaml, service: s1}")), ("a.yaml", services(large))]
    }),
    ("extends-chain", |large, uses| {
        let chain: String = (1..(large + uses) / 25)
            .fold(String::new(), |text, at| text + &format!("  c{at}: {{extends: c{}}}\n", (at - 1) / 2));
        vec![("compose.yaml", format!("services:\n  c0:\n    image: x\n{chain}"))]
    }),
    ("documents", |large, uses| {
        vec![("compose.yaml", services(large) + &"---\nservices: {s1: }\n".repeat(uses / 22))]
    }),
    ("documents-list", |large, uses| {
        let ports: String =
            (1..large / 13).fold(String::new(), |text, at| text + &format!("    - \"{at}\"\n"));
        let more = "---\nservices: {a: {ports: [\"1\"]}}\n".repeat(uses / 35);
        vec![("compose.yaml", format!("services:\n  a:\n    image: x\n    ports:\n{ports}{more}"))]
    }),
    ("env-file", |large, uses| {
        vec![("compose.yaml", using(uses, "env_file: a.env")), ("a.env", variables(large))]
    }),
    ("env-file-comment", |large, uses| {
        let comment = format!("#{}\n", "c".repeat(large));
        vec![("compose.yaml", using(uses, "env_file: a.env")), ("a.env", comment)]
    }),
    ("label-file", |large, uses| {
        vec![("compose.yaml", using(uses, "label_file: a.env")), ("a.env", variables(large))]
    }),
    ("configs", |large, uses| {
        let (mut used, mut configs) = (String::new(), String::new());
        for at in 0..uses / 36 {
            write!(used, "c{at},").unwrap_or_else(|_| unreachable!("a String takes all text"));
            let one = if at % 2 == 0 { "file: a.txt" } else { "environment: A" };
            writeln!(configs, "  c{at}: {{{one}}}")
                .unwrap_or_else(|_| unreachable!("a String takes all text"));
        }
        let model = format!("services:\n  a: {{image: x, configs: [{used}]}}\nconfigs:\n{configs}");
        let half = "c".repeat(large / 2);
        vec![("compose.yaml", model), ("a.txt", half.clone()), (".env", format!("A={half}\n"))]
    }),
    ("variables", |large, uses| {
        let list = "  - a.yaml\n".repeat(uses / 22);
        let values: String =
            (0..uses / 40).fold(String::new(), |text, at| text + &format!("      L{at}: $A\n"));
        let model = format!("services:\n  a:\n    image: x\n    labels:\n{values}");
        let env = format!("A={}\n", "c".repeat(large));
        vec![("compose.yaml", format!("include:\n{list}")), ("a.yaml", model), (".env", env)]
    }),
];

/// Makes the files out of how many bytes are used and how many bytes use them.
pub type Parts = fn(usize, usize) -> Vec<(&'static str, String)>;

/// The project of such parts.
#[must_use]
pub fn again(parts: Parts, large: usize, uses: usize) -> Project {
    let files = parts(large, uses).into_iter();
    let files = files.map(|(name, text)| (format!("/project/{name}"), text.into_bytes())).collect();
    Project { files, request: Vec::new() }
}

fn services(bytes: usize) -> String {
    (0..bytes / 21).fold("services:\n".to_owned(), |text, at| text + &format!("  s{at}: {{image: x}}\n"))
}

fn extending(bytes: usize, what: &str) -> String {
    (0..bytes / (what.len() + 24))
        .fold("services:\n".to_owned(), |text, at| text + &format!("  e{at}: {{extends: {what}}}\n"))
}

fn using(bytes: usize, what: &str) -> String {
    (0..bytes / (what.len() + 24))
        .fold("services:\n".to_owned(), |text, at| text + &format!("  s{at}: {{image: x, {what}}}\n"))
}

fn variables(bytes: usize) -> String {
    (0..bytes / 8).fold(String::new(), |text, at| text + &format!("A{at}=v\n"))
}
