//! What was lost with a backup: as a value, in words, and as the text that a note pins.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use crate::core::cipher::Hash;
use crate::core::header::KeyId;
use crate::core::json::ascii_string;
use crate::core::path::{SecretPath, escape};
use crate::core::text::{decimal, hex, hex_array};
use crate::team::State;

/// Longest list of what was lost, in bytes.
pub(in super::super) const MAX_LOSS: usize = 8 * 1024 * 1024;

/// What the storage had and has no more.
#[derive(Clone, Debug, Default)]
pub struct Loss {
    /// Seq of the newest note that is as this device has seen it.
    pub kept: u64,
    /// How many notes after it are gone.
    pub notes: u64,
    /// What these notes had done, in words.
    pub undone: Vec<String>,
    /// Secrets of which a version is gone.
    pub versions: Vec<LostVersion>,
    /// Secrets that the newest cuts hold and of which nothing is left; their names are not known.
    pub unnamed: usize,
    /// True if an admin has said already that this is a backup.
    pub settled: bool,
}

/// A secret of which a version is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostVersion {
    /// Its name.
    pub path: SecretPath,
    /// The version that this device has seen, or that the newest cut holds.
    pub seen: u64,
    /// The newest one that is there, 0 for none. Where it is not lower, another one is in the place
    /// of what was seen.
    pub stored: u64,
}

impl Loss {
    /// True if everything that this device has seen is there.
    pub fn is_none(&self) -> bool {
        self.notes == 0 && self.versions.is_empty() && self.unnamed == 0
    }

    /// The object that the note names: for others to read before they agree. With the hashes of
    /// the notes that are given up, so that nobody takes it for a consent to give up others.
    pub(super) fn text(&self, notes: &[(u64, Hash)]) -> String {
        let mut text = format!("vault-restored/v1\nkept {}\nnotes {}\n", self.kept, self.notes);
        for (seq, hash) in notes {
            writeln!(text, "note {seq} {}", hex(hash)).expect("writing to a string");
        }
        for LostVersion { path, seen, stored } in &self.versions {
            let path = ascii_string(path.as_str());
            writeln!(text, "version {seen} {stored} {path}").expect("writing to a string");
        }
        for line in &self.undone {
            writeln!(text, "undone {}", ascii_string(line)).expect("writing to a string");
        }
        while text.len() > MAX_LOSS {
            text.truncate(text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1));
        }
        text
    }
}

/// The seqs of the notes that a list of what was lost says were lost.
pub(in super::super) fn lost_notes(text: &[u8]) -> Option<RangeInclusive<u64>> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    if lines.next()? != "vault-restored/v1" {
        return None;
    }
    let kept = decimal(lines.next()?.strip_prefix("kept ")?)?;
    let notes = decimal(lines.next()?.strip_prefix("notes ")?)?;
    (notes > 0).then(|| kept + 1..=kept.saturating_add(notes))
}

/// The hashes of notes that a list of what was lost gives up, by seq, ascending.
pub(super) fn given_up(text: &[u8]) -> Vec<(u64, Hash)> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let notes = text.lines().skip(3).map_while(|line| line.strip_prefix("note "));
    let parsed = notes.map_while(|note| {
        let (seq, hash) = note.split_once(' ')?;
        Some((decimal(seq)?, hex_array(hash)?))
    });
    parsed.collect()
}

/// What the notes between two states had done, in words, and what becomes of it. `stored`: what
/// holds now. `may`: what had been taken away, and was not again, this device takes away again.
pub(super) fn undone(kept: &State, known: &State, stored: &State, may: bool) -> Vec<String> {
    let again = |there: bool| match (may, there) {
        (true, _) => "is removed again",
        (false, false) => "was removed again",
        (false, true) => "is there again: an admin has to remove it again",
    };
    let mut lines = Vec::new();
    for name in known.members.keys().filter(|name| !kept.members.contains_key(*name)) {
        lines.push(format!("{name} had joined: add them again"));
    }
    for name in kept.members.keys().filter(|name| !known.members.contains_key(*name)) {
        let there = again(stored.members.contains_key(name));
        lines.push(format!("{name} had been removed: {there}"));
    }
    for (name, was) in &kept.members {
        let Some(is) = known.members.get(name) else { continue };
        for key in was.keys.keys().filter(|key| !is.keys.contains_key(*key)) {
            let there = again(stored.members.get(name).is_some_and(|m| m.keys.contains_key(key)));
            let key = KeyId::of(key);
            lines.push(format!("the device {key} of {name} had been removed: {there}"));
        }
        for key in is.keys.keys().filter(|key| !was.keys.contains_key(*key)) {
            let key = KeyId::of(key);
            lines.push(format!("{name} had a device {key}: add it again"));
        }
        if (was.admin, &was.read, &was.write) != (is.admin, &is.read, &is.write) {
            lines.push(format!(
                "the rights of {name} had changed: what was taken is taken again, what was given \
                 has to be given again"
            ));
        }
    }
    for group in known.groups.keys().filter(|group| !kept.groups.contains_key(*group)) {
        lines.push(format!("the group {} had been made: make it again", escape(group)));
    }
    let (was, is) = (kept.prefixes_at(u64::MAX), known.prefixes_at(u64::MAX));
    if was != is {
        lines.push("folders had moved between groups: move them again".to_owned());
    }
    for (name, group) in &kept.groups {
        let now = known.groups.get(name).and_then(|g| g.generations.last());
        if now.is_some_and(|now| Some(&now.wrap) != group.generations.last().map(|g| &g.wrap)) {
            lines.push(format!("the wrap of {name} had changed: set it again"));
        }
    }
    if kept.recovery != known.recovery {
        let old = kept.recovery.as_ref().map_or_else(String::new, |(key, _)| hex(&key[..4]));
        lines.push(format!("the recovery words had been replaced: replace them again ({old}…)"));
    }
    lines
}
