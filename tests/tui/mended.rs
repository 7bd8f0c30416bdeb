//! What is typed or generated goes where it is meant, and is not lost without a question.

use ratatui::crossterm::event::{KeyModifiers, MouseEvent, MouseEventKind};
use vault::tui::effect::Effect;
use vault::tui::keys::Context;
use vault::tui::layout::Pane;
use vault::tui::message::{Change, Draft, Identity, Message, Purpose};
use vault::tui::model::{Popup, Screen};
use vault::vault::{Edits, Error, Kind, Secret};

use super::keys::state;
use super::ui::{Sample, Ui, id_of, words};
use crate::support::{identity, path};

const SIZE: (u16, u16) = (80, 24);

/// A list with one name, `a`, whose secret has these fields; none: it is raw.
async fn secret(fields: &[(&str, &str)]) -> (Ui, Sample) {
    let sample = Sample::new().await;
    match fields {
        [] => drop(sample.vault.put_raw(&path("a"), None, &Secret::copy_of(b"old")).await.unwrap()),
        fields => sample.put("a", fields).await,
    }
    (Ui::with_names(SIZE, &["a"]), sample)
}

/// Answers the read that was just asked for.
async fn answer(ui: &mut Ui, sample: &Sample) {
    let Some(Effect::Read(id, purpose, name)) = ui.effects.pop() else {
        panic!("no read: {}", words(&ui.effects))
    };
    let opened = sample.vault.read(&name, None).await.unwrap();
    ui.send(Message::Opened(id, purpose, name, Ok(opened)));
}

/// What is written by `r` and by `g` for the field that `y` copies.
#[tokio::test]
async fn a_new_value_goes_into_the_field_that_is_copied() {
    let login = [("user", "app"), ("password", "old"), ("url", "https://db")];
    for (fields, written) in [
        (&login[..], "write a on Some(1): password"),
        (&[("value", "old"), ("password", "old")], "write a on Some(1): value"),
        (&[("user", "app")], "write a on Some(1): user"),
        (&[], "write a on Some(1):  raw"),
    ] {
        let (mut ui, sample) = secret(fields).await;
        ui.key("r");
        answer(&mut ui, &sample).await;
        ui.text("new").key("enter");
        assert_eq!(words(&ui.effects), written, "r");
        let (mut ui, sample) = secret(fields).await;
        ui.key("g enter");
        assert_eq!(words(&ui.effects), "read a to Generated");
        answer(&mut ui, &sample).await;
        assert_eq!(words(&ui.effects), written, "g");
        assert!(ui.model.popups.is_empty());
    }
}

/// With several secret fields nobody but the user knows which one is meant.
#[tokio::test]
async fn a_new_value_asks_which_field() {
    let fields = [("user", "app"), ("password", "old"), ("token", "old")];
    let (mut ui, sample) = secret(&fields).await;
    ui.key("r");
    answer(&mut ui, &sample).await;
    assert_eq!(ui.model.context(), Context::Choice);
    assert!(ui.screen().contains("New value in a") && !ui.screen().contains("user  "));
    ui.key("down enter").text("new").key("enter");
    assert_eq!(words(&ui.effects), "write a on Some(1): token");

    let (mut ui, sample) = secret(&fields).await;
    ui.key("g");
    let Some(Popup::Generator(generator)) = ui.model.popups.last() else { panic!() };
    let value = Secret::copy_of(generator.value.bytes());
    ui.key("enter");
    answer(&mut ui, &sample).await;
    // Esc goes back to the value, which is not lost.
    ui.key("esc");
    assert_eq!((ui.model.context(), ui.effects.len()), (Context::Generator, 0));
    ui.key("enter");
    answer(&mut ui, &sample).await;
    ui.key("enter");
    assert_eq!(words(&ui.effects), "write a on Some(1): password");
    let Effect::Write(_, draft) = &ui.effects[0] else { panic!() };
    assert_eq!(draft.edits.set[0].2.bytes(), value.bytes());
    assert!(ui.model.popups.is_empty());
}

/// A generator that was closed, or covered, writes nothing when the answer comes.
#[tokio::test]
async fn a_generator_that_was_left_writes_nothing() {
    for leave in ["esc", "?"] {
        let (mut ui, sample) = secret(&[("password", "old")]).await;
        ui.key("g enter");
        let id = id_of(&ui.effects[0]);
        ui.key("space enter");
        assert!(ui.effects.is_empty(), "it waits");
        ui.key(leave);
        let opened = sample.vault.read(&path("a"), None).await.unwrap();
        ui.send(Message::Opened(id, Purpose::Generated, path("a"), Ok(opened)));
        assert!(!words(&ui.effects).contains("write"), "{leave}: {}", words(&ui.effects));
    }
    // One whose read failed can be used again.
    let (mut ui, sample) = secret(&[("password", "old")]).await;
    ui.key("g enter");
    let id = id_of(&ui.effects[0]);
    let error = Error::general("no answer");
    ui.send(Message::Opened(id, Purpose::Generated, path("a"), Err(error)));
    assert_eq!(ui.status(), "error: no answer");
    ui.key("enter");
    answer(&mut ui, &sample).await;
    assert_eq!(words(&ui.effects), "write a on Some(1): password");
}

