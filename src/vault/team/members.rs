//! Members: who may do what, with which devices.

use std::collections::BTreeSet;

use crate::core::cipher::PublicKey;
use crate::core::error::{Error, Result};
use crate::core::header::KeyId;
use crate::core::path::{Prefix, escape};
use crate::core::text::lps;
use crate::keys::identity::{PublicIdentity, words8};
use crate::team::ops::{Op, Right, is_member_name};
use crate::team::{State, state};

use super::super::Vault;
use super::super::chain::View;
use super::append::{Intent, Make};
use super::rotate::{Meanwhile, Rotated};

/// A person or machine, as everybody in the team sees it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name in the team.
    pub name: String,
    /// May do everything, and sign notes.
    pub admin: bool,
    /// Groups that the member can read.
    pub read: Vec<String>,
    /// Folders below which the member may write.
    pub write: Vec<Prefix>,
    /// The member's devices.
    pub devices: Vec<Device>,
}

/// A device of a member.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its key id, as headers and notes name it.
    pub id: String,
    /// 8 words to compare over another channel.
    pub words: String,
    /// Its age recipient.
    pub recipient: String,
}

/// What a member may do at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
    /// Everything, everywhere; signs notes.
    Admin,
}

/// A role, everywhere or at one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// Where; `None` stands for the whole of what a member may do.
    pub path: Option<Prefix>,
}

/// A change that may take something away.
#[derive(Debug)]
pub enum Changed {
    /// By this call.
    Now(Rotated),
    /// By an earlier one, which may have been cut off: what was written meanwhile.
    Before(Meanwhile),
}

impl Changed {
    /// The note, if it is of this call.
    pub fn now(self) -> Option<Rotated> {
        match self {
            Self::Now(rotated) => Some(rotated),
            Self::Before(_) => None,
        }
    }
}

impl Vault {
    /// The members, by name.
    ///
    /// # Errors
    /// If the chain cannot be had.
    pub async fn members(&self) -> Result<Vec<Member>> {
        self.refresh().await?;
        let view = self.view();
        let devices = |member: &state::Member| {
            let device = |(key, recipient): (&_, &String)| Device {
                id: KeyId::of(key).to_string(),
                words: words8(&lps(&[recipient.as_bytes(), key])),
                recipient: recipient.clone(),
            };
            member.keys.iter().map(device).collect()
        };
        let member = |(name, member): (&String, &state::Member)| Member {
            name: name.clone(),
            admin: member.admin,
            read: member.read.iter().cloned().collect(),
            write: member.write.iter().cloned().collect(),
            devices: devices(member),
        };
        Ok(view.state.members.iter().map(member).collect())
    }

    /// Adds a member, or a device of one who is there. Done already, it does nothing.
    ///
    /// # Errors
    /// Usage for a name or grant that cannot be; conflict for a key that is somebody else's;
    /// denied for anybody but admins.
    pub async fn add_member(
        &self,
        name: &str,
        id: &PublicIdentity,
        grant: Option<&Grant>,
    ) -> Result<()> {
        check_name(name)?;
        let mut make = |view: &View| {
            let state = &view.state;
            let mut ops = Vec::new();
            let there = state.members.contains_key(name);
            if !there {
                ops.push(Op::MemberAdd(name.to_owned()));
            }
            match state.key(id.id()) {
                Some((_, owner)) if owner == name && state.member_of(id.id()).is_some() => {}
                Some((_, owner)) => return Err(used_before(owner, state, id.id())),
                None if state.knows(&id.key) => {
                    return Err(Error::conflict("this is the team's recovery key"));
                }
                None => ops.push(Op::KeyAdd {
                    member: name.to_owned(),
                    key: id.key,
                    recipient: id.recipient.clone(),
                }),
            }
            match grant {
                Some(grant) => {
                    let role = role_ops(state, name, grant)?;
                    if there && !role.is_empty() {
                        return Err(Error::usage(format!("{name} is in the team already")).hint(
                            format!(
                                "leave --role out to add a device; `vault member role {name}` \
                                 changes what they may do"
                            ),
                        ));
                    }
                    ops.extend(role);
                }
                None if !there => {
                    return Err(Error::usage(format!("{name} is new in the team"))
                        .hint("say what they may do: --role read, write or admin"));
                }
                None => {}
            }
            Ok(Intent { ops, ..Intent::default() })
        };
        self.append(&mut make).await.map(drop)
    }

