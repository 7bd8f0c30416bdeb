//! What admins do: members, groups, rotation, recovery. Each of these is one note of the team
//! chain, and the note is the moment at which it holds (`docs/FORMAT.md`, "Team chain").

mod append;
mod cut;
mod exposure;
mod groups;
mod log;
mod members;
mod recover;
mod reseal;
mod restored;
mod rotate;

pub use exposure::Exposed;
pub use groups::{Group, GroupChange, Wrapping};
pub use log::{Change, LogEntry};
pub use members::{Device, Grant, Member, Role};
pub use recover::Recovered;
pub use reseal::Resealed;
pub use restored::{Loss, LostVersion};
pub use rotate::{Late, LateWrite, Rotated};

/// Told how many of how many are done.
pub type Progress<'p> = dyn FnMut(usize, usize) + Send + 'p;
