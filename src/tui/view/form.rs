//! Forms and lines that are typed.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthChar;

use super::super::input::Input;
use super::super::layout::{inner, popup, scroll};
use super::super::model::{Form, FormKind, Model, Problem};
use super::text::{clear, frame as draw_frame, put, put_value, wrap};
use crate::vault::escape;

/// Width of the labels.
const LABEL: u16 = 12;

/// A label and a line that is typed; the part around the cursor is seen.
pub(super) fn typed(
    model: &Model,
    label: &str,
    input: &Input,
    area: Rect,
    frame: &mut Frame<'_>,
    focused: bool,
) {
    let theme = &model.theme;
    let end = area.right();
    let buffer = frame.buffer_mut();
    let style = if focused { theme.accent } else { theme.muted };
    let start = put(buffer, area.x, area.y, end, label, style);
    let room = usize::from(end.saturating_sub(start + 1));
    let cursor = input.cursor();
    let width = |c: char| match c {
        _ if input.masked => 1,
        '\n' => 1,
        c => c.width().unwrap_or(0).max(1),
    };
    // Begin so far right that the cursor is seen.
    let mut used = 0;
    let mut first = cursor;
    for c in input.text().chars().take(cursor).collect::<Hidden>().0.iter().rev() {
        used += width(*c);
        if used > room {
            break;
        }
        first -= 1;
    }
    let mut x = start;
    let mut at = None;
    let mut one = zeroize::Zeroizing::new([0u8; 4]);
    for (i, c) in input.text().chars().enumerate().skip(first) {
        if i == cursor {
            at = Some(x);
        }
        if x >= end {
            break;
        }
        let c = match c {
            _ if input.masked => theme.signs.dot,
            '\n' => theme.signs.newline,
            c => c,
        };
        x = put_value(buffer, x, area.y, end, c.encode_utf8(&mut *one), theme.text);
    }
    if focused && end > 0 {
        frame.set_cursor_position(Position::new(at.unwrap_or(x).min(end - 1), area.y));
    }
}

/// Characters that are wiped when they are not needed any more.
struct Hidden(zeroize::Zeroizing<Vec<char>>);

impl FromIterator<char> for Hidden {
    fn from_iter<I: IntoIterator<Item = char>>(chars: I) -> Self {
        // Room for all from the start: growing would leave copies behind.
        let mut out = Vec::with_capacity(64 * 1024);
        out.extend(chars.into_iter().take(64 * 1024));
        Self(zeroize::Zeroizing::new(out))
    }
}

