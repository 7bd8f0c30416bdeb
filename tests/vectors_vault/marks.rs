//! What a device keeps: marks, the chain record, cached objects.

use serde_json::{Value, json};
use vault::core::cipher::{hmac, seal, sha256};
use vault::core::header::KeyId;
use vault::core::path::SecretPath;
use vault::core::secret::Secret;
use vault::core::text::{b64url, hex, hex_array, lps};
use vault::vault::{ChainRecord, Device, Mark};

use super::world::{key, path, person, seed, vault};
use super::{Cases, Suite, array, bytes, changed, number, text};

pub const SUITE: Suite = Suite {
    name: "marks",
    about: "Files of one device: marks (`file` below the vault's state directory), the chain \
            record, cached objects and kept versions (`file` below the vault's cache directory; bytes in \
            hex)",
    members: &[
        "kind", "seed", "vault", "path", "n", "record", "by", "restored", "first", "hashes",
        "state", "file", "text", "object", "bytes", "time", "metadata",
    ],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let vault = array(case, "vault");
    let identity = vault::keys::identity::Identity::from_seed(key(text(case, "seed")));
    let device =
        || Device::new(vault, &dir.path().join("s"), &dir.path().join("c"), &identity).unwrap();
    let folder = format!("{}-{}", hex(&vault[..16]), identity.public().id());
    let root = |kind: &str| dir.path().join(kind).join(&folder);
    let place = |kind: &str, bytes: &[u8]| {
        let file = root(kind).join(text(case, "file"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    };
    let plain = |e: vault::vault::Error| {
        assert_eq!(e.kind, vault::vault::Kind::Integrity);
        "edited".to_owned()
    };
    match text(case, "kind") {
        "mark" => {
            place("s", text(case, "text").as_bytes());
            let mark = device().mark(&path(text(case, "path"))).map_err(plain)?;
            let mark = mark.ok_or("none")?;
            assert_eq!(mark, mark_of(case));
            let again = tempfile::tempdir().unwrap();
            let device = Device::new(vault, again.path(), again.path(), &identity).unwrap();
            device.raise(&path(text(case, "path")), mark, false).unwrap();
            let file = again.path().join(&folder).join(text(case, "file"));
            // All of it but the sealed name, whose nonce is another one each time.
            let apart = |text: &str| {
                let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
                (words.remove(5).len(), words)
            };
            let written = std::fs::read_to_string(file).unwrap();
            assert_eq!(apart(&written), apart(text(case, "text")));
            assert_eq!(device.marks().unwrap(), [(path(text(case, "path")), mark)].into());
        }
        "chain" => {
            place("s", text(case, "text").as_bytes());
            let record = device().chain().map_err(plain)?.ok_or("none")?;
            let hashes = case["hashes"].as_array().unwrap().iter();
            let hashes = hashes.map(|h| hex_array(h.as_str().unwrap()).unwrap()).collect();
            let expected =
                ChainRecord { first: number(case, "first"), hashes, state: array(case, "state") };
            assert_eq!(record, expected);
            let again = tempfile::tempdir().unwrap();
            Device::new(vault, again.path(), again.path(), &identity)
                .unwrap()
                .save_chain(&record)
                .unwrap();
            let file = again.path().join(&folder).join("chain");
            assert_eq!(std::fs::read_to_string(file).unwrap(), text(case, "text"));
        }
        "cached" => {
            place("c", &bytes(case, "bytes"));
            let object = bytes(case, "object");
            let found = device().cached(&sha256(&[&object])).ok_or("not in the cache")?;
            assert_eq!(found, object);
        }
        "kept" => {
            place("c", &bytes(case, "bytes"));
            let kept = device().kept(&path(text(case, "path"))).ok_or("not kept")?;
            assert_eq!(kept.path.as_str(), text(case, "path"));
            assert_eq!((kept.time, kept.body), (number(case, "time"), bytes(case, "object")));
            assert_eq!(json!(kept.metadata), case["metadata"]);
        }
        other => panic!("unknown kind {other}"),
    }
    Ok(())
}

fn mark_of(case: &Value) -> Mark {
    Mark {
        n: number(case, "n"),
        record: array(case, "record"),
        by: KeyId(array(case, "by")),
        restored: number(case, "restored"),
    }
}

fn named(at: &SecretPath) -> Vec<u8> {
    lps(&[&vault(), at.as_str().as_bytes()])
}

fn mark(who: &str, at: &str, n: u64) -> Value {
    let (owner, at) = (person(who), path(at));
    let mark_key = owner.device_key("vault/v1/marks");
    let (record, by) = (seed("record"), person("bob").public().id());
    let file = hex(hmac(mark_key.bytes(), &[b"vault/v1/mark-name", &named(&at)]).bytes());
    let restored = n / 2;
    let (numbers, named) = ((n.to_be_bytes(), restored.to_be_bytes()), named(&at));
    let parts: [&[u8]; 6] = [b"vault/v1/mark", &named, &numbers.0, &record, &by.0, &numbers.1];
    let mac = hmac(mark_key.bytes(), &parts);
    let sealed = sealed_name(who, at.as_str());
    json!({
        "name": format!("mark of {at} {n} for {who}"), "kind": "mark", "seed": who, "vault": hex(&vault()),
        "path": at.as_str(), "n": n, "record": hex(&record), "by": by.to_string(),
        "restored": restored,
        "file": format!("marks/{}/{}", &file[..2], &file[2..]),
        "text": format!("vault-mark/v2 {n} {} {by} {restored} {sealed} {}\n", hex(&record), hex(mac.bytes())),
    })
}

/// The name of a path as its mark has it.
fn sealed_name(who: &str, at: &str) -> String {
    let nonce = seed("mark nonce");
    let nonce = nonce.first_chunk::<12>().unwrap();
    let mut padded = at.as_bytes().to_vec();
    padded.resize(at.len().div_ceil(64) * 64, 0);
    let key = person(who).device_key("vault/v1/cache");
    let sealed = seal(&key, nonce, b"vault/v1/mark-path", Secret::copy_of(&padded));
    b64url(&[&nonce[..], &sealed].concat())
}

fn chain(who: &str, first: u64, count: u64) -> Value {
    let mark_key = person(who).device_key("vault/v1/marks");
    let hashes: Vec<String> = (0..count).map(|i| hex(&seed(&format!("note {i}")))).collect();
    let body = format!(
        "vault-chain/v1\nfirst {first}\nstate {}\n{}\n",
        hex(&seed("state")),
        hashes.join("\n")
    );
    let mac = hmac(mark_key.bytes(), &[b"vault/v1/chain", &lps(&[&vault()]), body.as_bytes()]);
    json!({
        "name": format!("{count} notes from {first} for {who}"), "kind": "chain", "seed": who, "vault": hex(&vault()),
        "first": first, "hashes": hashes, "state": hex(&seed("state")), "file": "chain",
        "text": format!("{body}mac {}\n", hex(mac.bytes())),
    })
}

fn cached(object: &[u8]) -> Value {
    let cache_key = person("ann").device_key("vault/v1/cache");
    let hash = sha256(&[object]);
    let nonce = seed("cache nonce");
    let nonce = nonce.first_chunk::<12>().unwrap();
    let sealed = seal(&cache_key, nonce, &hash, Secret::copy_of(object));
    let file = hex(hmac(cache_key.bytes(), &[b"vault/v1/cache-name", &hash]).bytes());
    json!({
        "name": "a cached object", "kind": "cached", "seed": "ann", "vault": hex(&vault()),
        "object": hex(object), "file": format!("obj/{file}"),
        "bytes": hex(&[&nonce[..], &sealed].concat()),
    })
}

fn kept(at: &str, time: u64, body: &[u8]) -> Value {
    let cache_key = person("ann").device_key("vault/v1/cache");
    let of_vault = [b"vault/v1/cache-head", &lps(&[&vault()])[..]].concat();
    let nonce = seed("kept nonce");
    let nonce = nonce.first_chunk::<12>().unwrap();
    let metadata = json!([["x-vault-v", "1"], ["x-vault-name", "größe"]]);
    let front = format!("{{\"metadata\":{metadata},\"path\":{},\"time\":{time}}}\n", json!(at));
    let whole = [front.as_bytes(), body].concat();
    let sealed = seal(&cache_key, nonce, &of_vault, Secret::copy_of(&whole));
    let named = lps(&[&vault(), at.as_bytes()]);
    let file = hex(hmac(cache_key.bytes(), &[b"vault/v1/cache-head", &named]).bytes());
    json!({
        "name": format!("{at} is kept"), "kind": "kept", "seed": "ann", "vault": hex(&vault()),
        "path": at, "time": time, "metadata": metadata, "object": hex(body),
        "file": format!("head/{file}"), "bytes": hex(&[&nonce[..], &sealed].concat()),
    })
}

fn make() -> Cases {
    let good = vec![
        mark("ann", "prod/db/password", 7),
        mark("bob", "größe", 9_999_999_999_999_999),
        chain("ann", 0, 1),
        chain("bob", 12, 3),
        cached(b"vault-state/v1\n"),
        kept("prod/db/größe", 1_763_800_000, b"sealed\nbytes\0"),
    ];
    let (m, c) = (&good[0], &good[3]);
    let mark_text = text(m, "text");
    let chain_text = text(c, "text");
    let edit = |case: &Value, name: &str, new: String| {
        assert_ne!(new, text(case, "text"), "{name}");
        changed(case, name, "edited", &[("text", new.into())])
    };
    let mut lines: Vec<&str> = chain_text.lines().collect();
    lines.swap(3, 4);
    let swapped = lines.join("\n") + "\n";
    let sealed = text(&good[4], "bytes");
    let (k, other) = (&good[5], kept("prod/db/other", 1_763_800_000, b"other"));
    let whole = text(k, "bytes");
    let bad = vec![
        edit(m, "another version", mark_text.replacen(" 7 ", " 6 ", 1)),
        edit(
            m,
            "another record",
            mark_text.replacen(&hex(&seed("record")), &hex(&seed("other")), 1),
        ),
        edit(m, "another form", mark_text.replacen("v2", "v1", 1)),
        edit(
            m,
            "the name of another path",
            mark_text.replacen(
                &sealed_name("ann", "prod/db/password"),
                &sealed_name("ann", "prod/db/other"),
                1,
            ),
        ),
        edit(
            m,
            "a name that another identity sealed",
            mark_text.replacen(
                &sealed_name("ann", "prod/db/password"),
                &sealed_name("bob", "prod/db/password"),
                1,
            ),
        ),
        edit(m, "a leading zero", mark_text.replacen(" 7 ", " 07 ", 1)),
        edit(m, "no line break", mark_text.trim_end().to_owned()),
        edit(m, "a word more", format!("{} x\n", mark_text.trim_end())),
        changed(m, "of another identity", "none", &[("seed", "bob".into())]),
        changed(m, "of another path", "none", &[("path", "prod/db/other".into())]),
        changed(
            &mark("bob", "prod/db/password", 7),
            "another identity's MAC",
            "edited",
            &[("seed", "ann".into()), ("file", m["file"].clone())],
        ),
        edit(c, "another first", chain_text.replacen("first 12", "first 11", 1)),
        edit(c, "notes swapped", swapped),
        edit(
            c,
            "a note less",
            chain_text
                .lines()
                .enumerate()
                .filter(|(i, _)| *i != 4)
                .fold(String::new(), |a, (_, l)| a + l + "\n"),
        ),
        changed(c, "a chain of another identity", "edited", &[("seed", "ann".into())]),
        changed(
            c,
            "a chain of another vault",
            "edited",
            &[("vault", hex(&seed("other vault")).into())],
        ),
        changed(
            &good[4],
            "a cached object, cut",
            "not in the cache",
            &[("bytes", sealed[..sealed.len() - 2].into())],
        ),
        changed(
            &good[4],
            "a cached object of another identity",
            "not in the cache",
            &[("seed", "bob".into())],
        ),
        changed(&good[4], "another object", "not in the cache", &[("object", hex(b"x").into())]),
        changed(k, "kept by another identity", "not kept", &[("seed", "bob".into())]),
        changed(k, "kept of another vault", "not kept", &[("vault", hex(&seed("other")).into())]),
        changed(k, "kept, cut", "not kept", &[("bytes", whole[..whole.len() - 2].into())]),
        // The file of another path, in its place.
        changed(k, "kept, exchanged", "not kept", &[("bytes", other["bytes"].clone())]),
    ];
    (good, bad)
}
