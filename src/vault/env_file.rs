//! Files of environment variables: `NAME=value` lines, read as a shell reads them, but for
//! expansions, of which there are none.

use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Largest file in bytes.
pub const MAX_ENV_FILE: usize = 1024 * 1024;

/// A variable that a file declares.
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its value; `None` if the line has no `=`: it is to come from elsewhere.
    pub value: Option<Secret>,
    /// The line, from 1 on.
    pub line: usize,
}

/// Reads a file of variables.
///
/// # Errors
/// Usage, with the number of the line but nothing of what stands in it: what looks like a name may
/// be a piece of a value whose quotes are wrong.
pub fn parse_env(text: &Secret) -> Result<Vec<Declared>> {
    parse_env_within(text, MAX_ENV_FILE)
}

/// [`parse_env`] of a file of at most `max` bytes.
///
/// # Errors
/// The same.
pub fn parse_env_within(text: &Secret, max: usize) -> Result<Vec<Declared>> {
    if text.len() > max {
        let max = max / 1024 / 1024;
        return Err(Error::usage(format!("the file is larger than {max} MiB")));
    }
    let text = text.text().ok_or_else(|| Error::usage("the file is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some((before, _)) = text.split_once('\0') {
        return Err(wrong(1 + before.matches('\n').count(), "a NUL byte"));
    }
    let mut reader = Reader { rest: text, line: 1 };
    let mut out = Vec::new();
    while let Some(declared) = reader.declared()? {
        out.push(declared);
    }
    Ok(out)
}

/// True if a shell takes this for the name of a variable.
pub fn is_variable_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Appends `NAME='value'` and a newline, as every shell reads it back.
pub fn write_env(out: &mut Secret, name: &str, value: &Secret) {
    out.extend(name.as_bytes());
    out.extend(b"='");
    for &byte in value.bytes() {
        if byte == b'\'' { out.extend(b"'\\''") } else { out.push(byte) }
    }
    out.extend(b"'\n");
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Reader<'t> {
    /// The next variable; `None` at the end.
    fn declared(&mut self) -> Result<Option<Declared>> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Ok(None),
                Some('\n') => drop(self.next()),
                Some('#') => self.skip_comment(),
                Some(_) => break,
            }
        }
        let line = self.line;
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            self.rest = rest;
            self.skip_blanks();
        }
        let end =
            self.rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !is_variable_name(name) {
            return Err(wrong(line, "no name of a variable: letters, digits and `_`"));
        }
        let name = name.to_owned();
        self.rest = rest;
        self.skip_blanks();
        let value = match self.peek() {
            None | Some('\n' | '#') => {
                self.skip_comment();
                None
            }
            Some('=') => {
                self.next();
                Some(self.value()?)
            }
            Some(_) => return Err(wrong(line, "no `=` behind the name")),
        };
        Ok(Some(Declared { name, value, line }))
    }

    /// Quoted and unquoted pieces, up to the end of the line or a comment. Blanks within are kept.
    fn value(&mut self) -> Result<Secret> {
        let line = self.line;
        let open = |what: &str| wrong(line, &format!("a {what} quote does not end"));
        let mut out = Secret::with_capacity(64);
        let mut blanks = self.skip_blanks().to_owned();
        let mut begun = false;
        while let Some(c) = self.peek() {
            if c == '\n' || c == '#' && !blanks.is_empty() {
                break;
            }
            self.next();
            if c == '\\' && self.end_of_line() {
                blanks.push_str(self.skip_blanks());
                continue;
            }
            if begun {
                out.extend(blanks.as_bytes());
            }
            begun = true;
            match c {
                '\'' => {
                    let end = self.rest.find('\'').ok_or_else(|| open("single"))?;
                    self.take(end).chars().for_each(|c| push(&mut out, c));
                    self.next();
                }
                '"' => self.double_quoted(&mut out).ok_or_else(|| open("double"))?,
                '\\' => push(&mut out, self.next().unwrap_or('\\')),
                c => push(&mut out, c),
            }
            self.skip_blanks().clone_into(&mut blanks);
        }
        self.skip_comment();
        Ok(out)
    }

    /// Up to the closing quote. Besides what a shell knows, `\n`, `\r` and `\t` are what most
    /// readers of such files take them for.
    fn double_quoted(&mut self, out: &mut Secret) -> Option<()> {
        loop {
            match self.next()? {
                '"' => return Some(()),
                '\\' if self.end_of_line() => {}
                '\\' => match self.next()? {
                    'n' => out.push(b'\n'),
                    'r' => out.push(b'\r'),
                    't' => out.push(b'\t'),
                    c @ ('"' | '\\' | '$' | '`') => push(out, c),
                    c => {
                        out.push(b'\\');
                        push(out, c);
                    }
                },
                c => push(out, c),
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        self.take(self.peek()?.len_utf8()).chars().next()
    }

    fn take(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(len);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// Takes the end of a line, if one is here.
    fn end_of_line(&mut self) -> bool {
        let len = match self.rest.as_bytes() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return false,
        };
        self.take(len);
        true
    }

    /// Blanks, and the `\r` of an end of line.
    fn skip_blanks(&mut self) -> &'t str {
        let end = self.rest.find(|c| c != ' ' && c != '\t').unwrap_or(self.rest.len());
        let end = if self.rest[end..].starts_with("\r\n") { end + 1 } else { end };
        self.take(end)
    }

    /// Up to the end of the line.
    fn skip_comment(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.take(end);
    }
}

