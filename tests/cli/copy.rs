use portable_pty::CommandBuilder;

use super::home::{Home, Ran, finish};
use crate::tui::clipboard::Desktop;
use crate::tui::pty::{Session, command_in};

fn with_values() -> Home {
    let home = Home::with_vault();
    home.run_with(["put", "db", "user=ann", "password=-"], b"s3cret").ok();
    home.run_with(["put", "web", "otp=-"], b"GEZDGNBVGY3TQOJQ").ok();
    home.run_with(["put", "raw", "--raw"], &[0xff]).ok();
    home
}

fn copy(home: &Home, desktop: &Desktop, args: &[&str]) -> Ran {
    let mut command = home.command([&["copy"], args].concat());
    command.env("DISPLAY", &desktop.display);
    finish(command, b"")
}

fn configure(home: &Home, clipboard: &str) {
    let file = home.path().join(".config/vault/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{text}\n[tui]\nclipboard = \"{clipboard}\"\n")).unwrap();
}

/// The command has ended, the value stays; somebody else's copy takes its place.
#[test]
fn a_value_stays_when_the_command_has_ended() {
    let (home, desktop) = (with_values(), Desktop::start());
    let ran = copy(&home, &desktop, &["db"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr == "copied; cleared in 45 seconds\n");
    assert_eq!(desktop.paste(&[]), "s3cret");
    let targets = desktop.paste(&["-t", "TARGETS"]);
    assert!(targets.contains("x-kde-passwordManagerHint"), "{targets}");
    let ran = copy(&home, &desktop, &["db", "user", "--json"]).ok();
    assert_eq!(ran.json(), serde_json::json!({ "path": "db", "seconds": 45 }));
    assert_eq!(desktop.paste(&[]), "ann");
    copy(&home, &desktop, &["web"]).ok();
    let code = desktop.paste(&[]);
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
}

#[test]
fn what_cannot_be_copied() {
    let (home, desktop) = (with_values(), Desktop::start());
    copy(&home, &desktop, &["raw"]).fails(2, "bytes, not text");
    copy(&home, &desktop, &["db", "none"]).fails(3, "it has: user, password");
    copy(&home, &desktop, &["gone"]).fails(3, "gone");
    home.run_with(["put", "db", "pin=-"], b"1").ok();
    copy(&home, &desktop, &["db"]).fails(2, "name one of: user, password, pin");
    // No desktop: it says what to do.
    let ran = home.run(["copy", "db", "password"]).fails(1, "there is no clipboard here");
    assert!(ran.stderr.contains("osc52") && !ran.stderr.contains("s3cret"), "{}", ran.stderr);
    configure(&home, "off");
    copy(&home, &desktop, &["db", "password"]).fails(2, "switched off");
    assert_eq!(desktop.paste(&[]), "");
}

/// Only where it is allowed, and to the terminal, wherever standard output goes.
#[test]
fn through_the_terminal_if_that_is_chosen() {
    let home = with_values();
    configure(&home, "osc52");
    home.run(["copy", "db"]).fails(2, "there is no terminal");
    let mut command: CommandBuilder = command_in(&home);
    command.args(["copy", "db"]);
    let mut session = Session::start(command);
    session.shows("copied through the terminal");
    assert_eq!(session.ends(), 0);
    let written = String::from_utf8(session.output()).unwrap();
    assert!(written.contains("\x1b]52;c;czNjcmV0\x07"), "{written:?}");
    assert!(!written.contains("s3cret"));
    home.run(["copy", "raw"]).fails(2, "bytes, not text");
}
