//! `vault get` with a passphrase through the agent, against the same command with an identity that
//! has none, on vaults of the same size. The runs are interleaved, and the medians compared.
//!
//! `cargo bench --bench agent`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const VAULT: &str = env!("CARGO_BIN_EXE_vault");
const RUNS: usize = 200;
/// What the agent may cost.
const AT_MOST: f64 = 1.3;

fn vault(home: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).env_clear().env("HOME", home).env("V", VAULT);
    command.env("PATH", "/usr/bin:/bin").env("XDG_RUNTIME_DIR", home).current_dir(home);
    command
}

fn run(home: &Path, script: &str) {
    let output = vault(home, script).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn home(root: &Path, name: &str) -> PathBuf {
    let home = root.join(name);
    std::fs::create_dir(&home).expect("a directory");
    home
}

/// The time of one `get`, without that of a shell.
fn get(home: &Path) -> Duration {
    let mut command = Command::new(VAULT);
    command.args(["get", "prod/db"]).env_clear().env("HOME", home);
    command.env("XDG_RUNTIME_DIR", home).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().expect("it runs");
    let took = start.elapsed();
    assert!(status.success());
    took
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let root = tempfile::tempdir().expect("a directory");
    let (machine, person) = (home(root.path(), "machine"), home(root.path(), "person"));
    run(&machine, "$V init --no-passphrase --recovery-out words; echo value | $V put prod/db");
    run(
        &person,
        "echo pass > p; $V --passphrase-fd 3 init --recovery-out words 3<p
         echo value | $V --passphrase-fd 3 put prod/db 3<p
         $V --passphrase-fd 3 unlock 3<p",
    );
    let (mut plain, mut agent) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plain.push(get(&machine));
        agent.push(get(&person));
    }
    let mut typed = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        run(&person, "VAULT_AGENT=off $V --passphrase-fd 3 get prod/db 3<p");
        typed.push(start.elapsed());
    }
    run(&person, "$V lock --all");
    let (plain, agent) = (median(&mut plain), median(&mut agent));
    let ratio = agent.as_secs_f64() / plain.as_secs_f64();
    println!("get, no passphrase:     {plain:>10.2?}");
    println!("get, through the agent: {agent:>10.2?}  ({ratio:.2} x, at most {AT_MOST})");
    println!("get, passphrase typed:  {:>10.2?}", median(&mut typed));
    assert!(ratio <= AT_MOST, "the agent costs too much");
}
