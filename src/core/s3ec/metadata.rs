//! The metadata entries of the format: looking them up, telling the format versions apart
//! (§5), and the JSON inside them (§2.4).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::{Class, Result};
use crate::core::{json, text};

pub(super) const C: &str = "x-amz-c";
pub(super) const D: &str = "x-amz-d";
pub(super) const I: &str = "x-amz-i";
pub(super) const KEY_V3: &str = "x-amz-3";
pub(super) const W: &str = "x-amz-w";
pub(super) const M: &str = "x-amz-m";
pub(super) const T: &str = "x-amz-t";
pub(super) const KEY_V2: &str = "x-amz-key-v2";
pub(super) const KEY_V1: &str = "x-amz-key";
pub(super) const IV: &str = "x-amz-iv";
pub(super) const CEK_ALG: &str = "x-amz-cek-alg";
pub(super) const WRAP_ALG: &str = "x-amz-wrap-alg";
pub(super) const TAG_LEN: &str = "x-amz-tag-len";
pub(super) const MATDESC: &str = "x-amz-matdesc";

/// Entries that stay on the object when a V3 object has an instruction file.
pub(super) const BOUND: [&str; 3] = [C, D, I];
/// Entries that an instruction file of a V3 object holds.
pub(super) const MOVABLE: [&str; 4] = [KEY_V3, W, M, T];
/// Entries of V1 and V2. `x-amz-unencrypted-content-length` is not among them: Go puts it on
/// V3 objects too, and nothing here reads it.
pub(super) const OLD: [&str; 7] = [KEY_V1, KEY_V2, IV, CEK_ALG, WRAP_ALG, TAG_LEN, MATDESC];

/// Longest description that is looked at. S3 allows 2 KB for all metadata; other stores may not
/// limit it at all.
const MAX_DESCRIPTION: usize = 16 * 1024;
/// Most members of a description.
const MAX_MEMBERS: usize = 256;

/// Where the keys of an object are (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// V3 with everything on the object.
    V3,
    /// V3 whose wrapped key is in an instruction file.
    V3Split,
    V2,
    V1,
    /// No wrapped key at all: a V1 or V2 object with an instruction file, or not S3EC.
    Keyless,
}

/// The entries that have a meaning here, each at most once, none of them empty.
pub(super) struct Fields<'a>(BTreeMap<&'static str, &'a str>);

impl<'a> Fields<'a> {
    /// Picks the known entries. An entry that is there twice is refused: clients disagree on
    /// which of the two counts. An empty one counts as absent, as Go writes those (§2.3).
    pub(super) fn read(pairs: &'a [(String, String)]) -> Result<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            let known =
                BOUND.iter().chain(&MOVABLE).chain(&OLD).find(|k| k.eq_ignore_ascii_case(name));
            if let Some(known) = known
                && fields.insert(*known, value.as_str()).is_some()
            {
                return Class::FormatConflict.refuse("an S3EC entry is there twice");
            }
        }
        fields.retain(|_, value| !value.is_empty());
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &'static str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    pub(super) fn need(&self, name: &'static str) -> Result<&'a str> {
        self.get(name).ok_or(Class::MissingHeader.because("a required S3EC entry is missing"))
    }

    pub(super) fn any(&self, names: &[&'static str]) -> bool {
        names.iter().any(|name| self.0.contains_key(name))
    }

    /// Adds the entries of an instruction file; none may be on the object as well.
    pub(super) fn merge(&mut self, file: Fields<'a>) -> Result<()> {
        for (name, value) in file.0 {
            if self.0.insert(name, value).is_some() {
                return Class::FormatConflict.refuse("an S3EC entry is on object and file");
            }
        }
        Ok(())
    }

    /// Which format these entries claim, by the strict algorithm of §5: one entry of V3 makes
    /// it V3, and then no entry of an older format is tolerated.
    pub(super) fn format(&self) -> Result<Format> {
        if [KEY_V1, KEY_V2, KEY_V3].iter().filter(|name| self.0.contains_key(**name)).count() > 1 {
            return Class::FormatConflict.refuse("wrapped keys of two formats");
        }
        if !self.any(&BOUND) && !self.any(&[KEY_V3]) {
            return Ok(match () {
                () if self.any(&[KEY_V2]) => Format::V2,
                () if self.any(&[KEY_V1]) => Format::V1,
                () => Format::Keyless,
            });
        }
        if self.any(&OLD) {
            return Class::FormatConflict.refuse("entries of V3 and of an older format");
        }
        for name in BOUND {
            self.need(name)?;
        }
        Ok(if self.any(&[KEY_V3]) { Format::V3 } else { Format::V3Split })
    }

    /// The error for an object without a wrapped key and without an instruction file.
    pub(super) fn keyless<T>(&self) -> Result<T> {
        if self.any(&OLD) {
            return Class::MissingHeader.refuse("S3EC entries without a wrapped key");
        }
        Class::InstructionFile.refuse("not an S3EC object, or its instruction file is missing")
    }
}

