//! Reads objects that other S3EC clients wrote. Never on the normal path: only an explicit
//! import calls it, so that nobody can make a normal read fall back to an older format.
//!
//! V3, V2 and V1, wrapped by a raw AES key, by KMS or by RSA, with the keys on the object or in
//! an instruction file. What does not authenticate is legacy: CBC content (so all of V1) behind
//! [`Options::legacy_unauthenticated`], the wraps that bind nothing behind
//! [`Options::legacy_wrapping`]; both are off by default, and so is everything but V3.
//!
//! Checks come in the order of the Java client (§5): shape and algorithms, legacy content,
//! commitment policy, legacy wrap, unwrap, commitment, tag. All up to the legacy wrap happen in
//! [`Foreign::parse`], which is given no key: a forbidden object touches none, and costs no KMS
//! call.
//!
//! With both switches on, an object is only as good as the place it was read from: neither a
//! legacy wrap nor CBC says which content algorithm was meant, or that nothing was changed.

use super::context::{foreign_context, legacy_context};
use super::error::{Class, Result, S3ecError};
use super::metadata::{
    self, BOUND, CEK_ALG, Fields, Format, IV, KEY_V1, KEY_V2, MATDESC, MOVABLE, OLD, TAG_LEN,
    WRAP_ALG,
};
use super::v3::Envelope;
use super::wrap::{self, LABEL_V3, WrapKind, unwrap_aes_labelled, unwrap_failed};
pub use crate::core::cipher::legacy::RsaKey;
use crate::core::cipher::{self, NONCE, legacy};
use crate::core::secret::{Key, Secret};
use crate::core::{json, text};

/// Longest instruction file that is read.
const MAX_FILE: usize = 64 * 1024;
/// Most entries of an instruction file.
const MAX_ENTRIES: usize = 64;
/// The content algorithm of V2, also its wrap label.
const GCM: &str = "AES/GCM/NoPadding";
/// CBC, under the two names that it goes by. V1 implies it.
const CBC: [&str; 2] = ["AES/CBC/PKCS5Padding", "AES/CBC/PKCS7Padding"];
/// Length of a 32-byte data key in RFC 3394 key wrap, and in ECB with its padding.
const WRAPPED_KW: usize = 40;
const WRAPPED_ECB: usize = 48;

/// Which objects may be read (§7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commitment {
    /// Only such as commit to their key: V3.
    #[default]
    Require,
    /// V2 and V1 as well.
    Allow,
}

/// The reader's settings; the default is the strictest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The commitment policy for reading.
    pub commitment: Commitment,
    /// Read the legacy wraps (§4.4).
    pub legacy_wrapping: bool,
    /// Read content without authentication: CBC (§3.3).
    pub legacy_unauthenticated: bool,
}

/// An object as it was stored.
pub struct ImportObject<'a> {
    /// User metadata, names without `x-amz-meta-`, in any case.
    pub metadata: &'a [(String, String)],
    /// The ciphertext.
    pub body: Vec<u8>,
    /// The instruction file, if there is one; looked at only if the object has no wrapped key.
    pub instruction_file: Option<&'a [u8]>,
}

/// Asks KMS to decrypt a blob under a context; `None` if KMS refuses it.
pub type KmsDecrypt<'a> = dyn Fn(&[u8], &[(String, String)]) -> Option<Key> + 'a;

/// The reader's master key.
pub enum MasterKey<'a> {
    /// A raw AES key.
    Aes(&'a Key),
    /// KMS; the call itself is the caller's.
    Kms {
        /// The encryption context that the caller expects, without the reserved pair.
        context: &'a [(&'a str, &'a str)],
        /// The call.
        decrypt: &'a KmsDecrypt<'a>,
    },
    /// An RSA private key.
    Rsa(&'a RsaKey),
}

impl MasterKey<'_> {
    fn kind(&self) -> WrapKind {
        match self {
            Self::Aes(_) => WrapKind::Aes,
            Self::Kms { .. } => WrapKind::Kms,
            Self::Rsa(_) => WrapKind::Rsa,
        }
    }
}

/// Opens a foreign object. Where KMS must be asked asynchronously, take the three steps apart:
/// [`Foreign::parse`], [`Foreign::kms_request`], [`Foreign::open`].
pub fn open(object: ImportObject, master: &MasterKey, options: &Options) -> Result<Secret> {
    let foreign = Foreign::parse(object.metadata, object.instruction_file, options)?;
    let data_key = foreign.unwrap(master)?;
    foreign.open(data_key, object.body)
}

