//! `app volumes`.

use super::MODULE;
use crate::arguments::VolumesArguments;
use crate::compose;
use crate::exit::Failure;
use crate::output::{self, Data, Table, printable};
use crate::session::{Session, Use};
use kompox_engine::app::{self, VolumeLine, VolumeState};
use serde::Serialize;
use std::fmt::Write as _;

pub(super) fn run(session: &Session<'_>, arguments: &VolumesArguments) -> Result<(), Failure> {
    let mut opened = session.open_app()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let app::Volumes { volumes, unknown } =
        session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
            Ok(app::volumes(&connected.app()?, &loaded).await?)
        })?;
    for place in &unknown {
        session.screen.warning(&format!("disks unknown: {place}"));
    }
    output::print(&Answer { volumes, unknown }, session.global.output)
}

/// Answer of `app volumes`.
#[derive(Serialize)]
struct Answer {
    volumes: Vec<VolumeLine>,
    /// Places that could not be looked into.
    unknown: Vec<String>,
}

fn word(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Ready => "ready",
        VolumeState::New => "new",
        VolumeState::Unknown => "unknown",
        VolumeState::Unhealthy => "unhealthy",
        VolumeState::Left => "left",
    }
}

/// The assigned disk, or why there is not just one.
fn disk(line: &VolumeLine) -> String {
    match line.assigned.as_slice() {
        [] => "none".to_owned(),
        [disk] => disk.to_string(),
        several => {
            let names: Vec<_> = several.iter().map(|disk| disk.as_str()).collect();
            format!("several: {}", names.join(" "))
        }
    }
}

/// The compose volumes on it; those that share its disk with others are shown as the folders they are.
fn compose(line: &VolumeLine) -> String {
    let shown = |volume: &app::ComposeVolume| {
        if line.own { format!("{} (a disk of its own)", volume.key) } else { volume.sub_path.clone() }
    };
    line.compose.iter().map(shown).collect::<Vec<_>>().join(" ")
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new([
            "VOLUME",
            "STATE",
            "SIZE",
            "DISK",
            "DISKS",
            "SNAPSHOTS",
            "PLACE",
            "COMPOSE VOLUMES",
            "MOUNTED BY",
        ]);
        let mut remarks = String::new();
        for line in &self.volumes {
            table.row([
                line.volume.to_string(),
                word(line.state).to_owned(),
                line.size.map(|size| size.to_string()).unwrap_or_default(),
                disk(line),
                line.disks.to_string(),
                line.snapshots.map(|count| count.to_string()).unwrap_or_default(),
                line.place.clone().unwrap_or_default(),
                compose(line),
                line.mounted_by.join(" "),
            ]);
            let left = "not in app.volumes any more; its disks stay, add it again to use or delete them";
            let left = (line.state == VolumeState::Left).then_some(left);
            let folders = line.left.iter().map(|volume| {
                format!("{} is left of a compose volume that the compose file has no more", volume.sub_path)
            });
            let problems = line.problems.iter().cloned();
            for remark in left.map(ToOwned::to_owned).into_iter().chain(folders).chain(problems) {
                // Writing to a String cannot fail.
                let _ = writeln!(remarks, "{}: {}", line.volume, printable(&remark));
            }
        }
        match remarks.is_empty() {
            true => table.text(),
            false => format!("{}\n{remarks}", table.text()),
        }
    }

    fn names(&self) -> Vec<String> {
        self.volumes.iter().map(|line| line.volume.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(volume: &str, state: VolumeState, assigned: &[&str]) -> VolumeLine {
        VolumeLine {
            volume: volume.parse().unwrap(),
            configured: state != VolumeState::Left,
            own: false,
            compose: Vec::new(),
            left: Vec::new(),
            size: None,
            assigned: assigned.iter().map(|name| name.parse().unwrap()).collect(),
            disks: assigned.len(),
            snapshots: None,
            place: None,
            state,
            problems: Vec::new(),
            mounted_by: Vec::new(),
        }
    }

    #[test]
    fn what_is_wrong_stands_below_the_table() {
        let folder = |key: &str| app::ComposeVolume { key: key.into(), sub_path: format!("volumes/{key}") };
        let volumes = vec![
            VolumeLine {
                compose: vec![folder("files"), folder("mail")],
                left: vec![folder("old")],
                place: Some("n1".into()),
                snapshots: Some(3),
                mounted_by: vec!["Pod n/app-1".into()],
                ..line("default", VolumeState::Ready, &["a"])
            },
            VolumeLine {
                own: true,
                compose: vec![folder("db")],
                problems: vec!["several disks are assigned: b, c: kompoxops disk repair".into()],
                ..line("db", VolumeState::Unhealthy, &["b", "c"])
            },
            line("old", VolumeState::Left, &[]),
        ];
        let expected = "\
VOLUME   STATE      SIZE  DISK          DISKS  SNAPSHOTS  PLACE  COMPOSE VOLUMES             MOUNTED BY
default  ready      -     a             1      3          n1     volumes/files volumes/mail  Pod n/app-1
db       unhealthy  -     several: b c  2      -          -      db (a disk of its own)      -
old      left       -     none          0      -          -      -                           -

default: volumes/old is left of a compose volume that the compose file has no more
db: several disks are assigned: b, c: kompoxops disk repair
old: not in app.volumes any more; its disks stay, add it again to use or delete them
";
        assert_eq!(Answer { volumes, unknown: Vec::new() }.table(), expected);
    }
}
