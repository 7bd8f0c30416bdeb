use std::cell::Cell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::json;

use super::bucket::Bucket;
use super::exit::Exit;
use super::output;
use super::session::Session;
use super::signals::Signals;
use crate::vault::{
    AwsOptions, Error, ImportManner, ImportPlan, ItemContent, Path, Planned, Prefix, Reference,
    Result, Secret, Vault, escape, plan_import,
};

mod s3ec;
mod source;

/// Bring secrets in from elsewhere
///
/// Everything is read, checked and decrypted before anything is written, and nothing that is there
/// already is replaced. SOURCE is a file, whose format is told by its name and by what is in it; or
/// the folder of a store of pass; or s3://BUCKET/PREFIX/ of nitor-vault or sneaker, with --kms.
///
/// Folders and titles become paths. The password of an entry becomes `value`, the field that `get`,
/// `copy` and `run` take when none is named; beside it `username`, `url`, `otp`, `notes`, and others
/// under their own names. Nested maps of JSON and YAML become paths, too, and what `export` writes
/// comes back as it was.
///
/// Read are: every format of `export` (systemd's as dotenv); JSON, YAML, dotenv of chamber; CSV of
/// 1Password, Bitwarden, LastPass, KeePass, KeePassXC and Chrome; Bitwarden's JSON; 1Password's
/// 1pux; kdbx of KeePass; files of sops with a key of age or KMS; stores of pass. A file of sops names
/// the KMS keys that are asked; nitor-vault does not bind values to their names: whoever can write to
/// such a bucket can put one in the place of another.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  vault import .env prod/api --dry-run        names only
  vault import bitwarden.json team/logins
  vault import passwords.csv web --rename     names that are illegal or come twice are changed
  vault import team.kdbx logins --key-file team.keyx
  vault import secrets.enc.yaml prod --age-identity keys.txt
  vault import ~/.password-store logins
  vault import s3://nitor-bucket/ old --kms alias/vault
  chamber export api | vault import - prod/api --format json
  vault import s3ec s3://old-bucket/app/ prod/app --kms alias/old --dry-run"
)]
pub struct Import {
    #[command(subcommand)]
    from: Option<From>,
    #[command(flatten)]
    source: Option<Source>,
    #[command(flatten)]
    bucket: Bucket,
}

#[derive(Subcommand)]
enum From {
    S3ec(s3ec::S3ec),
}

#[derive(Args)]
struct Source {
    /// The file, folder or bucket; `-` is standard input
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// The folder for all of it [default: none, at the top]
    path: Option<String>,
    /// What SOURCE is, if its name and what is in it do not tell
    #[arg(short, long, value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(source::names()))]
    format: Option<String>,
    /// Read and check everything, but only show what would be written, by name
    #[arg(long)]
    dry_run: bool,
    /// Change names that are illegal or come twice, as the refusal without this flag shows them
    #[arg(long)]
    rename: bool,
    /// Leave what is there already as it is, and import the rest
    #[arg(long)]
    skip_existing: bool,
    /// Read the passphrase of a kdbx from this file descriptor (one line)
    #[arg(long, value_name = "N", help_heading = "Keys of the source")]
    source_passphrase_fd: Option<u32>,
    /// The key file of a kdbx
    #[arg(long, value_name = "FILE", help_heading = "Keys of the source")]
    key_file: Option<PathBuf>,
    /// A kdbx that opens with its key file alone
    #[arg(
        long,
        requires = "key_file",
        conflicts_with = "source_passphrase_fd",
        help_heading = "Keys of the source"
    )]
    no_source_passphrase: bool,
    /// The file with the age identity of sops [default: the identity of this device]
    #[arg(long, value_name = "FILE", help_heading = "Keys of the source")]
    age_identity: Option<PathBuf>,
    /// The KMS key of a bucket: ARN, id or alias/NAME
    #[arg(long, value_name = "KEY", help_heading = "Keys of the source")]
    kms: Option<String>,
    /// A pair of the encryption context of sneaker, besides the path
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Keys of the source")]
    context: Vec<String>,
    /// Also read what nitor-vault wrote before it authenticated it: anybody may have changed it
    #[arg(long, help_heading = "Keys of the source")]
    unauthenticated: bool,
}

/// `NAME=VALUE` of an encryption context.
fn pair(text: &str) -> Result<(String, String)> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
        Error::usage(format!("not a pair of a context: {}", escape(text)))
            .hint("--context NAME=VALUE")
    })
}

impl Import {
    pub async fn run(self, session: &Session) -> Result<Exit> {
        match (self.from, self.source) {
            (Some(From::S3ec(import)), _) => import.run(session).await,
            (None, Some(source)) => source.run(session, self.bucket.anywhere()).await,
            (None, None) => Err(Error::usage("nothing to import").hint("`vault help import`")),
        }
    }
}

