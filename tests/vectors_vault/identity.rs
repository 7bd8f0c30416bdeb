//! From a seed to every key and string of an identity; identity files; recovery words.

use serde_json::{Value, json};
use vault::core::cipher::{argon2id, seal, sha256, sign};
use vault::core::error::Result as VaultResult;
use vault::core::secret::Secret;
use vault::core::text::{b64, hex, lps};
use vault::core::token;
use vault::keys::identity::{Identity, LockedIdentity, PublicIdentity};

use super::recipient::SSH;
use super::world::{key, person, secret, seed};
use super::{Cases, Suite, array, changed, text};
use crate::keys::kinds::{Answers, TAG_PQ};
use crate::support::plugins::ssh_key;

pub const SUITE: Suite = Suite {
    name: "identity",
    about: "Identity: from a seed to all its keys and strings; files; strings; recovery words",
    members: &[
        "kind",
        "seed",
        "age_secret_key",
        "recipient",
        "public_key",
        "key_id",
        "id_string",
        "fingerprint",
        "words",
        "marks_key",
        "cache_key",
        "file",
        "passphrase",
        "ssh_key",
    ],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    match text(case, "kind") {
        "seed" => {
            let identity = Identity::from_seed(vault::core::secret::Key::new(array(case, "seed")));
            assert_eq!(describe(case, &identity), *case);
            from_words(text(case, "words")).map(|i| assert_eq!(i.public(), identity.public()))
        }
        "file" => {
            let passphrase = case["passphrase"].as_str().map(secret);
            let none = || vault::vault::Error::credentials("no passphrase");
            let file = secret(text(case, "file"));
            let identity = Identity::from_file(&file, || passphrase.ok_or_else(none));
            opened(case, identity.map(|i| i.public().clone()))
        }
        "ssh_file" => {
            let locked = LockedIdentity::parse(&secret(text(case, "file")));
            let path = locked.as_ref().ok().and_then(LockedIdentity::ssh_key_path);
            let path = path.map(std::path::Path::to_owned).unwrap_or_default();
            let key = secret(text(case, "ssh_key"));
            let nobody = Answers::new(&[]);
            let identity = locked.and_then(|l| l.with_ssh_key(path, key).open(nobody));
            opened(case, identity.map(|i| i.public().clone()))
        }
        "id_string" => opened(case, PublicIdentity::parse(text(case, "id_string"))),
        "words" => from_words(text(case, "words")).map(drop),
        other => panic!("unknown kind {other}"),
    }
}

fn from_words(words: &str) -> Result<Identity, String> {
    Identity::from_words(&secret(words)).map_err(|e| e.message)
}

fn opened(case: &Value, public: VaultResult<PublicIdentity>) -> Result<(), String> {
    let public = public.map_err(|e| e.message)?;
    assert_eq!(hex(&public.key), text(case, "public_key"));
    if let Some(recipient) = case["recipient"].as_str() {
        assert_eq!(public.recipient, recipient);
    }
    Ok(())
}

fn shown(secret: &Secret) -> &str {
    secret.text().unwrap()
}

/// The seed's case with everything that follows from it.
fn describe(case: &Value, identity: &Identity) -> Value {
    let public = identity.public();
    json!({
        "name": case["name"], "kind": "seed", "seed": case["seed"],
        "age_secret_key": shown(&identity.age_secret_key().unwrap()),
        "recipient": public.recipient,
        "public_key": hex(&public.key),
        "key_id": public.id().to_string(),
        "id_string": identity.id_string(),
        "fingerprint": public.fingerprint(),
        "words": shown(&identity.to_words()),
        "marks_key": hex(identity.device_key("vault/v1/marks").bytes()),
        "cache_key": hex(identity.device_key("vault/v1/cache").bytes()),
        "file": shown(&identity.to_file(None)),
    })
}

fn sealed_file(name: &str, passphrase: &str) -> String {
    let (salt, nonce) = (seed("salt"), seed("nonce"));
    let (salt, nonce) = (salt.first_chunk::<16>().unwrap(), nonce.first_chunk::<12>().unwrap());
    let header = format!("vault-identity/v1 argon2id {} {}", b64(salt), b64(nonce));
    let wrap = argon2id(passphrase.as_bytes(), salt);
    let sealed = seal(&wrap, nonce, header.as_bytes(), Secret::copy_of(key(name).bytes()));
    format!("{header}\n{}\n", b64(&sealed))
}

