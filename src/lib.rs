#![deny(unsafe_code)]
pub mod core;
pub mod store;
