//! The team state: what the notes so far add up to, and its canonical text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use super::ops::{MAX_KEYRING_FILES, WrapChoice, is_member_name, prefix, recipient};
use crate::core::cipher::{Hash, PublicKey, sha256};
use crate::core::header::{GroupGen, KeyId, is_group_name};
use crate::core::json::{ascii_string, read_ascii_string};
use crate::core::path::{Prefix, SecretPath};
use crate::core::text::{decimal, hex, hex_array};

/// Largest state in bytes.
pub const MAX_STATE: u64 = 16 * 1024 * 1024;
const FIRST_LINE: &str = "vault-state/v1";

/// A person or machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// May do everything, and sign notes.
    pub admin: bool,
    /// Groups whose keyrings the member can open.
    pub read: BTreeSet<String>,
    /// Folders below which the member may write, in groups that it can read.
    pub write: BTreeSet<Prefix>,
    /// Devices: signing key and age recipient.
    pub keys: BTreeMap<PublicKey, String>,
}

/// One generation of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Seq of the note that opened it.
    pub since: u64,
    /// How its data keys are wrapped.
    pub wrap: WrapChoice,
}

/// A group: a set of folders with keys of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Generations, the first one first.
    pub generations: Vec<Generation>,
    /// SHA-256 of the age files of its keyring.
    pub keyring: Vec<Hash>,
    /// SHA-256 of its newest cut.
    pub cut: Option<Hash>,
    /// Seq of the newest note that took somebody's right to read it.
    pub exposed: Option<u64>,
}

impl Group {
    /// Number of the current generation.
    pub fn generation(&self) -> u64 {
        self.generations.len() as u64
    }

    /// A generation by its number, from 1.
    pub fn generation_at(&self, number: u64) -> Option<&Generation> {
        self.generations.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

/// What the notes so far add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Members by name.
    pub members: BTreeMap<String, Member>,
    /// Keys that are no longer anybody's, with the name of whose they were.
    pub retired: BTreeMap<PublicKey, String>,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// From which note on a prefix belongs to which group (`None`: to none of its own).
    pub owners: BTreeMap<(u64, Prefix), Option<String>>,
    /// The recovery identity: signing key and age recipient.
    pub recovery: Option<(PublicKey, String)>,
    /// When the recovery key was used, and for whom.
    pub recovery_used: BTreeMap<u64, String>,
    /// When the bucket came back from a backup, and the list of what was lost.
    pub restored: BTreeMap<u64, Hash>,
}

impl State {
    /// The group that owns `path` now.
    pub fn owner(&self, path: &SecretPath) -> Option<&str> {
        self.owner_where(u64::MAX, |prefix| prefix.covers(path))
    }

    /// The group that owns the folder `folder` now.
    pub fn folder_owner(&self, folder: &Prefix) -> Option<&str> {
        self.owner_where(u64::MAX, |prefix| prefix.covers_prefix(folder))
    }

    /// The longest prefix that matched after note `seq` decides.
    fn owner_where(&self, seq: u64, covers: impl Fn(&Prefix) -> bool) -> Option<&str> {
        let map = self.prefixes_at(seq);
        let (_, group) = map
            .into_iter()
            .filter(|(prefix, _)| covers(prefix))
            .max_by_key(|(prefix, _)| prefix.as_str().len())?;
        Some(group)
    }

    /// Which prefix belonged to which group after note `seq`.
    pub fn prefixes_at(&self, seq: u64) -> BTreeMap<&Prefix, &str> {
        let mut map = BTreeMap::new();
        for ((_, prefix), group) in self.owners.iter().take_while(|((at, _), _)| *at <= seq) {
            match group {
                Some(group) => map.insert(prefix, group.as_str()),
                None => map.remove(prefix),
            };
        }
        map
    }

    /// True if this generation of a group owned `path` at some time, now included.
    pub fn ever_owned(&self, g: &GroupGen, path: &SecretPath) -> bool {
        let Some(group) = self.groups.get(&g.group) else { return false };
        let Some(generation) = group.generation_at(g.generation) else { return false };
        let end = group.generation_at(g.generation + 1).map_or(u64::MAX, |next| next.since);
        let changes = self.owners.keys().map(|(seq, _)| *seq);
        std::iter::once(generation.since)
            .chain(changes.filter(|seq| (generation.since..end).contains(seq)))
            .any(|seq| {
                self.owner_where(seq, |prefix| prefix.covers(path)) == Some(g.group.as_str())
            })
    }

    /// Seq of the newest note after `since` that took somebody's right to read a group which owned
    /// `path` at some time from `since` to that note: the value that was set then is known to
    /// somebody who may not know it any more, wherever its folder belongs now.
    pub fn exposed_since(&self, path: &SecretPath, since: u64) -> Option<u64> {
        let changes = self.owners.keys().map(|(seq, _)| *seq).filter(|seq| *seq > since);
        let times: BTreeSet<u64> = std::iter::once(since).chain(changes).collect();
        let owned = times.into_iter().filter_map(|seq| {
            let group = self.owner_where(seq, |prefix| prefix.covers(path))?;
            let exposed = self.groups.get(group)?.exposed?;
            (exposed > since && exposed >= seq).then_some(exposed)
        });
        owned.max()
    }