fn make() -> Cases {
    let mut good = Vec::new();
    for name in ["ann", "recovery"] {
        let case = json!({ "name": name, "seed": hex(&seed(name)) });
        good.push(describe(&case, &person(name)));
    }
    let ann = person("ann");
    let key_hex = hex(&ann.public().key);
    let plain = shown(&ann.to_file(None)).to_owned();
    let sealed = sealed_file("ann", "correct horse");
    let file = |name: &str, file: &str, passphrase: Option<&str>| {
        let mut case = json!({ "name": name, "kind": "file", "file": file, "public_key": key_hex });
        if let Some(passphrase) = passphrase {
            case["passphrase"] = passphrase.into();
        }
        case
    };
    good.push(file("plain file", &plain, None));
    good.push(file("sealed file", &sealed, Some("correct horse")));
    let empty = sealed_file("ann", "");
    good.push(file("sealed under the empty passphrase", &empty, Some("")));
    let ssh = ssh_file("file with an SSH key", &ann_with_ssh());
    good.push(ssh.clone());
    let string = json!({ "name": "string", "kind": "id_string", "id_string": ann.id_string(), "public_key": key_hex });
    good.push(string.clone());

    let cannot = "cannot open the identity";
    let text_of = |case: &Value| text(case, "file").to_owned();
    let kept = text_of(&ssh);
    let mut bad = vec![
        ssh_case(
            &ssh,
            "another recipient inside",
            cannot,
            &text_of(&ssh_file("", &lps(&[person("bob").public().recipient.as_bytes()]))),
        ),
        ssh_case(&ssh, "a relative path", cannot, &kept.replacen("ssh /", "ssh ", 1)),
        ssh_case(&ssh, "another keeper", cannot, &kept.replacen("ssh /", "tpm /", 1)),
        ssh_case(&ssh, "a line too many", cannot, &format!("{kept}\n")),
        ssh_case(&ssh, "no keeper", cannot, &kept.replacen("ssh /keys/ann\n", "", 1)),
        changed(&file("", &sealed, Some("correct Horse")), "wrong passphrase", cannot, &[]),
        changed(&file("", &sealed, Some("")), "the empty passphrase", cannot, &[]),
    ];
    for (name, from, to) in [
        ("another form", "argon2id", "argon2i "),
        ("another version", "/v1", "/v2"),
        ("carriage returns", "\n", "\r\n"),
        ("white space in the header", "argon2id ", "argon2id  "),
        ("salt not canonical", "== ", "= "),
    ] {
        let edited = sealed.replacen(from, to, 1);
        assert_ne!(edited, sealed, "{name}");
        bad.push(changed(&file("", &edited, Some("correct horse")), name, cannot, &[]));
    }
    bad.push(changed(
        &file("", sealed.trim_end(), Some("correct horse")),
        "no line break at the end",
        cannot,
        &[],
    ));
    bad.push(changed(
        &file("", &format!("{sealed}\n"), Some("correct horse")),
        "a line too many",
        cannot,
        &[],
    ));
    let damaged = plain.replacen("plain\n", "plain\nB", 1).replacen("=\n", "\n", 1);
    bad.push(changed(&file("", &damaged, None), "plain file, damaged", cannot, &[]));
    let mut wrong_check = key("ann").bytes().to_vec();
    wrong_check.extend([0; 16]);
    let wrong_check = format!("vault-identity/v1 plain\n{}\n", b64(&wrong_check));
    bad.push(changed(&file("", &wrong_check, None), "plain file, wrong check", cannot, &[]));

    let refused = "not a vault-id1… string, or cut off when it was copied";
    let id = ann.id_string();
    let signed = lps(&[ann.public().recipient.as_bytes(), &ann.public().key]);
    let other = person("bob");
    let with = |by: &Identity, part: &[u8]| {
        let signature = sign(by.signing_seed(), part);
        token::encode("vault-id1", &[part, &signature].concat())
    };
    let with_comment = format!("not a recipient: {SSH} ann");
    let of_kind = |recipient: &str| lps(&[recipient.as_bytes(), &ann.public().key]);
    for (name, recipient) in
        [("string with an SSH key", SSH), ("string with a post-quantum recipient", TAG_PQ.trim())]
    {
        let id_string = with(&ann, &of_kind(recipient));
        good.push(json!({
            "name": name, "kind": "id_string", "id_string": id_string, "public_key": key_hex,
            "recipient": recipient,
        }));
    }
    for (name, string, reason) in [
        ("cut off", id[..id.len() - 1].to_owned(), refused),
        ("another prefix", id.replacen("id1", "id2", 1), refused),
        ("signed by another key", with(&other, &signed), refused),
        (
            "a byte behind the signature",
            token::encode(
                "vault-id1",
                &[&signed[..], &sign(ann.signing_seed(), &signed), b"x"].concat(),
            ),
            refused,
        ),
        ("no recipient", with(&ann, &of_kind("age1pq1xyz")), "not a recipient: age1pq1xyz"),
        ("SSH key with its comment", with(&ann, &of_kind(&format!("{SSH} ann"))), &with_comment),
        (
            "wrong check",
            {
                let mut payload = signed.clone();
                payload.extend(sign(ann.signing_seed(), &signed));
                payload.extend(&sha256(&[&payload])[..4]);
                format!("vault-id1{}", vault::core::text::b64url(&payload))
            },
            refused,
        ),
    ] {
        bad.push(changed(
            &string_case(&string),
            name,
            reason,
            &[("public_key", key_hex.clone().into())],
        ));
    }
    let words = shown(&ann.to_words()).to_owned();
    let first = words.split(' ').next().unwrap();
    let refused = "not 24 recovery words, or one of them is wrong";
    for (name, words) in [
        ("23 words", words[first.len() + 1..].to_owned()),
        ("12 words with a right checksum", "abandon ".repeat(11) + "about"),
        ("wrong checksum", "abandon ".repeat(23) + "abandon"),
        ("a word not in the list", format!("vaults{}", &words[first.len()..])),
        ("upper case", words.to_uppercase()),
    ] {
        bad.push(json!({ "name": name, "kind": "words", "words": words, "reason": refused }));
    }
    (good, bad)
}

