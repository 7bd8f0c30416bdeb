//! From one state to the next: which note may follow, and what it does. Everything a note must
//! hold or must not hold is checked here (`docs/FORMAT.md`, "Team chain").

use std::collections::BTreeSet;

use super::note::{Note, SignedNote};
use super::ops::{Op, Right, WrapChoice};
use super::state::{Generation, Group, Member, State};
use crate::core::cipher::{Hash, PublicKey};
use crate::core::path::Prefix;

/// Why bytes are not the next note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody who may sign here signed it: the chain ends before it.
    Void,
    /// It is signed by somebody who may, but breaks a rule: the chain is refused.
    Invalid(&'static str),
}

type Step = Result<(), &'static str>;

/// Reads note 0: its hash is the vault id, and it is signed by the admin that it names.
///
/// # Errors
/// The rule that is broken.
pub fn first(bytes: &[u8]) -> Result<(Note, State), &'static str> {
    let signed = SignedNote::split(bytes).ok_or("not a signed note")?;
    let note = Note::parse(signed.unverified()).ok_or("not in the form of a note")?;
    let [
        Op::Genesis(_),
        Op::MemberAdd(member),
        Op::KeyAdd { member: keyed, key, .. },
        Op::Role { member: admin, grant: true, right: Right::Admin },
        Op::RecoverySet { .. },
        Op::GroupSet { group: set, prefixes, .. },
        Op::Keyring { group: keyring, generation: 1, .. },
    ] = note.ops.as_slice()
    else {
        return Err("note 0 does not have the seven ops of a first note");
    };
    if signed.verify(key).is_none() {
        return Err("note 0 is not signed by its admin");
    }
    let everything = prefixes.len() == 1 && prefixes.contains(&Prefix::default());
    if keyed != member || admin != member || set != "main" || keyring != "main" || !everything {
        return Err("note 0 does not make one admin and the group main");
    }
    if note.seq != 0 || note.prev != [0; 32] {
        return Err("note 0 is not a first note");
    }
    let state = after(&State::default(), &note.ops, 0)?;
    if state.hash() != note.state {
        return Err("its state hash is not that of the state it leads to");
    }
    Ok((note, state))
}

/// Reads the note that follows the note with hash `last_hash` and leads on from `state`.
///
/// # Errors
/// [`Refusal`].
pub fn next(
    vault: &Hash,
    last_seq: u64,
    last_hash: &Hash,
    state: &State,
    bytes: &[u8],
) -> Result<(Note, State), Refusal> {
    let signed = SignedNote::split(bytes).ok_or(Refusal::Void)?;
    let (key, recovery) = entitled(state, &signed).ok_or(Refusal::Void)?;
    let text = signed.verify(key).ok_or(Refusal::Void)?;
    let note = Note::parse(text).ok_or(Refusal::Invalid("it is not in the form of a note"))?;
    if note.vault != Some(*vault) {
        // A note of another vault of the same admin, copied here by the storage.
        return Err(Refusal::Void);
    }
    if note.seq != last_seq + 1 {
        // An earlier note, copied here by the storage: refusing the chain for it would let the
        // storage end it for good.
        return Err(Refusal::Void);
    }
    if note.prev != *last_hash {
        return Err(Refusal::Invalid("it does not follow the note before it"));
    }
    if recovery != matches!(note.ops.as_slice(), [Op::RecoveryUsed { .. }]) {
        return Err(Refusal::Invalid(
            "the recovery key signs `recovery-used`, alone, and nothing else",
        ));
    }
    let after = after(state, &note.ops, note.seq).map_err(Refusal::Invalid)?;
    if after.hash() != note.state {
        return Err(Refusal::Invalid("its state hash is not that of the state it leads to"));
    }
    Ok((note, after))
}

/// The key that claims to have signed, if it may sign the next note; true for the recovery key.
fn entitled<'a>(state: &'a State, signed: &SignedNote<'_>) -> Option<(&'a PublicKey, bool)> {
    if let Some((_, member)) = state.member_of(signed.by) {
        let (key, _) = state.key(signed.by)?;
        return member.admin.then_some((key, false));
    }
    let (key, _) = state.recovery.as_ref()?;
    (crate::core::header::KeyId::of(key) == signed.by).then_some((key, true))
}

