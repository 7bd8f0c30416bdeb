//! The integration tests: one binary, a folder a behaviour.

mod store;
