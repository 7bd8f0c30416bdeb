//! All commands again, on vaults in buckets: the tests of this folder run once more in a process
//! of their own for each server, where `Home` makes its vaults there.

use std::process::Command;

use super::home::Bucket;
use crate::support::servers::{self, Server, make_bucket, make_key};

/// Tests about directories, or that reach into one behind the program's back.
const DIRECTORIES: [&str; 27] = [
    "cli::buckets",
    "cli::doctor",
    "cli::export::one_damaged_secret_stops_all",
    "cli::find::what_was_not_searched_is_listed",
    "cli::general::a_missing_vault_says_what_to_do",
    "cli::get::an_older_state_is_noticed",
    "cli::get::what_was_tampered_with_is_refused",
    "cli::history::a_hole_is_shown",
    "cli::history::a_stray_number_does_not_hang",
    "cli::id::plugin",
    "cli::id::ssh::stock_age_opens_the_keyring_with_that_key",
    "cli::init::a_second_one_at_the_same_place_is_refused_and_changes_nothing",
    "cli::init::what_cannot_be_remembered_fails_before_there_is_a_vault",
    "cli::join::a_directory_that_moved_is_joined_again",
    "cli::join::a_wrong_string_or_vault_is_refused",
    "cli::purge::one_that_was_cut_off_is_finished",
    "cli::put::a_claimed_version_is_never_called_a_failure_to_try_again",
    // They spoil a value or a note, and bring the storage back from a copy.
    "cli::rotate::what_could_not_be_sealed_is_told_and_the_rest_is_done",
    "cli::team::a_note_that_is_gone_or_changed_is_an_integrity_error",
    "cli::member::a_removal_does_not_wait_for_what_is_hidden",
    "cli::team::restored_from_a_backup_is_shown_asked_and_agreed_to_once_each",
    "cli::team::who_joined_later_follows_or_begins_with_the_recovery_words",
    "cli::rm::the_storage_cannot_bring_it_back",
    "cli::verify::a_crash_before_the_head_is_mended",
    "cli::verify::changed_bytes_are_an_error",
    "cli::verify::one_odd_file_hides_nothing_else",
    "cli::verify::the_newest_entry_is_restored_from_its_head",
];
/// Whoever may use the KMS key can read, member or not, and there are no capabilities.
/// Nor is anything kept for reading offline.
const LOCAL_ONLY: [&str; 3] =
    ["cli::cache", "cli::capability", "cli::general::another_identity_is_a_stranger_not_tampering"];
/// Once `a/b` is there, SeaweedFS takes `a` for a directory, and creates no object of that name.
const NO_TREE: &str = "cli::purge::the_values_are_gone_and_a_tombstone_stays";

fn kms(server: &Server) -> String {
    format!("--kms={}", make_key(server))
}

fn again(server: &Server, flags: &[String], skip: &[&str]) {
    make_bucket(server, "commands");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["cli::", "--test-threads=4"]);
    for name in DIRECTORIES.iter().chain(skip) {
        command.args(["--skip", name]);
    }
    command.env("VAULT_TEST_BUCKET", Bucket::variable("s3://commands", flags, server));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let last = text.lines().rfind(|line| line.contains("test result")).unwrap();
    // A test that was renamed would be left out of nothing, and none may be left out unseen.
    let skipped = (DIRECTORIES.len() - 1 + skip.len()).to_string();
    println!("{last} ({skipped} tests are not for this server)");
}

#[test]
fn on_ministack() {
    again(servers::ministack(), &[], &[]);
}

#[test]
fn on_ministack_with_kms() {
    let server = servers::ministack();
    again(server, &[kms(server)], &LOCAL_ONLY);
}

#[test]
fn what_only_kms_opens_is_not_kept() {
    let server = servers::ministack();
    make_bucket(server, "kept");
    let home = super::home::Home::new();
    let run = |args: &[&str], stdin: &[u8]| {
        let mut command = home.command(args);
        command.envs(Bucket::env(server));
        super::home::finish(command, stdin)
    };
    let words = home.path().join("words");
    let init =
        ["init", "s3://kept/a", "--no-passphrase", "--recovery-out", words.to_str().unwrap()];
    run(&[&init[..], &[&kms(server)]].concat(), b"").ok();
    run(&["put", "db"], b"s3cret").ok();
    let ran = run(&["cache", "fill"], b"").ok();
    assert!(ran.stderr.contains("Kept: 0; 1 not kept, KMS alone opens them"), "{}", ran.stderr);
    run(&["get", "db", "--offline"], b"").fails(8, "db is not kept");
}

#[test]
fn on_seaweedfs() {
    again(servers::seaweedfs(), &[], &[NO_TREE]);
}

#[test]
fn on_moto_with_kms() {
    let server = servers::moto();
    // It checks and writes in two steps, which `init` and `join` may notice.
    let flags = [kms(server), "--single-writer".to_owned()];
    again(server, &flags, &[&LOCAL_ONLY[..], &["cli::join"]].concat());
}
