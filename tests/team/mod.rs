//! The team chain: which note may follow, and which version counts.

mod accept;
mod rules;
mod state;
