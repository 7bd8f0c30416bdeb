use std::process::Command;

use super::home::{Home, finish};

/// What bash offers behind `words`, the last of which is being typed.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let script = home.run(["completions", "bash"]).ok().text();
    std::fs::write(home.path().join("vault.bash"), script).unwrap();
    let mut bash = Command::new("bash");
    let ask = r#"source vault.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _vault vault "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    bash.args(["--norc", "-c", ask, "bash"]).args(words).current_dir(home.path());
    finish(bash, b"").ok().lines()
}

#[test]
fn bash_completes_commands_and_flags() {
    let home = Home::new();
    assert_eq!(offered(&home, &["vault", "und"]), ["undelete"]);
    assert_eq!(offered(&home, &["vault", "verify", "--rep"]), ["--repair"]);
    assert_eq!(offered(&home, &["vault", "completions", "po"]), ["powershell"]);
    assert!(offered(&home, &["vault", "nothing-like"]).concat().is_empty());
    let all = offered(&home, &["vault", ""]);
    for command in vault::cli::command().get_subcommands() {
        assert!(all.iter().any(|word| word == command.get_name()), "{}", command.get_name());
    }
}

#[test]
fn every_shell_has_a_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(home.run(["completions", shell]).ok().text().contains("undelete"), "{shell}");
    }
    home.run(["completions", "dos"]).fails(2, "powershell");
    home.run(["completions"]).fails(2, "SHELL");
}
