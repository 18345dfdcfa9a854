//! Use cases of an app: load, validate, deploy, destroy, status, logs, exec.

pub(crate) mod act;
pub(crate) mod deploy;
mod destroy;
mod diff;
mod exec;
mod gather;
mod list;
pub(crate) mod live;
mod load;
mod logs;
mod pair;
pub(crate) mod plan;
pub(crate) mod power;
mod readiness;
pub(crate) mod record;
mod remove;
mod report;
pub(crate) mod see;
mod status;
mod time_zone;
mod validate;
mod volumes;
mod wait;
pub(crate) mod workload;

pub use deploy::{DeployOptions, Deployed, deploy};
pub use destroy::{DestroyOptions, Destroyed, destroy};
pub use diff::{Difference, Differences, diff};
pub use exec::{ExecOptions, exec};
pub use list::{AppLine, list};
pub use load::{Loaded, Source, load};
pub use logs::{LogOptions, logs};
pub use plan::{Action, Change, Plan};
pub use power::{Powered, restart, start, stop};
pub use status::{AppStatus, ContainerStatus, State, status};
pub use validate::{Nouns, validate};
