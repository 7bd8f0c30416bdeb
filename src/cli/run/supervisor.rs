//! The program while it runs: one loop for its output, keys, signals and its end.

use std::io::Result;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_current_process_group, kill_process, wait,
};
use zeroize::Zeroizing;

use super::child::exit_code;
use super::group::{Group, can_be_stopped};
use super::input::Input;
use super::output_stream::OutputStream;
use super::plumbing::Plumbing;
use super::signals::{Caught, Signals};
use super::terminal::Terminal;
use crate::cli::{inherited, output, process};
use crate::vault::Masks;

/// How long a program has to end when it is to start again.
const GRACE: Duration = Duration::from_secs(10);
/// How long the rest of them has to go once it was killed.
const LAST_GRACE: Duration = Duration::from_secs(1);
/// How often it is looked whether they are gone.
const LOOK: Duration = Duration::from_millis(20);
/// How long output is waited for where it ends with the program, but something that the program
/// started still holds it: a terminal goes back to whoever started us, and a program that is to
/// start again is not kept waiting.
const DRAIN: Duration = Duration::from_millis(100);
/// How often a program in the background looks whether it was brought to the foreground: who was
/// not stopped is told by nobody.
const BACKGROUND: Duration = Duration::from_millis(200);
/// How long somebody else in this process has to wait for a child of its own.
const ORPHANED: Duration = Duration::from_secs(1);

/// A program that runs.
pub struct Supervisor {
    child: Child,
    pid: Pid,
    /// All that is ended with it, if it is to start again.
    group: Option<Group>,
    terminal: Option<Terminal>,
    streams: Vec<OutputStream>,
    input: Input,
    signals: Signals,
    /// Ends when the program is to end.
    stop: Option<UnixStream>,
    /// True from then on.
    is_stopping: bool,
    /// When it is killed.
    kill: Option<Instant>,
    /// When what is left of its group is no longer waited for.
    give_up: Option<Instant>,
    ended: Option<ExitStatus>,
    /// When output that ends with the program is no longer waited for.
    drained: Option<Instant>,
    /// True if somebody still held such output.
    is_cut: bool,
    /// When processes that are nobody's are waited for: as the first one of a container.
    reap: Option<Instant>,
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

impl Supervisor {
    /// Starts the program; `again` if it may have to make room for another start.
    ///
    /// # Errors
    /// Whatever the system says, about the program or about its streams.
    pub fn start(
        mut command: Command,
        masks: Option<&Arc<Masks>>,
        signals: Signals,
        stop: UnixStream,
        again: bool,
    ) -> Result<Self> {
        let Plumbing { mut terminal, streams } = match masks {
            Some(masks) => Plumbing::new(&mut command, masks)?,
            None => Plumbing { terminal: None, streams: Vec::new() },
        };
        if let Some(terminal) = &mut terminal {
            terminal.enter();
        }
        let has_own_terminal = terminal.as_ref().is_some_and(|terminal| terminal.is_own);
        if again && !has_own_terminal {
            // With a terminal of its own it begins a session, which is a group, too.
            command.process_group(0);
        }
        let child = process::with_callers_umask(|| command.spawn())?;
        // The program's ends of its streams are in there.
        drop(command);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("the program has no number"))?;
        Ok(Self {
            child,
            pid,
            group: again.then(|| Group::new(pid, has_own_terminal)),
            terminal,
            streams,
            input: Input::new(),
            signals,
            stop: Some(stop),
            is_stopping: false,
            kill: None,
            give_up: None,
            ended: None,
            drained: None,
            is_cut: false,
            reap: None,
            buffer: Zeroizing::new(vec![0; 16 * 1024]),
        })
    }

