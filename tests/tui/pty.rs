//! The program on a real terminal: whatever ends it, nothing of a value is left behind and the
//! terminal is as it was.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::ui::CANARY;
use crate::cli::home::{Home, program};

const LIMIT: Duration = Duration::from_secs(30);
const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };

fn emulator(size: PtySize) -> vt100::Parser {
    let some = |n: u16| std::num::NonZeroU16::new(n).unwrap();
    vt100::Parser::new(some(size.rows), some(size.cols), 1000)
}

/// A program on a terminal.
pub struct Session {
    child: Box<dyn Child + Send + Sync>,
    pair: PtyPair,
    keys: Box<dyn Write + Send>,
    bytes: Arc<Mutex<Vec<u8>>>,
    size: PtySize,
}

/// A home with a vault and one secret whose value is the canary.
fn home() -> Home {
    let home = Home::with_vault();
    home.put("acme/db", CANARY);
    home
}

/// The program in a home.
pub fn command_in(home: &Home) -> CommandBuilder {
    let mut command = CommandBuilder::new(program());
    environment(&mut command, home);
    command
}

pub fn environment(command: &mut CommandBuilder, home: &Home) {
    command.env_clear();
    command.env("HOME", home.path());
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    for (name, value) in Home::credentials() {
        command.env(name, value);
    }
    command.cwd(home.path());
}

impl Session {
    pub fn start(command: CommandBuilder) -> Self {
        Self::sized(command, (SIZE.rows, SIZE.cols))
    }

