//! Whole sealed objects, through every layer of a reader; each tampered one names the layer that
//! refuses it.

use serde_json::{Value, json};
use vault::core::cipher::{self, sha256};
use vault::core::document::Document;
use vault::core::header::{Header, Kind, Op, SignedHeader};
use vault::core::json::ascii_object;
use vault::core::s3ec::Envelope;
use vault::core::secret::{Key, Secret};
use vault::core::text::{b64, b64_decode, hex};
use vault::keys::Unwrap;
use vault::keys::identity::Identity;
use vault::keys::local::{Tree, binding};
use vault::store::Metadata;

use super::world::{group, header, path, person, seed, sign, vault};
use super::{Cases, Suite, array, changed, metadata, text};

pub const SUITE: Suite = Suite {
    name: "object",
    about: "Sealed objects: metadata and body (base64), opened with V, the path asked for, the \
            group key of the generation that the chain gives, and the author's public key. The \
            layers, in order: shape, header, signature, group, binding, unwrap, commitment, body, \
            tag, content",
    members: &[
        "vault",
        "path",
        "group",
        "gk",
        "public_key",
        "metadata",
        "body",
        "kind",
        "plaintext",
    ],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let (vault, path, pairs) = (array(case, "vault"), path(text(case, "path")), metadata(case));
    let refused = |layer: &'static str| move || layer.to_owned();
    let envelope = Envelope::parse(&pairs).ok().ok_or_else(refused("shape"))?;
    let signed = SignedHeader::parse(&vault, &path, &pairs).ok().ok_or_else(refused("header"))?;
    signed.verify(&array(case, "public_key")).then_some(()).ok_or_else(refused("signature"))?;
    let group = group(text(case, "group"));
    (signed.header.group == group).then_some(()).ok_or_else(refused("group"))?;
    let tree = Tree::new(vault, group, &Key::new(array(case, "gk")));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let data_key = match runtime.block_on(tree.unwrap(&path, &envelope)) {
        Ok(Some(key)) => key,
        Ok(None) => return Err("binding".into()),
        Err(e) if e.message.contains("is bound to") => return Err("binding".into()),
        Err(_) => return Err("unwrap".into()),
    };
    let content_key = envelope.content_key(data_key).ok().ok_or_else(refused("commitment"))?;
    let body = b64_decode(text(case, "body"), 1 << 20).unwrap();
    (sha256(&[&body]) == signed.header.body).then_some(()).ok_or_else(refused("body"))?;
    let plaintext = content_key.open(body).ok().ok_or_else(refused("tag"))?;
    let (kind, right) = match signed.header.kind {
        Kind::Doc => ("doc", Document::decode(&plaintext).is_ok()),
        Kind::Raw => ("raw", !signed.header.op.is_tombstone() || plaintext.is_empty()),
    };
    right.then_some(()).ok_or_else(refused("content"))?;
    assert_eq!(kind, text(case, "kind"));
    assert_eq!(b64(plaintext.bytes()), text(case, "plaintext"));
    Ok(())
}

/// What may differ from a right object while everything after it is made to fit.
struct Recipe<'a> {
    path: &'a str,
    group: &'a str,
    plaintext: &'a [u8],
    header: Header,
    by: &'a Identity,
    /// Wraps another data key than the one that seals.
    other_key: bool,
    /// Signs the hash of a body of which a bit was flipped.
    signed_flip: bool,
}

fn hkdf(data_key: &Key, id: &[u8], label: &str, out: &mut [u8]) {
    cipher::hkdf_into(data_key.bytes(), id, &[b"\x00\x73", label.as_bytes()].concat(), out);
}

