//! The S3EC object format against what other clients wrote and against tampering.

mod mutants;
mod old_forms;
mod parse;
mod roundtrip;
mod salamander;
mod vectors;
mod wycheproof;
