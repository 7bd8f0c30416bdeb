//! The commands on a directory vault, as ratios against references measured in the same run:
//! `age -d` of the same value, and the same command on a smaller vault. All runs interleaved.
//!
//! `cargo bench --bench directory` (needs the `age` program)

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vault::vault::{AwsOptions, DeviceIdentity, Join, Location, Places, Secret, Storage, Vault};

const VAULT: &str = env!("CARGO_BIN_EXE_vault");
const RUNS: usize = 30;
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// A home with a vault of `size` secrets.
fn home(root: &Path, size: usize) -> PathBuf {
    let home = root.join(size.to_string());
    std::fs::create_dir_all(&home).expect("a directory");
    let mut init = vault(&home, &["init", "--no-passphrase", "--recovery-out", "recovery"]);
    let output = init.output().expect("init runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let join =
        Join::parse(&String::from_utf8(output.stdout).expect("text")).expect("a join string");
    let file =
        Secret::new(std::fs::read(home.join(".local/share/vault/identity")).expect("a file"));
    let identity = DeviceIdentity::from_file(&file, || unreachable!()).expect("opens");
    let places =
        Places { state: home.join(".local/state/vault"), cache: home.join(".cache/vault") };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let location = Location::parse(&join.location).expect("a location");
        let storage = Storage::open(location, AwsOptions::default()).await.expect("opens");
        let vault =
            Vault::open_in(storage, &join.pin, &places, Some(identity)).await.expect("opens");
        for i in 0..size {
            let path =
                vault::vault::Path::parse(&format!("team{}/service{}/key{i}", i % 7, i % 97));
            let value = format!("value-{i}");
            vault
                .put(&path.expect("a path"), None, &mut |document, seq| {
                    document.set("value", None, Secret::copy_of(value.as_bytes()), seq)
                })
                .await
                .expect("writes");
        }
    });
    home
}

fn vault(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(VAULT);
    command.args(args).env_clear().env("HOME", home).current_dir(home);
    command
}

fn time(command: &mut Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().expect("runs");
    let taken = start.elapsed();
    assert!(status.success());
    taken
}

/// Medians in milliseconds of commands that take turns.
fn medians(commands: &mut [Command]) -> Vec<f64> {
    let mut times = vec![Vec::new(); commands.len()];
    for round in 0..RUNS + 3 {
        for (command, times) in commands.iter_mut().zip(&mut times) {
            let taken = time(command);
            if round >= 3 {
                times.push(taken.as_secs_f64() * 1e3);
            }
        }
    }
    let median = |mut list: Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn main() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let homes: Vec<PathBuf> = SIZES.iter().map(|&size| home(root.path(), size)).collect();

    let small = &homes[0];
    let key = small.join("key");
    let run = |args: &[&str]| vault(small, args).output().expect("runs");
    run(&["id", "export", "--age", "-o", key.to_str().expect("UTF-8")]);
    let id: serde_json::Value =
        serde_json::from_slice(&run(&["id", "show", "--json"]).stdout).expect("JSON");
    let value = run(&["get", "team0/service0/key0"]).stdout;
    std::fs::write(small.join("value"), &value).expect("writes");
    let recipient = id["recipient"].as_str().expect("a recipient");
    let age = |args: &[&str]| {
        let mut command = Command::new("age");
        command.args(args).current_dir(small);
        command
    };
    time(&mut age(&["-r", recipient, "-o", "value.age", "value"]));
    let mut pair =
        [vault(small, &["get", "team0/service0/key0"]), age(&["-d", "-i", "key", "value.age"])];
    let both = medians(&mut pair);
    println!("get {:.2} ms, age -d {:.2} ms: ratio {:.2}", both[0], both[1], both[0] / both[1]);

    for (name, args) in [("get", &["get", "team0/service0/key0"][..]), ("ls", &["ls"])] {
        let mut commands: Vec<_> = homes.iter().map(|home| vault(home, args)).collect();
        let times = medians(&mut commands);
        let cells: Vec<_> = SIZES
            .iter()
            .zip(&times)
            .map(|(size, ms)| format!("{size}: {ms:.2} ms ({:.2} ×)", ms / times[0]))
            .collect();
        println!("{name} in a vault of {}", cells.join(", "));
    }
}
