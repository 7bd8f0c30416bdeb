use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::Ended;
use crate::cli::bucket::Bucket;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::session::{Session, read_secret_file};
use crate::cli::target;
use crate::vault::{
    Error, ForeignBucket, ForeignKey, ImportPlan, Imported, Older, Path, Result, escape,
};

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
pub struct S3ec {
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

impl S3ec {
    /// Imports what was named.
    ///
    /// # Errors
    /// Usage, conflict, integrity; partial if a write failed in the middle.
    pub async fn run(self, session: &Session) -> Result<Exit> {
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
        vault.check_may_write(&paths)?;
        vault.check_absent(&paths).await?;
        if self.dry_run {
            session.warn(&vault);
            report(session, &list)?;
            return Ok(Exit::Ok);
        }
        let keys: Vec<String> = list.iter().map(|(key, _)| key.clone()).collect();
        let older = Older {
            formats: self.older_formats,
            wraps: self.legacy_wraps,
            unauthenticated: self.unauthenticated,
        };
        let read = objects.read(&keys, &with, older).await?;
        let values = read.into_iter().map(|Imported { value, .. }| value);
        let plan = ImportPlan::of_values(paths.into_iter().zip(values), self.raw);
        if let Ended::Stopped(exit) = super::write(session, &vault, &plan, false).await? {
            return Ok(exit);
        }
        session.warn(&vault);
        report(session, &list)?;
        Ok(Exit::Ok)
    }

    fn key(&self) -> Result<ForeignKey> {
        if let Some(file) = &self.aes_key {
            return ForeignKey::aes(&read_secret_file(file)?);
        }
        if let Some(file) = &self.rsa_key {
            return ForeignKey::rsa(&read_secret_file(file)?);
        }
        let context = self.context.iter().map(|text| super::pair(text)).collect::<Result<_>>()?;
        Ok(ForeignKey::Kms { key: self.kms.clone().unwrap_or_default(), context })
    }
}

/// Bucket and key of `s3://BUCKET/KEY`.
///
/// # Errors
/// Usage for anything else.
pub fn source(text: &str) -> Result<(String, String)> {
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
