//! JSON and YAML as one tree, with its texts in zeroed memory.

use super::text_of;
use crate::core::error::{Error, Result};
use crate::core::json::{JsonError, Reader};
use crate::core::secret::Secret;

pub use super::yaml::yaml;

/// Most nodes, counting those that aliases of YAML repeat.
pub const MAX_NODES: usize = 400_000;

/// A value.
pub enum Node {
    /// Nothing; with the line, if there is nothing in it but what may be a name.
    Null(Option<usize>),
    /// A text, a number or a truth value, as it is written.
    Scalar(Secret, Scalar),
    /// Values in their order.
    List(Vec<Node>),
    /// Names and values in their order.
    Map(Vec<(String, Node)>),
}

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// Another number.
    Float,
    /// `true` or `false`.
    Bool,
}

impl Node {
    /// A member of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.map()?.iter().find(|(n, _)| n == name).map(|(_, node)| node)
    }

    /// The members of a map.
    pub fn map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(value, Scalar::Text) => value.text(),
            _ => None,
        }
    }

    /// A member that is a text and not empty.
    pub fn text_at(&self, name: &str) -> Option<&str> {
        self.get(name)?.text().filter(|text| !text.is_empty())
    }

    /// A copy of a scalar that is not empty.
    pub fn value(&self) -> Option<Secret> {
        match self {
            Self::Scalar(value, _) if !value.is_empty() => Some(Secret::copy_of(value.bytes())),
            _ => None,
        }
    }

    /// True if something is in it.
    pub fn has_value(&self) -> bool {
        match self {
            Self::Null(_) => false,
            Self::Scalar(value, _) => !value.is_empty(),
            Self::List(items) => items.iter().any(Self::has_value),
            Self::Map(members) => members.iter().any(|(_, node)| node.has_value()),
        }
    }

    /// [`Self::value`] of a member.
    pub fn value_at(&self, name: &str) -> Option<Secret> {
        self.get(name)?.value()
    }
}

/// Reads JSON, or else YAML.
///
/// # Errors
/// Those of YAML, unless it begins as JSON does.
pub fn json_or_yaml(bytes: &Secret) -> Result<Node> {
    match json(bytes) {
        Err(e) => yaml(bytes).map_err(|of_yaml| {
            let is_json = text_of(bytes).is_ok_and(|text| text.trim_start().starts_with('{'));
            if is_json { e } else { of_yaml }
        }),
        node => node,
    }
}

/// Reads JSON.
///
/// # Errors
/// Usage, with line and column.
pub fn json(bytes: &Secret) -> Result<Node> {
    let text = text_of(bytes)?;
    let mut reader = Reader::new(text.as_bytes());
    let mut nodes = 0;
    let wrong = |e: JsonError| {
        let before = &text.as_bytes()[..e.at.min(text.len())];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&b| b != b'\n').count();
        Error::usage(format!("line {line}, column {column} of the JSON: {}", e.reason))
    };
    let node = json_node(&mut reader, &mut nodes).map_err(wrong)?;
    reader.end().map_err(wrong)?;
    Ok(node)
}

fn json_node(reader: &mut Reader<'_>, nodes: &mut usize) -> std::result::Result<Node, JsonError> {
    *nodes += 1;
    if *nodes > MAX_NODES {
        return Err(reader.error("too many values"));
    }
    Ok(match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            reader.object(|name, reader| {
                members.push((name.to_owned(), json_node(reader, nodes)?));
                Ok(())
            })?;
            Node::Map(members)
        }
        Some(b'[') => {
            let mut items = Vec::new();
            reader.array(|reader| {
                items.push(json_node(reader, nodes)?);
                Ok(())
            })?;
            Node::List(items)
        }
        Some(b'"') => Node::Scalar(reader.string()?, Scalar::Text),
        _ => {
            let raw = reader.raw()?;
            let kind = match raw {
                b"null" => return Ok(Node::Null(None)),
                b"true" | b"false" => Scalar::Bool,
                raw if raw.iter().any(|b| b".eE".contains(b)) => Scalar::Float,
                _ => Scalar::Int,
            };
            Node::Scalar(Secret::copy_of(raw), kind)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_its_text() {
        let error = json(&Secret::copy_of(b"{\"a\":\n \"geheim}")).err().unwrap();
        assert!(error.message.starts_with("line 2, column "), "{error}");
        assert!(!error.in_full().contains("geheim"), "{error}");
    }
}
