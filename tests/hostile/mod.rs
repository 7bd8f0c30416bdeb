//! Storage that lies, loses and fails, and writers who race.

mod chain;
mod faults;
mod junk;
pub mod liar;
mod lies;
mod member;
mod race;
