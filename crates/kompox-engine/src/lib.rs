//! Use cases: app, cluster, disk.
