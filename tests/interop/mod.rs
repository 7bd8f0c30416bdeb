//! The official S3 encryption client for Python reads what the vault writes, and `import s3ec`
//! reads what it writes.

use serde_json::{Value, json};
use vault::aws::Aws;
use vault::core::cipher::sha256;
use vault::core::header::GroupGen;
use vault::core::secret::Secret;
use vault::core::text::{b64, b64_decode, hex};
use vault::keys::keyring::Keyring;
use vault::keys::local::Tree;
use vault::store::{S3Store, Store, list_all};

use crate::bucket::{Bucket, Wrapping};
use crate::cli::home::{Bucket as Surroundings, Home, finish};
use crate::support::servers::{self, make_key, python_with, raw_put};
use crate::support::{ANN, identity, path};

const SIZES: [usize; 7] = [0, 1, 15, 16, 17, 1000, 1024 * 1024 + 3];

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + size) as u8).collect()
}

fn official(bucket: &'static servers::Server, jobs: &Value) -> Vec<Value> {
    let script = include_str!("official.py");
    let text = python_with(bucket, script, jobs.to_string().as_bytes());
    serde_json::from_str(&text).expect("JSON")
}

fn matches(answer: &Value, size: usize) {
    assert_eq!(answer["length"], size, "{answer}");
    assert_eq!(answer["sha256"], hex(&sha256(&[&content(size)])).as_str());
}

async fn fill(bucket: &Bucket) -> vault::vault::Vault {
    let vault = bucket.device("one", bucket.server.options()).await.unwrap();
    for size in SIZES {
        let value = Secret::copy_of(&content(size));
        vault.put_raw(&path(&format!("of/{size}")), None, &value).await.unwrap();
    }
    vault
}

#[tokio::test]
async fn the_official_client_reads_what_kms_wraps() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let vault = fill(&bucket).await;
    let kms = bucket.kms.clone().unwrap();
    let mut jobs = Vec::new();
    for size in SIZES {
        let at = format!("of/{size}");
        let context: Value =
            serde_json::from_str(&vault.aws_context(&path(&at)).await.unwrap()).unwrap();
        let key = bucket.key(&format!("s/{at}"));
        jobs.push(json!({ "bucket": "vaults", "key": key, "kms": kms, "context": context }));
        // The context of another path: refused. Also that of none.
        let other: Value =
            serde_json::from_str(&vault.aws_context(&path("of/other")).await.unwrap()).unwrap();
        jobs.push(json!({ "bucket": "vaults", "key": key, "kms": kms, "context": other }));
        jobs.push(json!({ "bucket": "vaults", "key": key, "kms": kms }));
    }
    let answers = official(bucket.server, &jobs.into());
    for (three, size) in answers.chunks(3).zip(SIZES) {
        matches(&three[0], size);
        for refused in &three[1..] {
            let error = refused["error"].as_str().expect("a refusal");
            assert!(error.contains("encryption context"), "{error}");
        }
    }
    println!("interop: {} sizes with KMS read by the official client", SIZES.len());
}

#[tokio::test]
async fn the_official_client_reads_what_a_leaf_key_wraps() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Local).await;
    fill(&bucket).await;
    let aws = Aws::load(bucket.server.options()).await.unwrap();
    let store = S3Store::new(&aws, "vaults", &bucket.key("")).unwrap();
    let mut keyring = None;
    for name in list_all(&store, ".vault/obj/").await.unwrap() {
        let object = store.get(&name, 1 << 20).await.unwrap().body;
        if object.starts_with(b"age-encryption.org") {
            keyring = Keyring::open(&object, "main", 1, identity(ANN).age()).unwrap();
        }
    }
    let keyring = keyring.expect("a keyring in the bucket");
    let group = GroupGen { group: "main".into(), generation: 1 };
    let tree = Tree::new(bucket.pin.vault, group, &keyring.generation(1).unwrap().gk);
    let leaf = |at: &str| hex(tree.leaf(&path(at)).unwrap().bytes());
    let mut jobs = Vec::new();
    for size in SIZES {
        let at = format!("of/{size}");
        let key = bucket.key(&format!("s/{at}"));
        jobs.push(json!({ "bucket": "vaults", "key": key, "leaf": leaf(&at) }));
        jobs.push(json!({ "bucket": "vaults", "key": key, "leaf": leaf("of/other") }));
    }
    let answers = official(bucket.server, &jobs.into());
    for (two, size) in answers.chunks(2).zip(SIZES) {
        matches(&two[0], size);
        assert!(two[1]["error"].is_string(), "{}", two[1]);
    }
    println!("interop: {} sizes with a leaf key read by the official client", SIZES.len());
}

/// A home with a vault in a directory; its commands may reach the server.
struct Importer {
    home: Home,
    server: &'static servers::Server,
}

impl Importer {
    fn new() -> Self {
        Self { home: Home::with_vault(), server: servers::ministack() }
    }

    fn import(&self, args: &[&str]) -> crate::cli::home::Ran {
        let mut command = self.home.command(["import", "s3ec"].iter().chain(args));
        command.envs(Surroundings::env(self.server));
        finish(command, b"")
    }
}

