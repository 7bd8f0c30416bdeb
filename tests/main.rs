//! All integration tests in one binary, a folder a behaviour.

mod cli;
mod docs;
mod fuzz;
mod process;
mod s3ec;
mod store;
