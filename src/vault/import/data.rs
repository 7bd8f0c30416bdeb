//! JSON and YAML: what `vault export` writes, the manifest of a Kubernetes Secret, and any other
//! maps, whose names become paths.

use super::names::{self, Way, split};
use super::tree::Node;
use super::{ItemContent, ItemField, Parsed};
use crate::core::document::FieldType;
use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::core::secret::Secret;
use crate::core::text::b64_decode_secret;

/// Reads a tree.
///
/// # Errors
/// Usage for what cannot become secrets.
pub fn read(node: &Node) -> Result<Parsed> {
    if is_sops(node) {
        return Err(Error::usage("this is a file of sops, and its values are encrypted")
            .hint("--format sops"));
    }
    if let Some(all) = exported(node) {
        let mut parsed = Parsed::default();
        for (i, secret) in all.iter().enumerate() {
            own(&mut parsed, secret).map_err(|why| {
                Error::usage(format!("secret {} is not as `vault export` writes it: {why}", i + 1))
            })??;
        }
        return Ok(parsed);
    }
    match node {
        Node::Map(_) | Node::List(_) => values(node),
        _ => Err(Error::usage("the file holds one value, and no names")),
    }
}

/// Every value of a tree as a secret of its own.
///
/// # Errors
/// Usage if there are too many.
pub fn values(node: &Node) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    below(&mut parsed, &mut Way::default(), node)?;
    Ok(parsed)
}

/// True for what sops wrote.
pub fn is_sops(node: &Node) -> bool {
    node.get("sops").is_some_and(|sops| sops.get("mac").is_some() || sops.get("version").is_some())
}

/// True for the manifest of a Kubernetes Secret, or of a list in which there is one.
pub fn is_k8s_secret(node: &Node) -> bool {
    let one =
        |node: &Node| node.text_at("kind") == Some("Secret") && node.get("apiVersion").is_some();
    one(node) || k8s_list(node).is_some_and(|items| items.iter().any(one))
}

/// The items of a list of Kubernetes.
fn k8s_list(node: &Node) -> Option<&[Node]> {
    let is_list = matches!(node.text_at("kind"), Some("List" | "SecretList"));
    node.get("items").filter(|_| is_list && node.get("apiVersion").is_some())?.list()
}

/// The secrets, if this is what `vault export` or `get --json` prints.
fn exported(node: &Node) -> Option<&[Node]> {
    let is_own = |node: &Node| {
        let value = ["fields", "value", "b64"].into_iter().any(|name| node.get(name).is_some());
        value && node.text_at("path").is_some() && node.get("version").is_some()
    };
    match node {
        Node::List(all) if !all.is_empty() && all.iter().all(is_own) => Some(all),
        Node::Map(_) if is_own(node) => Some(std::slice::from_ref(node)),
        _ => None,
    }
}

type Why = &'static str;

/// A secret as `vault export` writes it.
fn own(parsed: &mut Parsed, node: &Node) -> std::result::Result<Result<()>, Why> {
    only(node, &["path", "version", "fields", "value", "b64"])?;
    let path = node.text_at("path").ok_or("no path")?;
    let segments = match split(path) {
        Ok(segments) => segments,
        Err(e) => return Ok(Err(e)),
    };
    let Some(fields) = node.get("fields") else {
        return Ok(parsed.push(segments, ItemContent::Raw(own_value(node)?)));
    };
    if node.get("value").is_some() || node.get("b64").is_some() {
        return Err("both fields and a value");
    }
    let mut all = Vec::new();
    for field in fields.list().ok_or("the fields are no list")? {
        only(field, &["name", "type", "value", "b64"])?;
        let name = field.text_at("name").ok_or("a field without a name")?;
        let kind = field.text_at("type").ok_or("a field without a type")?;
        let known = FieldType::parse(kind);
        if known.is_none() {
            parsed.leave(format!("the type of {path}#{name}: it becomes secret"));
        }
        let kind = Some(known.unwrap_or(FieldType::Secret));
        all.push(ItemField::new(name, kind, own_value(field)?));
    }
    Ok(parsed.push(segments, ItemContent::Fields(all)))
}