/// Parses a description: a flat JSON object of strings (§2.4); an absent one is empty.
pub(super) fn description_map(raw: &str) -> Result<Vec<(String, String)>> {
    let bad = Class::BadEncoding.because("a description that is not a flat JSON object");
    if raw.len() > MAX_DESCRIPTION {
        return Class::BadEncoding.refuse("a description that is too long");
    }
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    let plain = header_text(raw).ok_or(bad)?;
    json::read_string_map(plain.as_bytes(), MAX_MEMBERS).map_err(|_| bad)
}

/// Undoes what S3 does to a header value that is not ASCII (§2.4): it takes the UTF-8 bytes for
/// ISO-8859-1 and returns that as RFC 2047 encoded-words.
fn header_text(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with("=?") {
        return Some(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::new();
    // White space between encoded-words is not part of the text (RFC 2047, §6.2).
    for word in raw.split_ascii_whitespace() {
        let mut parts = word.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
        let (charset, encoding, content) = (parts.next()?, parts.next()?, parts.next()?);
        if !charset.eq_ignore_ascii_case("utf-8") {
            return None;
        }
        match encoding {
            "B" | "b" => bytes.extend(text::b64_decode(content, MAX_DESCRIPTION)?),
            "Q" | "q" => q_decode(content, &mut bytes)?,
            _ => return None,
        }
    }
    let misread = String::from_utf8(bytes).ok()?;
    let original = misread.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(original).ok().map(Cow::Owned)
}

/// The "Q" encoding (RFC 2047, §4.2).
fn q_decode(content: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = content.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'?' => return None,
            b'!'..=b'~' => byte,
            _ => return None,
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_undone() {
        let expected = [("naïve".to_owned(), "schlüssel".to_owned())];
        for raw in [
            "=?UTF-8?B?eyJuYcODwq92ZSI6InNjaGzDg8K8c3NlbCJ9?=",
            "=?utf-8?Q?{\"na=C3=83=C2=afve\":\"schl=C3=83=C2=BCssel\"}?=",
            // Two words, cut inside a character.
            "=?UTF-8?q?{\"na=C3=83=C2?= =?UTF-8?q?=AFve\":_\"schl=C3=83=C2=BCssel\"}?=",
            "{\"naïve\": \"schlüssel\"}",
            r#"{"na\u00efve":"schl\u00FCssel"}"#,
        ] {
            assert_eq!(description_map(raw).unwrap(), expected, "{raw}");
        }
        assert_eq!(description_map("").unwrap(), []);
    }

    #[test]
    fn bad_encoded_words_are_refused() {
        for raw in [
            "=?",
            "=??=",
            "=?UTF-8?B?e30=",
            "=?UTF-8?B?e30?=",
            "=?UTF-8?X?e30=?=",
            "=?ISO-8859-1?B?e30=?=",
            "=?UTF-8?Q?{=7?=",
            "=?UTF-8?Q?{=+7}?=",
            "=?UTF-8?Q?{?}?=",
            "=?UTF-8?B?e30=?= x",
            // A code point above U+00FF cannot come from a misread byte.
            "=?UTF-8?Q?{\"=E2=82=AC\":\"\"}?=",
            // Undone to bytes that are not UTF-8.
            "=?UTF-8?Q?{\"=C3=BF\":\"\"}?=",
        ] {
            assert_eq!(description_map(raw).unwrap_err().class, Class::BadEncoding, "{raw}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "b".repeat(MAX_DESCRIPTION));
        assert_eq!(description_map(&long).unwrap_err().class, Class::BadEncoding);
    }
}
