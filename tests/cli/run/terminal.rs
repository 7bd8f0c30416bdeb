//! A program on a terminal, masked.

use portable_pty::CommandBuilder;
use rustix::process::Signal;

use super::masking::EVERY_SPLIT;
use crate::cli::home::Home;
use crate::tui::pty::{Session, command_in, environment};

const VALUE: &str = "s3cr3t-Pa$$w0rd";

fn home() -> Home {
    let home = Home::with_vault();
    home.put("a", VALUE);
    home
}

/// `vault run --mask` with the value in `$A`.
fn masked(home: &Home, program: &[&str]) -> Session {
    let mut command = command_in(home);
    command.args(["run", "--mask", "-e", "A=vault://a", "--"]);
    command.args(program);
    Session::start(command)
}

/// All that it wrote, when it has ended.
fn all(session: &mut Session, end: &str) -> String {
    session.shows(end);
    assert_eq!(session.ends(), 0);
    String::from_utf8(session.output()).unwrap()
}

#[test]
fn every_split_is_masked_and_the_rest_is_as_without_us() {
    let home = home();
    let script = format!("{EVERY_SPLIT}print('\\tthe end')");
    let mut session = masked(&home, &["python3", "-c", &script]);
    let text = all(&mut session, "the end");
    assert!(!text.contains("s3cr") && !text.contains("w0rd"), "{text}");
    let mut command = CommandBuilder::new("python3");
    command.args(["-c", &script]);
    environment(&mut command, &home);
    command.env("A", VALUE);
    let mut plain = Session::start(command);
    let expected = all(&mut plain, "the end");
    assert_eq!(expected.matches(VALUE).count(), VALUE.len() + 11);
    assert_eq!(text, expected.replace(VALUE, "***"));
    assert!(session.is_cooked());
}

#[test]
fn the_program_has_a_terminal_of_the_same_size() {
    let home = home();
    let script = "trap 'stty size' WINCH; tty -s && test -t 1 && test -t 2 && echo all three
        stty size; stty size </dev/tty; echo \"type:\"; read x; echo \"got $x\"
        until read y; do :; done; echo \"$y.\"";
    let mut session = masked(&home, &["sh", "-c", script]);
    session.shows("type:");
    let screen = session.screen();
    assert!(screen.contains("all three\n24 80\n24 80\n"), "{screen}");
    session.type_keys("some\r");
    session.shows("got some");
    // The signal interrupts what is read just then.
    session.resize(30, 100);
    session.shows("30 100");
    session.type_keys("more\r");
    session.shows("more.");
    assert_eq!(session.ends(), 0);
    assert!(session.is_cooked());
}

#[test]
fn interrupt_reaches_the_program_once() {
    let home = home();
    let script = "trap 'echo interrupted' INT; echo ready; read x; read y; echo \"end\"";
    let mut session = masked(&home, &["bash", "-c", script]);
    session.shows("ready");
    session.type_keys("\x03");
    session.shows("interrupted");
    session.type_keys("a\rb\r");
    session.shows("end");
    assert_eq!(session.ends(), 0);
    assert_eq!(session.screen().matches("interrupted").count(), 1);
    let mut session = masked(&home, &["sh", "-c", "echo ready; exec sleep 1000"]);
    session.shows("ready");
    session.type_keys("\x03");
    assert_eq!(session.ends(), 130);
    assert!(session.is_cooked());
}

#[test]
fn however_it_ends_the_terminal_is_as_it_was() {
    let home = home();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut session = masked(&home, &["sh", "-c", "stty raw; echo ready; exec sleep 1000"]);
        session.shows("ready");
        assert!(!session.is_cooked());
        session.signal(signal);
        assert_eq!(session.ends(), code);
        assert!(session.is_cooked());
    }
    let mut session = masked(&home, &["./none"]);
    assert_eq!(session.ends(), 127);
    assert!(session.is_cooked());
}

/// Ctrl-Z in a shell that started us, and `fg`.
#[test]
fn stop_and_go_on_from_a_shell() {
    let home = home();
    let vault = crate::cli::home::program();
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    environment(&mut command, &home);
    command.env("PS1", "shell> ");
    let mut session = Session::start(command);
    session.shows("shell>");
    let script = "echo \"begin $A\"; read x; echo \"read $x\"";
    let run = format!("{} run --mask -e A=vault://a -- sh -c '{script}'\r", vault.display());
    session.type_keys(&run);
    session.shows("begin ***");
    session.type_keys("\x1a");
    session.shows("Stopped");
    session.type_keys("echo out$((1+1))side\r");
    session.shows("out2side");
    session.type_keys("fg\r");
    session.type_keys("words\r");
    session.shows("read words");
    // What is typed before the shell has its terminal back is the program's.
    let prompts = |session: &Session| session.screen().trim_end().ends_with("shell>");
    session.until("a prompt", prompts);
    session.type_keys("exit 0\r");
    assert_eq!(session.ends(), 0);
}

/// A shell on a terminal.
fn shell(home: &Home) -> Session {
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    environment(&mut command, home);
    command.env("PS1", "shell> ");
    let session = Session::start(command);
    session.shows("shell>");
    session
}

