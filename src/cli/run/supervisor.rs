//! The program while it runs: one loop for its output, keys, signals and its end.

use std::io::{IsTerminal, Result};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process};
use zeroize::Zeroizing;

use super::child::exit_code;
use super::input::Input;
use super::output_stream::{OutputStream, Target};
use super::signals::{Caught, Signals};
use super::terminal::{Terminal, duplicate};
use crate::cli::{inherited, output, process};
use crate::vault::Masks;

/// How long a program has to end when it is to start again.
const GRACE: Duration = Duration::from_secs(10);
/// How long output is waited for when the program has ended but something that it started still
/// holds its streams.
const DRAIN: Duration = Duration::from_millis(100);

/// A program that runs.
pub struct Supervisor {
    child: Child,
    pid: Pid,
    terminal: Option<Terminal>,
    streams: Vec<OutputStream>,
    input: Input,
    signals: Signals,
    /// Ends when the program is to end.
    stop: Option<UnixStream>,
    /// When it is killed.
    kill: Option<Instant>,
    ended: Option<ExitStatus>,
    /// When output is no longer waited for.
    drained: Option<Instant>,
    buffer: Zeroizing<Vec<u8>>,
}

/// What became ready.
#[derive(Clone, Copy)]
enum Ready {
    Signals,
    Stop,
    Source(usize),
    Target(usize),
    Keys,
    Terminal,
}

/// How it ended.
pub struct End {
    /// The exit code.
    pub code: u8,
    /// For the next start.
    pub signals: Signals,
}

/// The streams of a program that is about to start.
struct Plumbing {
    terminal: Option<Terminal>,
    streams: Vec<OutputStream>,
}

impl Supervisor {
    /// Starts the program.
    ///
    /// # Errors
    /// Whatever the system says, about the program or about its streams.
    pub fn start(
        mut command: Command,
        masks: Option<&Arc<Masks>>,
        signals: Signals,
        stop: UnixStream,
    ) -> Result<Self> {
        let Plumbing { mut terminal, streams } = match masks {
            Some(masks) => Plumbing::new(&mut command, masks)?,
            None => Plumbing { terminal: None, streams: Vec::new() },
        };
        if let Some(terminal) = &mut terminal {
            terminal.enter();
        }
        let child = process::with_callers_umask(|| command.spawn())?;
        // The program's ends of its streams are in there.
        drop(command);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("the program has no number"))?;
        Ok(Self {
            child,
            pid,
            terminal,
            streams,
            input: Input::new(),
            signals,
            stop: Some(stop),
            kill: None,
            ended: None,
            drained: None,
            buffer: Zeroizing::new(vec![0; 16 * 1024]),
        })
    }

    /// Until it has ended and all that it wrote is passed on.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn run(mut self) -> Result<End> {
        while !self.is_over() {
            for (ready, flags) in self.wait()? {
                self.handle(ready, flags)?;
            }
            let now = Instant::now();
            for stream in &mut self.streams {
                if stream.deadline().is_some_and(|at| at <= now) {
                    stream.flush();
                }
            }
            if self.kill.is_some_and(|at| at <= now) {
                self.kill = None;
                self.send(Signal::KILL);
            }
            if self.drained.is_some_and(|at| at <= now) {
                self.streams.iter_mut().for_each(OutputStream::end);
            }
        }
        drop(self.terminal);
        let mut code = self.ended.map_or(1, exit_code);
        for failure in self.streams.iter().filter_map(|stream| stream.failure) {
            output::note(&format!(
                "error: cannot write what the program wrote\n  because: {failure}"
            ));
            code = code.max(1);
        }
        Ok(End { code, signals: self.signals })
    }

    fn is_over(&self) -> bool {
        let quiet = |stream: &OutputStream| stream.is_ended() && !stream.is_waiting();
        self.ended.is_some() && self.streams.iter().all(quiet)
    }

    /// Until something is ready, or it is time for something.
    fn wait(&self) -> Result<Vec<(Ready, PollFlags)>> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.signals.fd(), PollFlags::IN)];
        let mut ready = vec![Ready::Signals];
        if let Some(stop) = &self.stop {
            fds.push(PollFd::new(stop, PollFlags::IN));
            ready.push(Ready::Stop);
        }
        for (i, stream) in self.streams.iter().enumerate() {
            if let Some(source) = stream.source() {
                fds.push(PollFd::from_borrowed_fd(source, PollFlags::IN));
                ready.push(Ready::Source(i));
            }
            if let Some(target) = stream.target() {
                let flags = if stream.is_waiting() { PollFlags::OUT } else { PollFlags::empty() };
                fds.push(PollFd::from_borrowed_fd(target, flags));
                ready.push(Ready::Target(i));
            }
        }
        if let Some(terminal) = self.terminal.as_ref().filter(|terminal| terminal.is_entered()) {
            if self.input.reads() && self.ended.is_none() {
                fds.push(PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN));
                ready.push(Ready::Keys);
            }
            if self.input.is_waiting() {
                fds.push(PollFd::from_borrowed_fd(terminal.master(), PollFlags::OUT));
                ready.push(Ready::Terminal);
            }
        }
        match poll(&mut fds, self.timeout().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let flags = fds.iter().map(PollFd::revents);
        Ok(ready.into_iter().zip(flags).filter(|(_, flags)| !flags.is_empty()).collect())
    }

    fn timeout(&self) -> Option<Timespec> {
        let streams = self.streams.iter().filter(|stream| !stream.is_waiting());
        let next = streams.filter_map(OutputStream::deadline).chain(self.kill).chain(self.drained);
        // A reader that is slow is waited for, however long the program has ended.
        let next = next.min()?.saturating_duration_since(Instant::now());
        // Rounded up, so as not to come back too early.
        (next + Duration::from_millis(1)).try_into().ok()
    }

    fn handle(&mut self, ready: Ready, flags: PollFlags) -> Result<()> {
        match ready {
            Ready::Signals => {
                for caught in self.signals.take() {
                    self.on_signal(&caught)?;
                }
            }
            Ready::Stop => {
                self.stop = None;
                self.send(Signal::TERM);
                self.send(Signal::CONT);
                self.kill = Some(Instant::now() + GRACE);
            }
            Ready::Source(i) => {
                self.streams[i].read(&mut self.buffer);
                self.drained = self.drained.map(|_| Instant::now() + DRAIN);
            }
            Ready::Target(i) if flags.contains(PollFlags::OUT) => self.streams[i].write(),
            Ready::Target(i) => self.streams[i].close(),
            Ready::Keys => {
                let keys = self.input.read(&mut self.buffer);
                let stops = self.terminal.as_ref().is_some_and(|t| t.stops(keys, self.pid));
                if stops {
                    self.input.drop_keys();
                    self.pause(true);
                }
            }
            Ready::Terminal => {
                if let Some(terminal) = &self.terminal {
                    self.input.write(terminal);
                }
            }
        }
        Ok(())
    }

    fn on_signal(&mut self, caught: &Caught) -> Result<()> {
        // Of a terminal that it shares with us, the program has its signals already.
        let is_ours = caught.is_sent || self.has_own_terminal();
        match caught.signal {
            Signal::CHILD => {
                if self.ended.is_none()
                    && let Some(status) = self.child.try_wait()?
                {
                    self.ended = Some(status);
                    self.kill = None;
                    self.drained = Some(Instant::now() + DRAIN);
                }
            }
            Signal::WINCH => {
                if let Some(terminal) = &self.terminal {
                    terminal.take_size();
                }
            }
            Signal::TSTP => self.pause(is_ours),
            Signal::CONT => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.enter();
                    terminal.take_size();
                }
                self.send(Signal::CONT);
            }
            // There is nobody left to pass it on to, and somebody wants an end of this.
            _ if self.ended.is_some() => self.streams.iter_mut().for_each(OutputStream::close),
            signal if is_ours => self.send(signal),
            _ => {}
        }
        Ok(())
    }

    /// Stops the program if that was not done, and then us; `CONT` continues both.
    fn pause(&mut self, stops_program: bool) {
        let own = self.has_own_terminal();
        if let Some(terminal) = &mut self.terminal {
            terminal.leave();
        }
        if stops_program {
            // In a session of its own, the system does not let it stop by the softer one.
            self.send(if own { Signal::STOP } else { Signal::TSTP });
        }
        let _ = kill_process(getpid(), Signal::STOP);
    }

    fn has_own_terminal(&self) -> bool {
        self.terminal.as_ref().is_some_and(|terminal| terminal.is_own)
    }

    fn send(&self, signal: Signal) {
        // Until it is waited for, its number is no other's.
        if self.ended.is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }
}

