//! Files of sops: YAML, JSON and dotenv whose values are sealed one by one under a data key, which
//! age or KMS wraps, with a MAC over all of them in their order.
//!
//! Which values are sealed is decided as sops decides it, never by what a value looks like; the MAC
//! must be there and right before anything is handed on.

use std::collections::BTreeMap;

use sha2::{Digest, Sha512};
use zeroize::Zeroize;

use self::meta::{KmsWrap, Meta};
use self::rule::Matches;
use super::names::Way;
use super::tree::{Node, Scalar};
use super::{Parsed, text_of, tree};
use crate::aws::{Aws, AwsOptions, LazyAws};
use crate::core::cipher::equal;
use crate::core::error::{Error, Result};
use crate::core::foreign::open_sops;
use crate::core::path::escape;
use crate::core::secret::{Key, Secret};
use crate::core::text::{b64_array, b64_decode};
use crate::keys::age_file::{AgeKeys, open_with};
use crate::keys::identity::Identity;
use crate::keys::kms::{KeyArn, decrypt_foreign};

mod meta;
mod rule;

/// What the MAC begins with where it covers only what is sealed.
const ONLY_SEALED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];
/// What the names of its own variables begin with in dotenv.
const PREFIX: &str = "sops_";
/// Largest value that is unsealed, in bytes.
const MAX_VALUE: usize = 16 * 1024 * 1024;
/// What to do about everything that is not read here.
const INSTEAD: &str = "let sops decrypt it: sops -d FILE | vault import - --format FORMAT";

/// A file of sops whose values are still sealed.
pub struct SopsFile {
    values: Node,
    meta: Meta,
}

/// Who may have the data key.
pub struct SopsKeys<'k> {
    /// Identities from a file.
    pub age: Option<&'k AgeKeys>,
    /// The identity of this device.
    pub identity: Option<&'k Identity>,
    /// Where KMS is.
    pub aws: AwsOptions,
}

impl SopsFile {
    /// Reads JSON, YAML or dotenv of sops.
    ///
    /// # Errors
    /// Usage for what is none, or uses what is not read here.
    pub fn parse(bytes: &Secret) -> Result<Self> {
        let text = text_of(bytes)?;
        let start = text.trim_start();
        if start.starts_with('{') {
            return Self::of_tree(tree::json(bytes)?);
        }
        // Before YAML, for which a line of dotenv is text.
        if text.lines().any(|line| line.starts_with("sops_mac=")) {
            return Self::of_lines(text);
        }
        Self::of_tree(tree::yaml(bytes)?)
    }

    fn of_tree(node: Node) -> Result<Self> {
        let Node::Map(mut members) = node else { return Err(none()) };
        let at = members.iter().position(|(name, _)| name == "sops").ok_or_else(none)?;
        let (_, sops) = members.remove(at);
        let meta = Meta::of_tree(&sops)?;
        Ok(Self { values: Node::Map(members), meta })
    }

    /// `NAME=value` lines, without quotes; line breaks are `\n`.
    fn of_lines(text: &str) -> Result<Self> {
        let (mut members, mut meta) = (Vec::new(), BTreeMap::new());
        for (i, line) in text.split('\n').enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || Error::usage(format!("line {}: no `=` in it", i + 1));
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            let value = value.replace("\\n", "\n");
            match name.strip_prefix(PREFIX) {
                Some(name) => drop(meta.insert(name.to_owned(), value)),
                None => {
                    let value = Secret::new(value.into_bytes());
                    members.push((name.to_owned(), Node::Scalar(value, Scalar::Text)));
                }
            }
        }
        Ok(Self { values: Node::Map(members), meta: Meta::of_lines(&meta)? })
    }

    /// Whether the data key is wrapped for somebody of age.
    pub fn is_for_age(&self) -> bool {
        !self.meta.age.is_empty()
    }

    /// Whether the data key is wrapped by KMS.
    pub fn is_for_kms(&self) -> bool {
        !self.meta.kms.is_empty()
    }

    /// Unwraps the data key and opens everything.
    ///
    /// # Errors
    /// Credentials if nobody here has the key; integrity if a value or the MAC is wrong.
    pub async fn open(&self, keys: &SopsKeys<'_>) -> Result<Parsed> {
        let key = self.data_key(keys).await?;
        self.open_with(&key)
    }

    async fn data_key(&self, keys: &SopsKeys<'_>) -> Result<Key> {
        for sealed in &self.meta.age {
            let opened = match (keys.age, keys.identity) {
                (Some(age), _) => age.open(sealed)?,
                (None, Some(identity)) => open_with(identity, sealed)?,
                (None, None) => None,
            };
            if let Some(opened) = opened {
                return Key::from_slice(opened.bytes())
                    .ok_or_else(|| Error::integrity("the data key has another length than 32"));
            }
        }
        let mut refused = None;
        let aws = LazyAws::new(keys.aws.clone());
        for wrap in &self.meta.kms {
            match unwrap(aws.get().await?, wrap).await {
                Ok(key) => return Ok(key),
                Err(e) => refused = Some(e),
            }
        }
        Err(refused.unwrap_or_else(|| {
            Error::credentials("no key that is here opens the data key of this file").hint(format!(
                "--age-identity FILE names the file with the identity of age; of KMS and age only: \
                 {INSTEAD}"
            ))
        }))
    }

    /// Opens everything with the data key, and checks the MAC.
    ///
    /// # Errors
    /// Integrity if a value or the MAC is wrong.
    pub fn open_with(&self, key: &Key) -> Result<Parsed> {
        let mut hash = Sha512::new();
        if self.meta.only_sealed {
            hash.update(ONLY_SEALED);
        }
        let mut walk = Walk {
            key,
            meta: &self.meta,
            rule: self.meta.rule.start(),
            hash,
            names: Vec::new(),
            parsed: Parsed::default(),
        };
        walk.node(&self.values, &mut Way::default())?;
        let mac = walk.hash.finalize();
        let expected = open_value(key, &self.meta.mac, self.meta.last_modified.as_bytes())
            .ok_or_else(|| changed("its MAC does not open"))?;
        let mut found = String::with_capacity(128);
        mac.iter().for_each(|byte| found.push_str(&format!("{byte:02X}")));
        let same = equal(expected.0.bytes(), found.as_bytes());
        found.zeroize();
        match same {
            true => Ok(walk.parsed),
            false => Err(changed("its MAC is another one")),
        }
    }
}

