//! The program `vault`.

#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vault::cli::process::harden();
    vault::cli::main(std::env::args_os())
}
