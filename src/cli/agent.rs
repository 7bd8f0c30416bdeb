use std::sync::{Arc, Mutex};

use clap::Args;

use super::session::{Session, shown};
use super::signals::Signals;
use super::{inherited, output, process};
use crate::vault::agent::{Agent as Keeper, Life, Listening, now, serve};
use crate::vault::{Error, Result};

/// Hold unlocked identities for other commands, in the foreground
///
/// `vault unlock` starts it in the background, so this is for supervisors and for a look at it.
/// It signs, and wraps and unwraps the keys of single secrets, for processes of the same user; it
/// gives out neither an identity nor the keys of a group. It ends, and forgets, on TERM, HUP and
/// Ctrl-C.
#[derive(Args)]
#[command(after_help = "Examples:
  vault agent
  VAULT_AGENT=off vault get prod/db/password    without the agent

In the configuration, with what holds without it:
  [agent]
  start = false         true: the first command that asks for the passphrase starts the agent
  idle_minutes = 15     forget what nobody used for so long; 0: never
  lock_minutes = 480    forget after so long, used or not")]
pub struct Agent {
    /// Leave the terminal, say when it is ready, and end when nothing is held any more
    #[arg(long, hide = true)]
    pub background: bool,
}

impl Agent {
    pub async fn run(self, session: &Session) -> Result<()> {
        if self.background {
            // Out of the terminal's reach: what ends the command does not end the agent.
            let _ = rustix::process::setsid();
        }
        match self.start(session).await {
            // Nobody sees standard error.
            Err(e) if self.background => {
                let hint = e.hint.as_deref().unwrap_or_default();
                output::line(&format!("{}\t{hint}", e.in_full()).replace('\n', " "))
            }
            ended => ended,
        }
    }

    async fn start(&self, session: &Session) -> Result<()> {
        let dir = &session.settings.agent.dir;
        let mut signals = Signals::new()?;
        let keeper = Keeper::new(Box::new(now), process::lock_memory(), inherited::lock_memory);
        let life = match (Listening::start(dir)?, self.background) {
            (Some(listening), true) => (listening, Life::WhileItHolds),
            (Some(listening), false) => (listening, Life::Long),
            // Somebody else's start was faster.
            (None, true) => return output::line("ready"),
            (None, false) => return Err(Error::conflict("an agent runs already")),
        };
        match self.background {
            true => output::line("ready")?,
            false => output::note(&format!("Listening in {}.", shown(dir))),
        }
        let (listening, life) = life;
        let end = async {
            signals.next().await;
        };
        serve(listening, Arc::new(Mutex::new(keeper)), life, end).await;
        Ok(())
    }
}
