//! The popups of the team, and the line of news.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::keys::{Action, Context};
use super::super::model::Model;
use super::super::team::{Joined, Log, Members, Report, Step, Team, some};
use super::popup::{choose, waiting, window};
use super::text::{bar, head, moment, pieces, put, wrap};
use crate::vault::{Exposed, LateWrite, Loss, Member, Wrapping, escape};

/// What a person must be told of, and what to do about it.
pub(super) fn banner(model: &Model, frame: &mut Frame<'_>) {
    let line = model.areas().banner;
    let key = |action| model.keys.key_of(Context::Browse, action, model.ascii);
    let names: Vec<String> = model.news.recovery.iter().map(|used| escape(&used.member)).collect();
    let (what, more) = match (&model.news.loss, &names[..]) {
        (Some(loss), _) if model.news.shows_loss() => (lost(loss), String::new()),
        (_, []) => return,
        (_, names) => {
            let made = if names.len() == 1 { "an admin" } else { "admins" };
            let what = format!("The recovery key made {} {made}.", some(names));
            (what, format!("  {} log", key(Action::Log)))
        }
    };
    let keys = format!("{more}  {} seen ", key(Action::Dismiss));
    let style = model.theme.danger;
    frame.buffer_mut().set_style(line, style);
    let room = usize::from(line.width).saturating_sub(keys.chars().count() + 1);
    let text = head(&format!("! {what}"), room, model.theme.signs.more);
    let x = put(frame.buffer_mut(), line.x + 1, line.y, line.right(), &text, style);
    put(frame.buffer_mut(), x, line.y, line.right(), &keys, model.theme.key);
}

fn lost(loss: &Loss) -> String {
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let notes = usize::try_from(loss.notes).unwrap_or(usize::MAX);
    let secrets = loss.versions.len() + loss.unnamed;
    let parts = [count(notes, "team note", "team notes"), count(secrets, "secret", "secrets")];
    let what: Vec<String> = parts.into_iter().flatten().collect();
    let what = what.join(", ");
    format!("From a backup? `vault team restored`. Lost: {what}")
}

pub(super) fn members(model: &Model, members: &Members, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let Some(team) = &members.team else {
        let area = window(model, (76, 5), "Members", frame);
        return waiting(model, area, frame);
    };
    let title = format!("Members of {}", escape(&team.group.name));
    let devices = members.selected().map_or(1, |member| member.devices.len()) as u16;
    let wanted = team.members.len() as u16 + devices + 8;
    let area = window(model, (76, wanted), &title, frame);
    let width = usize::from(area.width);
    let mut above: Vec<(String, Style)> =
        group(team).into_iter().flat_map(|t| wrap(&t, width)).map(|t| (t, theme.muted)).collect();
    let mut below = Vec::new();
    if let Some(member) = members.selected() {
        below.extend(device_lines(model, member, width));
    }
    if !team.is_admin() {
        let admins: Vec<String> = team.admins().map(escape).collect();
        let text = format!("Only an admin changes the team: {}.", some(&admins));
        below.extend(wrap(&text, width).into_iter().map(|line| (line, theme.warn)));
    }
    // The list first: where there is little room, the rest gives way.
    let height = usize::from(area.height);
    let list = team.members.len().clamp(1, height.saturating_sub(2).max(1));
    below.truncate(height.saturating_sub(list + 1));
    above.truncate(height - list - below.len());
    let (top, bottom) = (above.len() as u16, below.len() as u16);
    put_lines(above, Rect { height: top, ..area }, frame);
    let middle = area.height - top - bottom;
    let room = if width < 50 { 14 } else { 24 };
    let rows = team.members.iter().map(|member| {
        let me = if Some(&member.name) == team.me.as_ref() { " (you)" } else { "" };
        let reads = member.admin || member.read.contains(&team.group.name);
        let style = if reads { theme.text } else { theme.muted };
        let name = format!("{}{me}", escape(&member.name));
        let name = head(&name, room, theme.signs.more);
        (format!("{name:<room$} {}", escape(&team.rights(member))), style)
    });
    let list = Rect { y: area.y + top, height: middle, ..area };
    choose(model, rows, members.cursor, list, frame);
    put_lines(below, Rect { y: area.bottom() - bottom, height: bottom, ..area }, frame);
}