/// The state after `ops` as note `seq`.
///
/// # Errors
/// The rule that is broken.
pub fn after(before: &State, ops: &[Op], seq: u64) -> Result<State, &'static str> {
    let Applied { mut state, wraps, sets, rotated, cut } = apply(before, ops, seq)?;
    for (group, wrap) in &wraps {
        let current = state.groups.get(group).and_then(|g| g.generations.last());
        if current.map(|g| &g.wrap) != Some(wrap) {
            return Err("a changed wrap, or a new group, without a new generation");
        }
    }
    let owned = state.prefixes_at(seq);
    for (group, prefixes) in sets {
        if prefixes.iter().any(|prefix| owned.get(prefix) != Some(&group.as_str())) {
            return Err("a prefix with two owners");
        }
    }
    check_rotation(before, &state, ops, seq, &rotated, &cut)?;
    if !state.members.values().any(|m| m.admin && !m.keys.is_empty()) {
        return Err("the last admin cannot be removed");
    }
    let mut known = exposed(before, &state);
    known.extend(moved_from_readers(before, &state));
    if seq > 0 && before.recovery != state.recovery {
        known.extend(state.groups.keys().cloned());
    }
    for group in known {
        if let Some(group) = state.groups.get_mut(&group) {
            group.exposed = Some(seq);
        }
    }
    Ok(state)
}

/// What a note needs beside the ops that somebody asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Needs {
    /// Groups that need a new generation and a cut.
    pub rotate: BTreeSet<String>,
    /// Groups that go on in their generation, with a keyring for other people.
    pub rekey: BTreeSet<String>,
    /// Members, groups and rights as they are after the ops.
    pub state: State,
}

/// What must go into note `seq` beside `ops`, none of which is a keyring or a cut.
///
/// # Errors
/// The rule that the ops break.
pub fn needs(before: &State, ops: &[Op], seq: u64) -> Result<Needs, &'static str> {
    let Applied { state, wraps, .. } = apply(before, ops, seq)?;
    let mut rotate = needed(before, &state, ops);
    for (group, wrap) in wraps {
        let current = before.groups.get(&group).and_then(|g| g.generations.last());
        if current.is_none_or(|generation| generation.wrap != wrap) {
            rotate.insert(group);
        }
    }
    let rekey = |group: &&String| {
        let people = |state: &State| {
            let mut people: Vec<_> =
                state.recipients(group).into_iter().map(str::to_owned).collect();
            people.sort();
            people
        };
        !rotate.contains(*group) && people(before) != people(&state)
    };
    let rekey = state.groups.keys().filter(rekey).cloned().collect();
    Ok(Needs { rotate, rekey, state })
}

/// A state with ops applied, and what has to be checked of them together.
struct Applied<'o> {
    state: State,
    wraps: Vec<(String, WrapChoice)>,
    sets: Vec<(&'o String, &'o BTreeSet<Prefix>)>,
    rotated: BTreeSet<String>,
    cut: BTreeSet<String>,
}

fn apply<'o>(before: &State, ops: &'o [Op], seq: u64) -> Result<Applied<'o>, &'static str> {
    let mut state = before.clone();
    let mut rotated = BTreeSet::new();
    let mut cut = BTreeSet::new();
    let mut rung = BTreeSet::new();
    let mut wraps: Vec<(String, WrapChoice)> = Vec::new();
    let mut sets = Vec::new();
    for op in ops {
        match op {
            Op::GroupSet { group, wrap, prefixes } => {
                if wraps.iter().any(|(g, _)| g == group) {
                    return Err("a group is set twice");
                }
                set_group(&mut state, group, prefixes, seq)?;
                wraps.push((group.clone(), wrap.clone()));
                sets.push((group, prefixes));
            }
            Op::Keyring { group, generation, files } => {
                if !rung.insert(group.clone()) {
                    return Err("a group has two keyrings");
                }
                let wrap = wraps.iter().find(|(g, _)| g == group).map(|(_, w)| w.clone());
                let group_state = state.groups.get_mut(group).ok_or("an unknown group")?;
                if *generation == group_state.generation() + 1 {
                    let last = group_state.generations.last().map(|g| g.wrap.clone());
                    let wrap = wrap.or(last).ok_or("a new group without a wrap")?;
                    group_state.generations.push(Generation { since: seq, wrap });
                    rotated.insert(group.clone());
                } else if *generation != group_state.generation() {
                    return Err("a keyring of a generation that is neither current nor next");
                }
                group_state.keyring = files.clone();
            }
            Op::Cut { group, hash } => {
                if !cut.insert(group.clone()) {
                    return Err("a group has two cuts");
                }
                state.groups.get_mut(group).ok_or("an unknown group")?.cut = Some(*hash);
            }
            Op::Genesis(_) if seq != 0 => return Err("`genesis` outside note 0"),
            Op::Genesis(_) => {}
            other => apply_to_members(&mut state, other, seq)?,
        }
    }
    Ok(Applied { state, wraps, sets, rotated, cut })
}