/// What to send to KMS to unwrap a data key.
pub struct KmsRequest<'a> {
    /// The ciphertext blob.
    pub blob: &'a [u8],
    /// The encryption context.
    pub context: Vec<(String, String)>,
}

/// The envelope of a foreign object, well-formed and allowed by the options.
pub struct Foreign(Kind);

enum Kind {
    V3(Envelope),
    Old(Old),
}

/// A V2 or V1 envelope (§2.1, §2.2).
struct Old {
    wrap: Wrap,
    wrapped: Vec<u8>,
    map: Vec<(String, String)>,
    /// The content algorithm as stored: what wraps that bind it are bound to.
    label: &'static str,
    content: Content,
}

/// The content algorithm and its IV.
enum Content {
    Gcm([u8; NONCE]),
    Cbc([u8; legacy::BLOCK]),
}

/// How the data key is wrapped (§4).
#[derive(Clone, Copy)]
enum Wrap {
    /// `02`, `12`, `22`; in V2 `AES/GCM`, `kms+context`, `RSA-OAEP-SHA1`.
    Bound(WrapKind),
    /// `AESWrap`.
    AesKw,
    /// `kms`.
    KmsPlain,
    /// `RSA/ECB/OAEPWithSHA-256AndMGF1Padding`.
    RsaOaepSha256,
    /// V1 with a raw AES key.
    AesEcb,
    /// V1 with an RSA key.
    RsaPkcs1,
}

impl Wrap {
    /// A wrap of V2 by its name.
    fn from_name(name: &str) -> Result<Self> {
        Ok(match name {
            "AES/GCM" => Self::Bound(WrapKind::Aes),
            "kms+context" => Self::Bound(WrapKind::Kms),
            "RSA-OAEP-SHA1" => Self::Bound(WrapKind::Rsa),
            "AESWrap" => Self::AesKw,
            "kms" => Self::KmsPlain,
            "RSA/ECB/OAEPWithSHA-256AndMGF1Padding" => Self::RsaOaepSha256,
            _ => return Class::UnknownAlgorithm.refuse("an unknown wrap algorithm"),
        })
    }

    fn kind(self) -> WrapKind {
        match self {
            Self::Bound(kind) => kind,
            Self::AesKw | Self::AesEcb => WrapKind::Aes,
            Self::KmsPlain => WrapKind::Kms,
            Self::RsaOaepSha256 | Self::RsaPkcs1 => WrapKind::Rsa,
        }
    }

    fn allowed(self, options: &Options) -> Result<()> {
        match self {
            Self::Bound(_) => Ok(()),
            _ if options.legacy_wrapping => Ok(()),
            _ => Class::LegacyDisabled.refuse("a legacy wrap"),
        }
    }

    fn decode(self, base64: &str) -> Result<Vec<u8>> {
        match self {
            Self::AesKw => wrap::decode(base64, WRAPPED_KW, WRAPPED_KW),
            Self::AesEcb => wrap::decode(base64, WRAPPED_ECB, WRAPPED_ECB),
            _ => self.kind().decode(base64),
        }
    }
}

impl Foreign {
    /// Reads metadata and, if the object has no wrapped key, the instruction file (§5, §6).
    pub fn parse(
        metadata: &[(String, String)],
        instruction_file: Option<&[u8]>,
        options: &Options,
    ) -> Result<Self> {
        let fields = Fields::read(metadata)?;
        let format = fields.format()?;
        if matches!(format, Format::V3 | Format::V2 | Format::V1) {
            return Self::from_fields(format, &fields, options);
        }
        let Some(file) = instruction_file else {
            return match format {
                Format::V3Split => Class::InstructionFile.refuse("the instruction file is missing"),
                _ => fields.keyless(),
            };
        };
        let pairs = read_file(file)?;
        let (format, fields) = add_file(format, fields, Fields::read(&pairs)?)?;
        Self::from_fields(format, &fields, options)
    }

    fn from_fields(format: Format, fields: &Fields, options: &Options) -> Result<Self> {
        let kind = match format {
            Format::V3 => Kind::V3(Envelope::from_fields(fields)?),
            Format::V2 => Kind::Old(Old::v2(fields, options)?),
            Format::V1 => Kind::Old(Old::v1(fields, options)?),
            Format::V3Split | Format::Keyless => {
                return Class::InstructionFile.refuse("the instruction file holds no wrapped key");
            }
        };
        Ok(Self(kind))
    }

