//! Formats that keep paths, fields and types.

use super::Export;
use crate::core::document::Field;
use crate::core::json::{Charset, write_string, write_value};
use crate::core::path::{SecretPath, escape};
use crate::core::secret::Secret;
use crate::core::text::b64_secret;
use crate::vault::read::{Content, Opened};

type Secrets = [(SecretPath, Opened)];

/// One array of what `get --json` prints, a secret a line.
pub fn json(export: &mut Export, secrets: &Secrets) {
    list_names(export, secrets);
    let out = &mut export.text;
    out.push(b'[');
    for (i, (path, opened)) in secrets.iter().enumerate() {
        out.extend(if i == 0 { b"\n" } else { b",\n" });
        write_json(out, path, opened);
    }
    out.extend(b"\n]\n");
}

/// One secret with all its fields.
pub fn write_json(out: &mut Secret, path: &SecretPath, opened: &Opened) {
    out.extend(b"{\"path\":");
    write_string(out, path.as_str(), Charset::Utf8);
    out.extend(format!(",\"version\":{}", opened.n).as_bytes());
    match &opened.content {
        Content::Raw(bytes) => {
            out.push(b',');
            write_value(out, bytes);
        }
        Content::Doc(document) => {
            out.extend(b",\"fields\":[");
            for (i, field) in document.fields.iter().enumerate() {
                out.extend(if i == 0 { b"{\"name\":" } else { b",{\"name\":" });
                write_string(out, &field.name, Charset::Utf8);
                out.extend(format!(",\"type\":\"{}\"", field.type_name()).as_bytes());
                out.push(b',');
                write_value(out, &field.value);
                out.push(b'}');
            }
            out.push(b']');
        }
    }
    out.push(b'}');
}

/// The same as [`json`]. Every text is in double quotes, so that none is taken for a number, a
/// date or `no`.
pub fn yaml(export: &mut Export, secrets: &Secrets) {
    list_names(export, secrets);
    let out = &mut export.text;
    if secrets.is_empty() {
        out.extend(b"[]\n");
    }
    for (path, opened) in secrets {
        out.extend(b"- path: ");
        yaml_string(out, path.as_str());
        out.extend(format!("\n  version: {}\n", opened.n).as_bytes());
        match &opened.content {
            Content::Raw(bytes) => yaml_value(out, "  ", bytes),
            Content::Doc(document) if document.fields.is_empty() => out.extend(b"  fields: []\n"),
            Content::Doc(document) => {
                out.extend(b"  fields:\n");
                for field in &document.fields {
                    out.extend(b"    - name: ");
                    yaml_string(out, &field.name);
                    out.extend(b"\n      type: ");
                    yaml_string(out, field.type_name());
                    out.push(b'\n');
                    yaml_value(out, "      ", &field.value);
                }
            }
        }
    }
}

fn yaml_value(out: &mut Secret, indent: &str, value: &Secret) {
    out.extend(indent.as_bytes());
    match value.text() {
        Some(text) => {
            out.extend(b"value: ");
            yaml_string(out, text);
        }
        None => {
            out.extend(b"b64: \"");
            out.extend(b64_secret(value.bytes()).bytes());
            out.push(b'"');
        }
    }
    out.push(b'\n');
}

/// A text as YAML 1.1 and 1.2 read it. What is a line break, a mark of byte order or not printable
/// to one of them is escaped.
pub fn yaml_string(out: &mut Secret, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
            | '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}' => {
                out.extend(b"\\u");
                let hex = |n: u32| HEX[(c as u32 >> (4 * n) & 15) as usize];
                (0..4).rev().for_each(|n| out.push(hex(n)));
            }
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// RFC 4180, but with the line breaks of this system: `path,field,type,value,b64`. Raw bytes have
/// neither field nor type. A text with a NUL byte is base64: several readers stop there.
pub fn csv(export: &mut Export, secrets: &Secrets) {
    list_names(export, secrets);
    let out = &mut export.text;
    out.extend(b"path,field,type,value,b64\n");
    for (path, opened) in secrets {
        match &opened.content {
            Content::Raw(bytes) => csv_row(out, path, None, bytes),
            Content::Doc(document) => {
                document.fields.iter().for_each(|f| csv_row(out, path, Some(f), &f.value));
            }
        }
    }
}

fn csv_row(out: &mut Secret, path: &SecretPath, field: Option<&Field>, value: &Secret) {
    csv_cell(out, path.as_str());
    out.push(b',');
    if let Some(field) = field {
        csv_cell(out, &field.name);
        out.push(b',');
        out.extend(field.type_name().as_bytes());
    } else {
        out.push(b',');
    }
    out.push(b',');
    match value.text().filter(|text| !text.contains('\0')) {
        Some(text) => {
            csv_cell(out, text);
            out.push(b',');
        }
        None => {
            out.push(b',');
            out.extend(b64_secret(value.bytes()).bytes());
        }
    }
    out.push(b'\n');
}

fn csv_cell(out: &mut Secret, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn list_names(export: &mut Export, secrets: &Secrets) {
    for (path, opened) in secrets {
        match &opened.content {
            Content::Raw(_) => export.names.push((path.to_string(), path.to_string())),
            Content::Doc(document) => {
                let names = document.fields.iter().map(|f| format!("{path}#{}", escape(&f.name)));
                export.names.extend(names.map(|name| (name.clone(), name)));
            }
        }
    }
}
