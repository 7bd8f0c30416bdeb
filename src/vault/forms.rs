//! The forms in which a value turns up in the output of a program: as it is, line by line, as
//! base64, URL-encoded, inside JSON and XML, and as a shell quotes it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::core::json::{Charset, write_string};
use crate::core::secret::Secret;
use crate::core::text::b64_secret;

/// Shorter values, and forms of them, are not looked for: they would be found everywhere.
pub const SHORTEST: usize = 4;

/// RFC 3986: everything but its unreserved characters.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What JavaScript's `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &URL.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// What Python's `quote` leaves as it is.
const QUOTE: &AsciiSet = &URL.remove(b'/');
/// What JavaScript's `encodeURI` leaves as it is: all that has a meaning in an address.
const ADDRESS: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#');
/// What browsers send from a form; a space becomes `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// In files, where there is much more text that is no output of a program with the value, shorter
/// values and forms are not looked for.
pub const SHORTEST_TRACE: usize = 8;
/// Of a larger value this many bytes are looked for in files.
const LONGEST_TRACE: usize = 4096;
/// Lines of a value are looked for alone in files if they are at least as long, and of characters
/// of base64: those of keys are, those of configurations stand in others, too.
const SHORTEST_LINE: usize = 32;

/// All forms of a value that are masked; none if it is too short.
pub fn forms(value: &[u8]) -> Vec<Secret> {
    // With the line ends behind it, too: of an encoded value nothing is to be seen.
    all(value, SHORTEST, &[value, without_end(value)], |_| true)
}

/// All forms of a value that are looked for in files; none if it is too short.
pub fn traces(value: &[u8]) -> Vec<Secret> {
    let mut end = value.len().min(LONGEST_TRACE);
    // Not in the middle of a character: what is no text has no form in JSON.
    let inside = |end: usize| value.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    for _ in 0..3 {
        end -= usize::from(inside(end));
    }
    let value = &value[..end];
    // Without the line ends behind it: it is found by less, and then so is the whole.
    let text = Some(without_end(value)).filter(|text| text.len() >= SHORTEST_TRACE);
    let mut out = all(value, SHORTEST_TRACE, &[text.unwrap_or(value)], |line| {
        let key = |b: &u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(b);
        // The first line of every unencrypted OpenSSH key of a kind is the same.
        let frame = line.starts_with(b"b3BlbnNzaC1rZXktdjE");
        line.len() >= SHORTEST_LINE && line.iter().all(key) && !frame
    });
    if value.starts_with(b"-----BEGIN ") {
        // Of the base64 of a PEM file, pieces of the length of a line may be of its frame alone.
        let piece = |len: usize| len <= 64 || len == 76;
        out.retain(|form| !piece(form.len()) || is_within(value, form.bytes()));
    }
    // What a diff adds has a sign in front of each line.
    let text = value.trim_ascii_end();
    if text.contains(&b'\n') {
        let mut added = Secret::with_capacity(2 * text.len());
        for &byte in text {
            added.push(byte);
            if byte == b'\n' {
                added.push(b'+');
            }
        }
        out.push(added);
    }
    out
}

fn is_within(value: &[u8], form: &[u8]) -> bool {
    value.windows(form.len()).any(|part| part == form)
}

/// The value as it is, and the other forms of `encoded`.
fn all(
    value: &[u8],
    shortest: usize,
    encoded: &[&[u8]],
    alone: impl Fn(&[u8]) -> bool,
) -> Vec<Secret> {
    let mut out = Vec::new();
    if value.len() < shortest {
        return out;
    }
    plain(&mut out, value, alone);
    let (first, rest) = encoded.split_first().expect("one at least");
    for value in [*first].into_iter().chain(rest.iter().copied().filter(|v| v != first)) {
        base64(&mut out, value);
        url(&mut out, value);
        shell(&mut out, value);
        xml(&mut out, value);
        if let Ok(text) = std::str::from_utf8(value) {
            json(&mut out, text);
        }
    }
    out.retain(|form| form.len() >= shortest);
    out.sort_by(|a, b| a.bytes().cmp(b.bytes()));
    out.dedup_by(|a, b| a.same(b));
    out
}

