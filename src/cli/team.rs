use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::{Session, read_words, words_only};
use crate::config::set_pin;
use crate::vault::{DeviceIdentity, Join, Loss, Result, Vault, escape};

/// Look at the history of the team, and go on after a backup
#[derive(Args)]
#[command(after_help = "Examples:
  vault team log
  vault team log --json
  VAULT_PIN=$(vault team pin)                 for a machine, after a removal
  vault team restored                         after the bucket came back from a backup
  vault team restored --recover               where no admin of that time is left")]
pub struct Team {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Who changed the team, when, and how; the newest first
    Log,
    /// Print the join string of the newest note: for VAULT_PIN, and for members who join
    Pin,
    /// Show what is gone since the bucket came back from a backup, and go on with what is there
    ///
    /// The first admin who agrees opens new generations and removes again whoever had been
    /// removed; every other device then agrees once.
    Restored {
        /// Only show what is gone
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        recover: Recovery,
    },
}

/// How to go on where nobody is left who was an admin when the backup was made.
#[derive(Args)]
struct Recovery {
    /// Become an admin with the recovery words first; asks for them
    #[arg(long, conflicts_with = "dry_run")]
    recover: bool,
    /// Read the 24 words from this file
    #[arg(long, value_name = "FILE", requires = "recover")]
    words_file: Option<PathBuf>,
    /// Your name in the team. Default: the login name
    #[arg(long, requires = "recover")]
    member: Option<String>,
}

impl Team {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::Log => log(session).await,
            Action::Pin => pin(session).await,
            Action::Restored { dry_run, recover } => restored(session, dry_run, recover).await,
        }
    }
}

async fn log(session: &Session) -> Result<()> {
    let vault = session.vault().await?;
    let log = vault.team_log().await;
    session.warn(&vault);
    let log = log?;
    if session.json {
        let list = log.iter().map(|entry| {
            let changes = entry.changes.iter();
            json!({
                "seq": entry.seq,
                "time": output::time(entry.time),
                "author": entry.author,
                "key": entry.key,
                "hash": entry.hash,
                "changes": changes.map(|c| json!({ "op": c.op, "text": c.text })).collect::<Vec<_>>(),
            })
        });
        return output::json(&list.collect());
    }
    let mut rows = Vec::new();
    for entry in &log {
        let author = escape(entry.author.as_deref().unwrap_or("?"));
        for change in &entry.changes {
            let (seq, time) = (entry.seq.to_string(), output::time(entry.time));
            rows.push(vec![seq, time, author.clone(), change.text.clone()]);
        }
    }
    output::table(&["NOTE", "TIME", "BY", "CHANGE"], &rows)
}

async fn pin(session: &Session) -> Result<()> {
    let vault = session.vault().await?;
    let fresh = vault.check_membership().await;
    session.warn(&vault);
    fresh?;
    let join = vault.join();
    output::note(&format!("Words to compare: {}", join.pin.words()));
    if session.json {
        return output::json(&json!({ "join": join.encode(), "note": join.pin.seq }));
    }
    output::line(&join.encode())
}

async fn restored(session: &Session, dry_run: bool, recover: Recovery) -> Result<()> {
    let vault = session.vault().await?;
    let loss = vault.loss().await;
    session.warn(&vault);
    let loss = loss?;
    show(session, &loss)?;
    if loss.is_none() {
        output::note("Nothing that this device has seen is gone.");
        return Ok(());
    }
    if loss.settled {
        output::note("An admin says that the bucket came back from a backup.");
    }
    if dry_run {
        return Ok(());
    }
    if !session.yes {
        let warning = "This gives up what is gone, and trusts what is stored now";
        session.prompt.confirm_name(warning, "restored").await?;
    }
    let words = match (recover.recover, &recover.words_file) {
        (false, _) => None,
        (true, Some(file)) => Some(read_words(file)?),
        (true, None) => Some(words_only(&session.prompt.words().await?)),
    };
    let words = words.as_ref().map(DeviceIdentity::from_words).transpose()?;
    let member = recover.member.as_deref().or(session.settings.user.as_deref()).unwrap_or("owner");
    let done = vault.accept_loss(words.as_ref().map(|words| (words, member))).await;
    session.warn(&vault);
    done?;
    keep_pin(session, &vault, &loss)?;
    output::note(
        "Done. `vault verify` checks what is there; `vault exposure` lists what to change.",
    );
    if vault.member().is_none() {
        output::note("You had joined after the backup was made: an admin has to add you again.");
    }
    Ok(())
}

/// The configuration may pin a note that is gone.
fn keep_pin(session: &Session, vault: &Vault, loss: &Loss) -> Result<()> {
    let target = session.settings.target()?;
    let Some(name) = target.name.filter(|_| target.join.pin.seq > loss.kept) else {
        return Ok(());
    };
    let join = Join { pin: vault.join().pin, ..target.join.clone() };
    set_pin(&session.settings.config_file, name, &join.encode())
}

fn show(session: &Session, loss: &Loss) -> Result<()> {
    if session.json {
        let versions = loss.versions.iter().map(
            |lost| json!({ "path": lost.path.as_str(), "seen": lost.seen, "stored": lost.stored }),
        );
        return output::json(&json!({
            "kept": loss.kept,
            "notes": loss.notes,
            "undone": loss.undone,
            "versions": versions.collect::<Vec<_>>(),
            "unnamed": loss.unnamed,
            "settled": loss.settled,
        }));
    }
    if loss.notes > 0 {
        let notes = output::count(usize::try_from(loss.notes).unwrap_or(usize::MAX), "note");
        output::note(&format!("Gone after note {} of the team: {notes}.", loss.kept));
    }
    for line in &loss.undone {
        output::note(&format!("  {line}"));
    }
    if loss.unnamed > 0 {
        let secrets = output::count(loss.unnamed, "secret");
        output::note(&format!("Gone altogether, and there when the keys were changed: {secrets}."));
    }
    let row = |lost: &crate::vault::LostVersion| {
        vec![lost.path.to_string(), lost.seen.to_string(), lost.stored.to_string()]
    };
    let rows: Vec<_> = loss.versions.iter().map(row).collect();
    match rows.is_empty() {
        true => Ok(()),
        false => output::table(&["PATH", "SEEN", "STORED"], &rows),
    }
}
