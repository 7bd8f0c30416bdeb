//! The team in the UI: keys and answers go in, effects and frames come out.

use vault::tui::effect::Effect;
use vault::tui::keys::Context;
use vault::tui::message::Message;
use vault::tui::rows::Mark;
use vault::tui::team::{TeamAnswer, TeamChange};
use vault::vault::{Changed, Error, Grant, Kind, Loss, Meanwhile, Recovered, Resealed, Role};

use super::keys::state;
use super::ui::{Ui, id_of, words};
use crate::support::path;

use super::team_samples::*;

#[tokio::test]
async fn the_members_of_what_is_under_the_cursor() {
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("m");
    assert_eq!(words(&ui.effects), "team at Secret(SecretPath(\"acme/db/password\"))");
    assert!(!ui.screen().contains("reading …"));
    ui.after(200);
    assert!(ui.screen().contains("reading …"));
    ui.key("esc");
    assert_eq!(words(&ui.effects), "cancel");
    ui.key("backtab down m");
    assert_eq!(words(&ui.effects), "team at Folder(\"acme\")");
    answer_team(&mut ui, "mira");
    let screen = ui.screen();
    for part in [
        "Members of main",
        "Holds what is in no other group.",
        "Generation 3, key of the group's own.",
        "> jon                      read, write acme/ci/",
        "  mira (you)               admin",
        "  sam                      read, write ",
        "  zoe                      not in this group",
        &words_of(11),
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(!screen.contains("Only an admin"), "{screen}");
    ui.key("down");
    let screen = ui.screen();
    assert!(screen.contains(&words_of(12)) && screen.contains(&words_of(13)), "{screen}");
    let mut ui = Ui::with_names(SIZE, &[]);
    ui.key("m");
    assert_eq!(words(&ui.effects), "team at Folder(\"\")");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Team(id, Err(Error::new(Kind::Network, "no answer"))));
    assert!(ui.model.popups.is_empty() && ui.status() == "error: no answer");
}

#[tokio::test]
async fn whoever_is_no_admin_sees_everything_and_is_told_who_is() {
    for key in ["a", "r", "d"] {
        let mut ui = state(Context::Browse, SIZE).await;
        members(&mut ui, "sam");
        assert!(ui.screen().contains("Only an admin changes the team: mira."));
        ui.key(key);
        assert_eq!(ui.status(), "Only an admin changes the team: mira.", "{key}");
        assert!(ui.effects.is_empty() && ui.model.context() == Context::Members, "{key}");
    }
}

#[tokio::test]
async fn adding_shows_the_words_before_and_the_join_string_after() {
    let mut ui = state(Context::Browse, SIZE).await;
    members(&mut ui, "mira").key("a");
    assert!(ui.screen().contains("vault id show"));
    ui.send(Message::Paste(vault::vault::Secret::new(format!("{}\n", public(7)).into_bytes())));
    let screen = ui.screen().replace('\n', " ");
    assert!(screen.contains("Compare with them: "), "{screen}");
    for word in words_of(7).split(' ') {
        assert!(screen.contains(word), "{word}: {screen}");
    }
    ui.key("ctrl-s");
    assert!(ui.effects.is_empty() && ui.screen().contains("the name is missing"));
    ui.key("tab").text("kim").key("tab").text("owner").key("ctrl-s");
    assert!(ui.effects.is_empty() && ui.screen().contains("a role is read, write or admin"));
    ui.key("ctrl-u").text("Write").key("tab").text("dev").key("enter");
    let wanted = format!("add kim {} Some(Grant {{ role: Write, path: ", words_of(7));
    assert!(words(&ui.effects).starts_with(&wanted), "{}", words(&ui.effects));
    // It is not left half-way.
    ui.key("esc").key("ctrl-s");
    assert!(ui.effects.is_empty() && ui.model.context() == Context::Form);
    let id = ui.model.requests.last().unwrap().id;
    let error = Error::conflict("this is a device of sam already");
    ui.send(Message::TeamChanged(id, change_of("kim", 7), Err(error)));
    assert!(ui.screen().contains("a device of sam already"), "what was typed is kept");
    ui.key("ctrl-s");
    let id = id_of(&ui.effects[0]);
    let answer = TeamAnswer::Joined(joined("kim", 7));
    ui.send(Message::TeamChanged(id, change_of("kim", 7), Ok(answer)));
    assert_eq!(ui.model.context(), Context::Joined);
    assert!(words(&ui.effects).starts_with("team at"), "the list is read again");
    let screen = ui.screen();
    assert!(screen.contains(&words_of(7)) && screen.contains("vault-join1"), "{screen}");
    ui.key("y");
    let [Effect::CopyText(id, what, text)] = &ui.effects[..] else { panic!() };
    assert_eq!((*what, text.text()), ("the join string", Some(&*joined("kim", 7).join)));
    let id = *id;
    ui.send(Message::Copied(id, "the join string".into(), Ok(vault::tui::message::Copied::Held)));
    assert!(ui.status().starts_with("Copied the join string"), "{}", ui.status());
    ui.key("esc");
    assert_eq!(ui.model.context(), Context::Members);
}

