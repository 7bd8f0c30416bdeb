//! All integration tests in one binary, a folder a behaviour.

mod agent;
mod bucket;
mod cli;
mod docs;
mod export;
mod fuzz;
mod hostile;
mod import;
mod interop;
mod keys;
mod layers;
mod people;
mod process;
mod reader;
mod s3ec;
mod store;
mod story;
mod support;
mod tamper;
mod team;
mod tui;
mod vectors_vault;
