//! `docs/errors.md`, printed from the tables.

use super::*;
use crate::exit;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn exit_code(row: &Refusal) -> u8 {
    match row.code {
        "command.usage" => exit::USAGE,
        _ if row.code.starts_with("app.pod.") && row.kind == ErrorKind::Internal => exit::FAILED,
        _ => exit::code(row.kind),
    }
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = &'a Refusal>) {
    page.push_str("| code | exit | meaning | what helps |\n|---|---|---|---|\n");
    for row in rows {
        let exit = if row.code == FILE.code { "by cause".to_owned() } else { exit_code(row).to_string() };
        let _ = writeln!(page, "| `{}` | {exit} | {} | {} |", row.code, row.meaning, row.remedy);
    }
}

/// Codes of diagnostics: literals in the sources of the loaders and the converter.
fn diagnostics() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (krate, prefixes) in [
        ("kompox-yaml", &["yaml."][..]),
        ("kompox-compose", &["compose.", "dotenv.", "env."]),
        (
            "kompox-manifest",
            &["manifest.", "kompoxops.", "config.", "kom.", "cluster.", "provider.", "app.", "workspace."],
        ),
        ("kompox-convert", &["convert.", "compose.", "kompox.", "pod."]),
        ("kompoxops", &["compose.", "manifest.", "config.", "kom."]),
        ("kompox-engine", &["compose.", "convert."]),
    ] {
        collect(&root().join("crates").join(krate).join("src"), prefixes, &mut found);
    }
    found
}

fn collect(folder: &Path, prefixes: &[&str], found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, prefixes, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            // After a call's bracket, or anywhere if nothing else is written so.
            for (at, _) in text.match_indices('"') {
                let called = ["error(", "warning(", "note(", "refuse("];
                let called = called.iter().any(|call| text[..at].trim_end().ends_with(call));
                let code = text[at + 1..].split('"').next().unwrap_or_default();
                let only_codes = ["manifest.", "compose.", "yaml.", "convert."];
                let is_code = called || only_codes.iter().any(|prefix| code.starts_with(prefix));
                let plain = |b: u8| b.is_ascii_lowercase() || b == b'.' || b == b'-';
                let is_file = [".yaml", ".yml", ".json", "."].iter().any(|end| code.ends_with(end));
                if is_code
                    && !is_file
                    && code.bytes().all(plain)
                    && prefixes.iter().any(|prefix| code.starts_with(prefix))
                {
                    found.insert(code.to_owned());
                }
            }
        }
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Printed from the tables in the code; do not edit. Every failure shows its code, as `error[CODE]: message`, and\n\
         in JSON as `code`. Codes stay: scripts may rely on them and on the exit codes.\n\n\
         ## Exit codes\n\n\
         0 done, 1 failed, 2 wrong usage, 3 invalid input, 4 not found, 5 exists already or conflict, 6 denied or not\n\
         authenticated, 7 not supported, 8 unavailable, throttled or timed out, 130 interrupted. `app exec` ends with the\n\
         exit code of the remote command.\n",
    );
    let sections: [(&str, &[Refusal]); 5] = [
        ("The program", &ALL),
        ("Apps", kompox_engine::refusal::app::ALL),
        ("Pods", kompox_engine::refusal::pod::ALL),
        ("Disks", kompox_engine::refusal::disk::ALL),
        ("Clusters", kompox_engine::refusal::cluster::ALL),
    ];
    for (title, rows) in sections {
        let _ = writeln!(page, "\n## {title}\n");
        table(&mut page, rows.iter());
    }
    page.push_str("\n## Defects\n\n");
    table(&mut page, [kompox_engine::refusal::DEFECT].iter());
    page.push_str(
        "\n## What a cluster or a driver answers\n\n\
         The code is the adapter (`kubernetes`, `k3s`, `drivers`, `engine`), a dot, and one of these kinds; for instance\n\
         `kubernetes.denied`.\n\n| kind | exit | meaning | what helps |\n|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let hint = exit::kind_hint(kind).unwrap_or("the message says what to do");
        let _ = writeln!(page, "| `{}` | {} | {} | {hint} |", kind.code(), exit::code(kind), kind.phrase());
    }
    page.push_str(
        "\n## Diagnostics of files\n\n\
         Shown as `file:line:column: error[CODE]: message`, with the place and mostly a way out; exit code 3 if one of\n\
         them is an error.\n\n",
    );
    for code in diagnostics() {
        let _ = writeln!(page, "- `{code}`");
    }
    page
}

#[test]
fn the_page_of_errors_is_printed_from_the_tables() {
    kompox_testkit::golden(root().join("docs/errors.md"), &page());
}