/// Without the line ends behind it.
fn without_end(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| !b"\r\n".contains(b)).map_or(0, |at| at + 1);
    &value[..end]
}

/// The value, those of its lines that may stand alone, and the ends of lines as a terminal writes
/// them.
fn plain(out: &mut Vec<Secret>, value: &[u8], alone: impl Fn(&[u8]) -> bool) {
    out.push(Secret::copy_of(value));
    let text = without_end(value);
    out.push(Secret::copy_of(text));
    if !text.contains(&b'\n') {
        return;
    }
    let lines: Vec<&[u8]> =
        text.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
    for end in [&b"\n"[..], b"\r\n"] {
        let mut joined = Secret::with_capacity(value.len() + lines.len());
        for (i, line) in lines.iter().enumerate() {
            joined.extend(if i == 0 { b"" } else { end });
            joined.extend(line);
        }
        out.push(joined);
    }
    for line in lines {
        let line = line.trim_ascii();
        // The frame of a PEM file is no secret, and stands around certificates, too.
        let frame = line.starts_with(b"-----BEGIN ") || line.starts_with(b"-----END ");
        if !frame && alone(line) {
            out.push(Secret::copy_of(line));
        }
    }
}

/// Base64 in both alphabets, wherever in a longer text the value begins, and wrapped as tools
/// wrap it.
fn base64(out: &mut Vec<Secret>, value: &[u8]) {
    // With none, one and two bytes before it; how many characters those touch; and how many
    // characters the last bits of the value do not fill.
    for (before, touched) in [(0, 0), (1, 2), (2, 3)] {
        let mut padded = Secret::new(vec![0; before]);
        padded.extend(value);
        let text = b64_secret(padded.bytes());
        let whole = (before + value.len()) * 8 / 6;
        let end = text.bytes().iter().rposition(|&b| b != b'=').map_or(0, |at| at + 1);
        for to in [whole, end, text.len()] {
            both_alphabets(out, text.bytes().get(touched..to).unwrap_or_default());
        }
        for width in [64, 76] {
            if before == 0 && end > width {
                text.bytes()[..end].chunks(width).for_each(|line| both_alphabets(out, line));
            }
        }
    }
}

fn both_alphabets(out: &mut Vec<Secret>, text: &[u8]) {
    out.push(Secret::copy_of(text));
    if text.iter().any(|b| b"+/".contains(b)) {
        let mut url = Secret::with_capacity(text.len());
        for &byte in text {
            url.push(match byte {
                b'+' => b'-',
                b'/' => b'_',
                byte => byte,
            });
        }
        out.push(url);
    }
}

fn url(out: &mut Vec<Secret>, value: &[u8]) {
    let sets = [
        (URL, true),
        (URL, false),
        (COMPONENT, false),
        (QUOTE, false),
        (ADDRESS, false),
        (FORM, true),
    ];
    for (set, plus) in sets {
        let mut upper = Secret::with_capacity(value.len() * 3);
        let mut lower = Secret::with_capacity(value.len() * 3);
        for byte in value {
            if plus && *byte == b' ' {
                upper.push(b'+');
                lower.push(b'+');
                continue;
            }
            for piece in percent_encode(std::slice::from_ref(byte), set) {
                upper.extend(piece.as_bytes());
                match piece.len() {
                    3 => piece.bytes().for_each(|b| lower.push(b.to_ascii_lowercase())),
                    _ => lower.extend(piece.as_bytes()),
                }
            }
        }
        out.extend([upper, lower]);
    }
}

/// Inside a JSON string: as it is or in ASCII, and with what some writers escape beyond need.
fn json(out: &mut Vec<Secret>, text: &str) {
    for charset in [Charset::Utf8, Charset::Ascii] {
        let mut quoted = Secret::with_capacity(text.len() + 2);
        write_string(&mut quoted, text, charset);
        let inner = &quoted.bytes()[1..quoted.len() - 1];
        for extra in [&b""[..], b"/", b"<>&"] {
            let mut form = Secret::with_capacity(inner.len() * 2);
            for &byte in inner {
                match byte {
                    b'/' if extra == b"/" => form.extend(b"\\/"),
                    byte if extra.contains(&byte) => {
                        form.extend(format!("\\u{byte:04x}").as_bytes());
                    }
                    byte => form.push(byte),
                }
            }
            out.push(form);
        }
    }
}