/// The seal of S3EC V3 and the local wrap, written down a second time, with fixed randomness.
fn object(name: &str, recipe: Recipe<'_>) -> Value {
    let Recipe { path: at, group: g, plaintext, mut header, by, other_key, signed_flip } = recipe;
    let fixed = |kind: &str| seed(&format!("{kind} {name}"));
    let (at, data_key) = (path(at), Key::new(fixed("data key")));
    let id = fixed("message id");
    let id = &id[..28];
    let (mut commitment, mut content) = ([0; 28], [0; 32]);
    hkdf(&data_key, id, "COMMITKEY", &mut commitment);
    hkdf(&data_key, id, "DERIVEKEY", &mut content);
    let mut body =
        cipher::seal(&Key::new(content), &[1; 12], b"\x00\x73", Secret::copy_of(plaintext));
    if signed_flip {
        *body.last_mut().unwrap() ^= 1;
    }
    let gk = seed(&format!("gk {g}"));
    let group = group(g);
    let leaf = Tree::new(vault(), group.clone(), &Key::new(gk)).leaf(&at).unwrap();
    let nonce = fixed("wrap nonce");
    let nonce = nonce.first_chunk::<12>().unwrap();
    let wrapped = if other_key { fixed("other data key") } else { *data_key.bytes() };
    let sealed = cipher::seal(&leaf, nonce, b"115", Secret::copy_of(&wrapped));
    let pairs = binding(&vault(), &group, &at);
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let metadata = vec![
        ("x-amz-3".to_owned(), b64(&[&nonce[..], &sealed].concat())),
        ("x-amz-c".to_owned(), "115".to_owned()),
        ("x-amz-d".to_owned(), b64(&commitment)),
        ("x-amz-i".to_owned(), b64(id)),
        ("x-amz-w".to_owned(), "02".to_owned()),
        ("x-amz-m".to_owned(), ascii_object(&pairs)),
    ];
    header.group = group;
    header.body = sha256(&[&body]);
    let (metadata, signed) = sign(metadata, &at, &header, by);
    json!({
        "name": name, "vault": hex(&vault()), "path": at.as_str(), "group": g, "gk": hex(&gk),
        "public_key": hex(&by.public().key), "metadata": metadata, "body": b64(&body),
        "kind": if signed.header.kind == Kind::Doc { "doc" } else { "raw" },
        "plaintext": b64(plaintext),
    })
}

