//! The program without a cluster. Each folder of `sessions/` is a project with a file `session.txt`: commands after
//! `$ kompoxops`, and below each what it writes and its exit code. `KOMPOX_BLESS=1` writes the answers anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SESSION: &str = "session.txt";

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The program in `folder`, which is its home directory too, as user `tester`; nothing of this machine's environment
/// reaches it.
fn kompoxops(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kompoxops"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("USER", "tester").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Runs the commands of a session in a copy of its folder and writes down what they answer.
fn record(folder: &Path, commands: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("my-project");
    copy(folder, &project);
    fs::remove_file(project.join(SESSION)).unwrap();
    let mut record = String::new();
    for line in commands {
        let words = line.split_whitespace().skip(2);
        let Output { status, stdout, stderr } = kompoxops(&project).args(words).output().unwrap();
        writeln!(record, "{line}").unwrap();
        for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
            if !bytes.is_empty() {
                let text = text(&bytes).replace(project.to_str().unwrap(), "~");
                write!(record, "[{name}]\n{text}").unwrap();
            }
        }
        writeln!(record, "[exit {}]\n", status.code().unwrap()).unwrap();
    }
    record
}

#[test]
fn sessions_go_as_recorded() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(tests().join("sessions")).unwrap() {
        let folder = entry.unwrap().path();
        let recorded = fs::read_to_string(folder.join(SESSION)).unwrap();
        let commands: Vec<_> = recorded.lines().filter(|line| line.starts_with("$ kompoxops")).collect();
        assert!(!commands.is_empty(), "{} has no command", folder.display());
        count += commands.len();
        let actual = record(&folder, &commands);
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            fs::write(folder.join(SESSION), actual).unwrap();
        } else if actual != recorded {
            wrong.push(format!("=== {}\n{actual}", folder.display()));
        }
    }
    assert!(count > 30, "only {count} commands found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The four routes of the table of specification 004 (CFG-25).
#[test]
fn the_example_of_the_specification_has_its_four_routes() {
    let folder = tests().join("sessions/spec-004");
    let output = kompoxops(&folder).args(["app", "validate", "--output", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ingresses = list["items"].as_array().unwrap().iter().filter(|object| object["kind"] == "Ingress");
    let rules = ingresses.flat_map(|ingress| ingress["spec"]["rules"].as_array().unwrap());
    let route = |rule: &serde_json::Value| {
        let port = rule["http"]["paths"][0]["backend"]["service"]["port"]["number"].as_u64().unwrap();
        (rule["host"].as_str().unwrap().to_owned(), port)
    };
    let routes: BTreeMap<_, _> = rules.map(route).collect();
    let expected = [
        ("admin.my-app.kompox.dev", 8080),
        ("my-app-8080.my-aks.ops.kompox.dev", 8080),
        ("my-app.my-aks.ops.kompox.dev", 80),
        ("www.my-app.kompox.dev", 80),
    ];
    assert_eq!(routes, expected.map(|(host, port)| (host.to_owned(), port)).into());
}

/// Equal input gives equal bytes, whichever form it has (C-07): as documents beside the file, and in another folder.
#[test]
fn documents_give_the_same_manifests_as_version_1() {
    let mut count = 0;
    for entry in fs::read_dir(tests().join("sessions")).unwrap() {
        let folder = entry.unwrap().path();
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("project");
        copy(&folder, &project);
        let run = |arguments: &str| kompoxops(&project).args(arguments.split(' ')).output().unwrap();
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        files.retain(|name| {
            let text = fs::read_to_string(project.join(name)).unwrap_or_default();
            text.lines().any(|line| line.starts_with("version: 1"))
        });
        for (index, file) in files.iter().enumerate() {
            let expected = run(&format!("-f {file} app validate --show-secrets --allow-outside"));
            if !expected.status.success() {
                continue;
            }
            let beside = run(&format!("-f {file} config convert"));
            fs::write(project.join("beside.kom"), &beside.stdout).unwrap();
            let mut forms = vec!["beside.kom".to_owned()];
            let other = format!("other/folder{index}");
            let converted = run(&format!("-f {file} config convert --to {other}"));
            if converted.status.success() {
                forms.push(other);
            } else {
                // Paths in the text would be relative to another folder.
                assert!(text(&converted.stderr).contains("compose text in the configuration"), "{file}");
            }
            for form in forms {
                let actual = run(&format!("--kom {form} app validate --show-secrets --allow-outside"));
                let stderr = text(&actual.stderr);
                assert_eq!(
                    text(&actual.stdout),
                    text(&expected.stdout),
                    "{folder:?} {file} {form}\n{stderr}"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} files compared");
}

/// Moved, renamed or cloned anew, a project is the same app: no object, and so no disk, knows the folder (U-03).
#[test]
fn the_folder_of_a_project_is_in_no_object() {
    let mut count = 0;
    for entry in fs::read_dir(tests().join("sessions")).unwrap() {
        let folder = entry.unwrap().path();
        let home = tempfile::tempdir().unwrap();
        let manifests = |place: &str| {
            copy(&folder, &home.path().join(place));
            let arguments = ["app", "validate", "--show-secrets", "--allow-outside"];
            let Output { status, stdout, .. } =
                kompoxops(&home.path().join(place)).args(arguments).output().unwrap();
            status.success().then(|| text(&stdout))
        };
        let first = manifests("my-project");
        assert_eq!(first, manifests("srv/clone_of.it"), "{folder:?}");
        count += usize::from(first.is_some_and(|first| first.contains("Deployment")));
    }
    assert!(count >= 5, "only {count} projects compared");
}

/// Secret data are shown only when asked for.
#[test]
fn secrets_are_shown_by_their_hash() {
    let folder = tests().join("sessions/secrets");
    // `canary\n` and `canary too` in base64, as Secrets hold them.
    let shown = ["canary", "Y2FuYXJ5Cg==", "Y2FuYXJ5IHRvbw=="];
    for form in ["yaml", "json", "table", "name"] {
        let output = kompoxops(&folder).args(["app", "validate", "--output", form]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!shown.iter().any(|secret| all.contains(secret)), "{form}\n{all}");
        assert_eq!(all.contains("sha256:"), ["yaml", "json"].contains(&form), "{form}\n{all}");
    }
    let output = kompoxops(&folder).args(["app", "validate", "--show-secrets"]).output().unwrap();
    let all = text(&output.stdout);
    assert!(all.contains(shown[1]) && all.contains(shown[2]) && !all.contains("sha256:"), "{all}");
}

/// `KUBECONFIG` stands in for a kubeconfig that is not named, `KOMPOXOPS_KUBECONFIG` for any (CFG-06).
#[test]
fn the_environment_names_kubeconfigs() {
    let folder = tests().join("sessions/kubeconfig");
    for (file, variable, value, code, said) in [
        ("kompoxops.yml", "KOMPOXOPS_KUBECONFIG", "kubeconfig", 8, "http://127.0.0.1:1"),
        ("usual.yml", "KOMPOXOPS_KUBECONFIG", "kubeconfig", 8, "http://127.0.0.1:1"),
        ("usual.yml", "KUBECONFIG", "none:kubeconfig", 8, "http://127.0.0.1:1"),
        ("usual.yml", "KUBECONFIG", "none", 4, "connect none: there is no such"),
        ("environment.yml", "KUBECONFIG", "kubeconfig", 8, "http://127.0.0.1:1"),
        ("environment.yml", "KUBECONFIG", "none", 4, "connect none: there is no such"),
        ("environment.yml", "KOMPOXOPS_KUBECONFIG", "kubeconfig", 8, "http://127.0.0.1:1"),
        ("context.yml", "KOMPOXOPS_KUBECONFIG", "none", 4, "hint: KOMPOXOPS_KUBECONFIG names it"),
        ("kompoxops.yml", "KUBECONFIG", "kubeconfig", 4, "cluster.auth.kubeconfig in kompoxops.yml names it"),
    ] {
        let mut command = kompoxops(&folder);
        let output = command.args(["-f", file, "app", "status"]).env(variable, value).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{file} {variable}={value}\n{stderr}");
        assert!(stderr.contains(said), "{file} {variable}={value}\n{stderr}");
    }
}

/// Every command says which server does not answer. Which of the first requests fails first is chance.
#[test]
fn a_cluster_that_is_away_is_named() {
    let folder = tests().join("sessions/unreachable");
    for arguments in [
        "app status",
        "app volumes",
        "app deploy",
        "app deploy --dry-run",
        "--yes app destroy",
        "app destroy --dry-run",
        "app logs",
        "app exec true",
        "disk list",
        "disk create",
        "disk assign one",
        "disk repair",
        "--yes disk delete one",
        "cluster status",
    ] {
        let Output { status, stdout, stderr } =
            kompoxops(&folder).args(arguments.split(' ')).output().unwrap();
        let stderr = text(&stderr);
        assert_eq!((status.code(), stdout.len()), (Some(8), 0), "{arguments}\n{stderr}");
        let parts = [
            "error[kubernetes.",
            ": nothing answers at http://127.0.0.1:1\n",
            "Connection refused",
            "\nhint: ",
        ];
        assert!(parts.iter().all(|part| stderr.contains(part)), "{arguments}\n{stderr}");
    }
}

/// Disks that cannot be seen are told, and are not taken for none: a volume without any is not called new.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_whose_disks_cannot_be_seen_are_unknown() {
    let api = kompox_testkit::ScriptedApi::start().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    copy(&tests().join("sessions/unreachable"), home.path());
    fs::write(home.path().join("kubeconfig"), api.kubeconfig()).unwrap();
    let compose =
        "services: {web: {image: nginx, restart: always, volumes: ['data:/data']}}\nvolumes: {data: }\n";
    fs::write(home.path().join("compose.yml"), compose).unwrap();
    let node = serde_json::json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}});
    api.put("/api/v1/nodes/n1", node);
    let Output { status, stdout, stderr } =
        kompoxops(home.path()).args(["app", "volumes", "--no-progress"]).output().unwrap();
    let (stdout, stderr) = (text(&stdout), text(&stderr));
    assert_eq!(status.code(), Some(0), "{stderr}");
    let expected = "\
VOLUME   STATE    SIZE  DISK  DISKS  SNAPSHOTS  PLACE  COMPOSE VOLUMES  MOUNTED BY
default  unknown  10Gi  none  0      -          -      volumes/data     -
";
    assert_eq!(stdout, expected);
    assert!(stderr.starts_with("warning: disks unknown: "), "{stderr}");
    let output = kompoxops(home.path()).args(["app", "volumes", "-o", "json"]).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let volume = &answer["volumes"][0];
    assert_eq!((&volume["volume"], &volume["state"]), (&"default".into(), &"unknown".into()));
    assert_eq!(answer["unknown"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(
        text(&kompoxops(home.path()).args(["app", "volumes", "-o", "name"]).output().unwrap().stdout),
        "default\n"
    );
    assert!(api.writes().is_empty());
}

/// All errors are on stderr with their places, nothing is on stdout, and the exit code is 3 (c-18).
#[test]
fn every_broken_configuration_is_refused_with_all_its_places() {
    let folder = tests().join("../../kompox-manifest/tests/golden/refused");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        count += 1;
        let home = tempfile::tempdir().unwrap();
        fs::copy(&path, home.path().join("kompoxops.yml")).unwrap();
        let Output { status, stdout, stderr } =
            kompoxops(home.path()).args(["app", "validate"]).output().unwrap();
        let stderr = text(&stderr);
        assert_eq!((status.code(), stdout.len()), (Some(3), 0), "{}\n{stderr}", path.display());
        let errors = stderr.lines().filter(|line| line.contains(": error[")).count();
        let place = |line: &str| {
            let mut parts = line.strip_prefix("kompoxops.yml:")?.split(':');
            Some((parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?))
        };
        let placed = stderr.lines().filter(|line| line.contains(": error[")).filter_map(place).count();
        assert!(errors > 0 && placed == errors, "{}\n{stderr}", path.display());
        let plural = if errors == 1 { "" } else { "s" };
        assert!(
            stderr.ends_with(&format!(
                "error[command.invalid-input]: kompoxops.yml has {errors} error{plural}\n"
            )),
            "{stderr}"
        );
    }
    assert!(count >= 50, "only {count} broken files found");
}

/// The same for KOM documents, from every command that reads a configuration.
#[test]
fn every_broken_folder_of_documents_is_refused_by_every_command() {
    let folder = tests().join("../../kompox-manifest/tests/kom/refused");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for command in ["config validate", "config show", "config convert", "app validate", "cluster status"]
        {
            let arguments = ["--kom", path.to_str().unwrap()].into_iter().chain(command.split(' '));
            let Output { status, stdout, stderr } =
                kompoxops(Path::new("/")).args(arguments).output().unwrap();
            let stderr = text(&stderr);
            assert_eq!((status.code(), stdout.len()), (Some(3), 0), "{command} {}\n{stderr}", path.display());
            let errors = stderr.lines().filter(|line| line.contains(": error[")).count();
            let plural = if errors == 1 { "" } else { "s" };
            assert!(errors > 0 && stderr.ends_with(&format!(" has {errors} error{plural}\n")), "{stderr}");
        }
        count += 1;
    }
    assert!(count >= 14, "only {count} broken folders found");
}

/// Neither `..`, nor an absolute path, nor a symlink leads out of the project, whatever reads the file (class B).
#[test]
fn what_lies_outside_the_project_is_never_read() {
    let home = tempfile::tempdir().unwrap();
    let (project, outside) = (home.path().join("project"), home.path().join("outside"));
    for folder in [&project, &outside] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join("file"), "canary=1\n").unwrap();
    fs::copy(tests().join("sessions/small/kompoxops.yml"), project.join("kompoxops.yml")).unwrap();
    std::os::unix::fs::symlink(outside.join("file"), project.join("link")).unwrap();
    std::os::unix::fs::symlink("../outside", project.join("folder")).unwrap();
    let absolute = outside.join("file").display().to_string();
    let paths = [
        "../outside/file",
        "link",
        "folder/file",
        "./folder/../../outside/file",
        "a/../../outside/file",
        &absolute,
    ];
    let mut count = 0;
    for path in paths {
        for (what, body) in [
            ("env_file", format!("    env_file: [{path:?}]\n")),
            ("config", format!("    configs: [a]\nconfigs:\n  a: {{file: {path:?}}}\n")),
            ("secret", format!("    secrets: [a]\nsecrets:\n  a: {{file: {path:?}}}\n")),
            (
                "bind",
                format!("    volumes: [{{type: bind, source: {path:?}, target: /x, read_only: true}}]\n"),
            ),
            ("writable bind", format!("    volumes: [{{type: bind, source: {path:?}, target: /x}}]\n")),
        ] {
            let text = format!("services:\n  web:\n    image: nginx\n    restart: always\n{body}");
            fs::write(project.join("compose.yml"), text).unwrap();
            let output = kompoxops(&project).args(["app", "validate", "--show-secrets"]).output().unwrap();
            let all = text_of(&output);
            assert_eq!(output.status.code(), Some(3), "{what} {path}\n{all}");
            assert!(!all.contains("canary") && !all.contains("Y2FuYXJ5"), "{what} {path}\n{all}");
            assert!(all.contains("compose.yml:"), "{what} {path}\n{all}");
            count += 1;
        }
    }
    assert_eq!(count, 30);
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn version_is_that_of_the_package() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [vec!["--version"], vec!["version"], vec!["version", "--output", "json"]] {
        let output = kompoxops(home.path()).args(&arguments).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        assert!(text(&output.stdout).contains(env!("CARGO_PKG_VERSION")), "{arguments:?}");
    }
    let output = kompoxops(home.path()).args(["version", "-o", "json"]).output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(version["drivers"], serde_json::json!(["k3s"]));
}

/// A reader that goes away is no reason for a panic or an error.
#[test]
fn a_closed_stdout_is_no_failure() {
    let folder = tests().join("sessions/spec-004");
    let mut child = kompoxops(&folder)
        .args(["--no-progress", "app", "validate"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

/// A full disk behind stdout is told, and is a failure.
#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = kompoxops(home.path()).arg("version").stdout(full).output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.starts_with("error[command.output]: cannot write to standard output\n  caused by: "),
        "{stderr}"
    );
}

#[test]
fn init_writes_the_whole_file_or_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("compose.yaml"), "services: {web: {image: nginx}}\n").unwrap();
    fs::create_dir(home.path().join(".kube")).unwrap();
    let kubeconfig = "current-context: Prod/East\ncontexts: [{name: Prod/East}, {name: other}]\n";
    fs::write(home.path().join(".kube/config"), kubeconfig).unwrap();
    let run = |arguments: &[&str]| kompoxops(home.path()).args(arguments).output().unwrap();
    let file = home.path().join("kompoxops.yml");

    let output = run(&["init", "--app", "shop", "-o", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "file": "kompoxops.yml", "app": "shop", "compose": "compose.yaml", "cluster": "prod-east", "context": "Prod/East",
    });
    assert_eq!(written, expected);
    let first = fs::read_to_string(&file).unwrap();
    assert!(first.contains("context: Prod/East\n"), "{first}");
    assert!(run(&["app", "validate"]).status.success());

    let again = run(&["init"]);
    assert_eq!(again.status.code(), Some(5));
    assert_eq!(fs::read_to_string(&file).unwrap(), first);

    assert!(run(&["init", "--force", "--app", "other"]).status.success());
    assert!(fs::read_to_string(&file).unwrap().contains("name: other\n"));
    let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "something else was left: {names:?}");
}

/// `SIGPIPE`, a closed stderr: nothing to write to is nobody to tell.
#[test]
fn a_closed_stderr_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = kompoxops(home.path()).args(["app", "validate"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(4));
}
