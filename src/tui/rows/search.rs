//! A fuzzy search over many names, in slices: a letter has its frame before all were looked at.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::Row;
use crate::vault::Path;

/// Names that are matched before the next frame: a letter and its frame stay well below 16 ms,
/// however many names there are.
pub(super) const SLICE: usize = 4_000;

/// A search on its way. Names go by their place among all.
pub(super) struct Search {
    query: String,
    pattern: Pattern,
    letters: u64,
    /// In the order of names; those before `at` have been looked at.
    candidates: Vec<u32>,
    at: usize,
    /// In the order of names.
    found: Vec<u32>,
    /// Score, turned round, and place.
    scored: Vec<u64>,
}

impl Search {
    /// A search among `candidates`. Nothing is looked at yet.
    pub(super) fn new(query: &str, candidates: Vec<u32>) -> Self {
        Self {
            query: query.to_owned(),
            pattern: pattern(query),
            letters: query.chars().filter(|c| !c.is_whitespace()).fold(0, |set, c| set | bit(c)),
            candidates,
            at: 0,
            found: Vec::new(),
            scored: Vec::new(),
        }
    }

    /// What it searches for.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// What a longer query may still find: what was found, and what was not looked at.
    pub(super) fn possible(mut self) -> Vec<u32> {
        self.found.extend_from_slice(&self.candidates[self.at..]);
        self.found
    }

    /// Looks at a slice of the names. True if that was the last.
    pub(super) fn step(&mut self, rows: &[Row], matcher: &mut Matcher) -> bool {
        let mut buffer = Vec::new();
        let (mut matched, sorted) = (0, self.scored.len());
        while matched < SLICE && self.at < self.candidates.len() {
            let at = self.candidates[self.at];
            self.at += 1;
            let row = &rows[at as usize];
            if row.letters & self.letters != self.letters {
                continue;
            }
            matched += 1;
            let text = Utf32Str::new(row.path.as_str(), &mut buffer);
            if let Some(score) = self.pattern.score(text, matcher) {
                self.found.push(at);
                self.scored.push(u64::from(u32::MAX - score) << 32 | u64::from(at));
            }
        }
        // By score, then by name. The stable sort sees that what was there is in order already.
        self.scored[sorted..].sort_unstable();
        self.scored.sort();
        self.at == self.candidates.len()
    }

    /// What was found so far, the best first.
    pub(super) fn ranked(&self) -> impl Iterator<Item = u32> {
        self.scored.iter().map(|scored| *scored as u32)
    }

    /// The query and what it found, in the order of names.
    pub(super) fn finish(self) -> (String, Vec<u32>) {
        (self.query, self.found)
    }
}

/// The places of the names that a query finds, the best first.
pub fn ranked(query: &str, names: &[Path]) -> Vec<usize> {
    let (pattern, mut matcher) = (pattern(query), Matcher::new(Config::DEFAULT.match_paths()));
    let mut buffer = Vec::new();
    let mut score =
        |name: &Path| pattern.score(Utf32Str::new(name.as_str(), &mut buffer), &mut matcher);
    let scored = names.iter().enumerate().filter_map(|(at, name)| Some((score(name)?, at)));
    let mut scored: Vec<(u32, usize)> = scored.collect();
    scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    scored.into_iter().map(|(_, at)| at).collect()
}

fn pattern(query: &str) -> Pattern {
    Pattern::new(query, CaseMatching::Smart, Normalization::Smart, AtomKind::Fuzzy)
}

/// Which characters a name holds, to pass over most names without looking at them.
pub(super) fn letters(name: &str) -> u64 {
    match name.is_ascii() {
        true => name.chars().fold(0, |set, c| set | bit(c)),
        // An accent may be left out when it is typed.
        false => u64::MAX,
    }
}

/// The bit of an ASCII character, without regard to case; none for others.
fn bit(c: char) -> u64 {
    match c.to_ascii_lowercase() {
        c @ 'a'..='z' => 1 << (c as u32 - 'a' as u32),
        c @ '0'..='9' => 1 << (26 + c as u32 - '0' as u32),
        c if c.is_ascii() => 1 << (36 + c as u32 % 28),
        _ => 0,
    }
}

/// False if a longer query may find more: `\` escapes what follows, and a capital letter makes
/// the whole word one of exact case.
pub(super) fn is_plain(query: &str) -> bool {
    !query.contains('\\')
}
