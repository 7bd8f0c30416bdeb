//! Format V3, suite 0x0073: AES-256-GCM under keys that HKDF-SHA512 derives, with a commitment
//! to the data key (§2.3, §3.2). This is the normal path.

use super::ID;
use super::error::{Class, Result};
use super::metadata::{self, C, D, Fields, Format, I, KEY_V3, M, T, W};
use super::wrap::{LABEL_V3, WrapKind};
use crate::core::cipher::{self, NONCE};
use crate::core::secret::{Key, Secret};
use crate::core::{random, text};

/// The suite id, authenticated as the AAD of the body and part of both derivations.
const SUITE: [u8; 2] = [0x00, 0x73];
const COMMIT_INFO: &[u8; 11] = b"\x00\x73COMMITKEY";
const DERIVE_INFO: &[u8; 11] = b"\x00\x73DERIVEKEY";
/// The nonce is fixed: each content key is fresh and seals exactly one message.
const BODY_NONCE: [u8; NONCE] = [1; NONCE];

/// What the metadata of a V3 object says: untrusted, but well-formed in every part.
#[derive(Clone, Debug)]
pub struct Envelope {
    wrap: WrapKind,
    wrapped: Vec<u8>,
    description: String,
    map: Vec<(String, String)>,
    message_id: [u8; ID],
    commitment: [u8; ID],
}

impl Envelope {
    /// Reads the metadata of an object that must be V3 with all entries on the object (§5).
    /// Names come without `x-amz-meta-`, in any case; unknown ones are passed over.
    ///
    /// Lengths are checked before anything is decoded, shapes before any key is used. Older
    /// formats are [`Class::CommitmentPolicy`]; an object whose key is in an instruction file is
    /// [`Class::InstructionFile`], since the normal path never reads one.
    pub fn parse(metadata: &[(String, String)]) -> Result<Self> {
        let fields = Fields::read(metadata)?;
        match fields.format()? {
            Format::V3 => Self::from_fields(&fields),
            Format::V3Split => {
                Class::InstructionFile.refuse("the wrapped key is not on the object")
            }
            Format::V2 | Format::V1 => {
                Class::CommitmentPolicy.refuse("an older format that does not commit to its key")
            }
            Format::Keyless => fields.keyless(),
        }
    }

    /// The entries of a V3 object, wherever they were found.
    pub(super) fn from_fields(fields: &Fields) -> Result<Self> {
        let (three, w) = (fields.need(KEY_V3)?, fields.need(W)?);
        if fields.need(C)? != LABEL_V3 {
            return Class::UnknownAlgorithm.refuse("an unknown content algorithm");
        }
        let wrap = WrapKind::from_code(w)?;
        let id = |name| {
            text::b64_array::<ID>(fields.need(name)?)
                .ok_or(Class::BadEncoding.because("a message id or commitment not of 28 bytes"))
        };
        let description = fields.get(description_name(wrap)).unwrap_or_default();
        Ok(Self {
            wrap,
            wrapped: wrap.decode(three)?,
            map: metadata::description_map(description)?,
            description: description.to_owned(),
            message_id: id(I)?,
            commitment: id(D)?,
        })
    }

    /// What kind of key wraps the data key.
    pub fn wrap(&self) -> WrapKind {
        self.wrap
    }

    /// The wrapped data key: 60 bytes for [`WrapKind::Aes`], 1 to 6144 for [`WrapKind::Kms`].
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// The description as stored (`x-amz-t` for KMS, else `x-amz-m`), empty if absent.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The description's members in stored order: the whole encryption context for KMS. Raw
    /// wraps do not authenticate it.
    pub fn description_map(&self) -> &[(String, String)] {
        &self.map
    }

    /// The message id. Its base64 is exactly the stored `x-amz-i`: no other form is read.
    pub fn message_id(&self) -> &[u8; ID] {
        &self.message_id
    }

    /// The key commitment. Its base64 is exactly the stored `x-amz-d`.
    pub fn commitment(&self) -> &[u8; ID] {
        &self.commitment
    }

    /// Derives the key of the body, if `data_key` is the one that the object commits to. The
    /// commitment is compared first, in constant time; `data_key` is zeroed on return.
    ///
    /// Apart from [`ContentKey::open`], so that a reader for bodies larger than memory can be
    /// put beside that one.
    pub fn content_key(&self, data_key: Key) -> Result<ContentKey> {
        if !cipher::equal(&commitment(&data_key, &self.message_id), &self.commitment) {
            return Class::CommitmentMismatch.refuse("not the data key that the object commits to");
        }
        Ok(ContentKey(content_key(&data_key, &self.message_id)))
    }
}

/// The key of one body, good for opening it once.
pub struct ContentKey(Key);

impl ContentKey {
    /// Decrypts a body: ciphertext and tag. Nothing leaves before the tag was found right; on
    /// failure the buffer is zeroed.
    ///
    /// A streaming reader would be a second method: one that holds each chunk back, or lets the
    /// caller write to a place that is thrown away unless the tag at the end is right.
    pub fn open(self, body: Vec<u8>) -> Result<Secret> {
        cipher::open(&self.0, &BODY_NONCE, &SUITE, body)
            .ok_or(Class::ContentAuth.because("the body was changed or cut"))
    }
}

