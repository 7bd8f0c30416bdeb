//! Effects on the vault, done on a thread of their own: whatever takes its time there, be it the
//! network or Argon2, the screen never waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::{StreamExt, stream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

mod team;

use super::clipboard::Clipboard;
use super::device::Device;
use super::effect::Effect;
use super::message::{Change, Copied, Id, Message, Purpose, Session};
use super::rows::{Known, Meta};
use super::terminal::osc52;
use crate::config::interface::Clipboard as ClipboardChoice;
use crate::vault::{
    Content, DeviceIdentity, Entry, Error, Folder, Kind, Opened, Path, Prefix, Result, Secret,
    Vault, otp,
};

/// How many headers are asked for at once.
const PARALLEL: usize = 32;

/// What comes back from the thread.
pub enum Outcome {
    /// For the model.
    Message(Message),
    /// The vault is open.
    Vault(Id, Box<Result<(Vault, Session)>>),
    /// A secret is to be edited.
    Edit(Id, Path, Result<Opened>),
    /// Bytes for the terminal: a copied value.
    Terminal(Secret),
}

/// Where answers go.
pub type Answers = mpsc::UnboundedSender<Outcome>;

/// What tasks need of the outside.
pub struct Context {
    /// Where vaults come from.
    pub device: Arc<dyn Device>,
    /// The clipboard.
    pub clipboard: Arc<dyn Clipboard>,
    /// Which clipboard is meant.
    pub choice: ClipboardChoice,
    /// Seconds since 1970.
    pub time: fn() -> u64,
}

/// The thread and what it is doing.
pub struct Tasks {
    context: Arc<Context>,
    /// How often it was locked: a value that was on its way to the clipboard then must not stay.
    locks: Arc<AtomicU64>,
    answers: Answers,
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    vault: Option<Arc<Vault>>,
    reads: HashMap<Id, JoinHandle<()>>,
    writes: Vec<JoinHandle<()>>,
    /// Long writes that can be told to begin nothing new.
    stops: HashMap<Id, Arc<AtomicBool>>,
}

