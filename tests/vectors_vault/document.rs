//! Documents: what is read, and the bytes that are written for it.

use serde_json::{Value, json};
use vault::core::document::Document;
use vault::core::secret::Secret;
use vault::core::text::hex;

use super::world::secret;
use super::{Cases, Suite, changed, text};

pub const SUITE: Suite = Suite {
    name: "document",
    about: "Documents: `read` is a plaintext, `written` what a writer makes of it (without the \
            padding), `length` with the padding, `since` that of the header in note 9",
    members: &["read", "fields", "written", "length", "since"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let document = Document::decode(&secret(text(case, "read"))).map_err(|e| e.message)?;
    assert_eq!(describe(text(case, "name"), text(case, "read"), &document), *case);
    Ok(())
}

fn describe(name: &str, read: &str, document: &Document) -> Value {
    let written = document.encode().unwrap();
    let fields: Vec<Value> = document
        .fields
        .iter()
        .map(|f| json!({ "name": f.name, "type": f.type_name(), "since": f.since, "value": hex(f.value.bytes()) }))
        .collect();
    assert_eq!(written.len() % 256, 0);
    json!({
        "name": name, "read": read, "fields": fields, "since": document.since(9),
        "written": written.text().unwrap().trim_end_matches(' '), "length": written.len(),
    })
}

fn make() -> Cases {
    let field = |name: &str, more: &str| format!(r#"{{"name":"{name}",{more}}}"#);
    let doc = |fields: &[String]| format!(r#"{{"fields":[{}]}}"#, fields.join(","));
    let value = field("value", r#""since":4,"type":"secret","value":"hunter2""#);
    let mut long = Document::default();
    long.set("value", None, secret(&"x".repeat(196)), 4).unwrap();
    let long = long.encode().unwrap();
    let long = long.text().unwrap();
    let good = [
        ("one field", doc(std::slice::from_ref(&value))),
        ("no field", doc(&[])),
        ("exactly 256 bytes, not padded", long.to_owned()),
        ("every type", doc(&["secret", "text", "url", "email", "otp", "date"].map(|t| field(t, &format!(r#""since":3,"type":"{t}","value":"v""#))))),
        ("bytes", doc(&[field("key", r#""since":4,"type":"secret","b64":"/wAB""#)])),
        ("bytes that are text", doc(&[field("key", r#""since":4,"type":"secret","b64":"aGk=""#)])),
        ("escapes", doc(&[field("value", r#""since":1,"type":"secret","value":"\u00fc\ud83d\ude00\/\"\\\n\u0000\u007f""#)])),
        ("an unknown type", doc(&[field("a", r#""since":3,"type":"pass-key","value":"b""#)])),
        ("unknown members", r#" { "notes" : "n" , "fields" : [ { "x" : { "y" : [ 1.5e3 ] } , "name" : "a" , "type" : "secret" , "value" : "b" } ] , "tags" : [ ] } "#.to_owned()),
        ("the oldest secret counts", doc(&[value.clone(), field("pin", r#""since":2,"type":"secret","value":"1""#), field("user", r#""type":"text","value":"bob""#)])),
    ];
    let good: Vec<Value> = good
        .into_iter()
        .map(|(name, text)| {
            describe(name, &text, &Document::decode(&Secret::copy_of(text.as_bytes())).unwrap())
        })
        .collect();
    let many: Vec<String> =
        (0..1025).map(|i| field(&i.to_string(), r#""type":"text","value":"""#)).collect();
    let deep = format!(r#"{{"fields":[],"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    let bad = [
        ("empty", String::new()),
        ("no fields member", "{}".into()),
        ("fields not a list", r#"{"fields":{}}"#.into()),
        ("a field without a name", doc(&[r#"{"type":"secret","value":"b"}"#.into()])),
        ("a field without a type", doc(&[field("a", r#""value":"b""#)])),
        ("a field without a value", doc(&[field("a", r#""type":"secret""#)])),
        ("two values", doc(&[field("a", r#""type":"secret","value":"b","b64":"AA==""#)])),
        ("not a type", doc(&[field("a", r#""type":"Odd","value":"b""#)])),
        ("base64 not canonical", doc(&[field("a", r#""type":"secret","b64":"AB==""#)])),
        ("an empty name", doc(&[field("", r#""type":"secret","value":"b""#)])),
        ("an equals sign in a name", doc(&[field("a=b", r#""type":"secret","value":"b""#)])),
        (
            "a hidden character in a name",
            doc(&[field("a\\u202eb", r#""type":"secret","value":"b""#)]),
        ),
        ("a name that is not NFC", doc(&[field("e\\u0301", r#""type":"secret","value":"b""#)])),
        ("a name of 129 bytes", doc(&[field(&"x".repeat(129), r#""type":"secret","value":"b""#)])),
        ("a field twice", doc(&[value.clone(), value.clone()])),
        ("a member twice", r#"{"fields":[],"fields":[]}"#.into()),
        ("since not a number", doc(&[field("a", r#""type":"secret","value":"b","since":-1"#)])),
        (
            "since with a leading zero",
            doc(&[field("a", r#""type":"secret","value":"b","since":01"#)]),
        ),
        ("1,025 fields", doc(&many)),
        ("nested too deep", deep),
        ("a lone surrogate", doc(&[field("a", r#""type":"secret","value":"\ud83d""#)])),
        ("a line break in a string", doc(&[field("a", "\"type\":\"secret\",\"value\":\"\n\"")])),
        ("text behind the end", doc(&[]) + " x"),
        ("padded with zero bytes", doc(&[]) + "\0"),
    ];
    let reason = "the decrypted document is malformed";
    let bad = bad
        .into_iter()
        .map(|(name, text)| changed(&json!({}), name, reason, &[("read", text.into())]));
    (good, bad.collect())
}
