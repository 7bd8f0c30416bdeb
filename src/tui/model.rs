//! Everything that the screen is a function of. No keys of the vault are here; values only while
//! they are shown or typed.

use std::time::Duration;

use crate::config::Interface;
use crate::vault::{
    Content, DEFAULT_FIELD, Document, Field, FieldType, LateWrite, Opened, Path, Secret, Version,
};

pub use super::form::{Form, FormKind, Line, Role};
use super::generator::Generator;
use super::input::Input;
use super::keys::{Action, Context, KeyMap};
use super::layout::{Areas, Pane, areas};
use super::message::{Change, Draft, Id, Now, Session};
pub use super::problem::Problem;
use super::rows::{Mark, Rows};
use super::setup::Setup;
use super::team::{Joined, Log, Members, News, Report};
use super::theme::Theme;

/// How long values are shown.
pub const SHOW: Duration = Duration::from_secs(15);
/// How long recovery words are shown without a key: they are being written down.
pub const WORDS: Duration = Duration::from_secs(120);
/// How long a copied value stays in the clipboard.
pub const CLIPBOARD: Duration = Duration::from_secs(45);
/// How long something takes before a spinner appears.
pub const PATIENCE: Duration = Duration::from_millis(150);
/// How long the cursor rests before the history of its secret is asked for.
pub const REST: Duration = Duration::from_millis(250);

/// The state of the UI.
pub struct Model {
    /// The time of the last tick.
    pub now: Now,
    /// Columns and lines.
    pub size: (u16, u16),
    /// What keys do.
    pub keys: KeyMap,
    /// Styles and signs.
    pub theme: Theme,
    /// Only ASCII.
    pub ascii: bool,
    /// Lock after this long without input.
    pub lock_after: Option<Duration>,
    /// When somebody was last here.
    pub last_input: Duration,
    /// The vaults of the configuration: name and location.
    pub vaults: Vec<(String, String)>,
    /// The vault that is open, or to be opened: name and location. No name: one that the
    /// environment names.
    pub vault: (Option<String>, String),
    /// Who we are in it.
    pub session: Session,
    /// The identity needs a passphrase.
    pub sealed: bool,
    /// The agent holds it, and nobody has locked this UI yet.
    pub held: bool,
    /// What is below the popups.
    pub screen: Screen,
    /// What lies above it, the last on top.
    pub popups: Vec<Popup>,
    /// The names.
    pub rows: Rows,
    /// First line of the list that is seen.
    pub top: usize,
    /// Line of the folder pane, and its first that is seen.
    pub folder: (usize, usize),
    /// The pane that has the keys.
    pub focus: Pane,
    /// The filter while it is typed.
    pub typing: Option<Input>,
    /// The values that are shown.
    pub shown: Option<Shown>,
    /// First line of the detail that is seen.
    pub detail_top: usize,
    /// The versions of a secret, for the detail pane.
    pub versions: Option<(Path, Vec<Version>)>,
    /// The secret under the cursor, and since when.
    pub resting: Option<(Path, Duration)>,
    /// What is waited for.
    pub requests: Vec<Request>,
    /// Names that arrive while the old ones are still shown.
    pub incoming: Option<Vec<Path>>,
    /// A listing that has not ended, and how many names it brought.
    pub listing: Option<(Id, usize)>,
    /// Why the last listing failed.
    pub not_listed: Option<Problem>,
    /// The line at the bottom.
    pub status: Status,
    /// What `undo` takes back, the newest last.
    pub undo: Vec<Change>,
    /// Requests that were under way at a lock: number and label. A write among them goes on.
    pub behind: Vec<(Id, String)>,
    /// Why one of these failed, told once the vault is open.
    pub failed_behind: Option<Problem>,
    /// When the clipboard will be cleared.
    pub clipboard: Option<Duration>,
    /// What a person must be told of.
    pub news: News,
    /// Something stored was not what it must be: it is asked whether more is gone.
    pub suspicious: bool,
    /// A name to select as soon as it is listed.
    pub select: Option<Path>,
    next: Id,
}

/// What is below the popups.
pub enum Screen {
    /// The first start.
    Setup(Box<Setup>),
    /// The vault is locked.
    Unlock(Unlock),
    /// The list and what is beside it.
    Browse,
}

/// The vault is locked.
pub struct Unlock {
    /// The passphrase.
    pub input: Input,
    /// Why it did not open.
    pub problem: Option<Problem>,
    /// It is being opened.
    pub busy: Option<Id>,
}

/// What lies above a screen.
pub enum Popup {
    /// The versions of a secret.
    History(History),
    /// Two versions.
    Compare(Compare),
    /// Something to fill in.
    Form(Form),
    /// A generated value.
    Generator(Generator),
    /// A field to copy.
    Fields(Choice),
    /// Another vault.
    Vaults(usize),
    /// Actions by name.
    Palette(Input, usize),
    /// Keys: of this place first; the first line that is seen.
    Help(Context, usize),
    /// A question before a change.
    Confirm(String, Change),
    /// A question before what was typed in the form below is dropped, or the change below.
    Drop,
    /// An error in full, and what would try again.
    Error(Problem, Option<Action>),
    /// The members of a group.
    Members(Members),
    /// Somebody was added: what to send them.
    Joined(Joined),
    /// What a change of the team led to, and what has to be changed.
    Report(Report),
    /// A late write: adopt or drop?
    Late(LateWrite),
    /// The notes of the team.
    Log(Log),
    /// A change that was not written; true: because somebody else was faster.
    Unsaved(Box<Draft>, Problem, bool),
}

