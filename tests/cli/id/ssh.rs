//! An identity with an SSH key that is there already.

use std::path::PathBuf;

use super::super::home::{Home, Ran, finish};
use super::age;
use crate::support::plugins::ssh_key_path;

/// A key of the tests as a home has it.
fn key(home: &Home, name: &str) -> PathBuf {
    let path = home.path().join(name);
    std::fs::copy(ssh_key_path(name), &path).unwrap();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, owner_only).unwrap();
    path
}

/// With `--passphrase-fd 0`.
fn typed(home: &Home, args: &[&str], passphrase: &str) -> Ran {
    let mut command = home.command(args);
    command.args(["--passphrase-fd", "0"]);
    finish(command, format!("{passphrase}\n").as_bytes())
}

#[test]
fn a_vault_opens_with_an_ssh_key() {
    let home = Home::new();
    key(&home, "ed25519");
    let new = home.run(["id", "new", "--ssh", "ed25519"]).ok();
    assert!(new.text().starts_with("vault-id1"));
    assert_eq!(home.run(["id", "show"]).ok().text(), new.text());
    let shown = home.run(["id", "show", "--json"]).ok().json();
    let public = std::fs::read_to_string(ssh_key_path("ed25519.pub")).unwrap();
    assert_eq!(shown["recipient"], public.trim().strip_suffix(" ann@laptop").unwrap());
    home.init().ok();
    home.put("a/b", "value");
    assert_eq!(home.get("a/b"), "value");
    home.run(["id", "new", "--ssh", "ed25519"]).fails(6, "already");
    let hint = "stock age takes that file";
    home.run(["id", "export", "--age"]).fails(2, hint);

    let file = std::fs::read_to_string(home.identity()).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "vault-identity/v1 age"));
    assert!(lines[1].starts_with("ssh /") && lines[1].ends_with("/ed25519"));
}

#[test]
fn stock_age_opens_the_keyring_with_that_key() {
    let home = Home::new();
    key(&home, "ed25519");
    home.run(["id", "new", "--ssh", "ed25519"]).ok();
    home.init().ok();
    let sealed = super::age_files(&home);
    assert_eq!(sealed.len(), 1);
    let opened = age(&home, &["-d", "-i", "ed25519"], &sealed[0]).ok();
    assert!(opened.text().starts_with(r#"{"group":"main","keys":["#));
}

#[test]
fn the_key_may_have_a_passphrase() {
    let home = Home::new();
    key(&home, "ed25519-sealed");
    let new = ["id", "new", "--ssh", "ed25519-sealed"];
    home.run(new).fails(4, "has a passphrase, and there is no terminal to ask on");
    typed(&home, &new, "wrong").fails(4, "cannot open the SSH key");
    assert!(!home.identity().exists());
    typed(&home, &new, "correct horse").ok();
    home.run(["id", "show"]).fails(4, "give it with --passphrase-fd N");
    typed(&home, &["id", "show"], "wrong").fails(4, "the passphrase is wrong");
    typed(&home, &["id", "show"], "correct horse").ok();
    let doctor = typed(&home, &["doctor"], "correct horse");
    assert!(doctor.text().contains("ed25519-sealed has one, and opens"), "{}", doctor.text());
}

#[test]
fn a_key_that_moved_is_asked_for_and_can_be_named() {
    let home = Home::new();
    let path = key(&home, "ed25519");
    home.run(["id", "new", "--ssh", "./ed25519"]).ok();
    home.init().ok();
    home.put("a", "value");
    let moved = home.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    home.run(["get", "a"]).fails(4, "VAULT_SSH_KEY names where it is");
    let with = |key: &str, args: &[&str]| {
        let mut command = home.command(args);
        command.env("VAULT_SSH_KEY", home.path().join(key));
        finish(command, b"")
    };
    assert_eq!(with("moved", &["get", "a"]).ok().text(), "value");
    let listed = with("moved", &["config", "list", "--show-origin"]).ok().text();
    assert!(listed.lines().any(|l| l.starts_with("ssh-key") && l.ends_with("env VAULT_SSH_KEY")));
    assert!(!with("moved", &["doctor"]).text().contains("nothing reads VAULT_SSH_KEY"));
    // Another key than the one that it was made with.
    let other = key(&home, "rsa");
    with("rsa", &["get", "a"]).fails(2, "only ed25519 is taken");
    std::fs::remove_file(other).unwrap();
    // Others of this machine can read it: said, but no reason to stop, as with the identity.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&moved, everybody).unwrap();
    let exposed = with("moved", &["get", "a"]).ok();
    assert!(exposed.stderr.contains("moved can be read by other users"), "{}", exposed.stderr);
}

#[test]
fn what_is_no_such_key_makes_no_identity() {
    let home = Home::new();
    for (name, says) in [
        ("rsa", "of the kind ssh-rsa, and only ed25519 is taken"),
        ("ecdsa", "only ed25519 is taken"),
        ("rsa-pem", "is in an old form"),
        ("ed25519.pub", "the private half"),
    ] {
        key(&home, name);
        home.run(["id", "new", "--ssh", name]).fails(2, says);
    }
    home.run(["id", "new", "--ssh", "nowhere"]).fails(2, "there is no file");
    home.run(["id", "new", "--ssh", "rsa", "--no-passphrase"]).fails(2, "cannot be used with");
    home.run(["id", "new", "--ssh", "rsa", "--age-plugin", "x"]).fails(2, "cannot be used with");
    assert!(!home.identity().exists());
}