    pub fn sized(command: CommandBuilder, (rows, cols): (u16, u16)) -> Self {
        let size = PtySize { rows, cols, ..SIZE };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, sink) = (pair.master.try_clone_reader().unwrap(), bytes.clone());
        std::thread::spawn(move || {
            let mut chunk = [0u8; 4096];
            while let Ok(len @ 1..) = reader.read(&mut chunk) {
                sink.lock().unwrap().extend(&chunk[..len]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, pair, keys, bytes, size }
    }

    pub fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// The terminal after everything so far.
    pub fn terminal(&self) -> vt100::Parser {
        let mut parser = emulator(self.size);
        parser.process(&self.bytes.lock().unwrap());
        parser
    }

    /// Everything that the terminal got.
    pub fn output(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    pub fn screen(&self) -> String {
        self.terminal().screen().contents()
    }

    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !fits(self) {
            assert!(start.elapsed() < LIMIT, "never {what}:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.until(text, |session| session.screen().contains(text));
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub fn ends(&mut self) -> u32 {
        let code = self.ends_within(LIMIT);
        code.unwrap_or_else(|| panic!("does not end:\n{}", self.screen()))
    }

    pub fn resize(&self, rows: u16, cols: u16) {
        self.pair.master.resize(PtySize { rows, cols, ..SIZE }).unwrap();
    }

    fn ends_within(&mut self, limit: Duration) -> Option<u32> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status.exit_code());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        None
    }

    /// Shows the value, and answers how many bytes there were when it was on the screen.
    fn reveal(&mut self) -> usize {
        self.shows("acme/db");
        self.type_keys("\r");
        self.shows(CANARY);
        self.bytes.lock().unwrap().len()
    }

    /// Nothing of the value is in the bytes from `hidden` on, nor on the screen that was there
    /// before or in what can be scrolled back; all modes are off.
    #[track_caller]
    fn left_nothing(&self, hidden: usize) {
        // What it said last may still be on its way.
        self.until("left", |session| {
            let terminal = session.terminal();
            !terminal.screen().alternate_screen() && !terminal.screen().hide_cursor()
        });
        let bytes = self.bytes.lock().unwrap().clone();
        let after = String::from_utf8_lossy(&bytes[hidden..]).into_owned();
        for part in [CANARY, &CANARY[..8], &CANARY[8..]] {
            assert!(!after.contains(part), "{after:?}");
        }
        let mut parser = emulator(self.size);
        parser.process(&bytes);
        parser.screen_mut().set_scrollback(1000);
        assert!(!parser.screen().contents().contains("canary"));
        parser.screen_mut().set_scrollback(0);
        let screen = parser.screen();
        assert!(!screen.contents().contains("canary"), "{}", screen.contents());
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        // Focus is reported no longer: switched off after it was last switched on.
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.rfind("\x1b[?1004l") > text.rfind("\x1b[?1004h"));
        assert!(self.is_cooked(), "the terminal is still raw");
    }

    /// Lines, echo and signals work as a shell expects.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        let path = self.pair.master.tty_name().expect("a terminal");
        let tty = std::fs::File::open(path).unwrap();
        let modes = tcgetattr(&tty).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

#[test]
fn start_and_quit() {
    let home = home();
    let mut session = Session::start(command_in(&home));
    session.reveal();
    assert!(!session.is_cooked());
    session.type_keys("\x1b");
    session.until("hidden", |session| !session.screen().contains(CANARY));
    let hidden = session.bytes.lock().unwrap().len();
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    session.left_nothing(hidden);
}

/// Quit while the value is on the screen.
#[test]
fn quit_at_once() {
    let home = home();
    let mut session = Session::start(command_in(&home));
    let shown = session.reveal();
    session.type_keys("\x03");
    assert_eq!(session.ends(), 0);
    session.left_nothing(shown);
}

#[test]
fn ended_by_a_signal() {
    for (signal, code) in
        [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)]
    {
        let home = home();
        let mut session = Session::start(command_in(&home));
        let shown = session.reveal();
        session.signal(signal);
        assert_eq!(session.ends(), code, "{signal:?}");
        session.left_nothing(shown);
    }
}

/// Stopped and continued, by key and by signal: hidden and given back in between.
#[test]
fn suspended_and_continued() {
    for by_key in [true, false] {
        let home = home();
        let mut session = Session::start(command_in(&home));
        let shown = session.reveal();
        match by_key {
            true => session.type_keys("\x1a"),
            false => session.signal(Signal::TSTP),
        }
        let stat = format!("/proc/{}/stat", session.child.process_id().unwrap());
        session.until("stopped", |_| {
            let stat = std::fs::read_to_string(&stat).unwrap();
            stat.rsplit(')').next().unwrap().trim().starts_with('T')
        });
        session.left_nothing(shown);
        session.signal(Signal::CONT);
        session.until("back", |session| session.terminal().screen().alternate_screen());
        session.shows("acme/db");
        assert!(!session.screen().contains(CANARY));
        session.type_keys("q");
        assert_eq!(session.ends(), 0);
        session.left_nothing(shown);
    }
}

/// A directory that goes away is no empty vault.
#[test]
fn a_vault_that_is_removed_meanwhile() {
    let home = Home::with_vault();
    let mut session = Session::start(command_in(&home));
    session.shows("No secrets yet");
    std::fs::remove_dir_all(home.path().join(".local/share/vault/vaults/main")).unwrap();
    session.type_keys(".");
    session.shows(". tries again.");
    assert!(!session.screen().contains("No secrets yet"), "{}", session.screen());
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
}

/// The program with this script as the editor, which was opened just now.
fn editing(home: &Home, script: &str) -> Session {
    let editor = home.path().join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\n{script}")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&editor, mode).unwrap();
    let mut command = command_in(home);
    command.env("EDITOR", &editor);
    let mut session = Session::start(command);
    session.shows("acme/db");
    session.type_keys("e");
    session
}

/// An editor gets the terminal as a shell would give it, and nothing of the value stays.
#[test]
fn an_editor_in_between() {
    let home = home();
    // It looks at the terminal, changes the file, and puts a copy beside it.
    let script = "stty -a > terminal\ncp \"$1\" \"$1~\"\nls -l \"$1\" > file\n\
                  sed -i s/canary/edited/ \"$1\"\n";
    let mut session = editing(&home, script);
    session.shows("acme/db: version 2.");
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    session.left_nothing(0);
    assert_eq!(home.get("acme/db"), CANARY.replace("canary", "edited"));
    let terminal = std::fs::read_to_string(home.path().join("terminal")).unwrap();
    assert!(terminal.contains(" icanon") && terminal.contains(" echo "), "{terminal}");
    let file = std::fs::read_to_string(home.path().join("file")).unwrap();
    assert!(file.starts_with("-rw-------"), "{file}");
    let name = file.split_whitespace().last().unwrap();
    assert!(!std::path::Path::new(name).parent().unwrap().exists(), "{name}");
}

/// A signal ends the editor with what it started, even what does not listen, and the text is gone.
#[test]
fn a_signal_while_an_editor_is_open() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        for trap in ["", "trap '' TERM HUP\n"] {
            let home = home();
            // One child beside it, and one that it waits for, with the terminal in a state of its
            // own.
            let script = format!(
                "{trap}stty raw -echo\nprintf '\\033[?1049h\\033[?25l'\nls \"$1\" > file\n\
                 sleep 600 &\necho $! > one\nsh -c 'echo $$ > two; exec sleep 600'\n"
            );
            let mut session = editing(&home, &script);
            let read = |name| std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
            session.until("two children", |_| read("two").ends_with('\n'));
            session.signal(signal);
            assert_eq!(session.ends(), code, "{signal:?} {trap}");
            session.left_nothing(0);
            for child in [read("one"), read("two")] {
                session.until("ended", |_| has_ended(child.trim()));
            }
            let file = read("file");
            assert!(!std::path::Path::new(file.trim()).parent().unwrap().exists(), "{file}");
        }
    }
}

fn has_ended(pid: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(')').next().unwrap().trim().starts_with('Z'),
        Err(_) => true,
    }
}

