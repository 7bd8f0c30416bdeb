//! The UI without a terminal: keys and answers go in, effects come out.

use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use vault::config::Interface;
use vault::config::interface::Theme;
use vault::tui::effect::{Effect, Place};
use vault::tui::keys::Context;
use vault::tui::message::{Message, Now, Session};
use vault::tui::model::{Model, Popup, Start, Status};
use vault::tui::rows::{Known, Meta};
use vault::tui::team::TeamChange;
use vault::tui::view;
use vault::vault::{FieldType, Folder, Opened, Path, Secret, Vault, Version};

use crate::support::{World, path};

/// The value that must never be where it does not belong.
pub const CANARY: &str = "canary-5d1e-value";
/// When every test takes place.
pub const UNIX: u64 = 1_795_000_000;

pub struct Ui {
    pub model: Model,
    /// What the last message asked for.
    pub effects: Vec<Effect>,
}

pub fn start(size: (u16, u16)) -> Start {
    Start {
        interface: Interface::default(),
        vaults: vec![
            ("team".to_owned(), "/srv/vault/team".to_owned()),
            ("own".to_owned(), "s3://acme/own".to_owned()),
        ],
        vault: Some((Some("team".to_owned()), "/srv/vault/team".to_owned())),
        held: false,
        sealed: true,
        usual: "/home/mira/.local/share/vault/vaults/main".to_owned(),
        user: Some("mira".to_owned()),
        size,
    }
}

impl Ui {
    pub fn new(start: Start) -> Self {
        let mut ui = Self { model: Model::new(start).unwrap(), effects: Vec::new() };
        ui.now(Duration::ZERO);
        ui.effects = ui.model.start();
        ui
    }

    /// Unlocked, with these names, nothing known of them.
    pub fn with_names(size: (u16, u16), names: &[&str]) -> Self {
        let mut ui = Self::new(start(size));
        ui.open();
        let names = names.iter().map(|name| path(name)).collect();
        ui.list(names);
        ui
    }

    /// From the locked screen to an empty list.
    pub fn open(&mut self) {
        self.text("passphrase").key("enter");
        let Some(Effect::Unlock(id, ..)) = self.effects.pop() else { panic!("no unlock") };
        let session = Session { member: Some("mira".to_owned()), warning: None };
        self.send(Message::Unlocked(id, Ok(session)));
    }

    /// Answers a listing that was just asked for.
    pub fn list(&mut self, names: Vec<Path>) {
        let id = self.listing();
        self.send(Message::Names(id, names));
        self.send(Message::NamesEnd(id, Ok(())));
        self.headers_came();
    }

    /// Ends every wait for headers.
    fn headers_came(&mut self) {
        let ids: Vec<u64> = self.model.requests.iter().map(|request| request.id).collect();
        for id in ids {
            self.send(Message::Described(id, Vec::new()));
        }
    }

    pub fn listing(&self) -> u64 {
        let list = |effect: &Effect| match effect {
            Effect::List(id) => Some(*id),
            _ => None,
        };
        self.effects.iter().find_map(list).expect("no listing")
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        self.effects = self.model.update(message);
        self
    }

    /// Presses keys, by the names of the configuration.
    pub fn key(&mut self, names: &str) -> &mut Self {
        for name in names.split(' ') {
            self.send(Message::Key(event(name)));
        }
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Message::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self
    }

    /// Time since the start.
    pub fn now(&mut self, running: Duration) -> &mut Self {
        let unix = UNIX + running.as_secs();
        self.send(Message::Tick(Now { running, unix }))
    }

    pub fn after(&mut self, millis: u64) -> &mut Self {
        let running = self.model.now.running + Duration::from_millis(millis);
        self.now(running)
    }

    pub fn status(&self) -> String {
        match &self.model.status {
            Status::Quiet => String::new(),
            Status::Info(text) => text.clone(),
            Status::Warning(text) => format!("! {text}"),
            Status::Error(problem, _) => format!("error: {}", problem.message),
        }
    }

    pub fn selected(&self) -> &str {
        self.model.selected().map_or("", |path| path.as_str())
    }

    /// The frame as text.
    pub fn screen(&self) -> String {
        rows(&self.frame()).join("\n")
    }

    pub fn frame(&self) -> ratatui::buffer::Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// Fills in what headers would say.
    pub fn describe(&mut self) -> &mut Self {
        let folder = |may_read| {
            let readers = ["jon", "mira", "sam", "zoe"].map(str::to_owned).to_vec();
            let admins = vec!["mira".to_owned()];
            let group = if may_read { "main" } else { "payments" }.to_owned();
            let arn = "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-0000-4000-8000-00000000000f";
            let kms = (!may_read).then(|| arn.to_owned());
            Arc::new(Folder { group, readers, admins, kms, may_read, may_write: may_read })
        };
        let days = [3, 41, 0, 402, 9];
        let names: Vec<Path> = (0..self.model.rows.len())
            .map(|i| self.model.rows.get(i).unwrap().path.clone())
            .collect();
        for (i, path) in names.into_iter().enumerate() {
            let known = Known {
                n: i as u64 + 1,
                time: UNIX - days[i % 5] * 86_400 - 5_000,
                author: Some(["mira", "jon"][i % 2].into()),
                size: 272,
                folder: folder(i != 4),
                stale: i == 3,
            };
            self.model.rows.set_meta(&path, Meta::Known(known));
        }
        self
    }
}