/// A change that an editor made, refused because somebody was faster.
fn refused_edit(ui: &mut Ui) {
    ui.key("e");
    let id = id_of(&ui.effects[0]);
    let set = vec![("value".to_owned(), None, Secret::copy_of(b"edited"))];
    let draft = Draft { path: path("a"), base: Some(1), edits: Edits { set, ..Edits::default() } };
    ui.send(Message::Edited(id, path("a"), Ok(Some(draft))));
    refuse(ui);
}

/// Answers the write that was just asked for: somebody was faster.
fn refuse(ui: &mut Ui) {
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!("nothing is written") };
    let error = Error::conflict("a is at version 2, not 1");
    ui.send(Message::Wrote(id, path("a"), Err((error, draft))));
    assert_eq!(ui.model.context(), Context::Unsaved);
}

/// The change of an editor is nowhere else: Esc asks.
#[tokio::test]
async fn a_refused_edit_goes_only_after_a_question() {
    for close in ["esc", "q"] {
        let (mut ui, _sample) = secret(&[("value", "old")]).await;
        refused_edit(&mut ui);
        ui.key(close);
        assert!(ui.screen().contains("Drop what was typed?"), "{}", ui.screen());
        for no in ["n", "esc"] {
            ui.key(no);
            assert_eq!(ui.model.context(), Context::Unsaved, "{no}");
            ui.key(close);
        }
        ui.key("n r");
        assert_eq!(words(&ui.effects), "write a on None: value");
        refuse(&mut ui);
        ui.key(close).key("y");
        assert_eq!((ui.model.context(), ui.effects.len()), (Context::Browse, 0));
    }
}

/// What was typed outlives a look at the history, and a roll-back there.
#[tokio::test]
async fn a_roll_back_keeps_what_was_typed() {
    for form in [true, false] {
        let (mut ui, sample) = secret(&[("value", "old")]).await;
        match form {
            true => {
                ui.key("r");
                answer(&mut ui, &sample).await;
                ui.text("typed").key("enter");
                refuse(&mut ui);
            }
            false => refused_edit(&mut ui),
        }
        ui.key("h");
        let id = id_of(&ui.effects[0]);
        sample.put("a", &[("value", "theirs")]).await;
        let versions = sample.vault.history(&path("a")).await.unwrap();
        ui.send(Message::Versions(id, path("a"), Ok(versions))).key("down r y");
        let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
        ui.send(Message::Done(id, change, Ok(())));
        assert_eq!(ui.model.context(), Context::Unsaved, "the history alone is closed");
        if form {
            ui.key("esc");
            let Some(Popup::Form(form)) = ui.model.popups.last() else { panic!() };
            assert_eq!(form.lines[0].input.text(), "typed");
            ui.key("esc");
            assert_eq!(ui.model.context(), Context::Confirm);
        } else {
            ui.key("r");
            assert_eq!(words(&ui.effects), "write a on None: value");
        }
    }
}

/// A form that was opened meanwhile has nothing to do with the change that was refused.
#[tokio::test]
async fn a_refused_edit_leaves_another_form_alone() {
    let (mut ui, _sample) = secret(&[("value", "old")]).await;
    ui.key("e");
    let id = id_of(&ui.effects[0]);
    let set = vec![("value".to_owned(), None, Secret::copy_of(b"edited"))];
    let draft = Draft { path: path("a"), base: Some(1), edits: Edits { set, ..Edits::default() } };
    ui.send(Message::Edited(id, path("a"), Ok(Some(draft))));
    let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
    ui.key("a").text("other");
    let error = Error::conflict("a is at version 2, not 1");
    ui.send(Message::Wrote(id, path("a"), Err((error, draft)))).key("esc");
    assert_eq!(ui.model.context(), Context::Confirm, "the edit is in no form");
    ui.key("n r");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Wrote(id, path("a"), Ok(3)));
    let Some(Popup::Form(form)) = ui.model.popups.last() else { panic!("the form is gone") };
    assert_eq!((form.lines[0].input.text(), form.busy), ("other", None));
}

/// Answers the change that was just asked for, and says which one it was.
fn change(ui: &mut Ui, answer: Result<(), Error>) -> Change {
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!("no change") };
    ui.send(Message::Done(id, change.clone(), answer));
    change
}

