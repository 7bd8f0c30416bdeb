//! What happens: keys, time, and answers of the vault. Each answer carries the number of its
//! request, so that a late one is dropped.

use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use crate::vault::{
    DeviceIdentity, Edits, Error, Exposed, FieldType, LogEntry, Loss, Opened, Path, Recovered,
    Resealed, Secret, Version,
};

use super::rows::Meta;
use super::team::{Decision, Team, TeamAnswer, TeamChange};

/// The time, from outside, so that every timeout can be tested without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the start; stands still while the computer sleeps.
    pub running: Duration,
    /// Seconds since 1970.
    pub unix: u64,
}

/// The number of a request.
pub type Id = u64;

/// A change of a secret that is to be written.
pub struct Draft {
    /// Where.
    pub path: Path,
    /// Only on top of this version; 0: only if there is none.
    pub base: Option<u64>,
    /// What changes.
    pub edits: Edits,
}

/// What a read value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown in the detail pane.
    Reveal,
    /// To be edited in a form.
    Edit,
    /// To know which field a new value is for.
    Replace,
    /// The same for the value in the generator.
    Generated,
}

/// What was made by the first start.
pub struct Founded {
    /// The vault's name in the configuration.
    pub name: String,
    /// Where it is.
    pub location: String,
}

/// What somebody did, or what became of a request.
pub enum Message {
    /// The time. Comes before every other message.
    Tick(Now),
    /// A key.
    Key(KeyEvent),
    /// Text from the clipboard.
    Paste(Secret),
    /// The mouse.
    Mouse(MouseEvent),
    /// The window has another size.
    Resize(u16, u16),
    /// The terminal has the keyboard, or lost it.
    Focus(bool),
    /// Back from the shell.
    Resumed,
    /// Back from an editor: somebody was there all the time.
    Returned(Now),
    /// The vault is open; who we are in it.
    Unlocked(Id, Result<Session, Error>),
    /// Another page of names.
    Names(Id, Vec<Path>),
    /// All names have come, or no more will.
    NamesEnd(Id, Result<(), Error>),
    /// What headers say; nothing: that was all.
    Described(Id, Vec<(Path, Meta)>),
    /// Asking for headers failed.
    DescribeFailed(Id, Vec<Path>, Error),
    /// A value.
    Opened(Id, Purpose, Path, Result<Opened, Error>),
    /// The names of the fields.
    Fields(Id, Path, Result<Vec<(String, FieldType)>, Error>),
    /// A value is in the clipboard.
    Copied(Id, String, Result<Copied, Error>),
    /// The clipboard was cleared, or somebody else's text is in it now.
    ClipboardDone,
    /// The versions of a secret.
    Versions(Id, Path, Result<Vec<Version>, Error>),
    /// Two versions.
    Compared(Id, Path, Result<[Opened; 2], Error>),
    /// A write.
    Wrote(Id, Path, Result<u64, (Error, Draft)>),
    /// What an editor left: a draft, or nothing was changed.
    Edited(Id, Path, Result<Option<Draft>, Error>),
    /// A deletion, renaming, undoing or rolling back.
    Done(Id, Change, Result<(), Error>),
    /// The location of a new vault is free; whether there is an identity, and whether it has a
    /// passphrase.
    Vacant(Id, Result<Identity, Error>),
    /// The recovery identity of a new vault.
    Words(Id, Box<DeviceIdentity>),
    /// The vault was made.
    Founded(Id, Result<Founded, Error>),
    /// The team.
    Team(Id, Result<Team, Error>),
    /// A change of the team.
    TeamChanged(Id, TeamChange, Result<TeamAnswer, Error>),
    /// A late write is out of the way; false: somebody wrote a newer version, which stands.
    Resolved(Id, Decision, Result<bool, Error>),
    /// How many of how many values are sealed anew.
    Sealing(Id, usize, usize),
    /// Sealing has ended, or was stopped.
    Sealed(Id, Result<Resealed, Error>),
    /// The values that have to be changed.
    Exposed(Id, Result<Vec<Exposed>, Error>),
    /// The notes of the team.
    Log(Id, Result<Vec<LogEntry>, Error>),
    /// The recovery key was used, and nobody here was told.
    Recovery(Vec<Recovered>),
    /// What the storage had and has no more.
    Lost(Id, Result<Loss, Error>),
    /// Something odd that the vault noticed.
    Warning(String),
    /// The process is asked to end.
    Terminate,
}

/// Who has opened the vault.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The member's name.
    pub member: Option<String>,
    /// What was odd with the identity file.
    pub warning: Option<String>,
}

/// How a value was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// To the desktop's clipboard, which a helper clears.
    Held,
    /// Through the terminal; nobody can clear it.
    Terminal,
}

/// What identity there is before the first vault is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// None.
    Missing,
    /// One without passphrase.
    Plain,
    /// One with a passphrase.
    Sealed,
}

/// A change without a value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Deleted.
    Delete(Path),
    /// Brought back.
    Undelete(Path),
    /// Renamed: from, to.
    Rename(Path, Path),
    /// Version made the newest.
    Rollback(Path, u64),
}
