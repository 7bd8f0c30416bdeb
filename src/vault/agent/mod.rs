//! The agent: a process that holds unlocked identities for the other processes of one user, so
//! that a passphrase is typed once. It signs records and notes, and wraps and unwraps data keys;
//! it gives out neither an identity nor the keys of a group.
//!
//! `message.rs` is what both sides say, `held.rs` what the agent does with it (no I/O, and a clock
//! that is passed in), `serve.rs` its loop, `place.rs` the socket, `client.rs` the other side,
//! `stop.rs` its end when it does not answer.

mod client;
mod held;
mod message;
mod place;
mod serve;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::keys::identity::{Identity, Keeper, LockedIdentity};
use crate::keys::plugin::{Ask, AskOnce};

pub use client::{AgentClient, Fallback, Remote};
pub use held::{Agent, Clock, Locked, Locker, Moment, now};
pub use message::{Answer, Handover, HeldInfo, Malformed, Problem, Request, Status};
pub use place::{Listening, check_directory};
pub use serve::{Life, serve};
pub use stop::Stopped;

/// Longest time that an identity can be held.
pub const MAX_LIMIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long an identity is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until nobody has used it for this long; `None`: used or not.
    pub idle: Option<Duration>,
    /// At most for this long.
    pub most: Duration,
}

/// Opens an identity, and makes what an agent has to be given to hold it.
///
/// # Errors
/// Those of opening; usage if an age plugin keeps the key, which then asks for itself.
pub fn open_for_agent(locked: LockedIdentity, ask: Arc<dyn Ask>) -> Result<(Identity, Handover)> {
    let (file_hash, ssh) = (locked.hash(), locked.ssh_parts());
    let asked = Arc::new(AskOnce::new(ask));
    let identity = locked.open(asked.clone())?;
    let handover = match (identity.keeper(), ssh) {
        (Keeper::Seed, _) => Handover {
            file_hash,
            file: identity.to_file(None),
            ssh_path: String::new(),
            ssh_key: Secret::new(Vec::new()),
            passphrase: Secret::new(Vec::new()),
        },
        (Keeper::Ssh(path), Some((file, ssh_key))) => Handover {
            file_hash,
            file,
            ssh_path: path.to_string_lossy().into_owned(),
            ssh_key,
            passphrase: asked.take().unwrap_or_else(|| Secret::new(Vec::new())),
        },
        (keeper, _) => {
            return Err(Error::usage(format!("{keeper} opens the identity, and asks for itself"))
                .hint("an agent holds identities with a passphrase"));
        }
    };
    Ok((identity, handover))
}