#[tokio::test]
async fn what_is_no_identity_is_refused() {
    let cut = public(7);
    for wrong in ["", "vault-id1AAAA", &cut[..cut.len() - 1], "vault-join1abc"] {
        let mut ui = state(Context::Browse, SIZE).await;
        members(&mut ui, "mira").key("a").text(wrong).key("down").text("kim");
        ui.key("down").text("read").key("ctrl-s");
        assert!(ui.effects.is_empty(), "{wrong}");
        assert!(ui.screen().contains("not a vault-id1"), "{wrong}\n{}", ui.screen());
        assert!(!ui.screen().contains("Compare"), "{wrong}");
    }
}

#[tokio::test]
async fn a_role_is_said_in_a_word() {
    for (typed, folder, wanted) in [
        ("read", "", "Role(\"jon\", Grant { role: Read, path: None })"),
        ("write", "dev/", "Role(\"jon\", Grant { role: Write, path: Some("),
        ("none", "dev", "Role(\"jon\", Grant { role: None, path: Some("),
        // An admin is one everywhere.
        ("admin", "dev", "Role(\"jon\", Grant { role: Admin, path: None })"),
        ("", "", ""),
        ("rw", "", ""),
        ("read", "/dev", ""),
    ] {
        let mut ui = state(Context::Browse, SIZE).await;
        members(&mut ui, "mira").key("r").text(typed).key("tab").text(folder).key("ctrl-s");
        let done = words(&ui.effects);
        assert!(done.starts_with(wanted) && done.is_empty() == wanted.is_empty(), "{done}");
    }
    // Rights that are given open no generation: nothing is sealed, nothing reported.
    let mut ui = state(Context::Browse, SIZE).await;
    members(&mut ui, "mira").key("r").text("write").key("ctrl-s");
    let (id, grant) = (id_of(&ui.effects[0]), Grant { role: Role::Write, path: None });
    let (groups, kms_keys, meanwhile) = (vec![], vec![], Meanwhile::default());
    let changed = Changed::Now(note(groups, kms_keys, meanwhile));
    let change = TeamChange::Role("jon".into(), grant);
    ui.send(Message::TeamChanged(id, change, Ok(TeamAnswer::Changed(changed))));
    assert_eq!(ui.model.context(), Context::Members);
    assert!(!words(&ui.effects).contains("reseal"), "{}", words(&ui.effects));
}

