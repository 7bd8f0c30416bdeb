//! The team: a hash-chained list of signed notes that says who may do what. No I/O here; the
//! bytes come from and go to the store through [`crate::vault`].

pub mod accept;
pub mod capability;
pub mod cut;
pub mod join;
pub mod note;
pub mod ops;
pub mod rules;
pub mod state;

pub use accept::Standing;
pub use cut::Cut;
pub use join::Pin;
pub use note::Note;
pub use ops::Op;
pub use state::State;
