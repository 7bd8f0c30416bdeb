//! The scripts of `vault completions`, in real shells on a terminal. What they ask: `complete.rs`.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;

use super::home::{Home, program};
use crate::tui::pty::{Session, environment};

/// A secret whose name a shell would run.
const EVIL: &str = "prod/it's \"$(touch pwned)`touch pwned`!!";

/// A home with `vault` on its path and secrets with names of all kinds.
fn home() -> Home {
    let home = Home::with_vault();
    std::fs::create_dir(home.path().join("bin")).unwrap();
    symlink(program(), home.path().join("bin/vault")).unwrap();
    home.put(EVIL, "value-of-evil");
    home.put("prod/plain", "value-of-plain");
    home.put("prod/deeper down/one", "value-of-one");
    home
}

/// An interactive shell that has read the script of its kind.
fn shell(home: &Home, args: &[&str], setup: &str) -> Session {
    let name = args[0];
    let script = home.run(["completions", name]).ok().text();
    std::fs::write(home.path().join("script"), script).unwrap();
    let mut command = CommandBuilder::new(name);
    command.args(&args[1..]);
    environment(&mut command, home);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", home.path().join("bin").display()));
    let mut session = Session::sized(command, (24, 200));
    session.type_keys(&format!("{setup}\r"));
    session.shows("ready-now");
    session
}

/// Presses the key until this is seen: a busy machine may need longer than the second that there is.
#[track_caller]
fn tab_until(session: &mut Session, shows: &str) {
    for _ in 0..20 {
        session.type_keys("\t");
        let pressed = Instant::now();
        while pressed.elapsed() < Duration::from_secs(3) {
            if session.screen().contains(shows) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    panic!("never {shows}:\n{}", session.screen());
}

/// Types a beginning, has it completed, and runs it.
#[track_caller]
fn completes(session: &mut Session, typed: &str, shows: &str, value: &str) {
    session.type_keys("clear\r");
    session.until("cleared", |s| {
        !s.screen().contains("value-of") && !s.screen().contains("ready-now")
    });
    session.type_keys(typed);
    tab_until(session, shows);
    session.type_keys("\r");
    session.shows(value);
}

/// Where there is no name, the shell goes on as it would without us.
#[track_caller]
fn completes_files_and_commands(session: &mut Session, home: &Home) {
    std::fs::write(home.path().join("file-to-import.csv"), "").unwrap();
    for (typed, shows) in [
        ("vault import file-to", "file-to-import.csv"),
        ("vault run -e A=vault://prod/plain -- printen", "printenv"),
        ("vault run -- cat file-to", "cat file-to-import.csv"),
    ] {
        session.type_keys("clear\r");
        session.until("cleared", |s| {
            !s.screen().contains("value-of")
                && !s.screen().contains("-- ")
                && !s.screen().contains("file-to")
        });
        session.type_keys(typed);
        tab_until(session, shows);
        session.type_keys("\u{15}");
    }
}

fn not_taken_over(home: &Home) {
    assert!(!home.path().join("pwned").exists(), "a name was run");
}

#[test]
fn bash_completes_names_that_need_quotes() {
    let home = home();
    let setup =
        "PS1='> '; bind 'set enable-bracketed-paste off'; source ./script; echo ready-''now";
    let mut bash = shell(&home, &["bash", "--norc", "--noprofile", "-i"], setup);
    completes(&mut bash, "vault get prod/pl", "prod/plain", "value-of-plain");
    completes(&mut bash, "vault get prod/it", r"prod/it\'s\ ", "value-of-evil");
    completes(&mut bash, "vault get 'prod/it", r"'prod/it'\''s ", "value-of-evil");
    completes(&mut bash, "vault get \"prod/it", "\"prod/it's ", "value-of-evil");
    completes(&mut bash, r"vault get prod/deeper\ down/", "down/one", "value-of-one");
    completes(&mut bash, "vault read vault://prod/pl", "prod/plain", "value-of-plain");
    completes(&mut bash, "vault read vault://prod/it", "prod/it%27s%20%22", "value-of-evil");
    let run = "vault run --no-mask -e A=vault://prod/pl";
    bash.type_keys("clear\r");
    bash.type_keys(run);
    tab_until(&mut bash, "vault://prod/plain");
    bash.type_keys("-- printenv A\r");
    bash.shows("value-of-plain");
    bash.type_keys("clear\r");
    bash.until("cleared", |s| !s.screen().contains("value-of"));
    bash.type_keys("vault --vault=ma");
    tab_until(&mut bash, "--vault=main ");
    bash.type_keys("get prod/pl");
    tab_until(&mut bash, "--vault=main get prod/plain");
    bash.type_keys("\r");
    bash.shows("value-of-plain");
    completes_files_and_commands(&mut bash, &home);
    not_taken_over(&home);
    bash.type_keys("exit\r");
    bash.ends();
}

#[test]
fn zsh_completes_names_that_need_quotes() {
    let home = home();
    let setup = "PS1='> '; unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; \
                 source ./script; echo ready-''now";
    let mut zsh = shell(&home, &["zsh", "-f", "-i"], setup);
    completes(&mut zsh, "vault get prod/pl", "prod/plain", "value-of-plain");
    completes(&mut zsh, "vault get prod/it", r"prod/it\'s\ ", "value-of-evil");
    completes(&mut zsh, "vault get 'prod/it", "'prod/it'\\''s ", "value-of-evil");
    completes(&mut zsh, r"vault get prod/deeper\ down/", "down/one", "value-of-one");
    completes(&mut zsh, "vault read vault://prod/pl", "prod/plain", "value-of-plain");
    completes_files_and_commands(&mut zsh, &home);
    not_taken_over(&home);
    zsh.type_keys("exit\r");
    zsh.ends();
}

#[test]
fn fish_completes_names_that_need_quotes() {
    let home = home();
    let setup = "function fish_prompt; echo '> '; end; source ./script; echo ready-''now";
    let mut fish = shell(&home, &["fish", "--no-config", "-i"], setup);
    completes(&mut fish, "vault get prod/pl", "prod/plain", "value-of-plain");
    completes(&mut fish, "vault get prod/it", r"prod/it\'s", "value-of-evil");
    completes(&mut fish, r"vault get prod/deeper\ down/", "down/one", "value-of-one");
    completes(&mut fish, "vault read vault://prod/pl", "prod/plain", "value-of-plain");
    completes_files_and_commands(&mut fish, &home);
    not_taken_over(&home);
    fish.type_keys("exit\r");
    fish.ends();
}

#[test]
fn every_shell_has_a_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(["completions", shell]).ok().text();
        assert!(script.contains(&format!("vault complete {shell} -- ")), "{shell}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(home.run(["completions", shell]).ok().text().contains("undelete"), "{shell}");
    }
    home.run(["completions", "dos"]).fails(2, "powershell");
    home.run(["completions"]).fails(2, "SHELL");
}
