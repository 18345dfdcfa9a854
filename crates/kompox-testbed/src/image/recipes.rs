//! How each image is put together. Builds the programs an image is made of.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::error::{Error, Result};
use crate::golang;
use crate::image::archive::{Config, Set};
use crate::image::debian;
use crate::image::php;
use crate::image::servers;
use crate::image::tree::{Content, Entry, Node, Tree};
use crate::image::{Image, PAUSE_REFERENCE};
use crate::key::Key;
use crate::layout::Layout;
use crate::program::Program;
use crate::rust_tools;
use crate::steps::Steps;

/// The user that owns the test server's data folder.
const OWNER: u64 = 1000;

/// What the package of authorities needs for its scripts alone.
const MADE_OF_SCRIPTS: &[&str] = &["gcc-12-base", "libc6", "libcrypt1", "libgcc-s1", "libssl3", "openssl"];

/// Makes an image's files.
type MakeTree = Box<dyn FnOnce(&Layout) -> Result<Tree>>;

/// An image to be built.
pub(super) struct Recipe {
    /// Its name with tag.
    pub(super) reference: String,
    /// Hash of everything it is made from.
    pub(super) key: String,
    /// How it runs.
    pub(super) config: Config,
    /// Its files.
    pub(super) tree: MakeTree,
}

/// Looks up a recipe, building the programs in it.
pub(super) fn of(image: Image, layout: &Layout, steps: &Steps<'_>) -> Result<Recipe> {
    match image {
        Image::Pause => pause(layout, steps),
        Image::Busybox => busybox(),
        Image::Coredns => program("coredns", golang::coredns(layout, steps)?, "localhost/coredns:1"),
        Image::Traefik => program("traefik", golang::traefik(layout, steps)?, "localhost/traefik:3"),
        Image::Nginx => Ok(servers::nginx()),
        Image::Postgres => Ok(servers::postgres()),
        Image::Mariadb => Ok(servers::mariadb()),
        Image::Wordpress => Ok(php::wordpress()),
        Image::Dokuwiki => Ok(php::dokuwiki()),
        Image::Miniflux => miniflux(layout, steps),
        Image::Redmine => Ok(servers::redmine()),
        Image::Testserver => testserver(layout, steps),
        Image::KompoxNode => kompox_node(layout, steps),
        // The tag is the one that the suite asks for.
        Image::Agnhost => program("agnhost", golang::e2e(layout, steps)?, "localhost/agnhost:2.63.0"),
    }
}

/// Owned copies.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pause(layout: &Layout, steps: &Steps<'_>) -> Result<Recipe> {
    let agent = rust_tools::agent(layout, steps)?;
    Ok(Recipe {
        reference: PAUSE_REFERENCE.to_owned(),
        key: Key::default().text("pause 1").file(&agent)?.short(),
        config: Config {
            entrypoint: words(&["/testbed-agent", "hold"]),
            user: "65535:65535".to_owned(),
            ..Config::default()
        },
        tree: Box::new(move |_| {
            let mut tree = Tree::default();
            tree.file("testbed-agent", 0o755, Content::Copy(agent));
            Ok(tree)
        }),
    })
}

/// A single program in an otherwise empty image; the folder's name already is its hash.
fn program(name: &'static str, folder: std::path::PathBuf, reference: &str) -> Result<Recipe> {
    let key = folder.file_name().unwrap_or_default().as_encoded_bytes().to_owned();
    Ok(Recipe {
        reference: reference.to_owned(),
        key: Key::default().text("program 1").text(key).short(),
        config: Config { entrypoint: vec![format!("/{name}")], ..Config::default() },
        tree: Box::new(move |_| {
            let mut tree = Tree::default();
            tree.file(name, 0o755, Content::Copy(folder.join(name)));
            tree.folder("tmp", 0o1777, 0);
            Ok(tree)
        }),
    })
}

