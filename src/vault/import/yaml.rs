//! YAML of one document as a tree.
//!
//! The parser hands out strings that it made itself: they are zeroed here as soon as they are copied,
//! but its own buffers are not.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use zeroize::Zeroize;

use super::text_of;
use super::tree::{MAX_NODES, Node, Scalar};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Deepest nesting.
const MAX_DEPTH: usize = 32;
/// Most bytes that aliases may repeat.
const MAX_REPEATED: usize = 16 * 1024 * 1024;

/// Reads YAML of one document.
///
/// # Errors
/// Usage, with line and column.
pub fn yaml(bytes: &Secret) -> Result<Node> {
    let text = text_of(bytes)?;
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e: ScanError| {
            // What the parser says may hold a piece of the text.
            let mark = e.marker();
            at(mark.line(), mark.col(), "this is not YAML")
        })?;
        builder.event(event, span)?;
    }
    builder.root.ok_or_else(|| Error::usage("there is no document in the YAML"))
}

fn at(line: usize, column: usize, why: &str) -> Error {
    Error::usage(format!("line {line}, column {} of the YAML: {why}", column + 1))
}

/// A tree that is being built.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    repeated: usize,
    anchors: BTreeMap<usize, Node>,
}

/// A list or a map whose end has not come.
struct Open {
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { members: Vec<(String, Node)>, names: HashSet<String>, name: Option<String> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let wrong = |why: &str| at(span.start.line(), span.start.col(), why);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(wrong("a second document"));
                }
                Ok(())
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Items::List(Vec::new()), wrong),
            Event::MappingStart(anchor, _) => {
                let (members, names) = (Vec::new(), HashSet::new());
                self.begin(anchor, Items::Map { members, names, name: None }, wrong)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { anchor, items } =
                    self.open.pop().ok_or_else(|| wrong("an end without a beginning"))?;
                let node = match items {
                    Items::List(items) => Node::List(items),
                    Items::Map { members, .. } => Node::Map(members),
                };
                self.add(node, anchor, wrong)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                if tag.as_ref().is_some_and(|tag| tag.suffix == "binary") {
                    return Err(wrong("a value of type !!binary"));
                }
                let node =
                    scalar(&text, style == ScalarStyle::Plain && !is_text, span.start.line());
                if let Cow::Owned(mut text) = text {
                    text.zeroize();
                }
                self.add(node, anchor, wrong)
            }
            Event::Alias(anchor) => {
                let known =
                    self.anchors.get(&anchor).ok_or_else(|| wrong("an alias of what is around it"));
                let node = copy(known?, &mut self.nodes, &mut self.repeated)
                    .ok_or_else(|| wrong("aliases that repeat too much"))?;
                self.add(node, 0, wrong)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, items: Items, wrong: impl Fn(&str) -> Error) -> Result<()> {
        if let Some(Open { items: Items::Map { name: None, .. }, .. }) = self.open.last() {
            return Err(wrong("a name that is not text"));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(wrong("nested too deep"));
        }
        self.open.push(Open { anchor, items });
        Ok(())
    }

    /// Puts a whole value where it belongs.
    fn add(&mut self, node: Node, anchor: usize, wrong: impl Fn(&str) -> Error) -> Result<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(wrong("too many values"));
        }
        if anchor > 0 {
            let kept = copy(&node, &mut self.nodes, &mut self.repeated);
            self.anchors.insert(anchor, kept.ok_or_else(|| wrong("anchors of too much"))?);
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.items {
            Items::List(items) => items.push(node),
            Items::Map { members, names, name } => match name.take() {
                Some(name) => members.push((name, node)),
                None => {
                    let Node::Scalar(text, _) = &node else {
                        return Err(wrong("a name that is not text"));
                    };
                    let text = text.text().unwrap_or_default();
                    if text == "<<" {
                        return Err(wrong("a merge key (<<): write what it stands for"));
                    }
                    if !names.insert(text.to_owned()) {
                        return Err(wrong("a name is there twice"));
                    }
                    *name = Some(text.to_owned());
                }
            },
        }
        Ok(())
    }
}

