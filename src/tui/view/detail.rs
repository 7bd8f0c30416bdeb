//! The secret under the cursor. Before it is revealed only what its signed header and the list
//! hold is shown; names of fields are inside, too.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::keys::{Action, Context};
use super::super::layout::{Pane, inner};
use super::super::model::{Model, SHOW, Shown};
use super::super::rows::{Known, Meta};
use super::super::team::some;
use super::text::{ago, bar, day, frame, pieces, put, put_right, put_value, size};
use crate::vault::{Content, FieldType, Secret, Version, escape, generate::strength_bits, otp};

/// Width of the labels.
const LABEL: u16 = 10;
/// Most lines of one value.
const MOST: usize = 2_000;

/// A line of the pane. Values are lent, never copied.
enum Line<'m> {
    Blank,
    /// Label, text, and a hint at the right.
    Text(String, String, String, Style),
    /// Label and a piece of a value.
    Value(String, &'m str, Style),
    /// Label, the code, and how long it is good for.
    Code(String, Secret, String),
    Heading(String),
    Version(&'m Version),
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let focused = model.focus == Pane::Detail;
    let Some(row) = model.rows.selected() else {
        frame(buffer, area, theme, focused, ["", "", ""]);
        return;
    };
    let known = match &row.meta {
        Meta::Known(known) => Some(known),
        _ => None,
    };
    let version = known.map_or_else(String::new, |known| format!("v{}", known.n));
    let inside = inner(area);
    let shown = model.shown.as_ref().filter(|shown| shown.path == row.path);
    let lines = lines(model, &row.meta, shown, inside.width);
    let rows = usize::from(inside.height);
    let top = model.detail_top.min(lines.len().saturating_sub(rows));
    let more = match lines.len() > rows {
        true => format!("{}-{}/{}", top + 1, (top + rows).min(lines.len()), lines.len()),
        false => String::new(),
    };
    frame(buffer, area, theme, focused, [row.path.as_str(), &version, &more]);
    for (y, line) in (inside.y..inside.bottom()).zip(lines.into_iter().skip(top)) {
        one(model, &line, inside, y, buffer);
    }
}

fn lines<'m>(model: &'m Model, meta: &Meta, shown: Option<&'m Shown>, width: u16) -> Vec<Line<'m>> {
    let theme = &model.theme;
    let mut out = Vec::new();
    match shown {
        Some(shown) => values(model, shown, width, &mut out),
        None => {
            let hint = |action| model.keys.key_of(Context::Browse, action, model.ascii);
            let reveal = format!("{} reveal", hint(Action::Reveal));
            let mask = theme.signs.mask.to_owned();
            out.push(Line::Text("value".into(), mask, reveal, theme.text));
        }
    }
    out.push(Line::Blank);
    match meta {
        Meta::Known(known) => facts(model, known, &mut out),
        Meta::Unknown => {}
        Meta::Failed => {
            let hint = ". tries again".to_owned();
            out.push(Line::Text("header".into(), "not read".into(), hint, theme.warn));
        }
        Meta::Unverified => {
            let text = "its signature does not verify".to_owned();
            out.push(Line::Text("header".into(), text, String::new(), theme.danger));
        }
    }
    if let Some(versions) = model.selected_versions().filter(|versions| !versions.is_empty()) {
        out.push(Line::Blank);
        out.push(Line::Heading(format!("History ({})", versions.len())));
        out.extend(versions.iter().map(Line::Version));
    }
    out
}

fn facts(model: &Model, known: &Known, out: &mut Vec<Line<'_>>) {
    let theme = &model.theme;
    let old = model.now.unix.saturating_sub(known.time);
    let mut pair = |label: &str, text: String, style: Style| {
        out.push(Line::Text(label.into(), text, String::new(), style));
    };
    pair("written", format!("{}, {}", ago(old), day(known.time)), theme.text);
    pair("author", known.author.as_deref().map_or("unknown".into(), escape), theme.text);
    pair("stored", size(known.size), theme.text);
    let names = escape(&some(&known.folder.readers));
    pair("folder", format!("{}: {names}", escape(&known.folder.group)), theme.text);
    let key =
        known.folder.kms.as_deref().map_or("local".into(), |arn| format!("kms {}", short(arn)));
    pair("key", key, theme.text);
    if !known.folder.may_read {
        let admins = escape(&some(&known.folder.admins));
        pair("access", format!("{} locked; {admins} can grant it", theme.signs.locked), theme.warn);
    } else if !known.folder.may_write {
        pair("access", "read only".into(), theme.muted);
    }
    if known.stale {
        let text = format!("{} change it: somebody who knew it has left", theme.signs.stale);
        pair("stale", text, theme.warn);
    }
}

/// The ARN of a KMS key as far as one tells it from others: `REGION …/1234abcd`.
pub(super) fn short(arn: &str) -> String {
    let region = arn.split(':').nth(3).unwrap_or_default();
    let (multi, id) = match arn.rsplit('/').next().unwrap_or_default() {
        id if id.starts_with("mrk-") => ("mrk-", &id[4..]),
        id => ("", id),
    };
    let id: String = id.chars().take(8).collect();
    escape(&format!("{region} {multi}{id}"))
}

fn values<'m>(model: &'m Model, shown: &'m Shown, width: u16, out: &mut Vec<Line<'m>>) {
    let theme = &model.theme;
    let room = usize::from(width.saturating_sub(LABEL + 2)).max(1);
    match &shown.opened.content {
        Content::Raw(bytes) => value(model, "value", FieldType::Secret, bytes, room, out),
        Content::Doc(document) => {
            for field in &document.fields {
                value(model, &escape(&field.name), field.kind, &field.value, room, out);
            }
        }
    }
    let left = shown.until.saturating_sub(model.now.running).as_secs();
    let bar = bar(theme, left, SHOW.as_secs(), 15);
    out.push(Line::Text(
        "hidden in".into(),
        format!("{left:2} s {bar}"),
        String::new(),
        theme.muted,
    ));
}

