//! What a list can be narrowed to besides folders: values to be changed, and what is locked. Only
//! what is known counts.

use super::{Meta, Row};

/// A state that has a sign in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Somebody who may know the value was removed since it was set.
    Stale,
    /// In a group that this identity is not in.
    Locked,
}

impl Mark {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Stale, Self::Locked];

    /// The mark of a secret: the one whose sign it has.
    pub fn of(meta: &Meta) -> Option<Self> {
        match meta {
            Meta::Known(known) if !known.folder.may_read => Some(Self::Locked),
            Meta::Known(known) if known.stale => Some(Self::Stale),
            _ => None,
        }
    }

    /// What it means.
    pub fn title(self) -> &'static str {
        match self {
            Self::Stale => "change needed",
            Self::Locked => "locked",
        }
    }
}

/// How many secrets have each mark, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    counts: [u32; 2],
    /// Of how many nothing is known yet.
    unknown: u32,
}

impl Marks {
    /// Counts anew.
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut marks = Self::default();
        rows.iter().for_each(|row| marks.add(&row.meta));
        marks
    }

    pub(super) fn add(&mut self, meta: &Meta) {
        match Mark::of(meta) {
            Some(mark) => self.counts[mark as usize] += 1,
            None => self.unknown += u32::from(*meta == Meta::Unknown),
        }
    }

    pub(super) fn remove(&mut self, meta: &Meta) {
        match Mark::of(meta) {
            Some(mark) => self.counts[mark as usize] -= 1,
            None => self.unknown -= u32::from(*meta == Meta::Unknown),
        }
    }

    /// How many have this mark.
    pub fn count(&self, mark: Mark) -> u32 {
        self.counts[mark as usize]
    }

    /// True if there may be more.
    pub fn may_grow(&self) -> bool {
        self.unknown > 0
    }

    /// True if any secret has one.
    pub fn any(&self) -> bool {
        self.counts != [0, 0]
    }
}
