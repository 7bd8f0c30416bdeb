//! A parent that is not noticed: signals, pipes, and starting again.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::home::{Home, program};

/// `vault run` itself, not below `setsid`, so that signals meet it; whatever is ignored where the
/// tests are run, as below `nohup`, and in a group of its own, which can be stopped because we, its
/// parent, are in another one of the same session.
fn start(home: &Home, flags: &[&str], script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(program()).process_group(0);
    command.arg("run").args(flags).args(["--", "sh", "-c", script]);
    command.env_clear().env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(Home::credentials()).current_dir(home.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn line(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn with_value() -> Home {
    let home = Home::with_vault();
    home.put("a", "s3cret-one");
    home
}

#[test]
fn each_signal_reaches_the_program_once() {
    let home = with_value();
    let script = "for s in HUP INT QUIT TERM USR1 USR2; do trap \"echo got $s\" $s; done
        echo ready; while [ ! -e end ]; do sleep 0.01; done; exit 9";
    let (mut child, mut out) = start(&home, &["--mask", "-e", "A=vault://a"], script);
    assert_eq!(line(&mut out), "ready");
    for (sent, name) in [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::TERM, "TERM"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        // A shell looks at its traps between two commands.
        signal(&child, sent);
        assert_eq!(line(&mut out), format!("got {name}"));
    }
    std::fs::write(home.path().join("end"), b"").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "none came twice");
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

/// Until a process is in this state, as `/proc` has it.
fn until(pid: &str, state: char) {
    let stat = format!("/proc/{pid}/stat");
    loop {
        let text = std::fs::read_to_string(&stat).unwrap();
        if text.rsplit(')').next().unwrap().trim_start().starts_with(state) {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn both_stop_and_go_on() {
    let home = with_value();
    let (mut child, mut out) = start(&home, &["--mask"], "echo $$; read x; echo \"on $x\"");
    let pid = line(&mut out);
    signal(&child, Signal::TSTP);
    until(&child.id().to_string(), 'T');
    until(&pid, 'T');
    signal(&child, Signal::CONT);
    child.stdin.take().unwrap().write_all(b"again\n").unwrap();
    assert_eq!(line(&mut out), "on again");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_program_that_ignores_term_runs_until_it_is_killed() {
    let home = with_value();
    let script = "trap '' TERM; echo $$; while read x; do echo $x; done; exec sleep 1000";
    let (mut child, mut out) = start(&home, &["--mask"], script);
    let pid = line(&mut out);
    signal(&child, Signal::TERM);
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"alive\n").unwrap();
    assert_eq!(line(&mut out), "alive");
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(137));
}

#[test]
fn a_closed_pipe_ends_the_program_as_without_us() {
    let home = with_value();
    let script = "while echo \"line $A\"; do :; done; exit 5";
    let (mut child, mut out) = start(&home, &["--mask", "-e", "A=vault://a"], script);
    assert_eq!(line(&mut out), "line ***");
    drop(out);
    // 128 + 13: it got SIGPIPE. Nothing is said about it.
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_closed_pipe_without_a_parent() {
    use std::os::unix::process::ExitStatusExt;
    let home = with_value();
    let script = "while echo \"line $A\"; do :; done; exit 5";
    let (mut child, mut out) = start(&home, &["--no-mask", "-e", "A=vault://a"], script);
    assert_eq!(line(&mut out), "line s3cret-one");
    drop(out);
    assert_eq!(child.wait().unwrap().signal(), Some(13));
}

#[test]
fn a_reader_that_is_slow_gets_everything() {
    let home = with_value();
    let script = "i=0; while [ $i -lt 40000 ]; do i=$((i + 1)); echo \"$i $A\"; done";
    let (mut child, mut out) = start(&home, &["--mask", "-e", "A=vault://a"], script);
    // More than all pipes hold. It ends only after this.
    assert_eq!(line(&mut out), "1 ***");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("\n40000 ***\n"));
    assert_eq!(rest.lines().count(), 39_999);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_full_disk_is_an_error() {
    let home = with_value();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = home.command(["run", "--mask", "--", "sh", "-c", "echo text; exit 0"]);
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write what the program"));
}

#[test]
fn what_still_runs_in_the_background_does_not_hold_us() {
    let home = with_value();
    let script = "sleep 1000 & echo $!";
    let (mut child, mut out) = start(&home, &["--mask"], script);
    let pid = line(&mut out).parse().unwrap();
    assert!(child.wait().unwrap().success());
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// A prompt without a line end, of which the last bytes could begin a value.
#[test]
fn a_prompt_is_not_held_back() {
    let home = with_value();
    let script =
        "printf 'answer s3c'; read x; echo \" $x\"; printf 'now s3cret-'; read x; echo; echo $A";
    let (mut child, mut out) = start(&home, &["--mask", "-e", "A=vault://a"], script);
    let mut prompt = [0; 10];
    out.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"answer s3c");
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"yes\n").unwrap();
    assert_eq!(line(&mut out), " yes");
    let mut prompt = [0; 11];
    out.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"now s3cret-");
    keys.write_all(b"\n").unwrap();
    assert_eq!([line(&mut out), line(&mut out)], ["", "***"]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_change_starts_the_program_again() {
    let home = with_value();
    home.put("folder/b", "b-one");
    let script = "echo \"$A ${B-none} ${C-none}\"; read x";
    let flags = ["--no-mask", "--watch=1", "-e", "A=vault://a", "--prefix", "folder"];
    let (mut child, mut out) = start(&home, &flags, script);
    assert_eq!(line(&mut out), "s3cret-one b-one none");
    home.put("a", "s3cret-two");
    assert_eq!(line(&mut out), "s3cret-two b-one none");
    home.put("folder/c", "c-new");
    assert_eq!(line(&mut out), "s3cret-two b-one c-new");
    // What is gone is told, and the program goes on.
    home.run(["rm", "a"]).ok();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("the program goes on") {
        assert_ne!(said.read_line(&mut text).unwrap(), 0, "{text}");
    }
    child.stdin.take().unwrap().write_all(b"end\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(line(&mut out), "");
}
