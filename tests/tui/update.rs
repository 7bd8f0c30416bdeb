//! What the state does with keys, time and answers.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use vault::tui::effect::Effect;
use vault::tui::keys::Context;
use vault::tui::message::{Change, Copied, Message, Purpose};
use vault::tui::model::Popup;
use vault::vault::{Error, Kind};

use super::keys::state;
use super::ui::{CANARY, Sample, Ui, id_of, start, words};
use crate::support::path;

pub const SIZE: (u16, u16) = (80, 24);

/// With the values of the secret under the cursor on the screen.
pub async fn revealed() -> Ui {
    let sample = Sample::new().await;
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("enter");
    let id = id_of(&ui.effects[0]);
    let opened = sample.read(None).await;
    ui.send(Message::Opened(id, Purpose::Reveal, path("acme/db/password"), Ok(opened)));
    assert!(ui.screen().contains(CANARY));
    ui
}

#[tokio::test]
async fn values_are_hidden_by_whatever_comes_next() {
    for (what, keys) in [
        ("a move", "down"),
        ("the same key", "enter"),
        ("Esc", "esc"),
        ("a popup", "?"),
        ("a filter", "/"),
        ("lock", "L"),
        ("an editor", "e"),
        ("the shell", "ctrl-z"),
        ("another order and place", "G"),
    ] {
        let mut ui = revealed().await;
        ui.key(keys);
        assert!(ui.model.shown.is_none(), "{what}");
        assert!(!ui.screen().contains(CANARY), "{what}");
    }
    let mut ui = revealed().await;
    ui.send(Message::Focus(false));
    assert!(!ui.screen().contains(CANARY), "the focus");
    let mut ui = revealed().await;
    ui.after(14_900);
    assert!(ui.screen().contains(CANARY), "not yet");
    ui.after(200);
    assert!(!ui.screen().contains(CANARY), "the time");
}

/// What is drawn of a hidden value does not tell its length.
#[tokio::test]
async fn the_mask_has_one_length() {
    let ui = state(Context::Browse, SIZE).await;
    assert!(ui.screen().contains("value     ●●●●●●●●●●●●  "));
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_dropped() {
    let sample = Sample::new().await;
    for leave in ["down", "esc", "L", "?"] {
        let mut ui = state(Context::Browse, SIZE).await;
        ui.key("enter");
        let id = id_of(&ui.effects[0]);
        ui.key(leave);
        let opened = sample.read(None).await;
        ui.send(Message::Opened(id, Purpose::Reveal, path("acme/db/password"), Ok(opened)));
        assert!(ui.model.shown.is_none(), "{leave}");
    }
}

/// The key that wraps a secret is told from the team's notes; nothing is decrypted for it.
#[tokio::test]
async fn the_detail_names_the_key() {
    let mut ui = state(Context::Browse, SIZE).await;
    assert!(ui.screen().contains("key       local"), "{}", ui.screen());
    ui.key("G");
    assert!(ui.screen().contains("key       kms eu-west-1 1a2b3c4d "), "{}", ui.screen());
    assert!(!words(&ui.effects).contains("read"));
}

#[tokio::test]
async fn moving_the_cursor_reads_no_value() {
    let mut ui = state(Context::Browse, SIZE).await;
    for key in ["down", "up", "G", "home", "pagedown", "ctrl-u", "j", "k", "tab", "backtab"] {
        ui.key(key).after(400);
        let read = ui.effects.iter().any(|e| matches!(e, Effect::Read(..) | Effect::Copy(..)));
        assert!(!read, "{key}: {}", words(&ui.effects));
    }
}

#[tokio::test]
async fn copying_never_passes_through_the_model() {
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("y");
    assert_eq!(words(&ui.effects), "copy - of acme/db/password");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Copied(id, "the value".into(), Ok(Copied::Held)));
    assert!(ui.status().contains("45 s") && ui.model.shown.is_none());
    assert!(ui.screen().contains("clipboard 45 s"));
    ui.after(45_000);
    assert!(ui.model.clipboard.is_none());
    ui.key("y");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Copied(id, "the value".into(), Ok(Copied::Terminal)));
    assert!(ui.status().contains("nobody can clear"), "{}", ui.status());
}

#[test]
fn names_draw_as_they_arrive_and_a_reload_keeps_the_place() {
    let mut ui = Ui::new(start(SIZE));
    ui.open();
    let id = ui.listing();
    ui.send(Message::Names(id, vec![path("a"), path("b")]));
    assert!(ui.screen().contains("> "));
    assert_eq!(words(&ui.effects), "describe 2");
    ui.send(Message::Names(id, vec![path("c")]));
    ui.send(Message::NamesEnd(id, Ok(())));
    assert_eq!(ui.status(), "Loaded 3 names.");
    ui.key("down .");
    let id = ui.listing();
    // The old names are shown until all new ones are there.
    ui.send(Message::Names(id, vec![path("0"), path("a")]));
    assert_eq!((ui.selected(), ui.model.rows.total()), ("b", 3));
    ui.send(Message::Names(id, vec![path("b")]));
    ui.send(Message::NamesEnd(id, Ok(())));
    assert_eq!((ui.selected(), ui.model.rows.total()), ("b", 3));
    // Those of a listing that was stopped are dropped.
    ui.key(".");
    let id = ui.listing();
    ui.key("esc");
    assert_eq!(words(&ui.effects), "cancel");
    ui.send(Message::Names(id, vec![path("x")]));
    assert_eq!(ui.model.rows.total(), 3);
}

