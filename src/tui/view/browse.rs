//! The list, the folders, and what is beside them.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::keys::{Action, Context};
use super::super::layout::{Pane, THREE_PANES_AT, inner};
use super::super::model::Model;
use super::super::rows::{Mark, Meta, Row, Sort};
use super::detail;
use super::form::draw_problem;
use super::text::{age, frame as draw_frame, put, put_right, tail, wrap};

/// A day in seconds: what is younger has a sign.
const TODAY: u64 = 86_400;

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let areas = model.areas();
    let buffer = frame.buffer_mut();
    if areas.folders.width > 0 {
        folders(model, areas.folders, buffer);
    }
    if areas.list.width > 0 {
        list(model, areas.list, buffer);
    }
    if areas.detail.width > 0 {
        detail::draw(model, areas.detail, buffer);
    }
}

fn folders(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let focused = model.focus == Pane::Folders;
    draw_frame(buffer, area, theme, focused, ["Folders", "", ""]);
    let inside = inner(area);
    let lines = model.rows.folders().iter().enumerate().skip(model.folder.1);
    let below = inside.y + model.folder_lines(inside.height);
    if model.rows.has_marks() {
        marks(model, Rect { y: below, height: inside.bottom() - below, ..inside }, buffer);
    }
    for (y, (at, folder)) in (inside.y..below).zip(lines) {
        let on = at == model.folder.0;
        let here = model.rows.mark().is_none() && folder.name == model.rows.folder();
        let style = match (on && focused, here) {
            (true, _) => theme.selected,
            (false, true) => theme.accent,
            (false, false) => theme.text,
        };
        fill(buffer, inside.x, y, inside.right(), style);
        let sign = if on { theme.signs.cursor } else { ' ' };
        let x = put(buffer, inside.x, y, inside.right(), &format!("{sign} "), style);
        let indent = u16::from(folder.depth > 0) * folder.depth.saturating_sub(1).min(8) * 2;
        let last = folder.name.rsplit('/').next().unwrap_or_default();
        let name = if folder.name.is_empty() { "all".to_owned() } else { format!("{last}/") };
        let count = folder.count.to_string();
        let end = put_right(buffer, x, y, inside.right() - 1, &count, style);
        let room = usize::from(end.saturating_sub(x + indent + 1));
        put(buffer, x + indent, y, end, &tail(&name, room, theme.signs.more), style);
    }
}

/// What can be narrowed to besides folders, with counts. `+`: not everything is known yet.
fn marks(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let focused = model.focus == Pane::Folders;
    let counts = model.rows.marks();
    for (y, (at, mark)) in (area.y..area.bottom()).zip(Mark::ALL.into_iter().enumerate()) {
        let on = model.rows.folders().len() + at == model.folder.0;
        let style = match (on && focused, model.rows.mark() == Some(mark)) {
            (true, _) => theme.selected,
            (false, true) => theme.accent,
            (false, false) => theme.text,
        };
        fill(buffer, area.x, y, area.right(), style);
        let sign = match mark {
            Mark::Stale => theme.signs.stale,
            Mark::Locked => theme.signs.locked,
        };
        let cursor = if on { theme.signs.cursor } else { ' ' };
        let more = if counts.may_grow() { "+" } else { "" };
        let count = format!("{}{more}", counts.count(mark));
        let end = put_right(buffer, area.x, y, area.right() - 1, &count, style);
        put(buffer, area.x, y, end, &format!("{cursor} {sign} {}", mark.title()), style);
    }
}