/// What there is to say of a group.
fn group(team: &Team) -> Vec<String> {
    let group = &team.group;
    let key = match &group.wrapping {
        Wrapping::Local => "key of the group's own".to_owned(),
        Wrapping::Kms(arn) => format!("kms {}", super::detail::short(arn)),
    };
    let folders = group.prefixes.iter().filter(|prefix| !prefix.as_str().is_empty());
    let mut folders: Vec<_> = folders.map(|p| format!("{}/", escape(p.as_str()))).collect();
    if group.prefixes.iter().any(|prefix| prefix.as_str().is_empty()) {
        folders.push("what is in no other group".to_owned());
    }
    let folders = if folders.is_empty() { "nothing".to_owned() } else { folders.join(", ") };
    vec![
        format!("Holds {folders}."),
        format!("Generation {}, {key}.", group.generation),
        String::new(),
    ]
}

/// The devices of a member, by the words that people compare.
fn device_lines(model: &Model, member: &Member, width: usize) -> Vec<(String, Style)> {
    let theme = &model.theme;
    let name = escape(&member.name);
    let title = match member.devices.len() {
        1 => format!("The device of {name}, to compare with them:"),
        n => format!("The {n} devices of {name}, to compare with them:"),
    };
    let mut lines = vec![(String::new(), theme.text), (title, theme.muted)];
    for device in &member.devices {
        let words = wrap(&device.words, width.saturating_sub(2));
        lines.extend(words.into_iter().map(|line| (format!("  {line}"), theme.text)));
    }
    lines
}

pub(super) fn joined(model: &Model, joined: &Joined, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let name = escape(&joined.name);
    let area = window(model, (76, 15), &format!("{name} is in the team"), frame);
    let width = usize::from(area.width);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut add = |text: &str, style: Style| {
        lines.extend(wrap(text, width).into_iter().map(|line| (line, style)));
    };
    add(&format!("Compare with {name}, over another channel:"), theme.muted);
    add(&format!("their device: {}", joined.words), theme.text);
    add(&format!("this vault:   {}", joined.vault), theme.text);
    add("", theme.text);
    add(&format!("{name} opens it with: vault join, and this string (y copies it)"), theme.muted);
    let join = pieces(&joined.join, width, 8).into_iter();
    lines.extend(join.map(|piece| (piece.to_owned(), theme.accent)));
    put_lines(lines, area, frame);
}

pub(super) fn report(model: &Model, report: &Report, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = window(model, (76, 20), &report.title, frame);
    let width = usize::from(area.width);
    let mut lines: Vec<(String, Style)> = Vec::new();
    for told in &report.told {
        lines.extend(wrap(told, width).into_iter().map(|line| (line, theme.text)));
    }
    let (done, total) = report.progress;
    match report.step {
        Step::Sealing(_, stopping) => {
            let bar = bar(theme, done as u64, total as u64, 20);
            let end = if stopping { "stopping" } else { "Esc stops, s goes on later" };
            lines.push((format!("sealing anew {bar} {done}/{total}  {end}"), theme.accent));
        }
        Step::Deciding => {}
        Step::None => {
            let text = match report.exposed.as_deref() {
                None => return put_report(model, lines, None, report.cursor, area, frame),
                Some([]) => "No value has to be changed.",
                Some(_) => "Change these values: somebody knows them who may not any more.",
            };
            let style = if report.exposed.as_ref().is_some_and(Vec::is_empty) {
                theme.ok
            } else {
                theme.warn
            };
            lines.extend(wrap(text, width).into_iter().map(|line| (line, style)));
        }
    }
    put_report(model, lines, report.exposed.as_deref(), report.cursor, area, frame);
}

