//! A core of `vault get` at its end must not hold the value; one taken while it writes must.

use std::process::Command;

use crate::cli::home::{Home, program};

const CANARY: &str = "Zq8-canary-Xw3vTn5rLp0sKd9f-end-Yb6mHc2";

/// Runs `vault get` under gdb and takes a core at the given catchpoint.
fn core(home: &Home, stop: &str, name: &str) -> Vec<u8> {
    core_of_command(home, stop, name, &["get", "a"])
}

/// The same of another command.
fn core_of_command(home: &Home, stop: &str, name: &str, args: &[&str]) -> Vec<u8> {
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
    command.args(["-ex", "kill", "--args"]).arg(program()).args(args);
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
    let key = home.run("id export --age".split(' ')).ok().text();
    let key = [key.trim().as_bytes()[20..60].to_vec()];
    assert_eq!(hits(&end, &key), 0, "the age key");
    let (end, control) = (hits(&end, &needles()), hits(&control, &needles()));
    println!("memory: {end} hits at the end, {control} in the control");
    assert!(control > 0, "the control must find the value, or the test finds nothing");
    assert_eq!(end, 0);
}

/// What is read into zeroed memory as a whole: variables, JSON and tables.
#[test]
fn a_core_at_the_end_of_import_holds_nothing_of_the_values() {
    let home = Home::with_vault();
    for (name, text) in [
        ("a.env", format!("A='{CANARY}'\n")),
        ("a.json", format!("{{\"b\": {{\"c\": \"{CANARY}\"}}}}")),
        ("a.csv", format!("name,url,username,password\nx,,,{CANARY}\n")),
    ] {
        std::fs::write(home.path().join(name), text).unwrap();
        let args = ["import", name, name];
        let core = format!("core-{name}");
        let end = core_of_command(&home, "catch syscall exit_group;run", &core, &args);
        // Read again: it is in the vault, so the core is of a command that did its work.
        let path = home.run(["ls", name]).ok().text();
        assert_eq!(home.run(["get", path.trim(), "value"]).ok().text(), CANARY);
        assert_eq!(hits(&end, &needles()), 0, "{name}");
    }
}

/// A core of a process that runs.
fn core_of(pid: i32, file: &std::path::Path) -> Vec<u8> {
    let mut command = Command::new("gdb");
    command.args(["-q", "-batch", "-nx", "-p", &pid.to_string(), "-ex"]);
    command.arg(format!("gcore {}", file.display()));
    let ran = crate::cli::home::finish(command, b"");
    std::fs::read(file).unwrap_or_else(|e| panic!("{e}: {} {}", ran.text(), ran.stderr))
}

/// What the agent must not have any more once it is locked; before that it has some of it.
#[test]
fn a_core_of_the_agent_after_lock_holds_no_key() {
    use vault::core::secret::Secret;
    use vault::keys::identity::Identity;
    use vault::keys::keyring::Keyring;
    let desk = crate::cli::unlock::Desk::new();
    let mut child = crate::cli::agent::foreground(&desk);
    desk.typed(["unlock"]).ok();
    let set = ["put", "a", "value=-"];
    crate::cli::home::finish(desk.command(set), CANARY.as_bytes()).ok();
    desk.get().ok();
    let pid = crate::cli::agent::pid_of(&desk).as_raw_nonzero().get();
    let before = core_of(pid, &desk.0.path().join("core-before"));
    desk.run(["lock"]).ok();
    let after = core_of(pid, &desk.0.path().join("core-after"));

    // Every key, from the files.
    let file = Secret::new(std::fs::read(desk.0.identity()).unwrap());
    let typed = || Ok(Secret::copy_of(crate::cli::unlock::PASSPHRASE.as_bytes()));
    let identity = Identity::from_file(&file, typed).unwrap();
    let dir = desk.0.vault_dir();
    let mut group = Vec::new();
    let mut dirs = vec![dir];
    while let Some(dir) = dirs.pop() {
        for entry in dir.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                dirs.push(entry);
                continue;
            }
            let stored = std::fs::read(&entry).unwrap();
            let Some(at) = stored.windows(18).position(|w| w == b"age-encryption.org") else {
                continue;
            };
            if let Ok(Some(keyring)) = Keyring::open(&stored[at..], "main", 1, identity.age()) {
                group.extend(keyring.keys().map(|key| key.bytes().to_vec()));
            }
        }
    }
    assert_eq!(group.len(), 3, "the keyring was found");
    let age = identity.age_secret_key().unwrap().bytes()[20..60].to_vec();
    let seed = identity.keys().map(|key| key.bytes().to_vec());
    let scalar = identity.device_key("vault/v1/age").bytes().to_vec();
    let text = vault::vault::b64_secret(&seed[0]).bytes()[..40].to_vec();
    let passphrase = crate::cli::unlock::PASSPHRASE.as_bytes().to_vec();
    let kinds = [
        ("seed", vec![seed[0].clone()]),
        ("signing key", vec![seed[1].clone()]),
        ("group key", vec![group[0].clone()]),
        ("other group keys", group[1..].to_vec()),
        ("age key", vec![scalar]),
        ("age key as text", vec![age]),
        ("seed as text", vec![text]),
        ("passphrase", vec![passphrase]),
        ("value", needles()),
    ];
    for (kind, needles) in &kinds {
        let (before, after) = (hits(&before, needles), hits(&after, needles));
        println!("agent: {kind}: {before} hits before lock, {after} after");
        let held = ["seed", "signing key", "age key", "group key", "other group keys"];
        let held = held.contains(kind);
        assert_eq!(before > 0, held, "{kind}: {before} before lock");
        assert_eq!(after, 0, "{kind}");
    }
    desk.run(["lock", "--all"]).ok();
    child.wait().unwrap();
}
