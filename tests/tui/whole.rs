//! The whole loop: scripted keys, a vault in memory, frames of a test terminal. Whoever waits,
//! waits for a condition.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Size};
use ratatui::{Terminal, buffer::Buffer};
use tokio::sync::mpsc;
use vault::config::Interface;
use vault::config::interface::Clipboard as Choice;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Store, StoreError,
};
use vault::tui::clipboard::Clipboard;
use vault::tui::device::Device;
use vault::tui::effect::Founding;
use vault::tui::message::{Founded, Identity, Now, Session};
use vault::tui::model::{Model, Start};
use vault::tui::run::{App, Ended};
use vault::tui::stage::Stage;
use vault::tui::tasks::Context;
use vault::vault::{Error, Result, Secret, Vault};

use super::ui::{CANARY, UNIX, event, rows, start};
use crate::support::{World, get, identity, path};

/// How long a test waits for something that must come.
const LIMIT: Duration = Duration::from_secs(20);

/// The last frame, seen from outside.
#[derive(Clone)]
pub struct Screen(Arc<Mutex<(TestBackend, Vec<Instant>)>>);

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

    fn with<T>(&self, act: impl FnOnce(&mut TestBackend) -> T) -> T {
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
struct InMemory {
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

    async fn check_vacant(&self, _: String, _: String) -> Result<Identity> {
        Ok(Identity::Missing)
    }

    async fn found(&self, founding: Founding) -> Result<Founded> {
        assert_eq!(founding.recovery.to_words().bytes(), identity(3).to_words().bytes());
        Ok(Founded { name: "main".into(), location: "/memory".into() })
    }
}

/// A clipboard for looking at.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<Option<String>>>>);

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
    clipboard: Held,
    skipped: Arc<Mutex<Duration>>,
    thread: std::thread::JoinHandle<Result<Ended>>,
}