/// The editor has the terminal to itself: it reads from it, Ctrl-C is its own, and Ctrl-Z stops
/// both until both are continued.
#[test]
fn an_editor_is_stopped_and_continued() {
    let home = home();
    let script = "trap 'touch interrupted' INT\nstty -a > terminal\ntouch ready\n\
                  while [ -z \"$line\" ]; do read line; done\n\
                  echo \"$line\" > \"$1\"\n";
    let mut session = editing(&home, script);
    session.until("ready", |_| home.path().join("ready").exists());
    session.type_keys("\x03");
    session.until("interrupted", |_| home.path().join("interrupted").exists());
    session.type_keys("\x1a");
    let stat = format!("/proc/{}/stat", session.child.process_id().unwrap());
    session.until("stopped", |_| {
        let stat = std::fs::read_to_string(&stat).unwrap();
        stat.rsplit(')').next().unwrap().trim().starts_with('T')
    });
    assert!(session.is_cooked());
    session.signal(Signal::CONT);
    session.type_keys("typed\n");
    session.shows("acme/db: version 2.");
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    session.left_nothing(0);
    assert_eq!(home.get("acme/db"), "typed");
}

/// A shell that ends a stopped job ends the editor with it, though both are in the background.
#[test]
fn a_stopped_editor_is_ended_from_the_shell() {
    let home = home();
    let script = "ls \"$1\" > file\ntouch ready\nsleep 600\n";
    let editor = home.path().join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\n{script}")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&editor, mode).unwrap();
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "-i"]);
    environment(&mut command, &home);
    command.env("EDITOR", &editor);
    let mut session = Session::start(command);
    session.type_keys(&format!("{}\n", program().display()));
    session.shows("acme/db");
    session.type_keys("e");
    session.until("ready", |_| home.path().join("ready").exists());
    let file = std::fs::read_to_string(home.path().join("file")).unwrap();
    let dir = std::path::Path::new(file.trim()).parent().unwrap();
    session.type_keys("\x1a");
    session.shows("Stopped");
    assert!(dir.exists());
    session.type_keys("kill %1\n");
    session.until("gone", |_| !dir.exists());
    // What is typed while the UI gives the terminal back may be lost with it.
    let ended = (0..20).find_map(|_| {
        session.type_keys("wait; exit 7\n");
        session.ends_within(Duration::from_secs(2))
    });
    assert_eq!(ended, Some(7), "{}", session.screen());
}

/// A panic restores the terminal before it is reported, and tells nothing of the value.
#[test]
fn a_panic() {
    for place in ["loop", "task"] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "tui::pty::child_that_panics", "--ignored", "--nocapture"]);
        command.args(["--test-threads", "1"]);
        command.env("VAULT_TEST_PANIC", place);
        command.env("TERM", "xterm-256color");
        command.cwd(dir.path());
        let mut session = Session::start(command);
        session.shows("History (1)");
        let shown = session.reveal();
        // `.` forgets the history, and asks for it again.
        session.type_keys(if place == "loop" { "?" } else { "." });
        assert_eq!(session.ends(), 101, "{place}");
        session.until("reported", |session| session.screen().contains("please report this"));
        session.left_nothing(shown);
    }
}

/// The program of [`a_panic`]: the UI on a vault in memory that panics when it is told to.
#[tokio::test]
#[ignore = "started by another test, on a terminal of its own"]
async fn child_that_panics() {
    super::panics::run(&std::env::var("VAULT_TEST_PANIC").unwrap()).await;
}

/// Without a terminal there is help, as before.
#[test]
fn elsewhere_there_is_help() {
    let home = Home::new();
    let ran = home.run([] as [&str; 0]).ok();
    assert!(ran.text().contains("Usage: vault"));
    home.run(["tui"]).fails(2, "needs a terminal");
}

/// Under NO_COLOR no colour is written at all: one between the cells would undo the line of the
/// cursor.
#[test]
fn no_colour_means_none() {
    let home = home();
    let mut command = command_in(&home);
    command.env("NO_COLOR", "1");
    let mut session = Session::start(command);
    session.shows("acme/db");
    session.shows("History");
    let parser = session.terminal();
    for column in 1..35 {
        assert!(parser.screen().cell(2, column).unwrap().inverse(), "column {column}");
    }
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    let bytes = session.bytes.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b[7m"), "the line of the cursor");
    assert!(!text.contains("\x1b[;m"), "an empty colour resets the line of the cursor");
    for colour in ["\x1b[3", "\x1b[38;", "\x1b[48;", "\x1b[9"] {
        let found = text.match_indices(colour).any(|(at, _)| {
            let rest = &text[at + 2..];
            rest.split('m').next().is_some_and(|code| {
                code.len() <= 16 && code.bytes().all(|b| b.is_ascii_digit() || b == b';')
            })
        });
        assert!(!found, "{colour:?}");
    }
}

/// The UI opens through the agent; locked, it asks for the passphrase, and the agent stays.
#[test]
fn the_agent_opens_it() {
    let desk = crate::cli::unlock::Desk::new();
    desk.typed(["unlock"]).ok();
    let mut command = command_in(&desk.0);
    command.env("XDG_RUNTIME_DIR", desk.sockets().parent().unwrap());
    let mut session = Session::start(command);
    session.shows("Loaded 1 name");
    session.type_keys("L");
    session.shows("passphrase");
    session.type_keys("\r");
    session.type_keys(crate::cli::unlock::PASSPHRASE);
    session.type_keys("\r");
    session.shows("Loaded 1 name");
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    assert_eq!(desk.get().ok().text(), "one");
}