fn make() -> Cases {
    let ann = person("ann");
    let first = header(1, "main.1", [0; 32], &ann);
    let recipe = |at: &'static str, g: &'static str, plaintext, header: &Header| Recipe {
        path: at,
        group: g,
        plaintext,
        header: header.clone(),
        by: &ann,
        other_key: false,
        signed_flip: false,
    };
    let mut document = Document::default();
    document.set("value", None, Secret::copy_of(b"hunter2"), 1).unwrap();
    let document = document.encode().unwrap();
    let doc = document.bytes();
    let raw = Header { kind: Kind::Raw, ..first.clone() };
    let second = header(2, "main.1", seed("first"), &ann);
    let tomb = Header { op: Op::Delete, kind: Kind::Raw, ..second.clone() };
    let good = vec![
        object("document", recipe("prod/db/password", "main.1", doc, &first)),
        object("unicode path", recipe("größe/日本語", "main.1", doc, &first)),
        object("another group and generation", recipe("prod/pay/key", "pay.3", doc, &second)),
        object("raw", recipe("key.pem", "main.1", &[0xff, 0, 1], &raw)),
        object("raw, empty", recipe("empty", "main.1", b"", &raw)),
        object("tombstone", recipe("prod/db/password", "main.1", b"", &tomb)),
    ];
    let base = &good[0];
    let mut bad = Vec::new();
    let other = object("another secret", recipe("prod/db/other", "main.1", doc, &first));
    bad.push(changed(
        base,
        "swapped with another path",
        "signature",
        &[("metadata", other["metadata"].clone()), ("body", other["body"].clone())],
    ));
    bad.push(changed(
        base,
        "asked for at another path",
        "signature",
        &[("path", "prod/db/other".into())],
    ));
    bad.push(changed(
        base,
        "of another vault",
        "signature",
        &[("vault", hex(&seed("other")).into())],
    ));
    let bob = hex(&person("bob").public().key);
    bad.push(changed(base, "by another author", "signature", &[("public_key", bob.into())]));
    bad.push(changed(base, "another generation", "group", &[("group", "main.2".into())]));
    bad.push(changed(base, "another group key", "unwrap", &[("gk", hex(&seed("other")).into())]));
    let mut body = b64_decode(text(base, "body"), 1 << 20).unwrap();
    body[0] ^= 1;
    bad.push(changed(base, "a bit of the body", "body", &[("body", b64(&body).into())]));
    bad.push(changed(base, "body cut", "body", &[("body", b64(&body[..body.len() - 1]).into())]));
    bad.push(changed(base, "body empty", "body", &[("body", "".into())]));

    let mut edit = |name: &str, layer: &str, edit: &dyn Fn(&mut Metadata)| {
        let mut pairs = metadata(base);
        edit(&mut pairs);
        bad.push(changed(base, name, layer, &[("metadata", json!(pairs))]));
    };
    fn at<'a>(pairs: &'a mut [(String, String)], name: &str) -> &'a mut String {
        &mut pairs.iter_mut().find(|(n, _)| n == name).unwrap().1
    }
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    for name in ["x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w"] {
        edit(&format!("no {name}"), "shape", &|p| p.retain(|(n, _)| n != name));
    }
    for name in ["x-amz-key-v2", "x-amz-key", "x-amz-iv", "x-amz-matdesc", "x-amz-tag-len"] {
        edit(&format!("{name} as well"), "shape", &|p| p.push(pair(name, "x")));
    }
    edit("x-amz-3 twice", "shape", &|p| p.push(p[0].clone()));
    edit("another suite", "shape", &|p| *at(p, "x-amz-c") = "114".into());
    edit("an unknown wrap", "shape", &|p| *at(p, "x-amz-w") = "01".into());
    edit("wrapped key cut", "shape", &|p| *at(p, "x-amz-3") = "AAAA".into());
    edit("description not JSON", "shape", &|p| *at(p, "x-amz-m") = "{".into());
    edit("no header", "header", &|p| p.retain(|(n, _)| n != "vault-h"));
    edit("no signature", "header", &|p| p.retain(|(n, _)| n != "vault-s"));
    edit("header twice", "header", &|p| p.push(pair("Vault-H", "x")));
    edit("header edited", "signature", &|p| {
        *at(p, "vault-h") = at(p, "vault-h").replacen("since=1", "since=2", 1)
    });
    edit("another message id", "signature", &|p| *at(p, "x-amz-i") = b64(&[1; 28]));
    edit("another commitment", "signature", &|p| *at(p, "x-amz-d") = b64(&[1; 28]));
    edit("wrap relabelled to KMS", "binding", &|p| *at(p, "x-amz-w") = "12".into());
    edit("no description", "binding", &|p| p.retain(|(n, _)| n != "x-amz-m"));
    edit("description of another path", "binding", &|p| {
        *at(p, "x-amz-m") = at(p, "x-amz-m").replacen("password", "other", 1)
    });
    edit("description of another group", "binding", &|p| {
        *at(p, "x-amz-m") = at(p, "x-amz-m").replacen("main.1", "main.2", 1)
    });
    edit("description with a space", "binding", &|p| {
        *at(p, "x-amz-m") = at(p, "x-amz-m").replacen(':', ": ", 1)
    });
    edit("a bit of the wrapped key", "unwrap", &|p| {
        let mut wrapped = b64_decode(at(p, "x-amz-3"), 60).unwrap();
        wrapped[30] ^= 1;
        *at(p, "x-amz-3") = b64(&wrapped);
    });
    edit("the wrapped key of another object", "unwrap", &|p| {
        *at(p, "x-amz-3") = metadata(&other).into_iter().find(|(n, _)| n == "x-amz-3").unwrap().1;
    });
    let mut add = |name: &str, layer: &str, recipe| {
        let case = object(name, recipe);
        bad.push(changed(&case, name, layer, &[]));
    };
    let again = || recipe("prod/db/password", "main.1", doc, &first);
    add(
        "another data key, wrapped for the same path",
        "commitment",
        Recipe { other_key: true, ..again() },
    );
    add("a signed body that does not decrypt", "tag", Recipe { signed_flip: true, ..again() });
    add("a document that is none", "content", Recipe { plaintext: b"hunter2", ..again() });
    add(
        "a tombstone with a value",
        "content",
        Recipe { plaintext: b"hunter2", header: tomb.clone(), ..again() },
    );
    (good, bad)
}
