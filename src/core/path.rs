//! Names of secrets. A [`SecretPath`] exists only if it is legal (`docs/FORMAT.md`, "Paths").

use std::fmt;

use unicode_normalization::char::is_public_assigned;
use unicode_normalization::is_nfc;

use super::error::{Error, Result};
use super::json::ascii_string;

/// Longest path in bytes.
pub const MAX_PATH: usize = 512;
/// Longest path in bytes of its JSON-escaped ASCII form: it travels in object metadata.
pub const MAX_ESCAPED: usize = 1024;
/// Longest segment in bytes.
pub const MAX_SEGMENT: usize = 200;

/// The legal name of a secret, such as `prod/db/password`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPath(String);

/// The legal name of a folder, or the empty one that covers everything. Covers whole segments:
/// `prod` covers `prod/db` but neither `prod` itself nor `production`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

impl SecretPath {
    /// Checks `text` against every rule.
    ///
    /// # Errors
    /// [`Kind::Usage`](super::error::Kind::Usage), naming the rule that is broken.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |rule: &str| Err(path_error(text, rule));
        check(text).map_err(|rule| path_error(text, rule))?;
        if text.ends_with(".instruction") {
            return refuse("a path may not end in `.instruction`, which other S3 clients reserve");
        }
        if let Some((_, digits)) = text.rsplit_once('@')
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            return refuse("a path may not end in `@` and digits, which names a version");
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as an argument that can be typed into a shell.
    pub fn quoted(&self) -> String {
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@%:,".contains(&b) || !b.is_ascii();
        let text = match self.0.bytes().all(safe) {
            true => self.0.clone(),
            false => format!("'{}'", self.0.replace('\'', r"'\''")),
        };
        if text.starts_with('-') { format!("-- {text}") } else { text }
    }

    /// Its segments; there is at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl Prefix {
    /// Checks `text` against the rules of a folder; one trailing `/` is allowed.
    ///
    /// # Errors
    /// [`Kind::Usage`](super::error::Kind::Usage), naming the rule that is broken.
    pub fn parse(text: &str) -> Result<Self> {
        let folder = text.strip_suffix('/').unwrap_or(text);
        if !folder.is_empty() {
            check(folder).map_err(|rule| path_error(text, rule))?;
        } else if !text.is_empty() {
            return Err(path_error(text, "a path may not begin with `/`"));
        }
        Ok(Self(folder.to_owned()))
    }

    /// The folder as text, without a trailing `/`; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if `path` is below this folder.
    pub fn covers(&self, path: &SecretPath) -> bool {
        self.covers_text(&path.0)
    }

    /// True if `other` is this folder or below it.
    pub fn covers_prefix(&self, other: &Self) -> bool {
        self == other || self.covers_text(&other.0)
    }