impl Tasks {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread for us.
    pub fn new(context: Context, answers: Answers) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let body = move || {
            let _ = runtime.block_on(ended);
        };
        let thread = std::thread::Builder::new().name("vault".to_owned()).spawn(body)?;
        Ok(Self {
            context: Arc::new(context),
            locks: Arc::default(),
            answers,
            handle,
            end: Some(end),
            thread: Some(thread),
            vault: None,
            reads: HashMap::new(),
            writes: Vec::new(),
            stops: HashMap::new(),
        })
    }

    /// Keeps an open vault.
    pub fn opened(&mut self, vault: Vault) {
        self.vault = Some(Arc::new(vault));
    }

    /// Drops the vault with its keys, and what is read for it.
    pub fn lock(&mut self) {
        for (_, task) in self.reads.drain() {
            task.abort();
        }
        for (_, stop) in self.stops.drain() {
            stop.store(true, Ordering::SeqCst);
        }
        // A write goes on to its end: half of one would only be work for `verify --repair`.
        self.vault = None;
        self.locks.fetch_add(1, Ordering::SeqCst);
        let clipboard = self.context.clone();
        drop(self.handle.spawn_blocking(move || clipboard.clipboard.clear()));
    }

    /// Stops waiting for a read; tells a long write to stop.
    pub fn cancel(&mut self, id: Id) {
        if let Some(stop) = self.stops.remove(&id) {
            stop.store(true, Ordering::SeqCst);
        }
        if let Some(task) = self.reads.remove(&id) {
            task.abort();
        }
    }

    /// Ends: writes are given this long to finish. False if one was still under way.
    pub async fn finish(mut self, patience: std::time::Duration) -> bool {
        self.lock();
        let until = std::time::Instant::now() + patience;
        let writes = futures_util::future::join_all(self.writes.drain(..));
        let mut whole = tokio::time::timeout(patience, writes).await.is_ok();
        self.context.clipboard.clear();
        drop(self.end.take());
        let Some(thread) = self.thread.take() else { return whole };
        // A store that keeps the thread must not keep the program: it ends with the process.
        while !thread.is_finished() {
            if std::time::Instant::now() > until {
                return false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        whole &= thread.join().is_ok();
        whole
    }

    /// Does an effect that concerns the vault. Answers it if it does not.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        self.reads.retain(|_, task| !task.is_finished());
        self.writes.retain(|task| !task.is_finished());
        let job = Job {
            context: self.context.clone(),
            answers: self.answers.clone(),
            locks: (self.locks.clone(), self.locks.load(Ordering::SeqCst)),
        };
        match effect {
            Effect::Lock => self.lock(),
            Effect::Cancel(id) => self.cancel(id),
            Effect::Unlock(id, name, passphrase) => {
                self.read(id, async move { job.unlock(id, name, passphrase).await });
            }
            Effect::CheckVacant(id, place) => self.read(id, async move {
                let answer = job.context.device.check_vacant(place).await;
                job.say(Message::Vacant(id, answer));
            }),
            Effect::MakeWords(id) => self.read(id, async move {
                job.say(Message::Words(id, Box::new(DeviceIdentity::random())));
            }),
            Effect::Found(id, founding) => self.write(async move {
                let answer = job.context.device.found(founding).await;
                job.say(Message::Founded(id, answer));
            }),
            Effect::CopyText(id, what, text) => self.read(id, async move {
                let answer = job.copy(&text).await;
                job.say(Message::Copied(id, what.to_owned(), answer));
            }),
            Effect::Redraw | Effect::Suspend | Effect::Quit => return Some(effect),
            effect => {
                // Locked meanwhile: nobody waits for the answer.
                let vault = self.vault.clone()?;
                self.on_vault(effect, vault, job);
            }
        }
        None
    }

    fn on_vault(&mut self, effect: Effect, vault: Arc<Vault>, job: Job) {
        match effect {
            Effect::List(id) => self.read(id, async move { job.list(id, &vault).await }),
            Effect::Describe(id, paths) => {
                self.read(id, async move { job.describe(id, &vault, paths).await });
            }
            Effect::Read(id, purpose, path) => self.read(id, async move {
                let answer = vault.read(&path, None).await;
                job.warn(&vault);
                job.opened(id, purpose, path, answer);
            }),
            Effect::Edit(id, path) => self.read(id, async move {
                let answer = vault.read(&path, None).await;
                job.warn(&vault);
                let _ = job.answers.send(Outcome::Edit(id, path, answer));
            }),
            Effect::Fields(id, path) => self.read(id, async move {
                let answer = vault.read(&path, None).await.map(|opened| fields(&opened));
                job.warn(&vault);
                job.say(Message::Fields(id, path, answer));
            }),
            Effect::Copy(id, path, field, code) => self.read(id, async move {
                let what = field.as_deref().unwrap_or("the value").to_owned();
                let answer = job.copy_field(&vault, &path, field.as_deref(), code).await;
                job.warn(&vault);
                let what = format!("{} of {path}", crate::vault::escape(&what));
                job.say(Message::Copied(id, what, answer));
            }),
            Effect::Versions(id, path) => self.read(id, async move {
                let answer = vault.history(&path).await;
                job.warn(&vault);
                job.say(Message::Versions(id, path, answer));
            }),
            Effect::Compare(id, path, [old, new]) => self.read(id, async move {
                let both = async {
                    Ok([vault.read(&path, Some(old)).await?, vault.read(&path, Some(new)).await?])
                };
                let answer = both.await;
                job.warn(&vault);
                job.say(Message::Compared(id, path, answer));
            }),
            Effect::Write(id, draft) => self.write(async move {
                let path = draft.path.clone();
                let answer = match vault.apply(&path, draft.base, &draft.edits).await {
                    Ok(written) => Ok(written.n),
                    Err(e) => Err((e, draft)),
                };
                job.warn(&vault);
                job.say(Message::Wrote(id, path, answer));
            }),
            Effect::Change(id, change) => self.write(async move {
                let answer = apply(&vault, &change).await;
                job.warn(&vault);
                job.say(Message::Done(id, change, answer));
            }),
            effect => self.on_team(effect, vault, job),
        }
    }

    fn read(&mut self, id: Id, task: impl Future<Output = ()> + Send + 'static) {
        self.reads.insert(id, self.handle.spawn(task));
    }

    fn write(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.writes.push(self.handle.spawn(task));
    }
}

/// One task and where its answers go.
struct Job {
    context: Arc<Context>,
    answers: Answers,
    /// The counter of locks, and what it was when the job began.
    locks: (Arc<AtomicU64>, u64),
}

impl Job {
    fn say(&self, message: Message) {
        // Nobody listens any more: the program ends.
        let _ = self.answers.send(Outcome::Message(message));
    }

    fn warn(&self, vault: &Vault) {
        for warning in vault.take_warnings() {
            self.say(Message::Warning(warning));
        }
    }

    async fn unlock(&self, id: Id, name: Option<String>, passphrase: Option<Secret>) {
        let opened = self.context.device.open(name, passphrase).await;
        let _ = self.answers.send(Outcome::Vault(id, Box::new(opened)));
    }

    async fn list(&self, id: Id, vault: &Vault) {
        if let Err(e) = vault.check_membership().await {
            // Names can be seen all the same; what cannot be done says so when it is tried.
            let odd = e.kind == Kind::Integrity;
            self.say(Message::Warning(e.to_string()));
            if odd {
                self.say(Message::Lost(id, vault.loss().await));
            }
        }
        let mut next = |names| {
            self.say(Message::Names(id, names));
            true
        };
        let answer = vault.list_pages(&Prefix::default(), &mut next).await;
        let news = vault.recovery_news();
        if !news.is_empty() {
            self.say(Message::Recovery(news));
        }
        self.say(Message::NamesEnd(id, answer));
    }

