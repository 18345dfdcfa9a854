//! What gaps of an inventory forbid. Pure.

use kompox_model::port::{DiskGap, ErrorKind, GapKind, PortError};

/// The error of an operation that must not take "not seen" for "not there": Conflict when a place is not the one that
/// was there before, else Unavailable; all gaps are named. None without gaps.
#[must_use]
pub fn forbid(gaps: &[DiskGap], frame: impl Fn(ErrorKind) -> PortError) -> Option<PortError> {
    let worst = gaps.iter().map(|gap| gap.kind).max_by_key(|kind| match kind {
        GapKind::Unreachable => 0,
        GapKind::NotInstalled => 1,
        GapKind::Foreign => 2,
    })?;
    let (kind, hint) = match worst {
        GapKind::Unreachable => (ErrorKind::Unavailable, "repeat the command when every node answers"),
        GapKind::NotInstalled => (ErrorKind::Unavailable, "run `kompoxops cluster install` first"),
        GapKind::Foreign => {
            (ErrorKind::Conflict, "bring back the storage that was there before, then repeat")
        }
    };
    let places = gaps.iter().map(|gap| gap.message.as_str()).collect::<Vec<_>>().join("; ");
    Some(frame(kind).detail(format!("not every place could be looked into: {places}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_gap_decides_and_all_are_named() {
        let frame = |kind| PortError::new(kind, "test", "create", "disk");
        let gap = |kind, message: &str| DiskGap { kind, message: message.to_owned() };
        assert!(forbid(&[], frame).is_none());
        let gaps = [
            gap(GapKind::Unreachable, "node a is silent"),
            gap(GapKind::Foreign, "node b has another store"),
        ];
        let error = forbid(&gaps, frame).unwrap();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert_eq!(
            error.detail.unwrap(),
            "not every place could be looked into: node a is silent; node b has another store"
        );
        assert_eq!(forbid(&gaps[..1], frame).unwrap().kind, ErrorKind::Unavailable);
    }
}
