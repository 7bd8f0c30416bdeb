//! Which process has the keys: the agent if it holds this identity, otherwise this one.

use std::io::{ErrorKind, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::output;
use super::session::{Session, shown};
use crate::config::private;
use crate::vault::agent::{AgentClient, Handover, Limits, Remote, open_for_agent};
use crate::vault::{Ask, Error, IdentityHolder, LockedIdentity, Result, escape};

/// How long an agent may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of what it says first.
const MOST: usize = 4096;

/// The identity of this device, wherever its keys are.
///
/// # Errors
/// Credentials if there is none or it cannot be opened.
pub fn holder(session: &Session, ask: Arc<dyn Ask>) -> Result<Box<dyn IdentityHolder>> {
    let locked = read(session)?;
    if !locked.needs_passphrase() {
        return Ok(locked.open(ask)?.into());
    }
    if let Some(remote) = held(session, &locked) {
        let open = move |why: &str| {
            ask.tell(&format!("note: {why}"));
            locked.open(ask)
        };
        return Ok(remote.with_fallback(Box::new(open)).into());
    }
    let agent = &session.settings.agent;
    if !agent.used || !agent.start {
        return Ok(locked.open(ask)?.into());
    }
    let (identity, given) = open_for_agent(locked, ask)?;
    if let Err(e) = hand_over(session, given, agent.limits) {
        warn(&e);
    }
    Ok(identity.into())
}

/// The identity if the agent holds it. What is odd about the agent is told, and does not stop
/// anything.
pub fn held(session: &Session, locked: &LockedIdentity) -> Option<Remote> {
    let found = session.settings.agent.client().and_then(|client| match client {
        Some(client) => Remote::find(client, locked.hash()),
        None => Ok(None),
    });
    found.unwrap_or_else(|e| {
        warn(&e);
        None
    })
}

fn warn(e: &Error) {
    let hint = e.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    output::note(&escape(&format!("warning: the agent is not used: {}{hint}", e.in_full())));
}

/// The files of the identity. Tells if others can read them.
///
/// # Errors
/// Credentials if there are none, or they cannot be read.
pub fn read(session: &Session) -> Result<LockedIdentity> {
    let files = private::read_identity(&session.settings)?;
    for path in &files.exposed {
        output::note(&format!("warning: {}", private::exposed(path)));
    }
    Ok(files.locked)
}

/// Gives an identity to the agent, which is started if none runs.
///
/// # Errors
/// If it cannot be started, or refuses.
pub fn hand_over(session: &Session, given: Handover, limits: Limits) -> Result<()> {
    let client = match session.settings.agent.client()? {
        Some(client) => client,
        None => start(session)?,
    };
    client.hold(given, limits).map(drop)
}

/// Starts an agent, a process of its own.
fn start(session: &Session) -> Result<AgentClient> {
    let failed = || Error::general("the agent cannot be started");
    let program = std::env::current_exe().map_err(|e| failed().because(e))?;
    // What gave the passphrase stays with us.
    session.prompt.close_on_exec();
    let mut child = Command::new(program)
        .args(["agent", "--background"])
        .current_dir("/")
        .env_remove("VAULT_CAPABILITY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed().because(e))?;
    let answer = first_line(child.stdout.take().expect("piped"), Instant::now() + PATIENCE);
    let answer = answer.map_err(|e| failed().because(e))?;
    let dir = &session.settings.agent.dir;
    match answer.trim_end() {
        "ready" => connect(session)?.ok_or_else(failed),
        "" => {
            Err(failed().hint(format!("`vault agent` says why; its socket is in {}", shown(dir))))
        }
        why => {
            let (why, hint) = why.split_once('\t').unwrap_or((why, ""));
            let failed = failed().because(why.to_owned());
            Err(if hint.is_empty() { failed } else { failed.hint(hint) })
        }
    }
}

/// What is said up to the end of a line, or of the output.
fn first_line(mut out: ChildStdout, until: Instant) -> std::io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(&out, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            Err(Errno::INTR) => continue,
            ready => ready?,
        };
        match out.read(&mut byte)? {
            1.. if byte[0] != b'\n' && line.len() < MOST => line.push(byte[0]),
            _ => return Ok(String::from_utf8_lossy(&line).into_owned()),
        }
    }
}

/// Connects to an agent that was started now. If two were, the one that serves may need a moment.
fn connect(session: &Session) -> Result<Option<AgentClient>> {
    let until = Instant::now() + PATIENCE;
    loop {
        match session.settings.agent.client()? {
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            client => return Ok(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_not_waited_for() {
        let said = |script: &str, patience: Duration| {
            let mut child =
                Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            let line = first_line(child.stdout.take().unwrap(), Instant::now() + patience);
            let _ = child.kill();
            child.wait().unwrap();
            line
        };
        let long = Duration::from_secs(60);
        assert_eq!(said("echo ready; exec sleep 1000", long).unwrap(), "ready");
        assert_eq!(said("printf part", long).unwrap(), "part");
        let slow = said("exec sleep 1000", Duration::from_millis(10)).unwrap_err();
        assert_eq!(slow.kind(), ErrorKind::TimedOut);
    }
}
