//! Reads objects that other S3EC clients wrote. Never on the normal path: only an explicit
//! import calls it, so that nobody can make a normal read fall back to an older format.
//!
//! Read so far: V3 and V2 with AES-GCM content, wrapped by a raw AES key (`02`, `AES/GCM`) or by
//! KMS (`12`, `kms+context`), keys on the object or in an instruction file. RSA, the legacy
//! wraps, CBC and V1 are told apart and refused. To add one: give `V2` its content algorithm,
//! [`Foreign::unwrap`] its wrap, and take it off the `not_read` paths.
//!
//! Checks come in the order of the Java client (§5): shape and algorithms, legacy content,
//! commitment policy, unwrap, commitment, tag. So a forbidden object costs no KMS call.

use super::context::foreign_context;
use super::error::{Class, Result};
use super::metadata::{
    self, BOUND, CEK_ALG, Fields, Format, IV, KEY_V2, MATDESC, MOVABLE, OLD, TAG_LEN, WRAP_ALG,
};
use super::v3::Envelope;
use super::wrap::{LABEL_V3, WrapKind, unwrap_aes_labelled};
use crate::core::cipher::{self, NONCE};
use crate::core::secret::{Key, Secret};
use crate::core::{json, text};

/// Longest instruction file that is read.
const MAX_FILE: usize = 64 * 1024;
/// Most entries of an instruction file.
const MAX_ENTRIES: usize = 64;
/// The content algorithm of V2, also its wrap label.
const GCM: &str = "AES/GCM/NoPadding";

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
    /// An RSA key. RSA wraps are not read yet: this serves to tell a wrong kind of key.
    Rsa,
}

impl MasterKey<'_> {
    fn kind(&self) -> WrapKind {
        match self {
            Self::Aes(_) => WrapKind::Aes,
            Self::Kms { .. } => WrapKind::Kms,
            Self::Rsa => WrapKind::Rsa,
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
    V2(V2),
}

/// A V2 envelope with AES-GCM content and a wrap that is no legacy (§2.2).
struct V2 {
    wrap: WrapKind,
    wrapped: Vec<u8>,
    map: Vec<(String, String)>,
    iv: [u8; NONCE],
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
        match format {
            Format::V3 => Envelope::from_fields(fields).map(|envelope| Self(Kind::V3(envelope))),
            Format::V2 => V2::from_fields(fields, options).map(|v2| Self(Kind::V2(v2))),
            Format::V1 => {
                fields.need(IV)?;
                fields.need(MATDESC)?;
                cbc_allowed(options)?;
                legacy_wrap_allowed(options)?;
                not_read()
            }
            Format::V3Split | Format::Keyless => {
                Class::InstructionFile.refuse("the instruction file holds no wrapped key")
            }
        }
    }

    /// What kind of key wraps the data key.
    pub fn wrap(&self) -> WrapKind {
        self.parts().0
    }

    /// What to send to KMS: the stored context, once it was found to match the caller's (§4.3).
    pub fn kms_request(&self, caller: &[(&str, &str)]) -> Result<KmsRequest<'_>> {
        let (wrap, wrapped, stored, label) = self.parts();
        if wrap != WrapKind::Kms {
            return wrong_kind();
        }
        Ok(KmsRequest { blob: wrapped, context: foreign_context(stored, caller, label)? })
    }

    /// Unwraps the data key.
    pub fn unwrap(&self, master: &MasterKey) -> Result<Key> {
        let (wrap, wrapped, _, label) = self.parts();
        if master.kind() != wrap {
            return wrong_kind();
        }
        match master {
            MasterKey::Aes(key) => unwrap_aes_labelled(key, wrapped, label),
            MasterKey::Kms { context, decrypt } => {
                let request = self.kms_request(context)?;
                decrypt(request.blob, &request.context)
                    .ok_or(Class::UnwrapFailed.because("KMS did not decrypt the data key"))
            }
            MasterKey::Rsa => not_read(),
        }
    }

    /// Opens the body with the unwrapped data key, which is zeroed on return.
    pub fn open(self, data_key: Key, body: Vec<u8>) -> Result<Secret> {
        match self.0 {
            Kind::V3(envelope) => envelope.content_key(data_key)?.open(body),
            Kind::V2(v2) => cipher::open(&data_key, &v2.iv, b"", body)
                .ok_or(Class::ContentAuth.because("the body was changed or cut")),
        }
    }

    /// Wrap, wrapped key, description, and the label that binds the wrap to the content (§4).
    fn parts(&self) -> (WrapKind, &[u8], &[(String, String)], &'static str) {
        match &self.0 {
            Kind::V3(e) => (e.wrap(), e.wrapped(), e.description_map(), LABEL_V3),
            Kind::V2(v2) => (v2.wrap, &v2.wrapped, &v2.map, GCM),
        }
    }
}

impl V2 {
    fn from_fields(fields: &Fields, options: &Options) -> Result<Self> {
        let (iv, cek, alg) = (fields.need(IV)?, fields.need(CEK_ALG)?, fields.need(WRAP_ALG)?);
        let gcm = match cek {
            GCM => true,
            "AES/CBC/PKCS5Padding" | "AES/CBC/PKCS7Padding" => false,
            _ => return Class::UnknownAlgorithm.refuse("an unknown content algorithm"),
        };
        let wrap = match alg {
            "AES/GCM" => Some(WrapKind::Aes),
            "kms+context" => Some(WrapKind::Kms),
            "RSA-OAEP-SHA1" => Some(WrapKind::Rsa),
            "kms" | "AESWrap" | "RSA/ECB/OAEPWithSHA-256AndMGF1Padding" => None,
            _ => return Class::UnknownAlgorithm.refuse("an unknown wrap algorithm"),
        };
        if gcm {
            commitment_not_required(options)?
        } else {
            cbc_allowed(options)?
        }
        if wrap.is_none() {
            legacy_wrap_allowed(options)?;
        }
        let (true, Some(wrap)) = (gcm, wrap) else { return not_read() };
        if fields.need(TAG_LEN)? != "128" {
            return Class::BadEncoding.refuse("a tag length other than 128 bits");
        }
        Ok(Self {
            wrap,
            wrapped: wrap.decode(fields.need(KEY_V2)?)?,
            map: metadata::description_map(fields.get(MATDESC).unwrap_or_default())?,
            iv: text::b64_array(iv).ok_or(Class::BadEncoding.because("an IV not of 12 bytes"))?,
        })
    }
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
    if !options.legacy_unauthenticated {
        return Class::LegacyDisabled.refuse("content without authentication");
    }
    commitment_not_required(options)
}

fn legacy_wrap_allowed(options: &Options) -> Result<()> {
    if options.legacy_wrapping { Ok(()) } else { Class::LegacyDisabled.refuse("a legacy wrap") }
}

fn wrong_kind<T>() -> Result<T> {
    Class::KeyMismatch.refuse("the data key is wrapped by another kind of key")
}

/// Known and allowed, but this reader cannot do it yet.
fn not_read<T>() -> Result<T> {
    Class::UnknownAlgorithm.refuse("an algorithm that is not read yet")
}
