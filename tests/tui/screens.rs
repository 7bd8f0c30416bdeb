//! What is drawn: every screen and popup at three sizes, with colours and without.

use vault::config::interface::Theme as Choice;
use vault::tui::keys::Context;
use vault::tui::message::{Identity, Message, Purpose};
use vault::tui::model::{Popup, Screen, Start};
use vault::tui::setup::{Setup, Step};
use vault::tui::theme::Theme;
use vault::vault::{DeviceIdentity, Error, FieldType, Secret};

use super::keys::state;
use super::ui::{Sample, Ui, id_of, picture, start};
use crate::support::{identity, path};

pub const SIZES: [(u16, u16); 3] = [(80, 24), (140, 40), (40, 10)];

/// Draws the same state everywhere.
pub fn draw(name: &str, ui: &mut Ui) {
    let (width, height) = ui.model.size;
    for (choice, theme) in [(Choice::Ansi, "normal"), (Choice::Mono, "mono")] {
        ui.model.theme = Theme::new(choice, false);
        let picture = picture(ui, choice);
        insta::assert_snapshot!(format!("{name}-{width}x{height}-{theme}"), picture);
    }
}

#[tokio::test]
async fn contexts() {
    for size in SIZES {
        for (context, title) in Context::ALL {
            let name = title.to_lowercase().replace(' ', "-");
            let mut ui = state(context, size).await;
            if let Some(Popup::Generator(generator)) = ui.model.popups.last_mut() {
                generator.value = Secret::copy_of(b"generated-value");
            }
            draw(&name, &mut ui);
        }
    }
}

#[tokio::test]
async fn revealed() {
    let sample = Sample::new().await;
    for size in SIZES {
        let mut ui = state(Context::Browse, size).await;
        ui.key("enter");
        let id = id_of(&ui.effects[0]);
        let opened = sample.read(None).await;
        ui.send(Message::Opened(id, Purpose::Reveal, path("acme/db/password"), Ok(opened)));
        if size == (40, 10) {
            ui.key("tab");
        }
        assert!(ui.model.shown.is_some());
        draw("revealed", &mut ui);
    }
}

#[tokio::test]
async fn fields_and_edit_form() {
    let sample = Sample::new().await;
    for size in SIZES {
        let mut ui = state(Context::Browse, size).await;
        ui.key("Y");
        let id = id_of(&ui.effects[0]);
        let fields = vec![
            ("value".to_owned(), FieldType::Secret),
            ("user".to_owned(), FieldType::Text),
            ("otp".to_owned(), FieldType::Otp),
        ];
        ui.send(Message::Fields(id, path("acme/db/password"), Ok(fields)));
        draw("copy-field", &mut ui);
        let mut ui = state(Context::Browse, size).await;
        ui.key("E");
        let id = id_of(&ui.effects[0]);
        let opened = sample.read(None).await;
        ui.send(Message::Opened(id, Purpose::Edit, path("acme/db/password"), Ok(opened)));
        draw("edit", &mut ui);
        ui.text("x").key("esc");
        draw("drop", &mut ui);
    }
}

#[tokio::test]
async fn waiting_and_empty() {
    for size in SIZES {
        let mut ui = Ui::with_names(size, &[]);
        draw("empty", &mut ui);
        ui.key(".").after(200);
        draw("waiting", &mut ui);
        let mut ui = state(Context::Browse, size).await;
        ui.key("backtab");
        draw("folders", &mut ui);
        let mut ui = Ui::with_names(size, &[]);
        ui.key(".");
        let id = ui.listing();
        let error = Error::not_found("there is no store at /srv/vault/team").hint("look there");
        ui.send(Message::NamesEnd(id, Err(error)));
        draw("not-listed", &mut ui);
    }
}

#[test]
fn first_start() {
    for size in SIZES {
        for step in [Step::Where, Step::Bucket, Step::Passphrase, Step::Words, Step::Check] {
            let mut ui = Ui::new(Start { vaults: vec![], vault: None, ..start(size) });
            let mut setup =
                Setup::new("/home/mira/vaults/main".to_owned(), Some("mira".to_owned()));
            setup.identity = Identity::Missing;
            let recovery: DeviceIdentity = identity(7);
            let words = recovery.to_words();
            setup.recovery = Some((Box::new(recovery), words));
            setup.step = step;
            ui.model.screen = Screen::Setup(Box::new(setup));
            if let Screen::Setup(setup) = &mut ui.model.screen
                && step == Step::Bucket
            {
                setup.location.insert("s3://acme-vault/prod");
                setup.bucket[0].insert("eu-west-1");
            }
            if step == Step::Passphrase {
                ui.text("hunter2");
            }
            draw(&format!("first-start-{step:?}").to_lowercase(), &mut ui);
            if matches!(step, Step::Words | Step::Check) {
                ui.text("half a wo").send(Message::Focus(false));
                draw(&format!("first-start-{step:?}-hidden").to_lowercase(), &mut ui);
            }
        }
    }
}

/// Without colours every state still has a sign: nothing but bold and reversed is written.
#[tokio::test]
async fn mono_has_no_colour_and_ascii_is_ascii() {
    for (context, _) in Context::ALL {
        for size in SIZES {
            let mut ui = state(context, size).await;
            ui.model.theme = Theme::new(Choice::Mono, true);
            ui.model.ascii = true;
            for cell in &ui.frame().content {
                assert_eq!(cell.fg, ratatui::style::Color::Reset, "{context:?}");
                assert_eq!(cell.bg, ratatui::style::Color::Reset, "{context:?}");
                let symbol = cell.symbol();
                assert!(symbol.is_ascii(), "{context:?}: {symbol}");
            }
        }
    }
}

/// No size makes it panic, and every one that has room shows the name under the cursor.
#[tokio::test]
async fn every_size_can_be_drawn() {
    for (context, _) in Context::ALL {
        for (width, height) in [
            (0, 0),
            (1, 1),
            (39, 8),
            (40, 7),
            (40, 8),
            (59, 16),
            (60, 15),
            (119, 16),
            (300, 4),
            (12, 90),
            (200, 90),
        ] {
            let mut ui = state(context, (80, 24)).await;
            ui.send(Message::Resize(width, height));
            if width > 0 && height > 0 {
                ui.screen();
            }
        }
    }
}
