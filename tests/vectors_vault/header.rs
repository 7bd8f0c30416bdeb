//! Signed headers: text, record, record hash, signature.

use serde_json::{Value, json};
use vault::core::header::{self, Header, Kind, Op, SignedHeader};
use vault::core::text::hex;

use super::world::{bare_metadata, header as plain, path, person, seed, sign, vault};
use super::{Cases, Suite, array, bytes, changed, metadata, text};

pub const SUITE: Suite = Suite {
    name: "header",
    about: "vault-h and vault-s: grammar, record, record hash, signature",
    members: &["vault", "path", "metadata", "public_key", "record", "record_hash"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let (vault, path, metadata) = (array(case, "vault"), path(text(case, "path")), metadata(case));
    let find = |name: &str| metadata.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    if let Some((_, h)) = find("vault-h") {
        Header::parse(h).map_err(|field| format!("header: {field}"))?;
    }
    let signed = SignedHeader::parse(&vault, &path, &metadata)?;
    if !signed.verify(&array(case, "public_key")) {
        return Err("signature".into());
    }
    let part = |name: &str| find(name).unwrap().1.as_str();
    let h = part("vault-h");
    let record =
        header::record(&vault, &path, h, part("x-amz-c"), part("x-amz-i"), part("x-amz-d"));
    assert_eq!(record, bytes(case, "record"));
    assert_eq!(hex(&signed.record_hash), text(case, "record_hash"));
    assert_eq!(signed.header.to_string(), *h);
    Ok(())
}

fn case(name: &str, at: &str, header: &Header) -> Value {
    let ann = person("ann");
    let path = path(at);
    let (metadata, signed) = sign(bare_metadata(name), &path, header, &ann);
    let get = |name: &str| metadata.iter().find(|(n, _)| n == name).unwrap().1.as_str();
    let parts = (get("vault-h"), get("x-amz-c"), get("x-amz-i"), get("x-amz-d"));
    let record = header::record(&vault(), &path, parts.0, parts.1, parts.2, parts.3);
    json!({
        "name": name, "vault": hex(&vault()), "path": at, "metadata": metadata,
        "public_key": hex(&ann.public().key), "record": hex(&record),
        "record_hash": hex(&signed.record_hash),
    })
}

fn make() -> Cases {
    let ann = person("ann");
    let first = plain(1, "main.1", [0; 32], &ann);
    let seventh = plain(7, "main.1", seed("sixth"), &ann);
    let tomb = |op, from| Header { op, kind: Kind::Raw, from, ..seventh.clone() };
    let upper = |case: &Value| {
        let pairs = metadata(case).into_iter().map(|(n, v)| (n.to_uppercase(), v));
        let mut case = case.clone();
        case["name"] = "names in upper case".into();
        case["metadata"] = json!(pairs.collect::<Vec<_>>());
        case
    };
    let mut good = vec![
        case("first version", "prod/db/password", &first),
        case("seventh version", "prod/db/password", &seventh),
        case("raw", "key.pem", &Header { kind: Kind::Raw, ..first.clone() }),
        case("tombstone", "prod/db/password", &tomb(Op::Delete, 1)),
        case("purge", "prod/db/password", &tomb(Op::Purge, 7)),
        case(
            "re-seal that keeps from 3",
            "a/ü",
            &Header { op: Op::Reseal, from: 3, since: 0, ..seventh.clone() },
        ),
        case(
            "largest numbers",
            "x",
            &Header {
                n: 9_999_999_999_999_999,
                from: 9_999_999_999_999_999,
                since: 9_999_999_999_999_999,
                team_seq: 9_999_999_999_999_999,
                time: 9_999_999_999_999_999,
                group: vault::core::header::GroupGen {
                    group: "z".repeat(32),
                    generation: 9_999_999_999_999_999,
                },
                ..seventh.clone()
            },
        ),
    ];
    good.push(upper(&good[1]));

    let base = good[1].clone();
    let mut bad = Vec::new();
    for (name, from, to, field) in [
        ("another format", "1;n=", "2;n=", "format"),
        ("leading zero", "n=7", "n=07", "n"),
        ("version 0", "n=7", "n=0", "n"),
        ("17 digits", "n=7", "n=10000000000000000", "n"),
        ("a sign", "n=7", "n=+7", "n"),
        ("a field missing", "n=7;", "", "n"),
        ("a field twice", "n=7;", "n=7;n=7;", "op"),
        ("unknown op", "op=w", "op=x", "op"),
        ("upper-case op", "op=w", "op=W", "op"),
        ("unknown kind", "k=doc", "k=txt", "k"),
        ("tombstone that is a doc", "op=w", "op=d", "k"),
        ("purge that keeps older ones", "op=w;k=doc", "op=p;k=raw", "from"),
        ("group without a generation", "g=main.1", "g=main", "g"),
        ("the group that stands for none", "g=main.1", "g=-.1", "g"),
        ("generation 0", "g=main.1", "g=main.0", "g"),
        ("upper-case group", "g=main.1", "g=Main.1", "g"),
        ("from above n", "from=1", "from=8", "from"),
        ("from 0", "from=1", "from=0", "from"),
        ("two fields in the wrong order", "from=1;since=1", "since=1;from=1", "from"),
        ("since empty", "since=1", "since=", "since"),
        ("prev not base64", "prev=", "prev=!", "prev"),
        ("first version with a prev", "n=7", "n=1", "prev"),
        ("team without a hash", "team=1.", "team=1;", "team"),
        ("white space", "t=1", "t= 1", "t"),
        ("upper-case hex", ";by=", ";by=A", "by"),
        ("a field more", ";t=", ";x=1;t=", "t"),
    ] {
        bad.push(edited(&base, name, &format!("header: {field}"), "vault-h", |h| {
            h.replacen(from, to, 1)
        }));
    }
    bad.push(edited(&base, "a field at the end", "header: extra field", "vault-h", |h| h + ";x=1"));
    bad.push(edited(&base, "too long", "header: length", "vault-h", |h| h + &" ".repeat(512)));
    bad.push(edited(&good[0], "later version without a prev", "header: prev", "vault-h", |h| {
        h.replacen("n=1;", "n=2;", 1)
    }));
    // Well-formed, but not what was signed.
    for (name, from, to) in [
        ("another op", "op=w", "op=r"),
        ("another from", "from=1", "from=2"),
        ("another time", "t=1", "t=2"),
    ] {
        bad.push(edited(&base, name, "signature", "vault-h", |h| h.replacen(from, to, 1)));
    }
    for name in ["x-amz-i", "x-amz-d"] {
        bad.push(edited(&base, &format!("another {name}"), "signature", name, |_| {
            "A".repeat(37) + "A=="
        }));
    }
    bad.push(edited(&base, "another x-amz-c", "signature", "x-amz-c", |_| "116".into()));
    bad.push(changed(&base, "at another path", "signature", &[("path", "prod/db/other".into())]));
    bad.push(changed(
        &base,
        "in another vault",
        "signature",
        &[("vault", hex(&seed("other")).into())],
    ));
    let bob = hex(&person("bob").public().key);
    bad.push(changed(&base, "by another key", "signature", &[("public_key", bob.into())]));
    bad.push(edited(&base, "signature cut", "the signature is not base64", "vault-s", |s| {
        s[4..].into()
    }));
    let mut pairs = metadata(&base);
    pairs.push(pairs[0].clone());
    bad.push(changed(
        &base,
        "a part twice",
        "a part of the signed record is there twice",
        &[("metadata", json!(pairs))],
    ));
    pairs.truncate(4);
    bad.push(changed(
        &base,
        "no signature",
        "a part of the signed record is missing",
        &[("metadata", json!(pairs))],
    ));
    (good, bad)
}

/// A copy whose metadata entry `name` is edited.
fn edited(
    base: &Value,
    name: &str,
    reason: &str,
    entry: &str,
    edit: impl Fn(String) -> String,
) -> Value {
    let mut pairs = metadata(base);
    let value = &mut pairs.iter_mut().find(|(n, _)| n == entry).unwrap().1;
    let new = edit(value.clone());
    assert_ne!(*value, new, "{name}");
    *value = new;
    changed(base, name, reason, &[("metadata", json!(pairs))])
}
