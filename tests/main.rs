//! All integration tests in one binary, a folder a behaviour.

mod s3ec;
mod store;
mod vectors_vault;