    async fn describe(&self, id: Id, vault: &Vault, paths: Vec<Path>) {
        let mut folder = None;
        let entries = stream::iter(paths).map(|path| async {
            let entry = vault.entry(path.clone()).await;
            (path, entry)
        });
        let mut entries = std::pin::pin!(entries.buffer_unordered(PARALLEL).ready_chunks(PARALLEL));
        while let Some(chunk) = entries.next().await {
            let mut metas = Vec::new();
            for (path, entry) in chunk {
                match entry {
                    Ok(Some(entry)) => {
                        let meta = meta_of(vault, entry, &mut folder);
                        metas.push((path, meta));
                    }
                    // Deleted meanwhile: the next listing says so.
                    Ok(None) => {}
                    Err(e) => self.say(Message::DescribeFailed(id, vec![path], e)),
                }
            }
            if !metas.is_empty() {
                self.say(Message::Described(id, metas));
            }
        }
        self.say(Message::Described(id, Vec::new()));
    }

    fn opened(&self, id: Id, purpose: Purpose, path: Path, answer: Result<Opened>) {
        self.say(Message::Opened(id, purpose, path, answer));
    }

    async fn copy_field(
        &self,
        vault: &Vault,
        path: &Path,
        field: Option<&str>,
        code: bool,
    ) -> Result<Copied> {
        let opened = vault.read(path, None).await?;
        let value = match (&opened.content, field) {
            (Content::Raw(bytes), _) => bytes,
            (Content::Doc(document), field) => {
                let found = match field {
                    Some(name) => document.field(name),
                    None => super::model::main_field(document),
                };
                let missing = || {
                    Error::new(
                        Kind::NotFound,
                        format!("{path} has several fields, none is `value`"),
                    )
                    .hint("Y lets you choose one")
                };
                &found.ok_or_else(missing)?.value
            }
        };
        if code {
            return self.copy(&otp::code(value, (self.context.time)())?.digits).await;
        }
        self.copy(value).await
    }

    async fn copy(&self, text: &Secret) -> Result<Copied> {
        match self.context.choice {
            ClipboardChoice::Off => Err(Error::usage("copying is switched off")
                .hint("clipboard = \"off\" stands under [tui] in the configuration")),
            ClipboardChoice::Osc52 => {
                let _ = self.answers.send(Outcome::Terminal(osc52(text)));
                Ok(Copied::Terminal)
            }
            ClipboardChoice::System => {
                let (context, text) = (self.context.clone(), Secret::copy_of(text.bytes()));
                let (locks, begun) = (self.locks.0.clone(), self.locks.1);
                let hold = move || {
                    context.clipboard.hold(&text)?;
                    // Locked meanwhile: that may have cleared the clipboard before this.
                    if locks.load(Ordering::SeqCst) != begun {
                        context.clipboard.clear();
                        return Err(Error::general("it was locked meanwhile"));
                    }
                    Ok(())
                };
                let held = tokio::task::spawn_blocking(hold).await;
                held.map_err(|_| Error::general("the clipboard failed"))??;
                Ok(Copied::Held)
            }
        }
    }
}

/// What a header says, and the folder: most secrets are in the same one, which is kept once.
fn meta_of(vault: &Vault, entry: Entry, last: &mut Option<Arc<Folder>>) -> Meta {
    let Entry { path, header, author, size } = entry;
    let Some(header) = header else { return Meta::Unverified };
    let Some(folder) = vault.folder(&path, Some(&header)) else { return Meta::Unverified };
    let folder = match last {
        Some(last) if **last == folder => last.clone(),
        _ => last.insert(Arc::new(folder)).clone(),
    };
    let stale = vault.is_stale(&path, &header);
    let author = author.map(String::into_boxed_str);
    Meta::Known(Known { n: header.n, time: header.time, author, size, folder, stale })
}

fn fields(opened: &Opened) -> Vec<(String, crate::vault::FieldType)> {
    match &opened.content {
        Content::Doc(document) => {
            document.fields.iter().map(|field| (field.name.clone(), field.kind)).collect()
        }
        Content::Raw(_) => vec![("value".to_owned(), crate::vault::FieldType::Secret)],
    }
}

async fn apply(vault: &Vault, change: &Change) -> Result<()> {
    match change {
        Change::Delete(path) => vault.delete(path, None).await.map(drop),
        Change::Undelete(path) => vault.undelete(path).await.map(drop),
        Change::Rename(from, to) => vault.rename(from, to).await.map(drop),
        Change::Rollback(path, n) => vault.rollback(path, *n).await.map(drop),
    }
}
