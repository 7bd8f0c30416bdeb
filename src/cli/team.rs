use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Loss, Result, escape};

/// Look at the history of the team, and go on after a backup
#[derive(Args)]
#[command(after_help = "Examples:
  vault team log
  vault team log --json
  VAULT_PIN=$(vault team pin)                 for a machine, after a removal
  vault team restored                         after the bucket came back from a backup")]
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
    },
}

impl Team {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::Log => log(session).await,
            Action::Pin => pin(session).await,
            Action::Restored { dry_run } => restored(session, dry_run).await,
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

async fn restored(session: &Session, dry_run: bool) -> Result<()> {
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
    vault.accept_loss().await?;
    session.warn(&vault);
    output::note(
        "Done. `vault verify` checks what is there; `vault exposure` lists what to change.",
    );
    Ok(())
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
        output::note(&format!("Gone altogether, and seen by this device: {secrets}."));
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