/// Ctrl-Z stops the script that started us as well, or nobody would have the terminal.
#[test]
fn a_script_around_us_is_stopped_with_us() {
    let home = home();
    let vault = crate::cli::home::program();
    for flag in ["--mask", "--watch=600"] {
        let script = format!(
            "{} run {flag} -e A=vault://a -- sh -c 'echo begin; read x; echo \"read $x\"'\n\
             echo after\n",
            vault.display()
        );
        std::fs::write(home.path().join("script"), script).unwrap();
        let mut session = shell(&home);
        session.type_keys("bash script\r");
        session.shows("begin");
        session.type_keys("\x1a");
        session.shows("Stopped");
        session.type_keys("echo out$((1+1))side\r");
        session.shows("out2side");
        session.type_keys("fg\r");
        session.until("continued", |session| session.screen().matches("bash script").count() == 3);
        session.type_keys("words\r");
        session.shows("read words");
        session.shows("after");
        session.until("a prompt", |session| session.screen().trim_end().ends_with("shell>"));
        session.type_keys("exit 0\r");
        assert_eq!(session.ends(), 0, "{flag}");
    }
}

/// A shell that brings a running job to the foreground tells nobody.
#[test]
fn keys_reach_a_program_that_was_started_in_the_background() {
    let home = home();
    let vault = crate::cli::home::program();
    let mut session = shell(&home);
    let run = "sh -c 'echo begin; read x; echo \"read $x\"'";
    session.type_keys(&format!("{} run --mask -e A=vault://a -- {run} &\r", vault.display()));
    session.until("begun", |session| session.screen().matches("begin").count() == 2);
    session.type_keys("fg\r");
    session.until("ours", |session| !session.is_cooked());
    session.type_keys("words\r");
    session.shows("read words");
    session.until("a prompt", |session| session.screen().trim_end().ends_with("shell>"));
    session.type_keys("exit 0\r");
    assert_eq!(session.ends(), 0);
}

/// With a group of its own, the program has the terminal and its signals as a job of a shell.
#[test]
fn a_watched_program_has_the_terminal() {
    let home = home();
    let mut command = command_in(&home);
    let script = "trap 'echo interrupted' INT; echo ready; read x; read y; echo \"got $y\"";
    command.args(["run", "--no-mask", "--watch=600", "-e", "A=vault://a", "--"]);
    command.args(["bash", "-c", script]);
    let mut session = Session::start(command);
    session.shows("ready");
    session.type_keys("\x03");
    session.shows("interrupted");
    session.type_keys("a\rb\r");
    session.shows("got b");
    assert_eq!(session.ends(), 0);
    assert_eq!(session.screen().matches("interrupted").count(), 1);
}

#[test]
fn a_full_screen_program_works() {
    let home = home();
    std::fs::write(home.path().join("text"), format!("one {VALUE} two\nlast line\n")).unwrap();
    let mut session = masked(&home, &["vim", "-u", "NONE", "-i", "NONE", "-n", "text"]);
    session.shows("one *** two");
    session.shows("last line");
    assert!(session.terminal().screen().alternate_screen());
    session.type_keys("Gotyped\x1b");
    session.shows("typed");
    session.type_keys(":wq\r");
    session.until("the first screen", |session| !session.terminal().screen().alternate_screen());
    assert_eq!(session.ends(), 0);
    assert!(session.is_cooked());
    let text = std::fs::read_to_string(home.path().join("text")).unwrap();
    assert_eq!(text, format!("one {VALUE} two\nlast line\ntyped\n"));
    assert!(!String::from_utf8_lossy(&session.output()).contains(VALUE));

    let mut session = masked(&home, &["less", "text"]);
    session.shows("one *** two");
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    assert!(session.is_cooked());
}

/// A screen that is drawn again and again, in colours, and at another size.
#[test]
fn a_screen_that_changes_by_itself_works() {
    let home = home();
    let sleep = format!("exec -a '{VALUE}' sleep 600");
    let mut shown = std::process::Command::new("bash");
    shown.args(["-c", &sleep]).stdout(std::process::Stdio::null());
    let mut shown = shown.stderr(std::process::Stdio::null()).spawn().unwrap();
    let pid = shown.id().to_string();
    let mut session = masked(&home, &["htop", "--delay=2", "-p", &pid]);
    session.shows("0:00.00 ***");
    assert!(session.terminal().screen().alternate_screen());
    session.resize(30, 100);
    let drawn = session.output().len();
    let to_last_row = |s: &Session| s.output()[drawn..].windows(4).any(|bytes| bytes == b"\x1b[30");
    session.until("drawn in its last row", to_last_row);
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    assert!(session.is_cooked());
    shown.kill().unwrap();
    shown.wait().unwrap();
    let output = session.output();
    assert!(!String::from_utf8_lossy(&output).contains(VALUE));
}

/// Only what goes to a terminal goes through one: keys are the program's own.
#[test]
fn a_pipe_on_stdin_leaves_the_terminal_alone() {
    let home = home();
    let vault = crate::cli::home::program();
    let mut command = CommandBuilder::new("sh");
    let inner = "test -t 1 && read x && echo \"$x $A\"";
    let run =
        format!("echo piped | {} run --mask -e A=vault://a -- sh -c '{inner}'", vault.display());
    command.args(["-c", &run]);
    environment(&mut command, &home);
    let mut session = Session::start(command);
    session.shows("piped ***");
    assert_eq!(session.ends(), 0);
    assert_eq!(session.output(), b"piped ***\r\n");
}

/// On a terminal nothing is masked unless it is asked for, or in CI.
#[test]
fn the_default_on_a_terminal() {
    let home = home();
    for (ci, shown) in [(None, VALUE), (Some("true"), "***"), (Some("false"), VALUE)] {
        let mut command = command_in(&home);
        command.args(["run", "-e", "A=vault://a", "--", "sh", "-c", "echo \"<$A>\""]);
        if let Some(ci) = ci {
            command.env("CI", ci);
        }
        let mut session = Session::start(command);
        session.shows(&format!("<{shown}>"));
        assert_eq!(session.ends(), 0);
    }
}