/// Names that could not be listed are not "none", and what fails with them does not hide why.
#[test]
fn a_listing_that_fails_says_so_in_its_place() {
    let gone = || Error::not_found("there is no store at /srv/vault/team");
    let mut ui = Ui::with_names(SIZE, &[]);
    ui.key(".");
    let id = ui.listing();
    ui.send(Message::NamesEnd(id, Err(gone())));
    let screen = ui.screen();
    assert!(!screen.contains("No secrets yet") && screen.contains("│ error: there is no store"));
    assert!(screen.contains("│ . tries again."), "{screen}");
    ui.key("x r");
    assert_eq!(words(&ui.effects), "list");
    ui.list(vec![path("a")]);
    assert!(ui.status() == "Loaded 1 name." && ui.model.not_listed.is_none());
    // With names from before: they stay, nothing more is asked for, and the reason stays.
    ui.key(".");
    let (list, describe) = (id_of(&ui.effects[0]), id_of(&ui.effects[1]));
    ui.send(Message::NamesEnd(list, Err(gone())));
    ui.send(Message::DescribeFailed(describe, vec![path("a")], Error::general("not this")));
    ui.after(400);
    assert!(ui.effects.is_empty(), "{}", words(&ui.effects));
    assert_eq!(
        (ui.status().as_str(), ui.selected()),
        ("error: there is no store at /srv/vault/team", "a")
    );
}

#[test]
fn waiting_shows_only_after_a_while() {
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("enter").after(140);
    assert!(!ui.screen().contains("reading a"));
    ui.after(20);
    assert!(ui.screen().contains("reading a"), "{}", ui.screen());
    ui.key("esc");
    assert!(!ui.screen().contains("reading a"));
}

#[tokio::test]
async fn errors_have_their_hint_and_can_be_tried_again() {
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("enter");
    let id = id_of(&ui.effects[0]);
    let error = Error::new(Kind::Network, "no answer").hint("look at the cable");
    let error = error.because("timed out");
    ui.send(Message::Opened(id, Purpose::Reveal, path("acme/db/password"), Err(error)));
    assert!(ui.screen().contains("error: no answer  hint: look at the cable"));
    ui.key("x");
    assert!(ui.screen().contains("because: timed out"));
    ui.key("r");
    assert_eq!(words(&ui.effects), "read acme/db/password to Reveal");
}

#[test]
fn the_filter_selects_and_reveals_nothing() {
    let mut ui = Ui::with_names(SIZE, &["prod/db/password", "prod/web", "test/pd"]);
    ui.key("/").text("dbpass");
    assert_eq!(ui.selected(), "prod/db/password");
    ui.key("enter");
    assert!(ui.model.shown.is_none() && ui.model.typing.is_none());
    assert!(ui.screen().contains("/ dbpass"), "the filter stays");
    // Letters are keys again; Esc clears the filter and keeps the place.
    ui.key("esc esc");
    assert_eq!((ui.model.rows.len(), ui.selected()), (3, "prod/db/password"));
    ui.key("/").text("q y e");
    assert!(ui.model.rows.is_empty() && ui.screen().contains("No name matches"));
    ui.key("esc");
    assert_eq!(ui.model.rows.len(), 3);
}

#[tokio::test]
async fn delete_and_rename_are_asked_for_and_taken_back() {
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("d n");
    assert!(ui.effects.is_empty() && ui.model.popups.is_empty());
    ui.key("d enter d");
    assert!(ui.effects.is_empty(), "only y is a yes");
    ui.key("y");
    let id = id_of(&ui.effects[0]);
    let deleted = Change::Delete(path("acme/db/password"));
    ui.send(Message::Done(id, deleted, Ok(())));
    assert!(ui.status().contains("u brings it back"));
    ui.key("u");
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
    assert_eq!(change, Change::Undelete(path("acme/db/password")));
    ui.send(Message::Done(id, change, Ok(())));
    ui.key("u");
    assert_eq!(ui.status(), "There is nothing to take back.");
    ui.key("R ctrl-w").text("key").key("enter");
    assert!(words(&ui.effects).starts_with("Rename("), "{}", words(&ui.effects));
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
    ui.send(Message::Done(id, change, Ok(())));
    ui.key("u");
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
    assert_eq!(change, Change::Rename(path("acme/db/key"), path("acme/db/password")));
    ui.send(Message::Done(id, change, Ok(())));
    assert!(ui.status().ends_with("again."), "{}", ui.status());
}