fn push(out: &mut Secret, c: char) {
    out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn wrong(line: usize, why: &str) -> Error {
    Error::usage(format!("line {line} of the env file: {why}"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Option<String>)>> {
        let all = parse_env(&Secret::copy_of(text.as_bytes()))?;
        let text = |value: Secret| value.text().unwrap().to_owned();
        Ok(all.into_iter().map(|d| (d.name, d.value.map(text))).collect())
    }

    /// The value of `A` in a file of this one line.
    fn one(line: &str) -> Option<String> {
        let all = read(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(all.len(), 1, "{line}");
        assert_eq!(all[0].0, "A");
        all[0].1.clone()
    }

    #[test]
    fn values_as_people_write_them() {
        for (line, value) in [
            ("A=", ""),
            ("A=b", "b"),
            ("  export\tA=b  ", "b"),
            ("A = b", "b"),
            ("A=two words # said", "two words"),
            ("A=a#b", "a#b"),
            ("A=#b", "#b"),
            ("A= #b", ""),
            ("A=' b '", " b "),
            ("A=\"a # b\" # c", "a # b"),
            ("A=\"it's\"", "it's"),
            ("A='say \"x\"'", "say \"x\""),
            ("A='it'\\''s'", "it's"),
            ("A=a\\ b\\#", "a b#"),
            ("A=\"a\\nb\\tc\\\\n\\x\"", "a\nb\tc\\n\\x"),
            ("A=\"a\nb\"", "a\nb"),
            // Ends of lines within quotes are a part of the value.
            ("A='a\r\nb'\r\n", "a\r\nb"),
            ("A=\"a\r\nb\"  \r\n# c\r\n", "a\r\nb"),
            ("A=b # c\r\n", "b"),
            ("\r\nA=\r\n", ""),
            ("A=a\\\nb", "ab"),
            ("A=a\\\r\nb\r\n", "ab"),
            ("A=\"a\\\r\nb\"\r\n", "ab"),
            ("A=\"$HOME `x` $(y)\"", "$HOME `x` $(y)"),
            ("\u{feff}A=b\r\n", "b"),
            ("# c\n\n \t# d\nA=b\n#e", "b"),
            ("A=vault://a/b?version=2#c d", "vault://a/b?version=2#c d"),
            ("A=a=b", "a=b"),
            ("A=ü日", "ü日"),
            ("A=''", ""),
            ("A=\u{a0}b", "\u{a0}b"),
        ] {
            assert_eq!(one(line).as_deref(), Some(value), "{line:?}");
        }
        for line in ["A", "export A", "A # declared", "A\r\n", "A \r\n"] {
            assert_eq!(one(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_text() {
        for (text, line) in [
            ("A=1\nB='geheim\n\nC=2", 2),
            ("A=1\nB=\"geheim", 2),
            ("A='x\ny'\n=geheim", 3),
            ("geheim-x=1", 1),
            ("1geheim=1", 1),
            ("A=1\n\nA geheim", 3),
            ("A=1\ngeheim A", 2),
            ("A=1\r\ngeheim='A", 2),
            ("A='\r\n'\ngeheim=\"A", 3),
            ("A=1\nB=geh\0eim", 2),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(&format!("line {line} ")), "{text:?}: {error}");
            assert!(!error.message.contains("geheim"), "{error}");
        }
        assert!(parse_env(&Secret::new(vec![b'\n'; MAX_ENV_FILE + 1])).is_err());
        assert!(parse_env(&Secret::new(vec![0xff])).is_err());
    }

    /// What `sh` has in `A` after it has read a file.
    fn sh(text: &str) -> String {
        let script = format!("{text}\nprintf '%s.' \"$A\"");
        let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
        assert!(output.status.success(), "{text:?}: {:?}", output.stderr);
        String::from_utf8(output.stdout).unwrap().strip_suffix('.').unwrap().to_owned()
    }

    /// A piece of a value that a shell reads without expanding anything.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9_./:@%+=,#ü-]{1,8}".prop_map(|s| s),
            "[^'\0\r]{0,10}".prop_map(|s| format!("'{s}'")),
            "[a-z #'\n=;&|<>()*?!ü]{0,10}".prop_map(|s| format!("\"{s}\"")),
            "[\"\\\\$`]".prop_map(|s| format!("\"\\{s}\"")),
            "[ #'\"\\\\$;&|<>()*?~!]".prop_map(|s| format!("\\{s}")),
            Just("\\\n".to_owned()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn a_shell_reads_the_same(
            export in prop_oneof![Just(""), Just("export "), Just(" ")],
            pieces in proptest::collection::vec(piece(), 0..5),
            end in prop_oneof![Just(""), Just(" "), Just(" # it's \"said\""), Just("\n# B=1\n")],
        ) {
            // A tilde stands for a home directory at the beginning of a word, and after a colon.
            let text = format!("{export}A={}{end}", pieces.concat());
            prop_assert_eq!(one(&text).unwrap(), sh(&text));
        }

        #[test]
        fn what_is_written_is_read_again(value in "[^\0]{0,40}") {
            let mut out = Secret::with_capacity(64);
            write_env(&mut out, "A", &Secret::copy_of(value.as_bytes()));
            let text = out.text().unwrap();
            prop_assert_eq!(one(text).unwrap(), value.clone());
            prop_assert_eq!(sh(text), value);
        }
    }
}
