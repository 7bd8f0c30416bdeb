//! The whole loop on a stand: a screen in memory, a script of keys, a device and a clipboard of
//! its own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Size};
use ratatui::{Terminal, buffer::Buffer};
use rustix::process::Pid;
use tokio::sync::mpsc;
use vault::config::Interface;
use vault::store::Store;
use vault::tui::clipboard::Clipboard;
use vault::tui::device::Device;
use vault::tui::effect::{Founding, Place};
use vault::tui::message::{Founded, Identity, Now, Session};
use vault::tui::model::{Model, Start};
use vault::tui::run::{App, Ended};
use vault::tui::stage::Stage;
use vault::tui::tasks::Context;
use vault::vault::{Error, Result, Secret, Vault};

use super::ui::{CANARY, UNIX, event, rows, start};
use crate::support::{World, identity, path};

/// How long a test waits for something that must come.
pub const LIMIT: Duration = Duration::from_secs(20);

/// The last frame, seen from outside.
#[derive(Clone)]
pub struct Screen(pub Arc<Mutex<(TestBackend, Vec<Instant>)>>);

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        Self(Arc::new(Mutex::new((TestBackend::new(width, height), Vec::new()))))
    }

    pub fn text(&self) -> String {
        rows(self.0.lock().unwrap().0.buffer()).join("\n")
    }

    pub fn buffer(&self) -> Buffer {
        self.0.lock().unwrap().0.buffer().clone()
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut TestBackend) -> T) -> T {
        act(&mut self.0.lock().unwrap().0)
    }
}

impl Backend for Screen {
    type Error = std::convert::Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(
        &mut self,
        content: I,
    ) -> std::result::Result<(), Self::Error> {
        self.with(|backend| backend.draw(content))
    }

    fn hide_cursor(&mut self) -> std::result::Result<(), Self::Error> {
        self.with(TestBackend::hide_cursor)
    }

    fn show_cursor(&mut self) -> std::result::Result<(), Self::Error> {
        self.with(TestBackend::show_cursor)
    }

    fn get_cursor_position(&mut self) -> std::result::Result<Position, Self::Error> {
        self.with(TestBackend::get_cursor_position)
    }

    fn set_cursor_position<P: Into<Position>>(
        &mut self,
        position: P,
    ) -> std::result::Result<(), Self::Error> {
        self.with(|backend| backend.set_cursor_position(position))
    }

    fn clear(&mut self) -> std::result::Result<(), Self::Error> {
        self.with(TestBackend::clear)
    }

    fn clear_region(&mut self, region: ClearType) -> std::result::Result<(), Self::Error> {
        self.with(|backend| backend.clear_region(region))
    }

    fn size(&self) -> std::result::Result<Size, Self::Error> {
        self.with(|backend| backend.size())
    }

    fn window_size(&mut self) -> std::result::Result<WindowSize, Self::Error> {
        self.with(TestBackend::window_size)
    }

    fn flush(&mut self) -> std::result::Result<(), Self::Error> {
        // A frame is complete.
        self.0.lock().unwrap().1.push(Instant::now());
        Ok(())
    }
}

/// Keys from the test; what the terminal is told.
pub struct Script {
    keys: mpsc::UnboundedReceiver<Event>,
    log: Arc<Mutex<Vec<String>>>,
    start: Instant,
    /// Time that passes besides.
    skipped: Arc<Mutex<Duration>>,
}

#[async_trait(?Send)]
impl Stage for Script {
    async fn event(&mut self) -> Option<Event> {
        self.keys.recv().await
    }

    fn leave(&mut self) -> std::io::Result<()> {
        self.log.lock().unwrap().push("leave".into());
        Ok(())
    }

    fn enter(&mut self) -> std::io::Result<()> {
        self.log.lock().unwrap().push("enter".into());
        Ok(())
    }

