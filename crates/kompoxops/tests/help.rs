//! The help text of every command, as data in `help/`. `KOMPOX_BLESS=1` writes the texts anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The long help of a command, for a terminal of 100 columns.
fn help(command: &[String]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kompoxops"));
    let output = program.args(command).arg("--help").env_remove("COLUMNS").output().unwrap();
    assert!(output.status.success(), "{command:?}");
    assert!(output.stderr.is_empty(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that a help text lists, without `help`.
fn subcommands(help: &str) -> Vec<String> {
    let list =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(ToOwned::to_owned).collect()
}

#[test]
fn every_help_text_is_the_recorded_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut texts = BTreeMap::new();
    let mut open = vec![Vec::new()];
    while let Some(command) = open.pop() {
        let text = help(&command);
        open.extend(subcommands(&text).into_iter().map(|name| [command.clone(), vec![name]].concat()));
        let name = if command.is_empty() { "kompoxops".to_owned() } else { command.join("-") };
        texts.insert(format!("{name}.txt"), text);
    }
    let nouns = ["init", "app-deploy", "disk-delete", "cluster-status", "version"];
    assert!(nouns.iter().all(|noun| texts.contains_key(&format!("{noun}.txt"))), "{:?}", texts.keys());
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &texts {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &texts {
        let recorded = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(recorded, *text, "{name}");
    }
    let recorded = std::fs::read_dir(&folder).unwrap();
    let recorded: BTreeSet<_> =
        recorded.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(recorded, texts.keys().cloned().collect(), "a recorded command is gone");
}
