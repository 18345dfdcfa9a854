//! Rows of the result and their statistics. Prints; everything else is pure.

/// One line: ours against theirs.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) ours: Vec<f64>,
    pub(super) theirs: Vec<f64>,
    pub(super) unit: &'static str,
    /// The ratio not to be exceeded; infinite without one.
    pub(super) goal: f64,
}

impl Row {
    pub(super) fn new(
        what: impl Into<String>,
        ours: Vec<f64>,
        theirs: Vec<f64>,
        unit: &'static str,
        goal: f64,
    ) -> Self {
        Self { what: what.into(), ours, theirs, unit, goal }
    }
}

/// Prints a table of medians.
pub(super) fn print(rows: &[Row]) {
    print_as(["ours", "theirs"], rows);
}

/// The same where the two sides are called otherwise.
pub(super) fn print_as([ours, theirs]: [&str; 2], rows: &[Row]) {
    println!("{:<55} {ours:>10} {theirs:>10} {:>7} {:>7}", "median of whole processes", "ratio", "goal");
    for Row { what, ours, theirs, unit, goal } in rows {
        let (ours, theirs) = (at(ours, 0.5), at(theirs, 0.5));
        let ratio = ours / theirs;
        let verdict = if ratio <= *goal { "" } else { "  missed" };
        let goal = if goal.is_finite() { format!("{goal:.2}") } else { "-".to_owned() };
        println!("{what:<57} {ours:>8.3} {unit:<3} {theirs:>8.3} {unit:<3} {ratio:>6.2} {goal:>6}{verdict}");
    }
}

/// Prints a line of half and nearly all of the values, in seconds.
pub(super) fn print_spread(what: &str, values: &[f64]) {
    println!("{what:<57} p50 {:.3} s  p99 {:.3} s  of {}", at(values, 0.5), at(values, 0.99), values.len());
}

/// Prints a line of the value that this part of all values does not exceed, with what it should not exceed.
pub(super) fn print_limit(what: &str, values: &[f64], part: f64, unit: &str, goal: f64) {
    let value = at(values, part);
    let verdict = if value <= goal { "" } else { "  missed" };
    print_line(what, &format!("{value:.3} {unit}  goal {goal} {unit}{verdict}"));
}

/// Prints a line of its own.
pub(super) fn print_line(what: &str, value: &str) {
    println!("{what:<57} {value}");
}

/// The value that this part of all values does not exceed; not a number if there are none.
pub(super) fn at(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a position in a short list"
    )]
    let position = ((values.len() as f64 * part) as usize).min(values.len().saturating_sub(1));
    values.get(position).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn parts_of_values_are_found_whatever_their_order() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!([at(&values, 0.0), at(&values, 0.5), at(&values, 0.99)], [1.0, 2.0, 3.0]);
        let hundred: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!([at(&hundred, 0.5), at(&hundred, 0.99), at(&hundred, 1.0)], [50.0, 99.0, 99.0]);
        assert!(at(&[], 0.5).is_nan());
    }
}
