//! Bitwarden's JSON that is not encrypted.

use std::collections::BTreeMap;

use super::Parsed;
use super::logins::{Login, Part};
use super::names::{below, split};
use super::tree::Node;
use crate::core::document::FieldType;
use crate::core::error::{Error, Result};

/// True for what Bitwarden exports as JSON.
pub fn is_bitwarden(node: &Node) -> bool {
    let has = |name: &str| node.get(name).is_some();
    has("encrypted") && (has("items") || has("data"))
        || has("items") && (has("folders") || has("collections"))
}

/// Reads an export.
///
/// # Errors
/// Usage for one that is encrypted, or is none.
pub fn read(node: &Node) -> Result<Parsed> {
    if let Some(Node::Scalar(text, _)) = node.get("encrypted")
        && text.bytes() == b"true"
    {
        return Err(Error::usage("this export of Bitwarden is encrypted")
            .hint("export once more with the format .json, import that and remove the file"));
    }
    let items = node.get("items").and_then(Node::list);
    let items = items.ok_or_else(|| Error::usage("not an export of Bitwarden: it has no items"))?;
    let folders = names(node, "folders");
    let collections = names(node, "collections");
    let mut parsed = Parsed::default();
    for (i, item) in items.iter().enumerate() {
        let name = item.get("name").and_then(Node::text);
        let name = name.ok_or_else(|| Error::usage(format!("item {} has no name", i + 1)))?;
        let of_list = || item.get("collectionIds")?.list()?.first()?.text();
        let folder = match item.text_at("folderId") {
            Some(id) => folders.get(id),
            None => of_list().and_then(|id| collections.get(id)),
        };
        let folders = folder.map_or_else(|| Ok(Vec::new()), |folder| split(folder))?;
        let segments = below(&folders, name)?;
        let login = fields(item);
        let shown = segments.join("/");
        let lists = [("attachments", "an attachment"), ("passkeys", "a passkey")];
        for (list, what) in lists {
            let list = match list {
                "attachments" => item.get(list),
                _ => item.get("login").and_then(|login| login.get("fido2Credentials")),
            };
            for one in list.and_then(Node::list).unwrap_or_default() {
                let of =
                    one.text_at("fileName").or(one.text_at("rpId")).unwrap_or("without a name");
                parsed.leave(format!("{what} of {shown}: {of}"));
            }
        }
        match login.fields() {
            Some(fields) => parsed.push(segments, fields)?,
            None => parsed.leave(format!("{shown}: nothing in it")),
        }
    }
    Ok(parsed)
}

/// Names by id.
fn names<'n>(node: &'n Node, list: &str) -> BTreeMap<&'n str, &'n str> {
    let all = node.get(list).and_then(Node::list).unwrap_or_default();
    all.iter().filter_map(|one| Some((one.text_at("id")?, one.text_at("name")?))).collect()
}

fn fields(item: &Node) -> Login {
    let mut login = Login::default();
    if let Some(part) = item.get("login") {
        login.part(Part::Username, part.value_at("username"));
        login.part(Part::Password, part.value_at("password"));
        for uri in part.get("uris").and_then(Node::list).unwrap_or_default() {
            login.part(Part::Url, uri.value_at("uri"));
        }
        login.part(Part::Otp, part.value_at("totp"));
    }
    for section in ["card", "identity", "sshKey"] {
        for (name, value) in item.get(section).and_then(Node::map).unwrap_or_default() {
            let kind = match (section, name.as_str()) {
                (_, "email") => FieldType::Email,
                ("card", "cardholderName" | "brand" | "expMonth" | "expYear") => FieldType::Text,
                ("sshKey", "publicKey" | "keyFingerprint") => FieldType::Text,
                _ => FieldType::Secret,
            };
            login.custom(name, Some(kind), value.value());
        }
    }
    for field in item.get("fields").and_then(Node::list).unwrap_or_default() {
        let hidden = matches!(field.get("type"), Some(Node::Scalar(n, _)) if n.bytes() == b"1");
        let name = field.text_at("name").unwrap_or("field");
        login.custom(name, hidden.then_some(FieldType::Secret), field.value_at("value"));
    }
    login.part(Part::Notes, item.value_at("notes"));
    login
}