/// A sealed object: what to store.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The S3EC entries, names without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// Ciphertext and tag.
    pub body: Vec<u8>,
}

/// Seals a V3 object under a fresh message id. `wrapped` is `data_key` wrapped by a key of kind
/// `wrap`, `description` the JSON for `x-amz-t` (the whole context, KMS) or `x-amz-m`; an empty
/// one is left out, since an empty `x-amz-m` breaks Python's reader.
///
/// A data key seals one object, never a second one. What [`Envelope::parse`] would not take is
/// refused as [`Class::BadEncoding`], and so is a description that is not printable ASCII:
/// headers carry nothing else unharmed.
pub fn seal(
    plaintext: Secret,
    data_key: &Key,
    wrap: WrapKind,
    wrapped: &[u8],
    description: &str,
) -> Result<Sealed> {
    let message_id = random::array();
    seal_with_message_id(plaintext, data_key, wrap, wrapped, description, &message_id)
}

/// [`seal`] with a given message id, which must be unique for the data key: for shares, where
/// both come from one seed, and for known answers.
pub(crate) fn seal_with_message_id(
    plaintext: Secret,
    data_key: &Key,
    wrap: WrapKind,
    wrapped: &[u8],
    description: &str,
    message_id: &[u8; ID],
) -> Result<Sealed> {
    if !description.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Class::BadEncoding.refuse("a description that is not printable ASCII");
    }
    let mut metadata = vec![
        (KEY_V3.to_owned(), text::b64(wrapped)),
        (C.to_owned(), LABEL_V3.to_owned()),
        (D.to_owned(), text::b64(&commitment(data_key, message_id))),
        (I.to_owned(), text::b64(message_id)),
        (W.to_owned(), wrap.code().to_owned()),
    ];
    if !description.is_empty() {
        metadata.push((description_name(wrap).to_owned(), description.to_owned()));
    }
    // An object that nobody can open again would be a loss that shows only at the next read.
    Envelope::parse(&metadata).map_err(|e| Class::BadEncoding.because(e.reason))?;
    let key = content_key(data_key, message_id);
    Ok(Sealed { metadata, body: cipher::seal(&key, &BODY_NONCE, &SUITE, plaintext) })
}

/// `x-amz-w` alone decides which description counts (§2.3).
fn description_name(wrap: WrapKind) -> &'static str {
    match wrap {
        WrapKind::Kms => T,
        WrapKind::Aes | WrapKind::Rsa => M,
    }
}

fn commitment(data_key: &Key, message_id: &[u8; ID]) -> [u8; ID] {
    let mut out = [0; ID];
    cipher::hkdf_into(data_key.bytes(), message_id, COMMIT_INFO, &mut out);
    out
}

fn content_key(data_key: &Key, message_id: &[u8; ID]) -> Key {
    cipher::hkdf(data_key.bytes(), message_id, DERIVE_INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::s3ec::import::RsaKey;
    use crate::core::s3ec::wrap::unwrap_aes;

    /// The data key of a vector.
    fn data_key(vector: &serde_json::Value, envelope: &Envelope) -> Option<Key> {
        let master = &vector["master_key"];
        let key = |name: &str| text::b64_key(master[name].as_str()?.as_bytes());
        match envelope.wrap() {
            WrapKind::Aes => unwrap_aes(&key("key_b64")?, envelope.wrapped()).ok(),
            WrapKind::Kms => key("kms_plaintext_datakey_b64"),
            WrapKind::Rsa => {
                let pem = Secret::copy_of(master["pem"].as_str()?.as_bytes());
                let opened = RsaKey::from_pkcs1_pem(&pem)?.open_oaep_sha1(envelope.wrapped())?;
                Key::from_slice(&opened.bytes()[1..33])
            }
        }
    }

    #[test]
    fn sealing_again_gives_the_bytes_of_the_official_clients() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/s3ec");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ext| ext != "json") {
                continue;
            }
            let vector: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let metadata: Vec<(String, String)> = vector["metadata"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
                .collect();
            let Ok(envelope) = Envelope::parse(&metadata) else { continue };
            let Some(body) = vector["body_b64"].as_str().filter(|_| vector["expect"] == "ok")
            else {
                continue;
            };
            let body = text::b64_decode(body, 1 << 20).unwrap();
            let key = data_key(&vector, &envelope).unwrap();
            let plaintext =
                envelope.content_key(key.duplicate()).unwrap().open(body.clone()).unwrap();
            let sealed = seal_with_message_id(
                plaintext,
                &key,
                envelope.wrap(),
                envelope.wrapped(),
                envelope.description(),
                envelope.message_id(),
            )
            .unwrap();
            assert_eq!(sealed.body, body, "{}", path.display());
            for (name, value) in &sealed.metadata {
                assert_eq!(vector["metadata"][name], **value, "{}", path.display());
            }
            count += 1;
        }
        println!("sealed again: {count} vectors");
        assert!(count > 0);
    }
}
