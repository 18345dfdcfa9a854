//! Writing an image as a docker-archive: one layer, times zero, sorted, so that equal inputs give
//! equal bytes. Reads and writes files.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::image::tree::{Content, Entry, Node, Tree};
use crate::key::hex;
use crate::program::{Program, SYSTEM_PATH};

/// What a container runtime does with an image unless told otherwise.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Config {
    /// `NAME=value` lines.
    pub(crate) env: Vec<String>,
    /// The program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entrypoint: Vec<String>,
    /// Its default arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cmd: Vec<String>,
    /// User id, or empty for root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) user: String,
    /// Where it starts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) working_dir: String,
    /// The signal that asks the program to end, if not SIGTERM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) stop_signal: String,
    /// `80/tcp` and the like.
    #[serde(skip_serializing_if = "Set::is_empty")]
    pub(crate) exposed_ports: Set,
    /// Folders meant to be volumes.
    #[serde(skip_serializing_if = "Set::is_empty")]
    pub(crate) volumes: Set,
}

/// A set as the image format writes it: an object with empty values.
#[derive(Debug, Default, Clone)]
pub(crate) struct Set(pub(crate) Vec<&'static str>);

impl Set {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Set {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|name| (name, json!({}))))
    }
}

/// Writes the image; the file appears under its name only when it is complete.
pub(crate) fn write(target: &Path, reference: &str, config: &Config, tree: &Tree) -> Result<()> {
    let layer_path = target.with_extension("layer");
    let unfinished = target.with_extension("unfinished");
    let file = |action| Error::file(action, target);
    let create = |path: &Path| {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(Error::file("create", path))
    };
    let mut layer = create(&layer_path)?;
    let digest = write_layer(&mut layer, &layer_path, tree)?;
    let size = layer.seek(SeekFrom::End(0)).map_err(file("write"))?;
    layer.rewind().map_err(file("write"))?;

    let mut config = config.clone();
    if !config.env.iter().any(|line| line.starts_with("PATH=")) {
        config.env.insert(0, format!("PATH={SYSTEM_PATH}"));
    }
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "kompox-testbed"}],
    })
    .to_string();
    let config_name = format!("{}.json", hex(&Sha256::digest(config.as_bytes())));
    let manifest =
        json!([{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).to_string();

    let mut archive = tar::Builder::new(BufWriter::new(create(&unfinished)?));
    let mut add = |name: &str, size: u64, data: &mut dyn Read| {
        let mut header = header(0o644, 0, 0, tar::EntryType::Regular);
        header.set_size(size);
        archive.append_data(&mut header, name, data)
    };
    add("manifest.json", manifest.len() as u64, &mut manifest.as_bytes()).map_err(file("write"))?;
    add(&config_name, config.len() as u64, &mut config.as_bytes()).map_err(file("write"))?;
    add("layer.tar", size, &mut layer).map_err(file("write"))?;
    archive.into_inner().and_then(|mut out| out.flush()).map_err(file("write"))?;
    std::fs::remove_file(&layer_path).map_err(Error::file("remove", layer_path))?;
    std::fs::rename(&unfinished, target).map_err(Error::file("rename", unfinished))
}

/// Writes the layer and returns its hash, computed by a program: an unoptimised build of ours would
/// take seconds for it.
fn write_layer(file: &mut File, path: &Path, tree: &Tree) -> Result<String> {
    let mut builder = tar::Builder::new(BufWriter::with_capacity(1 << 20, file));
    for (path, entry) in tree.ordered() {
        append(&mut builder, path, entry)?;
    }
    let write = Error::file("write", path);
    builder.into_inner().and_then(|mut out| out.flush()).map_err(write)?;
    let sum = Program::new("sha256sum").arg(path).run()?;
    Ok(sum.split(' ').next().unwrap_or_default().to_owned())
}

fn append(builder: &mut tar::Builder<impl Write>, path: &Path, entry: &Entry) -> Result<()> {
    let header = |kind| header(entry.mode, entry.user, entry.group, kind);
    let result = match &entry.node {
        Node::Folder => builder.append_data(&mut header(tar::EntryType::Directory), path, std::io::empty()),
        Node::File(Content::Bytes(bytes)) => {
            let mut header = header(tar::EntryType::Regular);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, path, bytes.as_slice())
        }
        Node::File(Content::Copy(source)) => {
            let source_file = File::open(source).map_err(Error::file("open", source))?;
            let size = source_file.metadata().map_err(Error::file("read", source))?.len();
            let mut header = header(tar::EntryType::Regular);
            header.set_size(size);
            builder.append_data(&mut header, path, source_file)
        }
        Node::Symlink(target) => builder.append_link(&mut header(tar::EntryType::Symlink), path, target),
        Node::Hardlink(target) => builder.append_link(&mut header(tar::EntryType::Link), path, target),
    };
    result.map_err(Error::file("archive", path))
}

fn header(mode: u32, user: u64, group: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(user);
    header.set_gid(group);
    header.set_mtime(0);
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(order: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for name in order {
            tree.text(&format!("etc/{name}"), 0o644, name);
        }
        tree.folder("data", 0o750, 1000);
        tree.symlink("bin", "usr/bin");
        tree.put("a-link", Entry { mode: 0o644, user: 0, group: 0, node: Node::Hardlink("etc/one".into()) });
        tree
    }

    #[test]
    fn equal_trees_give_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { entrypoint: vec!["/server".to_owned()], ..Config::default() };
        let paths = ["a.tar", "b.tar"].map(|name| folder.path().join(name));
        write(&paths[0], "localhost/x:1", &config, &tree(&["one", "two"])).unwrap();
        write(&paths[1], "localhost/x:1", &config, &tree(&["two", "one"])).unwrap();
        let [a, b] = paths.map(|path| std::fs::read(path).unwrap());
        assert_eq!(a, b);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "only the archives stay");
    }

    #[test]
    fn the_layer_keeps_owners_and_puts_hard_links_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer");
        let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let digest = write_layer(&mut file, &path, &tree(&["one"])).unwrap();
        assert_eq!(digest, hex(&Sha256::digest(std::fs::read(&path).unwrap())));
        file.rewind().unwrap();
        let mut archive = tar::Archive::new(file);
        let entries: Vec<(String, u64, u32)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!(header.mtime().unwrap(), 0);
                let path = entry.path().unwrap().display().to_string();
                (path, header.uid().unwrap(), header.mode().unwrap())
            })
            .collect();
        let expected = [
            ("bin", 0, 0o777),
            ("data", 1000, 0o750),
            ("etc", 0, 0o755),
            ("etc/one", 0, 0o644),
            ("a-link", 0, 0o644),
        ];
        assert_eq!(entries, expected.map(|(path, user, mode)| (path.to_owned(), user, mode)));
    }
}
