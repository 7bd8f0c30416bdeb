//! All integration tests in one binary, a folder a behaviour.

mod cli;
mod docs;
mod process;
mod s3ec;
mod store;
