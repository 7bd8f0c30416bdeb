//! The terminal UI: browse, reveal, copy, edit, go back in history, generate.
//!
//! A key becomes an [`keys::Action`], [`model::Model::update`] makes the next state and answers
//! [`effect::Effect`]s, [`tasks`] runs these on a thread of their own, and what comes of them is a
//! [`message::Message`] again. [`view`] draws the state and changes nothing. Time is a message,
//! too. Moving the cursor decrypts nothing; a copied value never passes through the model.

pub mod clipboard;
pub mod device;
pub mod editor;
pub mod effect;
mod form;
pub mod generator;
pub mod input;
mod job;
pub mod keys;
pub mod layout;
pub mod message;
pub mod model;
mod problem;
pub mod rows;
pub mod run;
pub mod setup;
pub mod stage;
pub mod tasks;
pub mod team;
pub mod terminal;
pub mod theme;
mod update;
pub mod view;

use std::io::IsTerminal;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::config::{Interface, Settings};
use crate::vault::{Error, Result};
use device::Configured;
pub(crate) use job::Lent;
use model::Model;
use run::{App, Ended};
use stage::Tty;
use tasks::Context;

/// True if both ends are a terminal.
pub fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Runs the UI on this terminal. `vault` is the `--vault` flag.
///
/// # Errors
/// Usage if this is no terminal or the settings are wrong; whatever the terminal says.
pub async fn run(settings: Settings, vault: Option<String>, interface: Interface) -> Result<Ended> {
    if !is_possible() {
        return Err(Error::usage("the terminal UI needs a terminal")
            .hint("`vault --help` lists the commands"));
    }
    let failed = |e: std::io::Error| Error::general("cannot use this terminal").because(e);
    let size = ratatui::crossterm::terminal::size().map_err(failed)?;
    let device = Configured::new(settings, vault);
    let start = device.start(interface.clone(), size)?;
    let model = Model::new(start)?;
    let context = Context {
        device: Arc::new(device),
        clipboard: Arc::new(clipboard::Helper::default()),
        choice: interface.clipboard,
        time: || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |since| since.as_secs())
        },
    };
    terminal::restore_on_panic();
    let backend = CrosstermBackend::new(terminal::Output::new());
    let stage = Tty::new(interface.mouse).map_err(failed)?;
    let screen = Terminal::new(backend).map_err(failed)?;
    App::new(model, screen, stage, context, interface)?.run().await
}