impl Running {
    fn start(world: World, store: Arc<dyn Store>, interface: Interface) -> Self {
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

    fn key(&self, names: &str) {
        for name in names.split(' ') {
            self.keys.send(Event::Key(event(name))).unwrap();
        }
    }

    fn text(&self, text: &str) {
        for c in text.chars() {
            let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
            self.keys.send(Event::Key(key)).unwrap();
        }
    }

    /// Waits until the frame fits.
    #[track_caller]
    fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !fits(&self.screen.text()) {
            assert!(start.elapsed() < LIMIT, "never {what}:\n{}", self.screen.text());
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    fn unlock(&self) {
        self.shows("passphrase");
        self.text("open");
        self.key("enter");
        self.shows("locks in");
    }

    fn quit(self) -> Ended {
        self.key("ctrl-c");
        self.thread.join().unwrap().unwrap()
    }
}

async fn world() -> World {
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

fn running(world: World) -> Running {
    let store = Arc::new(world.store.clone());
    Running::start(world, store, Interface::default())
}

#[tokio::test]
async fn a_working_day() {
    let world = world().await;
    let other = world.device("other").await;
    let ui = running(world);
    ui.unlock();
    ui.shows("acme/db");
    ui.shows("v1");
    ui.key("enter");
    ui.shows(CANARY);
    ui.key("down");
    ui.until("hidden", |screen| !screen.contains(CANARY));
    ui.key("y");
    ui.shows("Copied");
    assert_eq!(ui.clipboard.0.lock().unwrap().last().unwrap().as_deref(), Some("web-value"));
    ui.key("a ctrl-u");
    ui.text("new/one");
    ui.key("enter");
    ui.text("typed");
    ui.key("enter");
    ui.shows("new/one: version 1.");
    ui.shows("─ new/one ");
    ui.key("E");
    ui.shows("Edit new/one");
    ui.text("-more");
    ui.key("ctrl-s");
    ui.shows("new/one: version 2.");
    ui.key("h");
    ui.shows(">    2  ");
    ui.key("down r");
    ui.shows("Make version 1");
    ui.key("y");
    ui.shows("version 1 is the newest again");
    ui.key("d y");
    ui.shows("u brings it back");
    ui.until("gone", |screen| {
        screen.contains("3/3") || screen.contains("1/3") || screen.contains("2/3")
    });
    ui.key("u");
    ui.shows("new/one is back");
    ui.key("L");
    ui.shows("Unlock team");
    let start = Instant::now();
    while ui.clipboard.0.lock().unwrap().last() != Some(&None) {
        assert!(start.elapsed() < LIMIT, "the clipboard was not cleared");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let screen = ui.screen.text();
    assert!(!screen.contains("acme"), "{screen}");
    let log = ui.log.clone();
    assert_eq!(ui.quit(), Ended::Quit);
    assert_eq!(*log.lock().unwrap(), ["leave"]);
    let read = other.read(&path("new/one"), None).await.unwrap();
    let vault::vault::Content::Doc(document) = read.content else { panic!() };
    assert_eq!(document.field("value").unwrap().value.bytes(), b"typed");
}

#[tokio::test]
async fn time_hides_and_locks_without_a_key() {
    let ui = running(world().await);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("enter");
    ui.shows(CANARY);
    *ui.skipped.lock().unwrap() += Duration::from_secs(16);
    ui.until("hidden", |screen| !screen.contains(CANARY));
    *ui.skipped.lock().unwrap() += Duration::from_secs(300);
    ui.shows("nobody was here");
    ui.quit();
}

#[tokio::test]
async fn through_the_terminal_if_that_is_chosen() {
    let world = world().await;
    let store = Arc::new(world.store.clone());
    let interface = Interface { clipboard: Choice::Osc52, ..Interface::default() };
    let ui = Running::start(world, store, interface);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("y");
    ui.shows("nobody can clear");
    let code = vault::vault::b64_secret(CANARY.as_bytes());
    let wanted = format!("\x1b]52;c;{}\x07", code.text().unwrap());
    assert_eq!(*ui.log.lock().unwrap(), [wanted]);
    ui.quit();
}

/// Away to the shell: everything is hidden and given back first.
#[tokio::test]
async fn to_the_shell_and_back() {
    let ui = running(world().await);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("enter");
    ui.shows(CANARY);
    ui.key("ctrl-z");
    ui.until("hidden", |screen| !screen.contains(CANARY));
    assert_eq!(*ui.log.lock().unwrap(), ["leave", "stop", "enter"]);
    ui.shows("acme/db");
    ui.quit();
}

#[tokio::test]
async fn an_editor_that_changes_the_value() {
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nsed -i s/canary/edited/ \"$1\"\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&editor, mode).unwrap();
    let world = world().await;
    let other = world.device("other").await;
    let store = Arc::new(world.store.clone());
    let interface = Interface {
        editor: Some(editor.display().to_string()),
        memory_dirs: vec!["/nowhere".into(), dir.path().into(), "/dev/shm".into()],
        ..Interface::default()
    };
    let ui = Running::start(world, store, interface);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("e");
    ui.shows("acme/db: version 2.");
    assert_eq!(*ui.log.lock().unwrap(), ["leave", "enter"]);
    ui.quit();
    let read = other.read(&path("acme/db"), None).await.unwrap();
    let vault::vault::Content::Doc(document) = read.content else { panic!() };
    let value = document.field("value").unwrap().value.text().unwrap().to_owned();
    assert_eq!(value, CANARY.replace("canary", "edited"));
    // Not in the directory on the disk, and not in memory any more.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Answers after 2 s, or fails each third request.
struct Slow {
    inner: MemoryStore,
    delay: Duration,
    fail_each: usize,
    count: AtomicUsize,
}

impl Slow {
    async fn pass(&self) -> vault::store::Result<()> {
        tokio::time::sleep(self.delay).await;
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fail_each > 0 && count.is_multiple_of(self.fail_each) {
            true => Err(StoreError::Network { place: "memory".into(), reason: "cut".into() }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Slow {
    async fn get(&self, key: &str, limit: u64) -> vault::store::Result<Object> {
        self.pass().await?;
        self.inner.get(key, limit).await
    }

    async fn head(&self, key: &str) -> vault::store::Result<Head> {
        self.pass().await?;
        self.inner.head(key).await
    }

    async fn put(
        &self,
        key: &str,
        m: &Metadata,
        b: &[u8],
        c: &Condition,
    ) -> vault::store::Result<Etag> {
        self.pass().await?;
        self.inner.put(key, m, b, c).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> vault::store::Result<()> {
        self.pass().await?;
        self.inner.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> vault::store::Result<Page> {
        self.pass().await?;
        self.inner.list(listing).await
    }
}

/// While requests hang, each key has its frame within 50 ms.
#[tokio::test]
async fn a_slow_store_never_stalls_the_screen() {
    let world = world().await;
    let slow = Slow {
        inner: world.store.clone(),
        delay: Duration::from_secs(2),
        fail_each: 0,
        count: AtomicUsize::new(0),
    };
    let ui = Running::start(world, Arc::new(slow), Interface::default());
    ui.unlock();
    ui.shows("acme/db");
    ui.key("enter");
    ui.shows("reading acme/db");
    let mut worst = Duration::ZERO;
    for i in 0..100 {
        // The palette opens, takes a letter, and closes again: each is seen.
        let (keys, seen): (&str, fn(&str) -> bool) = match i % 2 {
            0 => ("?", |screen| screen.contains("─ Keys ")),
            _ => ("esc", |screen| !screen.contains("─ Keys ")),
        };
        let start = Instant::now();
        ui.key(keys);
        ui.until(keys, seen);
        worst = worst.max(start.elapsed());
    }
    println!("slow store: the slowest frame of 100 keys took {worst:?}");
    assert!(worst < Duration::from_millis(50), "{worst:?}");
    ui.quit();
}

#[tokio::test]
async fn a_failing_store_says_so_and_can_be_tried_again() {
    let world = world().await;
    let other = world.device("other").await;
    let failing = Slow {
        inner: world.store.clone(),
        delay: Duration::ZERO,
        fail_each: 3,
        count: AtomicUsize::new(0),
    };
    let ui = Running::start(world, Arc::new(failing), Interface::default());
    ui.shows("passphrase");
    // However often it fails, asking again gets there.
    let again = |what: &str, done: &dyn Fn(&str) -> bool, keys: &dyn Fn()| {
        let start = Instant::now();
        while !done(&ui.screen.text()) {
            assert!(start.elapsed() < LIMIT, "never {what}:\n{}", ui.screen.text());
            keys();
            let pause = Instant::now();
            while pause.elapsed() < Duration::from_millis(100) && !done(&ui.screen.text()) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
    };
    again("open", &|s| s.contains("locks in"), &|| {
        ui.text("open");
        ui.key("enter");
    });
    again("listed", &|s| s.contains("acme/db"), &|| ui.key("."));
    again("failed", &|s| s.contains("error:"), &|| ui.key("esc enter"));
    ui.shows("x more");
    ui.key("x");
    ui.shows("r try again");
    ui.key("esc");
    // The first read makes three requests; the reload moves on which of them fails.
    again("revealed", &|s| s.contains(CANARY), &|| ui.key(". enter"));
    ui.key("down");
    ui.until("hidden", |screen| !screen.contains(CANARY));
    ui.quit();
    assert!(get(&other, "nothing").await.is_err());
}

/// What a hidden value leaves in the cells of the terminal: nothing.
#[tokio::test]
async fn a_hidden_value_is_in_no_cell() {
    let ui = running(world().await);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("enter");
    ui.shows(CANARY);
    ui.key("esc");
    ui.until("hidden", |screen| !screen.contains(CANARY));
    let cells: VecDeque<String> =
        ui.screen.buffer().content.iter().map(|cell| cell.symbol().to_owned()).collect();
    assert!(!cells.iter().map(String::as_str).collect::<String>().contains(&CANARY[..8]));
    ui.quit();
}
