use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

use super::exit::Exit;
use super::output;
use super::resolve;
use super::session::Session;
use crate::config::span;
use crate::vault::{Error, Kind, Prefix, Result};

/// Secrets on this device, for reading with --offline
///
/// Nothing is kept before `vault cache fill`. What is kept is the ciphertext as the storage has it,
/// sealed once more under the identity; every later `get` or `put` of such a secret keeps it current.
/// What is new or renamed below the folder is kept by the next `fill`. --offline then reads without
/// asking the storage, and verifies all the same; --max-age says how old the answer may be. What only
/// KMS can open is not kept: KMS would have to be asked.
///
/// `vault lock --all` removes everything that is kept, of all vaults, without asking for a passphrase.
#[derive(Args)]
#[command(after_help = "Examples:
  vault cache fill dev                        keep what is below dev
  vault run --offline --max-age 12h --prefix dev -- npm start
  vault cache                                 what is kept, and since when
  vault cache clear dev")]
pub struct Cache {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// What is kept, with its size and when it was verified last
    Ls(Below),
    /// Read all secrets below a folder, and keep them
    Fill(Below),
    /// Keep nothing below a folder any longer
    Clear(Below),
}

#[derive(Args, Default)]
struct Below {
    /// Only below this folder
    prefix: Option<String>,
}

impl Cache {
    pub async fn run(self, session: &Session) -> Result<Exit> {
        match self.what.unwrap_or_else(|| What::Ls(Below::default())) {
            What::Ls(below) => below.list(session).await,
            What::Fill(below) => below.fill(session).await,
            What::Clear(below) => below.clear(session).await,
        }
    }
}

impl Below {
    async fn list(self, session: &Session) -> Result<Exit> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        let kept = session.vault_here().await?.kept(&prefix)?;
        let time = |time: u64| {
            let seconds = i64::try_from(time).unwrap_or(i64::MAX);
            Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
        };
        if session.json {
            let list = kept.iter().map(
                |kept| json!({ "path": kept.path.as_str(), "size": kept.size, "time": time(kept.time) }),
            );
            output::json(&list.collect())?;
            return Ok(Exit::Ok);
        }
        let row = |kept: &crate::vault::KeptSecret| {
            vec![kept.path.to_string(), kept.size.to_string(), time(kept.time)]
        };
        output::table(&["PATH", "BYTES", "VERIFIED"], &kept.iter().map(row).collect::<Vec<_>>())?;
        if kept.is_empty() {
            output::note("Nothing is kept; `vault cache fill` keeps secrets on this device.");
        }
        Ok(Exit::Ok)
    }

    async fn fill(self, session: &Session) -> Result<Exit> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        let vault = session.vault().await?;
        let done = vault.keep(&prefix).await;
        session.warn(&vault);
        let done = done?;
        if done.is_empty() && prefix != Prefix::default() {
            return Err(Error::not_found(format!("there is nothing below {prefix}")));
        }
        let and = |n: u64, why: &str| if n > 0 { format!("; {n} {why}") } else { String::new() };
        let note = format!(
            "Kept: {}{}{}",
            done.kept,
            and(done.by_kms, "not kept, KMS alone opens them"),
            and(done.hidden, "not kept, this identity may not read them")
        );
        if session.json {
            output::json(&json!({
                "kept": done.kept, "kms": done.by_kms, "denied": done.hidden,
                "failed": done.failed.len(),
            }))?;
        } else {
            output::note(&note);
        }
        let failed = done.failed.into_iter().map(|(path, e)| (path.to_string(), e)).collect();
        match resolve::failures(failed, "these are not kept") {
            Some(error) => Err(Error::new(Kind::Partial, error.message)),
            None => Ok(Exit::Ok),
        }
    }

    async fn clear(self, session: &Session) -> Result<Exit> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        let gone = session.vault_here().await?.forget_kept(&prefix)?;
        match session.json {
            true => output::json(&json!({ "removed": gone }))?,
            false => output::note(&format!("Removed from this device: {gone}")),
        }
        Ok(Exit::Ok)
    }
}

/// `12h`, `30m` or `7d`: how old an answer may be.
///
/// # Errors
/// What is wrong, for anything else.
pub fn age(text: &str) -> std::result::Result<Duration, &'static str> {
    let wrong = "not an age, as 30m, 12h or 7d are";
    span(text).ok_or(wrong)
}

/// What a person reads of a time that is over.
pub fn ago(seconds: u64) -> String {
    let (n, unit) = match seconds {
        0..=119 => (seconds, "seconds"),
        120..=7_199 => (seconds / 60, "minutes"),
        7_200..=172_799 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{n} {unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_shown() {
        let seconds = |text| age(text).ok().map(|age| age.as_secs());
        assert_eq!(seconds("30m"), Some(1800));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("7d"), Some(604_800));
        assert_eq!(seconds("1h30m"), Some(5400));
        for bad in ["", "12", "h", "-1h", "soon", "1e9d", "1 month"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(ago(5), "5 seconds ago");
        assert_eq!(ago(7_199), "119 minutes ago");
        assert_eq!(ago(7_200), "2 hours ago");
        assert_eq!(ago(172_800), "2 days ago");
    }
}
