//! The loop: a message, the next state, effects, a frame.

use std::process::ExitStatus;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc;

use super::editor;
use super::effect::Effect;
use super::job::{Job, Turn};
use super::message::{Draft, Message};
use super::model::Model;
use super::stage::{Caught, Signals, Stage};
use super::tasks::{Context, Outcome, Tasks};
use super::view;
use crate::config::Interface;
use crate::vault::{Error, Kind, Opened, Path, Result, Secret, Sheet};

/// While something moves.
const FAST: Duration = Duration::from_millis(100);
/// While the vault is open.
const SLOW: Duration = Duration::from_secs(1);
/// How long writes may go on after the screen is gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that are taken before a frame is drawn.
const BATCH: usize = 256;

/// Why the UI ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody wanted it.
    Quit,
    /// This signal came.
    Signal(i32),
}

/// Everything that runs.
pub struct App<B: Backend, S: Stage> {
    model: Model,
    terminal: Terminal<B>,
    stage: S,
    tasks: Tasks,
    answers: mpsc::UnboundedReceiver<Outcome>,
    interface: Interface,
    signals: Signals,
    ended: Option<Ended>,
}

impl<B: Backend, S: Stage> App<B, S> {
    /// Puts the parts together.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn new(
        model: Model,
        terminal: Terminal<B>,
        stage: S,
        context: Context,
        interface: Interface,
    ) -> Result<Self> {
        let failed = |e: std::io::Error| Error::general("cannot start the terminal UI").because(e);
        let (sender, answers) = mpsc::unbounded_channel();
        let tasks = Tasks::new(context, sender).map_err(failed)?;
        let signals = Signals::new().map_err(failed)?;
        Ok(Self { model, terminal, stage, tasks, answers, interface, signals, ended: None })
    }

    /// Runs until somebody quits.
    ///
    /// # Errors
    /// If the terminal fails.
    pub async fn run(mut self) -> Result<Ended> {
        self.tick();
        let effects = self.model.start();
        let ended = match self.perform(effects).await {
            Ok(()) => self.turn().await,
            Err(e) => Err(e),
        };
        // First the screen, then whatever takes its time.
        let left = self.stage.leave();
        let whole = self.tasks.finish(PATIENCE).await;
        left.map_err(lost)?;
        match ended {
            Ok(_) if !whole => Err(Error::new(Kind::Partial, "the storage did not answer in time")
                .hint("a write may have been under way: look at the secret with `vault history`")),
            ended => ended,
        }
    }

    /// The state, for tests.
    pub fn model(&self) -> &Model {
        &self.model
    }

    async fn turn(&mut self) -> Result<Ended> {
        loop {
            if let Some(ended) = self.ended {
                return Ok(ended);
            }
            self.draw()?;
            let pause = self.pause();
            tokio::select! {
                biased;
                signal = self.signals.next() => self.signalled(signal).await?,
                event = self.stage.event() => match event {
                    Some(event) => {
                        self.tick();
                        self.event(event).await?;
                    }
                    // The terminal is gone.
                    None => return Ok(Ended::Signal(1)),
                },
                outcome = self.answers.recv() => {
                    self.tick();
                    let mut next = outcome;
                    for _ in 0..BATCH {
                        let Some(outcome) = next else { break };
                        self.outcome(outcome).await?;
                        next = self.answers.try_recv().ok();
                    }
                }
                () = pause => {
                    let now = self.stage.now();
                    self.update(Message::Tick(now)).await?;
                }
            }
        }
    }

    /// Until time alone changes something.
    fn pause(&self) -> impl Future<Output = ()> + use<B, S> {
        let pause = if self.model.rows.is_searching() {
            Some(Duration::ZERO)
        } else if self.model.is_moving() {
            Some(FAST)
        } else if self.model.awaits_time() {
            Some(SLOW)
        } else {
            None
        };
        async move {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Time passes before anything else happens. Locking must not wait for the next tick.
    fn tick(&mut self) {
        let now = self.stage.now();
        for effect in self.model.update(Message::Tick(now)) {
            self.tasks.run(effect);
        }
    }

    async fn event(&mut self, event: Event) -> Result<()> {
        let message = match event {
            Event::Key(key) => Message::Key(key),
            Event::Paste(text) => Message::Paste(Secret::new(text.into_bytes())),
            Event::Mouse(mouse) => Message::Mouse(mouse),
            Event::Resize(width, height) => Message::Resize(width, height),
            Event::FocusGained => Message::Focus(true),
            Event::FocusLost => Message::Focus(false),
        };
        self.update(message).await
    }

    async fn outcome(&mut self, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Message(message) => self.update(message).await,
            Outcome::Vault(id, opened) => {
                // Locked or gone elsewhere meanwhile: the keys go at once.
                let awaited = self.model.requests.iter().any(|request| request.id == id);
                let answer = match *opened {
                    Ok((vault, session)) if awaited => {
                        self.tasks.opened(vault);
                        Ok(session)
                    }
                    Ok(_) => return Ok(()),
                    Err(e) => Err(e),
                };
                self.update(Message::Unlocked(id, answer)).await
            }
            Outcome::Edit(id, path, opened) => {
                if !self.model.requests.iter().any(|request| request.id == id) {
                    return Ok(());
                }
                let edited = match opened {
                    Ok(opened) => self.edit(&path, opened).await?,
                    Err(e) => Err(e),
                };
                self.update(Message::Edited(id, path, edited)).await
            }
            Outcome::Terminal(bytes) => self.stage.write(&bytes).map_err(lost),
        }
    }

    async fn update(&mut self, message: Message) -> Result<()> {
        let effects = self.model.update(message);
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<()> {
        for effect in effects {
            match self.tasks.run(effect) {
                Some(Effect::Quit) => self.ended = Some(Ended::Quit),
                Some(Effect::Redraw) => self.clear()?,
                Some(Effect::Suspend) => self.suspend().await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn suspend(&mut self) -> Result<()> {
        self.model.hide();
        self.stage.leave().map_err(lost)?;
        if self.stop().await {
            return Ok(());
        }
        self.stage.enter().map_err(lost)?;
        self.model.update(Message::Resumed);
        self.resize()?;
        // Whoever was away too long finds it locked.
        self.tick();
        Ok(())
    }

    /// Stops until it is continued in the foreground; true if it was asked to end meanwhile.
    async fn stop(&mut self) -> bool {
        loop {
            self.stage.stop();
            // What came while it was stopped is there by now, but nobody has looked.
            let signal = tokio::time::timeout(FAST, self.signals.next()).await;
            if let Ok(Caught::End(number)) = signal {
                self.ended = Some(Ended::Signal(number));
                return true;
            }
            // In the background the terminal is somebody else's.
            if self.stage.is_ours() {
                return false;
            }
        }
    }

    /// The window may have another size by now.
    fn resize(&mut self) -> Result<()> {
        let size = self.terminal.size().map_err(drawing)?;
        self.model.update(Message::Resize(size.width, size.height));
        self.clear()
    }

    /// Begins from an empty screen. Not `Terminal::clear`, which asks the terminal where its
    /// cursor is, and waits for an answer that the stream of events may have taken.
    fn clear(&mut self) -> Result<()> {
        let size = self.terminal.size().map_err(drawing)?;
        let all = ratatui::layout::Rect::new(0, 0, size.width, size.height);
        self.terminal.resize(all).map_err(drawing)
    }

    async fn signalled(&mut self, signal: Caught) -> Result<()> {
        match signal {
            Caught::End(number) => self.ended = Some(Ended::Signal(number)),
            Caught::Stop => self.suspend().await?,
        }
        Ok(())
    }

    /// `$EDITOR`, then what is to be written. After a slip it opens again with what was typed and
    /// why, until the text is left as it is. The outer error is the terminal's.
    async fn edit(&mut self, path: &Path, opened: Opened) -> Result<Result<Option<Draft>>> {
        let ready = Sheet::new(path, Some(opened)).and_then(|sheet| {
            let place = editor::memory(&self.interface)?;
            let scratch = editor::Scratch::new(place, sheet.text())?;
            let command = scratch.command(&self.interface)?;
            Ok((sheet, scratch, command))
        });
        let (sheet, scratch, (program, args)) = match ready {
            Ok(ready) => ready,
            Err(e) => return Ok(Err(e)),
        };
        self.model.hide();
        self.draw()?;
        let mut offered: Option<Secret> = None;
        loop {
            self.stage.leave().map_err(lost)?;
            let status = self.child(&program, &args).await.transpose();
            if status.is_none() && !self.stage.is_ours() {
                return Ok(Ok(None));
            }
            let entered = self.stage.enter();
            let Some(status) = status else {
                // What a killed editor left on the screen goes when it is left again. A terminal
                // that is gone is no news then.
                return Ok(Ok(None));
            };
            entered.map_err(lost)?;
            let now = self.stage.now();
            self.model.update(Message::Returned(now));
            self.resize()?;
            let text = match left(status, &scratch) {
                Ok(text) => text,
                Err(e) => return Ok(Err(e)),
            };
            let error = match sheet.edits(&text) {
                Ok(edits) if edits.is_empty() => return Ok(Ok(None)),
                Ok(edits) => {
                    return Ok(Ok(Some(Draft {
                        path: path.clone(),
                        base: Some(sheet.base()),
                        edits,
                    })));
                }
                Err(error) => error,
            };
            let same = |before: &Secret| before.same(&text);
            let left_as_it_is = offered.as_ref().is_some_and(same);
            let again = sheet.with_error(&text, &error).filter(|_| !left_as_it_is);
            let Some(again) = again else { return Ok(Err(error)) };
            if let Err(e) = scratch.write(&again) {
                return Ok(Err(e));
            }
            offered = Some(again);
        }
    }

    /// Runs a program on the terminal. `None`: a signal ended the wait, and the program.
    async fn child(
        &mut self,
        program: &str,
        args: &[String],
    ) -> std::io::Result<Option<ExitStatus>> {
        let mut job = Job::start(program, args)?;
        self.stage.lend(job.group());
        job.go_on();
        let status = loop {
            tokio::select! {
                turn = job.next() => match turn {
                    Ok(Turn::Ended(status)) => break Ok(Some(status)),
                    Ok(Turn::Stopped) => {
                        self.stage.take_back();
                        if self.stop().await {
                            job.end().await;
                            break Ok(None);
                        }
                        self.stage.lend(job.group());
                        job.go_on();
                    }
                    Err(e) => break Err(e),
                },
                signal = self.signals.next() => match signal {
                    // Ctrl-C in an editor is the editor's business.
                    Caught::End(2) => {}
                    Caught::End(number) => {
                        self.ended = Some(Ended::Signal(number));
                        job.end().await;
                        break Ok(None);
                    }
                    Caught::Stop => job.stop(),
                },
            }
        };
        self.stage.take_back();
        status
    }

    fn draw(&mut self) -> Result<()> {
        let model = &self.model;
        self.terminal.draw(|frame| view::draw(model, frame)).map(drop).map_err(drawing)
    }
}

/// What the editor left.
fn left(status: std::io::Result<ExitStatus>, scratch: &editor::Scratch) -> Result<Secret> {
    match status {
        Ok(status) if status.success() => scratch.read(),
        Ok(status) => Err(Error::general(format!("the editor failed: {status}"))
            .hint("nothing was written; VISUAL or EDITOR names another one")),
        Err(e) => Err(Error::general("cannot run the editor").because(e)),
    }
}

fn lost(e: std::io::Error) -> Error {
    Error::general("the terminal went away").because(e)
}

fn drawing(e: impl std::error::Error) -> Error {
    Error::general("the terminal went away").because(e.to_string())
}