fn list(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let rows = &model.rows;
    let folder = match (rows.mark(), rows.folder()) {
        (Some(mark), _) => format!("Secrets, {}", mark.title()),
        (None, "") => "Secrets".to_owned(),
        (None, folder) => format!("{folder}/"),
    };
    let order = match rows.sort() {
        Sort::Name => "",
        Sort::Newest => ", newest first",
        Sort::Oldest => ", oldest first",
    };
    let filter = match rows.query() {
        "" => String::new(),
        query => format!(" / {query}"),
    };
    let title = format!("{folder}{order}{filter}");
    let bottom = match rows.len() {
        0 => format!("0/{}", rows.total()),
        shown if shown == rows.total() => format!("{}/{shown}", rows.cursor() + 1),
        shown => format!("{}/{shown} of {}", rows.cursor() + 1, rows.total()),
    };
    let searching = if rows.is_searching() { "searching" } else { "" };
    let focused = model.focus == Pane::List;
    draw_frame(buffer, area, theme, focused, [&title, searching, &bottom]);
    let inside = inner(area);
    let wide = model.size.0 >= THREE_PANES_AT;
    for (y, line) in (inside.y..inside.bottom()).zip(model.top..) {
        let Some(row) = rows.get(line) else { break };
        let on = line == rows.cursor();
        let style = if on { theme.selected } else { theme.text };
        fill(buffer, inside.x, y, inside.right(), style);
        one(model, row, on, (inside.x, y, inside.right()), style, wide, buffer);
    }
    if let (Some(problem), 0) = (&model.not_listed, rows.total()) {
        let area = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
        let below = draw_problem(model, problem, area, buffer);
        let key = model.keys.key_of(Context::Browse, Action::Reload, model.ascii);
        let line = Rect { y: below, height: area.bottom() - below, ..area };
        draw_lines(&format!("{key} tries again."), line, theme.key, buffer);
    } else if rows.is_empty() {
        let text = match (rows.query(), rows.total(), model.listing) {
            (_, 0, Some(_)) => "",
            (_, 0, None) => "No secrets yet. a adds the first one.",
            ("", ..) if rows.mark().is_some() => "None of those that are known. Esc shows all.",
            _ => "No name matches. Esc clears the filter.",
        };
        let area = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
        draw_lines(text, area, theme.muted, buffer);
    }
}

fn draw_lines(text: &str, area: Rect, style: Style, buffer: &mut Buffer) {
    for (y, text) in (area.y..area.bottom()).zip(wrap(text, area.width.into())) {
        put(buffer, area.x, y, area.right(), &text, style);
    }
}

/// One line: signs, name, and at the right what is known.
fn one(
    model: &Model,
    row: &Row,
    on: bool,
    (x, y, end): (u16, u16, u16),
    style: Style,
    wide: bool,
    buffer: &mut Buffer,
) {
    let signs = model.theme.signs;
    let now = model.now.unix;
    let (sign, right, emphasis) = match &row.meta {
        Meta::Unknown => (' ', String::new(), None),
        Meta::Failed => ('?', "?".to_owned(), Some(model.theme.warn)),
        Meta::Unverified => ('!', "unverified".to_owned(), Some(model.theme.danger)),
        Meta::Known(known) => {
            let old = now.saturating_sub(known.time);
            let (sign, emphasis) = match known {
                known if !known.folder.may_read => (signs.locked, Some(model.theme.muted)),
                known if known.stale => (signs.stale, Some(model.theme.warn)),
                _ if old < TODAY => (signs.today, None),
                _ => (' ', None),
            };
            let right = match (wide, &known.author) {
                (true, author) => {
                    let author = author.as_deref().unwrap_or("?");
                    let author = super::text::head(author, 10, signs.more);
                    format!("v{:<3} {author:<10} {:>5}", known.n, age(old))
                }
                (false, _) => format!("{:>5}", age(old)),
            };
            (sign, right, emphasis)
        }
    };
    let style = if on { style } else { emphasis.unwrap_or(style) };
    let cursor = if on { signs.cursor } else { ' ' };
    let x = put(buffer, x, y, end, &format!("{cursor}{sign} "), style);
    let before = match right.is_empty() {
        true => end - 1,
        false => put_right(buffer, x, y, end - 1, &right, style),
    };
    let room = usize::from(before.saturating_sub(x + 1));
    put(buffer, x, y, before, &tail(row.path.as_str(), room, signs.more), style);
}

fn fill(buffer: &mut Buffer, from: u16, y: u16, to: u16, style: Style) {
    buffer.set_style(Rect::new(from, y, to.saturating_sub(from), 1), style);
}
