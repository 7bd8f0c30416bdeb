//! What is drawn of the team: popups and the line of news that no context alone shows.

use vault::tui::keys::Context;
use vault::tui::message::Message;
use vault::tui::rows::Mark;
use vault::vault::{Loss, Meanwhile, Recovered, Resealed};

use super::keys::state;
use super::screens::{SIZES, draw};
use super::team_samples::{asked, members, public, remove};

#[tokio::test]
async fn forms() {
    for size in SIZES {
        for (key, name) in [("a", "member-add"), ("r", "member-role"), ("d", "member-remove")] {
            let mut ui = state(Context::Browse, size).await;
            members(&mut ui, "mira").key(key);
            if key == "a" {
                ui.text(&public(7)).key("down").text("kim").key("down").text("read");
            }
            draw(name, &mut ui);
        }
        let mut ui = state(Context::Browse, size).await;
        members(&mut ui, "sam");
        draw("members-no-admin", &mut ui);
    }
}

#[tokio::test]
async fn sealing() {
    for size in SIZES {
        let mut ui = state(Context::Browse, size).await;
        remove(&mut ui, Meanwhile::default());
        let id = asked(&ui, "reseal");
        ui.send(Message::Sealing(id, 12, 40));
        draw("sealing", &mut ui);
        let sealed = Resealed { done: 40, ..Resealed::default() };
        ui.send(Message::Sealed(id, Ok(sealed)));
        let id = asked(&ui, "exposure");
        ui.send(Message::Exposed(id, Ok(vec![])));
        draw("nothing-to-change", &mut ui);
    }
}

#[tokio::test]
async fn news_and_marks() {
    for size in SIZES {
        let mut ui = state(Context::Browse, size).await;
        let used = Recovered { seq: 7, member: "bob".to_owned() };
        ui.send(Message::Recovery(vec![used]));
        draw("recovery-used", &mut ui);
        ui.model.news.loss = Some(Loss { notes: 3, unnamed: 2, ..Loss::default() });
        draw("back-from-a-backup", &mut ui);
        let mut ui = state(Context::Browse, size).await;
        ui.model.rows.narrow(Mark::Stale);
        ui.key("backtab end up");
        draw("change-needed", &mut ui);
    }
}