    fn stop(&mut self) {
        self.log.lock().unwrap().push("stop".into());
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn lend(&mut self, _: Pid) {}

    fn take_back(&mut self) {}

    fn write(&mut self, bytes: &Secret) -> std::io::Result<()> {
        self.log.lock().unwrap().push(String::from_utf8_lossy(bytes.bytes()).into_owned());
        Ok(())
    }

    fn now(&mut self) -> Now {
        let running = self.start.elapsed() + *self.skipped.lock().unwrap();
        Now { running, unix: UNIX + running.as_secs() }
    }
}

/// A device whose vaults are in memory.
pub struct InMemory {
    world: World,
    store: Arc<dyn Store>,
}

#[async_trait]
impl Device for InMemory {
    async fn open(
        &self,
        _: Option<String>,
        passphrase: Option<Secret>,
    ) -> Result<(Vault, Session)> {
        if passphrase.is_none_or(|p| p.bytes() != b"open") {
            return Err(Error::credentials("cannot open the identity"));
        }
        let vault = self.world.open(self.store.clone(), "ui", crate::support::ANN).await?;
        let session = Session { member: vault.member(), warning: None };
        Ok((vault, session))
    }

    async fn check_vacant(&self, _: Place) -> Result<Identity> {
        Ok(Identity::Missing)
    }

    async fn found(&self, founding: Founding) -> Result<Founded> {
        assert_eq!(founding.recovery.to_words().bytes(), identity(3).to_words().bytes());
        Ok(Founded { name: "main".into(), location: "/memory".into() })
    }
}

/// A clipboard for looking at.
#[derive(Clone, Default)]
pub struct Held(pub Arc<Mutex<Vec<Option<String>>>>);

impl Clipboard for Held {
    fn hold(&self, text: &Secret) -> Result<()> {
        self.0.lock().unwrap().push(text.text().map(str::to_owned));
        Ok(())
    }

    fn clear(&self) {
        self.0.lock().unwrap().push(None);
    }
}

/// The running UI, on a thread of its own.
pub struct Running {
    keys: mpsc::UnboundedSender<Event>,
    pub screen: Screen,
    pub log: Arc<Mutex<Vec<String>>>,
    pub clipboard: Held,
    pub skipped: Arc<Mutex<Duration>>,
    thread: std::thread::JoinHandle<Result<Ended>>,
}

impl Running {
    pub fn start(world: World, store: Arc<dyn Store>, interface: Interface) -> Self {
        let (keys, receiver) = mpsc::unbounded_channel();
        let screen = Screen::new(100, 24);
        let log = Arc::new(Mutex::new(Vec::new()));
        let clipboard = Held::default();
        let skipped = Arc::new(Mutex::new(Duration::ZERO));
        let stage = Script {
            keys: receiver,
            log: log.clone(),
            start: Instant::now(),
            skipped: skipped.clone(),
        };
        let context = Context {
            device: Arc::new(InMemory { world, store }),
            clipboard: Arc::new(clipboard.clone()),
            choice: interface.clipboard,
            time: || UNIX,
        };
        let backend = screen.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let start = Start { interface: interface.clone(), ..start((100, 24)) };
                let model = Model::new(start).unwrap();
                let terminal = Terminal::new(backend).unwrap();
                App::new(model, terminal, stage, context, interface).unwrap().run().await
            })
        });
        Self { keys, screen, log, clipboard, skipped, thread }
    }

    pub fn key(&self, names: &str) {
        for name in names.split(' ') {
            self.keys.send(Event::Key(event(name))).unwrap();
        }
    }

    pub fn text(&self, text: &str) {
        for c in text.chars() {
            let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
            self.keys.send(Event::Key(key)).unwrap();
        }
    }

    /// Waits until the frame fits.
    #[track_caller]
    pub fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !fits(&self.screen.text()) {
            assert!(start.elapsed() < LIMIT, "never {what}:\n{}", self.screen.text());
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    pub fn unlock(&self) {
        self.shows("passphrase");
        self.text("open");
        self.key("enter");
        self.shows("locks in");
    }

    pub fn quit(self) -> Ended {
        self.key("ctrl-c");
        self.thread.join().unwrap().unwrap()
    }
}

/// A vault with three secrets.
pub async fn world() -> World {
    let world = World::new().await;
    let vault = world.device("first").await;
    for (name, value) in
        [("acme/db", CANARY), ("acme/web", "web-value"), ("home/wifi", "wifi-value")]
    {
        let mut set = |document: &mut vault::vault::Document, seq| {
            document.set("value", None, Secret::copy_of(value.as_bytes()), seq)
        };
        vault.put(&path(name), None, &mut set).await.unwrap();
    }
    world
}

/// The UI on that.
pub fn running(world: World) -> Running {
    let store = Arc::new(world.store.clone());
    Running::start(world, store, Interface::default())
}