#[tokio::test]
async fn history_compares_masked_and_rolls_back_after_a_question() {
    let mut ui = state(Context::Compare, SIZE).await;
    assert!(!ui.screen().contains("old-value") && ui.screen().contains("~ changed"));
    ui.key("v");
    assert!(ui.screen().contains("old-value") && ui.screen().contains(CANARY));
    ui.after(15_000);
    assert!(!ui.screen().contains("old-value"));
    ui.key("esc down r");
    assert!(ui.screen().contains("Make version 1 of acme/db/password the newest again?"));
    ui.key("y");
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
    assert_eq!(change, Change::Rollback(path("acme/db/password"), 1));
    ui.send(Message::Done(id, change, Ok(())));
    assert!(ui.model.popups.is_empty() && ui.status().contains("newest again"));
}

/// A history that begins with a deletion says whose it was, and how to get the value back.
#[tokio::test]
async fn a_deleted_version_says_so() {
    let sample = Sample::new().await;
    let name = path("acme/db/password");
    sample.vault.delete(&name, None).await.unwrap();
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key(". h");
    let id = id_of(&ui.effects[0]);
    let versions = sample.versions().await;
    ui.send(Message::Versions(id, name.clone(), Ok(versions)));
    let says = "Deleted by ann on 2026-11-18; r on an older version brings it back.";
    assert_eq!(ui.status(), says);
    assert!(ui.screen().contains(says), "{}", ui.screen());
    for key in ["enter", "r"] {
        ui.model.status = vault::tui::model::Status::Quiet;
        ui.key(key);
        assert_eq!((ui.status().as_str(), ui.model.context()), (says, Context::History), "{key}");
    }
    ui.key("down r y");
    assert_eq!(
        words(&ui.effects),
        "Rollback(acme/db/password, 2)".replace("acme/db/password", &format!("{name:?}"))
    );
    // It does bring it back. From then on the deletion is one of the versions.
    sample.vault.rollback(&name, 2).await.unwrap();
    assert_eq!(sample.read(None).await.n, 4);
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key(". h");
    let id = id_of(&ui.effects[0]);
    let versions = sample.versions().await;
    ui.send(Message::Versions(id, name, Ok(versions))).key("down");
    assert_eq!(ui.status(), "", "there is nothing to say of the newest");
    ui.key("enter");
    assert_eq!(ui.status(), "Deleted by ann on 2026-11-18: it has no value.");
    ui.key("down");
    assert_eq!(ui.status(), "", "that was another line");
}

#[tokio::test]
async fn the_generator_writes_nothing_until_enter() {
    let mut ui = state(Context::Generator, SIZE).await;
    ui.key("tab space up down");
    assert!(ui.effects.is_empty());
    ui.key("v");
    let Some(Popup::Generator(generator)) = ui.model.popups.last() else { panic!() };
    let value = generator.value.text().unwrap().to_owned();
    assert!(ui.screen().contains(&value));
    ui.send(Message::Focus(false));
    assert!(!ui.screen().contains(&value));
    ui.key("enter");
    let Some(Effect::Read(id, purpose, name)) = ui.effects.pop() else { panic!() };
    let opened = Sample::new().await.read(None).await;
    ui.send(Message::Opened(id, purpose, name, Ok(opened)));
    let Effect::Write(_, draft) = &ui.effects[0] else { panic!() };
    assert_eq!(draft.edits.set[0].2.text(), Some(value.as_str()));
}

#[test]
fn the_mouse_selects_and_reveals_nothing() {
    let mut ui = Ui::with_names(SIZE, &["a", "b", "c"]);
    let mut mouse = |kind, column, row| {
        let modifiers = ratatui::crossterm::event::KeyModifiers::NONE;
        ui.send(Message::Mouse(MouseEvent { kind, column, row, modifiers }));
        assert!(!ui.effects.iter().any(|e| matches!(e, Effect::Read(..))));
        ui.selected().to_owned()
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    assert_eq!(mouse(click, 5, 3), "b");
    assert_eq!(mouse(click, 5, 3), "b", "a double click reveals nothing");
    assert_eq!(mouse(click, 5, 20), "b");
    assert_eq!(mouse(MouseEventKind::ScrollDown, 5, 3), "c");
    // Some terminals are said to report places that do not exist.
    assert_eq!(mouse(click, u16::MAX, u16::MAX), "c");
    assert_eq!(mouse(MouseEventKind::ScrollUp, u16::MAX, 0), "a");
}

#[test]
fn ctrl_c_quits_from_everywhere() {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        for (context, _) in Context::ALL {
            let mut ui = state(context, SIZE).await;
            ui.key("ctrl-c");
            assert_eq!(words(&ui.effects), "quit", "{context:?}");
        }
    });
}

#[test]
fn folders_narrow_the_list() {
    let mut ui = Ui::with_names(SIZE, &["a/x", "b/y", "b/z"]);
    ui.key("backtab down down enter");
    assert_eq!((ui.model.rows.folder(), ui.model.rows.len(), ui.selected()), ("b", 2, "b/y"));
    ui.key("esc");
    assert_eq!((ui.model.rows.folder(), ui.model.rows.len(), ui.selected()), ("", 3, "b/y"));
}
