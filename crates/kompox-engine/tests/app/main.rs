//! Use cases of an app against a scripted API server and the memory driver.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod archives;
mod attach;
mod bed;
mod command;
mod cuts;
mod deploy;
mod destroy;
mod disks;
mod doctor;
mod dying;
mod failing;
mod kill;
mod kubelet;
mod lived;
mod logs;
mod looking;
mod matrix;
mod moving;
mod moving_refused;
mod power;
mod refused;
mod repair;
mod requests;
mod sequence;
mod sequences;
mod sequences_moving;
mod sequences_seen;
mod sets;
mod snapshots;
mod takeover;
mod uninstall;
mod volume_lines;
mod volumes;
