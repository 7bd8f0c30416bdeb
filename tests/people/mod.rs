//! What admins do to a team, on a store in memory.

mod capability;
mod faults;
mod forged;
mod groups;
mod hidden;
pub mod late;
mod limits;
mod members;
mod notes;
mod race;
mod recover;
mod restored;
mod rotation;
mod schedules;