/// A key by its name in the configuration.
pub fn event(name: &str) -> KeyEvent {
    let (name, modifiers) = match name.strip_prefix("ctrl-") {
        Some(rest) => (rest, KeyModifiers::CONTROL),
        None => (name, KeyModifiers::NONE),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        name => {
            let mut chars = name.chars();
            let c = chars.next().expect("a key");
            assert!(chars.next().is_none(), "{name}");
            KeyCode::Char(c)
        }
    };
    KeyEvent::new(code, modifiers)
}

/// The lines of a frame.
pub fn rows(buffer: &ratatui::buffer::Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()
    };
    buffer.content.chunks(width).map(line).collect()
}

/// The parts of a frame that are not plain, line by line.
pub fn styles(buffer: &ratatui::buffer::Buffer) -> String {
    let mut out = String::new();
    let width = usize::from(buffer.area.width);
    for (y, line) in buffer.content.chunks(width).enumerate() {
        let style = |cell: &ratatui::buffer::Cell| {
            let mut text = String::new();
            if cell.fg != Color::Reset {
                text += &format!(" {}", cell.fg);
            }
            for (modifier, name) in [(Modifier::BOLD, " bold"), (Modifier::REVERSED, " reversed")] {
                if cell.modifier.contains(modifier) {
                    text += name;
                }
            }
            text
        };
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (x, cell) in line.iter().enumerate() {
            let style = style(cell);
            match runs.last_mut() {
                Some((_, end, last)) if *last == style => *end = x,
                _ => runs.push((x, x, style)),
            }
        }
        for (from, to, style) in runs.iter().filter(|(.., style)| !style.is_empty()) {
            out += &format!("{y}: {from}-{to}{style}\n");
        }
    }
    out
}

/// A frame for a snapshot.
pub fn picture(ui: &Ui, theme: Theme) -> String {
    let frame = ui.frame();
    let text = rows(&frame).join("\n");
    match theme {
        // Text and signs alone must tell everything; bold and reversed are left.
        Theme::Mono => format!("{text}\n\n{}", styles(&frame)),
        _ => format!("{text}\n\n{}", styles(&frame)),
    }
}

/// A secret with a value, a user, a note and a one-time password, in two versions.
pub struct Sample {
    _world: World,
    pub vault: Vault,
}

impl Sample {
    pub async fn new() -> Self {
        let world = World::new().await;
        let vault = world.device("ui").await;
        let sample = Self { _world: world, vault };
        sample.put("acme/db/password", &[("value", "old-value"), ("user", "app")]).await;
        let note = "first line\nsecond line \u{1b}[31m";
        let fields =
            [("value", CANARY), ("note", note), ("otp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")];
        sample.put("acme/db/password", &fields).await;
        sample
    }

    pub async fn put(&self, name: &str, fields: &[(&str, &str)]) {
        let mut set = |document: &mut vault::vault::Document, seq| {
            for (name, value) in fields {
                let kind = (*name == "note").then_some(FieldType::Text);
                document.set(name, kind, Secret::copy_of(value.as_bytes()), seq)?;
            }
            Ok(())
        };
        self.vault.put(&path(name), None, &mut set).await.unwrap();
    }

    pub async fn read(&self, n: Option<u64>) -> Opened {
        self.vault.read(&path("acme/db/password"), n).await.unwrap()
    }

    /// Its versions, at a fixed time.
    pub async fn versions(&self) -> Vec<Version> {
        let mut versions = self.vault.history(&path("acme/db/password")).await.unwrap();
        for version in &mut versions {
            if let Some(header) = &mut version.header {
                header.time = UNIX - 3_u64.saturating_sub(version.n) * 40 * 86_400;
            }
        }
        versions
    }
}

