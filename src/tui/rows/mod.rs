//! The names of a vault as a list: what the filter and the folder leave of them, in which order,
//! and where the cursor is. Nothing here costs more with the number of names than a pass over
//! them; a frame looks only at the rows that it shows.

use std::sync::Arc;

use nucleo_matcher::{Config, Matcher};

use self::search::{Search, is_plain, letters};
use crate::vault::{Folder as Access, Path};

pub use self::folders::Folder;
pub use self::marks::{Mark, Marks};
pub use self::search::ranked;

mod folders;
mod marks;
mod search;

/// What is known of a secret besides its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meta {
    /// There is no answer yet.
    Unknown,
    /// The request failed.
    Failed,
    /// There is something under the name, but its header does not verify.
    Unverified,
    /// What its signed header says.
    Known(Known),
}

/// What a signed header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Number of the newest version.
    pub n: u64,
    /// When it was written, by its author's clock.
    pub time: u64,
    /// Who wrote it.
    pub author: Option<Box<str>>,
    /// Size of the stored body in bytes.
    pub size: u64,
    /// The folder that it is in.
    pub folder: Arc<Access>,
    /// Somebody who may know the value was removed since it was set.
    pub stale: bool,
}

/// A name.
pub struct Row {
    /// The name.
    pub path: Path,
    /// What else is known.
    pub meta: Meta,
    /// It is asked for, or was: not again before a reload.
    asked: bool,
    /// Which characters it holds, to pass over most names without looking at them.
    letters: u64,
}

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    Name,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// The list.
pub struct Rows {
    all: Vec<Row>,
    folders: Vec<Folder>,
    shown: Vec<u32>,
    cursor: usize,
    query: String,
    /// Found by this query, in the order of names, for the next longer one.
    found: Option<(String, Vec<u32>)>,
    folder: String,
    marks: Marks,
    mark: Option<Mark>,
    sort: Sort,
    matcher: Matcher,
    /// A search that has not looked at all names yet.
    search: Option<Search>,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            folders: Vec::new(),
            shown: Vec::new(),
            cursor: 0,
            query: String::new(),
            found: None,
            folder: String::new(),
            marks: Marks::default(),
            mark: None,
            sort: Sort::Name,
            matcher: Matcher::new(Config::DEFAULT.match_paths()),
            search: None,
        }
    }
}

impl Rows {
    /// How many names there are.
    pub fn total(&self) -> usize {
        self.all.len()
    }

    /// How many of them are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// True if none is shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The row at a line of the list.
    pub fn get(&self, line: usize) -> Option<&Row> {
        self.shown.get(line).map(|at| &self.all[*at as usize])
    }

    /// The row of a name.
    pub fn find(&self, path: &Path) -> Option<&Row> {
        self.place(path).ok().map(|at| &self.all[at])
    }

    /// What is known of a name from now on.
    pub fn set_meta(&mut self, path: &Path, meta: Meta) {
        if let Ok(at) = self.place(path) {
            self.marks.remove(&self.all[at].meta);
            self.marks.add(&meta);
            self.all[at].meta = meta;
        }
    }

    /// The line of the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The row of the cursor.
    pub fn selected(&self) -> Option<&Row> {
        self.get(self.cursor)
    }

    /// What the list is narrowed by.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The folder that is shown; empty for all.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// All folders, the one that stands for all names first.
    pub fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// How many secrets have each mark.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The mark that the list is narrowed to.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Lines of the folder pane: the folders, then the marks if there are any.
    pub fn places(&self) -> usize {
        self.folders.len() + if self.has_marks() { Mark::ALL.len() } else { 0 }
    }

    /// True if the folder pane shows the marks.
    pub fn has_marks(&self) -> bool {
        self.marks.any() || self.mark.is_some()
    }

    /// The order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Puts the cursor on a line, or the nearest that there is.
    pub fn go(&mut self, line: usize) {
        self.cursor = line.min(self.shown.len().saturating_sub(1));
    }

