//! What happened to a volume, kept in its record. Pure.
//!
//! An event is part of the very write that makes the change, so that neither is there without the other. What changes
//! no record of the volume, such as a later disk or a snapshot, is in the records of those.

use crate::{Holder, VolumeRecord};
use serde::{Deserialize, Serialize};

/// So many events are kept, the newest ones: a record has to stay small.
pub const HISTORY_LIMIT: usize = 100;

/// One change of a volume's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeEvent {
    /// When, RFC 3339 in UTC, by the clock of who asked for it.
    pub at: String,
    /// What was changed.
    pub what: VolumeChange,
    /// Name of the cluster that held the volume then, after the change.
    pub cluster: String,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VolumeChange {
    /// The volume was made with its first disk, which is assigned.
    Created {
        /// Name of the disk.
        disk: String,
    },
    /// Another disk was assigned.
    Assigned {
        /// Name of the disk.
        disk: String,
        /// The one before, if there was one.
        #[serde(default)]
        previous: Option<String>,
    },
    /// The disk was unassigned, and no other took its place.
    Unassigned {
        /// Name of the disk.
        disk: String,
    },
    /// The volume was fenced.
    Fenced {},
    /// The fence was opened.
    Opened {},
    /// The volume went to another cluster.
    Held {
        /// The cluster that held it before.
        from: Holder,
    },
}

impl VolumeRecord {
    /// Adds an event to a record that is about to be written with the change; nothing when the time is not known.
    pub fn note(&mut self, at: Option<&str>, what: VolumeChange) {
        let Some(at) = at else { return };
        self.history.push(VolumeEvent { at: at.to_owned(), what, cluster: self.holder.cluster.clone() });
        let surplus = self.history.len().saturating_sub(HISTORY_LIMIT);
        self.history.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn record() -> VolumeRecord {
        VolumeRecord {
            format: 1,
            identity: Identity { workspace: "ws".into(), provider: "prv".into(), app: "app".into() },
            holder: Holder { cluster: "c".repeat(63), cluster_uid: "u".repeat(63) },
            app_hash: "k9x84f".into(),
            volume: "db".into(),
            assigned: None,
            generation: 1,
            fenced: false,
            history: Vec::new(),
        }
    }

    #[test]
    fn the_newest_events_are_kept_and_fit_a_record() {
        let mut record = record();
        for number in 0..HISTORY_LIMIT + 7 {
            let at = format!("2026-01-31T08:15:00.{number:09}Z");
            record.note(Some(&at), VolumeChange::Held { from: record.holder.clone() });
        }
        assert_eq!(record.history.len(), HISTORY_LIMIT);
        assert_eq!(record.history[0].at, "2026-01-31T08:15:00.000000007Z");
        assert_eq!(record.history[HISTORY_LIMIT - 1].at, "2026-01-31T08:15:00.000000106Z");
        // The longest names there are.
        assert!(serde_json::to_string_pretty(&record).unwrap().len() < 60_000);
    }

    #[test]
    fn an_event_without_a_time_is_none() {
        let mut record = record();
        record.note(None, VolumeChange::Fenced {});
        assert_eq!(record.history, []);
        assert!(!serde_json::to_string(&record).unwrap().contains("history"));
    }
}
