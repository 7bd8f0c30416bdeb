//! Values of Terraform's variables: HCL in which only values stand, as in a `.tfvars` file.
//!
//! The parser hands out strings that it made itself: they are zeroed here as soon as they are copied,
//! but its own buffers are not.

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::Structure;
use hcl_edit::template::{Element, Template};
use zeroize::Zeroize;

use super::text_of;
use super::tree::{Node, Scalar};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Most of what stands between values: the parser compares each name of a map with those before it.
const MAX_MARKS: usize = 80_000;

/// Reads `NAME = VALUE`: texts, numbers, lists and maps of them.
///
/// # Errors
/// Usage, with the line: for what is not HCL, and for what Terraform would have to compute.
pub fn tfvars(bytes: &Secret) -> Result<Node> {
    let text = text_of(bytes)?;
    if text.bytes().filter(|b| b"=:,".contains(b)).count() > MAX_MARKS {
        return Err(Error::usage(format!(
            "the tfvars have more than {MAX_MARKS} of `=`, `:` and `,`"
        ))
        .hint("import a part of it after the other"));
    }
    // What the parser says may hold a piece of the text.
    let body = hcl_edit::parser::parse_body(text)
        .map_err(|e| at(e.location().line(), "this is not HCL of one value a name"))?;
    let tree = Tree { text };
    let mut members = Vec::new();
    for structure in body {
        let line = tree.line(structure.span());
        match structure {
            Structure::Attribute(attribute) => {
                let node = tree.node(attribute.value, line)?;
                members.push((attribute.key.to_string(), node));
            }
            Structure::Block(_) => return Err(at(line, "a block, which holds no value")),
        }
    }
    Ok(Node::Map(members))
}

fn at(line: usize, why: &str) -> Error {
    Error::usage(format!("line {line} of the tfvars: {why}"))
}

struct Tree<'t> {
    text: &'t str,
}

impl Tree<'_> {
    /// The line in which something begins.
    fn line(&self, span: Option<std::ops::Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start);
        1 + self.text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count()
    }

    /// The value of an expression that begins in `line`, or in a line of its own.
    fn node(&self, expression: Expression, line: usize) -> Result<Node> {
        let computed = || at(line, "Terraform would compute this: only values can be imported");
        Ok(match expression {
            Expression::Null(_) => Node::Null(None),
            Expression::Bool(value) => {
                Node::Scalar(Secret::copy_of(value.to_string().trim().as_bytes()), Scalar::Bool)
            }
            Expression::Number(number) => {
                let span = number.span().unwrap_or_default();
                let written = self.text.get(span).unwrap_or_default();
                let whole = written.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                let kind = if whole { Scalar::Int } else { Scalar::Float };
                Node::Scalar(Secret::copy_of(written.as_bytes()), kind)
            }
            Expression::String(value) => text(vec![value.into_value()]),
            Expression::HeredocTemplate(heredoc) => {
                text(literals(heredoc.template).ok_or_else(computed)?)
            }
            Expression::StringTemplate(template) => {
                let template = template.into_iter().collect();
                text(literals(template).ok_or_else(computed)?)
            }
            Expression::Parenthesis(inner) => self.node(inner.into_inner(), line)?,
            Expression::Array(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.push(self.node(item, line)?);
                }
                Node::List(list)
            }
            Expression::Object(object) => {
                let mut members = Vec::new();
                for (key, value) in object {
                    let name = match key {
                        ObjectKey::Ident(name) => name.to_string().trim().to_owned(),
                        ObjectKey::Expression(Expression::String(name)) => name.into_value(),
                        ObjectKey::Expression(_) => return Err(computed()),
                    };
                    members.push((name, self.node(value.into_expr(), line)?));
                }
                Node::Map(members)
            }
            _ => return Err(computed()),
        })
    }
}

/// The texts of a template in which nothing is computed.
fn literals(template: Template) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for element in template {
        match element {
            Element::Literal(text) => texts.push(text.into_value()),
            _ => {
                texts.zeroize();
                return None;
            }
        }
    }
    Some(texts)
}

/// One text of several, which are zeroed.
fn text(mut texts: Vec<String>) -> Node {
    let mut value = Secret::with_capacity(texts.iter().map(String::len).sum());
    texts.iter().for_each(|text| value.extend(text.as_bytes()));
    texts.zeroize();
    Node::Scalar(value, Scalar::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node> {
        tfvars(&Secret::copy_of(text.as_bytes()))
    }

    #[test]
    fn values_are_as_terraform_reads_them() {
        let node = read(
            "# for dev\na = \"x$${y} %%{z} \\u00e9 \\\"\\U0001F511\"\nb = <<-EOT\n    one\n      \
             two\n    EOT\nc=1.50\nd = [-2, true, null, (\"p\")]\n/* */ e = { k = \"1\", \"a/b\" : 2 }\n",
        )
        .unwrap();
        assert_eq!(node.text_at("a"), Some("x${y} %{z} \u{e9} \"\u{1f511}"));
        assert_eq!(node.text_at("b"), Some("one\n  two\n"));
        let scalar = |node: &Node| match node {
            Node::Scalar(value, kind) => Some((value.text().unwrap().to_owned(), *kind)),
            _ => None,
        };
        assert_eq!(scalar(node.get("c").unwrap()), Some(("1.50".into(), Scalar::Float)));
        let list: Vec<_> = node.get("d").unwrap().list().unwrap().iter().map(scalar).collect();
        let expected = [("-2", Scalar::Int), ("true", Scalar::Bool), ("p", Scalar::Text)];
        let [number, truth, text] = expected.map(|(value, kind)| Some((value.to_owned(), kind)));
        assert_eq!(list, [number, truth, None, text]);
        let map = node.get("e").unwrap();
        assert_eq!(map.text_at("k"), Some("1"));
        assert_eq!(scalar(map.get("a/b").unwrap()), Some(("2".into(), Scalar::Int)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_text() {
        for (text, line) in [
            ("a = 1\nb = \"geheim", 2),
            ("a = \"geheim\"\na = \"geheim\"\n", 2),
            ("a = 1\nb = \"${geheim}\"\n", 2),
            ("a = geheim\n", 1),
            ("a = 1\nb {\n geheim = 1\n}\n", 2),
            ("a = file(\"geheim\")\n", 1),
            ("a = { (geheim) = 1 }\n", 1),
            ("a = <<E\n${geheim}\nE\n", 1),
            ("a = [for geheim in x: geheim]\n", 1),
            ("geheim\n", 1),
            ("a = -\"geheim\"\n", 1),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.message.starts_with(&format!("line {line} ")), "{text:?}: {error}");
            assert!(!error.in_full().contains("geheim"), "{error}");
        }
        assert!(read(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(read(&format!("a = {{{}}}", "b=1,".repeat(100_000))).is_err());
    }
}
