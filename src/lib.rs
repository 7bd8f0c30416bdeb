//! A team's secrets in storage that the team owns, encrypted on the team's machines.
//!
//! Data flows one way: `cli` → [`vault`] → [`team`] → [`keys`] → [`core`], with [`store`] → [`aws`]
//! beside it; `tests/layers.rs` fails on any other `use`.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod aws;
pub mod cli;
pub mod config;
pub mod core;
pub mod keys;
pub mod store;
pub mod team;
pub mod tui;
pub mod vault;
