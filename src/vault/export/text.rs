//! Formats of names and values that are no environment: Kubernetes, Terraform, Java.

use unicode_normalization::is_nfc;

use super::data::yaml_string;
use super::{Export, text_of};
use crate::core::error::Error;
use crate::core::secret::Secret;
use crate::core::text::b64_secret;
use crate::vault::variables::Variable;

/// The beginning of a Kubernetes Secret.
pub fn k8s_head(out: &mut Secret, name: &str) {
    out.extend(b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: ");
    yaml_string(out, name);
    out.extend(b"\ntype: Opaque\ndata:\n");
}

/// An entry of its `data`. The name is in quotes: `NO` would be false, and `_1` a number.
pub fn k8s_entry(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let out = &mut export.text;
    out.extend(b"  ");
    yaml_string(out, &variable.name);
    out.extend(b": \"");
    out.extend(b64_secret(variable.value.bytes()).bytes());
    out.extend(b"\"\n");
    Ok(())
}

/// `name = "value"`, in lower case as Terraform's variables are.
pub fn tfvars(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = text_of(variable)?;
    if !is_nfc(text) {
        return Err(Error::usage("Terraform would change it: it is not in Unicode NFC"));
    }
    let out = &mut export.text;
    out.extend(variable.name.to_lowercase().as_bytes());
    out.extend(b" = \"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            // The beginning of an expression.
            '$' | '%' if chars.peek() == Some(&'{') => escaped(out, c),
            c if c.is_control() => escaped(out, c),
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.extend(b"\"\n");
    Ok(())
}

/// `NAME=value` in ASCII, which every version of Java reads.
pub fn properties(export: &mut Export, variable: &Variable<'_>) -> Result<(), Error> {
    let text = text_of(variable)?;
    let out = &mut export.text;
    out.extend(variable.name.as_bytes());
    out.push(b'=');
    for (i, c) in text.chars().enumerate() {
        match c {
            ' ' if i == 0 => out.extend(b"\\ "),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            ' '..='~' => out.push(c as u8),
            c => escaped(out, c),
        }
    }
    out.push(b'\n');
    Ok(())
}

/// `\uXXXX`, twice for what has no place in one.
fn escaped(out: &mut Secret, c: char) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend(b"\\u");
        (0..4).rev().for_each(|nibble| out.push(HEX[usize::from(*unit >> (4 * nibble) & 15)]));
    }
}
