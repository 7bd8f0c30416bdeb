//! All integration tests in one binary, a folder a behaviour.

mod reader;
mod s3ec;
mod store;
mod vectors_vault;
