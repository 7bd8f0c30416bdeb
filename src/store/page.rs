//! Filling one page of a listing, for the stores that do their own sorting.

use super::{Listing, Page};

/// What becomes of a name that comes up in a walk.
pub(super) enum Place {
    /// Outside the listing, or rolled up into a prefix that needs no further look.
    Nowhere,
    /// It stands for itself.
    Itself,
    /// It is rolled up into the common prefix of this length.
    Prefix(usize),
}

/// Takes names in ascending order until the page is full.
pub(super) struct Filler<'a> {
    listing: &'a Listing<'a>,
    limit: usize,
    page: Page,
    last: String,
}

impl<'a> Filler<'a> {
    /// An empty page of at most `own_size` names where the listing sets no limit.
    pub(super) fn new(listing: &'a Listing<'a>, own_size: usize) -> Self {
        let limit = if listing.limit == 0 { own_size } else { listing.limit };
        Self { listing, limit, page: Page::default(), last: String::new() }
    }

    /// Where `name` belongs: a key, or a directory (ending in `/`) that stands for all the keys
    /// below it.
    pub(super) fn place(&self, name: &str) -> Place {
        let Some(rest) = name.strip_prefix(self.listing.prefix) else { return Place::Nowhere };
        let found = self.listing.delimiter.and_then(|d| Some(rest.find(d)? + d.len_utf8()));
        match found.map(|end| self.listing.prefix.len() + end) {
            None => Place::Itself,
            Some(end) if name[..end] <= *self.listing.start_after => Place::Nowhere,
            Some(end) if name[..end] == self.last => Place::Nowhere,
            Some(end) => Place::Prefix(end),
        }
    }

    /// Adds a key. `false` if it has no room: the page is complete and there is more.
    pub(super) fn key(&mut self, key: &str) -> bool {
        let room = self.room_for(key);
        if room {
            self.page.keys.push(key.to_owned());
        }
        room
    }

    /// Adds a common prefix; else as [`Self::key`].
    pub(super) fn prefix(&mut self, prefix: &str) -> bool {
        let room = self.room_for(prefix);
        if room {
            self.page.prefixes.push(prefix.to_owned());
        }
        room
    }

    /// The page.
    pub(super) fn finish(self) -> Page {
        self.page
    }

    fn room_for(&mut self, name: &str) -> bool {
        if self.page.keys.len() + self.page.prefixes.len() == self.limit {
            self.page.next = Some(self.last.clone());
            return false;
        }
        self.last.clear();
        self.last.push_str(name);
        true
    }
}
