//! A team, and what happens to it, for the tests of the UI.

use vault::tui::effect::Effect;
use vault::tui::message::Message;
use vault::tui::team::{Joined, Team, TeamAnswer, TeamChange};
use vault::vault::{
    Change, Changed, Exposed, Grant, Group, LogEntry, Meanwhile, Member, MemberDevice, Prefix,
    Resealed, Role, Rotated, Wrapping,
};

use super::ui::{UNIX, Ui, id_of, words};
use crate::people::late::{remove_while, team};
use crate::support::{identity, path};

pub const SIZE: (u16, u16) = (80, 24);

/// What `vault id show` prints for the identity of a seed.
pub fn public(seed: u8) -> String {
    identity(seed).id_string()
}

pub fn words_of(seed: u8) -> String {
    identity(seed).public().fingerprint()
}

pub fn member(name: &str, admin: bool, read: &[&str], write: &[&str], seeds: &[u8]) -> Member {
    let device = |seed: &u8| MemberDevice {
        id: identity(*seed).public().id().to_string(),
        words: words_of(*seed),
        recipient: identity(*seed).public().recipient.clone(),
    };
    Member {
        name: name.to_owned(),
        admin,
        read: read.iter().map(|group| (*group).to_owned()).collect(),
        write: write.iter().map(|folder| Prefix::parse(folder).unwrap()).collect(),
        devices: seeds.iter().map(device).collect(),
    }
}

/// The team of the group main, as `me` sees it.
pub fn seen_by(me: &str) -> Team {
    Team {
        group: Group {
            name: "main".into(),
            prefixes: vec![Prefix::default()],
            wrapping: Wrapping::Local,
            generation: 3,
            readers: ["jon", "mira", "sam"].map(str::to_owned).to_vec(),
        },
        members: vec![
            member("jon", false, &["main"], &["acme/ci"], &[11]),
            member("mira", true, &[], &[], &[12, 13]),
            member("sam", false, &["main"], &[""], &[14]),
            member("zoe", false, &["payments"], &["pay"], &[15]),
        ],
        me: Some(me.to_owned()),
    }
}

/// Opens the members; the cursor is on jon.
pub fn members<'u>(ui: &'u mut Ui, me: &str) -> &'u mut Ui {
    ui.key("m");
    answer_team(ui, me)
}

pub fn answer_team<'u>(ui: &'u mut Ui, me: &str) -> &'u mut Ui {
    let asked = ui.effects.iter().find(|e| matches!(e, Effect::Team(..)));
    let id = id_of(asked.expect("the team is asked for"));
    ui.send(Message::Team(id, Ok(seen_by(me))))
}

pub fn joined(name: &str, seed: u8) -> Joined {
    Joined {
        name: name.to_owned(),
        words: words_of(seed),
        vault: words_of(99),
        join: format!("vault-join1{}", "abcdefghij".repeat(14)),
    }
}

/// Adds a reader.
pub fn change_of(name: &str, seed: u8) -> TeamChange {
    let grant = Grant { role: Role::Read, path: None };
    TeamChange::Add(name.to_owned(), Box::new(identity(seed).public().clone()), Some(grant))
}

pub fn rotated(meanwhile: Meanwhile) -> TeamAnswer {
    let groups = vec!["main".to_owned()];
    TeamAnswer::Changed(Changed::Now(note(groups, vec![], meanwhile)))
}

pub fn note(groups: Vec<String>, kms_keys: Vec<String>, meanwhile: Meanwhile) -> Rotated {
    Rotated { seq: 9, groups, kms_keys, meanwhile, unshown: vec![], unnamed: 0 }
}

/// Removes jon; what came of it is answered.
pub fn remove(ui: &mut Ui, meanwhile: Meanwhile) {
    members(ui, "mira").key("d").text("jon").key("enter");
    assert_eq!(words(&ui.effects), "Remove(\"jon\")");
    let id = id_of(&ui.effects[0]);
    let change = TeamChange::Remove("jon".to_owned());
    ui.send(Message::TeamChanged(id, change, Ok(rotated(meanwhile))));
}

pub fn exposed(names: &[&str]) -> Vec<Exposed> {
    let one = |name: &&str| Exposed {
        path: path(name),
        version: 4,
        group: "main".to_owned(),
        seq: 9,
        why: vec!["jon was removed".to_owned()],
    };
    names.iter().map(one).collect()
}

/// The request of an effect of this kind.
pub fn asked(ui: &Ui, word: &str) -> u64 {
    let found = ui.effects.iter().find(|e| words(std::slice::from_ref(e)).starts_with(word));
    id_of(found.unwrap_or_else(|| panic!("no {word}: {}", words(&ui.effects))))
}

/// jon was removed, two values have to be changed.
pub fn report(ui: &mut Ui) -> &mut Ui {
    remove(ui, Meanwhile::default());
    let id = asked(ui, "reseal");
    ui.send(Message::Sealing(id, 3, 5));
    let sealed = Resealed { done: 4, current: 1, ..Resealed::default() };
    ui.send(Message::Sealed(id, Ok(sealed)));
    let id = asked(ui, "exposure");
    let list = exposed(&["acme/db/password", "home/wifi"]);
    ui.send(Message::Exposed(id, Ok(list)))
}

/// jon was removed, and bob had written meanwhile.
pub async fn late(ui: &mut Ui) -> &mut Ui {
    let (world, _) = team().await;
    let meanwhile = remove_while(&world, 2, "a", 2, "bobs").await;
    remove(ui, meanwhile);
    ui
}

pub fn notes() -> Vec<LogEntry> {
    let note = |(seq, author, texts): (u64, Option<&str>, &[&str])| LogEntry {
        seq,
        time: UNIX - (9 - seq) * 86_400,
        author: author.map(str::to_owned),
        key: "00".repeat(8),
        hash: "00".repeat(32),
        changes: texts.iter().map(|t| Change { op: "x", text: (*t).to_owned() }).collect(),
    };
    let removed: &[&str] = &["jon was removed", "the group main has a new generation"];
    [
        (9, Some("mira"), removed),
        (8, None, &["the group payments holds pay/, wrapped by local"][..]),
        (7, Some("m\u{1b}[31mi\u{202e}ra"), &["jon may write acme/ci/"][..]),
        (0, Some("mira"), &["the vault was made"][..]),
    ]
    .map(note)
    .into()
}
