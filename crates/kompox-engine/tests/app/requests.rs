//! How many requests each command sends, as a page: `docs/requests.md`. `KOMPOX_BLESS=1` writes it anew, so that growth
//! is seen.

use crate::bed::{Bed, COMPOSE, changed};
use kompox_engine::app;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Requests per command

How many requests a command sends to the API server, counted by `kompox_engine::app::requests` on the scripted API server
for an app with one service, one volume and one host. Each further object of an app costs one dry run (in parallel) and, when it
changes, one write. Watches are left out: a command that waits has one open at a time. So are renewals of the Lease, one
in eight seconds, and what a driver asks: the k3s driver reads nodes, its DaemonSet and its Pods (3) and sends one exec to
each node for a list of disks. A container without a healthcheck costs one read of its log, which is followed while it is
waited whether it stays up. `app status --watch` shows at each change, and every 30 seconds, what `app status` shows.

| command | reads | dry runs | writes |
|---|---|---|---|
";

/// Counts the requests since the last count.
fn count(bed: &Bed) -> (usize, usize, usize) {
    let requests = bed.api.requests();
    bed.api.forget();
    let counted = |request: &&kompox_testkit::Recorded| {
        let renewal = request.method == http::Method::PATCH && request.path.contains("/leases/");
        !renewal && request.query.get("watch").is_none_or(|watch| watch != "true")
    };
    let requests: Vec<_> = requests.iter().filter(counted).collect();
    let writes = requests.iter().filter(|request| request.is_write()).count();
    let dry_runs = requests.iter().filter(|request| request.query.contains_key("dryRun")).count();
    (requests.len() - writes - dry_runs, dry_runs, writes)
}

#[tokio::test]
async fn the_page_tells_how_many() {
    let bed = Bed::new().await;
    let scope = bed.scope(&bed.client);
    let cluster = bed.cluster_scope();
    bed.api.forget();
    let mut page = HEAD.to_owned();
    let mut row = |command: &str| {
        let (reads, dry_runs, writes) = count(&bed);
        writeln!(page, "| {command} | {reads} | {dry_runs} | {writes} |").unwrap();
    };
    bed.deploy(COMPOSE).await.unwrap();
    row("`app deploy`, the first one");
    bed.deploy(COMPOSE).await.unwrap();
    row("`app deploy` with nothing to do");
    bed.deploy(&changed()).await.unwrap();
    row("`app deploy` with another environment");
    app::diff(&scope, &bed.load(&changed()), &Default::default()).await.unwrap();
    row("`app diff`");
    app::status(&scope).await.unwrap();
    row("`app status`");
    app::list(&cluster, &[bed.identity()]).await.unwrap();
    row("`app list`, whatever the number of apps");
    app::restart(&scope, false, crate::bed::options().now, "tester").await.unwrap();
    row("`app restart`");
    app::stop(&scope, "tester").await.unwrap();
    row("`app stop`");
    app::start(&scope, false, "tester").await.unwrap();
    row("`app start`");
    bed.insert_disk("second", false, |_| {});
    bed.api.forget();
    bed.attach(kompox_engine::disk::Target::Named("second".parse().unwrap())).await.unwrap();
    row("`disk attach`");
    bed.destroy(false).await.unwrap();
    row("`app destroy`");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/requests.md");
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "refresh with KOMPOX_BLESS=1");
}
