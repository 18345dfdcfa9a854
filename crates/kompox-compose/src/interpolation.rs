//! Variables in text: `$NAME`, `${NAME}` and the operators `:-` `-` `:?` `?` `:+` `+`.
//!
//! The rules are those of Docker Compose: operands are used lazily, may nest and may hold balanced
//! braces; `$$` is a dollar; a dollar that starts no name stays; a name is an ASCII letter or
//! underscore, then letters, digits and underscores.

use std::ops::Range;

/// Braces within braces; more is refused, so that no text can exhaust the stack.
const DEPTH: usize = 50;
/// Bytes that one text may grow to.
const LENGTH: usize = 1 << 20;

/// A text with its variables replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpolated {
    /// The result.
    pub(crate) text: String,
    /// Variables that nobody defines and that have no default: they became nothing.
    pub(crate) unset: Vec<(String, Range<usize>)>,
}

/// Why a text cannot be interpolated, and which bytes of it are to blame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InterpolationError {
    pub(crate) range: Range<usize>,
    pub(crate) kind: InterpolationErrorKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InterpolationErrorKind {
    /// `${` without its `}` on the same line.
    Unclosed,
    /// What stands in the braces is no name with an optional operator.
    Malformed,
    /// `${NAME:?reason}` of a variable that is not set.
    Required { name: String, reason: String },
    /// More than [`DEPTH`] levels, or more than [`LENGTH`] bytes.
    TooLarge,
}

/// Looks a variable up.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces the variables of a text.
pub(crate) fn interpolate(text: &str, lookup: Lookup<'_>) -> Result<Interpolated, InterpolationError> {
    let mut out = Interpolated::default();
    if !text.contains('$') {
        out.text.push_str(text);
        return Ok(out);
    }
    Scan { text, lookup }.run(0..text.len(), 0, &mut out)?;
    Ok(out)
}

struct Scan<'a> {
    text: &'a str,
    lookup: Lookup<'a>,
}

impl Scan<'_> {
    fn run(
        &self,
        range: Range<usize>,
        depth: usize,
        out: &mut Interpolated,
    ) -> Result<(), InterpolationError> {
        let mut at = range.start;
        while let Some(found) = self.text[at..range.end].find('$') {
            out.text.push_str(&self.text[at..at + found]);
            let dollar = at + found;
            at = self.variable(dollar, range.end, depth, out)?;
            if out.text.len() > LENGTH {
                return Err(error(dollar..at, InterpolationErrorKind::TooLarge));
            }
        }
        out.text.push_str(&self.text[at..range.end]);
        Ok(())
    }

    /// Handles the dollar at `dollar` and returns where the text goes on.
    fn variable(
        &self,
        dollar: usize,
        end: usize,
        depth: usize,
        out: &mut Interpolated,
    ) -> Result<usize, InterpolationError> {
        let after = dollar + 1;
        match self.text[after..end].bytes().next() {
            Some(b'$') => {
                out.text.push('$');
                Ok(after + 1)
            }
            Some(b'{') => self.braced(dollar, end, depth, out),
            _ => {
                let name = self.name(after, end);
                if name.is_empty() {
                    out.text.push('$');
                } else {
                    self.value(name.clone(), dollar..name.end, out);
                }
                Ok(name.end)
            }
        }
    }

    fn braced(
        &self,
        dollar: usize,
        end: usize,
        depth: usize,
        out: &mut Interpolated,
    ) -> Result<usize, InterpolationError> {
        let line = self.text[dollar..end].find('\n').map_or(end, |at| dollar + at);
        let Some(close) = closing(self.text, dollar + 2, line) else {
            return Err(error(dollar..line, InterpolationErrorKind::Unclosed));
        };
        let whole = dollar..close + 1;
        if depth == DEPTH {
            return Err(error(whole, InterpolationErrorKind::TooLarge));
        }
        let name = self.name(dollar + 2, close);
        let rest = &self.text[name.end..close];
        if name.is_empty() {
            return Err(error(whole, InterpolationErrorKind::Malformed));
        }
        if rest.is_empty() {
            self.value(name, whole.clone(), out);
            return Ok(whole.end);
        }
        let (not_empty, operator) = match rest.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let operand = close - operator.len() + 1..close;
        let value = (self.lookup)(&self.text[name.clone()]);
        let given = value.filter(|value| !not_empty || !value.is_empty());
        match (operator.as_bytes().first(), given) {
            (Some(b'-'), None) | (Some(b'+'), Some(_)) => self.run(operand, depth + 1, out)?,
            (Some(b'-' | b'?'), Some(value)) => out.text.push_str(&value),
            (Some(b'+'), None) => {}
            (Some(b'?'), None) => {
                let mut reason = Interpolated::default();
                self.run(operand, depth + 1, &mut reason)?;
                let name = self.text[name].to_owned();
                return Err(error(whole, InterpolationErrorKind::Required { name, reason: reason.text }));
            }
            _ => return Err(error(whole, InterpolationErrorKind::Malformed)),
        }
        Ok(whole.end)
    }

    fn value(&self, name: Range<usize>, whole: Range<usize>, out: &mut Interpolated) {
        match (self.lookup)(&self.text[name.clone()]) {
            Some(value) => out.text.push_str(&value),
            None => out.unset.push((self.text[name].to_owned(), whole)),
        }
    }

    fn name(&self, start: usize, end: usize) -> Range<usize> {
        let bytes = &self.text.as_bytes()[start..end];
        let length = bytes
            .iter()
            .enumerate()
            .take_while(|(at, byte)| {
                byte.is_ascii_alphabetic() || **byte == b'_' || (*at > 0 && byte.is_ascii_digit())
            })
            .count();
        start..start + length
    }
}

/// The brace that closes the one before `start`: the balanced one, else the last of the line.
fn closing(text: &str, start: usize, end: usize) -> Option<usize> {
    let mut open = 1usize;
    let mut last = None;
    for (at, byte) in text.as_bytes()[start..end].iter().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                last = Some(start + at);
                if open == 0 {
                    return last;
                }
            }
            _ => {}
        }
    }
    last
}

const fn error(range: Range<usize>, kind: InterpolationErrorKind) -> InterpolationError {
    InterpolationError { range, kind }
}

#[cfg(test)]
#[path = "interpolation_tests.rs"]
mod tests;