/// A program without a shell that serves as nobody, with the authorities of the servers it fetches from.
fn miniflux(layout: &Layout, steps: &Steps<'_>) -> Result<Recipe> {
    let program = golang::miniflux(layout, steps)?.join("miniflux");
    let selection =
        debian::Selection { packages: &["ca-certificates"], without: MADE_OF_SCRIPTS, leave_out: &[] };
    Ok(Recipe {
        reference: "localhost/miniflux:2".to_owned(),
        key: Key::default().text("miniflux 1").text(format!("{selection:?}")).file(&program)?.short(),
        config: Config {
            cmd: words(&["/usr/bin/miniflux"]),
            env: words(&["LISTEN_ADDR=0.0.0.0:8080"]),
            user: "65534:65534".to_owned(),
            exposed_ports: Set(vec!["8080/tcp"]),
            ..Config::default()
        },
        tree: Box::new(move |layout| {
            let mut tree = debian::tree(layout, &selection)?;
            php::certificates(&mut tree);
            tree.file("usr/bin/miniflux", 0o755, Content::Copy(program));
            accounts(&mut tree);
            Ok(tree)
        }),
    })
}

/// Its data folder belongs to an ordinary user and has content, as the folders do that are filled
/// into fresh volumes.
fn testserver(layout: &Layout, steps: &Steps<'_>) -> Result<Recipe> {
    let server = rust_tools::server(layout, steps)?;
    Ok(Recipe {
        reference: "localhost/testserver:1".to_owned(),
        key: Key::default().text("testserver 1").file(&server)?.short(),
        config: Config {
            entrypoint: words(&["/testserver"]),
            exposed_ports: Set(vec!["8080/tcp"]),
            volumes: Set(vec!["/data"]),
            working_dir: "/data".to_owned(),
            ..Config::default()
        },
        tree: Box::new(move |_| {
            let mut tree = Tree::default();
            tree.file("testserver", 0o755, Content::Copy(server));
            tree.folder("tmp", 0o1777, 0);
            tree.folder("data", 0o750, OWNER);
            let seed = Node::File(Content::Bytes(b"seed\n".to_vec()));
            tree.put("data/seed.txt", Entry { mode: 0o640, user: OWNER, group: OWNER, node: seed });
            accounts(&mut tree);
            Ok(tree)
        }),
    })
}

/// Tagged by content: a cluster that runs an older one has to notice.
fn kompox_node(layout: &Layout, steps: &Steps<'_>) -> Result<Recipe> {
    let node = rust_tools::node(layout, steps)?;
    let key = Key::default().text("kompox-node 1").file(&node)?.short();
    Ok(Recipe {
        reference: format!("localhost/kompox-node:{key}"),
        key,
        config: Config { entrypoint: words(&["/kompox-node"]), ..Config::default() },
        tree: Box::new(move |_| {
            let mut tree = Tree::default();
            tree.file("kompox-node", 0o755, Content::Copy(node));
            tree.folder("tmp", 0o1777, 0);
            Ok(tree)
        }),
    })
}

fn busybox() -> Result<Recipe> {
    let selection = debian::Selection { packages: &["busybox-static"], without: &[], leave_out: &[] };
    Ok(Recipe {
        reference: "localhost/busybox:1".to_owned(),
        key: Key::default().text("busybox 1").text(format!("{selection:?}")).short(),
        config: Config { cmd: words(&["sh"]), ..Config::default() },
        tree: Box::new(move |layout| {
            let mut tree = debian::tree(layout, &selection)?;
            applets(layout, &mut tree)?;
            accounts(&mut tree);
            Ok(tree)
        }),
    })
}

/// Links for everything busybox can do that no program in the tree does.
pub(super) fn applets(layout: &Layout, tree: &mut Tree) -> Result<()> {
    let no_program =
        || Error::Form { what: "package busybox-static".to_owned(), detail: "no program".to_owned() };
    let program = tree.content("usr/bin/busybox").ok_or_else(no_program)?;
    let copy = layout.packages().join("busybox");
    fs::write(&copy, program).map_err(Error::file("write", &copy))?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).map_err(Error::file("write", &copy))?;
    for applet in Program::new(&copy).arg("--list").run()?.lines() {
        let places = ["usr/bin", "usr/sbin"].map(|folder| format!("{folder}/{applet}"));
        if !places.iter().any(|place| tree.has(place)) {
            tree.symlink(&places[0], "busybox");
        }
    }
    Ok(())
}

/// The accounts images share. Debian's own are made by scripts that never run here.
pub(super) fn accounts(tree: &mut Tree) {
    tree.text("etc/passwd", 0o644, include_str!("../../../../testbed/images/passwd"));
    tree.text("etc/group", 0o644, include_str!("../../../../testbed/images/group"));
    tree.text("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files dns\n");
}