/// What a shell has to quote with a backslash.
const QUOTED: &[u8] = b" \t\n'\"\\|&;()<>!{}*[]?^$`,#~=";

/// Quoted for a shell: by single quotes, of which those inside are written in two ways; by
/// backslashes; and as `$'…'`.
fn shell(out: &mut Vec<Secret>, value: &[u8]) {
    if !value.iter().any(|b| QUOTED.contains(b) || b.is_ascii_control()) {
        return;
    }
    for quote in [&b"'\\''"[..], b"'\"'\"'"] {
        out.push(replaced(value, |byte| (byte == b'\'').then_some(quote)));
    }
    // `#`, `~` and `=` only where they would mean something, if at all.
    for bare in [&b""[..], b"#~=", b"#~=,", b"#~", b"#~=!,^{}"] {
        let mut form = Secret::with_capacity(2 * value.len());
        for &byte in value {
            if QUOTED.contains(&byte) && !bare.contains(&byte) {
                form.push(b'\\');
            }
            form.push(byte);
        }
        out.push(form);
    }
    out.push(replaced(value, |byte| match byte {
        b'\'' => Some(b"\\'"),
        b'\\' => Some(b"\\\\"),
        b'\n' => Some(b"\\n"),
        b'\r' => Some(b"\\r"),
        b'\t' => Some(b"\\t"),
        0x1b => Some(b"\\E"),
        _ => None,
    }));
}

/// Inside XML or HTML: as text, and with the quotes of attributes as writers have them.
fn xml(out: &mut Vec<Secret>, value: &[u8]) {
    if !value.iter().any(|b| b"&<>'\"".contains(b)) {
        return;
    }
    let ways: [(&[u8], &[u8], &[u8]); 9] = [
        (b">", b"\"", b"'"),
        (b"&gt;", b"\"", b"'"),
        (b"&gt;", b"&quot;", b"'"),
        (b">", b"&quot;", b"'"),
        (b"&gt;", b"&quot;", b"&apos;"),
        (b"&gt;", b"&quot;", b"&#39;"),
        (b"&gt;", b"&quot;", b"&#039;"),
        (b"&gt;", b"&quot;", b"&#x27;"),
        (b"&gt;", b"&#34;", b"&#39;"),
    ];
    for (greater, double, single) in ways {
        out.push(replaced(value, |byte| match byte {
            b'&' => Some(b"&amp;"),
            b'<' => Some(b"&lt;"),
            b'>' => Some(greater),
            b'"' => Some(double),
            b'\'' => Some(single),
            _ => None,
        }));
    }
}

