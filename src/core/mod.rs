//! Bytes in, bytes out: formats and cryptography. No I/O, no clock, no environment; randomness
//! comes from [`random`] alone.

pub mod cipher;
pub mod document;
pub mod error;
pub mod foreign;
pub mod generate;
pub mod header;
pub mod json;
pub mod otp;
pub mod path;
pub mod random;
pub mod s3ec;
pub mod secret;
pub mod text;
pub mod token;
