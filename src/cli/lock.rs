use std::io::ErrorKind;
use std::path::Path;

use clap::Args;

use super::holder::read;
use super::output;
use super::session::{Session, shown};
use crate::tui::clipboard;
use crate::vault::agent::{AgentClient, Stopped};
use crate::vault::{Error, Kind, Result};

/// Have the agent forget this identity
///
/// The next command asks for the passphrase again. A terminal UI that is open stays as it is: `L`
/// locks it, and not the agent.
#[derive(Args)]
#[command(after_help = "Examples:
  vault lock
  vault lock --all                            also ends the agent, whether it answers or not")]
pub struct Lock {
    /// Everything: end the agent, clear what `vault` put into the clipboard, remove the cache
    #[arg(long)]
    all: bool,
}

impl Lock {
    pub async fn run(self, session: &Session) -> Result<()> {
        if self.all {
            return everything(session);
        }
        // VAULT_AGENT=off says what is used, not what may go on.
        let client = AgentClient::connect(&session.settings.agent.dir);
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

/// One that fails does not keep the others from being done; the agent, which may take longest to
/// answer, is last.
fn everything(session: &Session) -> Result<()> {
    let agent = &session.settings.agent;
    let dirs = [agent.dir.clone(), agent.other_dir()];
    let held: usize = dirs.iter().map(|dir| clipboard::clear_all(dir)).sum();
    if held > 0 {
        output::note("The clipboard is cleared.");
    }
    let cache = &session.settings.places.cache;
    let removed = match std::fs::remove_dir_all(cache) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(Error::general(format!("cannot remove {}", shown(cache))).because(e))
        }
        _ => Ok(()),
    };
    if removed.is_ok() {
        output::note("The cache is removed.");
    }
    let [here, other] = dirs.map(|dir| end(&dir));
    // Nothing of ours would use the other one if it is not safe.
    let ended = [here, other.or_else(|e| if e.kind == Kind::Denied { Ok(None) } else { Err(e) })];
    if ended.iter().all(|ended| matches!(ended, Ok(None))) {
        output::note("No agent runs.");
    }
    for stopped in ended.iter().flatten().flatten() {
        output::note(match stopped {
            Stopped::Ended => "The agent has ended.",
            Stopped::Forgot => "The agent has forgotten what it held.",
        });
    }
    let [here, other] = ended;
    here.and(other).and(removed)
}

/// Ends the agent that listens in a directory; `None` if none does.
fn end(dir: &Path) -> Result<Option<Stopped>> {
    AgentClient::connect(dir)?.map(|client| client.end()).transpose()
}
