//! What sops notes of itself beside the values.

use std::collections::BTreeMap;

use super::INSTEAD;
use super::rule::Rule;
use crate::core::error::{Error, Result};
use crate::vault::import::tree::Node;

/// Most that one data key is wrapped for, each by age and by KMS: who made the file chooses them,
/// and they are tried before its MAC can be checked.
const MAX_WRAPS: usize = 64;

/// What sops notes of itself.
pub struct Meta {
    /// The MAC, sealed.
    pub mac: String,
    /// What the MAC is bound to.
    pub last_modified: String,
    /// Which values are sealed.
    pub rule: Rule,
    /// Whether the MAC covers only those.
    pub only_sealed: bool,
    /// The data key as age wrapped it.
    pub age: Vec<String>,
    /// The data key as KMS wrapped it.
    pub kms: Vec<KmsWrap>,
}

/// The data key as KMS wrapped it.
pub struct KmsWrap {
    /// The key of KMS.
    pub arn: String,
    /// The encryption context.
    pub context: Vec<(String, String)>,
    /// The wrapped data key in base64.
    pub sealed: String,
}

impl Meta {
    /// From JSON and YAML.
    ///
    /// # Errors
    /// Usage for what is not read here; integrity without a MAC.
    pub fn of_tree(sops: &Node) -> Result<Self> {
        let has = |name: &str| match sops.get(name) {
            Some(Node::List(list)) => !list.is_empty(),
            Some(Node::Scalar(text, _)) => !text.is_empty() && text.bytes() != b"0",
            _ => false,
        };
        unreadable(has)?;
        let text = |name: &str| sops.text_at(name).map(str::to_owned);
        let is_true = matches!(sops.get("mac_only_encrypted"), Some(Node::Scalar(t, _)) if t.bytes() == b"true");
        let list = |name: &str| sops.get(name).and_then(Node::list).unwrap_or_default();
        if ["age", "kms"].into_iter().any(|name| list(name).len() > MAX_WRAPS) {
            return Err(too_many());
        }
        let kms = list("kms").iter().filter_map(|one| {
            let context = one.get("context").and_then(Node::map).unwrap_or_default();
            let pair =
                |(name, value): &(String, Node)| Some((name.clone(), value.text()?.to_owned()));
            Some(KmsWrap {
                arn: one.text_at("arn")?.to_owned(),
                context: context.iter().filter_map(pair).collect(),
                sealed: one.text_at("enc")?.to_owned(),
            })
        });
        Ok(Self {
            mac: text("mac").ok_or_else(no_mac)?,
            // YAML takes a bare time for text, too.
            last_modified: text("lastmodified").ok_or_else(no_mac)?,
            rule: Rule::read(text)?,
            only_sealed: is_true,
            age: list("age")
                .iter()
                .filter_map(|one| one.text_at("enc"))
                .map(str::to_owned)
                .collect(),
            kms: kms.collect(),
        })
    }

    /// The same with names like `age__list_0__map_enc`.
    ///
    /// # Errors
    /// As [`Self::of_tree`].
    pub fn of_lines(meta: &BTreeMap<String, String>) -> Result<Self> {
        let begins = |name: &str| {
            let list = format!("{name}__list_");
            meta.keys().any(|key| key.starts_with(&list))
                || meta.get(name).is_some_and(|value| !value.is_empty() && value != "0")
        };
        unreadable(begins)?;
        let text = |name: &str| meta.get(name).filter(|text| !text.is_empty()).cloned();
        let at = |list: &str, i: usize, name: &str| text(&format!("{list}__list_{i}__map_{name}"));
        let more = |name: &str| {
            let begin = format!("{name}__list_{MAX_WRAPS}__");
            meta.keys().any(|key| key.starts_with(&begin))
        };
        if ["age", "kms"].into_iter().any(more) {
            return Err(too_many());
        }
        let kms = (0..MAX_WRAPS).filter_map(|i| {
            let begin = format!("kms__list_{i}__map_context__map_");
            let pair = |(key, value): (&String, &String)| {
                Some((key.strip_prefix(&begin)?.to_owned(), value.clone()))
            };
            Some(KmsWrap {
                arn: at("kms", i, "arn")?,
                context: meta.iter().filter_map(pair).collect(),
                sealed: at("kms", i, "enc")?,
            })
        });
        Ok(Self {
            mac: text("mac").ok_or_else(no_mac)?,
            last_modified: text("lastmodified").ok_or_else(no_mac)?,
            rule: Rule::read(text)?,
            only_sealed: text("mac_only_encrypted").as_deref() == Some("true"),
            age: (0..MAX_WRAPS).filter_map(|i| at("age", i, "enc")).collect(),
            kms: kms.collect(),
        })
    }
}

/// Refuses what is not read here.
fn unreadable(has: impl Fn(&str) -> bool) -> Result<()> {
    for (name, what) in [
        ("shamir_threshold", "a data key in several parts"),
        ("key_groups", "a data key in several parts"),
        ("encrypted_comment_regex", "a rule about comments"),
        ("unencrypted_comment_regex", "a rule about comments"),
    ] {
        if has(name) {
            return Err(
                Error::usage(format!("the file has {what}, which is not read here")).hint(INSTEAD)
            );
        }
    }
    Ok(())
}

fn too_many() -> Error {
    Error::usage(format!("the data key of the file is wrapped more than {MAX_WRAPS} times"))
        .hint(INSTEAD)
}

fn no_mac() -> Error {
    Error::integrity("the file of sops has no MAC, so anybody may have changed it")
}