fn value<'m>(
    model: &Model,
    label: &str,
    kind: FieldType,
    value: &'m Secret,
    room: usize,
    out: &mut Vec<Line<'m>>,
) {
    let theme = &model.theme;
    if kind == FieldType::Otp
        && let Ok(code) = otp::code(value, model.now.unix)
    {
        let left = format!("{:2} s {}", code.left, bar(theme, code.left, code.period, 10));
        out.push(Line::Code(label.to_owned(), code.digits, left));
        return;
    }
    let Some(text) = value.text() else {
        // What it is, a later version may show in another way.
        let text = format!("{}, no text", size(value.len() as u64));
        out.push(Line::Text(label.to_owned(), text, String::new(), theme.muted));
        return;
    };
    let style = if kind.is_secret() { theme.warn } else { theme.text };
    for (i, piece) in pieces(text, room, MOST).into_iter().enumerate() {
        let label = if i == 0 { label.to_owned() } else { String::new() };
        out.push(Line::Value(label, piece, style));
    }
    if kind == FieldType::Secret && !text.contains('\n') {
        let bits = format!("about {} bits", strength_bits(text));
        out.push(Line::Text("strength".into(), bits, String::new(), theme.muted));
    }
}

fn one(model: &Model, line: &Line<'_>, area: Rect, y: u16, buffer: &mut Buffer) {
    let theme = &model.theme;
    let (x, end) = (area.x + 1, area.right().saturating_sub(1));
    let more = theme.signs.more;
    let label = |buffer: &mut Buffer, text: &str| {
        let text = super::text::head(text, usize::from(LABEL) - 1, more);
        put(buffer, x, y, end, &text, theme.muted);
        x + LABEL
    };
    match line {
        Line::Blank => {}
        Line::Heading(text) => drop(put(buffer, x, y, end, text, theme.accent)),
        Line::Text(name, text, hint, style) => {
            let at = label(buffer, name);
            let end = match hint.is_empty() {
                true => end,
                false => put_right(buffer, at, y, end, hint, theme.key).saturating_sub(1),
            };
            let room = usize::from(end.saturating_sub(at));
            put(buffer, at, y, end, &super::text::head(text, room, more), *style);
        }
        Line::Value(name, piece, style) => {
            let at = label(buffer, name);
            put_value(buffer, at, y, end, piece, *style);
        }
        Line::Code(name, code, left) => {
            let at = label(buffer, name);
            let at = put_value(buffer, at, y, end, code.text().unwrap_or_default(), theme.warn);
            put(buffer, at + 2, y, end, left, theme.muted);
        }
        Line::Version(version) => {
            let (text, style) = describe(model, version);
            put(buffer, x, y, end, &super::text::head(&text, (end - x).into(), more), style);
        }
    }
}

/// A version in one line.
pub(super) fn describe(model: &Model, version: &Version) -> (String, Style) {
    let theme = &model.theme;
    if let Some(refused) = &version.refused {
        return (format!("{:>4}  does not count: {}", version.n, escape(refused)), theme.warn);
    }
    let Some(header) = &version.header else {
        return (format!("{:>4}  ?", version.n), theme.warn);
    };
    let author = version.author.as_deref().map_or("?".to_owned(), escape);
    let op = header.op.name();
    (format!("{:>4}  {}  {author:<10}  {op}", version.n, day(header.time)), theme.text)
}
