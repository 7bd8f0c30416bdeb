//! The process that holds a copied value, on a desktop of its own (Xvfb; `tests/run` installs it).

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ui::CANARY;
use crate::cli::home::program;

const LIMIT: Duration = Duration::from_secs(20);

/// An X server without a screen.
pub struct Desktop {
    server: Child,
    pub display: String,
}

impl Desktop {
    pub fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb, which tests/run installs");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, display: format!(":{}", number.trim()) }
    }

    /// The helper with this text, once it holds it.
    fn hold(&self, text: &str) -> Child {
        self.hold_in(text, None)
    }

    /// With this directory for its sockets; none: it has none.
    fn hold_in(&self, text: &str, run: Option<&Path>) -> Child {
        let mut helper = Command::new(program())
            .arg("clip-clear")
            .env("XDG_RUNTIME_DIR", run.unwrap_or(Path::new("/nowhere")))
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = helper.stdin.as_mut().unwrap();
        pipe.write_all(&(text.len() as u64).to_le_bytes()).unwrap();
        pipe.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(helper.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
        assert_eq!(answer, "held\n");
        helper
    }

    fn xclip(&self, args: &[&str]) -> Command {
        let mut command = Command::new("xclip");
        command.args(["-selection", "clipboard"]).args(args).env("DISPLAY", &self.display);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    pub fn paste(&self, args: &[&str]) -> String {
        let mut child = self.xclip(&["-o"]).args(args).spawn().unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        text
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[track_caller]
fn ends(helper: &mut Child) {
    let start = Instant::now();
    while helper.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < LIMIT, "the helper does not end");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The UI ended, however it did: its end of the pipe is closed.
#[test]
fn it_clears_when_the_ui_ends() {
    let desktop = Desktop::start();
    let mut helper = desktop.hold(CANARY);
    assert_eq!(desktop.paste(&[]), CANARY);
    let targets = desktop.paste(&["-t", "TARGETS"]);
    assert!(targets.contains("x-kde-passwordManagerHint"), "{targets}");
    drop(helper.stdin.take());
    ends(&mut helper);
    assert_eq!(desktop.paste(&[]), "");
}

/// `vault lock --all` rings at every process that holds something, and waits until it has ended.
#[test]
fn it_clears_when_everything_is_locked() {
    let (desktop, home) = (Desktop::start(), crate::cli::home::Home::new());
    let run = home.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let mut helper = desktop.hold_in(CANARY, Some(&run));
    assert_eq!(desktop.paste(&[]), CANARY);
    let mut lock = home.command(["lock", "--all"]);
    lock.env("XDG_RUNTIME_DIR", &run);
    let ran = crate::cli::home::finish(lock, b"").ok();
    assert!(ran.stderr.contains("The clipboard is cleared."), "{}", ran.stderr);
    assert_eq!(desktop.paste(&[]), "");
    ends(&mut helper);
    assert_eq!(run.join("vault").read_dir().unwrap().count(), 0);
}

/// What somebody else has put there stays.
#[test]
fn it_clears_only_its_own() {
    let desktop = Desktop::start();
    let mut helper = desktop.hold(CANARY);
    let mut other = desktop.xclip(&["-i"]).stdin(Stdio::piped()).spawn().unwrap();
    other.stdin.take().unwrap().write_all(b"mine").unwrap();
    let start = Instant::now();
    while desktop.paste(&["-t", "TARGETS"]).contains("passwordManagerHint") {
        assert!(start.elapsed() < LIMIT);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    drop(helper.stdin.take());
    ends(&mut helper);
    assert_eq!(desktop.paste(&[]), "mine");
    let _ = other.kill();
    let _ = other.wait();
}
