//! SIGKILL, and a full disk, at every system call that changes something.

use std::path::Path;
use std::process::Command;

use crate::cli::home::{Home, Ran, finish};

/// System calls that change files.
const CHANGES: &str = "openat,write,fsync,fdatasync,mkdir,mkdirat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir";

/// A command, how the vault is before it, and how it must be after it.
struct Case {
    args: &'static [&'static str],
    stdin: &'static [u8],
    prepare: &'static [&'static [&'static str]],
    /// Path and the values it may have afterwards: `None` is "not there".
    before: &'static [(&'static str, Option<&'static str>)],
    after: &'static [(&'static str, Option<&'static str>)],
    /// Exit code of a second run after a run that was complete.
    again: i32,
    /// What else must hold in the end.
    finally: fn(&Home, &str),
}

/// Stands for the identity of another member in `prepare`.
const BEA: &str = "BEA";

fn no_more(_: &Home, _: &str) {}

/// Bea is gone, the value is of the second generation, and is to be changed.
fn bea_is_gone(home: &Home, what: &str) {
    let members = home.run(["member", "ls", "--json"]).ok().json();
    assert_eq!(members.as_array().unwrap().len(), 1, "{what}");
    let list = home.run(["exposure", "--json"]).ok().json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{what}: {list}");
    assert_eq!((&list[0]["path"], &list[0]["why"][0]), (&"old".into(), &"bea was removed".into()));
    all_is_sealed(home, what);
}

/// Nothing is left to be sealed anew.
fn all_is_sealed(home: &Home, what: &str) {
    let rest = home.run(["rotate", "--resume", "--json"]).ok().json();
    assert_eq!(rest["resealed"], 0, "{what}: {rest}");
    assert!(rest["current"].as_u64() > Some(0), "{what}: {rest}");
}

const CASES: &[Case] = &[
    Case {
        args: &["put", "new"],
        stdin: b"v1",
        prepare: &[],
        before: &[("new", None)],
        after: &[("new", Some("v1"))],
        again: 0,
        finally: no_more,
    },
    Case {
        args: &["put", "old"],
        stdin: b"v2",
        prepare: &[],
        before: &[("old", Some("v1"))],
        after: &[("old", Some("v2"))],
        again: 0,
        finally: no_more,
    },
    Case {
        args: &["rm", "old"],
        stdin: b"",
        prepare: &[],
        before: &[("old", Some("v1"))],
        after: &[("old", None)],
        again: 3,
        finally: no_more,
    },
    Case {
        args: &["undelete", "old"],
        stdin: b"",
        prepare: &[&["rm", "old"]],
        before: &[("old", None)],
        after: &[("old", Some("v1"))],
        again: 6,
        finally: no_more,
    },
    Case {
        args: &["rollback", "old@1"],
        stdin: b"",
        prepare: &[&["put", "old", "user=x"]],
        before: &[("old", Some("v1"))],
        after: &[("old", Some("v1"))],
        again: 0,
        finally: no_more,
    },
    Case {
        args: &["mv", "old", "moved"],
        stdin: b"",
        prepare: &[],
        before: &[("old", Some("v1")), ("moved", None)],
        after: &[("old", None), ("moved", Some("v1"))],
        again: 3,
        finally: no_more,
    },
    Case {
        args: &["purge", "old", "--yes"],
        stdin: b"",
        prepare: &[&["put", "old", "user=x"]],
        before: &[("old", Some("v1"))],
        after: &[("old", None)],
        again: 0,
        finally: no_more,
    },
    Case {
        args: &["member", "rm", "bea", "--yes", "--reseal"],
        stdin: b"",
        prepare: &[&["member", "add", "bea", BEA, "--role", "write"]],
        before: &[("old", Some("v1"))],
        after: &[("old", Some("v1"))],
        again: 0,
        finally: bea_is_gone,
    },
    Case {
        args: &["group", "add", "apart", "--path", "in"],
        stdin: b"",
        prepare: &[&["mv", "old", "in/old"]],
        before: &[("in/old", Some("v1"))],
        after: &[("in/old", Some("v1"))],
        again: 0,
        finally: all_is_sealed,
    },
];

/// One system call of a run: its name and which one of that name it is, from 1.
struct Step {
    call: String,
    nth: usize,
}

