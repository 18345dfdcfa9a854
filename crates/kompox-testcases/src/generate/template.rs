//! Random text with variables. Pure.

use crate::Random;

/// Names: some are set, some empty, some unset.
const NAMES: [&str; 7] = ["A", "B", "EMPTY", "UNSET", "N1", "_U", "a"];
const PLAIN: [&str; 14] =
    ["x", "text", "a b", "1", "/p", "-", ".", ":", "=", "é", "'q'", "\"q\"", "\\", "$$"];

/// Text as people write it, mostly valid.
pub fn template(random: &mut Random) -> String {
    let parts = random.between(1, 3);
    (0..parts).map(|_| part(random, 2)).collect()
}

fn part(random: &mut Random, depth: usize) -> String {
    let name = random.pick(&NAMES);
    match random.below(if depth == 0 { 8 } else { 13 }) {
        0..6 => random.pick(&PLAIN).to_owned(),
        6 => format!("${name}"),
        7 => format!("${{{name}}}"),
        _ => {
            let operator = random.pick(&[":-", "-", ":-", "-", ":+", "+", ":-", "?"]);
            // Docker Compose looks at operands that are not needed; whether there is an error in them.
            let operator = if operator == "?" && depth < 2 { "-" } else { operator };
            // A variable that must be there mostly is.
            let name = if operator == "?" && !random.one_in(20) { "HOME" } else { name };
            let count = random.below(3);
            let operand: String = (0..count).map(|_| part(random, depth - 1)).collect();
            format!("${{{name}{operator}{operand}}}")
        }
    }
}