#[tokio::test]
async fn a_removal_takes_the_name_and_leads_to_the_values() {
    let mut ui = state(Context::Browse, SIZE).await;
    members(&mut ui, "mira").key("d").text("john").key("enter");
    assert!(ui.effects.is_empty() && ui.screen().contains("that is not jon"));
    let mut ui = state(Context::Browse, SIZE).await;
    report(&mut ui);
    let screen = ui.screen();
    for part in [
        "jon was removed",
        "Note 9 says so. New generation: main.",
        "4 values sealed anew, 1 was already.",
        "Change these values",
        "> ! acme/db/password",
        "v4: jon was removed",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    ui.key("down enter");
    assert!(ui.model.popups.is_empty());
    assert_eq!(ui.selected(), "home/wifi");
    // Where a filter hides the secret, it goes.
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("/").text("router").key("enter");
    report(&mut ui).key("enter");
    assert_eq!(ui.selected(), "acme/db/password");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let mut ui = state(Context::Browse, SIZE).await;
    members(&mut ui, "mira").key("down d").text("mira").key("enter");
    let id = id_of(&ui.effects[0]);
    let error =
        Error::usage("the team cannot be changed like this: the last admin cannot be removed")
            .hint("make somebody else an admin first: vault member role NAME admin");
    ui.send(Message::TeamChanged(id, TeamChange::Remove("mira".into()), Err(error)));
    assert_eq!(ui.model.context(), Context::Form);
    let screen = ui.screen();
    assert!(screen.contains("last admin cannot"), "{screen}");
    assert!(screen.contains("in the members, r"), "the hint names a key: {screen}");
}

#[tokio::test]
async fn sealing_can_be_stopped_and_goes_on_later() {
    let mut ui = state(Context::Browse, SIZE).await;
    remove(&mut ui, Meanwhile::default());
    let id = asked(&ui, "reseal but 0");
    ui.send(Message::Sealing(id, 2, 40)).after(200);
    assert!(ui.screen().contains("2/40  Esc stops"), "{}", ui.screen());
    ui.key("esc");
    assert_eq!(words(&ui.effects), "cancel");
    assert_eq!(ui.model.context(), Context::Report, "what was begun is finished first");
    assert!(ui.screen().contains("stopping"));
    let sealed = Resealed { done: 5, left: 35, ..Resealed::default() };
    ui.send(Message::Sealed(id, Ok(sealed)));
    assert!(ui.screen().contains("Stopped: 35 are left; s goes on."), "{}", ui.screen());
    let id = asked(&ui, "exposure");
    ui.send(Message::Exposed(id, Ok(vec![]))).key("s");
    assert_eq!(words(&ui.effects), "Again");
    let id = id_of(&ui.effects[0]);
    let before = TeamAnswer::Changed(Changed::Before(Meanwhile::default()));
    ui.send(Message::TeamChanged(id, TeamChange::Again, Ok(before)));
    asked(&ui, "reseal but 0");
    // Closed for good while the last ones are finished: the line at the bottom tells.
    let id = asked(&ui, "reseal");
    ui.key("esc esc");
    assert_eq!(ui.model.context(), Context::Members);
    let sealed = Resealed { done: 1, left: 2, ..Resealed::default() };
    ui.send(Message::Sealed(id, Ok(sealed)));
    assert!(ui.status().contains("2 are left"), "{}", ui.status());
    assert!(!words(&ui.effects).contains("exposure"));
}

#[tokio::test]
async fn what_could_not_be_sealed_is_named() {
    let mut ui = state(Context::Browse, SIZE).await;
    remove(&mut ui, Meanwhile::default());
    let id = asked(&ui, "reseal");
    let failed = ["a", "b", "c", "d"].map(|n| (path(n), Error::general("disk \u{1b}[31m full")));
    let sealed = Resealed { failed: failed.into(), skipped: 2, ..Resealed::default() };
    ui.send(Message::Sealed(id, Ok(sealed)));
    let screen = ui.screen();
    for part in ["2 are not yours to write", "c: disk \\u{1b}[31m full", "1 more; s tries"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
}

#[tokio::test]
async fn late_writes_are_asked_about_before_anything_is_sealed() {
    for (key, wanted) in [("a", "Adopt a 2"), ("d", "Drop a 2")] {
        let mut ui = state(Context::Browse, SIZE).await;
        late(&mut ui).await;
        assert!(!words(&ui.effects).contains("reseal"));
        assert!(ui.screen().contains("bob wrote version 2 of a"), "{}", ui.screen());
        ui.key(key);
        assert_eq!(words(&ui.effects), wanted);
        let Some(Effect::Resolve(id, decision)) = ui.effects.pop() else { panic!() };
        ui.send(Message::Resolved(id, decision, Ok(true)));
        asked(&ui, "reseal but 0");
    }
    // Undecided: that path is not sealed anew, which would decide it.
    let mut ui = state(Context::Browse, SIZE).await;
    late(&mut ui).await.key("esc");
    asked(&ui, "reseal but 1");
    assert!(ui.screen().contains("a: version 2 does not count; s asks again."));
    let mut ui = state(Context::Browse, SIZE).await;
    late(&mut ui).await.key("a");
    let Some(Effect::Resolve(id, decision)) = ui.effects.pop() else { panic!() };
    ui.send(Message::Resolved(id, decision, Err(Error::integrity("it is another one now"))));
    asked(&ui, "reseal but 1");
}

#[tokio::test]
async fn the_log_is_scrolled_and_escaped() {
    let mut ui = state(Context::Log, SIZE).await;
    let screen = ui.screen();
    let first = screen.find("jon was removed").unwrap();
    assert!(first < screen.find("the vault was made").unwrap(), "{screen}");
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'));
    ui.key("G");
    assert!(ui.screen().contains("note 0, mira: the vault was made"), "{}", ui.screen());
    ui.key("home down");
    assert!(ui.screen().contains("note 9, mira: the group main has a new generation"));
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("T");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Log(id, Err(Error::integrity("note 3 of the team is gone"))));
    assert!(ui.model.popups.is_empty() && ui.status().contains("note 3"));
    assert!(words(&ui.effects).contains("loss"), "is more gone?");
}

#[tokio::test]
async fn a_locked_secret_says_whose_it_is_and_who_can_grant_it() {
    for (key, word) in [("enter", "read"), ("E", "read")] {
        let mut ui = state(Context::Browse, SIZE).await;
        ui.key("G").key(key);
        let id = asked(&ui, word);
        let purpose = match key {
            "enter" => vault::tui::message::Purpose::Reveal,
            _ => vault::tui::message::Purpose::Edit,
        };
        let denied = Error::denied("this identity cannot open the group payments");
        ui.send(Message::Opened(id, purpose, path("home/wifi"), Err(denied)));
        assert_eq!(ui.status(), "! Locked: in the group payments. mira can grant it.", "{key}");
    }
    // Denied for another reason: that is what is said.
    let mut ui = state(Context::Browse, SIZE).await;
    ui.key("y");
    let id = id_of(&ui.effects[0]);
    let denied = Error::denied("kms:Decrypt is missing");
    ui.send(Message::Copied(id, "the value".into(), Err(denied)));
    assert_eq!(ui.status(), "error: kms:Decrypt is missing");
}

#[tokio::test]
async fn marks_narrow_the_list() {
    let mut ui = state(Context::Browse, (140, 40)).await;
    let screen = ui.screen();
    assert!(screen.contains("! change needed"), "{screen}");
    // Folders: all, acme, ci, db, home; then the two marks.
    ui.key("backtab end");
    assert_eq!(ui.model.rows.mark(), Some(Mark::Locked));
    assert_eq!((ui.model.rows.len(), ui.selected()), (1, "home/wifi"));
    ui.key("up");
    assert_eq!(ui.model.rows.mark(), Some(Mark::Stale));
    assert_eq!((ui.model.rows.len(), ui.selected()), (1, "home/router"));
    ui.key("up");
    assert_eq!((ui.model.rows.mark(), ui.model.rows.folder()), (None, "home"));
    ui.key("down enter esc");
    assert_eq!((ui.model.rows.mark(), ui.model.rows.len()), (None, 5));
    // What is not known yet is asked for, wherever it is.
    let mut ui = state(Context::Browse, (80, 24)).await;
    ui.model.rows.ask_again();
    let names = (0..100).map(|i| path(&format!("more/{i:03}")));
    let id = {
        ui.key(".");
        ui.listing()
    };
    let mut all: Vec<_> = super::keys::NAMES.iter().map(|name| path(name)).collect();
    all.extend(names);
    ui.send(Message::Names(id, all)).send(Message::NamesEnd(id, Ok(())));
    let ids: Vec<u64> = ui.model.requests.iter().map(|request| request.id).collect();
    for id in ids {
        ui.send(Message::Described(id, vec![]));
    }
    ui.key("backtab end enter");
    let asked = words(&ui.effects);
    assert!(asked.contains("describe 8"), "all that was not seen: {asked}");
}

#[tokio::test]
async fn news_stay_until_somebody_has_seen_them() {
    let mut ui = state(Context::Browse, SIZE).await;
    let plain = ui.screen();
    let used = |seq, member: &str| Recovered { seq, member: member.to_owned() };
    ui.send(Message::Recovery(vec![used(4, "kim"), used(7, "bob\u{1b}")]));
    let screen = ui.screen();
    let line = screen.lines().nth(1).unwrap();
    assert!(line.contains("! The recovery key made kim, bob\\u{1b} admins."), "{line}");
    assert!(line.contains("T log") && line.contains("B seen"), "{line}");
    for key in ["down", "esc", ".", "?", "esc"] {
        ui.key(key);
        assert!(ui.model.banner(), "{key}");
    }
    let loss = Loss { notes: 1, unnamed: 2, ..Loss::default() };
    ui.model.suspicious = true;
    ui.key("down");
    let id = asked(&ui, "loss");
    ui.send(Message::Lost(id, Ok(loss)));
    let screen = ui.screen();
    let line = screen.lines().nth(1).unwrap();
    assert!(line.contains("`vault team restored`"), "{line}");
    ui.key("B");
    assert!(ui.effects.is_empty() && ui.screen().contains("The recovery key"));
    ui.key("B");
    assert_eq!(words(&ui.effects), "saw 7");
    assert!(!ui.model.banner());
    assert_eq!(ui.screen().lines().count(), plain.lines().count());
    ui.key("B");
    assert_eq!((ui.status().as_str(), ui.effects.len()), ("There are no news.", 0));
}

#[tokio::test]
async fn only_a_broken_store_is_asked_about_loss() {
    for (kind, asks) in [(Kind::Integrity, true), (Kind::Network, false), (Kind::Denied, false)] {
        let mut ui = state(Context::Browse, SIZE).await;
        ui.key("y");
        let id = id_of(&ui.effects[0]);
        ui.send(Message::Copied(id, "x".into(), Err(Error::new(kind, "no"))));
        assert_eq!(words(&ui.effects).contains("loss"), asks, "{kind:?}");
        if asks {
            let id = asked(&ui, "loss");
            ui.send(Message::Lost(id, Ok(Loss::default())));
            assert!(!ui.model.banner(), "nothing is gone");
        }
    }
}

#[tokio::test]
async fn an_answer_after_the_lock_is_dropped() {
    let mut ui = state(Context::Browse, SIZE).await;
    remove(&mut ui, Meanwhile::default());
    let id = asked(&ui, "reseal");
    ui.send(Message::Recovery(vec![Recovered { seq: 1, member: "kim".into() }]));
    ui.after(301_000);
    assert!(!ui.model.banner() && ui.model.popups.is_empty());
    ui.send(Message::Sealing(id, 1, 2));
    ui.send(Message::Sealed(id, Ok(Resealed::default())));
    assert!(ui.effects.is_empty());
    assert!(!ui.screen().contains("sealed"), "{}", ui.screen());
}
