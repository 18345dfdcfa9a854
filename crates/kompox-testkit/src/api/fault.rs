//! Faults that a test plants in a scripted API server. Pure.

use http::Method;
use std::time::Duration;

/// Which request is hit. A fault hits once, unless it says otherwise.
#[derive(Debug, Clone)]
pub enum When {
    /// The n-th effective write from now on, counted from one. Dry runs are no writes.
    Write(usize),
    /// The n-th request from now on, counted from one, with this method and a path that ends so.
    Request {
        /// The method.
        method: Method,
        /// The end of the path.
        path: String,
        /// Which of them.
        nth: usize,
    },
    /// Every request once this many have come from now on.
    After(usize),
    /// Every request with this method and a path that ends so.
    Every {
        /// The method.
        method: Method,
        /// The end of the path.
        path: String,
    },
}

/// What happens to the request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered with a failure and has no effect.
    Status {
        /// The code.
        code: u16,
        /// The machine-readable reason, such as `ServiceUnavailable`.
        reason: &'static str,
        /// The message.
        message: String,
    },
    /// It is answered with 429, has no effect, and the client is asked to come back after so many seconds.
    RetryAfter(u32),
    /// It is answered late.
    Delay(Duration),
    /// The connection breaks before it has an effect.
    BreakBefore,
    /// The connection breaks after it had its effect, before the answer.
    BreakAfter,
    /// The connection breaks after this many bytes of the answer's body.
    BreakWithin(usize),
    /// It is never answered and has no effect.
    Hang,
}

impl Fault {
    /// A failure with a code, its reason and a message.
    #[must_use]
    pub fn status(code: u16, reason: &'static str, message: &str) -> Self {
        Self::Status { code, reason, message: message.to_owned() }
    }
}

/// The faults that are planted and have not been used up.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(When, Fault)>);

impl Faults {
    pub(crate) fn plant(&mut self, when: When, fault: Fault) {
        self.0.push((when, fault));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that hits this request, if any; all that could have been hit count on.
    pub(crate) fn hit(&mut self, method: &Method, path: &str, is_write: bool) -> Option<Fault> {
        let mut found = None;
        self.0.retain_mut(|(when, fault)| {
            if let When::After(left) = when {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => drop(found.get_or_insert_with(|| fault.clone())),
                }
                return true;
            }
            let (matches, left) = match when {
                // Handled above.
                When::After(_) => (false, None),
                When::Write(left) => (is_write, Some(left)),
                When::Request { method: wanted, path: end, nth } => {
                    (wanted == method && path.ends_with(end.as_str()), Some(nth))
                }
                When::Every { method: wanted, path: end } => {
                    (wanted == method && path.ends_with(end.as_str()), None)
                }
            };
            if !matches {
                return true;
            }
            let Some(left) = left else {
                found.get_or_insert_with(|| fault.clone());
                return true;
            };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return true;
            }
            if found.is_some() {
                // Another one was quicker; this one hits the next.
                *left = 1;
                return true;
            }
            found = Some(fault.clone());
            false
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_write_is_hit_once() {
        let mut faults = Faults::default();
        faults.plant(When::Write(2), Fault::BreakBefore);
        let hits: Vec<bool> = [true, false, true, true]
            .into_iter()
            .map(|is_write| faults.hit(&Method::POST, "/x", is_write).is_some())
            .collect();
        assert_eq!(hits, [false, false, true, false]);
    }

    #[test]
    fn two_faults_for_the_same_write_hit_one_after_the_other() {
        let mut faults = Faults::default();
        faults.plant(When::Write(1), Fault::BreakBefore);
        faults.plant(When::Write(1), Fault::BreakAfter);
        faults.plant(When::Write(4), Fault::Hang);
        let hits: Vec<Option<Fault>> = (0..5).map(|_| faults.hit(&Method::POST, "/x", true)).collect();
        assert!(matches!(
            hits.as_slice(),
            [Some(Fault::BreakBefore), Some(Fault::BreakAfter), None, Some(Fault::Hang), None]
        ));
    }

    #[test]
    fn every_request_is_hit_until_cleared() {
        let mut faults = Faults::default();
        faults.plant(When::Every { method: Method::GET, path: "/pods".into() }, Fault::Hang);
        assert!(faults.hit(&Method::GET, "/a/pods", false).is_some());
        assert!(faults.hit(&Method::GET, "/a/pods", false).is_some());
        assert!(faults.hit(&Method::GET, "/a/pods/x", false).is_none());
        faults.clear();
        assert!(faults.hit(&Method::GET, "/a/pods", false).is_none());
    }
}
