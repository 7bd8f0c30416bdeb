//! Java's properties, as `java.util.Properties.load` reads them.

use super::names::split;
use super::{Parsed, text_of};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Reads `NAME=value`, `NAME: value` and `NAME value`.
///
/// # Errors
/// Usage, with the line.
pub fn properties(bytes: &Secret) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut lines = natural_lines(text_of(bytes)?).enumerate();
    while let Some((i, line)) = lines.next() {
        let mut line = line.trim_start_matches(BLANK);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = Secret::with_capacity(line.len());
        while let Some(part) = continued(line) {
            logical.extend(part.as_bytes());
            line = lines.next().map_or("", |(_, next)| next.trim_start_matches(BLANK));
        }
        logical.extend(line.as_bytes());
        let wrong = |why: &str| Error::usage(format!("line {} of the properties: {why}", i + 1));
        let (name, value) = name_and_value(logical.text().unwrap_or_default());
        let not_unicode = || wrong("`\\u` without the four digits of a character");
        let name = unescaped(name).ok_or_else(not_unicode)?;
        let value = unescaped(value).ok_or_else(not_unicode)?;
        if name.is_empty() {
            return Err(wrong("no name"));
        }
        parsed.push_value(split(name.text().unwrap_or_default())?, value)?;
    }
    Ok(parsed)
}

/// What stands between a name and its value, and before a line.
const BLANK: [char; 3] = [' ', '\t', '\x0c'];

/// Lines that end in `\n`, `\r` or both.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The line without the backslash by which the next one goes on with it.
fn continued(line: &str) -> Option<&str> {
    let backslashes = line.bytes().rev().take_while(|&b| b == b'\\').count();
    (backslashes % 2 == 1).then(|| &line[..line.len() - 1])
}

/// A name ends before the first `=`, `:` or blank that is not escaped.
fn name_and_value(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c| {
        let ends = !escaped && (BLANK.contains(&c) || c == '=' || c == ':');
        escaped = c == '\\' && !escaped;
        ends
    });
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANK);
    (name, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(BLANK))
}

/// The text that is meant; `None` if a `\u` is no character.
fn unescaped(text: &str) -> Option<Secret> {
    let mut out = Secret::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let meant = match c {
            '\\' => match chars.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'f' => '\x0c',
                'u' => unicode(&mut chars)?,
                other => other,
            },
            c => c,
        };
        out.extend(meant.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(out)
}

/// What follows `\u`; two of them make what has no place in one.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = unit(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first.into());
    }
    let second = (chars.next()? == '\\' && chars.next()? == 'u').then(|| unit(chars))??;
    char::decode_utf16([first, second]).next()?.ok()
}

fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | chars.next()?.to_digit(16)? as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::import::ItemContent;

    fn read(text: &str) -> Vec<(String, String)> {
        let parsed = properties(&Secret::copy_of(text.as_bytes())).unwrap();
        let pair = |item: crate::vault::import::Item| {
            let ItemContent::Fields(fields) = &item.content else { panic!() };
            (item.segments.join("/"), fields[0].value.text().unwrap().to_owned())
        };
        parsed.items.into_iter().map(pair).collect()
    }

    #[test]
    fn lines_are_as_java_reads_them() {
        let text = "# a comment \\\n ! another\n\n  Truth = Beauty\r\nb:c=d\re f  \n\
                    list : one,\\\n   two,\\\r\n\t#three\nempty\nkey\\ with\\:all\\=\\\\ x\n\
                    uni=\\u00e9\\ud83d\\udd11\\t\\q\nlast=\\";
        let expected = [
            ("Truth", "Beauty"),
            ("b", "c=d"),
            ("e", "f  "),
            ("list", "one,two,#three"),
            ("empty", ""),
            ("key with:all=\\", "x"),
            ("uni", "\u{e9}\u{1f511}\tq"),
            ("last", ""),
        ];
        assert_eq!(read(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_text() {
        for text in [
            "a=1\nb=\\u12",
            "a=1\nb=\\uzzzzgeheim",
            "a=1\nb=\\ud83dgeheim",
            "a=1\nb=\\udd11",
            "a=1\n=geheim",
            "a=1\n\\u=geheim",
        ] {
            let error = properties(&Secret::copy_of(text.as_bytes())).err();
            let error = error.unwrap_or_else(|| panic!("{text}"));
            assert!(error.message.starts_with("line 2 "), "{text:?}: {error}");
            assert!(!error.in_full().contains("geheim"), "{error}");
        }
    }
}
