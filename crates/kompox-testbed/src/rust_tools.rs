//! Static programs of this workspace that run inside clusters and images. Runs cargo; keeps what it
//! built.

use std::fs;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::layout::Layout;
use crate::lock::Lock;
use crate::program::Program;
use crate::steps::Steps;

/// Static linking works with the ordinary GNU target; naming it keeps build scripts dynamic.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A program of the workspace and the sources that decide when to build it again.
struct Tool {
    package: &'static str,
    program: &'static str,
    sources: &'static [&'static str],
}

const AGENT: Tool = Tool {
    package: "kompox-testbed",
    program: "testbed-agent",
    sources: &["crates/kompox-testbed/src/bin/testbed-agent"],
};
const POLICY: Tool = Tool {
    package: "kompox-testbed",
    program: "testbed-policy",
    sources: &["crates/kompox-testbed/src/bin/testbed-policy"],
};
const SERVER: Tool = Tool {
    package: "kompox-testbed",
    program: "testserver",
    sources: &["crates/kompox-testbed/src/bin/testserver"],
};
const NODE: Tool = Tool {
    package: "kompox-node",
    program: "kompox-node",
    sources: &["crates/kompox-node", "crates/kompox-node-protocol", "crates/kompox-tree"],
};

/// The agent that runs beside a cluster's daemons.
pub(crate) fn agent(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&AGENT, layout, steps)
}

/// The NetworkPolicy engine of a cluster's node.
pub(crate) fn policy(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&POLICY, layout, steps)
}

/// The HTTP server with faults on demand.
pub(crate) fn server(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&SERVER, layout, steps)
}

/// kompox-node, as it is installed on real nodes.
pub(crate) fn node(layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    ensure(&NODE, layout, steps)
}

fn ensure(tool: &Tool, layout: &Layout, steps: &Steps<'_>) -> Result<PathBuf> {
    let mut key = Key::default();
    for source in tool.sources {
        key = key.folder(&layout.source(source))?;
    }
    let folder = layout.programs(tool.program, &key.short());
    let path = folder.join(tool.program);
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let _lock = Lock::take(&layout.build_lock(), "building programs or images")?;
    if !path.is_file() {
        steps.long_step(&format!("cargo build {}", tool.program), || build(tool, layout, &path))?;
    }
    Ok(path)
}

fn build(tool: &Tool, layout: &Layout, path: &std::path::Path) -> Result<()> {
    let target_folder = layout.root.join("cargo");
    Program::new("cargo")
        .current_dir(&layout.repository)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .without_env("CARGO_ENCODED_RUSTFLAGS")
        .args(["build", "--quiet", "--release", "--locked", "--target", TARGET])
        .args(["--package", tool.package, "--bin", tool.program])
        .arg("--target-dir")
        .arg(&target_folder)
        .run()?;
    let built = target_folder.join(TARGET).join("release").join(tool.program);
    let unfinished = path.with_extension("unfinished");
    fs::copy(&built, &unfinished).map_err(Error::file("copy", built))?;
    fs::rename(&unfinished, path).map_err(Error::file("rename", unfinished))
}