impl Source {
    async fn run(self, session: &Session, aws: AwsOptions) -> Result<Exit> {
        let folder = Prefix::parse(self.path.as_deref().unwrap_or_default())?;
        // A program or a question is not to get what answers the questions of this one.
        session.prompt.close_on_exec();
        let parsed = source::read(session, &self, aws).await?;
        let mut plan = plan_import(parsed, &folder, self.rename)?;
        tell_references(&plan);
        let vault = session.vault().await?;
        let paths: Vec<Path> = plan.secrets.iter().map(|secret| secret.path.clone()).collect();
        vault.check_may_write(&paths)?;
        if self.skip_existing {
            let there = vault.present(&paths).await?;
            leave(&mut plan, &there);
        } else {
            vault.check_absent(&paths).await.map_err(|e| {
                e.hint(
                    "nothing was written; import to another place, or leave them as they are \
                        with --skip-existing",
                )
            })?;
        }
        if !self.dry_run {
            match write(session, &vault, &plan, self.skip_existing).await? {
                Ended::Written { there } => leave(&mut plan, &there),
                Ended::Stopped(exit) => return Ok(exit),
            }
        }
        session.warn(&vault);
        self.report(session, &plan)?;
        Ok(Exit::Ok)
    }

    fn report(&self, session: &Session, plan: &ImportPlan) -> Result<()> {
        for (was, is) in &plan.renamed {
            output::note(&format!("renamed: {} is {}", escape(was), escape(is)));
        }
        for what in &plan.left {
            output::note(&format!("not imported: {}", escape(what)));
        }
        let count = output::count(plan.secrets.len(), "secret");
        output::note(&match self.dry_run {
            true => format!("{count} would be written; nothing was"),
            false => format!("{count} written"),
        });
        if session.json {
            let one = |secret: &Planned| {
                let fields = match &secret.content {
                    ItemContent::Raw(_) => None,
                    ItemContent::Fields(fields) => {
                        Some(fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())
                    }
                };
                json!({ "path": secret.path.as_str(), "fields": fields })
            };
            return output::json(&plan.secrets.iter().map(one).collect());
        }
        let fields = |secret: &Planned| match &secret.content {
            ItemContent::Raw(_) => String::new(),
            ItemContent::Fields(fields) => {
                fields.iter().map(|field| escape(&field.name)).collect::<Vec<_>>().join(", ")
            }
        };
        let rows: Vec<_> =
            plan.secrets.iter().map(|s| vec![s.path.to_string(), fields(s)]).collect();
        output::table(&["PATH", "FIELDS"], &rows)
    }
}

/// Names the values that are references: they are stored as the texts that they are.
fn tell_references(plan: &ImportPlan) {
    let is_reference = |value: &Secret| {
        let text = value.text().filter(|text| text.starts_with("vault://"));
        text.is_some_and(|text| Reference::parse(text.trim_end()).is_ok())
    };
    let mut found = Vec::new();
    for secret in &plan.secrets {
        let ItemContent::Fields(fields) = &secret.content else { continue };
        let names = secret.names();
        let both = names.into_iter().zip(fields);
        found.extend(both.filter(|(_, field)| is_reference(&field.value)).map(|(name, _)| name));
    }
    if !found.is_empty() {
        let all = found.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        let more = found.len().saturating_sub(20);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output::note(&format!(
            "warning: references are stored as they stand there, not as what they name: {all}{more}"
        ));
    }
}

/// Takes what is there already out of a plan.
fn leave(plan: &mut ImportPlan, there: &[Path]) {
    let there: BTreeSet<&Path> = there.iter().collect();
    plan.secrets.retain(|secret| !there.contains(&secret.path));
    plan.left.extend(there.iter().map(|path| format!("{path}: it is there already")));
}

/// How the writing of a plan ended.
enum Ended {
    /// Everything is there; these were written by somebody else meanwhile.
    Written { there: Vec<Path> },
    /// A signal came, and what was written has been told.
    Stopped(Exit),
}

/// Writes a plan, with a bar on a terminal. After the first signal that would end us, what is under
/// way is finished; the second ends us at once.
///
/// # Errors
/// Those of [`crate::vault::ImportOutcome::check`].
async fn write(
    session: &Session,
    vault: &Vault,
    plan: &ImportPlan,
    skip_existing: bool,
) -> Result<Ended> {
    let bar = output::bar("importing");
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let manner = ImportManner { skip_existing, ..ImportManner::default() };
    let asked = Cell::new(Exit::Ok);
    // Before the first write.
    let signals = Signals::new()?;
    let outcome = tokio::select! {
        never = asked_to_end(signals, &manner.stop, &asked) => match never {},
        outcome = vault.import(plan, &manner, &mut progress) => outcome,
    };
    bar.finish_and_clear();
    match outcome.check() {
        Ok(()) => Ok(Ended::Written { there: outcome.there }),
        Err(error) => {
            session.warn(vault);
            if asked.get() == Exit::Ok {
                return Err(error);
            }
            super::report(&error, session.json);
            Ok(Ended::Stopped(asked.get()))
        }
    }
}

/// Sets `stop` once a signal comes, and `exit` to what it means; ends the process at the next one.
async fn asked_to_end(mut signals: Signals, stop: &AtomicBool, exit: &Cell<Exit>) -> Infallible {
    loop {
        let came = signals.next().await;
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(came.code()));
        }
        exit.set(came);
        output::note("no more is written; what is under way is finished");
    }
}
