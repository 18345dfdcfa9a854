//! Compose projects to test the loader with, recorded, generated and damaged, and what Docker Compose and we make of
//! each. Development only: reads the tests of kompox-compose, starts Docker Compose.
//!
//! Apart from kompox-testkit, so that the loader's own tests and the fuzzer, which is built with optimisation, wait for no
//! HTTP server.

pub mod fuzz;
pub mod generate;
pub mod ours;

mod case;
mod classes;
mod difference;
mod differential;
mod docker;
mod form;
mod mutate;
mod outcome;
mod project;
mod random;
mod reduce;
mod tree;
mod write;

pub use case::{Case, cases, tests};
pub use classes::Classes;
pub use difference::{Difference, Differences};
pub use differential::{Differential, Tally};
pub use docker::Docker;
pub use mutate::{Donors, mutate};
pub use outcome::Outcome;
pub use project::Project;
pub use random::Random;
pub use reduce::reduce;
pub use tree::documents;
pub use write::write;
