//! The guide's transcripts of `run`, `read`, `inject`, `export`, `import` and of what other programs ask
//! are run as they stand.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::cli::home::{Home, finish, program};

/// A command of a transcript and what it prints there.
struct Step {
    command: String,
    prints: Vec<String>,
}

/// The commands in the console blocks of a section and of what is below it.
fn steps(section: &str) -> Vec<Step> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/GUIDE.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let start = guide.find(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("{section}"));
    let text = &guide[start + 1..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let mut steps: Vec<Step> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), prints: vec![] }),
                None => steps.last_mut().expect("a command").prints.push(line.to_owned()),
            }
        }
    }
    assert!(!steps.is_empty(), "{section}");
    steps
}

/// What the guide starts besides `vault`.
const PROGRAMS: [&str; 8] = [
    "bin/aws",
    "bin/npm",
    "bin/psql",
    "bin/docker",
    "bin/kubectl",
    "bin/terraform",
    "bin/systemd-creds",
    "server",
];

/// A home in which the programs of the guide do nothing.
fn home() -> Home {
    let home = Home::with_vault();
    for value in ["old", "s3cret-password"] {
        home.run_with(["put", "dev/db", "user=app", "password=-"], value.as_bytes()).ok();
    }
    for path in ["dev/stripe", "dev/api/stripe/key", "dev/npm"] {
        home.put(path, "s3cret-key");
    }
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program(), bin.join("vault")).unwrap();
    for name in PROGRAMS {
        let file = home.path().join(name);
        std::fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    home
}

fn run(home: &Home, step: &Step) {
    // A file that is shown is one that the next commands work on.
    if let Some(file) = step.command.strip_prefix("cat ") {
        std::fs::write(home.path().join(file), step.prints.join("\n") + "\n").unwrap();
        return;
    }
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{{ {}\n}} 2>&1", step.command)]).current_dir(home.path());
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", home.path().join("bin").display());
    command.env_clear().env("HOME", home.path()).env("PATH", path).envs(Home::credentials());
    let ran = finish(command, b"");
    if step.prints.is_empty() {
        assert_eq!(ran.code, 0, "{}: {}", step.command, ran.text());
    } else {
        assert_eq!(ran.lines(), step.prints, "{}", step.command);
    }
}

#[test]
fn docs_of_helpers_are_so() {
    let home = home();
    std::fs::create_dir_all(home.path().join(".local/bin")).unwrap();
    for (file, text) in
        [("token", "s3cret-token\n"), ("id", "AKIDEXAMPLE\n"), ("key", "s3cret-key\n")]
    {
        std::fs::write(home.path().join(file), text).unwrap();
    }
    for section in [
        "Git",
        "Registries of docker",
        "Credentials for Amazon's programs",
        "Programs that ask for a password",
        "Completion and manual pages",
    ] {
        steps(section).iter().for_each(|step| run(&home, step));
    }
}

#[test]
fn docs_of_run_and_inject_are_so() {
    let home = home();
    for section in [
        "Local development with an env file",
        "Docker",
        "Values for other programs",
        "Values from other programs",
    ] {
        steps(section).iter().for_each(|step| run(&home, step));
    }
    let made = std::fs::read_to_string(home.path().join("config.yml")).unwrap();
    assert_eq!(made, "password: \"s3cret-password\"\n");
}
