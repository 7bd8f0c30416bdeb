//! Bytes in, bytes out: formats and cryptography. No I/O, no clock, no environment; randomness
//! comes from [`random`] alone.

pub mod cipher;
pub mod json;
pub mod random;
pub mod s3ec;
pub mod secret;
pub mod text;
