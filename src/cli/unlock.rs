use clap::Args;
use serde_json::json;

use super::holder::{hand_over, held, read};
use super::output;
use super::session::Session;
use crate::config::parse_span;
use crate::vault::agent::{HeldInfo, Limits, open_for_agent};
use crate::vault::{Error, Result};

/// Type the passphrase once: an agent holds the identity for the commands that follow
///
/// The agent is a process of its own, started if none runs. It forgets the identity after 15
/// minutes in which nothing used it, after 8 hours, when the computer slept, and by `vault lock`;
/// `vault help agent` shows how other limits are set. What hands keys on asks for the passphrase
/// all the same: rotation, changes of members and groups that need a keyring, `capability`,
/// `recover`, `id export`.
#[derive(Args)]
#[command(after_help = "Examples:
  vault unlock
  vault unlock --for 2h                       for 2 hours, used or not
  vault --passphrase-fd 3 unlock 3< file")]
pub struct Unlock {
    /// Hold it for so long, used or not: such as 30m, 8h or 1d12h, 7 days at most
    #[arg(long = "for", value_name = "DURATION")]
    hold: Option<String>,
}

impl Unlock {
    pub async fn run(self, session: &Session) -> Result<()> {
        let agent = &session.settings.agent;
        if !agent.used {
            return Err(Error::usage("VAULT_AGENT=off is set, so nothing would use the agent"));
        }
        let hold = self.hold.as_deref().map(parse_span).transpose()?;
        let locked = read(session)?;
        if locked.needs_plugin() {
            return Err(Error::usage("an age plugin keeps the key of this identity")
                .hint("the agent holds identities with a passphrase; the plugin asks by itself"));
        }
        if !locked.needs_passphrase() {
            return Err(Error::usage("the identity has no passphrase: it is never locked"));
        }
        let hash = locked.hash();
        if hold.is_none() && held(session, &locked).is_some() {
            output::note("It is unlocked already; --for sets another time.");
        } else {
            let limits = match hold {
                Some(most) => Limits { idle: None, most },
                None => agent.limits,
            };
            let (_, given) = open_for_agent(locked, session.ask())?;
            hand_over(session, given, limits)?;
        }
        let gone = || Error::general("the agent is gone");
        let client = agent.client()?.ok_or_else(gone)?;
        let id = client.find(hash)?.ok_or_else(gone)?.id();
        let status = client.status()?;
        let info = status.held.iter().find(|info| info.id == id).ok_or_else(gone)?;
        if session.json {
            let idle = Some(info.idle).filter(|idle| *idle > 0);
            return output::json(&json!({
                "key": id.to_string(), "seconds": info.left, "idle_seconds": idle,
            }));
        }
        output::note(&format!("Unlocked {}.", until(info)));
        if status.locked == 0 {
            output::note(
                "warning: the system does not let the agent keep its keys from being swapped out",
            );
        }
        Ok(())
    }
}

/// How long an identity is held, in words.
pub fn until(info: &HeldInfo) -> String {
    match info.idle {
        0 => format!("for {}", span(info.left)),
        idle => format!("for {}, or {} without use", span(info.left), span(idle)),
    }
}

/// A span of time, to the minute from two minutes on.
fn span(seconds: u64) -> String {
    if seconds < 120 {
        return format!("{seconds} s");
    }
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