/// The versions of a secret.
pub struct History {
    /// Of which.
    pub path: Path,
    /// They themselves, once they are there.
    pub versions: Option<Vec<Version>>,
    /// The line of the cursor.
    pub cursor: usize,
}

/// Two versions.
pub struct Compare {
    /// Of which secret.
    pub path: Path,
    /// The older and the newer number.
    pub numbers: [u64; 2],
    /// Both, once they are there.
    pub contents: Option<[Opened; 2]>,
    /// Values are shown until then.
    pub until: Option<Duration>,
    /// First line that is seen.
    pub top: usize,
}

/// A field to copy, or to give a new value.
pub struct Choice {
    /// Of which secret.
    pub path: Path,
    /// Names and types, once they are there.
    pub fields: Option<Vec<(String, FieldType)>>,
    /// The line of the cursor.
    pub cursor: usize,
    /// What for.
    pub purpose: Chosen,
}

/// What a field is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// To copy it.
    Copy,
    /// To type a new value, on top of this version.
    Replace(u64),
    /// To take the value of the generator below, on top of this version.
    Generated(u64),
}

/// Values that are shown.
pub struct Shown {
    /// Of which secret.
    pub path: Path,
    /// They themselves.
    pub opened: Opened,
    /// Hidden then.
    pub until: Duration,
}

/// Something that is waited for.
pub struct Request {
    /// Its number.
    pub id: Id,
    /// What is done, as in "reading prod/db".
    pub label: String,
    /// Since when.
    pub started: Duration,
    /// It can be stopped: it changes nothing.
    pub stoppable: bool,
    /// How far it is, of how much.
    pub progress: Option<(usize, usize)>,
    /// The action that started it.
    pub action: Option<Action>,
}

/// The line at the bottom.
pub enum Status {
    /// Nothing to say.
    Quiet,
    /// Something happened.
    Info(String),
    /// Something is odd.
    Warning(String),
    /// Something failed, and what would try again.
    Error(Problem, Option<Action>),
}

/// What the UI starts with.
pub struct Start {
    /// Settings.
    pub interface: Interface,
    /// The vaults of the configuration: name and location.
    pub vaults: Vec<(String, String)>,
    /// The one that is meant. `None`: there is none.
    pub vault: Option<(Option<String>, String)>,
    /// The identity needs a passphrase.
    pub sealed: bool,
    /// The agent holds it.
    pub held: bool,
    /// The usual place of a new vault.
    pub usual: String,
    /// The login name.
    pub user: Option<String>,
    /// Columns and lines.
    pub size: (u16, u16),
}

impl Model {
    /// The first state.
    ///
    /// # Errors
    /// Usage if the keys of the configuration are wrong.
    pub fn new(start: Start) -> crate::vault::Result<Self> {
        let Start { interface, vaults, vault, sealed, held, usual, user, size } = start;
        let unlock = Unlock { input: Input::new(true), problem: None, busy: None };
        let (screen, popups) = match (&vault, vaults.is_empty()) {
            (Some(_), _) => (Screen::Unlock(unlock), Vec::new()),
            (None, false) => (Screen::Unlock(unlock), vec![Popup::Vaults(0)]),
            (None, true) => (Screen::Setup(Box::new(Setup::new(usual, user))), Vec::new()),
        };
        Ok(Self {
            now: Now::default(),
            size,
            keys: KeyMap::new(&interface.keys)?,
            theme: Theme::new(interface.theme, interface.ascii),
            ascii: interface.ascii,
            lock_after: interface.lock_after,
            last_input: Duration::ZERO,
            vaults,
            vault: vault.unwrap_or_default(),
            session: Session::default(),
            sealed,
            held,
            screen,
            popups,
            rows: Rows::default(),
            top: 0,
            folder: (0, 0),
            focus: Pane::List,
            typing: None,
            shown: None,
            detail_top: 0,
            versions: None,
            resting: None,
            requests: Vec::new(),
            incoming: None,
            listing: None,
            not_listed: None,
            status: Status::Quiet,
            undo: Vec::new(),
            behind: Vec::new(),
            failed_behind: None,
            clipboard: None,
            news: News::default(),
            suspicious: false,
            select: None,
            next: 0,
        })
    }

    /// Where everything is on the screen: below a line of news, if there are any.
    pub fn areas(&self) -> Areas {
        areas(self.size, self.focus, self.banner())
    }

    /// True if there is a line of news.
    pub fn banner(&self) -> bool {
        self.news.is_any() && matches!(self.screen, Screen::Browse)
    }

