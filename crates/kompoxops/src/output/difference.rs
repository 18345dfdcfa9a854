//! Unified differences of two texts. Pure.

/// Lines around a change.
const CONTEXT: usize = 3;
/// Largest table that is computed for the shortest difference; beyond it, all lines in between are exchanged.
const LIMIT: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The difference between two texts with headings, in colours if `colour`; empty when they are equal.
pub(crate) fn unified(before: (&str, &str), after: (&str, &str), colour: bool) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (before.1.lines().collect(), after.1.lines().collect());
    let lines = compare(&old, &new);
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let paint = |code: &str, text: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m\n") } else { format!("{text}\n") }
    };
    let mut text = paint("1", &format!("--- {}", before.0)) + &paint("1", &format!("+++ {}", after.0));
    for hunk in hunks(&lines) {
        text.push_str(&paint("36", &header(&lines, &hunk)));
        for line in &lines[hunk] {
            text.push_str(&match line {
                Line::Same(line) => format!(" {line}\n"),
                Line::Gone(line) => paint("31", &format!("-{line}")),
                Line::New(line) => paint("32", &format!("+{line}")),
            });
        }
    }
    text
}

/// `@@ -1,2 +1,3 @@`: where a hunk begins in both texts, and how many lines of each it shows.
fn header(lines: &[Line<'_>], hunk: &std::ops::Range<usize>) -> String {
    let count =
        |lines: &[Line<'_>], other: fn(&Line<'_>) -> bool| lines.iter().filter(|line| !other(line)).count();
    let range = |other: fn(&Line<'_>) -> bool| {
        let (before, inside) = (count(&lines[..hunk.start], other), count(&lines[hunk.clone()], other));
        format!("{},{inside}", if inside == 0 { before } else { before + 1 })
    };
    let old = range(|line| matches!(line, Line::New(_)));
    let new = range(|line| matches!(line, Line::Gone(_)));
    format!("@@ -{old} +{new} @@")
}

/// Stretches with changes and the lines around them.
fn hunks(lines: &[Line<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    let changes = lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_)));
    for (at, _) in changes {
        let (start, end) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(lines.len()));
        match hunks.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => hunks.push(start..end),
        }
    }
    hunks
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut lines: Vec<Line<'a>> = old[..start].iter().map(|line| Line::Same(line)).collect();
    if a.len().saturating_mul(b.len()) > LIMIT {
        lines.extend(a.iter().map(|line| Line::Gone(line)));
        lines.extend(b.iter().map(|line| Line::New(line)));
    } else {
        shortest(a, b, &mut lines);
    }
    lines.extend(old[old.len() - end..].iter().map(|line| Line::Same(line)));
    lines
}

/// The difference by the longest common subsequence.
fn shortest<'a>(a: &[&'a str], b: &[&'a str], lines: &mut Vec<Line<'a>>) {
    let width = b.len() + 1;
    // The length of the longest common subsequence of the rests.
    let mut common = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Same(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Gone(a[i]));
            i += 1;
        } else {
            lines.push(Line::New(b[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_are_shown_with_their_surroundings() {
        let old: String = (1..=12).map(|n| format!("{n}\n")).collect();
        let new = old.replace("2\n3\n", "2\nnew\n").replace("11\n", "");
        let expected = "\
--- a
+++ b
@@ -1,6 +1,6 @@
 1
 2
-3
+new
 4
 5
 6
@@ -8,5 +8,4 @@
 8
 9
 10
-11
 12
";
        assert_eq!(unified(("a", &old), ("b", &new), false), expected);
        assert_eq!(unified(("a", &old), ("b", &old), false), "");
        let one = unified(("a", ""), ("b", "x\n"), true);
        assert_eq!(
            one,
            "\u{1b}[1m--- a\u{1b}[0m\n\u{1b}[1m+++ b\u{1b}[0m\n\u{1b}[36m@@ -0,0 +1,1 @@\u{1b}[0m\n\u{1b}[32m+x\u{1b}[0m\n"
        );
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_back(old in "[ab\n]{0,40}", new in "[ab\n]{0,40}") {
            let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
            let lines = compare(&old, &new);
            let side = |gone: bool| lines.iter().filter_map(|line| match line {
                Line::Same(text) => Some(*text),
                Line::Gone(text) => gone.then_some(*text),
                Line::New(text) => (!gone).then_some(*text),
            }).collect::<Vec<_>>();
            prop_assert_eq!(side(true), old);
            prop_assert_eq!(side(false), new);
        }
    }
}
