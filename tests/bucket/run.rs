//! `vault run` with many references: what is asked for, and how much of it at once.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::cli::home::{Bucket, Home, Ran, finish};
use crate::support::doubles::{Act, Double};
use crate::support::servers::{Server, make_bucket, make_key, ministack};

const MANY: usize = 40;
const AT_ONCE: usize = 32;

/// Lets nothing pass until so much is under way.
#[derive(Default)]
struct Gate {
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut waiting = self.waiting.lock().unwrap();
        *waiting += 1;
        self.changed.notify_all();
        let few = |waiting: &mut usize| *waiting < AT_ONCE;
        let limit = Duration::from_secs(20);
        let (waiting, timeout) = self.changed.wait_timeout_while(waiting, limit, few).unwrap();
        assert!(!timeout.timed_out(), "only {waiting} requests are under way");
    }
}

fn run(home: &Home, server: &Server, endpoint: &str, args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = home.command(args);
    command.envs(Bucket::env(server)).env("AWS_ENDPOINT_URL", endpoint);
    finish(command, stdin)
}

/// Requests of each kind: notes, pinned objects, heads, uses of the key, others.
fn count(double: &Double) -> [usize; 5] {
    let mut counts = [0; 5];
    for request in double.seen() {
        let line = request.head.lines().next().unwrap_or_default();
        let kind = match () {
            () if request.head.contains("trentservice.decrypt") => 3,
            () if line.contains("/.vault/team/") => 0,
            () if line.contains("/.vault/obj/") => 1,
            () if line.contains("/s/many/") => 2,
            () => 4,
        };
        counts[kind] += 1;
    }
    counts
}

#[test]
fn many_references_take_one_round() {
    let server = ministack();
    make_bucket(server, "vaults");
    let home = Home::new();
    let direct = server.endpoint();
    let key = make_key(server);
    let init = ["init", "s3://vaults/run", "--kms", &key, "--no-passphrase", "--recovery-out", "r"];
    run(&home, server, &direct, &init, b"").ok();
    let mut file = String::new();
    for i in 0..MANY {
        let path = format!("many/{i}");
        run(&home, server, &direct, &["put", &path, "value=-", "user=ann"], b"value").ok();
        // A second field of the same secret costs nothing.
        file.push_str(&format!("A{i}=vault://{path}\nU{i}=vault://{path}#user\n"));
    }
    std::fs::write(home.path().join("e"), file).unwrap();
    let (heads, keys) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let double = Double::new(server.port, move |_, request| {
        if request.head.contains("/s/many/") {
            heads.pass();
        } else if request.head.contains("trentservice.decrypt") {
            keys.pass();
        }
        Act::Forward
    });
    let args = ["run", "--no-mask", "--env-file", "e", "--", "sh", "-c", "echo $A0 $U39"];
    let ran = run(&home, server, &double.endpoint, &args, b"").ok();
    assert_eq!(ran.text(), "value ann\n");
    assert_eq!(count(&double), [1, 0, MANY, MANY, 0]);

    // A job that has nothing but the pin and credentials: the heads come with the team's state.
    let pin = run(&home, server, &direct, &["team", "pin"], b"").ok().text();
    let double = Double::new(server.port, |_, _| Act::Forward);
    let job = Home::new();
    std::fs::copy(home.path().join("e"), job.path().join("e")).unwrap();
    let mut command = job.command(args);
    command.envs(Bucket::env(server)).env("AWS_ENDPOINT_URL", &double.endpoint);
    command.env("VAULT_PIN", pin.trim());
    assert_eq!(finish(command, b"").ok().text(), "value ann\n");
    let [notes, pinned, heads, keys, others] = count(&double);
    assert_eq!((heads, keys, others), (MANY, MANY, 0));
    assert!(notes <= 2 && pinned <= 1, "{notes} notes, {pinned} pinned objects");
}
