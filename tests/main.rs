//! All integration tests in one binary, a folder a behaviour.

mod hostile;
mod layers;
mod s3ec;
mod store;
mod support;
mod tamper;
mod team;
