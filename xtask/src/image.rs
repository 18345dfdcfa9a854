//! `cargo xtask image`: builds the test bed's container images.

use std::time::Instant;

use clap::Args;
use kompox_testbed::{Image, Testbed};

use crate::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which images; all without a name.
    names: Vec<String>,
}

/// Builds what is missing and prints every archive's reference, path, size and duration.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let testbed = Testbed::of_this_checkout()?;
    let images = if arguments.names.is_empty() {
        Image::ALL.to_vec()
    } else {
        arguments.names.iter().map(|name| name.parse()).collect::<Result<Vec<Image>, _>>()?
    };
    for image in images {
        let start = Instant::now();
        for archive in testbed.ensure_images(&[image])? {
            let megabytes = archive.path.metadata()?.len() / 1_000_000;
            let seconds = start.elapsed().as_secs_f64();
            println!("{} {} {megabytes} MB {seconds:.1} s", archive.reference, archive.path.display());
        }
    }
    Ok(())
}
