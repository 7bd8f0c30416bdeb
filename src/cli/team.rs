use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Result, escape};

/// Look at the history of the team
#[derive(Args)]
#[command(after_help = "Examples:
  vault team log
  vault team log --json")]
pub struct Team {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Who changed the team, when, and how; the newest first
    Log,
}

impl Team {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::Log => log(session).await,
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