    /// Sets what a member may do. What takes a right away opens a new generation.
    ///
    /// # Errors
    /// As [`Self::add_member`]; not found.
    pub async fn set_role(&self, name: &str, grant: &Grant) -> Result<Changed> {
        let mut make = |view: &View| {
            member(&view.state, name)?;
            Ok(Intent { ops: role_ops(&view.state, name, grant)?, ..Intent::default() })
        };
        let taken = |op: &Op| matches!(op, Op::Role { member, grant: false, .. } if member == name);
        self.change_or_look_again(&mut make, taken).await
    }

    /// Removes members, by one note: where two protect each other with what they wrote, neither
    /// could be removed before the other.
    ///
    /// # Errors
    /// Not found; denied; usage for the last admin.
    pub async fn remove_members(&self, names: &[&str]) -> Result<Changed> {
        let mut make = |view: &View| {
            let mut ops = Vec::new();
            for name in BTreeSet::from_iter(names) {
                if view.state.members.contains_key(*name) {
                    ops.push(Op::MemberRemove((*name).to_string()));
                } else if !view.state.retired.values().any(|owner| owner == name) {
                    member(&view.state, name)?;
                }
            }
            Ok(Intent { ops, ..Intent::default() })
        };
        let is_it = |op: &Op| matches!(op, Op::MemberRemove(of) if names.contains(&of.as_str()));
        self.change_or_look_again(&mut make, is_it).await
    }

    /// Removes a device of a member. `device`: its key id.
    ///
    /// # Errors
    /// As [`Self::remove_members`].
    pub async fn remove_device(&self, name: &str, device: &str) -> Result<Changed> {
        let id = |key: &PublicKey| KeyId::of(key).to_string();
        let mut make = |view: &View| {
            let found = member(&view.state, name)?;
            if let Some(key) = found.keys.keys().find(|key| id(key) == device) {
                let ops = vec![Op::KeyRemove { member: name.to_owned(), key: *key }];
                return Ok(Intent { ops, ..Intent::default() });
            }
            let mut gone = view.state.retired.iter();
            match gone.any(|(key, owner)| owner == name && id(key) == device) {
                true => Ok(Intent::default()),
                false => Err(Error::not_found(format!("{name} has no device {}", escape(device)))
                    .hint("`vault member ls --json` lists the devices with their ids")),
            }
        };
        let is_it = |op: &Op| match op {
            Op::KeyRemove { member, key } => member == name && id(key) == device,
            _ => false,
        };
        self.change_or_look_again(&mut make, is_it).await
    }

    /// Changes the team or, where that was done before by a run that may have been cut off, looks
    /// again at what was written meanwhile. `is_it` knows the ops of that run.
    async fn change_or_look_again(
        &self,
        make: &mut Make<'_>,
        is_it: impl Fn(&Op) -> bool,
    ) -> Result<Changed> {
        match self.change_team(make).await? {
            Some(rotated) => Ok(Changed::Now(rotated)),
            None => self.look_again_at(is_it).await.map(Changed::Before),
        }
    }

    /// Checks that there is something to remove, before a person is asked.
    ///
    /// # Errors
    /// Not found.
    pub async fn check_removable(&self, name: &str) -> Result<()> {
        self.refresh().await?;
        let view = self.view();
        if view.state.retired.values().any(|owner| owner == name) {
            return Ok(());
        }
        member(&view.state, name).map(drop)
    }
}

/// For commands that take the name from elsewhere unless it is given.
pub(in super::super) const ANOTHER_NAME: &str = "--member NAME gives another one";

/// Checks the name of a new member. What the log calls the recovery key is nobody's name.
pub(in super::super) fn check_name(name: &str) -> Result<()> {
    if is_member_name(name) && name != "recovery" {
        return Ok(());
    }
    let bad = name.chars().find(|c| !is_member_name(c.encode_utf8(&mut [0; 4])));
    let bad =
        bad.map_or_else(String::new, |c| format!("`{}` cannot be in it; ", escape(&c.to_string())));
    Err(Error::usage(format!(
        "not a name for a member: {bad}1 to 64 of A-Z a-z 0-9 . _ @ + -, not `recovery`"
    )))
}

