//! The help page and the palette: the table of keys, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::input::Input;
use super::super::keys::{Context, shown};
use super::super::layout::{inner, popup, scroll};
use super::super::model::Model;
use super::super::update::{help_lines, help_order, palette as find};
use super::form::typed;
use super::text::{clear, frame as draw_frame, head, put, put_right};

/// Width of the keys.
const KEYS: usize = 16;

pub(super) fn draw(model: &Model, first: Context, top: usize, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let total = help_lines(first);
    let area = popup(model.size, (76, model.size.1));
    let buffer = frame.buffer_mut();
    clear(buffer, area);
    let inside = inner(area);
    let rows = usize::from(inside.height);
    let top = top.min(total.saturating_sub(rows));
    let place = format!("{}-{}/{total}", top + 1, (top + rows).min(total));
    draw_frame(buffer, area, theme, true, ["Keys", "", &place]);
    let mut lines = Vec::new();
    for context in help_order(first) {
        lines.push((String::new(), context.title().to_owned(), true));
        for (binding, keys) in model.keys.here(context) {
            let keys: Vec<_> = keys.iter().map(|key| shown(key, model.ascii)).collect();
            lines.push((keys.join(" "), binding.help.to_owned(), false));
        }
        lines.push(Default::default());
    }
    for (y, (keys, text, heading)) in (inside.y..inside.bottom()).zip(lines.into_iter().skip(top)) {
        let (x, end) = (inside.x + 1, inside.right());
        if heading {
            put(buffer, x, y, end, &text, theme.accent);
        } else {
            put(buffer, x, y, end, &head(&keys, KEYS - 1, theme.signs.more), theme.key);
            let x = x + KEYS as u16;
            let room = usize::from(end.saturating_sub(x));
            put(buffer, x, y, end, &head(&text, room, theme.signs.more), theme.text);
        }
    }
}

pub(super) fn palette(model: &Model, input: &Input, cursor: usize, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let area = popup(model.size, (70, 16));
    clear(frame.buffer_mut(), area);
    draw_frame(frame.buffer_mut(), area, theme, true, ["Palette", "", ""]);
    let inside = inner(area);
    let line = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), height: 1, ..inside };
    typed(model, ": ", input, line, frame, true);
    let found = find(input.text());
    let rows = usize::from(inside.height.saturating_sub(1));
    let top = scroll(0, cursor, rows, found.len());
    let buffer = frame.buffer_mut();
    for (y, (at, binding)) in
        (inside.y + 1..inside.bottom()).zip(found.iter().enumerate().skip(top))
    {
        let style = if at == cursor { theme.selected } else { theme.text };
        buffer.set_style(Rect::new(inside.x, y, inside.width, 1), style);
        let sign = if at == cursor { theme.signs.cursor } else { ' ' };
        let (x, end) = (inside.x, inside.right().saturating_sub(1));
        let key = model.keys.key_of(Context::Browse, binding.action, model.ascii);
        let end = put_right(buffer, x, y, end, &key, style).saturating_sub(1);
        let text = format!("{sign} {:<14} {}", binding.name, binding.help);
        let room = usize::from(end.saturating_sub(x));
        put(buffer, x, y, end, &head(&text, room, theme.signs.more), style);
    }
}
