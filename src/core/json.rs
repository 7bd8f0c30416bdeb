//! A strict JSON reader and writer (RFC 8259) for bytes that hold secrets.
//!
//! General JSON libraries decode through scratch buffers that they free unzeroed; here strings
//! are decoded into [`Secret`], and what is not understood is passed on as the raw bytes.
//! Stricter than the RFC where it leaves a choice: duplicate names, lone surrogates and nesting
//! deeper than [`MAX_DEPTH`] are refused.

use std::collections::HashSet;

use super::secret::Secret;
use super::text::b64_secret;

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 32;

/// Why JSON was refused; never holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct JsonError {
    /// What is wrong.
    pub reason: &'static str,
    /// Offset in bytes.
    pub at: usize,
}

type Result<T> = std::result::Result<T, JsonError>;

/// Reads one JSON text from front to back.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// An error at the current place, also for what the caller finds wrong.
    pub fn error(&self, reason: &'static str) -> JsonError {
        JsonError { reason, at: self.at }
    }

    /// The byte with which the next value begins.
    pub fn peek(&mut self) -> Option<u8> {
        self.space();
        self.bytes.get(self.at).copied()
    }

    /// Succeeds if only white space is left.
    pub fn end(mut self) -> Result<()> {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error("text after the end")) }
    }

    /// Reads an object; `member` is called with each name and must read its value.
    pub fn object(&mut self, mut member: impl FnMut(&str, &mut Self) -> Result<()>) -> Result<()> {
        let mut seen = HashSet::new();
        self.sequence(b'{', b'}', |reader| {
            let name = reader.string()?;
            let name = name.text().ok_or(reader.error("a name is not UTF-8"))?.to_owned();
            reader.space();
            reader.expect(b':', "a name without a value")?;
            member(&name, reader)?;
            if seen.insert(name) { Ok(()) } else { Err(reader.error("a name is there twice")) }
        })
    }

    /// Reads an array; `item` is called for each item and must read it.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.sequence(b'[', b']', |reader| item(reader))
    }

    /// Reads a string.
    pub fn string(&mut self) -> Result<Secret> {
        self.space();
        self.expect(b'"', "not a string")?;
        // One allocation for the longest it can be: a growing buffer would be copied.
        let rest = &self.bytes[self.at..];
        let mut out = Secret::with_capacity(string_end(rest).unwrap_or(0));
        loop {
            let run = self.bytes[self.at..]
                .iter()
                .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
                .ok_or(self.error("a string without an end"))?;
            let text = &self.bytes[self.at..self.at + run];
            if std::str::from_utf8(text).is_err() {
                return Err(self.error("a string that is not UTF-8"));
            }
            out.extend(text);
            self.at += run;
            match self.bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => self.escape(&mut out)?,
                _ => return Err(self.error("a control character in a string")),
            }
        }
    }

    /// Reads an unsigned decimal integer as the format writes it.
    pub fn number(&mut self) -> Result<u64> {
        let raw = self.raw()?;
        std::str::from_utf8(raw)
            .ok()
            .and_then(super::text::decimal)
            .ok_or(self.error("not an unsigned number"))
    }

    /// Reads any value and returns its bytes as they stand.
    pub fn raw(&mut self) -> Result<&'a [u8]> {
        self.space();
        let start = self.at;
        match self.bytes.get(self.at) {
            Some(b'"') => drop(self.string()?),
            Some(b'{') => self.object(|_, reader| reader.raw().map(drop))?,
            Some(b'[') => self.array(|reader| reader.raw().map(drop))?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            Some(b'-' | b'0'..=b'9') => self.skip_number()?,
            _ => return Err(self.error("not a value")),
        }
        Ok(&self.bytes[start..self.at])
    }

    fn sequence(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.space();
        self.expect(open, if open == b'{' { "not an object" } else { "not an array" })?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.space();
        if self.bytes.get(self.at) == Some(&close) {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                self.space();
                match self.bytes.get(self.at) {
                    Some(b',') => self.at += 1,
                    Some(b) if *b == close => {
                        self.at += 1;
                        break;
                    }
                    _ => return Err(self.error("neither a comma nor the end")),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<()> {
        if self.bytes.get(self.at) != Some(&byte) {
            return Err(self.error(reason));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.error("not a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_number(&mut self) -> Result<()> {
        let digits = |reader: &mut Self| {
            let start = reader.at;
            while matches!(reader.bytes.get(reader.at), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            if reader.at == start { Err(reader.error("a number without digits")) } else { Ok(()) }
        };
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1
        } else {
            digits(self)?
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            digits(self)?;
        }
        Ok(())
    }

    fn escape(&mut self, out: &mut Secret) -> Result<()> {
        let kind = *self.bytes.get(self.at + 1).ok_or(self.error("a string without an end"))?;
        self.at += 2;
        let plain = match kind {
            b'"' | b'\\' | b'/' => kind,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(out),
            _ => return Err(self.error("an unknown escape")),
        };
        out.push(plain);
        Ok(())
    }

    fn unicode(&mut self, out: &mut Secret) -> Result<()> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.word(b"\\u").map_err(|_| self.error("a lone surrogate"))?;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error("a lone surrogate"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        let c = char::from_u32(code).ok_or(self.error("a lone surrogate"))?;
        out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self
                .bytes
                .get(self.at)
                .and_then(|&b| char::from(b).to_digit(16))
                .ok_or(self.error("a bad \\u escape"))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Where the string that `rest` is inside of ends: an upper bound of its decoded length.
fn string_end(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How characters outside ASCII are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// As `\u` escapes, so that the text is pure ASCII (metadata, notes).
    Ascii,
    /// As they are.
    Utf8,
}

/// Appends a value as the member `value` if it is text, otherwise in base64 as the member `b64`.
pub fn write_value(out: &mut Secret, value: &Secret) {
    match value.text() {
        Some(text) => {
            out.extend(b"\"value\":");
            write_string(out, text, Charset::Utf8);
        }
        None => {
            out.extend(b"\"b64\":\"");
            out.extend(b64_secret(value.bytes()).bytes());
            out.push(b'"');
        }
    }
}

/// Appends `text` as a JSON string with exactly one possible form: the short escapes for
/// `"` `\` and \b \f \n \r \t, lower-case `\u00xx` for other control characters and DEL.
pub fn write_string(out: &mut Secret, text: &str, charset: Charset) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\u{8}' => out.extend(b"\\b"),
            '\u{c}' => out.extend(b"\\f"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            ' '..='~' => out.push(c as u8),
            c if c >= '\u{80}' && charset == Charset::Utf8 => {
                out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    out.push(b'"');
}

/// `text` as an ASCII JSON string, for what is not secret (paths, prefixes).
pub fn ascii_string(text: &str) -> String {
    let mut out = Secret::with_capacity(text.len() + 2);
    write_string(&mut out, text, Charset::Ascii);
    String::from_utf8(out.into_public()).expect("the writer emits ASCII")
}

/// Reads a text that must be exactly what [`ascii_string`] writes.
pub fn read_ascii_string(text: &str) -> Option<String> {
    let mut reader = Reader::new(text.as_bytes());
    let string = reader.string().ok()?;
    reader.end().ok()?;
    let string = string.text()?.to_owned();
    (ascii_string(&string) == text).then_some(string)
}

/// A flat object of strings as canonical ASCII JSON: names sorted, no white space.
pub fn ascii_object(pairs: &[(&str, &str)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    let members: Vec<String> =
        pairs.iter().map(|(k, v)| format!("{}:{}", ascii_string(k), ascii_string(v))).collect();
    format!("{{{}}}", members.join(","))
}

/// Reads a flat object of strings (not secret), at most `max` members.
pub fn read_string_map(text: &[u8], max: usize) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut reader = Reader::new(text);
    reader.object(|name, reader| {
        let value = reader.string()?;
        let value = value.text().ok_or(reader.error("a string that is not UTF-8"))?;
        pairs.push((name.to_owned(), value.to_owned()));
        if pairs.len() > max { Err(reader.error("too many members")) } else { Ok(()) }
    })?;
    reader.end()?;
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> std::result::Result<String, &'static str> {
        let mut reader = Reader::new(text.as_bytes());
        let out = reader.string().map_err(|e| e.reason)?;
        reader.end().map_err(|e| e.reason)?;
        Ok(out.text().expect("checked").to_owned())
    }

    #[test]
    fn strings_decode() {
        assert_eq!(string(r#""a\n\"\\\/\u0041\ud83d\ude00é""#).as_deref(), Ok("a\n\"\\/A😀é"));
        assert_eq!(string(" \"\" ").as_deref(), Ok(""));
        for bad in [
            "",
            "\"",
            "\"a",
            "a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud83d\"",
            "\"\\ud83dA\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ude00\"",
            "\"\n\"",
            "\"a\"b",
            "'a'",
        ] {
            assert!(string(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn strings_round_trip_in_both_charsets() {
        let text: String =
            (0u32..0x300).chain([0x1f600, 0xffff]).filter_map(char::from_u32).collect();
        for charset in [Charset::Ascii, Charset::Utf8] {
            let mut out = Secret::with_capacity(0);
            write_string(&mut out, &text, charset);
            assert_eq!(string(out.text().unwrap()).as_deref(), Ok(text.as_str()));
            assert_eq!(out.bytes().is_ascii(), charset == Charset::Ascii);
        }
    }

    #[test]
    fn canonical_strings_have_one_form() {
        assert_eq!(read_ascii_string("\"a\\u00e9\"").as_deref(), Some("aé"));
        for other in ["\"a\\u00E9\"", "\"aé\"", "\"\\u0061\"", " \"a\"", "\"\\/\"", "a"] {
            assert_eq!(read_ascii_string(other), None, "{other}");
        }
    }

    #[test]
    fn maps_are_flat_strict_and_limited() {
        let map = read_string_map(br#" { "b" : "1", "a":"" } "#, 2).unwrap();
        assert_eq!(map, [("b".into(), "1".into()), ("a".into(), String::new())]);
        for bad in [
            r#"{"a":1}"#,
            r#"{"a":"1","a":"1"}"#,
            "[]",
            "",
            "{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":"b",}"#,
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":"1","b":"2","c":"3"}"#,
            r#"{,}"#,
            r#"{"a" "b"}"#,
        ] {
            assert!(read_string_map(bad.as_bytes(), 2).is_err(), "{bad}");
        }
    }

    #[test]
    fn raw_values_are_kept_as_they_stand() {
        for value in ["-1.5e+3", "0", "true", "null", "[1, {\"a\": []}]", "\"\\u0041\""] {
            let text = format!(" {value} ");
            let mut reader = Reader::new(text.as_bytes());
            assert_eq!(reader.raw().unwrap(), value.as_bytes());
            reader.end().unwrap();
        }
        for bad in ["-", "01x", "tru", "[1,]", "{\"a\":}", "1.", "1e", "nul"] {
            let mut reader = Reader::new(bad.as_bytes());
            assert!(reader.raw().and_then(|_| reader.end()).is_err(), "{bad}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let deep = "[".repeat(100_000);
        assert_eq!(Reader::new(deep.as_bytes()).raw().unwrap_err().reason, "nested too deep");
    }
}
