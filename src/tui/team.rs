//! What the popups of the team hold: members, the log, what a change led to, and what has to be
//! said of the recovery key and of a storage that lost something.

use std::collections::{BTreeSet, VecDeque};

use crate::vault::{
    Changed, Exposed, Grant, Group, Late, LateWrite, LogEntry, Loss, Member, Path, PublicIdentity,
    Recovered,
};

use super::message::Id;

/// What the members of are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The group that holds this secret.
    Secret(Path),
    /// The group that holds this folder; empty: the whole vault.
    Folder(String),
}

/// The team, seen from one group.
pub struct Team {
    /// The group.
    pub group: Group,
    /// All members, those who can read the group first.
    pub members: Vec<Member>,
    /// Who we are.
    pub me: Option<String>,
}

impl Team {
    /// Names of the admins.
    pub fn admins(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|member| member.admin).map(|member| member.name.as_str())
    }

    /// True if we may change the team.
    pub fn is_admin(&self) -> bool {
        self.admins().any(|name| Some(name) == self.me.as_deref())
    }

    /// What a member may do in the group, in words.
    pub fn rights(&self, member: &Member) -> String {
        if member.admin {
            return "admin".to_owned();
        }
        if !member.read.contains(&self.group.name) {
            return "not in this group".to_owned();
        }
        let ours = &self.group.prefixes;
        let touches = |at: &&crate::vault::Prefix| {
            ours.iter().any(|own| own.covers_prefix(at) || at.covers_prefix(own))
        };
        let folders: Vec<_> = member.write.iter().filter(touches).collect();
        let all = |at: &&crate::vault::Prefix| ours.iter().all(|own| at.covers_prefix(own));
        if folders.iter().any(all) {
            return "read, write".to_owned();
        }
        let names: Vec<_> = folders.iter().map(|at| format!("{}/", at.as_str())).collect();
        match names.is_empty() {
            true => "read".to_owned(),
            false => format!("read, write {}", names.join(" ")),
        }
    }
}

/// The members of a group.
pub struct Members {
    /// Which group is meant.
    pub at: At,
    /// What is known, once it is there.
    pub team: Option<Team>,
    /// The line of the cursor.
    pub cursor: usize,
}

impl Members {
    /// The member under the cursor.
    pub fn selected(&self) -> Option<&Member> {
        self.team.as_ref()?.members.get(self.cursor)
    }
}

/// The notes of the team.
pub struct Log {
    /// They themselves, once they are there.
    pub entries: Option<Vec<LogEntry>>,
    /// The line of the cursor.
    pub cursor: usize,
}

impl Log {
    /// How many lines there are: one for each change.
    pub fn length(&self) -> usize {
        self.entries.iter().flatten().map(|entry| entry.changes.len()).sum()
    }
}

/// Somebody was added.
pub struct Joined {
    /// Who.
    pub name: String,
    /// 8 words of their device.
    pub words: String,
    /// 8 words of this vault.
    pub vault: String,
    /// What they open the vault with.
    pub join: String,
}

/// How far the sealing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is sealed: only the list is wanted, or it is over.
    None,
    /// Late writes are being decided about.
    Deciding,
    /// Values are sealed anew; true: it is told to stop.
    Sealing(Id, bool),
}

/// What a change led to, and which values have to be changed.
pub struct Report {
    /// What it is about.
    pub title: String,
    /// What was done, line by line.
    pub told: Vec<String>,
    /// Late writes that nobody has decided about.
    pub late: VecDeque<LateWrite>,
    /// Paths that a person left undecided.
    pub except: BTreeSet<Path>,
    /// How far it is.
    pub step: Step,
    /// How many of how many are sealed anew.
    pub progress: (usize, usize),
    /// What has to be changed, once it is known.
    pub exposed: Option<Vec<Exposed>>,
    /// The line of the cursor.
    pub cursor: usize,
}

/// A change of the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeamChange {
    /// Add a member, or a device of one.
    Add(String, Box<PublicIdentity>, Option<Grant>),
    /// What a member may do.
    Role(String, Grant),
    /// Remove a member.
    Remove(String),
    /// Look again at what an earlier change may have left.
    Again,
}

/// What came of it.
pub enum TeamAnswer {
    /// Somebody was added.
    Joined(Joined),
    /// Rights are other ones now.
    Changed(Changed),
}

/// A decision about a late write.
pub type Decision = (LateWrite, Late);

/// What is shown above everything until somebody has seen it.
#[derive(Default)]
pub struct News {
    /// Uses of the recovery key.
    pub recovery: Vec<Recovered>,
    /// What the storage had and has no more.
    pub loss: Option<Loss>,
    /// A person said that they know.
    pub loss_seen: bool,
}

impl News {
    /// True if there is something to say.
    pub fn is_any(&self) -> bool {
        !self.recovery.is_empty() || self.shows_loss()
    }

    /// True if something is gone, and nobody has said that they know.
    pub fn shows_loss(&self) -> bool {
        self.loss.is_some() && !self.loss_seen
    }
}

/// The first few of these names, and how many more there are.
pub fn some(names: &[String]) -> String {
    const FEW: usize = 3;
    let mut text = names.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > FEW {
        text += &format!(" +{}", names.len() - FEW);
    }
    text
}