    /// What kind of key wraps the data key.
    pub fn wrap(&self) -> WrapKind {
        self.parts().0.kind()
    }

    /// What to send to KMS: the stored context, once it was found to match the caller's (§4.3).
    pub fn kms_request(&self, caller: &[(&str, &str)]) -> Result<KmsRequest<'_>> {
        let (wrap, blob, stored, label) = self.parts();
        let context = match wrap {
            Wrap::Bound(WrapKind::Kms) => foreign_context(stored, caller, label)?,
            Wrap::KmsPlain => legacy_context(stored, caller)?,
            _ => return wrong_kind(),
        };
        Ok(KmsRequest { blob, context })
    }

    /// Unwraps the data key.
    pub fn unwrap(&self, master: &MasterKey) -> Result<Key> {
        let (wrap, wrapped, _, label) = self.parts();
        if master.kind() != wrap.kind() {
            return wrong_kind();
        }
        match master {
            MasterKey::Aes(key) => unwrap_by_aes(wrap, key, wrapped, label),
            MasterKey::Rsa(key) => unwrap_by_rsa(wrap, key, wrapped, label),
            MasterKey::Kms { context, decrypt } => {
                let request = self.kms_request(context)?;
                decrypt(request.blob, &request.context)
                    .ok_or(Class::UnwrapFailed.because("KMS did not decrypt the data key"))
            }
        }
    }

    /// Opens the body with the unwrapped data key, which is zeroed on return.
    pub fn open(self, data_key: Key, body: Vec<u8>) -> Result<Secret> {
        let old = match self.0 {
            Kind::V3(envelope) => return envelope.content_key(data_key)?.open(body),
            Kind::Old(old) => old,
        };
        match old.content {
            Content::Gcm(iv) => cipher::open(&data_key, &iv, b"", body)
                .ok_or(Class::ContentAuth.because("the body was changed or cut")),
            Content::Cbc(iv) => {
                legacy::open_aes_cbc(&data_key, &iv, body).ok_or(unopened(Class::ContentAuth))
            }
        }
    }

    /// Wrap, wrapped key, description, and the label that binds the wrap to the content (§4).
    fn parts(&self) -> (Wrap, &[u8], &[(String, String)], &'static str) {
        match &self.0 {
            Kind::V3(e) => (Wrap::Bound(e.wrap()), e.wrapped(), e.description_map(), LABEL_V3),
            Kind::Old(old) => (old.wrap, &old.wrapped, &old.map, old.label),
        }
    }
}

impl Old {
    fn v2(fields: &Fields, options: &Options) -> Result<Self> {
        let (iv, cek, alg) = (fields.need(IV)?, fields.need(CEK_ALG)?, fields.need(WRAP_ALG)?);
        let label = [GCM, CBC[0], CBC[1]]
            .into_iter()
            .find(|known| *known == cek)
            .ok_or(Class::UnknownAlgorithm.because("an unknown content algorithm"))?;
        let wrap = Wrap::from_name(alg)?;
        let gcm = label == GCM;
        if !gcm {
            cbc_allowed(options)?;
        }
        commitment_not_required(options)?;
        wrap.allowed(options)?;
        if gcm && fields.need(TAG_LEN)? != "128" {
            return Class::BadEncoding.refuse("a tag length other than 128 bits");
        }
        Ok(Self {
            wrap,
            wrapped: wrap.decode(fields.need(KEY_V2)?)?,
            map: metadata::description_map(fields.get(MATDESC).unwrap_or_default())?,
            label,
            content: if gcm { Content::Gcm(decode_iv(iv)?) } else { Content::Cbc(decode_iv(iv)?) },
        })
    }

    fn v1(fields: &Fields, options: &Options) -> Result<Self> {
        let (key, iv, description) =
            (fields.need(KEY_V1)?, fields.need(IV)?, fields.need(MATDESC)?);
        cbc_allowed(options)?;
        commitment_not_required(options)?;
        // The wrap is not named. Its length tells: no RSA modulus is as short as a wrapped AES key.
        let aes = key.len() <= WRAPPED_ECB.div_ceil(3) * 4;
        let wrap = if aes { Wrap::AesEcb } else { Wrap::RsaPkcs1 };
        wrap.allowed(options)?;
        Ok(Self {
            wrap,
            wrapped: wrap.decode(key)?,
            map: metadata::description_map(description)?,
            label: CBC[0],
            content: Content::Cbc(decode_iv(iv)?),
        })
    }
}

