//! References: one line of text that names one value,
//! `vault://[@NAME/]path/to/item[?version=N&attribute=otp][#field]`.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::fields::choose;
use super::read::{Content, Opened};
use crate::core::document::{Field, FieldType, check_field_name};
use crate::core::error::{Error, Result};
use crate::core::otp;
use crate::core::path::{SecretPath, escape};
use crate::core::secret::Secret;

/// What every reference begins with.
pub const SCHEME: &str = "vault://";
/// Longest reference in bytes: the longest path and field, each byte of them percent-encoded.
const MAX_REFERENCE: usize = 2048;
/// Longest name of a vault in bytes.
const MAX_VAULT: usize = 64;
/// What has a meaning in a reference, or might get lost in a line of text, is written encoded.
const RESERVED: &AsciiSet =
    &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ').add(b'"').add(b'\'').add(b'{').add(b'}');

/// A reference to one value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The vault's name in the configuration; `None` is the current one.
    pub vault: Option<String>,
    /// The secret.
    pub path: SecretPath,
    /// A version of it; `None` is the newest.
    pub version: Option<u64>,
    /// The present one-time password instead of the seed.
    pub otp: bool,
    /// The field; `None` is the one that `vault get` prints.
    pub field: Option<String>,
}

/// What a reference leads to.
pub struct Value {
    /// The bytes.
    pub value: Secret,
    /// True if nobody should see it: that is what its type says.
    pub is_secret: bool,
}

impl Reference {
    /// True if the text is meant as a reference.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads a reference.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::core::error::Kind::Usage), naming the rule that is broken.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |rule: &str| wrong(text, rule);
        if text.len() > MAX_REFERENCE {
            return Err(Error::usage("a reference has at most 2,048 bytes"));
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("it begins with `vault://`"))?;
        let (rest, field) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (vault, path) = match rest.strip_prefix('@') {
            None => (None, rest),
            Some(rest) => {
                let (name, path) = rest
                    .split_once('/')
                    .ok_or_else(|| wrong("a path follows the name: `vault://@NAME/path`"))?;
                let name = decode(name).ok_or_else(|| wrong(ENCODING))?;
                if name.is_empty() || name.len() > MAX_VAULT || name.contains('/') {
                    return Err(wrong(
                        "`@` is followed by the name of a vault (`%40` is a plain @)",
                    ));
                }
                (Some(name), path)
            }
        };
        let path = decode(path).ok_or_else(|| wrong(ENCODING))?;
        let path = SecretPath::parse(&path).map_err(|e| match path.ends_with(is_digit) {
            true => wrong(&format!("{}; `?version=N` is a version", e.hint.unwrap_or_default())),
            false => wrong(&e.hint.unwrap_or_default()),
        })?;
        let field = field.map(|field| decode(field).ok_or_else(|| wrong(ENCODING))).transpose()?;
        if let Some(field) = &field {
            check_field_name(field).map_err(|_| wrong("`#` is followed by the name of a field"))?;
        }
        let mut reference = Self { vault, path, version: None, otp: false, field };
        if let Some(query) = query {
            reference.read_query(query).map_err(wrong)?;
        }
        Ok(reference)
    }

    fn read_query(&mut self, query: &str) -> std::result::Result<(), &'static str> {
        for part in query.split('&') {
            match part.split_once('=') {
                Some(("version", n)) if self.version.is_none() => {
                    let digits = !n.is_empty() && n.chars().all(is_digit);
                    let n = n.parse().ok().filter(|&n| digits && n > 0);
                    self.version = Some(n.ok_or("a version is a number from 1 on")?);
                }
                Some(("attribute", "otp")) if !self.otp => self.otp = true,
                Some(("attribute", _)) => return Err("the only attribute is `otp`"),
                _ => return Err("after `?` there is `version=N` or `attribute=otp`, each once"),
            }
        }
        Ok(())
    }

    /// The value in what was read. `now` is the time in seconds since 1970, for one-time
    /// passwords.
    ///
    /// # Errors
    /// Not found if there is no such field; usage if several could be meant.
    pub fn value(&self, opened: &Opened, now: u64) -> Result<Value> {
        let name = self.field.as_deref();
        if self.otp {
            let seed = otp_seed(&self.path, opened, name)?;
            return Ok(Value { value: otp::code(seed, now)?.digits, is_secret: true });
        }
        let document = match &opened.content {
            Content::Doc(document) => document,
            Content::Raw(_) if name.is_some() => {
                return Err(super::fields::no_field(&self.path, name.unwrap_or_default(), None));
            }
            Content::Raw(bytes) => {
                return Ok(Value { value: Secret::copy_of(bytes.bytes()), is_secret: true });
            }
        };
        let field = choose(&self.path, document, name)?;
        Ok(Value { value: Secret::copy_of(field.value.bytes()), is_secret: is_secret(field) })
    }
}

/// True if a field's type says that nobody should see it.
pub(super) fn is_secret(field: &Field) -> bool {
    field.kind.is_secret()
}

/// The seed of one-time passwords: the field named, or the only one of that type, or an `otpauth://`
/// in what `get` prints. Any other text there may be a password, which can look like a seed.
///
/// # Errors
/// Not found if there is none; usage if several could be meant.
pub fn otp_seed<'o>(
    path: &SecretPath,
    opened: &'o Opened,
    name: Option<&str>,
) -> Result<&'o Secret> {
    let document = match (&opened.content, name) {
        (Content::Doc(document), _) => document,
        (Content::Raw(bytes), None) if otp::is_uri(bytes) => return Ok(bytes),
        (Content::Raw(_), None) => return Err(no_seed(path)),
        (Content::Raw(_), Some(name)) => return Err(super::fields::no_field(path, name, None)),
    };
    let mut seeds = document.fields.iter().filter(|field| field.kind == FieldType::Otp);
    match (name, seeds.next(), seeds.next()) {
        (None, Some(only), None) => Ok(&only.value),
        (None, None, _) => match choose(path, document, None) {
            Ok(field) if otp::is_uri(&field.value) => Ok(&field.value),
            _ => Err(no_seed(path)),
        },
        _ => Ok(&choose(path, document, name)?.value),
    }
}