impl Case {
    /// The vault before the command, kept aside to start from again and again: the location in
    /// the configuration is absolute, so every run happens in the same home.
    fn template(&self) -> (Home, Home) {
        let (home, copy) = (Home::with_vault(), Home::new());
        home.put("old", "v1");
        let bea = crate::support::identity(2).id_string();
        for args in self.prepare {
            home.run(args.iter().map(|arg| if *arg == BEA { bea.as_str() } else { arg })).ok();
        }
        copy_all(home.path(), &copy.path().join("home"));
        (home, copy)
    }

    fn strace(&self, home: &Home, options: &[&str]) -> Ran {
        let traced = home.command(self.args);
        let mut command = Command::new("strace");
        command.arg("-f").args(options).arg(traced.get_program()).args(traced.get_args());
        command.env_clear().current_dir(home.path());
        command.envs(traced.get_envs().filter_map(|(k, v)| Some((k, v?))));
        finish(command, self.stdin)
    }

    /// Every step of an undisturbed run that changes something.
    fn steps(&self, home: &Home) -> Vec<Step> {
        let log = home.path().join("strace.log");
        let trace = format!("trace={CHANGES}");
        self.strace(home, &["-o", log.to_str().unwrap(), "-e", &trace]).ok();
        let text = std::fs::read_to_string(&log).expect("strace wrote its log");
        let mut counts = std::collections::HashMap::<String, usize>::new();
        let mut steps = Vec::new();
        for line in text.lines() {
            let Some((call, rest)) =
                line.split_once(' ').and_then(|(_, l)| l.trim_start().split_once('('))
            else {
                continue;
            };
            if !CHANGES.split(',').any(|c| c == call) {
                continue;
            }
            let nth = counts.entry(call.to_owned()).or_default();
            *nth += 1;
            if call != "openat" || rest.contains("O_CREAT") {
                steps.push(Step { call: call.to_owned(), nth: *nth });
            }
        }
        assert!(steps.len() > 10, "{text}");
        steps
    }

    /// Old or new values, mended without a finding, and the same after another run.
    #[track_caller]
    fn check(&self, home: &Home, ran: &Ran, what: &str) {
        let acknowledged = ran.code == 0;
        for ((path, old), (_, new)) in self.before.iter().zip(self.after) {
            let found = value(home, path, what);
            let found = found.as_deref();
            if acknowledged {
                assert_eq!(found, *new, "{what}: acknowledged and lost");
            } else {
                assert!(found == *old || found == *new, "{what}: {path} is {found:?}");
            }
        }
        let mended = home.run(["verify", "--repair"]);
        assert_eq!(mended.code, 0, "{what}: {} {}", mended.text(), mended.stderr);
        let clean = home.run(["verify"]);
        assert_eq!((clean.code, clean.text().as_str()), (0, ""), "{what}");
        let again = home.run_with(self.args, self.stdin);
        assert!(again.code == 0 || again.code == self.again, "{what}: {}", again.stderr);
        for (path, new) in self.after {
            assert_eq!(value(home, path, what).as_deref(), *new, "{what}: after another run");
        }
        let clean = home.run(["verify"]);
        assert_eq!((clean.code, clean.text().as_str()), (0, ""), "{what}");
        (self.finally)(home, what);
    }
}

fn value(home: &Home, path: &str, what: &str) -> Option<String> {
    let ran = home.run(["get", path]);
    match ran.code {
        0 => Some(ran.text()),
        3 => None,
        _ => panic!("{what}: {}", ran.stderr),
    }
}

fn copy_all(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(status.success());
}

fn restore(home: &Home, copy: &Home) {
    for entry in home.path().read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .unwrap();
    }
    copy_all(&copy.path().join("home/."), home.path());
}

/// Injects `fault` at every step of every case.
fn everywhere(fault: &str) -> usize {
    let mut total = 0;
    for case in CASES {
        let (home, copy) = case.template();
        let steps = case.steps(&home);
        for step in &steps {
            restore(&home, &copy);
            let inject = format!("inject={}:{fault}:when={}", step.call, step.nth);
            let trace = format!("trace={}", step.call);
            let ran = case.strace(&home, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
            let what =
                format!("{} with {fault} at {} {}", case.args.join(" "), step.call, step.nth);
            case.check(&home, &ran, &what);
        }
        println!("{fault}: {} steps of {}", steps.len(), case.args.join(" "));
        total += steps.len();
    }
    total
}

#[test]
fn killed_at_every_step_nothing_is_lost() {
    let total = everywhere("signal=KILL");
    println!("kill: {total} steps, all converge");
}

#[test]
fn on_a_full_disk_at_every_step_nothing_is_lost() {
    let total = everywhere("error=ENOSPC");
    println!("full disk: {total} steps, all converge");
}