pub(super) fn draw(model: &Model, form: &Form, frame: &mut Frame<'_>) {
    let theme = &model.theme;
    let rows = form.lines.len() as u16;
    // Whoever is added is compared by words, also beside what went wrong.
    let words = matches!(form.kind, FormKind::AddMember(_)).then(|| form.words()).flatten();
    let more = if words.is_some() && form.problem.is_some() { 3 } else { 0 };
    let area = popup(model.size, (70, rows + 7 + more));
    clear(frame.buffer_mut(), area);
    let title = match &form.kind {
        FormKind::Add => "Add a secret".to_owned(),
        FormKind::Edit(path, n, _) => format!("Edit {path} (version {n})"),
        FormKind::Replace(path, ..) => format!("New value of {path}"),
        FormKind::Rename(path) => format!("Rename {path}"),
        FormKind::AddMember(_) => "Add to the team".to_owned(),
        FormKind::Role(name) => format!("What {} may do", escape(name)),
        FormKind::RemoveMember(name) => format!("Remove {} from the team", escape(name)),
    };
    draw_frame(frame.buffer_mut(), area, theme, true, [&title, "", ""]);
    let inside = inner(area);
    let (x, end) = (inside.x + 1, inside.right().saturating_sub(1));
    // The last lines are for what is wrong, or for what may be done.
    let room = usize::from(inside.height.saturating_sub(4));
    let top = scroll(0, form.focus, room, form.lines.len());
    let mut y = inside.y + 1;
    for (i, line) in form.lines.iter().enumerate().skip(top).take(room) {
        let label = super::text::head(&line.label, usize::from(LABEL) - 1, theme.signs.more);
        let label = format!("{label:<width$}", width = usize::from(LABEL));
        let area = Rect::new(x, y, end - x, 1);
        let focused = i == form.focus && form.busy.is_none() && on_top(model, form);
        typed(model, &label, &line.input, area, frame, focused);
        y += 1;
    }
    y += 1;
    if let Some(problem) = &form.problem {
        let area = Rect::new(x, y, end - x, inside.bottom() - y);
        y = draw_problem(model, problem, area, frame.buffer_mut()) + 1;
        let text = words.map(|words| format!("Compare with them: {words}"));
        let lines = text.map(|text| wrap(&text, usize::from(end - x))).unwrap_or_default();
        for text in lines.iter().take(usize::from(inside.bottom().saturating_sub(y))) {
            put(frame.buffer_mut(), x, y, end, text, theme.muted);
            y += 1;
        }
        return;
    }
    let writing = format!("Writing {}", theme.signs.dots);
    let text = match &form.kind {
        _ if form.busy.is_some() => writing,
        kind => explained(kind, form),
    };
    for text in wrap(&text, usize::from(end - x)) {
        put(frame.buffer_mut(), x, y, end, &text, theme.muted);
        y += 1;
    }
}

/// What is to be known before a form is written.
fn explained(kind: &FormKind, form: &Form) -> String {
    match kind {
        FormKind::Add => "A name is a path, such as prod/db/password.".to_owned(),
        FormKind::Edit(..) => {
            "Only lines that you change are written, as a new version.".to_owned()
        }
        FormKind::Replace(..) => "The old value stays in the history.".to_owned(),
        FormKind::Rename(_) => "The history stays under the old name.".to_owned(),
        FormKind::AddMember(_) => match form.words() {
            Some(words) => format!(
                "Compare with them: {words}. Role: read, write or admin; empty for another \
                 device. No folder: everywhere."
            ),
            None => "Paste what `vault id show` prints on their device: vault-id1…".to_owned(),
        },
        FormKind::Role(_) => {
            "read, write or admin; none takes a folder away. No folder: all that they may do. \
             What is taken opens a new generation."
                .to_owned()
        }
        FormKind::RemoveMember(name) => format!(
            "Type {} to remove them. What they could read gets new keys and is sealed anew; what \
             they know is listed, to be changed.",
            escape(name)
        ),
    }
}

fn on_top(model: &Model, form: &Form) -> bool {
    use super::super::model::Popup;
    matches!(model.popups.last(), Some(Popup::Form(top)) if std::ptr::eq(top, form))
}

/// What went wrong, with its hint, in as many lines as there are; answers the line below.
pub(super) fn draw_problem(model: &Model, problem: &Problem, area: Rect, out: &mut Buffer) -> u16 {
    let theme = &model.theme;
    let width = usize::from(area.width);
    let wrap = |text: &str, width| wrap(&text.replace('…', theme.signs.dots), width);
    let error = wrap(&format!("error: {}", problem.message), width);
    let mut lines: Vec<_> = error.into_iter().map(|line| (line, theme.danger)).collect();
    for cause in &problem.causes {
        let cause = wrap(&format!("because: {cause}"), width);
        lines.extend(cause.into_iter().map(|line| (line, theme.muted)));
    }
    if let Some(hint) = &problem.hint {
        let hint = wrap(&format!("hint: {hint}"), width);
        lines.extend(hint.into_iter().map(|line| (line, theme.text)));
    }
    let mut below = area.y;
    for (line, style) in lines.into_iter().take(area.height.into()) {
        put(out, area.x, below, area.right(), &line, style);
        below += 1;
    }
    below
}