/// What is in the age file of ann's identity with an SSH key.
fn ann_with_ssh() -> Vec<u8> {
    lps(&[SSH.as_bytes()])
}

/// An identity file that the SSH key of the tests opens. age files have random parts: the frozen
/// one is used as long as it is one that opens.
fn ssh_file(name: &str, recipient: &[u8]) -> Value {
    let key = ssh_key("ed25519");
    let frozen = std::fs::read(super::folder().join("identity.json")).ok();
    let frozen: Option<Value> = frozen.and_then(|text| serde_json::from_slice(&text).ok());
    let name_now = if name.is_empty() { "another recipient inside" } else { name };
    let case = frozen.and_then(|file| {
        let cases = ["good", "bad"]
            .into_iter()
            .flat_map(|kind| file[kind].as_array().cloned().unwrap_or_default());
        cases.into_iter().find(|case| case["name"] == name_now)
    });
    let file = case.and_then(|case| case["file"].as_str().map(str::to_owned));
    let file = file.unwrap_or_else(|| {
        let mut inside = Secret::copy_of(recipient);
        inside.extend(super::world::key("ann").bytes());
        let sealed = vault::keys::recipient::encrypt(&[SSH], &inside).unwrap();
        format!("vault-identity/v1 age\nssh /keys/ann\n{}\n", b64(&sealed))
    });
    json!({
        "name": name, "kind": "ssh_file", "file": file, "ssh_key": key.text().unwrap(),
        "public_key": hex(&person("ann").public().key), "recipient": SSH,
    })
}

fn ssh_case(good: &Value, name: &str, reason: &str, file: &str) -> Value {
    assert_ne!(good["file"], *file, "{name}");
    changed(good, name, reason, &[("file", file.into())])
}

fn string_case(text: &str) -> Value {
    json!({ "kind": "id_string", "id_string": text })
}
