//! The agent's loop: connections, each a task; a look at the clock now and then; the end.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::held::Agent;
use super::message::MAX_REQUEST;
use super::place::{Listening, own_uid, peer};
use crate::core::secret::Secret;

/// Most connections at once; the next one takes the place of the one that is idle longest.
const CONNECTIONS: usize = 128;
/// How long a connection may be silent between two requests. Clients come back.
const SILENT: Duration = Duration::from_secs(60);
/// How long a request may take to arrive, and its answer to leave.
const SLOW: Duration = Duration::from_secs(5);
/// How long nobody is let in after that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How long is waited for one of many connections to be answered.
const MOMENT: Duration = Duration::from_millis(5);
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
    let mut room = Room::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waited = 0;
    let mut waiting = None;
    tokio::pin!(end);
    loop {
        let next = async {
            // Kept outside: a tick may come while there is no room yet.
            if waiting.is_none() {
                waiting = Some(listening.listener.accept().await);
            }
            room.make().await;
        };
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => {
                let mut agent = lock(&agent);
                agent.tick();
                waited += 1;
                let over = agent.is_over() || (agent.is_empty() && waited > AT_FIRST);
                if (over && life == Life::WhileItHolds) || !listening.is_found() {
                    break;
                }
            }
            () = next => {
                let Some(Ok((stream, _))) = waiting.take() else {
                    // Out of descriptors, perhaps: some come back.
                    sleep(PAUSE).await;
                    continue;
                };
                if !peer(&stream).is_ok_and(|peer| peer.uid == own_uid()) {
                    continue;
                }
                room.converse(stream, agent.clone());
            }
        }
    }
    lock(&agent).lock();
}

/// The connections. Idle ones make room for new ones, so that whoever opens many and says nothing
/// keeps nobody from `vault lock`.
#[derive(Default)]
struct Room {
    open: Vec<(JoinHandle<()>, Arc<AtomicU64>)>,
    /// Counts how often a connection became idle.
    turns: Arc<AtomicU64>,
}

/// Of a connection that is not idle.
const BUSY: u64 = u64::MAX;

impl Room {
    /// Makes room for one more. Those that are being answered are waited for.
    async fn make(&mut self) {
        loop {
            self.open.retain(|(task, _)| !task.is_finished());
            if self.open.len() < CONNECTIONS {
                return;
            }
            let turn = |i: &usize| self.open[*i].1.load(Ordering::Relaxed);
            let idle = (0..CONNECTIONS).filter(|i| turn(i) != BUSY).min_by_key(turn);
            match idle {
                Some(idle) => self.open.remove(idle).0.abort(),
                None => sleep(MOMENT).await,
            }
        }
    }

    fn converse(&mut self, stream: UnixStream, agent: Arc<Mutex<Agent>>) {
        let (turns, idle) = (self.turns.clone(), Arc::new(AtomicU64::new(BUSY)));
        let state = idle.clone();
        let task = tokio::spawn(async move {
            let _ = converse(stream, &agent, &turns, &state).await;
        });
        self.open.push((task, idle));
    }
}

/// Answers one client until it goes, is silent, or says something too long.
async fn converse(
    mut stream: UnixStream,
    agent: &Mutex<Agent>,
    turns: &AtomicU64,
    idle: &AtomicU64,
) -> Option<()> {
    loop {
        let mut len = [0; 4];
        idle.store(turns.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        timeout(SILENT, stream.read_exact(&mut len)).await.ok()?.ok()?;
        idle.store(BUSY, Ordering::Relaxed);
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