/// What a plain scalar means by the core schema of YAML 1.2; its text stays as it is written.
fn scalar(text: &str, plain: bool, line: usize) -> Node {
    let value = || Secret::copy_of(text.as_bytes());
    let kind = match text {
        _ if !plain => Scalar::Text,
        "" => return Node::Null(Some(line)),
        "~" | "null" | "Null" | "NULL" => return Node::Null(None),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Scalar::Bool,
        text => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            match numeric {
                true if digits.bytes().all(|b| b.is_ascii_digit()) => Scalar::Int,
                true if text.parse::<f64>().is_ok() => Scalar::Float,
                _ => Scalar::Text,
            }
        }
    };
    Node::Scalar(value(), kind)
}

/// A second tree with the same values; `None` beyond the limits.
fn copy(node: &Node, nodes: &mut usize, bytes: &mut usize) -> Option<Node> {
    *nodes += 1;
    if *nodes > MAX_NODES || *bytes > MAX_REPEATED {
        return None;
    }
    Some(match node {
        Node::Null(line) => Node::Null(*line),
        Node::Scalar(value, kind) => {
            *bytes += value.len();
            Node::Scalar(Secret::copy_of(value.bytes()), *kind)
        }
        Node::List(items) => {
            Node::List(items.iter().map(|n| copy(n, nodes, bytes)).collect::<Option<_>>()?)
        }
        Node::Map(members) => {
            let member = |(name, node): &(String, Node)| {
                *bytes += name.len();
                Some((name.clone(), copy(node, nodes, bytes)?))
            };
            Node::Map(members.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_yaml(text: &str) -> Result<Node> {
        yaml(&Secret::copy_of(text.as_bytes()))
    }

    #[test]
    fn scalars_keep_their_text() {
        let node = of_yaml(
            "a: 0123\nb: 1.50\nc: yes\nd: ~\ne: '5'\nf: |\n  x\n  y\ng: true\nh: !!str 7\n",
        )
        .unwrap();
        let expected = [
            ("a", Some(("0123", Scalar::Int))),
            ("b", Some(("1.50", Scalar::Float))),
            ("c", Some(("yes", Scalar::Text))),
            ("d", None),
            ("e", Some(("5", Scalar::Text))),
            ("f", Some(("x\ny\n", Scalar::Text))),
            ("g", Some(("true", Scalar::Bool))),
            ("h", Some(("7", Scalar::Text))),
        ];
        for (name, value) in expected {
            let found = match node.get(name).unwrap() {
                Node::Scalar(text, kind) => Some((text.text().unwrap(), *kind)),
                _ => None,
            };
            assert_eq!(found, value, "{name}");
        }
    }

    #[test]
    fn aliases_are_followed_as_far_as_they_are_small() {
        let node = of_yaml("a: &x {k: [v, w]}\nb: *x\n").unwrap();
        assert_eq!(node.get("b").unwrap().get("k").unwrap().list().unwrap()[1].text(), Some("w"));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let list = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{list}]\n"));
        }
        let error = of_yaml(&bomb).err().unwrap().message;
        assert!(error.contains("too much") || error.contains("too many"), "{error}");
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 40].join(","));
        assert!(of_yaml(&long).err().unwrap().message.contains("too much"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_its_text() {
        for (text, place) in [
            ("a: 1\nb: 'geheim\n", "line 2"),
            ("a: 1\na: geheim\n", "line 2"),
            ("a: {<<: geheim}", "line 1"),
            ("? [geheim]\n: 1\n", "line 1"),
            ("a: 1\n---\nb: geheim\n", "line 2"),
            ("a: *geheim\n", "line 1"),
            ("a: !!binary geheim\n", "line 1"),
            ("a: b: geheim", "line 1"),
        ] {
            let error = of_yaml(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.message.contains(place), "{text:?}: {error}");
            assert!(!error.in_full().contains("geheim"), "{error}");
        }
        let deep = "[".repeat(200);
        assert!(of_yaml(&deep).is_err());
    }
}