/// A member by name.
pub(super) fn member<'s>(state: &'s State, name: &str) -> Result<&'s state::Member> {
    state.members.get(name).ok_or_else(|| {
        Error::not_found(format!("{} is not in the team", escape(name)))
            .hint("`vault member ls` lists who is")
    })
}

fn used_before(owner: &str, state: &State, id: KeyId) -> Error {
    if state.member_of(id).is_some() {
        return Error::conflict(format!("this is a device of {owner} already"));
    }
    Error::conflict(format!("this key was {owner}'s and was removed; a removed key never returns"))
        .hint("they make a new one: move the old identity file away, then `vault id new`")
}

/// The ops that lead from what a member may do to what they are to be able to do.
fn role_ops(state: &State, name: &str, grant: &Grant) -> Result<Vec<Op>> {
    let empty = state::Member::default();
    let is = state.members.get(name).unwrap_or(&empty);
    let wanted = match &grant.path {
        None => everywhere(grant.role)?,
        Some(path) => at(state, is, grant.role, path)?,
    };
    let mut ops = Vec::new();
    let mut role = |grant, right| {
        ops.push(Op::Role { member: name.to_owned(), grant, right });
    };
    if is.admin != wanted.admin {
        role(wanted.admin, Right::Admin);
    }
    for group in is.read.difference(&wanted.read) {
        role(false, Right::Read(group.clone()));
    }
    for group in wanted.read.difference(&is.read) {
        role(true, Right::Read(group.clone()));
    }
    for prefix in is.write.difference(&wanted.write) {
        role(false, Right::Write(prefix.clone()));
    }
    for prefix in wanted.write.difference(&is.write) {
        role(true, Right::Write(prefix.clone()));
    }
    Ok(ops)
}

/// All that a member may do, by one word.
fn everywhere(role: Role) -> Result<state::Member> {
    let main = BTreeSet::from(["main".to_owned()]);
    let mut wanted = state::Member::default();
    match role {
        Role::Admin => wanted.admin = true,
        Role::Write => (wanted.read, wanted.write) = (main, [Prefix::default()].into()),
        Role::Read => wanted.read = main,
        Role::None => {
            return Err(Error::usage("a member who may do nothing at all")
                .hint("`vault member rm NAME` removes them; --path P takes one folder away"));
        }
    }
    Ok(wanted)
}

/// All that a member may do, with another role at one folder.
fn at(state: &State, is: &state::Member, role: Role, path: &Prefix) -> Result<state::Member> {
    let shown = escape(path.as_str());
    if is.admin || role == Role::Admin {
        return Err(Error::usage("an admin may do everything, everywhere")
            .hint("leave --path out; `vault member role NAME read` makes an admin less"));
    }
    let group = state.folder_owner(path).expect("main owns what nobody else does").to_owned();
    let is_root = state.prefixes_at(u64::MAX).get(path) == Some(&group.as_str());
    let mut wanted = is.clone();
    let below = |prefix: &Prefix| path.covers_prefix(prefix);
    if role != Role::Write
        && let Some(wider) = is.write.iter().find(|p| p.covers_prefix(path) && *p != path)
    {
        let wider = match wider.as_str() {
            "" => "everywhere".to_owned(),
            folder => format!("below {}", escape(folder)),
        };
        return Err(Error::usage(format!("they may write {wider}, which holds {shown}"))
            .hint("take that away first: `vault member role NAME read`, then grant folders"));
    }
    match role {
        Role::Write => {
            wanted.read.insert(group);
            if !is.write.iter().any(|p| p.covers_prefix(path)) {
                wanted.write.retain(|prefix| !below(prefix));
                wanted.write.insert(path.clone());
            }
        }
        Role::Read if is.read.contains(&group) => wanted.write.retain(|prefix| !below(prefix)),
        Role::Read | Role::None if !is_root => {
            return Err(Error::usage(format!(
                "reading is by group, and {shown} is no folder of its own: it is part of {group}"
            ))
            .hint(format!("make it one: vault group add NAME --path {shown}")));
        }
        Role::Read => {
            wanted.read.insert(group);
        }
        Role::None => {
            wanted.read.remove(&group);
            wanted.write.retain(|prefix| !below(prefix));
        }
        Role::Admin => unreachable!("refused above"),
    }
    Ok(wanted)
}