fn decode_iv<const N: usize>(iv: &str) -> Result<[u8; N]> {
    text::b64_array(iv).ok_or(Class::BadEncoding.because("an IV of another length"))
}

fn unwrap_by_aes(wrap: Wrap, key: &Key, wrapped: &[u8], label: &str) -> Result<Key> {
    match wrap {
        Wrap::Bound(WrapKind::Aes) => unwrap_aes_labelled(key, wrapped, label),
        Wrap::AesKw => wrapped
            .try_into()
            .ok()
            .and_then(|wrapped| legacy::open_aes_kw(key, wrapped))
            .ok_or(unwrap_failed()),
        Wrap::AesEcb => wrapped
            .try_into()
            .ok()
            .and_then(|wrapped| legacy::open_aes_ecb(key, wrapped))
            .ok_or(unopened(Class::UnwrapFailed)),
        _ => wrong_kind(),
    }
}

fn unwrap_by_rsa(wrap: Wrap, key: &RsaKey, wrapped: &[u8], label: &str) -> Result<Key> {
    match wrap {
        Wrap::Bound(WrapKind::Rsa) => key
            .open_oaep_sha1(wrapped)
            .and_then(|opened| labelled_key(opened.bytes(), label))
            .ok_or(unwrap_failed()),
        Wrap::RsaOaepSha256 => key
            .open_oaep_sha256_mgf1_sha1(wrapped)
            .and_then(|opened| Key::from_slice(opened.bytes()))
            .ok_or(unwrap_failed()),
        Wrap::RsaPkcs1 => key
            .open_pkcs1_v15(wrapped)
            .and_then(|opened| Key::from_slice(opened.bytes()))
            .ok_or(unopened(Class::UnwrapFailed)),
        _ => wrong_kind(),
    }
}

/// Takes `length || data key || label` apart (§4.2). All of it must be as it should, to the byte.
fn labelled_key(opened: &[u8], label: &str) -> Option<Key> {
    let (length, rest) = opened.split_first()?;
    let (key, bound) = rest.split_at_checked(32)?;
    if *length != 32 || !cipher::equal(bound, label.as_bytes()) {
        return None;
    }
    Key::from_slice(key)
}

/// The entries of an instruction file: one flat JSON object (§6).
fn read_file(file: &[u8]) -> Result<Vec<(String, String)>> {
    if file.len() > MAX_FILE {
        return Class::InstructionFile.refuse("the instruction file is too long");
    }
    let pairs = json::read_string_map(file, MAX_ENTRIES)
        .map_err(|_| Class::InstructionFile.because("not a flat JSON object"))?;
    // Whatever the object says, and even if empty: these bind the file to the object, so a file
    // that brings its own was tampered with.
    if pairs.iter().any(|(name, _)| BOUND.iter().any(|bound| bound.eq_ignore_ascii_case(name))) {
        return Class::InstructionFile.refuse("the instruction file holds c, d or i");
    }
    Ok(pairs)
}

/// Puts object and instruction file together; neither may hold what belongs to the other (§6).
fn add_file<'a>(
    format: Format,
    mut object: Fields<'a>,
    file: Fields<'a>,
) -> Result<(Format, Fields<'a>)> {
    let mixed = match format {
        Format::V3Split => object.any(&MOVABLE) || file.any(&OLD),
        _ => object.any(&OLD) || object.any(&MOVABLE),
    };
    if mixed {
        return Class::FormatConflict.refuse("object and instruction file do not go together");
    }
    object.merge(file)?;
    Ok((object.format()?, object))
}

fn commitment_not_required(options: &Options) -> Result<()> {
    match options.commitment {
        Commitment::Allow => Ok(()),
        Commitment::Require => {
            Class::CommitmentPolicy.refuse("a format that does not commit to its key")
        }
    }
}

fn cbc_allowed(options: &Options) -> Result<()> {
    if options.legacy_unauthenticated {
        return Ok(());
    }
    Class::LegacyDisabled.refuse("content without authentication")
}

fn wrong_kind<T>() -> Result<T> {
    Class::KeyMismatch.refuse("the data key is wrapped by another kind of key")
}

/// Whatever is wrong with a padding of PKCS#7 or PKCS#1 v1.5, or with what it is around, is told
/// in these words: an answer that says more helps whoever makes such objects up.
fn unopened(class: Class) -> S3ecError {
    class.because("this key does not open this object")
}
