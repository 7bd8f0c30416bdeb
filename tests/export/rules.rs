//! How others read a format, from their documentation and behaviour.

use std::iter::Peekable;
use std::str::Chars;

use super::{Format, Read};

type Reader = fn(&str) -> Read;

/// The formats that one reader decides about.
pub const ALL: [(Format, Reader); 5] = [
    (Format::DockerEnv, docker),
    (Format::Systemd, systemd),
    (Format::Github, github),
    (Format::Tfvars, terraform),
    (Format::JavaProperties, java),
];

fn pair(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

/// Lines; nothing is taken away from a value.
fn docker(text: &str) -> Read {
    let pairs = text.lines().map(|line| line.split_once('=').unwrap());
    pairs.map(|(name, value)| pair(name, value)).collect()
}

/// Quoted values. In single quotes a backslash escapes the quote; in double quotes what follows,
/// and a `$` that is not escaped would be a variable.
pub fn compose(text: &str) -> Read {
    let mut chars = text.chars().peekable();
    let mut out = Read::new();
    while chars.peek().is_some() {
        let name = until(&mut chars, '=');
        let quote = chars.next().unwrap();
        assert!(quote == '\'' || quote == '"', "{quote}");
        let mut value = String::new();
        loop {
            match (chars.next().expect("a closing quote"), quote) {
                (c, quote) if c == quote => break,
                ('\\', '\'') => match chars.peek() {
                    Some('\'') => value.push(chars.next().unwrap()),
                    // The backslash stays, and so does one behind it.
                    Some('\\') => {
                        chars.next();
                        value.push_str("\\\\");
                    }
                    _ => value.push('\\'),
                },
                ('\\', _) => match chars.next().unwrap() {
                    c @ ('"' | '\\' | '$') => value.push(c),
                    other => panic!("an escape of its own: {other}"),
                },
                ('$', '"') => panic!("a variable"),
                (c, _) => value.push(c),
            }
        }
        assert_eq!(chars.next(), Some('\n'), "behind {value}");
        out.extend([pair(&name, &value)]);
    }
    out
}

/// Double quotes, in which a backslash escapes `"`, `\`, `` ` `` and `$`, and a line break goes.
fn systemd(text: &str) -> Read {
    let mut chars = text.chars().peekable();
    let mut out = Read::new();
    while chars.peek().is_some() {
        let name = until(&mut chars, '=');
        assert_eq!(chars.next(), Some('"'));
        let mut value = String::new();
        loop {
            match chars.next().unwrap() {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    c @ ('"' | '\\' | '`' | '$') => value.push(c),
                    '\n' => {}
                    c => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
        assert_eq!(chars.next(), Some('\n'));
        let odd = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
        assert!(!value.contains(odd), "it would be ignored");
        out.extend([pair(&name, &value)]);
    }
    out
}

/// `NAME<<MARK`, lines up to the mark. The line break before it is no part of the value.
fn github(text: &str) -> Read {
    let mut lines = text.split_inclusive('\n');
    let mut out = Read::new();
    while let Some(head) = lines.next() {
        let (name, mark) = head.trim_end().split_once("<<").unwrap();
        let mut value = String::new();
        for line in lines.by_ref() {
            let bare = line.strip_suffix('\n').unwrap_or(line);
            if bare.strip_suffix('\r').unwrap_or(bare) == mark {
                break;
            }
            value.push_str(line);
        }
        let value = value.strip_suffix('\n').unwrap();
        out.extend([pair(name, value.strip_suffix('\r').unwrap_or(value))]);
    }
    out
}

/// A quoted template without expressions.
fn terraform(text: &str) -> Read {
    let mut out = Read::new();
    for line in text.split_terminator('\n') {
        let (name, value) = line.split_once(" = ").unwrap();
        let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        assert!(!value.contains("${") && !value.contains("%{"), "an expression: {value}");
        out.extend([pair(name, &unescape(value, true))]);
    }
    out
}

/// Lines in ISO 8859-1; blanks before a value are no part of it.
fn java(text: &str) -> Read {
    assert!(text.is_ascii());
    let mut out = Read::new();
    for line in text.split(['\n', '\r', '\u{c}']).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').unwrap();
        let value = value.trim_start_matches([' ', '\t', '\u{c}']);
        out.extend([pair(name, &unescape(value, false))]);
    }
    out
}

/// `\n`, `\r`, `\t`, `\uXXXX` in UTF-16; of others the backslash goes, or it is wrong if `strict`.
fn unescape(text: &str, strict: bool) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let hex: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&hex, 16).unwrap());
                    continue;
                }
                c @ ('"' | '\\') => c,
                c if strict => panic!("no escape of Terraform's: {c}"),
                c => c,
            },
            '"' if strict => panic!("a quote within"),
            c => c,
        };
        units.extend(plain.encode_utf16(&mut [0; 2]).iter());
    }
    String::from_utf16(&units).unwrap()
}

fn until(chars: &mut Peekable<Chars<'_>>, end: char) -> String {
    chars.by_ref().take_while(|c| *c != end).collect()
}
