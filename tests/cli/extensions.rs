//! Programs called `vault-NAME` as commands.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::home::{Home, Ran, finish, program};

fn script(file: &Path, text: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A home with extensions in `bin`.
fn home() -> Home {
    let home = Home::new();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    script(&bin.join("vault-hello"), "printf '<%s>' \"$@\"; umask; exit 7");
    script(&bin.join("vault-env"), "env");
    script(&bin.join("vault-get"), "echo not ours");
    script(&bin.join("vault-member"), "echo not ours");
    script(&home.path().join("vault-here"), "echo from here");
    std::fs::write(bin.join("vault-plain"), "no program").unwrap();
    std::fs::write(bin.join("vault-odd"), "#!/no/such/interpreter\n").unwrap();
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("vault-odd"), runs).unwrap();
    home
}

fn run(home: &Home, path: &str, args: &[&str]) -> Ran {
    let mut command = home.command(args);
    let path = path.replace("BIN", home.path().join("bin").to_str().unwrap());
    command.env("PATH", format!("{path}:/usr/bin:/bin"));
    finish(command, b"")
}

#[test]
fn a_program_on_the_path_is_a_command() {
    let home = home();
    let ran = run(&home, "BIN", &["hello", "a b", "--json", "--", "-x"]);
    assert_eq!((ran.code, ran.text()), (7, "<a b><--json><--><-x>0022\n".to_owned()));
    let mut command = home.command(["env"]);
    command.env("PATH", home.path().join("bin").display().to_string() + ":/usr/bin:/bin");
    command.env("VAULT_CAPABILITY", "s3cret").env("VAULT_NAME", "team").env("OTHER", "kept");
    let lines = finish(command, b"").ok().lines();
    assert!(!lines.iter().any(|line| line.contains("s3cret")), "{lines:?}");
    for kept in ["VAULT_NAME=team", "OTHER=kept"] {
        assert!(lines.iter().any(|line| line == kept), "{lines:?}");
    }
}

#[test]
fn our_own_commands_win_and_mistakes_stay_mistakes() {
    let home = home();
    run(&home, "BIN", &["get", "a"]).fails(3, "no vault is configured");
    run(&home, "BIN", &["member", "odd"]).fails(2, "unrecognized subcommand 'odd'");
    run(&home, "BIN", &["undelet"]).fails(2, "undelete");
    for none in ["plain", "none", "../bin/hello", "hello/"] {
        let ran = run(&home, "BIN", &[none]);
        assert_eq!(ran.code, 2, "{none}: {}", ran.stderr);
    }
    run(&home, "BIN", &["odd"]).fails(126, "cannot start");
    let help = run(&home, "BIN", &["--help"]).ok().text();
    assert!(help.contains("vault-NAME") && !help.contains("hello"), "{help}");
    let help = run(&home, "BIN", &["help", "hello"]).fails(2, "no help on hello");
    assert!(help.stderr.contains("vault-hello --help"), "{}", help.stderr);
    let none = run(&home, "BIN", &["help", "nothing"]).fails(2, "no help on nothing");
    assert!(!none.stderr.contains("vault-nothing"), "{}", none.stderr);
    for flags in [&["--vault", "team", "hello"][..], &["--yes", "hello", "a"], &["-y", "hello"]] {
        let ran = run(&home, "BIN", flags).fails(2, "flags come after its name");
        assert!(ran.stderr.contains("hint: vault hello"), "{}", ran.stderr);
    }
    run(&home, "BIN", &["--yes", "member", "odd"]).fails(2, "unrecognized subcommand 'odd'");
    run(&home, "BIN", &["--yes", "nothing"]).fails(2, "unrecognized subcommand 'nothing'");
}

#[test]
fn nothing_is_run_from_where_one_happens_to_be() {
    let home = home();
    for path in [".", "", "bin", "./bin", "bin:."] {
        let ran = run(&home, path, &["here"]);
        assert_eq!((ran.code, ran.text()), (2, String::new()), "{path:?}");
        assert_eq!(run(&home, path, &["hello"]).code, 2, "{path:?}");
    }
}

#[test]
fn a_link_to_us_is_the_command_it_stands_for() {
    let home = home();
    symlink(program(), home.path().join("bin/vault-askpass")).unwrap();
    run(&home, "BIN", &["askpass", "Password: "]).fails(2, "VAULT_ASKPASS is not set");
    symlink(program(), home.path().join("bin/docker-credential-vault")).unwrap();
    let mut command = std::process::Command::new(home.path().join("bin/docker-credential-vault"));
    command.arg("version").env_clear().env("HOME", home.path());
    assert!(finish(command, b"").ok().text().starts_with("docker-credential-vault"));
}