fn set_group(state: &mut State, group: &str, prefixes: &BTreeSet<Prefix>, seq: u64) -> Step {
    let new = Group { generations: vec![], keyring: vec![], cut: None, exposed: None };
    state.groups.entry(group.to_owned()).or_insert(new);
    let before: Vec<(Prefix, String)> =
        state.prefixes_at(seq).into_iter().map(|(p, g)| (p.clone(), g.to_owned())).collect();
    let root_owner = if prefixes.contains(&Prefix::default()) { group } else { "main" };
    if (group == "main") != prefixes.contains(&Prefix::default()) || root_owner != "main" {
        return Err("the group main, and no other, has the empty prefix");
    }
    for prefix in prefixes {
        let owner = before.iter().find(|(p, _)| p == prefix).map(|(_, g)| g.as_str());
        if owner != Some(group) {
            state.owners.insert((seq, prefix.clone()), Some(group.to_owned()));
        }
    }
    for (prefix, owner) in &before {
        if owner == group && !prefixes.contains(prefix) {
            state.owners.insert((seq, prefix.clone()), None);
        }
    }
    Ok(())
}

fn apply_to_members(state: &mut State, op: &Op, seq: u64) -> Step {
    match op {
        Op::MemberAdd(name) => {
            if state.members.insert(name.clone(), Member::default()).is_some() {
                return Err("a member that is already there");
            }
        }
        Op::MemberRemove(name) => {
            let member = state.members.remove(name).ok_or("an unknown member")?;
            state.retired.extend(member.keys.into_keys().map(|key| (key, name.clone())));
        }
        Op::KeyAdd { member, key, recipient } => {
            if state.knows(key) {
                return Err("a key that was in the chain before");
            }
            let member = state.members.get_mut(member).ok_or("an unknown member")?;
            member.keys.insert(*key, recipient.clone());
        }
        Op::KeyRemove { member: name, key } => {
            let member = state.members.get_mut(name).ok_or("an unknown member")?;
            member.keys.remove(key).ok_or("an unknown key")?;
            state.retired.insert(*key, name.clone());
        }
        Op::Role { member, grant, right } => {
            if let Right::Read(group) = right
                && !state.groups.contains_key(group)
            {
                return Err("an unknown group");
            }
            let member = state.members.get_mut(member).ok_or("an unknown member")?;
            let changed = match right {
                Right::Admin => std::mem::replace(&mut member.admin, *grant) != *grant,
                Right::Read(group) if *grant => member.read.insert(group.clone()),
                Right::Read(group) => member.read.remove(group),
                Right::Write(prefix) if *grant => member.write.insert(prefix.clone()),
                Right::Write(prefix) => member.write.remove(prefix),
            };
            if !changed {
                return Err("a right that is already there, or was not");
            }
        }
        Op::RecoveryUsed { member, key, recipient } => {
            if state.knows(key) {
                return Err("a key that was in the chain before");
            }
            let admin = state.members.entry(member.clone()).or_default();
            admin.admin = true;
            admin.keys.insert(*key, recipient.clone());
            state.recovery_used.insert(seq, member.clone());
        }
        Op::RecoverySet { key, recipient } => {
            if state.knows(key) {
                return Err("a key that was in the chain before");
            }
            if let Some((old, _)) = state.recovery.replace((*key, recipient.clone())) {
                state.retired.insert(old, "recovery".to_owned());
            }
        }
        Op::Restored(hash) => {
            if state.restored.insert(seq, *hash).is_some() {
                return Err("`restored` twice");
            }
        }
        Op::Genesis(_) | Op::GroupSet { .. } | Op::Keyring { .. } | Op::Cut { .. } => {
            unreachable!("handled by the caller")
        }
    }
    Ok(())
}

