//! The agent: what it answers and what it refuses, when it forgets, and who may ask it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use vault::core::header::KeyId;
use vault::core::secret::Secret;
use vault::vault::DeviceIdentity;
use vault::vault::agent::{
    Agent, AgentClient, Answer, Handover, Life, Limits, Listening, Locked, Moment, Problem, Remote,
    Request, serve,
};

use crate::support::{ANN, identity};

mod crowd;
mod limits;
mod oracle;
mod peers;
mod requests;
mod through;

/// An hour, with no limit on idling.
const HOUR: Limits = Limits { idle: None, most: Duration::from_secs(3600) };

/// A clock that a test sets.
#[derive(Clone, Default)]
struct TestClock(Arc<Mutex<Moment>>);

impl TestClock {
    fn pass(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        now.awake += Duration::from_secs(seconds);
        now.all += Duration::from_secs(seconds);
    }

    /// The computer sleeps.
    fn sleep(&self, seconds: u64) {
        self.0.lock().unwrap().all += Duration::from_secs(seconds);
    }
}

/// An agent without a socket, whose memory the system lets us lock as it is told.
fn agent(clock: &TestClock) -> Agent {
    let clock = clock.clone();
    Agent::new(Box::new(move || *clock.0.lock().unwrap()), Locked::Nothing, |_| true)
}

/// What hands an identity over; its file is known by the hash `[seed; 32]`.
fn handover(seed: u8) -> Handover {
    let nothing = || Secret::new(Vec::new());
    Handover {
        file_hash: [seed; 32],
        file: identity(seed).to_file(None),
        ssh_path: String::new(),
        ssh_key: nothing(),
        passphrase: nothing(),
    }
}

fn hold(seed: u8, limits: Limits) -> Request {
    let idle = limits.idle.map_or(0, |idle| idle.as_secs());
    Request::Hold(Box::new(handover(seed)), limits.most.as_secs(), idle)
}

fn id(seed: u8) -> KeyId {
    identity(seed).public().id()
}

/// What the agent could not do.
#[track_caller]
fn problem(answer: Answer) -> Problem {
    match answer {
        Answer::Problem(problem, _) => problem,
        _ => panic!("it was done"),
    }
}

/// A directory that nobody else can look into.
fn private_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    dir
}

/// An agent at a socket, on a thread of its own.
struct Served {
    dir: tempfile::TempDir,
    agent: Arc<Mutex<Agent>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn new() -> Self {
        Self::in_dir(private_dir())
    }

    fn in_dir(dir: tempfile::TempDir) -> Self {
        let agent = Arc::new(Mutex::new(agent(&TestClock::default())));
        let (end, ended) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let (path, served) = (dir.path().to_owned(), agent.clone());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listening = Listening::start(&path).unwrap().expect("nobody else listens");
                ready.send(()).unwrap();
                serve(listening, served, Life::Long, async { drop(ended.await) }).await;
            });
        });
        started.recv().expect("it listens");
        Self { dir, agent, end: Some(end), thread: Some(thread) }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn client(&self) -> AgentClient {
        AgentClient::connect(self.path()).unwrap().expect("it runs")
    }

    fn stream(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path().join("agent.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Ann, held by it.
    fn ann(&self) -> Remote {
        self.client().hold(handover(ANN), HOUR).unwrap();
        Remote::find(self.client(), [ANN; 32]).unwrap().expect("it was given")
    }

    /// Ends it; what is left is its directory.
    fn end(mut self) -> tempfile::TempDir {
        self.stop();
        std::mem::replace(&mut self.dir, private_dir())
    }

    /// Waits until it ends by itself.
    fn ends(&mut self) {
        self.thread.take().expect("it runs").join().expect("it ends");
    }

    fn stop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Opens an identity here, once the agent cannot.
fn fallback(seed: u8, told: &Arc<Mutex<String>>) -> vault::vault::agent::Fallback {
    let told = told.clone();
    Box::new(move |why| {
        *told.lock().unwrap() = why.to_owned();
        Ok::<DeviceIdentity, _>(identity(seed))
    })
}