    /// Puts the cursor on a name, if it is shown.
    pub fn select(&mut self, path: &Path) -> bool {
        self.complete();
        let Ok(at) = self.place(path) else { return false };
        let line = self.shown.iter().position(|shown| *shown as usize == at);
        line.inspect(|line| self.cursor = *line).is_some()
    }

    /// Adds names that come behind all others.
    pub fn append(&mut self, names: Vec<Path>) {
        let start = self.all.len() as u32;
        self.all.extend(names.into_iter().map(row));
        self.all[start as usize..].iter().for_each(|row| self.marks.add(&row.meta));
        let all = self.folder.is_empty() && self.mark.is_none();
        if self.query.is_empty() && all && self.sort == Sort::Name {
            self.shown.extend(start..self.all.len() as u32);
        } else {
            (self.found, self.search) = (None, None);
            self.arrange();
        }
        // Not for every page: a pass over all names each time would add up.
        let counted = self.folders.first().map_or(0, |all| all.count as usize);
        if self.all.len() < 2_000 || self.all.len() > counted * 2 {
            self.folders = folders::count(&self.all);
        }
    }

    /// Puts these names, in order, into the place of the old ones. What was known and the place
    /// of the cursor are kept.
    pub fn replace(&mut self, names: Vec<Path>) {
        let selected = self.selected().map(|row| row.path.clone());
        let line = self.cursor;
        let mut old = std::mem::take(&mut self.all).into_iter().peekable();
        let keep = |path: Path| {
            while old.next_if(|row| row.path < path).is_some() {}
            // Shown until the fresh answer is there.
            let known = old.next_if(|row| row.path == path).map(|row| row.meta);
            let known = known.filter(|meta| matches!(meta, Meta::Known(_)));
            Row { meta: known.unwrap_or(Meta::Unknown), ..row(path) }
        };
        self.all = names.into_iter().map(keep).collect();
        self.finish();
        if !selected.is_some_and(|path| self.select(&path)) {
            self.go(line);
        }
    }

    /// Adds a name that was just written.
    pub fn insert(&mut self, path: Path) {
        if let Err(at) = self.place(&path) {
            self.keep_place(|rows| {
                rows.all.insert(at, row(path));
                rows.finish();
            });
        }
    }

    /// Removes a name that was just deleted.
    pub fn remove(&mut self, path: &Path) {
        if let Ok(at) = self.place(path) {
            self.all.remove(at);
            let line = self.cursor;
            self.finish();
            self.go(line);
        }
    }

    fn keep_place(&mut self, change: impl FnOnce(&mut Self)) {
        let selected = self.selected().map(|row| row.path.clone());
        change(self);
        selected.map(|path| self.select(&path));
    }

    /// All names are there.
    pub fn finish(&mut self) {
        (self.found, self.search) = (None, None);
        self.marks = Marks::of(&self.all);
        self.arrange();
        self.folders = folders::count(&self.all);
    }

    /// Narrows the list; the best match is first, and selected.
    pub fn filter(&mut self, query: &str) {
        let before = self.selected().map(|row| row.path.clone());
        self.query = query.to_owned();
        self.arrange();
        self.cursor = 0;
        if let Some(path) = before.filter(|_| query.is_empty()) {
            self.select(&path);
        }
    }

    /// Shows only what is below a folder.
    pub fn enter(&mut self, folder: &str) {
        self.folder = folder.to_owned();
        self.mark = None;
        (self.found, self.search) = (None, None);
        self.arrange();
        self.cursor = 0;
    }

    /// Shows only what has this mark, wherever it is.
    pub fn narrow(&mut self, mark: Mark) {
        self.enter("");
        self.mark = Some(mark);
        self.arrange();
    }

    /// More is known: what has the mark is looked for again.
    pub fn narrow_again(&mut self) {
        self.keep_place(|rows| {
            (rows.found, rows.search) = (None, None);
            rows.arrange();
        });
        self.go(self.cursor);
    }