/// Whoever loses a key, a right to write, a wrap or a prefix must not be able to go on with the
/// keys of the old generation: each affected group carries a new one, and a cut.
fn check_rotation(
    before: &State,
    after: &State,
    ops: &[Op],
    seq: u64,
    rotated: &BTreeSet<String>,
    cut: &BTreeSet<String>,
) -> Step {
    if seq == 0 {
        return if cut.is_empty() { Ok(()) } else { Err("a cut in note 0") };
    }
    if rotated != cut {
        return Err("a new generation and a cut go together");
    }
    if needed(before, after, ops).is_subset(rotated) {
        Ok(())
    } else {
        Err("a removal, a narrowed right or a moved prefix without a new generation and a cut")
    }
}

/// Groups that cannot go on in their generation.
fn needed(before: &State, after: &State, ops: &[Op]) -> BTreeSet<String> {
    let all = ops.iter().any(|op| matches!(op, Op::RecoverySet { .. } | Op::Restored(_)));
    let mut needed: BTreeSet<String> =
        if all { after.groups.keys().cloned().collect() } else { BTreeSet::new() };
    needed.extend(narrowed(before, after));
    let (was, is) = (before.prefixes_at(u64::MAX), after.prefixes_at(u64::MAX));
    for prefix in was.keys().chain(is.keys()) {
        let owner = after.folder_owner(prefix);
        if before.folder_owner(prefix) != owner {
            needed.extend(owner.map(str::to_owned));
        }
    }
    needed
}

/// Groups of which somebody lost a key, the right to read, or a right to write.
fn narrowed(before: &State, after: &State) -> BTreeSet<String> {
    let mut groups = exposed(before, after);
    for (name, was) in &before.members {
        let Some(is) = after.members.get(name) else { continue };
        for lost in rights(was).iter().filter(|p| !rights(is).iter().any(|q| q.covers_prefix(p))) {
            let overlapping = |group: &&String| {
                let prefixes = before.prefixes_at(u64::MAX);
                before.folder_owner(lost) == Some(group.as_str())
                    || prefixes.iter().any(|(p, g)| g == group && lost.covers_prefix(p))
            };
            let readable = before.groups.keys().filter(|group| before.may_read(was, group));
            groups.extend(readable.filter(overlapping).cloned());
        }
    }
    groups
}

/// Groups that a key could open before and cannot any more.
fn exposed(before: &State, after: &State) -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    for (name, was) in &before.members {
        let is = after.members.get(name);
        let key_lost = was.keys.keys().any(|key| is.is_none_or(|m| !m.keys.contains_key(key)));
        for group in before.groups.keys().filter(|group| before.may_read(was, group)) {
            if key_lost || is.is_none_or(|m| !after.may_read(m, group)) {
                groups.insert(group.clone());
            }
        }
    }
    groups
}

/// Groups that took a prefix over from a group which somebody can read who cannot read them: what
/// is below the prefix was read with the keys of the old group.
fn moved_from_readers(before: &State, after: &State) -> BTreeSet<String> {
    let (was, is) = (before.prefixes_at(u64::MAX), after.prefixes_at(u64::MAX));
    let mut groups = BTreeSet::new();
    for prefix in was.keys().chain(is.keys()) {
        let (Some(from), Some(to)) = (before.folder_owner(prefix), after.folder_owner(prefix))
        else {
            continue;
        };
        let reads_both = |(name, member): (&String, &Member)| {
            !before.may_read(member, from)
                || after.members.get(name).is_some_and(|m| after.may_read(m, to))
        };
        if from != to && !before.members.iter().all(reads_both) {
            groups.insert(to.to_owned());
        }
    }
    groups
}

fn rights(member: &Member) -> Vec<Prefix> {
    let everything = member.admin.then(Prefix::default);
    everything.into_iter().chain(member.write.iter().cloned()).collect()
}
