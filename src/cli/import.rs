use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::bucket::Bucket;
use super::output;
use super::session::{Session, read_secret_file};
use super::target;
use crate::vault::{
    Document, Error, ForeignBucket, ForeignKey, Imported, Kind, Older, Path, Result, Secret, Vault,
    escape,
};

/// Bring secrets in from elsewhere
#[derive(Args)]
#[command(after_help = "Examples:
  vault import s3ec s3://old-bucket/app/ prod/app --kms alias/old --dry-run")]
pub struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Subcommand)]
enum From {
    S3ec(S3ec),
}

/// Objects that an S3 encryption client wrote
///
/// Everything is read and decrypted before anything is written, and nothing that is there already
/// is replaced. Formats that Amazon's clients have given up are read only with their switch.
#[derive(Args)]
#[command(
    group(ArgGroup::new("key").required(true).args(["kms", "aes_key", "rsa_key"])),
    after_help = "Examples:
  vault import s3ec s3://old-bucket/app/password prod/app/password --kms alias/old --context app=x
  vault import s3ec s3://old-bucket/app/ prod/app --aes-key key.bin --dry-run
  vault import s3ec s3://old-bucket/app/ prod/app --kms KEY --older-formats"
)]
struct S3ec {
    /// s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ for all below it
    source: String,
    /// Path of the secret, or of the folder for all of them
    path: String,
    /// The KMS key that wraps the data keys: ARN, id or alias/NAME
    #[arg(long, value_name = "KEY")]
    kms: Option<String>,
    /// A pair of the encryption context that they were written with
    #[arg(long, value_name = "NAME=VALUE", conflicts_with_all = ["aes_key", "rsa_key"])]
    context: Vec<String>,
    /// The raw AES-256 key that wraps the data keys
    #[arg(long, value_name = "FILE")]
    aes_key: Option<PathBuf>,
    /// The RSA private key that wraps the data keys, as PEM
    #[arg(long, value_name = "FILE")]
    rsa_key: Option<PathBuf>,
    /// Also read objects that do not commit to their key (V2, V1)
    #[arg(long)]
    older_formats: bool,
    /// Also read wraps that bind the data key to nothing
    #[arg(long)]
    legacy_wraps: bool,
    /// Also read content that is not authenticated (CBC): anybody may have changed it
    #[arg(long)]
    unauthenticated: bool,
    /// Show what would be written, by name, and decrypt nothing
    #[arg(long)]
    dry_run: bool,
    /// Store exactly the bytes, without fields
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    bucket: Bucket,
}

impl Import {
    pub async fn run(self, session: &Session) -> Result<()> {
        let From::S3ec(import) = self.from;
        import.run(session).await
    }
}

impl S3ec {
    async fn run(self, session: &Session) -> Result<()> {
        let (bucket, key) = source(&self.source)?;
        let with = self.key()?;
        let vault = session.vault().await?;
        let objects = ForeignBucket::open(&bucket, self.bucket.anywhere()).await?;
        let list = match key.is_empty() || key.ends_with('/') {
            true => pairs(&objects.keys(&key).await?, &key, &self.path)?,
            false => vec![(key, target::path(&self.path)?)],
        };
        if list.is_empty() {
            return Err(Error::not_found(format!(
                "there is nothing below {}",
                escape(&self.source)
            )));
        }
        let paths: Vec<Path> = list.iter().map(|(_, path)| path.clone()).collect();
        vault.check_absent(&paths).await?;
        if self.dry_run {
            session.warn(&vault);
            return report(session, &list);
        }
        let keys: Vec<String> = list.iter().map(|(key, _)| key.clone()).collect();
        let older = Older {
            formats: self.older_formats,
            wraps: self.legacy_wraps,
            unauthenticated: self.unauthenticated,
        };
        let read = objects.read(&keys, &with, older).await?;
        for (done, (path, Imported { value, .. })) in paths.iter().zip(read).enumerate() {
            if let Err(e) = write(&vault, path, &value, self.raw).await {
                return Err(cut_off(&paths, done, e));
            }
        }
        session.warn(&vault);
        report(session, &list)
    }

    fn key(&self) -> Result<ForeignKey> {
        if let Some(file) = &self.aes_key {
            return ForeignKey::aes(&read_secret_file(file)?);
        }
        if let Some(file) = &self.rsa_key {
            return ForeignKey::rsa(&read_secret_file(file)?);
        }
        let pair = |text: &String| {
            let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
            pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
                Error::usage(format!("not a pair of a context: {}", escape(text)))
                    .hint("--context NAME=VALUE")
            })
        };
        let context = self.context.iter().map(pair).collect::<Result<_>>()?;
        Ok(ForeignKey::Kms { key: self.kms.clone().unwrap_or_default(), context })
    }
}

async fn write(vault: &Vault, path: &Path, value: &Secret, raw: bool) -> Result<()> {
    if raw {
        return vault.put_raw(path, Some(0), value).await.map(drop);
    }
    let mut set = |document: &mut Document, seq: u64| {
        document.set("value", None, Secret::copy_of(value.bytes()), seq)
    };
    vault.put(path, Some(0), &mut set).await.map(drop)
}

/// What was written and what was not, when a write fails in the middle.
fn cut_off(paths: &[Path], done: usize, error: Error) -> Error {
    if done == 0 {
        return error;
    }
    let names = |paths: &[Path]| paths.iter().map(Path::to_string).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{done} of {} were written: {}; these were not: {}",
        paths.len(),
        names(&paths[..done]),
        names(&paths[done..])
    );
    Error::new(Kind::Partial, message).because(error).hint("import the rest one by one")
}

fn source(text: &str) -> Result<(String, String)> {
    let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let (bucket, key) = parts.ok_or_else(|| {
        Error::usage(format!("not a source: {}", escape(text)))
            .hint("s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ for all below it")
    })?;
    Ok((bucket.to_owned(), key.to_owned()))
}

/// Where each object goes: what follows the prefix, below the folder.
fn pairs(keys: &[String], prefix: &str, folder: &str) -> Result<Vec<(String, Path)>> {
    let folder = folder.trim_end_matches('/');
    let pair = |key: &String| {
        let below = key.strip_prefix(prefix).unwrap_or(key);
        let path = Path::parse(&format!("{folder}/{below}"))
            .map_err(|e| Error::usage(format!("{}: {}", escape(key), e.message)))?;
        Ok((key.clone(), path))
    };
    keys.iter().map(pair).collect()
}

fn report(session: &Session, list: &[(String, Path)]) -> Result<()> {
    if session.json {
        let list = list.iter().map(|(key, path)| json!({ "key": key, "path": path.as_str() }));
        return output::json(&list.collect());
    }
    let rows: Vec<_> = list.iter().map(|(key, path)| vec![escape(key), path.to_string()]).collect();
    output::table(&["KEY", "PATH"], &rows)
}
