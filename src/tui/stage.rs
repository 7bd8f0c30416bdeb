//! What the loop listens to: the terminal, and signals.

use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt;
use ratatui::crossterm::event::{Event, EventStream};
use rustix::process::{Pid, Signal as Stop, kill_current_process_group};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::job::{Lent, is_ours};
use super::message::Now;
use super::terminal;
use crate::vault::Secret;

/// The terminal as the loop sees it.
#[async_trait(?Send)]
pub trait Stage {
    /// The next thing that somebody does; `None`: nobody is there any more.
    async fn event(&mut self) -> Option<Event>;
    /// Gives the terminal away, cleared.
    ///
    /// # Errors
    /// Whatever the system says.
    fn leave(&mut self) -> std::io::Result<()>;
    /// Takes it back.
    ///
    /// # Errors
    /// Whatever the system says.
    fn enter(&mut self) -> std::io::Result<()>;
    /// Stops this program until somebody continues it.
    fn stop(&mut self);
    /// True in the foreground: the terminal may be used.
    fn is_ours(&self) -> bool;
    /// Makes this process group the one in the foreground.
    fn lend(&mut self, group: Pid);
    /// Is in the foreground again.
    fn take_back(&mut self);
    /// Writes bytes that are no frame.
    ///
    /// # Errors
    /// Whatever the system says.
    fn write(&mut self, bytes: &Secret) -> std::io::Result<()>;
    /// The time.
    fn now(&mut self) -> Now;
}

/// The real terminal.
pub struct Tty {
    events: Option<EventStream>,
    mouse: bool,
    start: Instant,
    lent: Option<Lent>,
}

impl Tty {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn new(mouse: bool) -> std::io::Result<Self> {
        terminal::enter(mouse)?;
        Ok(Self { events: Some(EventStream::new()), mouse, start: Instant::now(), lent: None })
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.take_back();
        let _ = terminal::leave();
    }
}

#[async_trait(?Send)]
impl Stage for Tty {
    async fn event(&mut self) -> Option<Event> {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        events.next().await?.ok()
    }

    fn leave(&mut self) -> std::io::Result<()> {
        // Its thread would take what is typed for somebody else.
        self.events = None;
        terminal::leave()
    }

    fn enter(&mut self) -> std::io::Result<()> {
        terminal::enter(self.mouse)?;
        self.events = Some(EventStream::new());
        Ok(())
    }

    fn stop(&mut self) {
        // Whoever started us waits, too: the whole group stops, as by Ctrl-Z in the shell.
        let _ = kill_current_process_group(Stop::STOP);
    }

    fn is_ours(&self) -> bool {
        is_ours()
    }

    fn lend(&mut self, group: Pid) {
        self.lent = Some(Lent::to(group));
    }

    fn take_back(&mut self) {
        if let Some(lent) = self.lent.take() {
            lent.take_back();
        }
    }

    fn write(&mut self, bytes: &Secret) -> std::io::Result<()> {
        terminal::write(bytes)
    }

    fn now(&mut self) -> Now {
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Now { running: self.start.elapsed(), unix: unix.map_or(0, |since| since.as_secs()) }
    }
}

/// What came from outside.
pub(super) enum Caught {
    /// End, because of this signal.
    End(i32),
    /// Somebody stops us from outside.
    Stop,
}

/// The signals that would leave the terminal as it is.
pub(super) struct Signals([Signal; 5]);

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::quit())?,
            signal(SignalKind::from_raw(Stop::TSTP.as_raw()))?,
        ]))
    }

    pub(super) async fn next(&mut self) -> Caught {
        let [terminate, hangup, interrupt, quit, stop] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => Caught::End(15),
            _ = hangup.recv() => Caught::End(1),
            _ = interrupt.recv() => Caught::End(2),
            _ = quit.recv() => Caught::End(3),
            _ = stop.recv() => Caught::Stop,
        }
    }
}
