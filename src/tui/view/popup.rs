//! Popups with a list, a question or an error.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::generator::{Generator, Target};
use super::super::layout::{inner, popup, scroll};
use super::super::message::Draft;
use super::super::model::{Choice, Chosen, Compare, History, Model, Problem, SHOW};
use super::detail::describe;
use super::form::draw_problem;
use super::text::{bar, clear, frame as draw_frame, head, pieces, put, put_value, size, wrap};
use crate::vault::{Content, Document, FieldType, Opened, Secret, escape};

/// An empty popup with a frame; answers what is inside.
pub(super) fn window(
    model: &Model,
    wanted: (u16, u16),
    title: &str,
    frame: &mut Frame<'_>,
) -> Rect {
    let area = popup(model.size, wanted);
    clear(frame.buffer_mut(), area);
    draw_frame(frame.buffer_mut(), area, &model.theme, true, [title, "", ""]);
    let inside = inner(area);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Lines with a cursor.
pub(super) fn choose(
    model: &Model,
    lines: impl ExactSizeIterator<Item = (String, ratatui::style::Style)>,
    cursor: usize,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = &model.theme;
    let top = scroll(0, cursor, usize::from(area.height), lines.len());
    for (y, (at, (text, style))) in (area.y..area.bottom()).zip(lines.enumerate().skip(top)) {
        let style = if at == cursor { theme.selected } else { style };
        let sign = if at == cursor { theme.signs.cursor } else { ' ' };
        let text = format!("{sign} {text}");
        frame.buffer_mut().set_style(Rect::new(area.x, y, area.width, 1), style);
        let text = head(&text, area.width.into(), theme.signs.more);
        put(frame.buffer_mut(), area.x, y, area.right(), &text, style);
    }
}

pub(super) fn waiting(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    if model.waiting().is_some() {
        let text = format!("reading {}", model.theme.signs.dots);
        put(frame.buffer_mut(), area.x, area.y, area.right(), &text, model.theme.muted);
    }
}

pub(super) fn history(model: &Model, history: &History, frame: &mut Frame<'_>) {
    let rows = history.versions.as_ref().map_or(3, |versions| versions.len() as u16);
    let title = format!("History of {}", history.path);
    let area = window(model, (64, rows.clamp(3, 18) + 2), &title, frame);
    match &history.versions {
        Some(versions) => {
            let lines = versions.iter().map(|version| describe(model, version));
            choose(model, lines, history.cursor, area, frame);
        }
        None => waiting(model, area, frame),
    }
}

/// One field in two versions.
struct Pair<'m> {
    name: String,
    old: Option<&'m Secret>,
    new: Option<&'m Secret>,
}

fn pairs<'m>([old, new]: &'m [Opened; 2]) -> Vec<Pair<'m>> {
    let named = |opened: &'m Opened| -> Vec<(String, &'m Secret)> {
        match &opened.content {
            Content::Raw(bytes) => vec![("value".to_owned(), bytes)],
            Content::Doc(Document { fields, .. }) => {
                fields.iter().map(|f| (f.name.clone(), &f.value)).collect()
            }
        }
    };
    let (old, new) = (named(old), named(new));
    let find = |list: &[(String, &'m Secret)], name: &str| {
        list.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    };
    let mut pairs: Vec<Pair<'m>> = old
        .iter()
        .map(|(name, value)| Pair { name: name.clone(), old: Some(value), new: find(&new, name) })
        .collect();
    for (name, value) in &new {
        if find(&old, name).is_none() {
            pairs.push(Pair { name: name.clone(), old: None, new: Some(value) });
        }
    }
    pairs
}

pub(super) fn compare(model: &Model, compare: &Compare, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let [old, new] = compare.numbers;
    let title = format!("{}: version {old} and {new}", compare.path);
    let area = window(model, (70, 18), &title, frame);
    let Some(contents) = &compare.contents else { return waiting(model, area, frame) };
    let end = area.right();
    let (mut y, mut skip) = (area.y, compare.top);
    let buffer = frame.buffer_mut();
    let mut line = |label: String, text: Option<&str>, style: ratatui::style::Style| {
        if skip > 0 {
            skip -= 1;
        } else if y < area.bottom().saturating_sub(1) {
            let x = put(buffer, area.x, y, end, &label, theme.muted);
            if let Some(text) = text {
                put_value(buffer, x, y, end, text, style);
            }
            y += 1;
        }
    };
    for pair in pairs(contents) {
        let (what, style) = match (pair.old, pair.new) {
            (Some(old), Some(new)) if old.same(new) => ("  same", theme.muted),
            (Some(_), Some(_)) => ("~ changed", theme.warn),
            (None, _) => ("+ added", theme.ok),
            (Some(_), None) => ("- removed", theme.danger),
        };
        line(String::new(), Some(&format!("{:<18} {what}", escape(&pair.name))), style);
        if what == "  same" {
            continue;
        }
        for (n, value) in [(old, pair.old), (new, pair.new)] {
            let Some(value) = value else { continue };
            let label = format!("  {n:>4}  ");
            match (compare.until, value.text()) {
                (None, _) => line(label, Some(theme.signs.mask), theme.text),
                (Some(_), None) => {
                    line(
                        label,
                        Some(&format!("{}, no text", size(value.len() as u64))),
                        theme.muted,
                    );
                }
                (Some(_), Some(text)) => {
                    let width = usize::from(area.width.saturating_sub(10)).max(1);
                    for (i, piece) in pieces(text, width, 100).into_iter().enumerate() {
                        let label = if i == 0 { label.clone() } else { " ".repeat(8) };
                        line(label, Some(piece), theme.text);
                    }
                }
            }
        }
    }
    if let Some(until) = compare.until {
        let left = until.saturating_sub(model.now.running).as_secs();
        let text = format!("hidden in {left:2} s {}", bar(theme, left, SHOW.as_secs(), 15));
        put(frame.buffer_mut(), area.x, area.bottom() - 1, end, &text, theme.muted);
    }
}

