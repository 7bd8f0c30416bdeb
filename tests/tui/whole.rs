//! The whole loop: scripted keys, a vault in memory, frames of a test terminal. Whoever waits,
//! waits for a condition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use vault::config::Interface;
use vault::config::interface::Clipboard as Choice;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Store, StoreError,
};
use vault::tui::run::Ended;

use super::stand::{LIMIT, Running, running, world};
use super::ui::CANARY;
use crate::support::{get, path};

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

/// A slip in the headings: the text comes back with the reason, and nothing typed is lost.
#[tokio::test]
async fn an_editor_that_slips_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    let script = format!(
        "#!/bin/sh\n\
         if [ -e {0}/again ]; then cp \"$1\" {0}/seen; sed -i s/ulr/url/ \"$1\"\n\
         else sed -i 's/\\[url\\]/[ulr]/; s/old.example/new.example/' \"$1\"; touch {0}/again; fi\n",
        dir.path().display()
    );
    std::fs::write(&editor, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&editor, mode).unwrap();
    let world = world().await;
    let other = world.device("other").await;
    let mut set = |document: &mut vault::vault::Document, seq| {
        let value = vault::vault::Secret::copy_of(b"https://old.example");
        document.set("url", None, value, seq)
    };
    other.put(&path("acme/db"), None, &mut set).await.unwrap();
    let store = Arc::new(world.store.clone());
    let interface = Interface {
        editor: Some(editor.display().to_string()),
        memory_dirs: vec!["/dev/shm".into()],
        ..Interface::default()
    };
    let ui = Running::start(world, store, interface);
    ui.unlock();
    ui.shows("acme/db");
    ui.key("e");
    ui.shows("acme/db: version 3.");
    ui.quit();
    let seen = std::fs::read_to_string(dir.path().join("seen")).unwrap();
    assert!(seen.starts_with("Nothing was written: the type of url is not one (secret,"), "{seen}");
    assert!(seen.contains("[ulr]\nhttps://new.example"), "{seen}");
    let read = other.read(&path("acme/db"), None).await.unwrap();
    let vault::vault::Content::Doc(document) = read.content else { panic!() };
    assert_eq!(document.field("url").unwrap().value.text(), Some("https://new.example"));
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
        // The slowness itself, not a wait for something.
        tokio::time::sleep(self.delay).await;
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        // Scattered: in a fixed rhythm, a round of as many requests fails at the same one for ever.
        let scattered = (count as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        match self.fail_each > 0 && scattered.is_multiple_of(self.fail_each as u64) {
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
    // Every other time twice: a round of three requests would fail at the same one for ever.
    let round = std::cell::Cell::new(0);
    again("revealed", &|s| s.contains(CANARY), &|| {
        round.set(round.get() + 1);
        ui.key(if round.get() % 2 == 0 { ". enter" } else { "esc enter" });
    });
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
