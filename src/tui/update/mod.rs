//! The next state. Pure but for randomness: what it wants done outside, it answers as effects.

mod answer;
mod browse;
mod form;
mod mouse;
mod popup;
mod replace;
mod setup;
mod team;
mod team_answer;

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::vault::Secret;

use super::effect::Effect;
use super::input::Input;
use super::keys::{Action, Context};
use super::layout::{inner, scroll};
use super::message::{Message, Now};
use super::model::{Model, Popup, REST, Screen, Status, Unlock, WORDS};
use super::rows::{Rows, Sort};
use super::team::News;

/// Most headers that are asked for at once.
const HEADERS: usize = 64;
/// What is said while a history is read.
const HISTORY: &str = "reading the history";
/// A computer that slept longer than this is locked.
const SLEPT: u64 = 60;

pub use popup::{help_lines, help_order, palette};

type Effects = Vec<Effect>;

impl Model {
    /// What the first state wants.
    pub fn start(&mut self) -> Effects {
        match self.screen {
            Screen::Unlock(_) if self.opens_at_once() && self.popups.is_empty() => {
                self.unlock(None)
            }
            _ => Vec::new(),
        }
    }

    /// The next state.
    pub fn update(&mut self, message: Message) -> Effects {
        let mut effects = match message {
            Message::Tick(now) => self.tick(now),
            Message::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Message::Key(key) => {
                self.last_input = self.now.running;
                self.key(key)
            }
            Message::Paste(text) => {
                self.last_input = self.now.running;
                self.paste(&text);
                Vec::new()
            }
            Message::Mouse(event) => {
                self.last_input = self.now.running;
                self.mouse(event)
            }
            Message::Resize(width, height) => {
                self.size = (width, height);
                vec![Effect::Redraw]
            }
            Message::Focus(true) => Vec::new(),
            Message::Focus(false) => {
                self.hide();
                Vec::new()
            }
            Message::Resumed => {
                self.hide();
                vec![Effect::Redraw]
            }
            Message::Returned(now) => {
                (self.now, self.last_input) = (now, now.running);
                vec![Effect::Redraw]
            }
            Message::Terminate => vec![Effect::Quit],
            answer => self.answer(answer),
        };
        self.follow(&mut effects);
        effects
    }

    /// Time goes on: values are hidden, an idle or sleeping computer locks.
    fn tick(&mut self, now: Now) -> Effects {
        let before = std::mem::replace(&mut self.now, now);
        let slept = now.unix.saturating_sub(before.unix)
            > now.running.saturating_sub(before.running).as_secs() + SLEPT;
        let idle = now.running.saturating_sub(self.last_input);
        let over = |until: Option<Duration>| until.is_some_and(|until| until <= now.running);
        if before.unix != 0 && (slept || self.lock_after.is_some_and(|after| idle >= after)) {
            let why = if slept { "the computer slept" } else { "nobody was here" };
            return self.lock(&format!("Locked: {why}."));
        }
        if over(self.shown.as_ref().map(|shown| shown.until)) {
            self.shown = None;
        }
        for popup in &mut self.popups {
            match popup {
                Popup::Compare(compare) if over(compare.until) => compare.until = None,
                Popup::Generator(generator) if over(generator.until) => generator.until = None,
                _ => {}
            }
        }
        if let Screen::Setup(setup) = &mut self.screen
            && idle >= WORDS
        {
            setup.cover(true);
        }
        self.rows.go_on();
        if over(self.clipboard) {
            self.clipboard = None;
        }
        Vec::new()
    }

    fn key(&mut self, key: KeyEvent) -> Effects {
        let context = self.context();
        let action = self.keys.action(context, key);
        match action {
            Some(Action::Quit) => return vec![Effect::Quit],
            Some(Action::Redraw) => return vec![Effect::Redraw],
            Some(Action::Suspend) => {
                self.hide();
                return vec![Effect::Suspend];
            }
            // Whoever comes back sees the words again first.
            _ if self.uncover() => return Vec::new(),
            None if context.is_text() => {
                self.typed(key);
                return Vec::new();
            }
            None => return Vec::new(),
            Some(_) => {}
        }
        let action = action.expect("was looked at");
        match context {
            Context::Browse => self.browse(action),
            Context::Filter => self.filtering(action),
            Context::Unlock => self.unlocking(action),
            Context::Setup => self.setting_up(action),
            _ => self.in_popup(action),
        }
    }

    /// Shows hidden recovery words; false if there are none.
    fn uncover(&mut self) -> bool {
        match &mut self.screen {
            Screen::Setup(setup) if setup.covered => {
                setup.cover(false);
                true
            }
            _ => false,
        }
    }

