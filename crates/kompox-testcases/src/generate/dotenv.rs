//! Random env files. Pure.

use super::template;
use crate::Random;

const KEYS: [&str; 8] = ["A", "B", "EMPTY", "N1", "_U", "a", "d.o-t", "L"];

/// A few lines, mostly valid.
pub fn dotenv(random: &mut Random) -> String {
    let mut out = String::new();
    for _ in 0..random.below(6) {
        let line = line(random);
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn line(random: &mut Random) -> String {
    let key = random.pick(&KEYS);
    let value = template(random);
    let bare = value.replace(['\'', '"', '\\'], "");
    match random.below(14) {
        0 => format!("# {value}"),
        1 => String::new(),
        2 => format!("{key}="),
        3 => format!("{key}='{bare}'"),
        4 => format!("{key}=\"{bare}\""),
        5 => format!("export {key}={bare}"),
        6 => format!("{key}: {bare}"),
        7 => format!("{key} = {bare} # c"),
        8 => format!("{key}={bare}#c"),
        9 => format!("{key}=\"l1\\nl2 {bare}\""),
        10 => format!("{key}='l1\nl2'"),
        11 => key.to_owned(),
        12 if random.one_in(4) => format!("  {key}={value}"),
        _ => format!("{key}={bare}"),
    }
}
