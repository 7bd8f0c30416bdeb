use std::io::ErrorKind;

use clap::Args;

use super::holder::read;
use super::output;
use super::session::{Session, shown};
use crate::tui::clipboard;
use crate::vault::agent::AgentClient;
use crate::vault::{Error, Result};

/// Have the agent forget this identity
///
/// The next command asks for the passphrase again. A terminal UI that is open stays as it is: `L`
/// locks it, and not the agent.
#[derive(Args)]
#[command(after_help = "Examples:
  vault lock
  vault lock --all                            also ends the agent, whatever version it is of")]
pub struct Lock {
    /// Everything: end the agent, clear what `vault` put into the clipboard, remove the cache
    #[arg(long)]
    all: bool,
}

impl Lock {
    pub async fn run(self, session: &Session) -> Result<()> {
        // VAULT_AGENT=off says what is used, not what may go on.
        let client = AgentClient::connect(&session.settings.agent.dir);
        if self.all {
            return everything(session, client);
        }
        let Some(client) = client? else {
            output::note("No agent runs: nothing was unlocked.");
            return Ok(());
        };
        let hash = read(session)?.hash();
        let locked = match client.find(hash)? {
            Some(public) => client.lock(public.id())?,
            None => false,
        };
        output::note(if locked { "Locked." } else { "The agent does not hold this identity." });
        Ok(())
    }
}

/// One that fails does not keep the others from being done.
fn everything(session: &Session, client: Result<Option<AgentClient>>) -> Result<()> {
    let agent = client.and_then(|client| match client {
        Some(client) => client.end().map(|()| "The agent has ended."),
        None => Ok("No agent runs."),
    });
    let held = clipboard::clear_all(&session.settings.agent.dir);
    let cache = &session.settings.places.cache;
    let removed = match std::fs::remove_dir_all(cache) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(Error::general(format!("cannot remove {}", shown(cache))).because(e))
        }
        _ => Ok("The cache is removed."),
    };
    for done in [&agent, &removed].into_iter().flatten() {
        output::note(done);
    }
    if held > 0 {
        output::note("The clipboard is cleared.");
    }
    agent.and(removed).map(drop)
}
