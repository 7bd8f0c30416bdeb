use std::collections::BTreeSet;
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
    Error, ForeignBucket, ForeignKey, ImportPlan, Older, Path, Prefix, Result, escape,
    foreign_items, plan_import,
};

/// Objects that an S3 encryption client wrote
///
/// Everything is read and decrypted before anything is written, and nothing that is there already
/// is replaced. Formats that Amazon's clients have given up are read only with their switch. An object
/// whose data key a raw AES or RSA key wraps is not bound to its name: whoever can write to the bucket
/// can put one in the place of another.
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
    /// Path of the secret, or of the folder for all of them [default of the folder: none, at the
    /// top]
    path: Option<String>,
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
    /// Change names that are illegal, as the refusal without this flag shows them
    #[arg(long)]
    rename: bool,
    /// Leave what is there already as it is, and import the rest
    #[arg(long)]
    skip_existing: bool,
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
        let path = self.path.as_deref();
        let objects = ForeignBucket::open(&bucket, self.bucket.anywhere()).await?;
        let (keys, names, folder) = names(&objects, key, path).await?;
        let ImportPlan { secrets, renamed, .. } =
            plan_import(foreign_items(&names, None, self.raw)?, &folder, self.rename)?;
        let paths: Vec<Path> = secrets.into_iter().map(|secret| secret.path).collect();
        vault.check_may_write(&paths)?;
        let mut there = match self.skip_existing {
            true => vault.present(&paths).await?,
            false => vault.check_absent(&paths).await.map(|()| Vec::new())?,
        };
        let mut list: Vec<(String, Path)> = keys.into_iter().zip(paths).collect();
        leave(&mut list, &there);
        if !self.dry_run && !list.is_empty() {
            let (keys, paths): (Vec<String>, Vec<String>) =
                list.iter().map(|(key, path)| (key.clone(), path.as_str().to_owned())).unzip();
            let older = Older {
                formats: self.older_formats,
                wraps: self.legacy_wraps,
                unauthenticated: self.unauthenticated,
            };
            let read = objects.read(&keys, &with, older).await?;
            let items = foreign_items(&paths, Some(read), self.raw)?;
            let plan = plan_import(items, &Prefix::default(), false)?;
            match super::write(session, &vault, &plan, self.skip_existing).await? {
                Ended::Written { there: late } => {
                    leave(&mut list, &late);
                    there.extend(late);
                }
                Ended::Stopped(exit) => return Ok(exit),
            }
        }
        session.warn(&vault);
        for (was, is) in &renamed {
            output::note(&format!("renamed: {} is {}", escape(was), escape(is)));
        }
        for path in &there {
            output::note(&format!("not imported: {path}: it is there already"));
        }
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

/// The keys, the name of each, and the folder for all of them.
async fn names(
    objects: &ForeignBucket,
    key: String,
    path: Option<&str>,
) -> Result<(Vec<String>, Vec<String>, Prefix)> {
    if !key.is_empty() && !key.ends_with('/') {
        let path = path.ok_or_else(|| {
            Error::usage("which path is the secret to have?").hint("it follows the source")
        })?;
        return Ok((vec![key], vec![target::path(path)?.as_str().to_owned()], Prefix::default()));
    }
    let folder = Prefix::parse(path.unwrap_or_default().trim_end_matches('/'))?;
    let keys = objects.keys(&key).await?;
    if keys.is_empty() {
        return Err(Error::not_found("there is nothing below this prefix"));
    }
    let below = |found: &String| found.strip_prefix(&key).unwrap_or(found).to_owned();
    let names = keys.iter().map(below).collect();
    Ok((keys, names, folder))
}

/// Takes what is there already out of a list.
fn leave(list: &mut Vec<(String, Path)>, there: &[Path]) {
    let there: BTreeSet<&Path> = there.iter().collect();
    list.retain(|(_, path)| !there.contains(path));
}

fn report(session: &Session, list: &[(String, Path)]) -> Result<()> {
    if session.json {
        let list = list.iter().map(|(key, path)| json!({ "key": key, "path": path.as_str() }));
        return output::json(&list.collect());
    }
    let rows: Vec<_> = list.iter().map(|(key, path)| vec![escape(key), path.to_string()]).collect();
    output::table(&["KEY", "PATH"], &rows)
}
