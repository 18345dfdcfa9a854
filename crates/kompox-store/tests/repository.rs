//! Both repositories keep the contract; the one of files also keeps what the user wrote.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use kompox_model::port::{Change, ErrorKind, PortError, Repository};
use kompox_model::{Inventory, Noun, Workspace};
use kompox_store::{Files, Memory};
use kompox_testkit::repository::conformance;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VERSION_1: &str = "version: 1 # by hand
workspace: {name: ops, domain: ops.example.com}
cluster: {name: local, provider: k3s}
";

/// Name and content of everything in a folder.
fn content(folder: &Path) -> BTreeMap<PathBuf, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn workspace(name: &str, domain: &str) -> Change {
    Change::Put(Noun::Workspace(Workspace { name: name.parse().unwrap(), domain: domain.to_owned() }))
}

fn save(files: &Files, changes: &[Change]) -> Result<Inventory, PortError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(files.save(changes))
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    conformance(Memory::default).await;
}

#[tokio::test]
async fn files_keep_the_contract() {
    let mut folders = Vec::new();
    conformance(|| {
        folders.push(TempDir::new().unwrap());
        Files::new(None, vec![folders.last().unwrap().path().to_owned()])
    })
    .await;
    for folder in folders {
        let temporary =
            content(folder.path()).into_keys().find(|path| !path.to_string_lossy().ends_with(".yml"));
        assert_eq!(temporary, None, "something was left");
    }
}

#[test]
fn a_folder_is_made_for_the_first_document() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("a/kom");
    let files = Files::new(None, vec![folder.clone()]);
    save(&files, &[workspace("ops", "ops.example.com")]).unwrap();
    let written = content(&folder);
    let path = folder.join("workspace.ops.yml");
    let expected = "---\napiVersion: ops.kompox.dev/v1alpha1\nkind: Workspace\nmetadata:\n  name: ops\nspec:\n  domain: ops.example.com\n";
    assert_eq!(written, [(path.clone(), expected.to_owned())].into());
    // Settings may be secrets.
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    save(&files, &[workspace("ops", "other.example.com")]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
}

/// What the user wrote is never written over, and the refusal leaves everything as it was.
#[test]
fn what_was_written_by_hand_stays() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("kom");
    fs::create_dir(&folder).unwrap();
    let configuration = home.path().join("kompoxops.yml");
    fs::write(&configuration, VERSION_1).unwrap();
    let by_hand = folder.join("lab.yml");
    let lab = "apiVersion: ops.kompox.dev/v1alpha1\nkind: Workspace\nmetadata: {name: lab} # ours\nspec: {domain: lab.example.com}\n";
    fs::write(&by_hand, lab).unwrap();
    let files = Files::new(Some(configuration.clone()), vec![folder.clone()]);
    for (name, file) in [("ops", &configuration), ("lab", &by_hand)] {
        let changes = [workspace("new", "new.example.com"), workspace(name, "changed.example.com")];
        let error = save(&files, &changes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        assert!(error.target.contains(file.to_str().unwrap()), "{error}");
        assert!(error.to_string().contains("written by hand"), "{error}");
        assert_eq!(fs::read_to_string(&configuration).unwrap(), VERSION_1);
        assert_eq!(content(&folder), [(by_hand.clone(), lab.to_owned())].into());
    }
    // A new noun needs no change of them, and what is as it shall be is no change.
    let changes = [workspace("new", "new.example.com"), workspace("lab", "lab.example.com")];
    assert_eq!(save(&files, &changes).unwrap().iter().count(), 5);
    assert_eq!(fs::read_to_string(&by_hand).unwrap(), lab);
}

#[test]
fn without_a_folder_nothing_new_is_saved() {
    let home = TempDir::new().unwrap();
    let configuration = home.path().join("kompoxops.yml");
    fs::write(&configuration, VERSION_1).unwrap();
    let files = Files::new(Some(configuration), Vec::new());
    let error = save(&files, &[workspace("new", "new.example.com")]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
}

/// A name that is taken by something else is not written over.
#[test]
fn a_foreign_file_in_the_way_stays() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("workspace.ops.yml");
    fs::write(&path, "services: {}\n").unwrap();
    let files = Files::new(None, vec![home.path().to_owned()]);
    let error = save(&files, &[workspace("ops", "ops.example.com")]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "services: {}\n");
}

#[tokio::test]
async fn broken_documents_are_invalid_with_their_places() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("a.yml"), "apiVersion: ops.kompox.dev/v1alpha1\nkind: Wrong\n").unwrap();
    let files = Files::new(None, vec![home.path().to_owned()]);
    let error = files.load().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.to_string().contains("a.yml:2:7: error[kom.kind]"), "{error}");
    let missing = Files::new(None, vec![home.path().join("missing.yml")]);
    assert_eq!(missing.load().await.unwrap_err().kind, ErrorKind::NotFound);
}

/// The same file may be named and lie in the folder.
#[test]
fn a_named_file_in_the_folder_is_read_once() {
    let home = TempDir::new().unwrap();
    let configuration = home.path().join("kompoxops.yml");
    fs::write(&configuration, VERSION_1).unwrap();
    fs::write(home.path().join(".hidden.yml"), "[").unwrap();
    fs::create_dir(home.path().join("folder.yml")).unwrap();
    let reading = Files::new(Some(configuration), vec![home.path().to_owned()]).read().unwrap();
    assert!(reading.diagnostics.is_empty(), "{}", reading.diagnostics.render(&reading.sources));
    assert_eq!((reading.files.len(), reading.loaded.unwrap().inventory.iter().count()), (1, 3));
}
