//! Every key in every state, as one table; and `docs/KEYS.md`.

use vault::tui::keys::{BINDINGS, Context};
use vault::tui::message::{Draft, Message, Purpose};
use vault::tui::model::{Problem, Screen};
use vault::tui::team::TeamAnswer;
use vault::vault::{Edits, Error, Kind, Secret};

use super::team_samples::{change_of, joined, late, members, notes, public, report};
use super::ui::{Sample, Ui, id_of, place, start, words};
use crate::support::path;

pub const NAMES: [&str; 5] =
    ["acme/ci/npm-token", "acme/db/password", "acme/mail", "home/router", "home/wifi"];

/// The UI in a state in which this context has the keys.
pub async fn state(context: Context, size: (u16, u16)) -> Ui {
    let sample = Sample::new().await;
    let mut ui = match context {
        Context::Unlock => Ui::new(start(size)),
        Context::Setup => {
            let nothing = vault::tui::model::Start { vaults: vec![], vault: None, ..start(size) };
            Ui::new(nothing)
        }
        _ => Ui::with_names(size, &NAMES),
    };
    if matches!(ui.model.screen, Screen::Browse) {
        ui.describe().key("down").after(300);
        let versions =
            ui.effects.iter().find(|e| words(std::slice::from_ref(e)).starts_with("versions"));
        let id = id_of(versions.expect("the history is asked for"));
        let versions = sample.versions().await;
        ui.send(Message::Versions(id, path("acme/db/password"), Ok(versions)));
    }
    match context {
        Context::Browse | Context::Unlock | Context::Setup => {}
        Context::Filter => drop(ui.key("/").text("a")),
        Context::Form => drop(ui.key("a")),
        Context::History => drop(ui.key("h")),
        Context::Compare => {
            ui.key("h enter");
            let id = id_of(&ui.effects[0]);
            let both = [sample.read(Some(1)).await, sample.read(Some(2)).await];
            ui.send(Message::Compared(id, path("acme/db/password"), Ok(both)));
        }
        Context::Generator => drop(ui.key("g")),
        Context::Choice => drop(ui.key("V")),
        Context::Palette => drop(ui.key(":")),
        Context::Help => drop(ui.key("?")),
        Context::Confirm => drop(ui.key("d")),
        Context::Error => {
            ui.key(".");
            let id = ui.listing();
            let error = Error::new(Kind::Network, "no answer").hint("look at the cable");
            ui.send(Message::NamesEnd(id, Err(error.because("timed out")))).key("x");
        }
        Context::Members => drop(members(&mut ui, "mira")),
        Context::Joined => {
            members(&mut ui, "mira").key("a");
            ui.text(&public(7)).key("down").text("kim").key("down").text("read").key("ctrl-s");
            let id = id_of(&ui.effects[0]);
            let answer = TeamAnswer::Joined(joined("kim", 7));
            ui.send(Message::TeamChanged(id, change_of("kim", 7), Ok(answer)));
        }
        Context::Report => drop(report(&mut ui)),
        Context::Late => drop(late(&mut ui).await),
        Context::Log => {
            ui.key("T");
            let id = id_of(&ui.effects[0]);
            ui.send(Message::Log(id, Ok(notes())));
        }
        Context::Unsaved => {
            ui.key("g enter");
            let id = id_of(&ui.effects[0]);
            let opened = sample.read(None).await;
            ui.send(Message::Opened(id, Purpose::Generated, path("acme/db/password"), Ok(opened)));
            let id = id_of(&ui.effects[0]);
            let value = Secret::copy_of(b"generated");
            let draft = Draft {
                path: path("acme/db/password"),
                base: Some(2),
                edits: Edits { set: vec![("value".to_owned(), None, value)], ..Edits::default() },
            };
            let error = Error::conflict("acme/db/password is at version 3, not 2");
            ui.send(Message::Wrote(id, path("acme/db/password"), Err((error, draft))));
        }
    }
    assert_eq!(ui.model.context(), context);
    ui
}

#[tokio::test]
async fn every_key_in_every_state() {
    let mut table = String::new();
    for (context, title) in Context::ALL {
        table += &format!("{title}\n");
        for binding in BINDINGS.iter().filter(|b| b.contexts.contains(&context)) {
            for key in binding.keys {
                let mut ui = state(context, (80, 24)).await;
                ui.key(key);
                let selected = ui.selected().to_owned();
                let parts = [place(&ui), selected, words(&ui.effects), ui.status()];
                table += &format!("  {key:<10} {:<18} {}\n", binding.name, parts.join(" | "));
            }
        }
    }
    insta::assert_snapshot!("every_key", table);
}

#[test]
fn docs_keys_reference_is_current() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KEYS.md");
    let made = vault::tui::keys::reference();
    if std::env::var_os("VAULT_UPDATE_DOCS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == made, "docs/KEYS.md is stale: VAULT_UPDATE_DOCS=1 cargo test docs");
}

/// No screen says what it cannot do: a problem is shown where it belongs.
#[test]
fn problems_are_escaped() {
    let error = Error::usage("bad \u{1b}[31m name").because("x\u{202e}y");
    let problem = Problem::from(&error);
    assert!(!problem.message.contains('\u{1b}') && !problem.causes[0].contains('\u{202e}'));
}