impl Plumbing {
    /// A terminal for what goes to one, pipes for the rest.
    fn new(command: &mut Command, masks: &Arc<Masks>) -> Result<Self> {
        let mut streams = Vec::new();
        let opened = Terminal::open()?;
        let (stdout_is, stderr_is) =
            (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        if let Some((terminal, end)) = &opened {
            if terminal.is_own {
                command.stdin(duplicate(end)?);
                inherited::own_session(command);
            }
            if stdout_is {
                command.stdout(duplicate(end)?);
            }
            if stderr_is {
                command.stderr(duplicate(end)?);
            }
            let target = if stdout_is { Target::Stdout } else { Target::Stderr };
            let from = OwnedFd::from(duplicate(terminal.master())?);
            streams.push(OutputStream::new(from, target, Some(masks)));
        }
        let mut pipe = |target| {
            let (read, write) = std::io::pipe()?;
            streams.push(OutputStream::new(OwnedFd::from(read), target, Some(masks)));
            std::io::Result::Ok(write)
        };
        match (stdout_is, stderr_is) {
            // One pipe for both, or their order would be lost.
            (false, false) if is_same_file() => {
                let write = pipe(Target::Stdout)?;
                command.stdout(write.try_clone()?).stderr(write);
            }
            (false, false) => {
                command.stdout(pipe(Target::Stdout)?).stderr(pipe(Target::Stderr)?);
            }
            (false, true) => drop(command.stdout(pipe(Target::Stdout)?)),
            (true, false) => drop(command.stderr(pipe(Target::Stderr)?)),
            (true, true) => {}
        }
        Ok(Self { terminal: opened.map(|(terminal, _)| terminal), streams })
    }
}

/// True if stdout and stderr go to the same place.
fn is_same_file() -> bool {
    let stats =
        (rustix::fs::fstat(rustix::stdio::stdout()), rustix::fs::fstat(rustix::stdio::stderr()));
    match stats {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}
