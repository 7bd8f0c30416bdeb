//! What `update` asks for: data only. [`super::tasks`] does it.

use std::collections::BTreeSet;

use crate::vault::{DeviceIdentity, Path, Secret};

use super::message::{Change, Draft, Id, Purpose};
use super::team::{At, Decision, TeamChange};

/// Something to be done outside the model.
pub enum Effect {
    /// Open the vault of this name (none: the one that is configured) with this passphrase.
    Unlock(Id, Option<String>, Option<Secret>),
    /// Drop the vault and its keys, stop reading, clear the clipboard.
    Lock,
    /// List the names.
    List(Id),
    /// Ask for these headers.
    Describe(Id, Vec<Path>),
    /// Read a version (none: the newest).
    Read(Id, Purpose, Path),
    /// Read the names of the fields only.
    Fields(Id, Path),
    /// Read a field and put it into the clipboard. None: the value; true: the one-time password
    /// of the field.
    Copy(Id, Path, Option<String>, bool),
    /// Put this text into the clipboard, and what it is called.
    CopyText(Id, &'static str, Secret),
    /// Read the headers of all versions.
    Versions(Id, Path),
    /// Read two versions.
    Compare(Id, Path, [u64; 2]),
    /// Write.
    Write(Id, Draft),
    /// Read, edit in `$EDITOR`, and answer what to write.
    Edit(Id, Path),
    /// Delete, bring back, rename, roll back.
    Change(Id, Change),
    /// Is there room for a vault at this place?
    CheckVacant(Id, Place),
    /// A recovery identity.
    MakeWords(Id),
    /// Make the vault.
    Found(Id, Founding),
    /// Read who is in the team.
    Team(Id, At),
    /// Change it.
    ChangeTeam(Id, TeamChange),
    /// Adopt or drop a late write.
    Resolve(Id, Decision),
    /// Seal all values anew that are not of the current generation, but for these.
    Reseal(Id, BTreeSet<Path>),
    /// Which values have to be changed?
    Exposure(Id),
    /// Read the notes of the team.
    Log(Id),
    /// A person was told of the recovery key, up to this note.
    SawRecovery(u64),
    /// Is something gone that this device has seen?
    Loss(Id),
    /// Stop waiting for a request.
    Cancel(Id),
    /// Draw from nothing.
    Redraw,
    /// Give the terminal to the shell.
    Suspend,
    /// End.
    Quit,
}

/// Where a new vault goes, and how it is reached. Empty: what is usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// A directory or `s3://bucket/prefix`.
    pub location: String,
    /// The first member.
    pub member: String,
    /// The bucket's region.
    pub region: String,
    /// URL of another service than Amazon's.
    pub endpoint: String,
    /// The KMS key that wraps its data keys.
    pub kms: String,
}

/// What a new vault is made from.
pub struct Founding {
    /// Where.
    pub place: Place,
    /// Passphrase of the new identity, or of the one that is there.
    pub passphrase: Option<Secret>,
    /// Its words are on paper.
    pub recovery: Box<DeviceIdentity>,
}
