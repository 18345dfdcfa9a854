//! Tables for people. Pure.

use comfy_table::presets::NOTHING;

/// Columns with upper-case headings and nothing around them.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table without rows.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(headings);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(table)
    }

    /// Adds a row; an empty cell is shown as `-`.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { printable(&cell) }));
    }

    /// The lines, without blanks at their ends.
    pub(crate) fn text(&self) -> String {
        self.0.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// What comes from elsewhere, on one line and without characters that could steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_blanks() {
        let mut table = Table::new(["NAME", "SIZE"]);
        table.row(["a".to_owned(), "10Gi".to_owned()]);
        table.row(["long-name".to_owned(), String::new()]);
        table.row(["x\u{1b}\ny".to_owned(), "1".to_owned()]);
        assert_eq!(table.text(), "NAME       SIZE\na          10Gi\nlong-name  -\nx  y       1\n");
    }
}
