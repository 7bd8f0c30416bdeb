use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::home::{Home, Ran, finish};

fn with_values() -> Home {
    let home = Home::with_vault();
    home.run_with(["put", "dev/db", "user=app", "password=-"], b"s3cret-db").ok();
    home.put("dev/key", "s3cret-key");
    home.put("prod/key", "s3cret-prod");
    home
}

/// Nothing that is asked of the storage can be answered.
fn cut_off(home: &Home, args: &[&str]) -> Ran {
    let mut command = home.command(args);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_MAX_ATTEMPTS", "1");
    let moved = std::env::var_os("VAULT_TEST_BUCKET").is_none().then(|| {
        let (from, to) = (home.vault_dir(), home.path().join("unmounted"));
        fs::rename(&from, &to).unwrap();
        (from, to)
    });
    let ran = finish(command, b"");
    if let Some((from, to)) = moved {
        fs::rename(to, from).unwrap();
    }
    ran
}

/// The files of what is kept.
fn files(home: &Home) -> Vec<PathBuf> {
    let cache = home.path().join(".cache/vault");
    let vaults = fs::read_dir(cache).into_iter().flatten().map(|vault| vault.unwrap().path());
    let heads = vaults.map(|vault| vault.join("head")).filter(|head| head.exists());
    heads.flat_map(|head| fs::read_dir(head).unwrap().map(|file| file.unwrap().path())).collect()
}

