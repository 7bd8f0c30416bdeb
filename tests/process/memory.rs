//! A core of `vault get` at its end must not hold the value; one taken while it writes must.

use std::process::Command;

use crate::cli::home::{Home, program};

const CANARY: &str = "Zq8-canary-Xw3vTn5rLp0sKd9f-end-Yb6mHc2";

/// Runs `vault get` under gdb and takes a core at the given catchpoint.
fn core(home: &Home, stop: &str, name: &str) -> Vec<u8> {
    let file = home.path().join(name);
    let mut command = Command::new("gdb");
    command.args([
        "-q",
        "-batch",
        "-nx",
        "-ex",
        "set confirm off",
        "-ex",
        "set startup-with-shell off",
    ]);
    for line in stop.split(';') {
        command.args(["-ex", line]);
    }
    command.arg("-ex").arg(format!("gcore {}", file.display()));
    command.args(["-ex", "kill", "--args"]).arg(program()).args(["get", "a"]);
    command.env_clear().env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.current_dir(home.path());
    let ran = crate::cli::home::finish(command, b"");
    std::fs::read(&file).unwrap_or_else(|e| panic!("{e}: {} {}", ran.text(), ran.stderr))
}

fn hits(core: &[u8], needles: &[Vec<u8>]) -> usize {
    needles.iter().map(|n| memmem(core, n)).sum()
}

fn memmem(haystack: &[u8], needle: &[u8]) -> usize {
    let first = needle[0];
    let mut count = 0;
    let mut at = 0;
    while let Some(next) = haystack[at..].iter().position(|&b| b == first) {
        at += next;
        count += usize::from(haystack[at..].starts_with(needle));
        at += 1;
    }
    count
}

fn needles() -> Vec<Vec<u8>> {
    let pieces = CANARY.as_bytes().windows(12).map(<[u8]>::to_vec);
    let base64 = vault::vault::b64_secret(CANARY.as_bytes()).bytes().to_vec();
    // Without its end: what follows the value changes the last characters.
    pieces.chain([base64[..40].to_vec()]).collect()
}

#[test]
fn a_core_at_the_end_of_get_holds_nothing_of_the_value() {
    let home = Home::with_vault();
    home.put("a", CANARY);
    let end = core(&home, "catch syscall exit_group;run", "core-end");
    let control = core(&home, "catch syscall write;run", "core-control");
    let (end, control) = (hits(&end, &needles()), hits(&control, &needles()));
    println!("memory: {end} hits at the end, {control} in the control");
    assert!(control > 0, "the control must find the value, or the test finds nothing");
    assert_eq!(end, 0);
}