    /// Until it has ended and all that it wrote is passed on.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn run(mut self) -> Result<End> {
        // Caught by another thread, and handled here: in this one, what the terminal refuses would
        // be tried again for ever.
        let mut terminals = SigSet::empty();
        terminals.add(nix::sys::signal::Signal::SIGTTIN);
        terminals.add(nix::sys::signal::Signal::SIGTTOU);
        let _ = terminals.thread_block();
        while !self.is_over() {
            for (ready, flags) in self.wait()? {
                self.handle(ready, flags)?;
            }
            self.keep_time(Instant::now());
        }
        drop(self.group);
        drop(self.terminal);
        let mut code = self.ended.map_or(1, exit_code);
        for failure in self.streams.iter().filter_map(|stream| stream.failure) {
            output::note(&format!(
                "error: cannot write what the program wrote\n  because: {failure}"
            ));
            code = code.max(1);
        }
        if self.is_cut {
            output::note(
                "note: something that the program started goes on; what it writes from now on is \
                 not shown",
            );
        }
        Ok(End { code, signals: self.signals })
    }

    fn is_over(&self) -> bool {
        let quiet = |stream: &OutputStream| stream.is_ended() && !stream.is_waiting();
        self.ended.is_some() && !self.waits_for_group() && self.streams.iter().all(quiet)
    }

    /// True while something of the program is left that is to end before it starts again.
    fn waits_for_group(&self) -> bool {
        let is_left = self.group.as_ref().is_some_and(|group| !group.is_gone());
        self.is_stopping && is_left && self.give_up.is_none_or(|at| at > Instant::now())
    }

    /// Does what it is time for.
    fn keep_time(&mut self, now: Instant) {
        for stream in &mut self.streams {
            if stream.deadline().is_some_and(|at| at <= now) {
                stream.flush();
            }
        }
        if self.kill.take_if(|at| *at <= now).is_some() {
            self.send(Signal::KILL);
            self.give_up = Some(now + LAST_GRACE);
        }
        if self.ended.is_some() && self.is_stopping && self.drained.is_none() && !self.is_cut {
            let waits = self.waits_for_group();
            self.drained = (!waits).then(|| now + DRAIN);
        }
        if self.drained.take_if(|at| *at <= now).is_some() {
            // The first process of a container takes all others with it, with us as without.
            let all = self.is_stopping || is_first();
            for stream in self.streams.iter_mut().filter(|s| all || s.ends_with_program) {
                self.is_cut |= !stream.is_ended();
                stream.end();
            }
        }
        if self.reap.take_if(|at| *at <= now).is_some() {
            self.reap_orphans();
        }
        if let Some(terminal) = &mut self.terminal
            && self.ended.is_none()
            && terminal.is_in_background()
        {
            terminal.enter();
            terminal.take_size();
        }
    }

    /// Waits for processes whose parents have ended, and that are ours for that reason.
    fn reap_orphans(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.pid {
                self.has_ended(ExitStatus::from_raw(status.as_raw()));
            }
        }
    }

    fn has_ended(&mut self, status: ExitStatus) {
        self.ended = Some(status);
        if !self.is_stopping {
            self.kill = None;
            self.drained = Some(Instant::now() + DRAIN);
        }
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
        let now = Instant::now();
        let is_hidden = self.terminal.as_ref().is_some_and(Terminal::is_in_background);
        let looks = [
            (is_hidden && self.ended.is_none()).then(|| now + BACKGROUND),
            (self.ended.is_some() && self.waits_for_group()).then(|| now + LOOK),
        ];
        let times = [self.kill, self.drained, self.reap];
        let times = times.into_iter().chain(looks).flatten();
        // A reader that is slow is waited for, however long the program has ended.
        let next = streams.filter_map(OutputStream::deadline).chain(times).min()?;
        let next = next.saturating_duration_since(now);
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
                self.is_stopping = true;
                self.send(Signal::TERM);
                self.send(Signal::CONT);
                self.kill = Some(Instant::now() + GRACE);
            }
            Ready::Source(i) => {
                self.streams[i].read(&mut self.buffer);
                if !self.is_stopping {
                    self.drained = self.drained.map(|_| Instant::now() + DRAIN);
                }
            }
            Ready::Target(i) if flags.contains(PollFlags::OUT) => self.streams[i].write(),
            Ready::Target(i) => self.streams[i].close(),
            Ready::Keys => {
                let keys = self.input.read(&mut self.buffer);
                let stops = self.terminal.as_ref().is_some_and(|t| t.stops(keys, self.pid));
                if stops && can_be_stopped() {
                    self.input.drop_keys();
                    self.pause(true, true);
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
        // What we send to our own group is for the others in it.
        if caught.from == Some(getpid()) {
            return Ok(());
        }
        // It may have ended, and that not be told yet: the signal would be lost on it.
        self.look_for_its_end()?;
        // Of a terminal that it shares with us, and in one group, the program has its signals
        // already.
        let is_ours = caught.is_sent || self.has_own_terminal() || self.group.is_some();
        match caught.signal {
            Some(Signal::CHILD) => self.on_child(),
            Some(Signal::WINCH) => {
                match &self.terminal {
                    Some(terminal) => terminal.take_size(),
                    // Those who have the terminal have it from the terminal.
                    None if !caught.is_sent => return Ok(()),
                    None => {}
                }
                if caught.is_sent {
                    self.send(Signal::WINCH);
                }
            }
            Some(Signal::TSTP) => self.pause(is_ours, false),
            // The terminal stops those who use it from the background, all of their group.
            Some(Signal::TTIN | Signal::TTOU) if !caught.is_sent => self.pause(false, false),
            Some(Signal::TTIN | Signal::TTOU) if caught.from == Some(self.pid) => {
                self.pause(false, false);
            }
            Some(Signal::CONT) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.enter();
                    terminal.take_size();
                }
                if let Some(group) = &mut self.group {
                    group.lend();
                }
                self.send(Signal::CONT);
            }
            // There is nobody left to pass it on to, and somebody wants an end of this.
            Some(Signal::HUP | Signal::INT | Signal::QUIT | Signal::TERM)
                if self.ended.is_some() =>
            {
                self.streams.iter_mut().for_each(OutputStream::close);
            }
            Some(Signal::HUP | Signal::INT | Signal::QUIT) if !is_ours => {}
            Some(signal) => self.send(signal),
            None if self.ended.is_none() => inherited::send_number(self.pid, caught.number),
            None => {}
        }
        Ok(())
    }

    fn look_for_its_end(&mut self) -> Result<()> {
        if self.ended.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            self.has_ended(status);
        }
        Ok(())
    }

    fn on_child(&mut self) {
        if is_first() {
            self.reap = Some(Instant::now() + ORPHANED);
        }
        if self.ended.is_none()
            && let Some(group) = &mut self.group
            && let Some(signal) = group.stopped_by()
        {
            // It wanted the terminal, and may have it now.
            let may_go_on = signal != Signal::TSTP && group.lend();
            match may_go_on || !can_be_stopped() {
                true => group.send(Signal::CONT),
                false => self.pause(false, true),
            }
        }
    }

    /// Stops the program if that was not done, and then us, with our group if nobody has told it;
    /// `CONT` continues both.
    fn pause(&mut self, stops_program: bool, stops_group: bool) {
        let own = self.has_own_terminal();
        if let Some(terminal) = &mut self.terminal {
            terminal.leave();
        }
        if stops_program {
            // In a session of its own, the system does not let it stop by the softer one.
            self.send(if own { Signal::STOP } else { Signal::TSTP });
        }
        if let Some(group) = &mut self.group {
            group.take_back();
        }
        if stops_group {
            let _ = kill_current_process_group(Signal::TSTP);
        }
        let _ = kill_process(getpid(), Signal::STOP);
    }

    fn has_own_terminal(&self) -> bool {
        self.terminal.as_ref().is_some_and(|terminal| terminal.is_own)
    }

    fn send(&self, signal: Signal) {
        let whole = [
            Signal::HUP,
            Signal::INT,
            Signal::QUIT,
            Signal::TERM,
            Signal::KILL,
            Signal::TSTP,
            Signal::STOP,
            Signal::CONT,
        ];
        match &self.group {
            // Its number is no other's as long as somebody is left in it.
            Some(group)
                if whole.contains(&signal) && (self.ended.is_none() || self.waits_for_group()) =>
            {
                group.send(signal);
            }
            // Until it is waited for, its number is no other's.
            _ if self.ended.is_none() => drop(kill_process(self.pid, signal)),
            _ => {}
        }
    }
}

/// True for the first process of a container: whose parent has ended is its child.
fn is_first() -> bool {
    getpid() == Pid::INIT
}
