//! A secret's document: named fields, each with a type (`docs/FORMAT.md`, "Documents").
//!
//! Values go from the decrypted bytes into [`Secret`]s and back without passing through any
//! buffer that is freed unzeroed. What this version does not know is kept as it stands.

use unicode_normalization::is_nfc;

use super::error::{Error, Result};
use super::json::{Charset, JsonError, Reader, write_string, write_value};
use super::path::{escape, is_hidden};
use super::secret::Secret;
use super::text::b64_decode_secret;

/// Most bytes of one secret's plaintext; what is larger is an attachment.
pub const MAX_PLAINTEXT: usize = 16 * 1024 * 1024;
/// Documents are padded with spaces to a multiple of this many bytes, which hides the exact
/// length of a password.
pub const PADDING: usize = 256;
/// Most fields in one document.
pub const MAX_FIELDS: usize = 1024;
/// Longest name of a field in bytes.
pub const MAX_FIELD_NAME: usize = 128;
/// The field that commands mean when none is named.
pub const DEFAULT_FIELD: &str = "value";

/// What a field holds; decides how it is shown and whether it may be given as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A password, token or key.
    Secret,
    /// Plain text that is not secret, such as a user name.
    Text,
    /// A web address.
    Url,
    /// A mail address.
    Email,
    /// The seed of one-time passwords.
    Otp,
    /// A date.
    Date,
}

impl FieldType {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Secret, "secret"),
        (Self::Text, "text"),
        (Self::Url, "url"),
        (Self::Email, "email"),
        (Self::Otp, "otp"),
        (Self::Date, "date"),
    ];

    /// The word for it in documents and output.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(t, _)| *t == self).expect("every type is listed").1
    }

    /// The type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(t, _)| *t)
    }

    /// The type that a new field of this name gets.
    pub fn for_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "user" | "username" | "login" | "account" | "host" | "hostname" | "port"
            | "database" | "region" => Self::Text,
            "url" | "uri" | "website" => Self::Url,
            "email" | "mail" => Self::Email,
            "otp" | "totp" => Self::Otp,
            "date" | "expires" | "expiry" => Self::Date,
            _ => Self::Secret,
        }
    }

    /// True if a value of this type must not be seen.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Otp)
    }
}

/// One field of a document.
pub struct Field {
    /// Its name, unique in the document.
    pub name: String,
    /// What it holds.
    pub kind: FieldType,
    /// Its value: text or any bytes.
    pub value: Secret,
    /// For secret types: the team seq known to whoever set this value.
    pub since: Option<u64>,
    /// The type's name, if a later version wrote one that this version does not know. Such a
    /// field is treated as secret, and keeps its type.
    later_type: Option<String>,
    /// Members that this version does not know: name and raw JSON.
    extra: Vec<(String, Secret)>,
}

/// The plaintext of a version of kind `doc`.
#[derive(Default)]
pub struct Document {
    /// The fields, in the order in which they were added.
    pub fields: Vec<Field>,
    /// Members other than `fields`: name and raw JSON.
    extra: Vec<(String, Secret)>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// [`Kind::Integrity`](super::error::Kind::Integrity): it was signed and decrypted, so it
    /// should be right.
    pub fn decode(plaintext: &Secret) -> Result<Self> {
        Self::read(plaintext.bytes())
            .map_err(|e| Error::integrity("the decrypted document is malformed").because(e))
    }

    /// The document as padded JSON.
    ///
    /// # Errors
    /// [`Kind::Usage`](super::error::Kind::Usage) if it is larger than [`MAX_PLAINTEXT`].
    pub fn encode(&self) -> Result<Secret> {
        let estimate: usize = self.fields.iter().map(|f| f.value.len() + f.name.len() + 64).sum();
        let mut out = Secret::with_capacity(estimate + estimate / 2 + PADDING);
        out.extend(b"{\"fields\":[");
        for (i, field) in self.fields.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            field.write(&mut out);
        }
        out.push(b']');
        write_extra(&mut out, &self.extra);
        out.push(b'}');
        while !out.len().is_multiple_of(PADDING) {
            out.push(b' ');
        }
        check_size(out.len())?;
        Ok(out)
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Sets a field. An existing one keeps its type unless `kind` is given; a new one gets the
    /// type that its name suggests. `team_seq` is the newest team note that the caller knows.
    ///
    /// # Errors
    /// [`Kind::Usage`](super::error::Kind::Usage) for an illegal name or too many fields.
    pub fn set(
        &mut self,
        name: &str,
        kind: Option<FieldType>,
        value: Secret,
        team_seq: u64,
    ) -> Result<()> {
        check_field_name(name)?;
        let since = |kind: FieldType| kind.is_secret().then_some(team_seq);
        if let Some(field) = self.fields.iter_mut().find(|f| f.name == name) {
            if let Some(kind) = kind {
                field.kind = kind;
                field.later_type = None;
            }
            field.since = since(field.kind);
            field.value = value;
            return Ok(());
        }
        if self.fields.len() == MAX_FIELDS {
            return Err(Error::usage(format!("a secret has at most {MAX_FIELDS} fields")));
        }
        let kind = kind.unwrap_or(FieldType::for_name(name));
        let field = Field {
            name: name.to_owned(),
            kind,
            value,
            since: since(kind),
            later_type: None,
            extra: Vec::new(),
        };
        self.fields.push(field);
        Ok(())
    }

