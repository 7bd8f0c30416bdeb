//! Objects that the official clients wrote, or that were derived from those: each must open to
//! its plaintext, or fail with exactly its class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vault::core::s3ec::import::{self, Commitment, ImportObject, MasterKey, Options, RsaKey};
use vault::core::s3ec::{
    Class, Envelope, Result, WrapKind, check_kms_context, kms_context, unwrap_aes,
};
use vault::core::secret::{Key, Secret};
use vault::core::{cipher, text};

type Map = BTreeMap<String, String>;

/// One vector file. An unknown field fails the test: it could change what the file means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    name: String,
    #[serde(rename = "producer")]
    _producer: String,
    #[serde(rename = "format_version")]
    _format_version: u8,
    #[serde(rename = "wrap_alg")]
    _wrap_alg: Option<String>,
    #[serde(rename = "content_alg")]
    _content_alg: String,
    #[serde(rename = "s3_key")]
    _s3_key: String,
    metadata: Map,
    instruction_file: Option<InstructionFile>,
    body_b64: Option<String>,
    body_file: Option<String>,
    body_sha256: Option<String>,
    body_len: Option<usize>,
    plaintext_b64: Option<String>,
    plaintext_len: Option<usize>,
    plaintext_sha256: Option<String>,
    plaintext_rule: Option<String>,
    master_key: Master,
    options: Settings,
    expect: String,
    #[serde(rename = "note")]
    _note: Option<String>,
    #[serde(default, rename = "official_outcomes")]
    _official_outcomes: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstructionFile {
    #[serde(rename = "s3_key")]
    _s3_key: String,
    body: String,
    #[serde(rename = "metadata")]
    _metadata: Map,
}

/// The reader's key. A vector for the wrong kind of key may carry the fields of both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Master {
    kind: Kind,
    key_b64: Option<String>,
    pem: Option<String>,
    #[serde(rename = "kms_key_arn")]
    _kms_key_arn: Option<String>,
    kms_ciphertext_b64: Option<String>,
    kms_plaintext_datakey_b64: Option<String>,
    #[serde(default)]
    encryption_context: Map,
    #[serde(default)]
    stored_encryption_context: Map,
    #[serde(default)]
    kms_extra: Vec<KmsExtra>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Aes,
    Rsa,
    Kms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KmsExtra {
    ciphertext_b64: String,
    encryption_context: Map,
    datakey_b64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    commitment_policy: String,
    #[serde(default)]
    enable_legacy_wrapping: bool,
    #[serde(default)]
    enable_legacy_unauthenticated: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/s3ec")
}

fn decode(base64: &str) -> Vec<u8> {
    text::b64_decode(base64, 1 << 26).expect("base64 in a vector")
}

fn key(base64: &str) -> Key {
    text::b64_key(base64.as_bytes()).expect("a 32-byte key in a vector")
}

