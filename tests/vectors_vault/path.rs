//! Legal names, and the rule that every other one breaks.

use serde_json::{Value, json};
use vault::core::json::ascii_string;
use vault::core::path::{Prefix, SecretPath};

use super::world::path;
use super::{Cases, Suite, text};

pub const SUITE: Suite = Suite {
    name: "path",
    about: "Paths and their ASCII JSON form; prefixes and what they cover; the rule that is broken",
    members: &["path", "json", "prefix", "covers", "leaves"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let rule = |e: vault::vault::Error| e.hint.expect("a rule");
    if let Some(text) = case["prefix"].as_str() {
        let prefix = Prefix::parse(text).map_err(rule)?;
        let all = |kind: &str, covered| {
            let paths = case[kind].as_array().unwrap().iter().map(|p| path(p.as_str().unwrap()));
            paths.for_each(|p| assert_eq!(prefix.covers(&p), covered, "{p}"));
        };
        all("covers", true);
        all("leaves", false);
        return Ok(());
    }
    let path = SecretPath::parse(text(case, "path")).map_err(rule)?;
    assert_eq!(ascii_string(path.as_str()), text(case, "json"));
    Ok(())
}

fn make() -> Cases {
    let wide = "x".repeat(200);
    let long = [&wide[..], &wide, &"z".repeat(110)].join("/");
    let escaped = ["é".repeat(85), "é".repeat(85)].join("/");
    let mut good: Vec<Value> = [
        "a",
        "prod/db/password",
        "a b",
        " a ",
        "größe/日本語",
        "a@b",
        "a@1/b",
        "@x",
        "a@1x",
        "a.vault",
        "~",
        "-",
        ".hidden",
        "...",
        "%2e",
        "a\\b",
        "a\"b",
        "instruction",
        "a.instruction/b",
        "\u{a0}",
        "\u{1f511}",
        &wide,
        &long,
        &escaped,
    ]
    .iter()
    .map(|p| json!({ "name": p, "path": p, "json": ascii_string(p) }))
    .collect();
    good.push(json!({ "name": "the empty prefix", "prefix": "", "covers": ["a", "prod/a"], "leaves": [] }));
    for text in ["prod", "prod/"] {
        good.push(json!({ "name": format!("prefix {text}"), "prefix": text, "covers": ["prod/a", "prod/a/b"], "leaves": ["prod", "production/a", "a/prod/b"] }));
    }
    let hidden = "a path has no control, direction-changing or invisible characters";
    let mut bad = Vec::new();
    for (path, rule) in [
        ("", "a path may not be empty"),
        ("/a", "a path may not begin with `/`"),
        ("a/", "a path may not end with `/`"),
        ("a//b", "a path may not have an empty segment (`//`)"),
        ("a/./b", "a path may not have a `.` or `..` segment"),
        ("..", "a path may not have a `.` or `..` segment"),
        (".vault", "no segment of a path may begin with `.vault`, which is reserved"),
        ("a/.vaultx/b", "no segment of a path may begin with `.vault`, which is reserved"),
        ("a.instruction", "a path may not end in `.instruction`, which other S3 clients reserve"),
        ("a@7", "a path may not end in `@` and digits, which names a version"),
        ("a/@007", "a path may not end in `@` and digits, which names a version"),
        ("e\u{301}", "a path must be in Unicode normal form C (NFC)"),
        ("a\u{378}", "a path has no unassigned or private-use characters"),
        ("a\u{e000}", "a path has no unassigned or private-use characters"),
        ("\u{212b}", "a path must be in Unicode normal form C (NFC)"),
        (&("x/".repeat(256) + "x"), "a path has at most 512 bytes"),
        (&"x".repeat(201), "a segment of a path has at most 200 bytes"),
        (
            &["é".repeat(86), "é".repeat(86)].join("/"),
            "a path has at most 1,024 bytes when it is escaped as ASCII JSON",
        ),
    ] {
        bad.push(json!({ "name": format!("{path:?}"), "path": path, "reason": rule }));
    }
    // The first and the last character of every range of the list.
    for code in [
        0x0, 0x9, 0xa, 0x1f, 0x7f, 0x9f, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5,
        0x180b, 0x180f, 0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x206f, 0x3164, 0xfe00, 0xfe0f,
        0xfeff, 0xffa0, 0xfff0, 0xfffb, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0000, 0xe0fff,
    ] {
        let path = format!("a{}b", char::from_u32(code).unwrap());
        bad.push(json!({ "name": format!("U+{code:04X}"), "path": path, "reason": hidden }));
    }
    for (prefix, rule) in [
        ("/", "a path may not begin with `/`"),
        ("a//", "a path may not end with `/`"),
        ("/a", "a path may not begin with `/`"),
        ("a/../b", "a path may not have a `.` or `..` segment"),
    ] {
        bad.push(json!({ "name": format!("prefix {prefix:?}"), "prefix": prefix, "reason": rule }));
    }
    (good, bad)
}
