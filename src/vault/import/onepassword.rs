//! 1Password's 1PUX: a zip with `export.data`, which is JSON, and the attachments beside it.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::logins::{Login, Part, cut};
use super::names::below;
use super::tree::{Node, json};
use super::{MAX_IMPORT, Parsed, too_large};
use crate::core::document::FieldType;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// The file in it that has everything but the attachments.
const DATA: &str = "export.data";

/// Reads an export.
///
/// # Errors
/// Usage for anything else.
pub fn read(bytes: &Secret) -> Result<Parsed> {
    let tree = json(&data(bytes)?)?;
    let mut parsed = Parsed::default();
    let accounts = list(&tree, "accounts");
    for account in accounts {
        let name = account.get("attrs").and_then(|attrs| attrs.text_at("name"));
        // One account is no folder of its own.
        let above = match name.filter(|_| accounts.len() > 1) {
            Some(name) => below(&[], name)?,
            None => Vec::new(),
        };
        for vault in list(account, "vaults") {
            let name = vault.get("attrs").and_then(|attrs| attrs.text_at("name"));
            let folders = match name {
                Some(name) => below(&above, name)?,
                None => above.clone(),
            };
            for item in list(vault, "items") {
                // Older exports have one more layer.
                add(&mut parsed, &folders, item.get("item").unwrap_or(item))?;
            }
        }
    }
    Ok(parsed)
}

/// What `export.data` holds. Its length is counted as it is unpacked, whatever the zip says of it.
fn data(bytes: &Secret) -> Result<Secret> {
    let wrong = |why: &str| Error::usage(format!("not an export of 1Password (1pux): {why}"));
    let mut zip = ZipArchive::new(Cursor::new(bytes.bytes()))
        .map_err(|_| wrong("the zip is damaged, or is none"))?;
    let file = zip.by_name(DATA).map_err(|_| wrong("there is no readable export.data in it"))?;
    let mut out = Secret::with_capacity(1 << 20);
    let mut file = file.take(MAX_IMPORT as u64 + 1);
    let mut chunk = zeroize::Zeroizing::new([0u8; 64 * 1024]);
    loop {
        match file.read(&mut *chunk).map_err(|_| wrong("export.data is damaged"))? {
            0 => return Ok(out),
            len => out.extend(&chunk[..len]),
        }
        if out.len() > MAX_IMPORT {
            return Err(too_large());
        }
    }
}

fn list<'n>(node: &'n Node, name: &str) -> &'n [Node] {
    node.get(name).and_then(Node::list).unwrap_or_default()
}

fn add(parsed: &mut Parsed, folders: &[String], item: &Node) -> Result<()> {
    let (Some(overview), Some(details)) = (item.get("overview"), item.get("details")) else {
        return Ok(());
    };
    let title = overview.get("title").and_then(Node::text).unwrap_or_default();
    let segments = below(folders, title)?;
    let shown = segments.join("/");
    let mut login = Login::default();
    for field in list(details, "loginFields") {
        let value = field.value_at("value");
        match field.text_at("designation") {
            Some("username") => login.part(Part::Username, value),
            Some("password") => login.part(Part::Password, value),
            _ => login.custom(label(field, "name"), None, value),
        }
    }
    // Entries that are a password and nothing else.
    login.part(Part::Password, details.value_at("password"));
    let urls = list(overview, "urls");
    urls.iter().for_each(|url| login.part(Part::Url, url.value_at("url")));
    if urls.is_empty() {
        login.part(Part::Url, overview.value_at("url"));
    }
    for section in list(details, "sections") {
        for field in list(section, "fields") {
            let value = field.get("value").and_then(Node::map).and_then(<[_]>::first);
            if let Some((kind, value)) = value {
                let name = label(field, "title");
                add_field(parsed, &mut login, &shown, name, kind, value);
            }
        }
    }
    login.part(Part::Notes, details.value_at("notesPlain"));
    if let Some(document) = details.get("documentAttributes") {
        let name = document.text_at("fileName").unwrap_or("without a name");
        parsed.leave(format!("the document {shown}: {name}"));
    }
    match login.fields() {
        Some(fields) => parsed.push(segments, fields),
        None => {
            parsed.leave(format!("{shown}: nothing in it"));
            Ok(())
        }
    }
}

/// A field of a section, by what its value is.
fn add_field(
    parsed: &mut Parsed,
    login: &mut Login,
    shown: &str,
    name: &str,
    kind: &str,
    value: &Node,
) {
    let mut custom = |kind, value| login.custom(name, kind, value);
    match kind {
        "totp" => login.part(Part::Otp, value.value()),
        "url" => custom(Some(FieldType::Url), value.value()),
        "email" => {
            let address = value.value().or_else(|| value.value_at("email_address"));
            custom(Some(FieldType::Email), address);
        }
        "date" | "monthYear" => custom(Some(FieldType::Text), value.value()),
        "concealed" => custom(Some(FieldType::Secret), value.value()),
        "sshKey" => custom(Some(FieldType::Secret), value.value_at("privateKey")),
        "file" => {
            let file = value.text_at("fileName").unwrap_or("without a name");
            parsed.leave(format!("an attachment of {shown}: {file}"));
        }
        "reference" => parsed.leave(format!("a reference in {shown}: {name}")),
        _ => match value.map() {
            // An address and the like: its parts.
            Some(parts) => {
                for (part, value) in parts {
                    login.custom(&format!("{} {part}", cut(name)), None, value.value());
                }
            }
            None => custom(None, value.value()),
        },
    }
}

/// What a field is called.
fn label<'n>(field: &'n Node, name: &str) -> &'n str {
    field.text_at(name).or_else(|| field.text_at("id")).unwrap_or("field")
}
