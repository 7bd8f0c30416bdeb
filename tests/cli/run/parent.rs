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

/// What is locked while the program runs is told once, asked of nobody, and read when it is
/// unlocked again.
#[test]
fn a_lock_meanwhile_is_told_and_not_asked_about() {
    let desk = crate::cli::unlock::Desk::new();
    desk.typed(["unlock"]).ok();
    let mut command = crate::tui::pty::command_in(&desk.0);
    command.env("XDG_RUNTIME_DIR", desk.sockets().parent().unwrap());
    let script = "echo \"has $A\"; while read x; do echo \"got $x\"; done";
    command.args(["run", "--no-mask", "--watch=1", "-e", "A=vault://a", "--", "sh", "-c", script]);
    let mut session = crate::tui::pty::Session::start(command);
    session.shows("has one");
    desk.typed_with(["put", "a"], b"two").ok();
    session.shows("has two");
    desk.run(["lock"]).ok();
    desk.typed_with(["put", "a"], b"three").ok();
    session.shows("the program goes on");
    let said = session.screen();
    assert!(said.contains("locked") && !said.contains("Passphrase"), "{said}");
    session.type_keys("mine\r");
    session.shows("got mine");
    desk.typed(["unlock"]).ok();
    session.shows("has three");
    assert_eq!(session.screen().matches("the program goes on").count(), 1);
    session.type_keys("\x04");
    assert_eq!(session.ends(), 0);
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

/// As a pipe without us: it is read until the last one who holds it has closed it.
#[test]
fn what_is_written_after_the_end_of_the_program_is_passed_on() {
    let home = with_value();
    let script = "(while [ ! -e go ]; do sleep 0.01; done; echo \"late $A\")& echo early $$";
    let (mut child, mut out) = start(&home, &["--mask", "-e", "A=vault://a"], script);
    let said = line(&mut out);
    let pid = said.strip_prefix("early ").unwrap();
    until_gone(pid);
    std::fs::write(home.path().join("go"), b"").unwrap();
    assert_eq!(line(&mut out), "late ***");
    assert!(child.wait().unwrap().success());
    let script = "exec > >(while read l; do sleep .05; echo $l; done); seq 1 5";
    let ran = home.run(["run", "--mask", "--", "bash", "-c", script]).ok();
    assert_eq!(ran.text(), "1\n2\n3\n4\n5\n");
    // Somebody who has enough of waiting is heard.
    let (mut child, mut out) = start(&home, &["--mask"], "sleep 1000 & echo $! $$");
    let said = line(&mut out);
    let (sleep, shell) = said.split_once(' ').unwrap();
    until_gone(shell);
    signal(&child, Signal::TERM);
    assert!(child.wait().unwrap().success());
    kill_process(Pid::from_raw(sleep.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// Until nobody has this number, or it has ended.
fn until_gone(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    while std::fs::read_to_string(&stat)
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
    {
        std::thread::yield_now();
    }
}

/// Servers use more signals than those that end a program.
#[test]
fn other_signals_reach_the_program_too() {
    let home = with_value();
    let script = "
import os, signal
names = ['ALRM', 'VTALRM', 'PROF', 'IO', 'PWR', 'URG', 'TTIN', 'TTOU', 'WINCH', 'RTMIN', 'RTMAX']
for name in names:
    signal.signal(getattr(signal, 'SIG' + name), lambda n, frame, name=name: os.write(1, (name + '\\n').encode()))
print('ready', flush=True)
while True:
    signal.pause()
";
    std::fs::write(home.path().join("program.py"), script).unwrap();
    let (mut child, mut out) = start(&home, &["--mask"], "exec python3 program.py");
    assert_eq!(line(&mut out), "ready");
    for name in
        ["ALRM", "VTALRM", "PROF", "IO", "PWR", "URG", "TTIN", "TTOU", "WINCH", "RTMIN", "RTMAX"]
    {
        let kill = format!("kill -{name} {}", child.id());
        assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(line(&mut out), name);
    }
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// The first process of a container waits for those whose parents have ended.
#[test]
fn as_the_first_process_it_leaves_no_zombies() {
    let home = with_value();
    let script = "for i in 1 2 3; do sh -c 'sleep 0.01 & exit 0'; done
        until [ $(ps -o stat= -e | grep -c Z) = 3 ]; do sleep 0.01; done; echo three
        until [ $(ps -o stat= -e | grep -c Z) = 0 ]; do sleep 0.01; done; echo none; exit 7";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]);
    command.arg(program()).args(["run", "--mask", "--", "sh", "-c", script]);
    command.env_clear().env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(Home::credentials()).current_dir(home.path());
    let ran = crate::cli::home::finish(command, b"");
    assert_eq!((ran.text().as_str(), ran.code), ("three\nnone\n", 7), "{}", ran.stderr);
}

/// What the old start left would keep its port, and the old values.
#[test]
fn a_change_ends_all_that_the_program_started() {
    let home = with_value();
    let script = "sh -c \"trap '' TERM; echo ready; exec sleep 1000\" & echo \"$A $!\"; wait";
    let flags = ["--no-mask", "--watch=1", "-e", "A=vault://a"];
    let (mut child, mut out) = start(&home, &flags, script);
    let both = |out: &mut BufReader<ChildStdout>| {
        let mut lines = [line(out), line(out)];
        lines.sort();
        assert_eq!(lines[0], "ready");
        lines[1].clone()
    };
    let first = both(&mut out);
    let (value, old) = first.split_once(' ').unwrap();
    assert_eq!(value, "s3cret-one");
    home.put("a", "s3cret-two");
    let second = both(&mut out);
    let (value, new) = second.split_once(' ').unwrap();
    assert_eq!(value, "s3cret-two");
    until_gone(old);
    // A signal is for all of them, too.
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let _ = kill_process(Pid::from_raw(new.parse().unwrap()).unwrap(), Signal::KILL);
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
