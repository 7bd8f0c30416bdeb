//! Locking and unlocking.

use std::time::Duration;

use vault::tui::message::{Message, Now};
use vault::tui::model::{Screen, Start};
use vault::vault::Error;

use super::ui::{CANARY, UNIX, Ui, id_of, start, words};
use super::update::{SIZE, revealed};
use crate::support::path;

#[tokio::test]
async fn an_idle_or_sleeping_computer_locks() {
    let mut ui = revealed().await;
    ui.after(299_000);
    assert!(matches!(ui.model.screen, Screen::Browse));
    ui.after(1_000);
    assert_eq!(words(&ui.effects), "lock");
    assert!(matches!(ui.model.screen, Screen::Unlock(_)));
    assert_eq!((ui.model.rows.total(), ui.model.versions.is_none()), (0, true));
    assert!(!ui.screen().contains(CANARY) && ui.status().contains("nobody was here"));
    // The clock of the wall went on, that of the process did not.
    let mut ui = revealed().await;
    let running = ui.model.now.running + Duration::from_secs(1);
    ui.send(Message::Tick(Now { running, unix: UNIX + 7_200 }));
    assert!(ui.status().contains("slept"), "{}", ui.status());
    // A key keeps it open.
    let mut ui = revealed().await;
    ui.after(200_000).key("down").after(200_000);
    assert!(matches!(ui.model.screen, Screen::Browse));
    let mut never = start(SIZE);
    never.interface.lock_after = None;
    let mut ui = Ui::new(never);
    ui.open();
    ui.after(36_000_000);
    assert!(matches!(ui.model.screen, Screen::Browse));
}

#[test]
fn a_wrong_passphrase_says_so_and_is_forgotten() {
    let mut ui = Ui::new(start(SIZE));
    ui.key("enter");
    assert!(ui.effects.is_empty(), "nothing was typed");
    ui.text("wrong").key("enter");
    let id = id_of(&ui.effects[0]);
    assert_eq!(words(&ui.effects), "unlock team with a passphrase");
    ui.key("enter").text("x");
    assert!(ui.effects.is_empty(), "it is being opened");
    let error = Error::credentials("cannot open the identity").hint("the passphrase is wrong");
    ui.send(Message::Unlocked(id, Err(error)));
    let Screen::Unlock(unlock) = &ui.model.screen else { panic!() };
    assert!(unlock.input.secret().is_empty() && unlock.problem.is_some());
    assert!(ui.screen().contains("hint: the passphrase is wrong"));
    ui.text("right");
    assert!(!ui.screen().contains("right") && ui.screen().contains("●●●●●"));
    ui.key("ctrl-r");
    assert!(ui.screen().contains("right"));
    ui.send(Message::Focus(false));
    assert!(!ui.screen().contains("right"));
}

#[test]
fn an_identity_without_passphrase_opens_at_once_and_after_enter() {
    let mut ui = Ui::new(Start { sealed: false, ..start(SIZE) });
    assert_eq!(words(&ui.effects), "unlock team");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Unlocked(id, Ok(Default::default())));
    ui.list(vec![path("a")]);
    ui.key("L");
    assert_eq!(words(&ui.effects), "lock");
    ui.key("enter");
    assert_eq!(words(&ui.effects), "unlock team");
}

/// The agent opens it, until somebody locks the UI: that takes the passphrase.
#[test]
fn what_the_agent_holds_opens_at_once_but_not_after_a_lock() {
    let vaults = vec![("team".into(), "/v/team".into()), ("other".into(), "/v/other".into())];
    let mut ui = Ui::new(Start { sealed: true, held: true, vaults, ..start(SIZE) });
    assert_eq!(words(&ui.effects), "unlock team");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Unlocked(id, Ok(Default::default())));
    ui.list(vec![path("a")]);
    ui.key("V");
    ui.key("down enter");
    assert!(words(&ui.effects).ends_with("unlock other"), "{}", words(&ui.effects));
    let id = id_of(ui.effects.last().unwrap());
    ui.send(Message::Unlocked(id, Ok(Default::default())));
    ui.key("L");
    assert_eq!(words(&ui.effects), "lock");
    ui.key("enter");
    assert!(ui.effects.is_empty(), "a passphrase is asked for");
    ui.text("pass");
    ui.key("enter");
    assert_eq!(words(&ui.effects), "unlock other with a passphrase");
}

/// It went away between the start and the first request.
#[test]
fn an_agent_that_is_gone_leaves_the_passphrase_to_be_typed() {
    let mut ui = Ui::new(Start { sealed: true, held: true, ..start(SIZE) });
    let id = id_of(&ui.effects[0]);
    let gone = Error::credentials("the agent does not hold the identity any more");
    ui.send(Message::Unlocked(id, Err(gone)));
    assert!(ui.screen().contains("does not hold the identity any more"));
    ui.text("pass");
    ui.key("enter");
    assert_eq!(words(&ui.effects), "unlock team with a passphrase");
}
