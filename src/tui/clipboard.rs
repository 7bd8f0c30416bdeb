//! The clipboard. A process of its own holds what was copied and clears it after a while, or as
//! soon as its standard input ends: when this program locks, quits, panics or is killed. It
//! clears only what is still its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use crate::config::runtime_dir;
use crate::vault::agent::check_directory;
use crate::vault::{Error, Result, Secret};

use super::model::CLIPBOARD;

/// Longest text that is copied, in bytes.
const MAX: usize = 1024 * 1024;

/// How the sockets of processes that hold something are called, with their number behind it.
const BELL: &str = "clip.";

/// How long a clipboard may take to say that it holds something, or to let it go.
const PATIENCE: Duration = Duration::from_secs(5);

const NOT_FOR_PEOPLE: &str = "only the terminal UI and `vault copy` start this";

/// Something that holds a copied value.
pub trait Clipboard: Send + Sync {
    /// Holds this text, and nothing that was held before.
    ///
    /// # Errors
    /// If there is no clipboard.
    fn hold(&self, text: &Secret) -> Result<()>;

    /// Clears what is held.
    fn clear(&self);
}

/// The clipboard of the desktop, held by `vault clip-clear`.
#[derive(Default)]
pub struct Helper {
    held: Mutex<Option<(Child, ChildStdin)>>,
    /// Held while something is copied: of two at once, the first one's helper would end after the
    /// second one's began, and clear what may be the same text.
    turn: Mutex<()>,
}

impl Helper {
    fn held(&self) -> MutexGuard<'_, Option<(Child, ChildStdin)>> {
        self.held.lock().expect("no panic holds this lock")
    }
}

impl Clipboard for Helper {
    fn hold(&self, text: &Secret) -> Result<()> {
        check(text)?;
        let _turn = self.turn.lock().expect("no panic holds this lock");
        // The one before ends first: it may hold the same text, and would clear the new one.
        self.clear();
        *self.held() = Some(start(text, &["clip-clear"])?);
        Ok(())
    }