pub(super) fn generator(model: &Model, generator: &Generator, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = window(model, (64, 9), "Generate", frame);
    let end = area.right();
    let buffer = frame.buffer_mut();
    let bits = u64::from(generator.bits());
    let strength = format!("{bits} bits  {}", bar(theme, bits.min(128), 128, 20));
    let style = if bits < 64 { theme.warn } else { theme.ok };
    put(buffer, area.x, area.y + 1, end, &generator.describe(), theme.text);
    put(buffer, area.x, area.y + 2, end, &strength, style);
    match generator.until {
        None => drop(put(buffer, area.x, area.y + 4, end, theme.signs.mask, theme.text)),
        Some(_) => {
            let text = generator.value.text().unwrap_or_default();
            let lines = pieces(text, area.width.into(), 2);
            for (y, piece) in (area.y + 4..area.bottom()).zip(lines) {
                put_value(buffer, area.x, y, end, piece, theme.warn);
            }
        }
    }
    let key = if model.ascii { "Enter" } else { "⏎" };
    let text = match &generator.target {
        Target::Secret(path) => format!("{key} makes it the new value of {path}"),
        Target::Line(_) => format!("{key} puts it into the form"),
        Target::Nothing => "y copies it; nothing is written".to_owned(),
    };
    let text = head(&text, area.width.into(), theme.signs.more);
    put(buffer, area.x, area.bottom().saturating_sub(1), end, &text, theme.muted);
}

pub(super) fn fields(model: &Model, choice: &Choice, frame: &mut Frame<'_>) {
    let rows = choice.fields.as_ref().map_or(3, |fields| fields.len() as u16);
    let title = match choice.purpose {
        Chosen::Copy => format!("Copy from {}", choice.path),
        Chosen::Replace(_) | Chosen::Generated(_) => format!("New value in {}", choice.path),
    };
    let area = window(model, (50, rows.clamp(3, 12) + 2), &title, frame);
    match &choice.fields {
        Some(fields) => {
            let lines = fields.iter().map(|(name, kind)| {
                let what = match kind {
                    FieldType::Otp => "one-time password",
                    kind => kind.name(),
                };
                (format!("{:<20} {what}", escape(name)), model.theme.text)
            });
            choose(model, lines, choice.cursor, area, frame);
        }
        None => waiting(model, area, frame),
    }
}

pub(super) fn vaults(model: &Model, cursor: usize, frame: &mut Frame<'_>) {
    let rows = model.vaults.len() as u16;
    let area = window(model, (64, rows.clamp(3, 12) + 2), "Vaults", frame);
    let lines = model.vaults.iter().map(|(name, location)| {
        let here = if model.vault.0.as_ref() == Some(name) { '*' } else { ' ' };
        (format!("{here} {:<16} {}", escape(name), escape(location)), model.theme.text)
    });
    choose(model, lines, cursor, area, frame);
}

pub(super) fn confirm(model: &Model, question: &str, what: &str, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = window(model, (60, 7), "Sure?", frame);
    let lines = wrap(question, area.width.into()).into_iter().map(|line| (line, theme.warn));
    let lines = lines.chain([(what.to_owned(), theme.muted), ("y yes   n no".into(), theme.key)]);
    for (y, (text, style)) in (area.y + 1..area.bottom()).zip(lines) {
        put(frame.buffer_mut(), area.x, y, area.right(), &text, style);
    }
}

pub(super) fn error(model: &Model, problem: &Problem, retry: bool, frame: &mut Frame<'_>) {
    let area = window(model, (70, 12), "Error", frame);
    let text = Rect { height: area.height.saturating_sub(1), ..area };
    draw_problem(model, problem, text, frame.buffer_mut());
    let keys = if retry { "r try again   Esc close" } else { "Esc close" };
    let y = area.bottom().saturating_sub(1);
    put(frame.buffer_mut(), area.x, y, area.right(), keys, model.theme.key);
}

pub(super) fn unsaved(
    model: &Model,
    draft: &Draft,
    problem: &Problem,
    conflict: bool,
    frame: &mut Frame<'_>,
) {
    let theme = &model.theme;
    let title = if conflict { "Somebody was faster" } else { "Not written" };
    let area = window(model, (70, 12), title, frame);
    let end = area.right();
    let retry = match conflict {
        true => "r write mine on top (theirs stays in the history)",
        false => "r try again",
    };
    let lines = [
        format!("Your change of {} is kept here.", draft.path),
        format!("{retry}   h history"),
        "Esc goes back to the form, or asks before it drops your change".to_owned(),
    ];
    let lines: Vec<String> = lines.iter().flat_map(|line| wrap(line, area.width.into())).collect();
    let below = (lines.len() as u16).min(area.height);
    let above = Rect { height: (area.height - below).saturating_sub(1), ..area };
    draw_problem(model, problem, above, frame.buffer_mut());
    for (y, text) in (area.bottom() - below..area.bottom()).zip(lines) {
        put(frame.buffer_mut(), area.x, y, end, &text, theme.key);
    }
}
