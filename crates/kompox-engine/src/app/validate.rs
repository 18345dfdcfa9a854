//! `app validate`: what a deploy would make, without a cluster. Pure.

use crate::app::volumes::{self, Choice};
use crate::app::{Loaded, time_zone};
use kompox_convert::{Conversion, Facts, Input};
use kompox_model::{App, Cluster, Provider, Volume, VolumeClass, VolumeKind, Workspace};
use kompox_yaml::Diagnostics;

/// What the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct Nouns<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The provider.
    pub provider: &'a Provider,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The app.
    pub app: &'a App,
}

/// Converts with what is assumed of a cluster; every disk is still to be made.
///
/// `class` says how the driver's PersistentVolumes look; none (a driver that is not built in) gives the plainest form.
#[must_use]
pub fn validate(
    nouns: &Nouns<'_>,
    class: Option<&dyn Fn(&Volume) -> VolumeClass>,
    loaded: &Loaded,
) -> (Option<Conversion>, Diagnostics) {
    let in_use = kompox_convert::volumes_in_use(nouns.app, &loaded.project, &loaded.binds);
    let volumes = nouns.app.volumes.iter().filter(|volume| in_use.contains(&volume.name));
    let choices: Vec<_> = volumes.cloned().map(|volume| (volume, Choice::New)).collect();
    let plain = |_: &Volume| VolumeClass {
        kind: VolumeKind::Local,
        storage_class: None,
        access_modes: vec!["ReadWriteOncePod".to_owned()],
        mount_options: Vec::new(),
    };
    let bindings =
        volumes::bindings(&choices, |volume| class.map_or_else(|| plain(volume), |class| class(volume)));
    kompox_convert::convert(&Input {
        workspace: nouns.workspace,
        provider: nouns.provider,
        cluster: nouns.cluster,
        app: nouns.app,
        project: &loaded.project,
        volumes: &bindings,
        binds: &loaded.binds,
        facts: &Facts { time_zones: time_zone::files(&loaded.project), ..Facts::offline() },
    })
}