#[test]
fn what_the_official_client_writes_is_imported() {
    let importer = Importer::new();
    let kms = make_key(importer.server);
    servers::make_bucket(importer.server, "foreign");
    let context = json!({ "app": "x" });
    let mut jobs: Vec<Value> = SIZES
        .iter()
        .map(|size| {
            json!({
                "bucket": "foreign", "key": format!("v3/of/{size}"), "kms": kms,
                "context": context, "put": b64(&content(*size)),
            })
        })
        .collect();
    let older = json!({
        "bucket": "foreign", "key": "v2/old", "kms": kms, "context": context, "older": true,
        "put": b64(b"of V2"),
    });
    jobs.push(older);
    for (key, text) in
        [("odd/a@3", b"x".to_vec()), ("large/a", b"x".to_vec()), ("large/b", content(13 << 20))]
    {
        jobs.push(json!({
            "bucket": "foreign", "key": key, "kms": kms, "context": context, "put": b64(&text),
        }));
    }
    for answer in official(importer.server, &jobs.into()) {
        assert_eq!(answer["done"], true, "{answer}");
    }
    let all = ["s3://foreign/v3/", "in", "--raw", "--kms", &kms];
    // Without what it was written with, nothing is written.
    importer.import(&all).fails(2, "--context NAME=VALUE");
    importer.import(&[&all[..], &["--context", "app=y"]].concat()).fails(2, "--context");
    importer.import(&[&all[..], &["--context", "nothing"]].concat()).fails(2, "not a pair");
    let right = [&all[..], &["--context", "app=x"]].concat();
    let dry = importer.import(&[&right[..], &["--dry-run"]].concat()).ok().lines();
    assert_eq!(dry.len(), SIZES.len());
    assert!(importer.home.run(["ls"]).ok().text().is_empty());
    importer.import(&right).ok();
    for size in SIZES {
        let got = importer.home.run(["get", &format!("in/of/{size}")]).ok().stdout;
        assert_eq!(got, content(size), "{size}");
    }
    // Nothing is replaced.
    importer.import(&right).fails(6, "already there: in/of/0");
    let ran = importer.import(&[&right[..], &["--skip-existing"]].concat()).ok();
    assert!(ran.stderr.contains("in/of/0: it is there already"), "{}", ran.stderr);
    assert!(ran.text().is_empty());
    // At the top, and under names that are legal.
    let top = |prefix, more: &[&str]| {
        let base = [prefix, "--kms", kms.as_str(), "--context", "app=x"];
        importer.import(&[&base[..], more].concat())
    };
    top("s3://foreign/odd/", &[]).fails(2, "it would become a_3");
    let ran = top("s3://foreign/odd/", &["--rename"]).ok();
    assert!(ran.stderr.contains("renamed: a@3 is a_3"), "{}", ran.stderr);
    assert_eq!(importer.home.get("a_3"), "x");
    // What is too large as it is stored is found before anything is written.
    top("s3://foreign/large/", &[]).fails(2, "b is larger than 16 MiB as it is stored");
    importer.home.run(["exists", "a"]).fails(3, "");
    top("s3://foreign/large/", &["--raw"]).ok();
    importer.home.run(["exists", "b"]).ok();
    let old = ["s3://foreign/v2/old", "old", "--kms", &kms, "--context", "app=x"];
    importer.import(&old).fails(2, "--older-formats");
    importer.import(&[&old[..], &["--older-formats"]].concat()).ok();
    assert_eq!(importer.home.get("old"), "of V2");
    importer.import(&["s3://foreign/none/", "x", "--kms", &kms]).fails(3, "nothing below");
    importer.import(&["s3://foreign/none", "x", "--kms", &kms]).fails(3, "none");
    importer.import(&["s3://foreign", "x", "--kms", &kms]).fails(2, "not a source");
    importer.import(&["s3://foreign/none", "x"]).fails(2, "--kms");
}

/// The recorded objects of other clients, through the command: each behind its switch.
#[test]
fn recorded_objects_are_imported_behind_their_switches() {
    let importer = Importer::new();
    servers::make_bucket(importer.server, "recorded");
    let all_old = ["--older-formats", "--legacy-wraps", "--unauthenticated"];
    let with: [(&str, &[&str], &str); 6] = [
        ("rb-v1-rsa-1000", &all_old, "--unauthenticated"),
        ("rb-v2-rsa-instr-33", &["--older-formats"], "--older-formats"),
        ("rb-v3-aes-instr-33", &[], ""),
        ("rb-v3-rsa-instr-33", &[], ""),
        ("jce-v2-aeswrap", &["--older-formats", "--legacy-wraps"], "--older-formats"),
        ("jce-v2-rsa-oaep256", &["--older-formats", "--legacy-wraps"], "--older-formats"),
    ];
    for (name, switches, hint) in with {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/s3ec");
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let vector: Value = serde_json::from_str(&text).unwrap();
        raw_put(importer.server, "recorded", name, &vector);
        let master = &vector["master_key"];
        let file = importer.home.path().join("key");
        let flag = match master["kind"].as_str().unwrap() {
            "aes" => {
                let key = b64_decode(master["key_b64"].as_str().unwrap(), 99);
                std::fs::write(&file, key.unwrap()).unwrap();
                "--aes-key"
            }
            _ => {
                std::fs::write(&file, master["pem"].as_str().unwrap()).unwrap();
                "--rsa-key"
            }
        };
        let source = format!("s3://recorded/{name}");
        let base = [source.as_str(), name, "--raw", flag, file.to_str().unwrap()];
        if !switches.is_empty() {
            importer.import(&base).fails(2, hint);
            importer.home.run(["exists", name]).fails(3, "");
        }
        importer.import(&[&base[..], switches].concat()).ok();
        let plain = b64_decode(vector["plaintext_b64"].as_str().unwrap(), 9999);
        assert_eq!(importer.home.run(["get", name]).ok().stdout, plain.unwrap(), "{name}");
        // Another key opens nothing.
        std::fs::write(&file, [9; 32]).unwrap();
        let other = [source.as_str(), "other", flag, file.to_str().unwrap()];
        let ran = importer.import(&[&other[..], switches].concat());
        assert!(ran.code == 7 || ran.code == 2, "{name}: {} {}", ran.code, ran.stderr);
        importer.home.run(["exists", "other"]).fails(3, "");
    }
}