    /// The team seq at which the oldest secret value inside was set; `now` if there is none.
    pub fn since(&self, now: u64) -> u64 {
        let secrets = self.fields.iter().filter(|f| f.kind.is_secret());
        secrets.map(|f| f.since.unwrap_or(0)).min().unwrap_or(now)
    }

    fn read(bytes: &[u8]) -> std::result::Result<Self, JsonError> {
        let mut document = Self::default();
        let mut reader = Reader::new(bytes);
        let mut has_fields = false;
        reader.object(|name, reader| {
            if name != "fields" {
                document.extra.push((name.to_owned(), Secret::copy_of(reader.raw()?)));
                return Ok(());
            }
            has_fields = true;
            reader.array(|reader| {
                let field = Field::read(reader)?;
                if document.field(&field.name).is_some() {
                    return Err(reader.error("a field is there twice"));
                }
                document.fields.push(field);
                if document.fields.len() > MAX_FIELDS {
                    return Err(reader.error("too many fields"));
                }
                Ok(())
            })
        })?;
        if !has_fields {
            return Err(reader.error("no fields"));
        }
        reader.end()?;
        Ok(document)
    }
}

impl Field {
    fn read(reader: &mut Reader<'_>) -> std::result::Result<Self, JsonError> {
        let (mut name, mut kind, mut value, mut since) = (None, None, None, None);
        let mut later_type = None;
        let mut extra = Vec::new();
        reader.object(|member, reader| {
            match member {
                "name" => {
                    let text = reader.string()?;
                    let text = text.text().ok_or(reader.error("a name that is not UTF-8"))?;
                    if check_field_name(text).is_err() {
                        return Err(reader.error("an illegal name of a field"));
                    }
                    name = Some(text.to_owned());
                }
                "type" => {
                    let word = reader.string()?;
                    let word = word.text().filter(|w| is_type_name(w));
                    let word = word.ok_or(reader.error("not a type"))?;
                    kind = Some(FieldType::parse(word).unwrap_or(FieldType::Secret));
                    later_type = FieldType::parse(word).is_none().then(|| word.to_owned());
                }
                "value" | "b64" if value.is_some() => {
                    return Err(reader.error("a field with two values"));
                }
                "value" => value = Some(reader.string()?),
                "b64" => {
                    let bytes = b64_decode_secret(reader.string()?.bytes());
                    value = Some(bytes.ok_or(reader.error("a value that is not base64"))?);
                }
                "since" => since = Some(reader.number()?),
                _ => extra.push((member.to_owned(), Secret::copy_of(reader.raw()?))),
            }
            Ok(())
        })?;
        let missing = reader.error("a field without name, type or value");
        match (name, kind, value) {
            (Some(name), Some(kind), Some(value)) => {
                Ok(Self { name, kind, value, since, later_type, extra })
            }
            _ => Err(missing),
        }
    }

    /// The name of its type, also of one that this version does not know.
    pub fn type_name(&self) -> &str {
        self.later_type.as_deref().unwrap_or(self.kind.name())
    }

    fn write(&self, out: &mut Secret) {
        out.extend(b"{\"name\":");
        write_string(out, &self.name, Charset::Utf8);
        if let Some(since) = self.since {
            out.extend(format!(",\"since\":{since}").as_bytes());
        }
        out.extend(format!(",\"type\":\"{}\"", self.type_name()).as_bytes());
        out.push(b',');
        write_value(out, &self.value);
        write_extra(out, &self.extra);
        out.push(b'}');
    }
}

