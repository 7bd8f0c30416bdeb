//! On a terminal: identities whose key is one of SSH or of an age plugin.

use portable_pty::CommandBuilder;

use super::pty::{Session, command_in};
use crate::cli::home::{Home, finish};
use crate::support::plugins::{Plugins, identity_file, ssh_key_path};

const SIZE: (u16, u16) = (24, 100);

/// A home with a vault that opens with the SSH key under `correct horse`.
fn home_with_ssh_key() -> Home {
    let home = Home::new();
    std::fs::copy(ssh_key_path("ed25519-sealed"), home.path().join("key")).unwrap();
    for args in [&["id", "new", "--ssh", "key"][..], &["init", "--recovery-out", "words"]] {
        let mut command = home.command(args);
        command.args(["--passphrase-fd", "0"]);
        finish(command, b"correct horse\n").ok();
    }
    home
}

/// A home with the identity file of a plugin that asks, and the plugin.
fn home_with_plugin() -> (Home, Plugins) {
    let home = Home::new();
    std::fs::write(home.path().join("key.txt"), identity_file("vask", 1)).unwrap();
    (home, Plugins::new(&["vask"]))
}

fn with(home: &Home, plugins: &Plugins, args: &[&str]) -> CommandBuilder {
    let mut command = command_in(home);
    command.env("PATH", plugins.path());
    command.args(args);
    command
}

#[test]
fn the_ui_asks_for_the_passphrase_of_the_ssh_key() {
    let home = home_with_ssh_key();
    let mut session = Session::sized(command_in(&home), SIZE);
    session.shows("passphrase");
    session.type_keys("correct house\r");
    session.shows("cannot open the SSH key");
    session.type_keys("correct horse\r");
    session.shows("main");
    session.shows("Secrets");
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
}

#[test]
fn a_command_passes_the_questions_of_a_plugin_on() {
    let (home, plugins) = home_with_plugin();
    let new = ["id", "new", "--age-plugin", "key.txt"];
    let run = |pin: &str, sure: &str| {
        let mut session = Session::sized(with(&home, &plugins, &new), SIZE);
        session.shows("touch \\u{1b}[31mthe token");
        session.shows("PIN of the token?");
        session.type_keys(&format!("{pin}\r"));
        session.shows("y: go on, anything else: leave");
        session.type_keys(&format!("{sure}\r"));
        let code = session.ends();
        session.shows(if code == 0 { "vault-id1" } else { "no entry" });
        let screen = session.terminal().screen().contents();
        assert!(!screen.contains(pin), "{screen}");
        code
    };
    assert_eq!(run("4321", "y"), 4);
    assert_eq!(run("1234", "n"), 4);
    assert!(!home.identity().exists());
    assert_eq!(run("1234", "Y"), 0);
    assert!(home.identity().exists());
}

#[test]
fn the_ui_says_that_it_passes_no_questions_on() {
    let (home, plugins) = home_with_plugin();
    let mut session =
        Session::sized(with(&home, &plugins, &["id", "new", "--age-plugin", "key.txt"]), SIZE);
    session.shows("PIN of the token?");
    session.type_keys("1234\r");
    session.shows("y: go on");
    session.type_keys("y\r");
    assert_eq!(session.ends(), 0);
    let mut session =
        Session::sized(with(&home, &plugins, &["init", "--recovery-out", "words"]), SIZE);
    session.shows("PIN of the token?");
    session.type_keys("1234\r");
    session.shows("y: go on");
    session.type_keys("y\r");
    assert_eq!(session.ends(), 0);
    let mut session = Session::sized(with(&home, &plugins, &[]), SIZE);
    session.shows("PIN of the token?");
    session.shows("nobody is asked here");
    session.type_keys("\x03");
    session.ends();
}
