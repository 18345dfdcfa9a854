//! How long a compose file of 57 services takes from text to objects, in this process: milliseconds, one line a run.
//! `cargo xtask bench --only validate` runs it.

#![allow(clippy::unwrap_used, reason = "it may stop at once")]

#[path = "../tests/support/mod.rs"]
mod support;

use kompox_compose::{MemoryFiles, Sources};
use std::fmt::Write as _;
use std::time::Instant;
use support::{Case, load};

/// Services of the largest compose file that was seen in the field.
const SERVICES: usize = 57;

fn main() {
    let runs: usize = std::env::args().nth(1).map_or(50, |runs| runs.parse().unwrap());
    let text = text();
    let files = MemoryFiles::new().with("app.env", "LEVEL=info\n").with("conf/app.conf", "key = value\n");
    // The first run fills caches of the machine.
    for run in 0..=runs {
        let begun = Instant::now();
        let mut sources = Sources::new();
        let (project, found) = load("compose.yml", &text, &files, &mut sources);
        let Some(project) = project else { panic!("{}", found.render(&sources)) };
        let (conversion, found) = Case::default().convert(&project, &files);
        let seconds = begun.elapsed().as_secs_f64();
        assert!(conversion.is_some(), "{}", found.render(&sources));
        if run > 0 {
            println!("{:.3}", seconds * 1000.0);
        }
    }
}

fn text() -> String {
    let mut text =
        "x-common: &common\n  restart: unless-stopped\n  environment: {A: one, B: two}\nservices:\n"
            .to_owned();
    for service in 0..SERVICES {
        let (port, after) = (8000 + service, service.saturating_sub(1));
        write!(
            text,
            "  s{service}:\n    <<: *common\n    image: example/s{service}:1\n    command: [\"serve\", \"--port\", \"{port}\"]\n    \
             env_file: [app.env]\n    ports: [\"{port}:{port}\"]\n    volumes: [\"data{service}:/data\", \"./conf:/etc/app:ro\"]\n    \
             labels: {{team: \"t{service}\"}}\n    mem_limit: 64m\n    healthcheck:\n      \
             test: [\"CMD-SHELL\", \"curl -f http://localhost:{port}/ || exit 1\"]\n      interval: 10s\n"
        )
        .unwrap();
        if service > 0 && service % 4 == 0 {
            writeln!(text, "    depends_on: {{s{after}: {{condition: service_healthy}}}}").unwrap();
        }
    }
    text.push_str("volumes:\n");
    (0..SERVICES).for_each(|service| writeln!(text, "  data{service}:").unwrap());
    text
}