/// The number of the request in an effect that reads.
pub fn id_of(effect: &Effect) -> u64 {
    match effect {
        Effect::Unlock(id, ..)
        | Effect::List(id)
        | Effect::Describe(id, _)
        | Effect::Read(id, ..)
        | Effect::Fields(id, _)
        | Effect::Copy(id, ..)
        | Effect::CopyText(id, ..)
        | Effect::Team(id, _)
        | Effect::ChangeTeam(id, _)
        | Effect::Resolve(id, _)
        | Effect::Reseal(id, _)
        | Effect::Exposure(id)
        | Effect::Log(id)
        | Effect::Loss(id)
        | Effect::Versions(id, _)
        | Effect::Compare(id, ..)
        | Effect::Write(id, _)
        | Effect::Edit(id, _)
        | Effect::Change(id, _)
        | Effect::CheckVacant(id, ..)
        | Effect::MakeWords(id)
        | Effect::Found(id, _)
        | Effect::Cancel(id) => *id,
        Effect::Lock | Effect::SawRecovery(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {
            panic!("no number")
        }
    }
}

/// Effects in words.
pub fn words(effects: &[Effect]) -> String {
    let one = |effect: &Effect| match effect {
        Effect::Unlock(_, name, passphrase) => {
            let name = name.as_deref().unwrap_or("-");
            format!("unlock {name}{}", if passphrase.is_some() { " with a passphrase" } else { "" })
        }
        Effect::Lock => "lock".to_owned(),
        Effect::List(_) => "list".to_owned(),
        Effect::Describe(_, paths) => format!("describe {}", paths.len()),
        Effect::Read(_, purpose, path) => format!("read {path} to {purpose:?}"),
        Effect::Fields(_, path) => format!("fields of {path}"),
        Effect::Copy(_, path, field, code) => {
            let code = if *code { " as a code" } else { "" };
            format!("copy {} of {path}{code}", field.as_deref().unwrap_or("-"))
        }
        Effect::CopyText(..) => "copy text".to_owned(),
        Effect::Team(_, at) => format!("team at {at:?}"),
        Effect::ChangeTeam(_, TeamChange::Add(name, id, grant)) => {
            format!("add {name} {} {grant:?}", id.fingerprint())
        }
        Effect::ChangeTeam(_, change) => format!("{change:?}"),
        Effect::Resolve(_, (late, what)) => format!("{what:?} {} {}", late.path, late.n),
        Effect::Reseal(_, except) => format!("reseal but {}", except.len()),
        Effect::Exposure(_) => "exposure".to_owned(),
        Effect::Log(_) => "log".to_owned(),
        Effect::SawRecovery(seq) => format!("saw {seq}"),
        Effect::Loss(_) => "loss".to_owned(),
        Effect::Versions(_, path) => format!("versions of {path}"),
        Effect::Compare(_, path, [a, b]) => format!("compare {path} {a} {b}"),
        Effect::Write(_, draft) => {
            let set: Vec<_> = draft.edits.set.iter().map(|(name, ..)| name.as_str()).collect();
            let raw = if draft.edits.raw.is_some() { " raw" } else { "" };
            format!("write {} on {:?}: {}{raw}", draft.path, draft.base, set.join(","))
        }
        Effect::Edit(_, path) => format!("edit {path}"),
        Effect::Change(_, change) => format!("{change:?}"),
        Effect::CheckVacant(_, place) => {
            let Place { location, member, region, endpoint, kms } = place;
            format!("check {location:?} for {member} {region} {endpoint} {kms}")
                .trim_end()
                .to_owned()
        }
        Effect::MakeWords(_) => "make words".to_owned(),
        Effect::Found(_, founding) => format!("found {:?}", founding.place.location),
        Effect::Cancel(_) => "cancel".to_owned(),
        Effect::Redraw => "redraw".to_owned(),
        Effect::Suspend => "suspend".to_owned(),
        Effect::Quit => "quit".to_owned(),
    };
    effects.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What is on top, in words.
pub fn place(ui: &Ui) -> String {
    let context: Context = ui.model.context();
    let more = match ui.model.popups.last() {
        Some(Popup::Form(form)) => format!(" {:?} line {}", form.kind, form.focus),
        Some(Popup::History(history)) => format!(" line {}", history.cursor),
        Some(Popup::Fields(choice)) => format!(" line {}", choice.cursor),
        Some(Popup::Palette(_, line) | Popup::Vaults(line)) => format!(" line {line}"),
        Some(Popup::Help(of, line)) => format!(" of {of:?} from {line}"),
        Some(Popup::Compare(compare)) => {
            format!(" {}", if compare.until.is_some() { "shown" } else { "hidden" })
        }
        Some(Popup::Generator(generator)) => format!(
            " {} {}",
            generator.describe(),
            if generator.until.is_some() { "shown" } else { "hidden" }
        ),
        Some(Popup::Drop) => " Drop what was typed?".to_owned(),
        Some(Popup::Confirm(question, _)) => format!(" {question}"),
        Some(Popup::Members(members)) => format!(" line {}", members.cursor),
        Some(Popup::Report(report)) => format!(" {:?} line {}", report.step, report.cursor),
        Some(Popup::Log(log)) => format!(" line {}", log.cursor),
        Some(Popup::Error(..) | Popup::Unsaved(..) | Popup::Joined(_) | Popup::Late(_)) | None => {
            String::new()
        }
    };
    format!("{context:?}{more}")
}