/// With something else for some bytes.
fn replaced<'b>(value: &[u8], with: impl Fn(u8) -> Option<&'b [u8]>) -> Secret {
    let mut out = Secret::with_capacity(value.len() + 64);
    for &byte in value {
        match with(byte) {
            Some(text) => out.extend(text),
            None => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) -> bool {
        forms(value.as_bytes()).iter().any(|f| f.bytes() == form.as_bytes())
    }

    #[test]
    fn each_form_is_there() {
        for (value, form) in [
            ("hunter2!", "hunter2!"),
            ("hunter2!", "aHVudGVyMiE="),
            ("hunter2!", "aHVudGVyMiE"),
            ("hunter2!", "hunter2%21"),
            ("two words", "two+words"),
            ("two words", "two%20words"),
            ("a/b c", "a/b%20c"),
            ("a?b=c d", "a?b=c%20d"),
            ("a/b/", "a%2fb%2f"),
            ("a/b/", "a%2Fb%2F"),
            ("a/b/", "a\\/b\\/"),
            ("ab\"cd", "ab\\\"cd"),
            ("grün", "gr\\u00fcn"),
            ("a<b>c", "a\\u003cb\\u003ec"),
            ("~~~~???", "fn5-fj8_Pw"),
            ("one1\ntwo2\nx", "two2"),
            ("one1\ntwo2\nx", "one1\r\ntwo2\r\nx"),
            ("one1\ntwo2\nx", "one1\\ntwo2\\nx"),
            ("with end\n", "with end"),
            ("with end\n", "d2l0aCBlbmQ="),
            ("with end\n", "d2l0aCBlbmQK"),
            ("with end\n", "with%20end"),
            ("with \"end\"\r\n", "with \\\"end\\\""),
            ("it's here", "it'\\''s here"),
            ("it's here", "it'\"'\"'s here"),
            ("it's here", "it\\'s\\ here"),
            ("it's=here,now", "it\\'s=here\\,now"),
            ("it's\nhere", "it\\'s\\nhere"),
            ("a<b&'c'", "a&lt;b&amp;'c'"),
            ("a<b&'c'", "a&lt;b&amp;&apos;c&apos;"),
            ("a\"b'c>d", "a&quot;b&#x27;c&gt;d"),
            ("a\"b'c>d", "a&#34;b&#39;c&gt;d"),
        ] {
            assert!(has(value, form), "{value:?}: {form}");
        }
    }

    #[test]
    fn base64_is_found_at_every_offset() {
        let value = "correct horse";
        for before in ["", "u", "us", "use", "user"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = b64_secret(format!("{before}{value}{after}").as_bytes());
                let text = text.text().unwrap();
                let found = forms(value.as_bytes()).iter().any(|form| {
                    // But for the characters that hold bits of the neighbours.
                    form.len() >= value.len() * 8 / 6 - 2 && text.contains(form.text().unwrap())
                });
                assert!(found, "{before}|{after}: {text}");
            }
        }
    }

    #[test]
    fn in_files_only_what_is_nowhere_else_is_looked_for() {
        let has = |value: &str, form: &str| {
            traces(value.as_bytes()).iter().any(|f| f.bytes() == form.as_bytes())
        };
        assert!(traces(b"1234567").is_empty());
        assert!(has("12345678", "12345678") && has("hunter2!", "aHVudGVyMiE="));
        let line = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpgA";
        let key = format!("-----BEGIN KEY-----\n{line}\n-----END KEY-----\n");
        assert!(has(&key, line) && has(&key, &key) && has(&key, key.trim_end()));
        let text = "{\n  \"type\": \"service_account_of_a_cloud\"\n}\n";
        assert!(has(text, text) && !has(text, text.lines().nth(1).unwrap().trim()));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n");
        assert!(!has(&pem, "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"), "its frame, in base64");
        let frame = traces(pem.as_bytes());
        assert!(frame.iter().all(|f| f.len() > 76 || f.text().is_some_and(|f| pem.contains(f))));
        assert!(has(&pem, pem.trim_end().replace('\n', "\n+").as_str()), "added by a diff");
        let ssh = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
                   b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n";
        assert!(!has(ssh, ssh.lines().nth(1).unwrap()), "it is in every one");
        assert!(has("two words*x", "two+words%2Ax"));
        assert!(has("it's here", "it'\\''s here") && has("a<b&'c'd", "a&lt;b&amp;'c'd"));
        assert!(has("two words\n", "dHdvIHdvcmRz") && !has("two words\n", "dHdvIHdvcmRzCg=="));
        // A character across the limit, and bytes that are no text.
        let long = format!("{}ü", "x".repeat(LONGEST_TRACE - 1));
        assert!(has(&long, &long[..LONGEST_TRACE - 1]));
        assert!(!traces(&vec![0x80; LONGEST_TRACE + 9]).is_empty());
    }

    #[test]
    fn short_values_and_frames_are_not_looked_for() {
        assert!(forms(b"abc").is_empty());
        assert!(!has("-----BEGIN KEY-----\nMIIabc\n-----END KEY-----\n", "-----BEGIN KEY-----"));
        assert!(has("-----BEGIN KEY-----\nMIIabc\n-----END KEY-----\n", "MIIabc"));
        assert!(!has("long line\n}\n", "}"));
    }
}
