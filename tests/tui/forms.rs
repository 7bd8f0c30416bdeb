//! Forms: what is typed is never lost without a question.

use vault::tui::effect::Effect;
use vault::tui::keys::Context;
use vault::tui::message::{Draft, Message, Purpose};
use vault::tui::model::{Popup, Screen};
use vault::vault::{Edits, Error, Kind, Secret};

use super::keys::state;
use super::ui::{CANARY, Sample, Ui, id_of, words};
use super::update::SIZE;
use crate::support::path;

#[test]
fn pasted_text_is_never_keys() {
    let mut ui = Ui::with_names(SIZE, &["a", "b"]);
    ui.send(Message::Paste(Secret::copy_of(b"dyq\n")));
    assert!(ui.effects.is_empty() && ui.model.popups.is_empty());
    ui.key("a ctrl-u").text("x").key("tab");
    ui.send(Message::Paste(Secret::copy_of(b"one\ntwo\n"))).key("ctrl-s");
    let Effect::Write(_, draft) = &ui.effects[0] else { panic!("{}", words(&ui.effects)) };
    assert_eq!(draft.edits.set[0].2.bytes(), b"one\ntwo");
}

#[test]
fn a_form_keeps_what_was_typed_when_the_write_fails() {
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("a ctrl-u").text("prod//x").key("enter").text(CANARY).key("enter");
    assert!(ui.effects.is_empty() && ui.screen().contains("empty segment"));
    ui.key("up ctrl-u").text("prod/x").key("ctrl-s");
    assert_eq!(words(&ui.effects), "write prod/x on Some(0): value");
    assert!(!ui.screen().contains(CANARY));
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
    ui.key("esc ctrl-s");
    assert_eq!((ui.model.popups.len(), ui.effects.len()), (1, 0), "a write is not left half-way");
    let error = Error::new(Kind::Network, "no answer");
    ui.send(Message::Wrote(id, path("prod/x"), Err((error, draft))));
    assert!(ui.screen().contains("error: no answer"));
    ui.key("ctrl-s");
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
    assert_eq!(draft.edits.set[0].2.bytes(), CANARY.as_bytes());
    ui.send(Message::Wrote(id, path("prod/x"), Ok(1)));
    assert_eq!((ui.model.popups.len(), ui.status()), (0, "prod/x: version 1.".into()));
    ui.list(vec![path("a"), path("prod/x")]);
    assert_eq!(ui.selected(), "prod/x");
}

/// Opens a form by its key, and answers the read that some begin with.
async fn open_form(ui: &mut Ui, sample: &Sample, key: &str) {
    ui.key(key);
    if let Some(Effect::Read(id, purpose, name)) = ui.effects.pop() {
        let opened = sample.read(None).await;
        ui.send(Message::Opened(id, purpose, name, Ok(opened)));
    }
    assert_eq!(ui.model.context(), Context::Form, "{key}");
}

#[tokio::test]
async fn a_form_asks_before_it_drops_what_was_typed() {
    let sample = Sample::new().await;
    for (keys, typed) in [("a", "x"), ("r", "x"), ("R", "x"), ("E", "x"), ("E", "")] {
        let mut ui = state(Context::Browse, SIZE).await;
        open_form(&mut ui, &sample, keys).await;
        ui.key("left esc");
        assert_eq!(ui.model.context(), Context::Browse, "{keys}: nothing was typed");
        open_form(&mut ui, &sample, keys).await;
        // Emptied is changed, too.
        match typed {
            "" => drop(ui.key("ctrl-u")),
            typed => drop(ui.text(typed)),
        }
        ui.key("esc");
        assert!(ui.screen().contains("Drop what was typed?"), "{keys}: {}", ui.screen());
        for no in ["n", "esc"] {
            ui.key(no);
            assert_eq!(ui.model.context(), Context::Form, "{keys} {no}");
            let Some(Popup::Form(form)) = ui.model.popups.last() else { panic!() };
            assert!(form.lines[0].input.text().ends_with(typed), "{keys}: it is still there");
            ui.key("esc enter");
            assert_eq!(ui.model.context(), Context::Confirm, "only y is a yes");
        }
        ui.key("y");
        assert_eq!((ui.model.context(), ui.effects.len()), (Context::Browse, 0), "{keys}");
    }
    // Typed and taken back in a form that was empty: nothing is lost.
    let mut ui = state(Context::Browse, SIZE).await;
    open_form(&mut ui, &sample, "r").await;
    ui.text("x").key("backspace esc");
    assert_eq!(ui.model.context(), Context::Browse);
    // Idle, it locks all the same.
    open_form(&mut ui, &sample, "r").await;
    ui.text("x").key("esc").after(300_000);
    assert!(matches!(ui.model.screen, Screen::Unlock(_)) && ui.model.popups.is_empty());
}

#[tokio::test]
async fn somebody_else_was_faster() {
    let sample = Sample::new().await;
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("E");
    let id = id_of(&ui.effects[0]);
    let opened = sample.read(None).await;
    ui.send(Message::Opened(id, Purpose::Edit, path("acme/db/password"), Ok(opened)));
    ui.key("ctrl-s");
    assert!(ui.effects.is_empty() && ui.screen().contains("nothing was changed"));
    ui.text("-new").key("ctrl-s");
    assert_eq!(words(&ui.effects), "write acme/db/password on Some(2): value");
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
    let error = Error::conflict("acme/db/password is at version 3, not 2");
    ui.send(Message::Wrote(id, path("acme/db/password"), Err((error, draft))));
    assert_eq!(ui.model.context(), Context::Unsaved);
    assert!(ui.screen().contains("Somebody was faster") && !ui.screen().contains("-new"));
    ui.key("r");
    assert_eq!(words(&ui.effects), "write acme/db/password on None: value");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Wrote(id, path("acme/db/password"), Ok(4)));
    assert!(ui.model.popups.is_empty());
}

#[test]
fn an_editors_change_is_kept_when_it_cannot_be_written() {
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("e");
    let id = id_of(&ui.effects[0]);
    let value = Secret::copy_of(b"edited");
    let set = vec![("value".to_owned(), None, value)];
    let draft = Draft { path: path("a"), base: Some(1), edits: Edits { set, ..Edits::default() } };
    ui.send(Message::Edited(id, path("a"), Ok(Some(draft))));
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
    let error = Error::new(Kind::Network, "no answer");
    ui.send(Message::Wrote(id, path("a"), Err((error, draft)))).key("r");
    assert_eq!(words(&ui.effects), "write a on Some(1): value");
}