fn no_seed(path: &SecretPath) -> Error {
    Error::not_found(format!("{path} has no field of type otp")).hint(format!(
        "`vault otp {path} FIELD` names one; `vault put {path} otp=prompt` stores one"
    ))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if let Some(vault) = &self.vault {
            write!(f, "@{}/", utf8_percent_encode(vault, RESERVED))?;
        }
        let path = self.path.as_str();
        let rest = path.strip_prefix('@');
        if rest.is_some() {
            f.write_str("%40")?;
        }
        write!(f, "{}", utf8_percent_encode(rest.unwrap_or(path), RESERVED))?;
        let version = self.version.map(|n| format!("version={n}"));
        let otp = self.otp.then(|| "attribute=otp".to_owned());
        let query: Vec<String> = version.into_iter().chain(otp).collect();
        if !query.is_empty() {
            write!(f, "?{}", query.join("&"))?;
        }
        match &self.field {
            Some(field) => write!(f, "#{}", utf8_percent_encode(field, RESERVED)),
            None => Ok(()),
        }
    }
}

const ENCODING: &str = "`%` is followed by two hexadecimal digits, and all of it is UTF-8";

fn wrong(text: &str, rule: &str) -> Error {
    Error::usage(format!("not a reference: {}", escape(text))).hint(rule)
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(text, rest)| (text, Some(rest)))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The text without percent-encoding; `None` if that is broken.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(i, &b)| {
        let digits = bytes.get(i + 1..i + 3);
        b == b'%' && !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if broken { None } else { Some(percent_decode_str(text).decode_utf8().ok()?.into_owned()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::error::Kind;

    fn parsed(text: &str) -> Reference {
        Reference::parse(text).unwrap_or_else(|e| panic!("{text}: {e} {:?}", e.hint))
    }

    #[test]
    fn the_parts_are_told_apart() {
        let plain = parsed("vault://prod/db");
        assert_eq!((plain.vault, plain.path.as_str()), (None, "prod/db"));
        let all = parsed("vault://@team/prod/db?version=3&attribute=otp#pass%20word");
        assert_eq!(all.vault.as_deref(), Some("team"));
        assert_eq!((all.path.as_str(), all.version, all.otp), ("prod/db", Some(3), true));
        assert_eq!(all.field.as_deref(), Some("pass word"));
        for (text, path) in [
            ("vault://%40team/a", "@team/a"),
            ("vault://a@b/c", "a@b/c"),
            ("vault://a%3fb%23c%25", "a?b#c%"),
            ("vault://a b/ü", "a b/ü"),
            ("vault://a%2Fb", "a/b"),
            ("vault://a&b=c", "a&b=c"),
        ] {
            assert_eq!(parsed(text).path.as_str(), path, "{text}");
        }
        assert_eq!(parsed("vault://a#b#c?d").field.as_deref(), Some("b#c?d"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let long = format!("vault://{}", "a".repeat(2048));
        for bad in [
            "",
            "vault:/a",
            "VAULT://a",
            "op://a/b",
            " vault://a",
            "vault://",
            "vault:///a",
            "vault://a/",
            "vault://a//b",
            "vault://../a",
            "vault://@team",
            "vault://@/a",
            "vault://@a%2Fb/c",
            "vault://@team/",
            "vault://a%",
            "vault://a%4",
            "vault://a%zz",
            "vault://a%ff",
            "vault://a%0a",
            "vault://a\nb",
            "vault://a@3",
            "vault://a?",
            "vault://a?version=",
            "vault://a?version=0",
            "vault://a?version=+1",
            "vault://a?version=99999999999999999999",
            "vault://a?version=1&version=1",
            "vault://a?attribute=otp&attribute=otp",
            "vault://a?attribute=type",
            "vault://a?other=1",
            "vault://a#",
            "vault://a#%00",
            &long,
        ] {
            let error = Reference::parse(bad).map(|r| r.to_string()).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{bad}");
        }
    }

    #[test]
    fn a_version_in_the_path_is_explained() {
        let error = Reference::parse("vault://a@3").unwrap_err();
        assert!(error.hint.unwrap().contains("?version=N"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            vault in proptest::option::of("[a-zA-Z0-9@ü%?#._-]{1,16}"),
            path in "[a-z0-9@ ü%?#&={}'\"\\\\._-]{1,12}(/[a-z0-9@ü%?#&={}._-]{1,12}){0,3}",
            version in proptest::option::of(1u64..),
            otp: bool,
            field in proptest::option::of("[a-z0-9@ ü%?#&=/{}._-]{1,20}"),
        ) {
            let Ok(path) = SecretPath::parse(&path) else { return Ok(()) };
            prop_assume!(field.as_deref().is_none_or(|f| check_field_name(f).is_ok()));
            let reference = Reference { vault, path, version, otp, field };
            let text = reference.to_string();
            prop_assert_eq!(Reference::parse(&text).unwrap(), reference);
        }

        #[test]
        fn any_text_is_read_or_refused(rest in "\\PC{0,60}") {
            if let Ok(reference) = Reference::parse(&format!("{SCHEME}{rest}")) {
                let text = reference.to_string();
                prop_assert_eq!(Reference::parse(&text).unwrap(), reference);
            }
        }
    }
}
