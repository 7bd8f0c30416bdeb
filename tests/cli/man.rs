use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::home::{Home, finish};

/// Bold and underlining are written with backspaces where there is no terminal.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c == '\u{8}' {
            out.pop();
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn the_page_names_every_command() {
    let home = Home::new();
    let page = home.run(["man"]).ok().text();
    assert!(page.contains(".TH vault 1"), "{page}");
    let file = home.path().join("vault.1");
    std::fs::write(&file, &page).unwrap();
    // Where there is no `man`, the source has the names as well, with a mark before each dash.
    let mut man = Command::new("man");
    man.arg("-l").arg(&file).env("MANPAGER", "cat").env("MANWIDTH", "100");
    let installed = Command::new("man").arg("--version").output().is_ok_and(|o| o.status.success());
    let text =
        if installed { plain(&finish(man, b"").ok().text()) } else { page.replace('\\', "") };
    for command in vault::cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        assert!(text.contains(&format!("vault-{}(1)", command.get_name())), "{text}");
    }
}

#[test]
fn every_command_has_a_page_that_all_can_read() {
    let home = Home::new();
    home.run(["man", "--out", "man/man1"]).ok();
    let dir = home.path().join("man/man1");
    for command in vault::cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let file = dir.join(format!("vault-{}.1", command.get_name()));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        assert!(text.contains(".SH SYNOPSIS") && text.contains("Examples"), "{file:?}");
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "{file:?}");
    }
    assert!(dir.join("vault.1").exists() && dir.join("vault-vaults-use.1").exists());
    assert!(!dir.join("vault-vaults-help.1").exists());
    let json = home.run(["man", "--out", "man/man1", "--json"]).ok().json();
    assert!(json["pages"].as_array().unwrap().len() > 20, "{json}");
    home.run(["man", "--out", "/dev/null/x"]).fails(1, "/dev/null/x");
}