/// A type is a short lower-case word; which ones there are may grow.
fn is_type_name(word: &str) -> bool {
    (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn write_extra(out: &mut Secret, extra: &[(String, Secret)]) {
    for (name, raw) in extra {
        out.push(b',');
        write_string(out, name, Charset::Utf8);
        out.push(b':');
        out.extend(raw.bytes());
    }
}

/// Checks the name of a field.
///
/// # Errors
/// [`Kind::Usage`](super::error::Kind::Usage), naming the rule.
pub fn check_field_name(name: &str) -> Result<()> {
    let rule = if name.is_empty() {
        "the name of a field may not be empty"
    } else if name.len() > MAX_FIELD_NAME {
        "the name of a field has at most 128 bytes"
    } else if name.contains('=') {
        "the name of a field has no `=`"
    } else if name.chars().any(is_hidden) || !is_nfc(name) {
        "the name of a field is in Unicode NFC, without control or invisible characters"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("not the name of a field: {}", escape(name))).hint(rule))
}

/// Checks that a plaintext is small enough to be a secret.
///
/// # Errors
/// [`Kind::Usage`](super::error::Kind::Usage) above [`MAX_PLAINTEXT`].
pub fn check_size(len: usize) -> Result<()> {
    if len <= MAX_PLAINTEXT {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the value is too large: a secret holds at most 16 MiB as it is stored, this is {len} bytes"
    ))
    .hint(
        "bytes that are no text take less room with --raw; larger files are attachments, which \
         this version does not have yet",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    fn encoded(document: &Document) -> String {
        document.encode().ok().and_then(|s| s.text().map(str::to_owned)).expect("encodes to text")
    }

    #[test]
    fn a_document_round_trips() {
        let mut document = Document::default();
        document.set("value", None, secret("p\"ä\n\\"), 4).unwrap();
        document.set("user", None, secret("bob"), 4).unwrap();
        document.set("bin", None, Secret::new(vec![0xff, 0, 1]), 5).unwrap();
        let text = encoded(&document);
        assert_eq!(text.len() % PADDING, 0);
        assert_eq!(
            text.trim_end(),
            r#"{"fields":[{"name":"value","since":4,"type":"secret","value":"p\"ä\n\\"},{"name":"user","type":"text","value":"bob"},{"name":"bin","since":5,"type":"secret","b64":"/wAB"}]}"#
        );
        let back = Document::decode(&secret(&text)).expect("decodes");
        assert_eq!(encoded(&back), text);
        assert_eq!(back.since(9), 4);
        assert_eq!(back.field("bin").unwrap().value.bytes(), [0xff, 0, 1]);
    }

    #[test]
    fn a_password_s_length_is_hidden() {
        let len = |n: usize| {
            let mut document = Document::default();
            document.set("value", None, secret(&"x".repeat(n)), 1).unwrap();
            encoded(&document).len()
        };
        assert_eq!(len(1), len(100));
        assert_ne!(len(1), len(300));
    }

    #[test]
    fn unknown_members_are_kept() {
        let text = r#"{"notes":"n","fields":[{"name":"a","type":"secret","value":"b","x":{"y":[1]}}],"tags":["t"]}"#;
        let document = Document::decode(&secret(text)).expect("decodes");
        let out = encoded(&document);
        assert!(
            out.contains(r#""x":{"y":[1]}"#) && out.contains(r#""notes":"n","tags":["t"]"#),
            "{out}"
        );
        assert_eq!(document.since(7), 0, "a secret field of unknown age is the oldest");
    }

    #[test]
    fn a_type_of_a_later_version_is_kept_and_treated_as_secret() {
        let text = r#"{"fields":[{"name":"a","since":3,"type":"passkey","value":"b"}]}"#;
        let mut document = Document::decode(&secret(text)).expect("decodes");
        assert!(document.field("a").unwrap().kind.is_secret());
        document.set("a", None, secret("c"), 5).unwrap();
        assert!(encoded(&document).contains(r#""since":5,"type":"passkey","value":"c""#));
        document.set("a", Some(FieldType::Text), secret("d"), 6).unwrap();
        assert!(encoded(&document).contains(r#""type":"text","value":"d""#));
    }

    #[test]
    fn malformed_documents_are_refused() {
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"fields":{}}"#,
            r#"{"fields":[{}]}"#,
            r#"{"fields":[{"name":"a","type":"secret"}]}"#,
            r#"{"fields":[{"name":"a","value":"b"}]}"#,
            r#"{"fields":[{"name":"a","type":"Odd","value":"b"}]}"#,
            r#"{"fields":[{"name":"a","type":"","value":"b"}]}"#,
            r#"{"fields":[{"name":"a","type":"secret","value":"b","b64":"AA=="}]}"#,
            r#"{"fields":[{"name":"a","type":"secret","b64":"AB=="}]}"#,
            r#"{"fields":[{"name":"","type":"secret","value":"b"}]}"#,
            r#"{"fields":[{"name":"a\nb","type":"secret","value":"b"}]}"#,
            r#"{"fields":[{"name":"a","type":"secret","value":"b","since":-1}]}"#,
            r#"{"fields":[{"name":"a","type":"text","value":"b"},{"name":"a","type":"text","value":"b"}]}"#,
            r#"{"fields":[],"fields":[]}"#,
            r#"{"fields":[]} x"#,
        ] {
            assert!(Document::decode(&secret(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn setting_keeps_the_type_and_moves_since() {
        let mut document = Document::default();
        document.set("user", Some(FieldType::Secret), secret("x"), 1).unwrap();
        document.set("user", None, secret("y"), 3).unwrap();
        let field = document.field("user").unwrap();
        assert_eq!((field.kind, field.since), (FieldType::Secret, Some(3)));
        assert!(document.set("a=b", None, secret("x"), 1).is_err());
        assert!(document.set("", None, secret("x"), 1).is_err());
    }
}
