//! Projects that nobody wrote: services with random keys in random forms, in several files that are merged, extended
//! and included, with profiles, variables and env files. Reads the schema of the Specification; otherwise pure.

mod compose;
mod dotenv;
mod schema;
mod template;
mod words;

pub use compose::project;
pub use dotenv::dotenv;
pub use schema::Schema;
pub use template::template;
