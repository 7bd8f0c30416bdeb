//! The commands as scripts see them: a file a command.

pub mod home;

pub mod agent;
mod askpass;
mod aws_context;
mod buckets;
mod cache;
mod capability;
mod clip_clear;
mod complete;
mod completions;
mod config;
mod copy;
mod cp;
mod credential_process;
mod diff;
mod docker_credential;
mod doctor;
mod edit;
mod exists;
mod export;
mod exposure;
mod extensions;
mod fields;
mod find;
mod general;
mod generate;
mod get;
mod git_credential;
mod group;
mod help;
mod history;
mod id;
mod import;
mod init;
mod inject;
mod join;
mod lock;
mod ls;
mod man;
mod member;
mod mv;
mod otp;
pub mod people;
mod purge;
mod put;
mod read;
mod recover;
mod rm;
mod rollback;
mod rotate;
mod run;
mod scan;
mod team;
mod tui;
mod undelete;
pub mod unlock;
mod vaults;
mod verify;

/// Every command has a file of tests.
#[test]
fn no_command_is_without_tests() {
    for command in vault::cli::command().get_subcommands() {
        let name = match command.get_name() {
            "gen" => "generate".to_owned(),
            name => name.replace('-', "_"),
        };
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(&name);
        assert!(file.with_extension("rs").exists(), "no tests of {name}");
    }
}
