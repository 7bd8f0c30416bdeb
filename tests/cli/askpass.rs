//! `vault askpass`, alone and behind ssh's programs. Behind git: `git_credential.rs`.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::home::{Home, Ran, finish, program};

fn ask(home: &Home, reference: &str, env: &[(&str, &str)], question: &str) -> Ran {
    let mut command = home.command(["askpass", "--", question]);
    command.env("VAULT_ASKPASS", reference).envs(env.iter().copied());
    finish(command, b"")
}

fn home() -> Home {
    let home = Home::with_vault();
    home.run_with(["put", "web", "user=ann", "value=-"], b"s3cret").ok();
    home.put("git/github.com/bob%2F1", "t0ken");
    home.run_with(["put", "lines", "--raw"], b"a\nb\n").ok();
    home
}

#[test]
fn questions_get_the_user_or_the_password() {
    let home = home();
    let ask = |reference: &str, question: &str| ask(&home, reference, &[], question);
    for (reference, question, answer) in [
        ("vault://web", "Username for 'https://github.com': ", "ann\n"),
        ("vault://web", "Password for 'https://ann@github.com': ", "s3cret\n"),
        ("vault://web", "Enter passphrase for key '/x': ", "s3cret\n"),
        ("vault://web#user", "Password: ", "ann\n"),
        ("vault://git/github.com/bob%252F1", "Username for 'https://github.com': ", "bob/1\n"),
        ("vault://git/github.com/bob%252F1", "Password: ", "t0ken\n"),
    ] {
        assert_eq!(ask(reference, question).ok().text(), answer, "{reference} {question}");
    }
    ask("vault://lines", "Password: ").fails(2, "several lines");
    ask("vault://none", "Password: ").fails(3, "there is no secret none");
    ask("vault://none", "Username: ").fails(3, "there is no secret none");
    ask("vault://lines", "Username: ").fails(3, "lines has no user name");
    ask("web", "Password: ").fails(2, "not a reference");
    home.run(["askpass", "Password: "]).fails(2, "VAULT_ASKPASS is not set");
}

#[test]
fn what_does_not_ask_for_the_password_does_not_get_it() {
    let home = home();
    let one = |question: &str| ask(&home, "vault://web", &[], question);
    for (question, says) in [
        ("Benutzername f\u{fc}r 'https://github.com': ", "LC_ALL=C"),
        ("Nombre de usuario para 'https://github.com': ", "LC_ALL=C"),
        ("Enter PIN for 'token': ", "a PIN, a code or a new password"),
        ("Verification code: ", "?attribute=otp"),
        ("Bad passphrase, try again for /x: ", "asks again"),
        ("Overwrite (y/n)? ", "only a person"),
        ("What colour is the sky? ", "does not plainly ask for a password"),
        ("", "does not plainly ask for a password"),
    ] {
        one(question).fails(1, says);
    }
    assert_eq!(one("Passwort f\u{fc}r 'https://ann@h': ").ok().text(), "s3cret\n");
    assert_eq!(one("Login password: ").ok().text(), "s3cret\n");
    let key = "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ";
    home.run_with(["put", "code", "otp[otp]=-"], key.as_bytes()).ok();
    let code = ask(&home, "vault://code?attribute=otp", &[], "Verification code: ").ok().text();
    assert_eq!(code.trim_end().len(), 6, "{code}");
}

#[test]
fn nothing_is_agreed_to() {
    let home = home();
    let ask = |kind: &str, question: &str| {
        ask(&home, "vault://web", &[("SSH_ASKPASS_PROMPT", kind)], question)
    };
    ask("confirm", "Allow use of key /x?").fails(1, "only a person");
    assert_eq!(ask("none", "Confirm user presence for key /x").ok().text(), "");
    ask("", "Continue connecting (yes/no/[fingerprint])? ").fails(1, "only a person");
    ask("whatever", "Password: ").fails(1, "only a person");
}

#[test]
fn ssh_opens_a_key_with_it() {
    let home = home();
    let link = home.path().join("vault-askpass");
    symlink(program(), &link).unwrap();
    let keygen = |args: &[&str], reference: &str| {
        let mut command = Command::new("setsid");
        command.args(["--wait", "ssh-keygen"]).args(args).current_dir(home.path()).env_clear();
        command.env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("SSH_ASKPASS", &link).env("SSH_ASKPASS_REQUIRE", "force");
        command.env("VAULT_ASKPASS", reference).envs(Home::credentials());
        finish(command, b"")
    };
    keygen(&["-q", "-t", "ed25519", "-f", "key", "-N", "s3cret"], "").ok();
    let public = keygen(&["-y", "-f", "key"], "vault://web").ok().text();
    assert!(public.starts_with("ssh-ed25519 "), "{public}");
    assert_ne!(keygen(&["-y", "-f", "key"], "vault://web#user").code, 0);
    // It would ask for ever.
    let line = r#"eval "$(ssh-agent -s)" >&2; timeout 60 ssh-add key; code=$?; ssh-agent -k >&2; exit $code"#;
    let mut command = Command::new("setsid");
    command.args(["--wait", "sh", "-c", line]).current_dir(home.path()).env_clear();
    command.env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("SSH_ASKPASS", &link).env("SSH_ASKPASS_REQUIRE", "force");
    command.env("VAULT_ASKPASS", "vault://web#user").envs(Home::credentials());
    let ran = finish(command, b"");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("that asks again"), "{}", ran.stderr);
}
