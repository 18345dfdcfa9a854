//! CPU and memory amounts in Kubernetes notation. Pure.

use std::fmt;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct QuantityError {
    text: String,
    wanted: &'static str,
}

/// CPU in thousandths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MilliCpu(pub u64);

/// An amount of memory or storage in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl MilliCpu {
    /// Reads `500m`, `2` or `0.5`.
    ///
    /// # Errors
    /// Text that is no positive CPU amount, or finer than a thousandth.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let fail = || QuantityError { text: text.to_owned(), wanted: "a CPU amount such as 500m, 2 or 0.5" };
        let milli = match text.strip_suffix('m') {
            Some(digits) => decimal(digits, 1),
            None => decimal(text, 1000),
        };
        milli.filter(|value| *value > 0).map(Self).ok_or_else(fail)
    }
}

impl Bytes {
    /// Reads an amount with the suffixes of Kubernetes: `Ki Mi Gi Ti Pi`, `k M G T P` or none.
    ///
    /// # Errors
    /// Text that is no positive whole number of bytes.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        const UNITS: [(&str, u64); 10] = [
            ("Ki", 1 << 10),
            ("Mi", 1 << 20),
            ("Gi", 1 << 30),
            ("Ti", 1 << 40),
            ("Pi", 1 << 50),
            ("k", 1_000),
            ("M", 1_000_000),
            ("G", 1_000_000_000),
            ("T", 1_000_000_000_000),
            ("P", 1_000_000_000_000_000),
        ];
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|digits| (digits, *unit)))
            .unwrap_or((text, 1));
        decimal(digits, unit)
            .filter(|value| *value > 0)
            .map(Self)
            .ok_or_else(|| QuantityError { text: text.to_owned(), wanted: "an amount such as 512Mi or 10Gi" })
    }
}

/// Reads an amount of bytes for `what` and refuses one that must have lost its unit.
///
/// # Errors
/// What [`Bytes::parse`] refuses, and less than a mebibyte.
pub fn with_unit(what: &str, text: &str) -> Result<Bytes, String> {
    let amount = Bytes::parse(text).map_err(|error| error.to_string())?;
    if amount < Bytes(1 << 20) {
        return Err(format!(
            "{what} of {} bytes is too little; a unit such as Mi or Gi may be missing",
            amount.0
        ));
    }
    Ok(amount)
}

/// `digits` (with an optional fraction) times `unit`, when that is a whole number.
fn decimal(digits: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let ok = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !ok(whole) || !ok(fraction) || fraction.len() > 9 || digits.ends_with('.') {
        return None;
    }
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    let total = (whole.parse::<u128>().ok()?.checked_mul(scale)? + fraction).checked_mul(u128::from(unit))?;
    (total % scale == 0).then(|| u64::try_from(total / scale).ok()).flatten()
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(50, "Pi"), (40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
        match units.iter().find(|(bits, _)| self.0 != 0 && self.0.is_multiple_of(1 << bits)) {
            Some((bits, unit)) => write!(f, "{}{unit}", self.0 >> bits),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cpu() {
        for (text, milli, shown) in
            [("500m", 500, "500m"), ("2", 2000, "2"), ("0.5", 500, "500m"), ("1.25", 1250, "1250m")]
        {
            let cpu = MilliCpu::parse(text).unwrap();
            assert_eq!((cpu.0, cpu.to_string().as_str()), (milli, shown));
        }
        for text in ["", "m", "0", "-1", "1.", ".5", "0.0001", "1e3", "500 m", "٣"] {
            assert!(MilliCpu::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes() {
        for (text, bytes, shown) in [
            ("1Gi", 1 << 30, "1Gi"),
            ("1.5Gi", 3 << 29, "1536Mi"),
            ("1000", 1000, "1000"),
            ("1G", 1_000_000_000, "1000000000"),
        ] {
            let amount = Bytes::parse(text).unwrap();
            assert_eq!((amount.0, amount.to_string().as_str()), (bytes, shown));
        }
        for text in ["", "Gi", "0", "-1Gi", "1gi", "1.0000000001", "999999999Pi", "1 Gi"] {
            assert!(Bytes::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shown_amounts_read_back(value in 1u64..=u64::MAX) {
            prop_assert_eq!(Bytes::parse(&Bytes(value).to_string()).unwrap().0, value);
            prop_assert_eq!(MilliCpu::parse(&MilliCpu(value).to_string()).unwrap().0, value);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}") {
            let _ = (Bytes::parse(&text).is_ok(), MilliCpu::parse(&text).is_ok());
        }
    }
}
