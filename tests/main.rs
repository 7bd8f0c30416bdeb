//! All integration tests in one binary, a folder a behaviour.

mod cli;
mod docs;
mod fuzz;
mod process;
mod reader;
mod s3ec;
mod store;
mod vectors_vault;
