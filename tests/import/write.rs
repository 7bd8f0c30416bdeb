//! Writing: many at once, and a disk or storage that fails in the middle.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use rustix::process::{Pid, Signal, kill_process};
use vault::core::secret::Secret;
use vault::vault::{FileFormat, ImportManner, ImportPlan, Kind, Prefix, parse_import, plan_import};

use super::Importer;
use crate::cli::home::program;
use crate::cli::people::member;
use crate::support::World;
use crate::support::faulty::Faulty;

fn plan(count: usize) -> ImportPlan {
    let lines: String = (0..count).map(|i| format!("NAME_{i:04}=made-up-{i}\n")).collect();
    let parsed = parse_import(FileFormat::Dotenv, &Secret::copy_of(lines.as_bytes())).unwrap();
    plan_import(parsed, &Prefix::parse("in").unwrap(), false).unwrap()
}

/// Each request of an import fails once: what the outcome says is what is there.
#[tokio::test]
async fn a_write_that_fails_tells_what_was_written() {
    const COUNT: usize = 40;
    let mut partial = 0;
    for at in 1..=2 * COUNT {
        let world = World::new().await;
        let faulty = Faulty::new(&world.store, at, at.is_multiple_of(3));
        let vault = world.device_on(&faulty, "one").await;
        let plan = plan(COUNT);
        let outcome = vault.import(&plan, &ImportManner::default(), &mut |_, _| {}).await;
        assert!(faulty.reached(), "{at}");
        let reader = world.device("two").await;
        for path in &outcome.written {
            assert!(reader.read(path, None).await.is_ok(), "{at}: {path}");
        }
        for path in &outcome.left {
            let error = reader.read(path, None).await.err().map(|e| e.kind);
            assert_eq!(error, Some(Kind::NotFound), "{at}: {path}");
        }
        assert_eq!(outcome.written.len() + outcome.failed.len() + outcome.left.len(), COUNT);
        let (written, failed) = (outcome.written.clone(), !outcome.failed.is_empty());
        let error = outcome.check().err();
        assert_eq!(error.is_some(), failed, "{at}");
        let Some(error) = error else { continue };
        if written.is_empty() && error.kind != Kind::Partial {
            assert!(error.message.starts_with("nothing was written"), "{error}");
            continue;
        }
        partial += 1;
        assert_eq!(error.kind, Kind::Partial);
        assert!(error.message.contains(&format!("{} of {COUNT} were written", written.len())));
        let shown = written.iter().filter(|path| error.message.contains(path.as_str())).count();
        assert_eq!(shown, written.len().min(20), "{error}");
        let hint = error.hint.unwrap();
        assert!(!hint.contains("nothing was"), "{hint}");
        assert!(hint.contains("--skip-existing"));
    }
    assert!(partial > COUNT, "{partial}");
}

/// Nothing more is begun once an import is to stop; all is accounted for.
#[tokio::test]
async fn an_import_that_is_stopped_tells_what_was_written() {
    let world = World::new().await;
    let vault = world.device("one").await;
    let plan = plan(60);
    let manner = ImportManner::default();
    let mut progress = |done, _| manner.stop.store(done >= 5, Ordering::Relaxed);
    let outcome = vault.import(&plan, &manner, &mut progress).await;
    assert!(outcome.failed.is_empty() && outcome.there.is_empty());
    assert!((5..=5 + 16).contains(&outcome.written.len()), "{}", outcome.written.len());
    assert_eq!(outcome.written.len() + outcome.left.len(), 60);
    let error = outcome.check().unwrap_err();
    assert_eq!(error.kind, Kind::Partial);
    assert!(error.in_full().ends_with("it was asked to end"), "{}", error.in_full());
    for path in &outcome.written {
        assert!(vault.read(path, None).await.is_ok(), "{path}");
    }
    let manner = ImportManner { skip_existing: true, ..ImportManner::default() };
    let again = vault.import(&plan, &manner, &mut |_, _| {}).await;
    again.check().unwrap();
    assert_eq!(again.there, outcome.written);
    assert_eq!(again.written.len(), outcome.left.len());
}

/// Two imports of the same at once: each secret is written by one of them, and both end well.
#[tokio::test]
async fn what_somebody_else_writes_meanwhile_counts_as_there() {
    let world = World::new().await;
    let (one, two) = (world.device("one").await, world.device("two").await);
    let (plan, other) = (plan(40), plan(40));
    let manner = || ImportManner { skip_existing: true, ..ImportManner::default() };
    let (ours, theirs) = (manner(), manner());
    let (mut none, mut nothing) = (|_, _| {}, |_, _| {});
    let (first, second) = tokio::join!(
        one.import(&plan, &ours, &mut none),
        two.import(&other, &theirs, &mut nothing)
    );
    first.check().unwrap();
    second.check().unwrap();
    assert_eq!(first.written.len() + first.there.len(), 40);
    assert_eq!(first.written.len() + second.written.len(), 40);
    // Without it, what is there is a conflict.
    let failed = one.import(&plan, &ImportManner::default(), &mut |_, _| {}).await;
    assert_eq!(failed.check().unwrap_err().kind, Kind::Conflict);
}