fn borrowed(map: &Map) -> Vec<(&str, &str)> {
    map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

impl Vector {
    pub fn load(name: &str) -> Self {
        Self::read(&folder().join(format!("{name}.json")))
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn metadata(&self) -> Vec<(String, String)> {
        self.metadata.clone().into_iter().collect()
    }

    pub fn body(&self) -> Vec<u8> {
        let body = match (&self.body_b64, &self.body_file) {
            (Some(inline), None) => decode(inline),
            (None, Some(file)) => std::fs::read(folder().join(file)).expect("a body in blobs/"),
            _ => panic!("{}: one body", self.name),
        };
        if let Some(hash) = &self.body_sha256 {
            assert_eq!(&text::hex(&cipher::sha256(&[&body])), hash, "{}", self.name);
        }
        assert!(self.body_len.is_none_or(|len| len == body.len()), "{}", self.name);
        body
    }

    pub fn options(&self) -> Options {
        Options {
            commitment: match self.options.commitment_policy.as_str() {
                "REQUIRE_ENCRYPT_REQUIRE_DECRYPT" => Commitment::Require,
                "REQUIRE_ENCRYPT_ALLOW_DECRYPT" | "FORBID_ENCRYPT_ALLOW_DECRYPT" => {
                    Commitment::Allow
                }
                other => panic!("{}: {other}", self.name),
            },
            legacy_wrapping: self.options.enable_legacy_wrapping,
            legacy_unauthenticated: self.options.enable_legacy_unauthenticated,
        }
    }

    pub fn instruction_file(&self) -> Option<&[u8]> {
        self.instruction_file.as_ref().map(|file| file.body.as_bytes())
    }

    /// Through the reader for foreign objects.
    pub fn import(&self, metadata: &[(String, String)], body: Vec<u8>) -> Result<Secret> {
        self.import_with(metadata, self.instruction_file(), body, &self.options())
    }

    /// [`Vector::import`] with another instruction file or other settings.
    pub fn import_with(
        &self,
        metadata: &[(String, String)],
        instruction_file: Option<&[u8]>,
        body: Vec<u8>,
        options: &Options,
    ) -> Result<Secret> {
        let object = ImportObject { metadata, body, instruction_file };
        let master = &self.master_key;
        let context = borrowed(&master.encryption_context);
        let decrypt = |blob: &[u8], context: &[(String, String)]| master.kms(blob, context);
        let aes = master.key_b64.as_deref().map(key);
        let rsa = master.pem.as_deref().map(|pem| {
            RsaKey::from_pkcs1_pem(&Secret::copy_of(pem.as_bytes())).expect("PKCS#1 in a vector")
        });
        let key = match master.kind {
            Kind::Aes => MasterKey::Aes(aes.as_ref().expect("key_b64")),
            Kind::Rsa => MasterKey::Rsa(rsa.as_ref().expect("pem")),
            Kind::Kms => MasterKey::Kms { context: &context, decrypt: &decrypt },
        };
        import::open(object, &key, options)
    }

    /// Through the steps of a normal read.
    pub fn normal(&self, metadata: &[(String, String)], body: Vec<u8>) -> Result<Secret> {
        let envelope = Envelope::parse(metadata)?;
        let refused = |class| vault::core::s3ec::S3ecError { class, reason: "by the test" };
        let master = &self.master_key;
        let data_key = match (&master.kind, envelope.wrap()) {
            (Kind::Aes, WrapKind::Aes) => {
                unwrap_aes(&key(master.key_b64.as_ref().expect("key_b64")), envelope.wrapped())?
            }
            (Kind::Kms, _) => {
                let caller = borrowed(&master.encryption_context);
                check_kms_context(&envelope, &caller)?;
                master
                    .kms(envelope.wrapped(), &kms_context(&caller)?)
                    .ok_or(refused(Class::UnwrapFailed))?
            }
            _ => return Err(refused(Class::KeyMismatch)),
        };
        envelope.content_key(data_key)?.open(body)
    }

    /// A V3 object that a normal read could meet. A stored `kms_cmk_id` is no part of such a
    /// read, which sends the caller's context, not the stored one; nor is RSA.
    fn is_normal(&self) -> bool {
        let by_rsa = self.metadata.get("x-amz-w").is_some_and(|w| w == "22");
        self.instruction_file.is_none()
            && !(by_rsa && matches!(self.master_key.kind, Kind::Rsa))
            && self.options().commitment == Commitment::Require
            && ["x-amz-c", "x-amz-d", "x-amz-i", "x-amz-3"]
                .iter()
                .any(|name| self.metadata.get(*name).is_some_and(|value| !value.is_empty()))
            && !self.metadata.get("x-amz-t").is_some_and(|t| t.contains("kms_cmk_id"))
    }

    fn check(&self, path: &str, outcome: Result<Secret>) {
        let name = &self.name;
        let plain = match outcome {
            Err(e) => return assert_eq!(format!("{:?}", e.class), self.expect, "{name}, {path}"),
            Ok(plain) => plain,
        };
        assert_eq!("ok", self.expect, "{name}, {path}: opened");
        if let Some(expected) = &self.plaintext_b64 {
            assert!(plain.bytes() == decode(expected), "{name}, {path}: another plaintext");
            return;
        }
        assert_eq!(Some(plain.len()), self.plaintext_len, "{name}, {path}");
        let hash = text::hex(&cipher::sha256(&[plain.bytes()]));
        assert_eq!(Some(hash), self.plaintext_sha256, "{name}, {path}");
        let rule = "byte[i] = (31*i + 17*(i>>8)) mod 256";
        assert_eq!(self.plaintext_rule.as_deref(), Some(rule), "{name}");
        let ruled = |(i, b): (usize, &u8)| *b == (31 * i + 17 * (i >> 8)) as u8;
        assert!(plain.bytes().iter().enumerate().all(ruled), "{name}, {path}: off the rule");
    }
}

impl Master {
    /// The stand-in for KMS: it knows the listed pairs of blob and context, nothing else.
    fn kms(&self, blob: &[u8], context: &[(String, String)]) -> Option<Key> {
        let sent: Map = context.iter().cloned().collect();
        assert_eq!(sent.len(), context.len(), "a context name twice");
        let own = (
            self.kms_ciphertext_b64.as_ref().expect("kms_ciphertext_b64"),
            &self.stored_encryption_context,
            self.kms_plaintext_datakey_b64.as_ref().expect("kms_plaintext_datakey_b64"),
        );
        self.kms_extra
            .iter()
            .map(|x| (&x.ciphertext_b64, &x.encryption_context, &x.datakey_b64))
            .chain([own])
            .find(|(known, of, _)| decode(known) == blob && **of == sent)
            .map(|(.., data_key)| key(data_key))
    }
}

#[test]
fn s3ec_vectors() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("tests/vectors/s3ec")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    paths.sort();
    let mut normal = 0;
    for path in &paths {
        let vector = Vector::read(path);
        vector.check("import", vector.import(&vector.metadata(), vector.body()));
        if vector.is_normal() {
            vector.check("normal", vector.normal(&vector.metadata(), vector.body()));
            normal += 1;
        }
    }
    println!("s3ec_vectors: {} files", paths.len());
    println!("s3ec_vectors: {normal} of them by the normal path too");
    assert!(!paths.is_empty() && normal > 0, "nothing was tested");
}
