//! Where an import comes from: a file, standard input, a folder, a bucket; and the keys of it.

use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;

use super::{Source, pair, s3ec};
use crate::cli::prompt::Prompt;
use crate::cli::session::{Session, read_secret_file, shown};
use crate::vault::{
    AgeKeys, AwsOptions, BucketKeys, BucketKind, Error, FileFormat, ForeignBucket, MAX_IMPORT,
    Parsed, Result, Secret, SopsFile, SopsKeys, parse_import, read_keepass, read_pass,
};

/// What is no format of a file.
const PASS: &str = "pass";
const NITOR: &str = "nitor-vault";
const SNEAKER: &str = "sneaker";
const BUCKET: &str = "s3://";

/// The names of all formats.
pub fn names() -> Vec<&'static str> {
    FileFormat::ALL.iter().map(|(name, _)| *name).chain([PASS, NITOR, SNEAKER]).collect()
}

/// Reads everything that is to be imported.
///
/// # Errors
/// Not found, usage, credentials, integrity, as it is.
pub async fn read(session: &Session, from: &Source, aws: AwsOptions) -> Result<Parsed> {
    let format = from.format.as_deref();
    let path = from.source.as_path();
    if let Some(source) = path.to_str().filter(|source| source.starts_with(BUCKET)) {
        from.only_keys_of(Keys::Bucket)?;
        return of_bucket(source, from, aws).await;
    }
    let is_stdin = path.as_os_str() == "-";
    if format == Some(PASS) || format.is_none() && !is_stdin && path.is_dir() {
        from.only_keys_of(Keys::None)?;
        return read_pass(path).await;
    }
    if let Some(name @ (NITOR | SNEAKER)) = format {
        return Err(
            Error::usage(format!("{name} is a format of buckets")).hint("s3://BUCKET/PREFIX/")
        );
    }
    let bytes = if is_stdin {
        read_all(std::io::stdin().lock(), "standard input")?
    } else {
        read_file(path)?
    };
    // Its end tells the format, whatever stands before it.
    let name = path.file_name().map(|name| name.to_string_lossy()).filter(|_| !is_stdin);
    let format = match format {
        Some(name) => FileFormat::parse(name).expect("clap takes no other"),
        None => FileFormat::detect(name.as_deref(), &bytes)?,
    };
    from.only_keys_of(match format {
        FileFormat::KeePass => Keys::KeePass,
        FileFormat::Sops => Keys::Sops,
        _ => Keys::None,
    })?;
    match format {
        FileFormat::KeePass => of_keepass(session, from, &bytes).await,
        FileFormat::Sops => of_sops(session, from, &bytes, aws).await,
        format => parse_import(format, &bytes),
    }
}

/// Which flags of keys a source takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    KeePass,
    Sops,
    Bucket,
}

impl Source {
    /// Refuses flags of other sources: who gives one expects something of it.
    fn only_keys_of(&self, keys: Keys) -> Result<()> {
        let given = [
            (self.source_passphrase_fd.is_some(), "--source-passphrase-fd", Keys::KeePass),
            (self.key_file.is_some(), "--key-file", Keys::KeePass),
            (self.age_identity.is_some(), "--age-identity", Keys::Sops),
            (self.kms.is_some(), "--kms", Keys::Bucket),
            (!self.context.is_empty(), "--context", Keys::Bucket),
            (self.unauthenticated, "--unauthenticated", Keys::Bucket),
        ];
        let odd = given.into_iter().find(|(given, _, of)| *given && *of != keys);
        let Some((_, flag, of)) = odd else { return Ok(()) };
        let of = match of {
            Keys::KeePass => "databases of KeePass",
            Keys::Sops => "files of sops",
            Keys::Bucket | Keys::None => "buckets",
        };
        Err(Error::usage(format!("{flag} is for {of}, which this source is not")))
    }
}

async fn of_keepass(session: &Session, from: &Source, bytes: &Secret) -> Result<Parsed> {
    let key_file = from.key_file.as_deref().map(read_secret_file).transpose()?;
    let passphrase = match (from.no_source_passphrase, from.source_passphrase_fd) {
        (true, _) => None,
        (false, Some(fd)) => {
            let line = Prompt::line_of(fd)?;
            if line.is_empty() {
                return Err(Error::usage(format!("file descriptor {fd} has no passphrase"))
                    .hint("what opens with its key file alone takes --no-source-passphrase"));
            }
            Some(line)
        }
        (false, None) => {
            let name = shown(&from.source);
            Some(session.prompt.passphrase_of(&name, "--source-passphrase-fd N gives it").await?)
        }
    };
    read_keepass(bytes, passphrase.as_ref(), key_file.as_ref())
}

async fn of_sops(
    session: &Session,
    from: &Source,
    bytes: &Secret,
    aws: AwsOptions,
) -> Result<Parsed> {
    let file = SopsFile::parse(bytes)?;
    let age = match &from.age_identity {
        Some(path) => Some(AgeKeys::parse(&read_secret_file(path)?)?),
        None => None,
    };
    // Only where it can be of use: it may ask for a passphrase.
    let identity = match age.is_none() && file.is_for_age() && session.has_identity() {
        true if !file.is_for_kms() => Some(session.unlock().await?),
        _ => None,
    };
    let keys = SopsKeys { age: age.as_ref(), identity: identity.as_ref(), aws };
    file.open(&keys).await
}

async fn of_bucket(source: &str, from: &Source, aws: AwsOptions) -> Result<Parsed> {
    let (bucket, prefix) = s3ec::source(source)?;
    let kms = from.kms.clone().ok_or_else(|| {
        Error::usage("which KMS key wraps the data keys of the bucket?")
            .hint("--kms KEY; for objects of an S3 encryption client: `vault import s3ec`")
    })?;
    let context = from.context.iter().map(|text| pair(text)).collect::<Result<_>>()?;
    let keys = BucketKeys { kms, context, unauthenticated: from.unauthenticated };
    let objects = ForeignBucket::open(&bucket, aws).await?;
    let kind = match from.format.as_deref() {
        Some(NITOR) => BucketKind::Nitor,
        Some(SNEAKER) => BucketKind::Sneaker,
        Some(_) => {
            return Err(Error::usage("this is no format of a bucket")
                .hint(format!("--format {NITOR} or {SNEAKER}")));
        }
        None => objects.kind(&prefix).await?,
    };
    objects.open_all(kind, &prefix, &keys).await
}

/// A file in zeroed memory.
fn read_file(path: &FilePath) -> Result<Secret> {
    let name = shown(path);
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("there is no file {name}")),
        _ => Error::usage(format!("cannot read {name}")).because(e),
    })?;
    read_all(file, &name)
}

fn read_all(mut source: impl Read, name: &str) -> Result<Secret> {
    let mut all = Secret::with_capacity(64 * 1024);
    let mut chunk = zeroize::Zeroizing::new(vec![0u8; 64 * 1024]);
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(all),
            Ok(len) => all.extend(&chunk[..len]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::usage(format!("cannot read {name}")).because(e)),
        }
        if all.len() > MAX_IMPORT {
            let limit = MAX_IMPORT / 1024 / 1024;
            return Err(Error::usage(format!("{name} is larger than {limit} MiB")));
        }
    }
}