/// Deletes `a` and `b`, in this order.
fn two_deleted() -> Ui {
    let mut ui = Ui::with_names(SIZE, &["a", "b", "c"]);
    for name in ["a", "b"] {
        assert_eq!(ui.selected(), name);
        ui.key("d y");
        assert_eq!(change(&mut ui, Ok(())), Change::Delete(path(name)));
    }
    ui
}

#[test]
fn deletions_are_taken_back_one_after_the_other() {
    let mut ui = two_deleted();
    assert_eq!(ui.status(), "Deleted b; u brings it back.");
    ui.key("u");
    assert_eq!(change(&mut ui, Ok(())), Change::Undelete(path("b")));
    assert_eq!(ui.status(), "b is back; u brings a back.");
    ui.key("u");
    assert_eq!(change(&mut ui, Ok(())), Change::Undelete(path("a")));
    assert_eq!(ui.status(), "a is back.");
    ui.key("u");
    assert_eq!((ui.status().as_str(), ui.effects.len()), ("There is nothing to take back.", 0));
    // Over a lock nothing is kept.
    let mut ui = two_deleted();
    ui.key("L");
    assert!(ui.model.undo.is_empty());
}

/// One that failed is the next again; one that cannot be done any more is not in the way.
#[test]
fn what_could_not_be_taken_back_stays_in_its_place() {
    for (error, next) in [
        (Error::new(Kind::Network, "no answer"), "b"),
        (Error::conflict("b was written meanwhile"), "a"),
        (Error::not_found("there is no b"), "a"),
    ] {
        let mut ui = two_deleted();
        ui.key("u");
        change(&mut ui, Err(error));
        assert!(ui.status().starts_with("error: "), "{}", ui.status());
        ui.key("u");
        assert_eq!(change(&mut ui, Ok(())), Change::Undelete(path(next)));
    }
}

/// A paste that no line takes changes nothing, and says so; one that just fits is taken.
#[test]
fn a_paste_that_is_too_long_says_so() {
    const MOST: usize = 64 * 1024;
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("a tab").text("x");
    ui.send(Message::Paste(Secret::new(vec![b'y'; MOST])));
    assert_eq!(ui.status(), "! too long to paste here: e opens the editor");
    let typed = |ui: &Ui| match ui.model.popups.last() {
        Some(Popup::Form(form)) => form.lines[1].input.secret().len(),
        _ => panic!("no form"),
    };
    assert_eq!(typed(&ui), 1);
    ui.send(Message::Paste(Secret::new(vec![b'y'; MOST - 1])));
    assert_eq!(typed(&ui), MOST);
    // No editor opens the palette's line.
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key(":").send(Message::Paste(Secret::new(vec![b'y'; MOST + 1])));
    assert_eq!(ui.status(), "! too long to paste here");
}

/// Nothing that was typed is kept over a lock; whoever comes back is told.
#[tokio::test]
async fn a_lock_says_that_it_dropped_what_was_typed() {
    const DROPPED: &str = "! Locked: nobody was here. What was typed was dropped.";
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("a").text("x").after(300_000);
    assert_eq!((ui.status().as_str(), ui.model.context()), (DROPPED, Context::Unlock));
    assert!(ui.screen().contains(DROPPED) && ui.model.popups.is_empty());
    let (mut ui, _sample) = secret(&[("value", "old")]).await;
    refused_edit(&mut ui);
    ui.after(300_000);
    assert_eq!(ui.status(), DROPPED);
    // An empty form, or none: nothing was lost.
    for key in ["a", "home"] {
        let mut ui = Ui::with_names(SIZE, &["a"]);
        ui.key(key).after(300_000);
        assert_eq!(ui.status(), "Locked: nobody was here.", "{key}");
    }
}

/// Unlocks, and reads the names.
fn unlock(ui: &mut Ui) {
    ui.open();
    ui.list(vec![path("a")]);
}