/// Lines, and below them the list. Where there is little room, the last lines and some of the list.
fn put_report(
    model: &Model,
    mut lines: Vec<(String, Style)>,
    exposed: Option<&[Exposed]>,
    cursor: usize,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = &model.theme;
    if lines.is_empty() {
        return waiting(model, area, frame);
    }
    let exposed = exposed.unwrap_or_default();
    // The list has a line for why, of the one under the cursor.
    let wanted = if exposed.is_empty() { 0 } else { exposed.len().min(4) + 1 };
    let room = usize::from(area.height).saturating_sub(wanted).max(1);
    lines.drain(..lines.len().saturating_sub(room));
    let top = lines.len() as u16;
    put_lines(lines, area, frame);
    let Some(selected) = exposed.get(cursor) else { return };
    let below = Rect { y: area.y + top, height: area.height - top, ..area };
    let list = Rect { height: below.height.saturating_sub(1), ..below };
    let rows = exposed.iter().map(|one| {
        let text = format!("{} {}", theme.signs.stale, one.path);
        (text, theme.text)
    });
    choose(model, rows, cursor, list, frame);
    let why = escape(&selected.why.join("; "));
    let why = head(&format!("v{}: {why}", selected.version), area.width.into(), theme.signs.more);
    put(frame.buffer_mut(), area.x, area.bottom() - 1, area.right(), &why, theme.muted);
}

pub(super) fn late(model: &Model, late: &LateWrite, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = window(model, (66, 10), "A late write", frame);
    let (author, n, path) = (escape(&late.author), late.n, &late.path);
    let width = usize::from(area.width);
    let lines = [
        (format!("{author} wrote version {n} of {path} during the change."), theme.warn),
        ("It does not count until somebody decides.".to_owned(), theme.text),
        ("a adopts: its value is written anew, as yours".to_owned(), theme.key),
        ("d drops it: the value before it stays".to_owned(), theme.key),
        ("Esc decides later".to_owned(), theme.key),
    ];
    let lines = lines.into_iter().flat_map(|(text, style)| {
        wrap(&text, width).into_iter().map(move |line| (line, style)).collect::<Vec<_>>()
    });
    put_lines(lines.collect(), area, frame);
}

pub(super) fn log(model: &Model, log: &Log, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let size = (model.size.0.min(110), (log.length() as u16).saturating_add(5).max(7));
    let area = window(model, size, "Team log, newest first", frame);
    let Some(entries) = &log.entries else { return waiting(model, area, frame) };
    let lines: Vec<_> =
        entries.iter().flat_map(|e| e.changes.iter().map(move |c| (e, c))).collect();
    let Some((entry, change)) = lines.get(log.cursor) else { return };
    // Below the list, the line of the cursor in full.
    let author = escape(entry.author.as_deref().unwrap_or("?"));
    let full = format!("note {}, {}: {}", entry.seq, author, change.text);
    let full = wrap(&full, area.width.into());
    let below = (full.len() as u16 + 1).min(area.height.saturating_sub(2));
    let rows = lines.iter().map(|(entry, change)| {
        let author = escape(entry.author.as_deref().unwrap_or("?"));
        let author = head(&author, 12, theme.signs.more);
        let text = &change.text;
        (format!("{} {:>4} {author:<12} {text}", moment(entry.time), entry.seq), theme.text)
    });
    let list = Rect { height: area.height - below, ..area };
    choose(model, rows.collect::<Vec<_>>().into_iter(), log.cursor, list, frame);
    let full = full.into_iter().map(|line| (line, theme.accent));
    let full = std::iter::once((String::new(), theme.text)).chain(full).collect();
    put_lines(full, Rect { y: area.bottom() - below, height: below, ..area }, frame);
}

fn put_lines(lines: Vec<(String, Style)>, area: Rect, frame: &mut Frame<'_>) {
    for (y, (text, style)) in (area.y..area.bottom()).zip(lines) {
        put(frame.buffer_mut(), area.x, y, area.right(), &text, style);
    }
}