/// Fails for members of other names: they would be lost.
fn only(node: &Node, known: &[&str]) -> std::result::Result<(), Why> {
    let members = node.map().ok_or("a field that is no map")?;
    match members.iter().all(|(name, _)| known.contains(&name.as_str())) {
        true => Ok(()),
        false => Err("a member that is unknown"),
    }
}

fn own_value(node: &Node) -> std::result::Result<Secret, Why> {
    match (node.get("value"), node.get("b64")) {
        (Some(Node::Scalar(text, _)), None) => Ok(Secret::copy_of(text.bytes())),
        (None, Some(Node::Scalar(text, _))) => {
            b64_decode_secret(text.bytes()).ok_or("a value that is not base64")
        }
        _ => Err("not one of value and b64"),
    }
}

/// Every value below a node as a secret of its own.
fn below(parsed: &mut Parsed, way: &mut Way, node: &Node) -> Result<()> {
    let is_below = !way.segments().is_empty();
    match node {
        // What looks like a name may be a value at the wrong place.
        Node::Null(Some(line)) => parsed.leave(format!("line {line}: there is no value")),
        Node::Null(None) => parsed.leave(format!("{}: it has no value", way.shown())),
        Node::List(items) if items.is_empty() && is_below => {
            parsed.leave(format!("{}: an empty list", way.shown()));
        }
        Node::Map(members) if members.is_empty() && is_below => {
            parsed.leave(format!("{}: an empty map", way.shown()));
        }
        Node::Scalar(value, _) => {
            parsed.push_value(way.segments().to_vec(), Secret::copy_of(value.bytes()))?;
        }
        Node::List(items) => {
            for (i, item) in items.iter().enumerate() {
                way.below(&i.to_string(), |way| below(parsed, way, item))?;
            }
        }
        Node::Map(members) => {
            for (name, member) in members {
                way.below(name, |way| below(parsed, way, member))?;
            }
        }
    }
    Ok(())
}

/// The manifest of a Kubernetes Secret: each of its entries; of a list, below the name of each.
///
/// # Errors
/// Usage for anything else.
pub fn k8s_secret(node: &Node) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let Some(items) = k8s_list(node) else {
        if !is_k8s_secret(node) {
            return Err(Error::usage("not the manifest of a Kubernetes Secret"));
        }
        k8s_entries(&mut parsed, &[], node)?;
        return Ok(parsed);
    };
    for (i, item) in items.iter().enumerate() {
        let wrong = |why: &str| Error::usage(format!("item {} of the list: {why}", i + 1));
        if item.text_at("kind") != Some("Secret") {
            return Err(
                wrong("not a Secret").hint("`kubectl get secrets -o yaml` lists only those")
            );
        }
        let name = item.get("metadata").and_then(|metadata| metadata.text_at("name"));
        let name = name.ok_or_else(|| wrong("it has no name"))?;
        k8s_entries(&mut parsed, &[name.to_owned()], item).map_err(|e| {
            Error::new(e.kind, format!("item {} of the list: {}", i + 1, e.message))
        })?;
    }
    Ok(parsed)
}

/// The entries of one Secret, below a folder.
fn k8s_entries(parsed: &mut Parsed, folder: &[String], node: &Node) -> Result<()> {
    for (section, encoded) in [("data", true), ("stringData", false)] {
        for (name, value) in node.get(section).and_then(Node::map).unwrap_or_default() {
            let wrong = |why: &str| Error::usage(format!("{section}/{}: {why}", escape(name)));
            let Node::Scalar(text, _) = value else { return Err(wrong("not a text")) };
            let value = match encoded {
                true => b64_decode_secret(text.bytes()).ok_or_else(|| wrong("not base64"))?,
                false => Secret::copy_of(text.bytes()),
            };
            parsed.push_value(names::below(folder, name)?, value)?;
        }
    }
    Ok(())
}