/// A write goes on over a lock. That it failed is told, whenever the answer comes.
#[test]
fn a_write_that_fails_after_the_lock_is_told() {
    let written = |ui: &mut Ui| {
        ui.key("a ctrl-u").text("b").key("tab").text("secret-words").key("ctrl-s");
        let Some(Effect::Write(id, draft)) = ui.effects.pop() else { panic!() };
        ui.after(300_000);
        assert_eq!(ui.status(), "Locked: nobody was here.", "it is not dropped");
        (id, draft)
    };
    let says = "error: writing b failed after the lock: no answer";
    let error = || Error::new(Kind::Network, "no answer").hint("look at the cable");
    for before in [true, false] {
        let mut ui = Ui::with_names(SIZE, &["a"]);
        let (id, draft) = written(&mut ui);
        if before {
            ui.send(Message::Wrote(id, path("b"), Err((error(), draft))));
            assert!(!ui.screen().contains("writing b"), "names are not told while it is locked");
            unlock(&mut ui);
        } else {
            unlock(&mut ui);
            assert_eq!(ui.status(), "Loaded 1 name.");
            ui.send(Message::Wrote(id, path("b"), Err((error(), draft))));
        }
        assert_eq!(ui.status(), says);
        assert!(ui.model.popups.is_empty(), "what was typed is not kept");
        // Once.
        ui.key("down L");
        unlock(&mut ui);
        assert_eq!(ui.status(), "Loaded 1 name.");
    }
    // One that was done is nothing to tell.
    let mut ui = Ui::with_names(SIZE, &["a"]);
    let (id, _) = written(&mut ui);
    ui.send(Message::Wrote(id, path("b"), Ok(1)));
    unlock(&mut ui);
    assert_eq!(ui.status(), "Loaded 1 name.");
    // Deletions are writes, too.
    let mut ui = Ui::with_names(SIZE, &["a"]);
    ui.key("d y");
    let Some(Effect::Change(id, change)) = ui.effects.pop() else { panic!() };
    ui.key("L").send(Message::Done(id, change, Err(error())));
    unlock(&mut ui);
    assert_eq!(ui.status(), "error: deleting a failed after the lock: no answer");
}

/// The wheel moves what it is over; the keys stay where they are.
#[test]
fn the_wheel_moves_the_pane_under_the_pointer() {
    let mut ui = Ui::with_names((140, 40), &["a/x", "b/y", "b/z"]);
    let wheel = |ui: &mut Ui, column, row| {
        let modifiers = KeyModifiers::NONE;
        let kind = MouseEventKind::ScrollDown;
        ui.send(Message::Mouse(MouseEvent { kind, column, row, modifiers }));
    };
    ui.key("backtab");
    assert_eq!(ui.model.focus, Pane::Folders);
    wheel(&mut ui, 60, 5);
    assert_eq!((ui.model.folder.0, ui.selected(), ui.model.focus), (0, "b/z", Pane::Folders));
    ui.key("tab");
    wheel(&mut ui, 5, 5);
    assert_eq!((ui.model.rows.folder(), ui.model.focus), ("b", Pane::List));
    // Where no pane is, the one that has the keys moves.
    ui.key("home");
    wheel(&mut ui, 5, 0);
    assert_eq!(ui.selected(), "b/z");
    let mut ui = Ui::with_names((80, 16), &["a", "b"]);
    wheel(&mut ui, 60, 5);
    assert_eq!((ui.model.detail_top, ui.selected(), ui.model.focus), (1, "a", Pane::List));
}

/// At the step of the first start that asks for a passphrase.
async fn at_the_passphrase() -> Ui {
    let mut ui = state(Context::Setup, SIZE).await;
    ui.key("enter enter");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Vacant(id, Ok(Identity::Missing)));
    ui
}

fn setup(ui: &Ui) -> &vault::tui::setup::Setup {
    match &ui.model.screen {
        Screen::Setup(setup) => setup,
        _ => panic!("the first start is over"),
    }
}

/// Nobody sees in which of two hidden lines a slip is: both are typed again.
#[tokio::test]
async fn passphrases_that_differ_are_typed_again() {
    let mut ui = at_the_passphrase().await;
    ui.text("one").key("enter").text("two").key("enter");
    assert!(ui.screen().contains("the two differ") && ui.effects.is_empty());
    assert!(setup(&ui).passphrase.iter().all(|input| input.secret().is_empty()));
    assert_eq!(setup(&ui).focus, 0);
    ui.text("one").key("enter").text("one").key("enter");
    assert_eq!(words(&ui.effects), "make words");
}

/// A wrong recovery word goes when the next one is typed or pasted; keys that edit it keep it.
#[tokio::test]
async fn a_wrong_recovery_word_is_replaced_by_what_is_typed() {
    let right = identity(7).to_words();
    let right: Vec<&str> = right.text().unwrap().split(' ').collect();
    for how in ["type", "paste", "edit"] {
        let mut ui = at_the_passphrase().await;
        ui.text("one").key("enter").text("one").key("enter");
        let id = id_of(&ui.effects[0]);
        ui.send(Message::Words(id, Box::new(identity(7)))).key("enter");
        let word = right[setup(&ui).asked()[0] - 1];
        ui.text(word).text("x").key("enter");
        assert!(ui.screen().contains("is another one"), "{}", ui.screen());
        match how {
            "type" => drop(ui.text(word)),
            "paste" => drop(ui.send(Message::Paste(Secret::copy_of(word.as_bytes())))),
            _ => drop(ui.key("backspace")),
        }
        assert_eq!(setup(&ui).answers[0].text(), word, "{how}");
        // Only the first time.
        ui.text("y");
        assert_eq!(setup(&ui).answers[0].text(), format!("{word}y"), "{how}");
    }
}