    /// The group that note `seq` exposed and that owned `path` then or before.
    pub fn owner_of_loss(&self, path: &SecretPath, seq: u64) -> Option<String> {
        let changes = self.owners.keys().map(|(at, _)| *at).filter(|at| *at <= seq);
        let times: BTreeSet<u64> = changes.chain([seq]).collect();
        let mut groups = times.into_iter().rev();
        groups.find_map(|at| {
            let group = self.owner_where(at, |prefix| prefix.covers(path))?;
            (self.groups.get(group)?.exposed == Some(seq)).then(|| group.to_owned())
        })
    }

    /// The group that owns `path`, in its current generation.
    pub fn current(&self, path: &SecretPath) -> Option<GroupGen> {
        let group = self.owner(path)?;
        let generation = self.groups.get(group)?.generation();
        Some(GroupGen { group: group.to_owned(), generation })
    }

    /// A member's key, or one that was: key, and the name of whose it is or was.
    pub fn key(&self, id: KeyId) -> Option<(&PublicKey, &str)> {
        let current =
            self.members.iter().flat_map(|(name, m)| m.keys.keys().map(move |k| (k, name)));
        current
            .chain(self.retired.iter())
            .find(|(key, _)| KeyId::of(key) == id)
            .map(|(key, name)| (key, name.as_str()))
    }

    /// True if this key, or another one with the same id, was ever in the chain.
    pub fn knows(&self, key: &PublicKey) -> bool {
        let id = KeyId::of(key);
        self.key(id).is_some() || self.recovery.as_ref().is_some_and(|(k, _)| KeyId::of(k) == id)
    }

    /// The member whose key this is now.
    pub fn member_of(&self, id: KeyId) -> Option<(&str, &Member)> {
        let mut members = self.members.iter();
        let (name, member) =
            members.find(|(_, m)| m.keys.keys().any(|key| KeyId::of(key) == id))?;
        Some((name, member))
    }

    /// True if the member can open the keyring of `group`.
    pub fn may_read(&self, member: &Member, group: &str) -> bool {
        member.admin || member.read.contains(group)
    }

    /// True if this key may write at `path` now.
    pub fn may_write(&self, id: KeyId, path: &SecretPath) -> bool {
        let Some((_, member)) = self.member_of(id) else { return false };
        let Some(group) = self.owner(path) else { return false };
        member.admin || (member.read.contains(group) && member.write.iter().any(|p| p.covers(path)))
    }

    /// Names of the admins.
    pub fn admins(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|(_, m)| m.admin).map(|(name, _)| name.as_str())
    }

    /// The age recipients of a group's keyring: every device of everybody who can read it, and
    /// the recovery key.
    pub fn recipients(&self, group: &str) -> Vec<&str> {
        let members = self.members.values().filter(|m| self.may_read(m, group));
        let recovery = self.recovery.iter().map(|(_, recipient)| recipient);
        members.flat_map(|m| m.keys.values()).chain(recovery).map(String::as_str).collect()
    }

    /// SHA-256 of the canonical text.
    pub fn hash(&self) -> Hash {
        let lines = Lines::of(self);
        let mut parts: Vec<&[u8]> = vec![FIRST_LINE.as_bytes(), b"\n"];
        parts.extend(lines.sorted().into_iter().map(str::as_bytes));
        sha256(&parts)
    }