    fn clear(&self) {
        let by = self.held().take();
        if let Some((child, pipe)) = by {
            end(child, pipe);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Puts a text into the clipboard of the desktop and leaves it there when this program ends, until
/// the time is over.
///
/// # Errors
/// If there is no clipboard.
pub fn leave(text: &Secret) -> Result<()> {
    check(text)?;
    start(text, &["clip-clear", "--stay"]).map(drop)
}

/// How long a copied value stays.
pub fn seconds() -> u64 {
    CLIPBOARD.as_secs()
}

fn check(text: &Secret) -> Result<()> {
    if text.text().is_none() {
        return Err(Error::usage("these are bytes, not text: the clipboard is for text")
            .hint("`vault get PATH -o FILE` writes them to a file"));
    }
    if text.len() > MAX {
        return Err(Error::usage("this is too long for the clipboard"));
    }
    Ok(())
}

/// A helper that holds this text.
fn start(text: &Secret, args: &[&str]) -> Result<(Child, ChildStdin)> {
    let failed = |e: std::io::Error| Error::general("cannot start the clipboard helper").because(e);
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut pipe = child.stdin.take().expect("piped");
    let length = (text.len() as u64).to_le_bytes();
    pipe.write_all(&length).and_then(|()| pipe.write_all(text.bytes())).map_err(failed)?;
    let out = child.stdout.take().expect("piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let _ = BufReader::new(out.take(1024)).read_line(&mut answer);
        let _ = sender.send(answer);
    });
    let answer = receiver.recv_timeout(PATIENCE).unwrap_or_default();
    if answer.trim_end() == "held" {
        return Ok((child, pipe));
    }
    end(child, pipe);
    let why = if answer.is_empty() { "it does not answer" } else { answer.trim_end() };
    Err(Error::general("there is no clipboard here").because(why.to_owned()).hint(
        "clipboard = \"osc52\" under [tui] in the configuration sends it through the terminal",
    ))
}

/// Tells a helper to clear what it holds, and waits until it has; not for one that hangs.
fn end(mut child: Child, pipe: ChildStdin) {
    drop(pipe);
    let until = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `vault clip-clear`: holds the text that comes on standard input; with `stay` also after that
/// has ended.
///
/// # Errors
/// If the input is not what [`Helper`] writes.
pub fn serve(stay: bool) -> Result<()> {
    // Out of the terminal's reach: what it sends to the program it does not send to us.
    let _ = rustix::process::setsid();
    let wrong = |e: std::io::Error| Error::usage(NOT_FOR_PEOPLE).because(e);
    let mut input = std::io::stdin().lock();
    let mut length = [0u8; 8];
    input.read_exact(&mut length).map_err(wrong)?;
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX {
        return Err(Error::usage(NOT_FOR_PEOPLE));
    }
    let mut bytes = zeroize::Zeroizing::new(vec![0u8; length]);
    input.read_exact(&mut bytes).map_err(wrong)?;
    drop(input);
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    let until = Instant::now() + CLIPBOARD;
    let (ended, wait) = mpsc::channel::<()>();
    let holds = Arc::new(AtomicBool::new(false));
    let held = holds.clone();
    let _bell = Bell::hang(&runtime_dir(), ended.clone());
    std::thread::spawn(move || {
        let mut rest = [0u8; 64];
        while matches!(std::io::stdin().read(&mut rest), Ok(1..)) {}
        // A desktop that does not answer would keep us, and the value, for ever.
        let until = Instant::now() + PATIENCE;
        while !held.load(Ordering::SeqCst) {
            if Instant::now() > until {
                std::process::exit(1);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        match stay {
            // Nobody is to end it before its time.
            true => std::mem::forget(ended),
            false => drop(ended.send(())),
        }
    });
    let clipboard = arboard::Clipboard::new();
    let mut clipboard = match clipboard {
        Ok(clipboard) => clipboard,
        Err(e) => return answer(&e.to_string()),
    };
    if let Err(e) = offer(&mut clipboard, &text) {
        return answer(&e.to_string());
    }
    holds.store(true, Ordering::SeqCst);
    answer("held")?;
    while Instant::now() < until {
        let pause = Duration::from_millis(500).min(until.saturating_duration_since(Instant::now()));
        if wait.recv_timeout(pause) != Err(mpsc::RecvTimeoutError::Timeout) {
            break;
        }
        // Somebody else's by now: nothing is left to do.
        if !clipboard.get_text().is_ok_and(|now| *zeroize::Zeroizing::new(now) == *text) {
            return Ok(());
        }
    }
    if clipboard.get_text().is_ok_and(|now| *zeroize::Zeroizing::new(now) == *text) {
        let _ = clipboard.clear();
    }
    Ok(())
}

/// A socket at which any connection means: clear it now.
struct Bell(PathBuf);

impl Bell {
    /// `None` where there is no place for it: the value goes after a while all the same.
    fn hang(dir: &Path, ended: mpsc::Sender<()>) -> Option<Self> {
        if !check_directory(dir).ok()? {
            fs::create_dir(dir).ok()?;
            check_directory(dir).ok()?;
        }
        let path = dir.join(format!("{BELL}{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).ok()?;
        std::thread::spawn(move || {
            // Kept, so that whoever rang hears when this process is gone.
            let mut rung = Vec::new();
            for stream in listener.incoming().flatten() {
                rung.push(stream);
                let _ = ended.send(());
            }
        });
        Some(Self(path))
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Has every process that holds a copied value clear the clipboard; answers how many did.
pub fn clear_all(dir: &Path) -> usize {
    if !check_directory(dir).unwrap_or(false) {
        return 0;
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let bells = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(BELL));
    let ring = |path: PathBuf| {
        let Ok(mut stream) = UnixStream::connect(&path) else {
            // Its process was killed.
            let _ = fs::remove_file(&path);
            return false;
        };
        let _ = stream.set_read_timeout(Some(PATIENCE));
        matches!(stream.read(&mut [0; 1]), Ok(0))
    };
    bells.filter(|entry| ring(entry.path())).count()
}

/// Puts the text into the clipboard, marked as nothing to remember.
fn offer(
    clipboard: &mut arboard::Clipboard,
    text: &str,
) -> std::result::Result<(), arboard::Error> {
    #[cfg(target_os = "macos")]
    use arboard::SetExtApple;
    #[cfg(target_os = "linux")]
    use arboard::SetExtLinux;
    clipboard.set().exclude_from_history().text(text)
}

fn answer(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let line = line.replace('\n', " ");
    out.write_all(format!("{line}\n").as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::general("nobody listens").because(e))
}