/// Everything in the order in which sops goes through it.
struct Walk<'s> {
    key: &'s Key,
    meta: &'s Meta,
    rule: Matches<'s>,
    hash: Sha512,
    /// The names above, without numbers of lists: what the values are bound to.
    names: Vec<&'s str>,
    parsed: Parsed,
}

impl<'s> Walk<'s> {
    fn node(&mut self, node: &'s Node, way: &mut Way) -> Result<()> {
        match node {
            Node::Null(_) => {
                self.parsed.leave(format!("{}: it has no value", way.shown()));
                Ok(())
            }
            Node::Scalar(value, kind) => self.leaf(value, *kind, way),
            Node::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    way.below(&i.to_string(), |way| self.node(item, way))?;
                }
                Ok(())
            }
            Node::Map(members) => {
                for (name, member) in members {
                    way.below(name, |way| {
                        self.names.push(name);
                        self.rule.enter(name)?;
                        self.node(member, way)?;
                        self.rule.leave();
                        self.names.pop();
                        Ok(())
                    })?;
                }
                Ok(())
            }
        }
    }

    fn leaf(&mut self, value: &Secret, kind: Scalar, way: &Way) -> Result<()> {
        let sealed = self.rule.seals();
        let mut bound = self.names.join(":");
        bound.push(':');
        let (opened, kind) = match sealed {
            // An empty text is not sealed.
            true if value.is_empty() => (Secret::with_capacity(0), Scalar::Text),
            true => value
                .text()
                .and_then(|text| open_value(self.key, text, bound.as_bytes()))
                .ok_or_else(|| changed(&format!("{} does not open", escape(&way.shown()))))?,
            false => (Secret::copy_of(value.bytes()), kind),
        };
        if sealed || !self.meta.only_sealed {
            match sealed {
                true => self.hash.update(opened.bytes()),
                false => self.hash.update(plain_bytes(&opened, kind).bytes()),
            }
        }
        let value = match (kind, opened.bytes()) {
            (Scalar::Bool, b"True") => Secret::copy_of(b"true"),
            (Scalar::Bool, b"False") => Secret::copy_of(b"false"),
            _ => opened,
        };
        self.parsed.push_value(way.segments().to_vec(), value)
    }
}

/// A value that is not sealed, as the MAC counts it.
fn plain_bytes(value: &Secret, kind: Scalar) -> Secret {
    let text = value.text().unwrap_or_default();
    let written = match kind {
        Scalar::Text => return Secret::copy_of(value.bytes()),
        Scalar::Bool if text.eq_ignore_ascii_case("true") => "True".to_owned(),
        Scalar::Bool => "False".to_owned(),
        Scalar::Int => text.parse::<i64>().map_or_else(|_| text.to_owned(), |n| n.to_string()),
        Scalar::Float => text.parse::<f64>().map_or_else(|_| text.to_owned(), |n| n.to_string()),
    };
    Secret::new(written.into_bytes())
}

/// `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`; `None` if it is not that, or was changed.
fn open_value(key: &Key, text: &str, aad: &[u8]) -> Option<(Secret, Scalar)> {
    let parts = text.strip_prefix("ENC[AES256_GCM,data:")?.strip_suffix(']')?;
    let (data, rest) = parts.split_once(",iv:")?;
    let (iv, rest) = rest.split_once(",tag:")?;
    let (tag, kind) = rest.split_once(",type:")?;
    let kind = match kind {
        "str" | "bytes" | "time" => Scalar::Text,
        "int" | "int64" => Scalar::Int,
        "float" => Scalar::Float,
        "bool" => Scalar::Bool,
        _ => return None,
    };
    let data = b64_decode(data, MAX_VALUE)?;
    Some((open_sops(key, &b64_array(iv)?, aad, data, &b64_array(tag)?)?, kind))
}

async fn unwrap(aws: &Aws, wrap: &KmsWrap) -> Result<Key> {
    let arn = KeyArn::parse(&wrap.arn).ok_or_else(|| {
        Error::usage(format!("not a key of KMS that is read here: {}", escape(&wrap.arn)))
            .hint(INSTEAD)
    })?;
    let blob = b64_decode(&wrap.sealed, 16 * 1024)
        .ok_or_else(|| Error::integrity("the wrapped data key is not base64"))?;
    decrypt_foreign(aws, &arn, &blob, &wrap.context).await
}

fn none() -> Error {
    Error::usage("not a file of sops: it has no `sops` beside its values")
}

fn changed(what: &str) -> Error {
    Error::integrity(format!("the file of sops was changed, or the key is another one: {what}"))
        .hint("nothing was written; `sops -d` says the same if the file was changed")
}