    /// The line that is typed into.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.popups.last_mut() {
            Some(Popup::Form(form)) if form.busy.is_none() => {
                form.lines.get_mut(form.focus).map(|line| &mut line.input)
            }
            Some(Popup::Palette(input, _)) => Some(input),
            Some(_) => None,
            None => match &mut self.screen {
                Screen::Setup(setup) if setup.busy.is_none() && !setup.covered => {
                    let focus = setup.focus;
                    setup.inputs().into_iter().nth(focus)
                }
                Screen::Unlock(unlock) if unlock.busy.is_none() => Some(&mut unlock.input),
                Screen::Browse => self.typing.as_mut(),
                _ => None,
            },
        }
    }

    fn typed(&mut self, key: KeyEvent) {
        if is_character(key) {
            self.begin_again();
        }
        if self.input().is_some_and(|input| input.key(key)) {
            self.after_typing();
        }
    }

    fn begin_again(&mut self) {
        if let Screen::Setup(setup) = &mut self.screen
            && setup.busy.is_none()
            && !setup.covered
        {
            setup.begin_again();
        }
    }

    /// Pasted text is text, never keys. Outside a line it is dropped.
    fn paste(&mut self, text: &Secret) {
        let Some(text) = text.text() else { return };
        let is_name = matches!(self.context(), Context::Filter | Context::Palette);
        self.begin_again();
        let Some(input) = self.input() else { return };
        // A line that was copied with its end: the end is not part of a value, nor of a name.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let fits = match is_name {
            true => input.insert(text.lines().next().unwrap_or_default()),
            false => input.insert(text),
        };
        match fits {
            true => self.after_typing(),
            false => self.status = Status::Warning(self.too_long()),
        }
    }

    /// What is said of a paste that no line takes.
    fn too_long(&self) -> String {
        let mut text = "too long to paste here".to_owned();
        if self.context() == Context::Form {
            let key = self.keys.key_of(Context::Browse, Action::Editor, self.ascii);
            text += &format!(": {key} opens the editor");
        }
        text
    }

    fn after_typing(&mut self) {
        match self.popups.last_mut() {
            Some(Popup::Palette(_, cursor)) => *cursor = 0,
            Some(Popup::Form(form)) => form.problem = None,
            Some(_) => {}
            None => {
                if let Some(input) = &self.typing {
                    let query = input.text().to_owned();
                    self.rows.filter(&query);
                    self.top = 0;
                } else if let Screen::Setup(setup) = &mut self.screen {
                    (setup.problem, setup.wrong) = (None, None);
                }
            }
        }
    }

    /// What follows from any change: the cursor is seen, values of another secret are not, and
    /// what is seen is asked for.
    fn follow(&mut self, effects: &mut Effects) {
        if !matches!(self.screen, Screen::Browse) {
            return;
        }
        if self.shown.as_ref().is_some_and(|shown| Some(&shown.path) != self.selected()) {
            self.hide();
        }
        let areas = self.areas();
        let height = inner(areas.list).height as usize;
        self.top = scroll(self.top, self.rows.cursor(), height, self.rows.len());
        self.folder.0 = self.folder.0.min(self.rows.places().saturating_sub(1));
        let total = self.rows.folders().len();
        let cursor = self.folder.0.min(total.saturating_sub(1));
        let lines = self.folder_lines(inner(areas.folders).height);
        self.folder.1 = scroll(self.folder.1, cursor, lines.into(), total);
        self.ask_for_headers(height, effects);
        self.ask_for_history(effects);
        self.ask_for_loss(effects);
    }

    fn ask_for_headers(&mut self, height: usize, effects: &mut Effects) {
        let asking = self.requests.iter().any(|request| request.progress.is_some());
        if asking || self.not_listed.is_some() {
            return;
        }
        // To put names into the order of their age, all ages must be known; to find all with a
        // mark, all marks.
        let all = self.rows.sort() != Sort::Name && self.listing.is_none();
        let marked = self.rows.mark().is_some() && self.listing.is_none();
        let (lines, most) = match all {
            true => (0..self.rows.len(), usize::MAX),
            false => {
                let cursor = self.rows.cursor();
                let lines =
                    if height == 0 { cursor..cursor + 1 } else { self.top..self.top + height };
                (lines, HEADERS)
            }
        };
        let paths = match marked {
            true => self.rows.wanted_everywhere(),
            false => self.rows.wanted(lines, most),
        };
        if paths.is_empty() {
            return;
        }
        let many = paths.len() > HEADERS;
        let label = if many { "reading dates" } else { "reading headers" };
        let id = self.request(label, Some(Action::Reload));
        let request = self.requests.last_mut().expect("just added");
        request.progress = many.then_some((0, paths.len()));
        // What nobody asked for, Esc does not mean.
        request.stoppable = many;
        effects.push(Effect::Describe(id, paths));
    }

    /// Once the cursor rests, not for every secret that it passes.
    fn ask_for_history(&mut self, effects: &mut Effects) {
        let selected = self.selected().cloned();
        let same = self.resting.as_ref().map(|(path, _)| path) == selected.as_ref();
        if !same {
            self.detail_top = 0;
            self.resting = selected.map(|path| (path, self.now.running));
            return;
        }
        if let Some((path, since)) = &self.resting
            && self.rests()
            && self.not_listed.is_none()
            && self.now.running.saturating_sub(*since) >= REST
            && !self.requests.iter().any(|request| request.label.starts_with(HISTORY))
        {
            let path = path.clone();
            let id = self.unstoppable(HISTORY, None);
            effects.push(Effect::Versions(id, path));
        }
    }

    /// Hides every value that is shown.
    pub fn hide(&mut self) {
        self.shown = None;
        for popup in &mut self.popups {
            match popup {
                Popup::Compare(compare) => compare.until = None,
                Popup::Generator(generator) => generator.until = None,
                Popup::Form(form) => mask(form),
                _ => {}
            }
        }
        if let Screen::Unlock(unlock) = &mut self.screen {
            unlock.input.masked = true;
        }
        if let Screen::Setup(setup) = &mut self.screen {
            setup.passphrase.iter_mut().for_each(|input| input.masked = true);
            setup.cover(true);
        }
    }

    /// True if opening takes nothing that has to be typed.
    pub(super) fn opens_at_once(&self) -> bool {
        !self.sealed || self.held
    }

    /// Opens the vault that is meant.
    pub(super) fn unlock(&mut self, passphrase: Option<Secret>) -> Effects {
        let name = self.vault.0.clone();
        let id = self.unstoppable("opening the vault", None);
        if let Screen::Unlock(unlock) = &mut self.screen {
            unlock.busy = Some(id);
            unlock.problem = None;
        }
        vec![Effect::Unlock(id, name, passphrase)]
    }

    /// Forgets everything and asks for the passphrase again.
    ///
    /// The agent, if it holds the identity, is not asked again: a UI that was locked opens for
    /// whoever knows the passphrase.
    pub(super) fn lock(&mut self, why: &str) -> Effects {
        self.held = false;
        self.leave_vault(why)
    }

    /// Drops the vault and all that was read of it.
    pub(super) fn leave_vault(&mut self, why: &str) -> Effects {
        // A first start has nothing to lock; what is typed stays.
        if matches!(self.screen, Screen::Setup(_)) {
            self.hide();
            return Vec::new();
        }
        let was_open = matches!(self.screen, Screen::Browse);
        // A form whose write is under way is not dropped: its answer is still told.
        let dropped = self.popups.iter().any(|popup| match popup {
            Popup::Form(form) => form.busy.is_none() && form.is_typed(),
            Popup::Unsaved(..) => true,
            _ => false,
        });
        let behind = self.requests.drain(..).filter(|request| !request.stoppable);
        self.behind.extend(behind.map(|request| (request.id, request.label)));
        self.select = self.selected().cloned();
        self.popups.clear();
        self.rows = Rows::default();
        (self.top, self.folder, self.detail_top) = (0, (0, 0), 0);
        (self.typing, self.shown, self.versions, self.resting) = (None, None, None, None);
        (self.incoming, self.listing, self.clipboard) = (None, None, None);
        self.undo.clear();
        self.not_listed = None;
        (self.news, self.suspicious) = (News::default(), false);
        self.screen = Screen::Unlock(Unlock { input: Input::new(true), problem: None, busy: None });
        if was_open {
            self.status = match dropped {
                true => Status::Warning(format!("{why} What was typed was dropped.")),
                false => Status::Info(why.to_owned()),
            };
        }
        vec![Effect::Lock]
    }

    fn unlocking(&mut self, action: Action) -> Effects {
        let sealed = self.sealed;
        let Screen::Unlock(unlock) = &mut self.screen else { return Vec::new() };
        match action {
            Action::Accept if unlock.busy.is_some() => Vec::new(),
            Action::Accept if !sealed => self.unlock(None),
            Action::Accept if unlock.input.secret().is_empty() => Vec::new(),
            Action::Accept => {
                let passphrase = unlock.input.take();
                unlock.input.masked = true;
                self.unlock(Some(passphrase))
            }
            Action::Reveal => {
                unlock.input.masked = !unlock.input.masked;
                Vec::new()
            }
            Action::Back => {
                drop(unlock.input.take());
                unlock.problem = None;
                Vec::new()
            }
            Action::Vaults => {
                self.popups.push(Popup::Vaults(0));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

/// Masks what is secret in a form.
fn mask(form: &mut super::model::Form) {
    for line in &mut form.lines {
        if form::is_secret(&line.role) {
            line.input.masked = true;
        }
    }
}

/// True for a key that types a character.
fn is_character(key: KeyEvent) -> bool {
    let command = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    matches!(key.code, KeyCode::Char(_)) && !command
}
