//! Drawing text and frames. Values go from where they are into the cells of the frame, character
//! by character: no copy of them is made on the way.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::super::theme::Theme;
use crate::vault::is_hidden;

/// Writes `text`, at most up to column `end`; answers the column behind it.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
    if y >= buffer.area.bottom() || x >= end {
        return x;
    }
    let room = usize::from(end.min(buffer.area.right()) - x.min(end));
    buffer.set_stringn(x, y, text, room, style).0
}

/// Writes `text` so that it ends before column `end`.
pub fn put_right(
    buffer: &mut Buffer,
    start: u16,
    y: u16,
    end: u16,
    text: &str,
    style: Style,
) -> u16 {
    let width = text.width() as u16;
    let x = end.saturating_sub(width).max(start);
    put(buffer, x, y, end, text, style);
    x
}

/// The end of a name that is too long: its last segments tell most.
pub fn tail(text: &str, width: usize, more: char) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let start = text
        .char_indices()
        .rev()
        .take_while(fitting(width, more))
        .last()
        .map_or(text.len(), |(at, _)| at);
    format!("{more}{}", &text[start..])
}

/// The beginning of a text that is too long.
pub fn head(text: &str, width: usize, more: char) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = text.char_indices().take_while(fitting(width, more)).last();
    let end = end.map_or(0, |(at, c)| at + c.len_utf8());
    format!("{}{more}", &text[..end])
}

/// Whether a character still fits, with what came before it and the sign that there is more.
fn fitting(width: usize, more: char) -> impl FnMut(&(usize, char)) -> bool {
    let mut used = more.width().unwrap_or(1);
    move |(_, c)| {
        used += c.width().unwrap_or(0);
        used <= width
    }
}

/// Lines of at most `width` columns, broken at spaces where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("never empty");
        let needed = line.width() + usize::from(!line.is_empty()) + word.width();
        if needed <= width || line.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A frame with a title, text at its upper right and at its lower right.
pub fn frame(
    buffer: &mut Buffer,
    area: Rect,
    theme: &Theme,
    focused: bool,
    [title, right, bottom]: [&str; 3],
) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let style = if focused { theme.focus } else { theme.border };
    let [tl, tr, bl, br, h, v] = theme.signs.lines;
    let (left, last) = (area.x, area.right() - 1);
    let (top, end) = (area.y, area.bottom() - 1);
    for x in left + 1..last {
        put(buffer, x, top, last, h, style);
        put(buffer, x, end, last, h, style);
    }
    for y in top + 1..end {
        put(buffer, left, y, last, v, style);
        put(buffer, last, y, last + 1, v, style);
    }
    for (x, y, corner) in [(left, top, tl), (last, top, tr), (left, end, bl), (last, end, br)] {
        put(buffer, x, y, last + 1, corner, style);
    }
    let more = theme.signs.more;
    if !right.is_empty() {
        put_right(buffer, left + 2, top, last, &format!(" {right} "), style);
    }
    if !title.is_empty() {
        let taken = if right.is_empty() { 0 } else { right.width() + 2 };
        let room = usize::from(area.width).saturating_sub(taken + 5);
        put(buffer, left + 2, top, last, &format!(" {} ", tail(title, room, more)), style);
    }
    if !bottom.is_empty() {
        put_right(buffer, left + 2, end, last, &format!(" {bottom} "), style);
    }
}

/// Empties an area.
pub fn clear(buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom().min(buffer.area.bottom()) {
        for x in area.left()..area.right().min(buffer.area.right()) {
            buffer[(x, y)].reset();
        }
    }
}

/// Columns that a character of a value takes.
fn columns(c: char) -> usize {
    match c {
        '\t' => 1,
        c if is_hidden(c) => c.escape_default().count(),
        c => c.width().unwrap_or(0),
    }
}

/// The pieces of a value that go into lines of this width, at most `most`; nothing is copied.
pub fn pieces(text: &str, width: usize, most: usize) -> Vec<&str> {
    let mut out = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (mut start, mut used) = (0, 0);
        for (at, c) in line.char_indices() {
            let wide = columns(c);
            if used + wide > width && at > start {
                out.push(&line[start..at]);
                (start, used) = (at, 0);
            }
            used += wide;
        }
        out.push(&line[start..]);
        if out.len() >= most {
            out.truncate(most);
            break;
        }
    }
    out
}

/// Writes a piece of a value. What could drive the terminal is escaped.
pub fn put_value(buffer: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
    let mut x = x;
    let end = end.min(buffer.area.right());
    if y >= buffer.area.bottom() {
        return x;
    }
    let mut cell = |c: char| {
        let wide = c.width().unwrap_or(0) as u16;
        if wide == 0 || x + wide > end {
            return;
        }
        buffer[(x, y)].set_char(c).set_style(style);
        for next in x + 1..x + wide {
            buffer[(next, y)].reset();
        }
        x += wide;
    };
    for c in text.chars() {
        match c {
            '\t' => cell(' '),
            c if is_hidden(c) => c.escape_default().for_each(&mut cell),
            c => cell(c),
        }
    }
    x
}

/// A bar that shows a part of a whole.
pub fn bar(theme: &Theme, part: u64, whole: u64, width: usize) -> String {
    let full = (part.min(whole) as usize * width).checked_div(whole as usize).unwrap_or(0);
    let [on, off] = theme.signs.bar;
    std::iter::repeat_n(on, full).chain(std::iter::repeat_n(off, width - full)).collect()
}

/// How long ago, in a few characters.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => "now".to_owned(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The same in words.
pub fn ago(seconds: u64) -> String {
    let (n, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{n} {unit}{} ago", if n == 1 { "" } else { "s" })
}

/// The day, in UTC.
pub fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| seconds.to_string(), |t| t.to_string()[..10].to_owned())
}

/// The minute, in UTC.
pub fn moment(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| seconds.to_string(), |t| t.to_string()[..16].replace('T', " "))
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_they_tell_least() {
        assert_eq!(tail("a/b/password", 20, '…'), "a/b/password");
        assert_eq!(tail("a/b/password", 10, '…'), "…/password");
        assert_eq!(head("a long sentence", 7, '…'), "a long…");
        assert_eq!(tail("日本語", 5, '…'), "…本語");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn values_are_cut_into_lines() {
        assert_eq!(pieces("abcdef\nx\r\n", 4, 9), ["abcd", "ef", "x", ""]);
        assert_eq!(pieces("日本語", 4, 9), ["日本", "語"]);
        assert_eq!(pieces("a\nb\nc", 4, 2), ["a", "b"]);
        assert_eq!(pieces("", 4, 2), [""]);
    }

    #[test]
    fn what_could_drive_the_terminal_is_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        put_value(&mut buffer, 0, 0, 20, "a\u{1b}[31m日\u{202e}", Style::new());
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert!(text.starts_with("a\\u{1b}[31m日"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn sizes_and_ages() {
        assert_eq!((age(59), age(3_700), age(90_000)), ("now".into(), "1h".into(), "1d".into()));
        assert_eq!((ago(61), ago(7_200)), ("1 minute ago".into(), "2 hours ago".into()));
        assert_eq!((size(1023), size(1536)), ("1023 B".into(), "1.5 KiB".into()));
        assert_eq!(day(0), "1970-01-01");
    }
}