/// Ctrl-C: what is under way is finished and told, and the exit code is that of the signal.
#[test]
fn a_signal_in_the_middle_tells_what_was_written() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let importer = Importer::new();
        let lines: String = (0..3000).map(|i| format!("N{i:04}=made-up-{i}\n")).collect();
        fs::write(importer.0.path().join("many.env"), lines).unwrap();
        let inner = importer.0.command(["import", "many.env", "in"]);
        let mut command = Command::new("env");
        // Whatever is ignored where the tests are run, as below `nohup`.
        command.arg("--default-signal").arg(program()).args(["import", "many.env", "in"]);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = command.current_dir(importer.0.path()).spawn().unwrap();
        let us = Pid::from_child(&child);
        let written = || importer.0.run(["ls", "in"]).lines().len();
        while written() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it is over");
        }
        kill_process(us, signal).unwrap();
        let ran = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(&format!("{} of 3000 were written", written())), "{stderr}");
        assert!(stderr.contains("asked to end") && stderr.contains("--skip-existing"), "{stderr}");
    }
}

/// A disk that fills up: what was written is named, and the rest goes in once there is room.
#[test]
fn a_disk_that_is_full_in_the_middle() {
    let importer = Importer::new();
    let mount = |options: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-o", options]).args(["-t", "tmpfs", "none"]).arg(importer.0.vault_dir());
        mount.output().is_ok_and(|done| done.status.success())
    };
    // The vault's files on a small disk of their own.
    let copy = importer.0.path().join("copy");
    let run = |program: &str, args: &[&std::ffi::OsStr]| {
        assert!(Command::new(program).args(args).status().unwrap().success(), "{program}");
    };
    let dir = importer.0.vault_dir();
    run("cp", &["-a".as_ref(), dir.as_os_str(), copy.as_os_str()]);
    if !mount("size=1m") {
        eprintln!("skipped: cannot mount a tmpfs here");
        return;
    }
    let _unmount = Unmount(dir.clone());
    run("cp", &["-a".as_ref(), copy.join(".").as_os_str(), dir.as_os_str()]);
    let lines: String = (0..300).map(|i| format!("N{i:03}={}\n", "x".repeat(2000))).collect();
    fs::write(importer.0.path().join("many.env"), lines).unwrap();
    let ran = importer.import(&["many.env", "in"]).fails(9, " of 300 were written");
    let written = importer.0.run(["ls"]).ok().lines();
    assert!(!written.is_empty() && written.len() < 300, "{}", written.len());
    let shown = written.iter().filter(|path| ran.stderr.contains(path.as_str())).count();
    assert_eq!(shown, written.len().min(20), "{}", ran.stderr);
    assert!(mount("remount,size=16m"));
    let ran = importer.import(&["many.env", "in", "--skip-existing"]);
    // What was claimed and not finished says so; `verify --repair` finishes it.
    importer.0.run(["verify", "--repair"]).ok();
    let ran =
        if ran.code == 0 { ran } else { importer.import(&["many.env", "in", "--skip-existing"]) };
    ran.ok();
    assert_eq!(importer.0.run(["ls"]).ok().lines().len(), 300);
}

/// One path that is not ours to write stops all of them.
#[test]
fn what_may_not_be_written_is_named_before_anything_is() {
    let ann = Importer::new();
    let bob = member(&ann.0, "bob", &["--role", "write", "--path", "prod"]);
    let file = br#"{"prod": {"a": "made-up"}, "other": {"b": "made-up", "c": "made-up"}}"#;
    for flags in [&["import", "-"][..], &["import", "-", "--dry-run"]] {
        let ran = bob.run_with(flags, file).fails(5, "may not write other/b, other/c");
        assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    }
    assert!(ann.0.run(["ls"]).ok().text().is_empty());
    bob.run_with(["import", "-", "prod"], b"A=made-up").ok();
    assert_eq!(ann.0.get("prod/A"), "made-up");
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_thousand_secrets_go_in_at_once() {
    let importer = Importer::new();
    let lines: String = (0..1000).map(|i| format!("NAME_{i:04}=made-up-{i}\n")).collect();
    let begin = std::time::Instant::now();
    importer.0.run_with(["import", "-", "many"], lines.as_bytes()).ok();
    println!("import: 1,000 secrets in {:.1} s", begin.elapsed().as_secs_f32());
    assert_eq!(importer.0.run(["ls", "many"]).ok().lines().len(), 1000);
    assert_eq!(importer.0.get("many/NAME_0999"), "made-up-999");
}
