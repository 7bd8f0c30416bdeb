//! The UI on the real terminal, made to panic: in the loop by its clock, beside it by its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{Event, KeyCode};
use rustix::process::Pid;
use vault::config::Interface;
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result as Stored, Store,
};
use vault::tui::device::Device;
use vault::tui::effect::{Founding, Place};
use vault::tui::message::{Founded, Identity, Now, Session};
use vault::tui::model::{Model, Start};
use vault::tui::run::App;
use vault::tui::stage::{Stage, Tty};
use vault::tui::tasks::Context;
use vault::tui::{clipboard, terminal};
use vault::vault::{Result, Secret, Vault};

use super::ui::{CANARY, start};
use crate::support::{World, path};

/// Panics, if it is told to, when the versions of a secret are listed for the second time: the
/// first time is for the detail pane.
struct Breaking(MemoryStore, bool, AtomicUsize);

#[async_trait]
impl Store for Breaking {
    async fn get(&self, key: &str, limit: u64) -> Stored<Object> {
        self.0.get(key, limit).await
    }

    async fn head(&self, key: &str) -> Stored<Head> {
        self.0.head(key).await
    }

    async fn put(&self, key: &str, m: &Metadata, b: &[u8], c: &Condition) -> Stored<Etag> {
        self.0.put(key, m, b, c).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Stored<()> {
        self.0.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Stored<Page> {
        let history = listing.prefix.starts_with("h/");
        if history && self.2.fetch_add(1, Ordering::Relaxed) > 0 && self.1 {
            panic!("{CANARY} must not be told");
        }
        self.0.list(listing).await
    }
}

struct World1(World, Arc<dyn Store>);

#[async_trait]
impl Device for World1 {
    async fn open(&self, _: Option<String>, _: Option<Secret>) -> Result<(Vault, Session)> {
        let vault = self.0.open(self.1.clone(), "ui", crate::support::ANN).await?;
        Ok((vault, Session::default()))
    }

    async fn check_vacant(&self, _: Place) -> Result<Identity> {
        unreachable!("not a first start")
    }

    async fn found(&self, _: Founding) -> Result<Founded> {
        unreachable!("not a first start")
    }
}

/// The real terminal; a `?` breaks it.
struct BreakingTty(Tty, bool);

#[async_trait(?Send)]
impl Stage for BreakingTty {
    async fn event(&mut self) -> Option<Event> {
        let event = self.0.event().await;
        if let Some(Event::Key(key)) = &event
            && key.code == KeyCode::Char('?')
            && self.1
        {
            panic!("{CANARY} must not be told");
        }
        event
    }

    fn leave(&mut self) -> std::io::Result<()> {
        self.0.leave()
    }

    fn enter(&mut self) -> std::io::Result<()> {
        self.0.enter()
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn is_ours(&self) -> bool {
        self.0.is_ours()
    }

    fn lend(&mut self, group: Pid) {
        self.0.lend(group);
    }

    fn take_back(&mut self) {
        self.0.take_back();
    }

    fn write(&mut self, bytes: &Secret) -> std::io::Result<()> {
        self.0.write(bytes)
    }

    fn now(&mut self) -> Now {
        self.0.now()
    }
}

pub async fn run(place: &str) {
    let world = World::new().await;
    let vault = world.device("first").await;
    let mut set = |document: &mut vault::vault::Document, seq| {
        document.set("value", None, Secret::copy_of(CANARY.as_bytes()), seq)
    };
    vault.put(&path("acme/db"), None, &mut set).await.unwrap();
    let store = Arc::new(Breaking(world.store.clone(), place == "task", AtomicUsize::new(0)));
    vault::cli::process::harden();
    terminal::restore_on_panic();
    let model = Model::new(Start { sealed: false, ..start((80, 24)) }).unwrap();
    let interface = Interface::default();
    let context = Context {
        device: Arc::new(World1(world, store)),
        clipboard: Arc::new(clipboard::Helper::default()),
        choice: interface.clipboard,
        time: || 0,
    };
    let stage = BreakingTty(Tty::new(true).unwrap(), place == "loop");
    let screen = Terminal::new(CrosstermBackend::new(terminal::Output::new())).unwrap();
    App::new(model, screen, stage, context, interface).unwrap().run().await.unwrap();
}
