//! A project of several files: an override file, an included one, a service that extends one of another file, labels of a
//! file, and profiles.

use super::variables;
use crate::bed::App;
use serde_json::{Value, json};

const FILES: &[(&str, &str)] = &[
    ("stack/.env", "FROM_DOTENV=dotenv\n"),
    (
        "stack/compose.yaml",
        "
include: [parts/cache.yml]
services:
  web:
    extends: {file: base/service.yml, service: base}
    environment: {OWN: '${FROM_DOTENV}', SHARED: compose}
    label_file: labels
    labels: {com.example.both: compose}
    depends_on: [cache]
  extra:
    extends: web
    profiles: [extra]
  never:
    image: localhost/absent:1
    profiles: [never]
",
    ),
    (
        "stack/compose.override.yaml",
        "services: {web: {environment: {SHARED: override, OVERRIDE: override, UNWANTED: !reset null}}}\n",
    ),
    ("stack/labels", "com.example.team=blue\ncom.example.both=file\n"),
    (
        "stack/base/service.yml",
        "
services:
  base:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
    env_file: variables
    environment: {BASE: base, SHARED: base, UNWANTED: base}
",
    ),
    ("stack/base/variables", "BESIDE_BASE=file\nBASE=file\n"),
    (
        "stack/parts/cache.yml",
        "
services:
  cache:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '9000', -h, /data]
    env_file: variables
    volumes: ['./data:/data:ro']
    stop_grace_period: 1s
",
    ),
    ("stack/parts/variables", "BESIDE_PART=file\n"),
    ("stack/parts/data/text", "beside the included file\n"),
];

#[test]
fn a_project_of_several_files_is_one_app() {
    let app = App::new("composed", "");
    for (path, content) in FILES {
        app.write(path, content);
    }
    let configuration = std::fs::read_to_string(app.folder().join("kompoxops.yml")).unwrap();
    app.write("kompoxops.yml", &configuration.replace("compose: compose.yml", "compose: stack"));
    app.ok(&["app", "deploy", "--profile", "extra"]);
    let own = |service: &str| {
        let found = variables(&app, service);
        let names = ["OWN", "BASE", "SHARED", "OVERRIDE", "UNWANTED", "BESIDE_BASE", "BESIDE_PART"];
        names.map(|name| found.get(name).map_or("-", String::as_str).to_owned())
    };
    assert_eq!(own("web"), ["dotenv", "base", "override", "override", "-", "file", "-"]);
    // What a service extends is what its own file says, before other files are merged into that.
    assert_eq!(own("extra"), ["dotenv", "base", "compose", "-", "base", "file", "-"]);
    assert_eq!(own("cache"), ["-", "-", "-", "-", "-", "-", "file"]);
    assert_eq!(
        app.exec("web", &["wget", "-q", "-O", "-", "http://cache:9000/text"]),
        "beside the included file\n"
    );
    app.fails(&["app", "exec", "-s", "never", "--", "true"], 4);
    let deployment = app.objects(&["deployment", "app"]);
    let labels = deployment["metadata"]["annotations"]["kompox.dev/compose-labels"].as_str().unwrap();
    let labels: Value = serde_json::from_str(labels).unwrap();
    let expected = json!({"com.example.both": "compose", "com.example.team": "blue"});
    assert_eq!((&labels["web"], &labels["extra"]), (&expected, &expected));
}
