//! What admins do: members, groups, rotation, recovery. Each of these is one note of the team
//! chain, and the note is the moment at which it holds (`docs/FORMAT.md`, "Team chain").

mod append;
mod cut;
mod exposure;
mod groups;
mod late;
mod log;
mod loss;
mod members;
mod recover;
mod reseal;
mod restored;
mod rotate;

pub use cut::Unshown;
pub use exposure::Exposed;
pub use groups::{Group, GroupChange, Moved, Wrapping};
pub use late::{Late, LateWrite};
pub use log::{Change, LogEntry};
pub use loss::{Loss, LostVersion};
pub(super) use loss::{MAX_LOSS, lost_notes};
pub(super) use members::{ANOTHER_NAME, check_name};
pub use members::{Changed, Device, Grant, Member, Role};
pub use recover::Recovered;
pub use reseal::{Reseal, Resealed};
pub use rotate::{Meanwhile, Rotated};

/// Told how many of how many are done.
pub type Progress<'p> = dyn FnMut(usize, usize) + Send + 'p;