    /// Reads a canonical text; `None` unless it is exactly what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut state = Self::default();
        let mut generations = BTreeMap::new();
        for line in lines {
            state.read_line(line, &mut generations)?;
        }
        for ((group, number), generation) in generations {
            let group: &mut Group = state.groups.get_mut(&group)?;
            group.generations.push(generation);
            if group.generation() != number {
                return None;
            }
        }
        (state.to_string() == text).then_some(state)
    }

    fn read_line(
        &mut self,
        line: &str,
        generations: &mut BTreeMap<(String, u64), Generation>,
    ) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        let words: Vec<&str> = rest.split(' ').collect();
        match (kind, words.as_slice()) {
            ("cut", [group, hash]) => self.group(group)?.cut = Some(hex_array(hash)?),
            ("exposed", [group, seq]) => self.group(group)?.exposed = Some(decimal(seq)?),
            ("gen", [group, number, seq, wrap]) => {
                self.group(group)?;
                let generation =
                    Generation { since: decimal(seq)?, wrap: WrapChoice::parse(wrap)? };
                generations.insert(((*group).to_owned(), decimal(number)?), generation);
            }
            ("key", [key, member, ..]) => {
                let text = recipient(rest.splitn(3, ' ').nth(2)?)?;
                self.member(member)?.keys.insert(hex_array(key)?, text);
            }
            ("keyring", [group, hashes @ ..]) if hashes.len() <= MAX_KEYRING_FILES => {
                let hashes = hashes.iter().map(|h| hex_array(h)).collect::<Option<_>>()?;
                self.group(group)?.keyring = hashes;
            }
            ("member", [name]) => drop(self.member(name)?),
            ("owner", [seq, group, ..]) => {
                let text = read_ascii_string(rest.splitn(3, ' ').nth(2)?)?;
                let group = match *group {
                    "-" => None,
                    name => Some(is_group_name(name).then(|| name.to_owned())?),
                };
                self.owners.insert((decimal(seq)?, prefix(&text)?), group);
            }
            ("recovery", [key, ..]) => {
                self.recovery = Some((hex_array(key)?, recipient(rest.split_once(' ')?.1)?));
            }
            ("recovery-used", [seq, name]) if is_member_name(name) => {
                self.recovery_used.insert(decimal(seq)?, (*name).to_owned());
            }
            ("restored", [seq, hash]) => {
                self.restored.insert(decimal(seq)?, hex_array(hash)?);
            }
            ("retired", [key, name]) if is_member_name(name) => {
                self.retired.insert(hex_array(key)?, (*name).to_owned());
            }
            ("role", [name, "admin"]) => self.member(name)?.admin = true,
            ("role", [name, "read", group]) if is_group_name(group) => {
                self.member(name)?.read.insert((*group).to_owned());
            }
            ("role", [name, "write", ..]) => {
                let text = read_ascii_string(rest.splitn(3, ' ').nth(2)?)?;
                self.member(name)?.write.insert(prefix(&text)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn member(&mut self, name: &str) -> Option<&mut Member> {
        is_member_name(name).then(|| self.members.entry(name.to_owned()).or_default())
    }

    fn group(&mut self, name: &str) -> Option<&mut Group> {
        let empty = || Group { generations: vec![], keyring: vec![], cut: None, exposed: None };
        is_group_name(name).then(|| self.groups.entry(name.to_owned()).or_insert_with(empty))
    }
}

impl fmt::Display for State {
    /// The canonical text: a first line, then one line a fact, sorted by their bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        let lines = Lines::of(self);
        lines.sorted().into_iter().try_for_each(|line| f.write_str(line))
    }
}

/// The lines of a state in one buffer: a replay makes them anew for every note, and they are most
/// of its work.
struct Lines {
    text: String,
    ends: Vec<usize>,
}

impl Lines {
    /// In about their order, which makes sorting them cheap.
    fn of(state: &State) -> Self {
        let mut lines = Self { text: String::with_capacity(16 * 1024), ends: Vec::new() };
        for (name, group) in &state.groups {
            if let Some(hash) = group.cut {
                lines.add(format_args!("cut {name} {}", Hex(&hash)));
            }
            if let Some(seq) = group.exposed {
                lines.add(format_args!("exposed {name} {seq}"));
            }
            for (i, Generation { since, wrap }) in group.generations.iter().enumerate() {
                lines.add(format_args!("gen {name} {} {since} {wrap}", i + 1));
            }
            let files: Vec<_> = group.keyring.iter().map(|h| hex(h)).collect();
            lines.add(format_args!("keyring {name} {}", files.join(" ")));
        }
        for (name, member) in &state.members {
            for (key, recipient) in &member.keys {
                lines.add(format_args!("key {} {name} {recipient}", Hex(key)));
            }
        }
        for name in state.members.keys() {
            lines.add(format_args!("member {name}"));
        }
        for ((seq, prefix), group) in &state.owners {
            let group = group.as_deref().unwrap_or("-");
            lines.add(format_args!("owner {seq} {group} {}", ascii_string(prefix.as_str())));
        }
        if let Some((key, recipient)) = &state.recovery {
            lines.add(format_args!("recovery {} {recipient}", Hex(key)));
        }
        for (seq, name) in &state.recovery_used {
            lines.add(format_args!("recovery-used {seq} {name}"));
        }
        for (seq, hash) in &state.restored {
            lines.add(format_args!("restored {seq} {}", Hex(hash)));
        }
        for (key, name) in &state.retired {
            lines.add(format_args!("retired {} {name}", Hex(key)));
        }
        for (name, member) in &state.members {
            if member.admin {
                lines.add(format_args!("role {name} admin"));
            }
            for group in &member.read {
                lines.add(format_args!("role {name} read {group}"));
            }
            for prefix in &member.write {
                lines.add(format_args!("role {name} write {}", ascii_string(prefix.as_str())));
            }
        }
        lines
    }

    fn add(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing to a string");
        self.ends.push(self.text.len());
    }

    /// The lines with their ends, sorted without them: one may be the beginning of another.
    fn sorted(&self) -> Vec<&str> {
        let mut start = 0;
        let mut lines: Vec<&str> = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            lines.push(&self.text[std::mem::replace(&mut start, *end)..*end]);
        }
        lines.sort_by(|a, b| a.trim_end_matches('\n').cmp(b.trim_end_matches('\n')));
        lines
    }
}

/// 32 bytes in lower-case hex, without a string of their own.
struct Hex<'h>(&'h [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(base16ct::lower::encode_str(self.0, &mut digits).expect("64 digits"))
    }
}
