//! The agent's loop: connections, each a task; a look at the clock now and then; the end.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::held::Agent;
use super::message::MAX_REQUEST;
use super::place::{Listening, own_uid, peer};
use crate::core::secret::Secret;

/// Most connections at once; the next ones wait.
const CONNECTIONS: usize = 128;
/// How long a connection may be silent between two requests. Clients come back.
const SILENT: Duration = Duration::from_secs(60);
/// How long a request may take to arrive, and its answer to leave.
const SLOW: Duration = Duration::from_secs(5);
/// How long nobody is let in after that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the clock is looked at, beside every request.
const TICK: Duration = Duration::from_secs(1);
/// How long an agent that somebody started waits for what it is to hold.
const AT_FIRST: u32 = 30;

/// How long an agent lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until it is told to end.
    Long,
    /// Until it has nothing to hold any more.
    WhileItHolds,
}

/// Answers until `end` comes, or the agent's life is over. Everything is forgotten then.
pub async fn serve(
    listening: Listening,
    agent: Arc<Mutex<Agent>>,
    life: Life,
    end: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waited = 0;
    tokio::pin!(end);
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await.expect("it is never closed");
            (permit, listening.listener.accept().await)
        };
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => {
                let mut agent = lock(&agent);
                agent.tick();
                waited += 1;
                let over = agent.is_over() || (agent.is_empty() && waited > AT_FIRST);
                if over && life == Life::WhileItHolds {
                    break;
                }
            }
            (permit, accepted) = next => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors, perhaps: some come back.
                    sleep(PAUSE).await;
                    continue;
                };
                if !peer(&stream).is_ok_and(|peer| peer.uid == own_uid()) {
                    continue;
                }
                let agent = agent.clone();
                tokio::spawn(async move {
                    let _ = converse(stream, &agent).await;
                    drop(permit);
                });
            }
        }
    }
    lock(&agent).lock();
}

/// Answers one client until it goes, is silent, or says something too long.
async fn converse(mut stream: UnixStream, agent: &Mutex<Agent>) -> Option<()> {
    loop {
        let mut len = [0; 4];
        timeout(SILENT, stream.read_exact(&mut len)).await.ok()?.ok()?;
        let len = usize::try_from(u32::from_be_bytes(len)).ok()?;
        if len > MAX_REQUEST {
            return None;
        }
        let mut request = Secret::with_capacity(len);
        request.buffer().resize(len, 0);
        timeout(SLOW, stream.read_exact(request.buffer())).await.ok()?.ok()?;
        let answer = lock(agent).answer_bytes(request.bytes());
        drop(request);
        let mut frame = Secret::with_capacity(answer.len() + 4);
        frame.extend(&u32::try_from(answer.len()).ok()?.to_be_bytes());
        frame.extend(answer.bytes());
        timeout(SLOW, stream.write_all(frame.bytes())).await.ok()?.ok()?;
    }
}

/// What a panic left is still to be locked.
fn lock(agent: &Mutex<Agent>) -> MutexGuard<'_, Agent> {
    agent.lock().unwrap_or_else(PoisonError::into_inner)
}
