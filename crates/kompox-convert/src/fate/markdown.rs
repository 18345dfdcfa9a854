//! The table as a page of documentation. Pure.

use super::TABLE;
use kompox_compose::LIMITS;
use std::fmt::Write;

/// The page `docs/compose-support.md`.
#[must_use]
pub fn compose_support() -> String {
    let mut page = String::from(
        "# Compose keys\n\n\
         What becomes of each key of the Compose Specification. The page is printed from the table that the\n\
         converter obeys (`crates/kompox-convert/src/fate/table.rs`); do not edit it by hand.\n\n\
         - **map**: the same behaviour.\n\
         - **adapt**: close to it; a note says what differs.\n\
         - **refuse**: an error with file, line and column, and what to write instead.\n\
         - **ignore**: without meaning on a cluster; a note, once per key.\n\n\
         A key that is not listed is refused as unknown to this version.\n",
    );
    for rows in TABLE.chunk_by(|a, b| a.section == b.section) {
        if let Some(first) = rows.first() {
            let _ = write!(page, "\n## {}\n\n| key | fate | how |\n|---|---|---|\n", first.section.title());
        }
        for row in rows {
            let _ = writeln!(page, "| `{}` | {} | {} |", row.key, row.fate.word(), row.text);
        }
    }
    page.push_str(
        "\n## Files and limits\n\n\
         Files that a project names are read beneath its folder, wherever symlinks lead; `--allow-outside` lets a project\n\
         read others, too. What it includes must be there, also the folder that `project_directory` names.\n\n\
         A project with more than this is refused, so that no file takes more than a moment to load:\n\n\
         | what | at most |\n|---|---|\n",
    );
    for (what, most) in LIMITS {
        let _ = writeln!(page, "| {what} | {most} |");
    }
    page
}