#[test]
fn what_was_kept_is_read_without_the_storage() {
    let home = with_values();
    home.run(["get", "dev/key"]).ok();
    assert!(files(&home).is_empty(), "nothing before it is asked for");
    let ran = home.run(["cache", "fill", "dev"]).ok();
    assert!(ran.stderr.contains("Kept: 2"), "{}", ran.stderr);
    let ran = cut_off(&home, &["get", "dev/key", "--offline"]).ok();
    assert_eq!(ran.text(), "s3cret-key");
    assert!(ran.stderr.contains("offline: as it was verified "), "{}", ran.stderr);
    let read = |args: &[&str]| cut_off(&home, &[args, &["--offline"]].concat()).ok().text();
    assert_eq!(read(&["ls"]), "dev/db\ndev/key\n");
    assert_eq!(read(&["read", "vault://dev/db#user"]), "app");
    assert_eq!(read(&["exists", "dev/db", "--json"]).trim(), r#"{"exists":true,"path":"dev/db"}"#);
    assert_eq!(read(&["find", "key"]), "dev/key\n");
    assert!(read(&["export", "--format", "dotenv", "--prefix", "dev"]).contains("s3cret-db"));
    let run =
        ["run", "--no-mask", "--offline", "-e", "A=vault://dev/key", "--", "sh", "-c", "echo $A"];
    assert_eq!(cut_off(&home, &run).ok().text(), "s3cret-key\n");
    // Without the flag the storage is asked.
    let ran = cut_off(&home, &["get", "dev/key"]);
    assert!(ran.code == 8 || ran.code == 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("--offline reads what this device keeps"), "{}", ran.stderr);
    home.run(["cache", "clear"]).ok();
    let ran = cut_off(&home, &["get", "dev/key"]);
    assert!(!ran.stderr.contains("--offline"), "{}", ran.stderr);
}

/// A storage that does not list a name may hide it: that is no reason to lose the last copy.
#[test]
fn what_the_storage_hides_stays_kept() {
    if std::env::var_os("VAULT_TEST_BUCKET").is_some() {
        return;
    }
    let home = with_values();
    home.run(["cache", "fill", "dev"]).ok();
    let dir = home.vault_dir();
    for name in ["s.d", "h.d"] {
        let (from, to) = (dir.join(name), home.path().join(name));
        std::process::Command::new("cp").arg("-r").args([&from, &to]).status().unwrap();
        fs::remove_dir_all(from.join("dev.d")).unwrap();
    }
    let ran = home.run(["cache", "fill", "dev"]).fails(9, "dev/db");
    assert!(ran.stderr.contains("without a tombstone"), "{}", ran.stderr);
    assert_eq!(home.run(["get", "dev/key", "--offline"]).ok().text(), "s3cret-key");
    for name in ["s.d", "h.d"] {
        fs::remove_dir_all(dir.join(name)).unwrap();
        fs::rename(home.path().join(name), dir.join(name)).unwrap();
    }
    home.run(["rm", "dev/key"]).ok();
    home.run(["cache", "fill", "dev"]).ok();
    assert_eq!(files(&home).len(), 1);
}

#[test]
fn what_is_not_kept_is_said_to_be_so() {
    let home = with_values();
    cut_off(&home, &["get", "dev/key", "--offline"]).fails(8, "dev/key is not kept on this device");
    home.run(["cache", "fill", "dev"]).ok();
    let ran = cut_off(&home, &["get", "prod/key", "--offline"]);
    ran.fails(8, "hint: `vault cache fill` keeps secrets");
    cut_off(&home, &["exists", "prod/key", "--offline"]).fails(8, "is not kept");
    home.run(["put", "dev/key", "--offline"]).fails(2, "--offline is for commands that read");
    home.run(["history", "dev/key", "--offline"]).fails(2, "--offline is for commands that read");
    home.run(["get", "dev/key", "--max-age", "1h"]).fails(2, "--offline");
    home.run(["get", "dev/key@7", "--offline"]).fails(8, "the history of dev/key");
    home.run(["doctor", "--offline"]).fails(2, "--offline is for commands that read");
    home.run(["cache", "fill", "typo"]).fails(3, "there is nothing below typo");
    let run = [
        "run",
        "--offline",
        "-e",
        "A=vault://dev/key",
        "-e",
        "B=vault://prod/key",
        "--",
        "touch",
        "ran",
    ];
    cut_off(&home, &run).fails(8, "prod/key is not kept");
    assert!(!home.path().join("ran").exists());
}

#[test]
fn an_old_answer_is_refused_if_it_is_asked_to() {
    let home = with_values();
    home.run(["cache", "fill"]).ok();
    home.run(["get", "dev/key", "--offline", "--max-age", "1h"]).ok();
    let ran = home.run(["get", "dev/key", "--offline", "--max-age", "0s"]);
    ran.fails(8, "dev/key was verified longer ago than --max-age allows");
    for bad in ["soon", "12", "-1h"] {
        home.run(["get", "dev/key", "--offline", &format!("--max-age={bad}")])
            .fails(2, "not an age");
    }
}

#[test]
fn reads_and_writes_keep_it_current() {
    let home = with_values();
    home.run(["cache", "fill", "dev"]).ok();
    home.put("dev/key", "s3cret-new");
    let offline = |path: &str| cut_off(&home, &["get", path, "--offline"]);
    assert_eq!(offline("dev/key").ok().text(), "s3cret-new");
    home.run(["rm", "dev/key"]).ok();
    offline("dev/key").fails(8, "is not kept");
    home.put("dev/other", "x");
    offline("dev/other").fails(8, "is not kept");
    // Somebody else wrote, and this device read it.
    let before = files(&home);
    let copies: Vec<_> = before.iter().map(|file| (file, fs::read(file).unwrap())).collect();
    home.run_with(["put", "dev/db", "password=-"], b"s3cret-two").ok();
    for (file, bytes) in copies {
        fs::write(file, bytes).unwrap();
    }
    // Older than what this device has seen: never taken for current.
    let ran = cut_off(&home, &["get", "dev/db", "password", "--offline"]);
    assert!(!ran.stderr.contains("as it was verified"), "{}", ran.stderr);
    ran.fails(8, "what is kept of dev/db is not the newest version that this device has seen");
    home.run(["get", "dev/db", "user"]).ok();
    let ran = cut_off(&home, &["get", "dev/db", "password", "--offline"]).ok();
    assert_eq!(ran.text(), "s3cret-two");
}

#[test]
fn it_is_seen_and_cleared() {
    let home = with_values();
    let ran = home.run(["cache"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("Nothing is kept"), "{}", ran.stderr);
    let done = home.run(["cache", "fill", "--json"]).ok().json();
    assert_eq!(done, json!({ "kept": 3, "kms": 0, "denied": 0, "failed": 0 }));
    let lines = cut_off(&home, &["cache"]).ok().lines();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("dev/db\t") && lines[0].ends_with('Z'), "{lines:?}");
    let list = home.run(["cache", "ls", "dev", "--json"]).ok().json();
    assert_eq!((list.as_array().unwrap().len(), &list[1]["path"]), (2, &json!("dev/key")));
    // A secret that is gone is kept no longer, by the next fill.
    home.run(["rm", "prod/key"]).ok();
    home.run(["cache", "fill"]).ok();
    assert_eq!(files(&home).len(), 2);
    cut_off(&home, &["cache", "clear", "dev/db"]).ok();
    assert_eq!(files(&home).len(), 2, "a folder of that name, not the secret");
    cut_off(&home, &["cache", "clear", "dev"]).ok();
    assert!(files(&home).is_empty());
    home.run(["cache", "fill"]).ok();
    cut_off(&home, &["cache", "clear"]).ok();
    assert!(files(&home).is_empty());
    home.run(["cache", "fill"]).ok();
    home.run(["lock", "--all"]).ok();
    assert!(!home.path().join(".cache/vault").exists());
    // And filled again, with all that it takes to read.
    home.run(["cache", "fill"]).ok();
    assert_eq!(cut_off(&home, &["get", "dev/key", "--offline"]).ok().text(), "s3cret-key");
    let ran = cut_off(&home, &["ls", "--offline"]).ok();
    assert!(ran.stderr.contains("only what is kept on this device is listed"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_kept_is_not_counted() {
    let home = with_values();
    home.run(["cache", "fill"]).ok();
    for file in files(&home) {
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
    }
    let ran = home.run(["cache", "fill"]);
    assert!(ran.stderr.contains("cannot be kept for reading offline"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Kept: 0"), "{}", ran.stderr);
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert_eq!(home.get("dev/key"), "s3cret-key", "reading does not depend on it");
}

/// Keys that changed, by this identity or by another one, take nothing away.
#[test]
fn a_rotation_leaves_it_readable() {
    let home = with_values();
    home.run(["cache", "fill"]).ok();
    home.run(["rotate", "-y"]).ok();
    assert_eq!(cut_off(&home, &["get", "dev/key", "--offline"]).ok().text(), "s3cret-key");
    let other = super::people::member(&home, "bob", &["--role", "admin"]);
    other.run(["rotate", "-y"]).ok();
    home.run(["member", "ls"]).ok();
    assert_eq!(cut_off(&home, &["get", "dev/key", "--offline"]).ok().text(), "s3cret-key");
}

#[test]
fn files_of_the_cache_tell_nothing_and_prove_nothing() {
    let home = with_values();
    home.run(["cache", "fill"]).ok();
    let all = files(&home);
    assert_eq!(all.len(), 3);
    for file in &all {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let bytes = fs::read(file).unwrap();
        for word in ["dev/", "prod", "s3cret", "x-amz", "metadata"] {
            assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{word}");
        }
    }
    // A damaged or exchanged file is none.
    let good: Vec<_> = all.iter().map(|file| fs::read(file).unwrap()).collect();
    for (i, file) in all.iter().enumerate() {
        fs::write(file, &good[(i + 1) % 3]).unwrap();
    }
    for path in ["dev/db", "dev/key", "prod/key"] {
        let ran = cut_off(&home, &["get", path, "--offline"]);
        ran.fails(8, "is not kept on this device");
    }
    for (file, bytes) in all.iter().zip(&good) {
        for at in [0, 12, bytes.len() / 2, bytes.len() - 1] {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            fs::write(file, bad).unwrap();
        }
        fs::write(file, &bytes[..7]).unwrap();
    }
    let ran = cut_off(&home, &["cache"]).ok();
    assert!(ran.stdout.is_empty());
    cut_off(&home, &["cache", "clear"]).ok();
    assert!(files(&home).is_empty(), "damaged files go, too");
}

/// Another identity on the same device, or another vault, has its own.
#[test]
fn it_is_of_one_identity() {
    let home = with_values();
    home.run(["cache", "fill"]).ok();
    let other = home.path().join("other");
    let mut new = home.command(["id", "new", "--no-passphrase"]);
    new.env("VAULT_IDENTITY", &other);
    finish(new, b"").ok();
    let mut get = home.command(["get", "dev/key", "--offline"]);
    get.env("VAULT_IDENTITY", &other);
    finish(get, b"").fails(8, "this device has not seen the vault yet");
}