    /// Changes the order; the cursor stays on its name.
    pub fn order(&mut self, sort: Sort) {
        self.sort = sort;
        let selected = self.selected().map(|row| row.path.clone());
        self.arrange();
        selected.map(|path| self.select(&path));
    }

    /// The names whose meta is to be asked for, among these lines.
    pub fn wanted(&mut self, lines: std::ops::Range<usize>, most: usize) -> Vec<Path> {
        let lines = lines.start.min(self.shown.len())..lines.end.min(self.shown.len());
        let mut wanted = Vec::new();
        for at in &self.shown[lines] {
            let row = &mut self.all[*at as usize];
            if !row.asked && wanted.len() < most {
                row.asked = true;
                wanted.push(row.path.clone());
            }
        }
        wanted
    }

    /// All names whose meta is to be asked for, shown or not.
    pub fn wanted_everywhere(&mut self) -> Vec<Path> {
        let unasked = self.all.iter_mut().filter(|row| !row.asked);
        let ask = |row: &mut Row| {
            row.asked = true;
            row.path.clone()
        };
        unasked.map(ask).collect()
    }

    /// Asks anew for what is not known.
    pub fn ask_again(&mut self) {
        for row in &mut self.all {
            row.asked = matches!(row.meta, Meta::Known(_));
        }
    }

    fn place(&self, path: &Path) -> Result<usize, usize> {
        self.all.binary_search_by(|row| row.path.cmp(path))
    }

    /// Fills `shown`.
    fn arrange(&mut self) {
        let query = self.query.trim();
        if query.is_empty() {
            (self.found, self.search) = (None, None);
            let inside = |at: &u32| self.below(*at);
            self.shown = (0..self.all.len() as u32).filter(inside).collect();
            self.by_age();
            return;
        }
        let candidates = match (self.found.take(), self.search.take()) {
            // What a longer query finds, the shorter one found, too.
            (Some((before, found)), _) if query.starts_with(&before) && is_plain(query) => found,
            (_, Some(search)) if query.starts_with(search.query()) && is_plain(query) => {
                search.possible()
            }
            _ => (0..self.all.len() as u32).filter(|at| self.below(*at)).collect(),
        };
        self.search = Some(Search::new(query, candidates));
        self.go_on();
    }

    /// True while a search has not looked at all names.
    pub fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Goes on with a search, for a slice of the names.
    pub fn go_on(&mut self) {
        let Some(mut search) = self.search.take() else { return };
        let done = search.step(&self.all, &mut self.matcher);
        self.shown.clear();
        self.shown.extend(search.ranked());
        match done {
            true => self.found = Some(search.finish()),
            false => self.search = Some(search),
        }
    }

    /// Ends a search at once, where its result is needed.
    pub fn complete(&mut self) {
        while self.is_searching() {
            self.go_on();
        }
    }

    /// True if a name is below the folder that is shown, or has the mark.
    fn below(&self, at: u32) -> bool {
        if let Some(mark) = self.mark {
            return Mark::of(&self.all[at as usize].meta) == Some(mark);
        }
        self.folder.is_empty()
            || self.all[at as usize]
                .path
                .as_str()
                .strip_prefix(self.folder.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn by_age(&mut self) {
        let time = |at: &u32| match &self.all[*at as usize].meta {
            Meta::Known(known) => Some(known.time),
            _ => None,
        };
        match self.sort {
            Sort::Name => {}
            // What is not known yet comes last in either order.
            Sort::Newest => {
                self.shown.sort_by_key(|at| std::cmp::Reverse(time(at)));
            }
            Sort::Oldest => self.shown.sort_by_key(|at| time(at).unwrap_or(u64::MAX)),
        }
    }
}

fn row(path: Path) -> Row {
    let letters = letters(path.as_str());
    Row { path, meta: Meta::Unknown, asked: false, letters }
}

#[cfg(test)]
mod tests;
