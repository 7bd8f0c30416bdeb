//! What the tests of teams share: members, hints that are typed, and questions on a terminal.

use super::home::{Home, Ran};
use crate::tui::pty::{Session, command_in};

/// A new identity in a home of its own, and what `id show` prints of it.
pub fn newcomer() -> (Home, String) {
    let home = Home::new();
    let id = home.run(["id", "new", "--no-passphrase"]).ok().text().trim().to_owned();
    (home, id)
}

/// A home whose identity is a member of the vault in another one.
pub fn member(admin: &Home, name: &str, may: &[&str]) -> Home {
    let (home, id) = newcomer();
    let add = [&["member", "add", name, &id], may].concat();
    let join = admin.run(add).ok().text();
    home.join(join.trim());
    home
}

/// Ann's vault, and bob who may read and write.
pub fn two() -> (Home, Home) {
    let ann = Home::with_vault();
    let bob = member(&ann, "bob", &["--role", "write"]);
    (ann, bob)
}

/// Nothing that drives a terminal is printed, and it is told apart.
#[track_caller]
pub fn is_clean(ran: &Ran) {
    for text in [&String::from_utf8_lossy(&ran.stdout), ran.stderr.as_str()] {
        let drives = |c: char| c != '\n' && c != '\t' && vault::vault::is_hidden(c);
        assert!(!text.chars().any(drives), "{text:?}");
    }
}

/// Runs the command that a hint has between backquotes.
#[track_caller]
pub fn run_hint(home: &Home, ran: &Ran) -> Ran {
    let hint = ran.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
    let command = hint.split('`').nth(1).expect("a command in the hint");
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[0], "vault", "{hint}");
    home.run(&words[1..])
}

/// Runs a command on a terminal: waits for each text, then types what belongs to it. It ends with
/// this code and says this. Answers what is on the screen then.
#[track_caller]
pub fn on_a_terminal(
    home: &Home,
    args: &[&str],
    dialogue: &[(&str, &str)],
    (code, says): (u32, &str),
) -> String {
    let mut command = command_in(home);
    command.args(args);
    command.env("USER", "ann");
    let mut session = Session::sized(command, (40, 120));
    for (question, answer) in dialogue {
        session.shows(question);
        session.type_keys(answer);
    }
    assert_eq!(session.ends(), code);
    // What it said last may still be on its way.
    session.shows(says);
    session.terminal().screen().contents()
}
