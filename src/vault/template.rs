//! Text with references in it: `{{ vault://… }}`.

use std::ops::Range;

use super::reference::{Reference, SCHEME};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Largest template in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024 * 1024;

/// A place where a value is to be put.
pub struct Spot {
    /// What is replaced.
    at: Range<usize>,
    /// Its line, from 1 on.
    pub line: usize,
    /// What is asked for.
    pub reference: Result<Reference>,
}

/// A text and the references in it.
pub struct Template {
    text: Secret,
    /// The references, in their order.
    pub spots: Vec<Spot>,
}

impl Template {
    /// Finds the references. Braces without one are text like any other.
    ///
    /// # Errors
    /// Usage if the text is too large. A broken reference is an error of its spot.
    pub fn parse(text: Secret) -> Result<Self> {
        if text.len() > MAX_TEMPLATE {
            return Err(Error::usage("the template is larger than 16 MiB"));
        }
        let bytes = text.bytes();
        let mut spots = Vec::new();
        let (mut from, mut line, mut line_end) = (0, 1, 0);
        while let Some(begin) = find(bytes, b"{{", from) {
            let inside = &bytes[begin + 2..];
            let blanks = inside.iter().take_while(|b| b" \t".contains(b)).count();
            if !inside[blanks..].starts_with(SCHEME.as_bytes()) {
                // Of three braces, the last two may begin one.
                from = begin + 1;
                continue;
            }
            line += count_lines(&bytes[spots.last().map_or(0, |s: &Spot| s.at.end)..begin]);
            if line_end <= begin {
                // Once a line, however many references are on it.
                line_end = find(bytes, b"\n", begin).unwrap_or(bytes.len());
            }
            let end = find(&bytes[..line_end], b"}}", begin);
            let reference = match end {
                Some(end) => std::str::from_utf8(&bytes[begin + 2..end])
                    .map_err(|_| Error::usage("not a reference: it is not UTF-8"))
                    .and_then(|text| Reference::parse(text.trim_matches([' ', '\t']))),
                None => Err(Error::usage("`{{ vault://` without `}}` on the same line")),
            };
            from = end.map_or(line_end, |end| end + 2);
            spots.push(Spot { at: begin..from, line, reference });
        }
        Ok(Self { text, spots })
    }

    /// The text with a value in each spot, as it is: nothing is escaped.
    pub fn render(&self, values: &[&Secret]) -> Secret {
        let size: usize = values.iter().map(|value| value.len()).sum();
        let mut out = Secret::with_capacity(self.text.len() + size);
        let mut from = 0;
        for (spot, value) in self.spots.iter().zip(values) {
            out.extend(&self.text.bytes()[from..spot.at.start]);
            out.extend(value.bytes());
            from = spot.at.end;
        }
        out.extend(&self.text.bytes()[from..]);
        out
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let at = bytes.get(from..)?.windows(what.len()).position(|w| w == what)?;
    Some(from + at)
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &[&str]) -> String {
        let template = Template::parse(Secret::copy_of(text.as_bytes())).unwrap();
        assert!(template.spots.iter().all(|s| s.reference.is_ok()), "{text}");
        assert_eq!(template.spots.len(), values.len(), "{text}");
        let values: Vec<Secret> = values.iter().map(|v| Secret::copy_of(v.as_bytes())).collect();
        let out = template.render(&values.iter().collect::<Vec<_>>());
        out.text().unwrap().to_owned()
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        for (text, values, out) in [
            ("", &[][..], ""),
            ("a {{ vault://x }} b", &["1"], "a 1 b"),
            ("{{vault://x}}{{\tvault://y#z\t}}", &["1", "2"], "12"),
            ("{{ vault://x }}", &["{{ vault://y }}"], "{{ vault://y }}"),
            ("{{{ vault://x }}}", &["1"], "{1}"),
            ("{{ .Values.x }} {{ }} {{", &[], "{{ .Values.x }} {{ }} {{"),
            ("{{\nvault://x }} vault://y", &[], "{{\nvault://x }} vault://y"),
            ("\"{{ vault://a b }}\"\r\n", &["q\"\n"], "\"q\"\n\"\r\n"),
        ] {
            assert_eq!(filled(text, values), out, "{text:?}");
        }
    }

    /// A template of one line takes no longer than one of as many lines.
    #[test]
    fn a_long_line_is_read_once() {
        let time = |between: &str| {
            let text = format!("{{{{ vault://a }}}}{between}").repeat(20_000);
            let start = std::time::Instant::now();
            let template = Template::parse(Secret::copy_of(text.as_bytes())).unwrap();
            assert_eq!(template.spots.len(), 20_000);
            start.elapsed()
        };
        let (lines, line) = (time("\n"), time(" "));
        assert!(line < 50 * lines, "{line:?}, not {lines:?}");
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        let text = "{{ vault://a }}\n\n{{ vault:// }}\n{{ vault://x\n}} {{ vault://b?x }}";
        let template = Template::parse(Secret::copy_of(text.as_bytes())).unwrap();
        let bad: Vec<usize> =
            template.spots.iter().filter(|s| s.reference.is_err()).map(|s| s.line).collect();
        assert_eq!(bad, [3, 4, 5]);
    }
}