    fn covers_text(&self, text: &str) -> bool {
        self.0.is_empty()
            || text.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn path_error(text: &str, rule: &str) -> Error {
    Error::usage(format!("not a path: {}", escape(text))).hint(rule)
}

fn check(text: &str) -> std::result::Result<(), &'static str> {
    if text.is_empty() {
        return Err("a path may not be empty");
    }
    if text.starts_with('/') {
        return Err("a path may not begin with `/`");
    }
    if text.ends_with('/') {
        return Err("a path may not end with `/`");
    }
    if text.len() > MAX_PATH {
        return Err("a path has at most 512 bytes");
    }
    if text.chars().any(is_hidden) {
        return Err("a path has no control, direction-changing or invisible characters");
    }
    if !text.chars().all(is_public_assigned) {
        // A later version of Unicode may say that they normalise to something else.
        return Err("a path has no unassigned or private-use characters");
    }
    if !is_nfc(text) {
        return Err("a path must be in Unicode normal form C (NFC)");
    }
    if ascii_string(text).len() - 2 > MAX_ESCAPED {
        return Err("a path has at most 1,024 bytes when it is escaped as ASCII JSON");
    }
    for segment in text.split('/') {
        match segment {
            "" => return Err("a path may not have an empty segment (`//`)"),
            "." | ".." => return Err("a path may not have a `.` or `..` segment"),
            s if s.starts_with(".vault") => {
                return Err("no segment of a path may begin with `.vault`, which is reserved");
            }
            s if s.len() > MAX_SEGMENT => return Err("a segment of a path has at most 200 bytes"),
            _ => {}
        }
    }
    Ok(())
}

/// True for characters that change what a reader sees without being seen: controls, direction
/// overrides, zero-width and other default-ignorable characters, line separators.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with hidden characters and backslashes escaped, safe to show on a terminal.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) || c == '\\' { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_paths() {
        let long = ["x".repeat(200), "y".repeat(200), "z".repeat(110)].join("/");
        for ok in [
            "a",
            "prod/db/password",
            "a b/ü/日本",
            "a@b",
            "a@1/b",
            "@x",
            "a.vault",
            "…",
            "~",
            "-",
            ".hidden",
            "%2e",
            "a\\b",
            "instruction",
            "a@1x",
            &long,
        ] {
            assert_eq!(SecretPath::parse(ok).unwrap().as_str(), ok);
        }
        assert_eq!(long.len(), 512);
    }

    #[test]
    fn each_rule_is_named() {
        let too_long = "x/".repeat(256) + "x";
        let wide_segment = "x".repeat(201);
        let escaped = "é".repeat(90) + "/" + &"é".repeat(90);
        for (bad, rule) in [
            ("", "empty"),
            ("/a", "begin"),
            ("a/", "end with"),
            ("a//b", "empty segment"),
            ("a/./b", "`.`"),
            ("..", "`.`"),
            (".vault", ".vault"),
            ("a/.vaultx", ".vault"),
            ("a.instruction", "instruction"),
            ("a@7", "version"),
            ("a\nb", "control"),
            ("a\u{202e}b", "control"),
            ("a\u{200b}", "control"),
            ("a\u{7f}", "control"),
            ("e\u{301}", "NFC"),
            ("a\u{378}", "unassigned"),
            ("a\u{e000}", "unassigned"),
            (&too_long, "512"),
            (&wide_segment, "200"),
            (&escaped, "1,024"),
        ] {
            let error = SecretPath::parse(bad).unwrap_err();
            let hint = error.hint.expect("a rule");
            assert!(hint.contains(rule), "{bad:?}: {hint}");
        }
    }

    #[test]
    fn arguments_can_be_typed() {
        for (path, typed) in [
            ("a/b-c.d", "a/b-c.d"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "-- -rf"),
            ("a$(b)", "'a$(b)'"),
            ("ü", "ü"),
        ] {
            assert_eq!(SecretPath::parse(path).unwrap().quoted(), typed);
        }
    }

    #[test]
    fn a_prefix_covers_whole_segments() {
        let path = |p| SecretPath::parse(p).unwrap();
        let prod = Prefix::parse("prod/").unwrap();
        assert_eq!(prod, Prefix::parse("prod").unwrap());
        assert!(prod.covers(&path("prod/a")));
        assert!(!prod.covers(&path("prod")));
        assert!(!prod.covers(&path("production/a")));
        assert!(Prefix::default().covers(&path("a")));
        assert!(Prefix::parse("/").is_err());
        assert!(Prefix::parse("a//").is_err());
        assert!(prod.covers_prefix(&Prefix::parse("prod/db").unwrap()));
        assert!(!prod.covers_prefix(&Prefix::default()));
    }

    #[test]
    fn what_is_shown_cannot_drive_the_terminal() {
        assert_eq!(escape("a\u{1b}[31mb\u{202e}c\\"), "a\\u{1b}[31mb\\u{202e}c\\\\");
        assert_eq!(escape("plain ü"), "plain ü");
    }
}