    /// How many lines of the folder pane hold folders; the marks are below them.
    pub fn folder_lines(&self, height: u16) -> u16 {
        let marks = if self.rows.has_marks() { Mark::ALL.len() as u16 } else { 0 };
        height.saturating_sub(marks)
    }

    /// Where a key is pressed now.
    pub fn context(&self) -> Context {
        match self.popups.last() {
            Some(popup) => popup.context(),
            None => match self.screen {
                Screen::Setup(_) => Context::Setup,
                Screen::Unlock(_) => Context::Unlock,
                Screen::Browse if self.typing.is_some() => Context::Filter,
                Screen::Browse => Context::Browse,
            },
        }
    }

    /// Registers something to wait for.
    pub fn request(&mut self, label: impl Into<String>, action: Option<Action>) -> Id {
        self.next += 1;
        self.requests.push(Request {
            id: self.next,
            label: label.into(),
            started: self.now.running,
            stoppable: true,
            progress: None,
            action,
        });
        self.next
    }

    /// Registers what Esc does not stop: a write, which is not left half-way, or what nobody asked
    /// for.
    pub fn unstoppable(&mut self, label: impl Into<String>, action: Option<Action>) -> Id {
        let id = self.request(label, action);
        self.requests.last_mut().expect("just added").stoppable = false;
        id
    }

    /// Ends the wait for a request. `None`: nobody waits for it any more.
    pub fn finish(&mut self, id: Id) -> Option<Request> {
        let at = self.requests.iter().position(|request| request.id == id)?;
        Some(self.requests.remove(at))
    }

    /// What has been waited for long enough to say so.
    pub fn waiting(&self) -> Option<&Request> {
        let old = |r: &&Request| self.now.running.saturating_sub(r.started) >= PATIENCE;
        self.requests.iter().rfind(old)
    }

    /// The path under the cursor.
    pub fn selected(&self) -> Option<&Path> {
        self.rows.selected().map(|row| &row.path)
    }

    /// The versions of the secret under the cursor, if they are there.
    pub fn selected_versions(&self) -> Option<&[Version]> {
        let (path, versions) = self.versions.as_ref()?;
        (Some(path) == self.selected()).then_some(versions)
    }

    /// True while something moves: a spinner or a bar.
    pub fn is_moving(&self) -> bool {
        let compared = self.popups.iter().any(|popup| match popup {
            Popup::Compare(compare) => compare.until.is_some(),
            Popup::Generator(generator) => generator.until.is_some(),
            _ => false,
        });
        compared || !self.requests.is_empty() || self.shown.is_some() || self.rests()
    }

    /// True while time alone can change what is seen: it locks, and hides what is shown.
    pub fn awaits_time(&self) -> bool {
        self.clipboard.is_some()
            || match &self.screen {
                Screen::Browse => true,
                Screen::Unlock(unlock) => !unlock.input.masked,
                Screen::Setup(setup) => {
                    setup.shows_words() || setup.passphrase.iter().any(|input| !input.masked)
                }
            }
    }

    /// True while the cursor has not rested long enough.
    pub fn rests(&self) -> bool {
        let known = self.versions.as_ref().map(|(path, _)| path);
        self.resting.as_ref().is_some_and(|(path, _)| Some(path) != known)
            && matches!(self.screen, Screen::Browse)
    }
}

impl Popup {
    /// Where a key is pressed while it is on top.
    pub fn context(&self) -> Context {
        match self {
            Self::History(_) => Context::History,
            Self::Compare(_) => Context::Compare,
            Self::Form(_) => Context::Form,
            Self::Generator(_) => Context::Generator,
            Self::Fields(_) | Self::Vaults(_) => Context::Choice,
            Self::Palette(..) => Context::Palette,
            Self::Help(..) => Context::Help,
            Self::Confirm(..) | Self::Drop => Context::Confirm,
            Self::Error(..) => Context::Error,
            Self::Unsaved(..) => Context::Unsaved,
            Self::Members(_) => Context::Members,
            Self::Joined(_) => Context::Joined,
            Self::Report(_) => Context::Report,
            Self::Late(_) => Context::Late,
            Self::Log(_) => Context::Log,
        }
    }
}

impl Compare {
    /// At least as many lines as there are to show.
    pub fn length(&self) -> usize {
        let lines = |opened: &Opened| match &opened.content {
            Content::Raw(bytes) => newlines(bytes),
            Content::Doc(document) => document.fields.iter().map(|f| newlines(&f.value) + 1).sum(),
        };
        self.contents.as_ref().map_or(1, |both| both.iter().map(lines).sum::<usize>() + 1)
    }
}

/// How many lines a value has.
pub fn newlines(value: &Secret) -> usize {
    value.bytes().iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The field that is meant when none is named: `value`, or the only one, or the only secret.
pub fn main_field(document: &Document) -> Option<&Field> {
    let only = || document.fields.first().filter(|_| document.fields.len() == 1);
    let only_secret = || {
        let mut secrets = document.fields.iter().filter(|f| f.kind == FieldType::Secret);
        secrets.next().filter(|_| secrets.next().is_none())
    };
    document.field(DEFAULT_FIELD).or_else(only).or_else(only_secret)
}
