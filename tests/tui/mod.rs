//! The terminal UI: what keys do, what is drawn, the whole loop, and on a real terminal.

pub mod clipboard;
mod first_start;
mod forms;
mod hints;
mod keepers;
mod keys;
mod lock;
mod mended;
mod panics;
mod picture;
pub mod pty;
mod screens;
mod stand;
mod team;
mod team_samples;
mod team_screens;
mod team_whole;
mod ui;
mod update;
mod whole;
