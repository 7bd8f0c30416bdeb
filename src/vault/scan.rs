//! Finds values of a vault in other data: which value, and in which line, never the value.

use std::collections::BTreeMap;

use super::forms::{SHORTEST_TRACE, traces};
use super::mask::{MOST, Masks, ROOT};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// Most trees of forms: each takes about 100 MiB.
const MOST_PARTS: usize = 16;

/// What is looked for: all forms of some values.
pub struct Traces(Vec<Part>);

/// As many forms as go into one tree.
struct Part {
    masks: Masks,
    /// The numbers of the values that a form is one of, by where it ends in the tree.
    values: BTreeMap<u32, Vec<usize>>,
}

impl Traces {
    /// What finds these values. Each is known by its number among them; those that are too short
    /// are passed over: [`Self::can_find`].
    ///
    /// # Errors
    /// Usage if they take too much memory.
    pub fn new(values: &[Secret]) -> Result<Self> {
        let (mut parts, mut all, mut size) = (Vec::new(), Vec::new(), 0);
        for (number, value) in values.iter().enumerate() {
            let forms = traces(value.bytes());
            let more: usize = forms.iter().map(Secret::len).sum();
            if size + more > MOST {
                parts.push(Part::new(std::mem::take(&mut all), size));
                size = 0;
                if parts.len() == MOST_PARTS {
                    return Err(Error::usage("there are too many values to look for at once")
                        .hint("--prefix FOLDER takes those below one folder"));
                }
            }
            size += more;
            all.push((number, forms));
        }
        parts.push(Part::new(all, size));
        Ok(Self(parts))
    }

    /// True if a value is long enough to be looked for.
    pub fn can_find(value: &Secret) -> bool {
        value.len() >= SHORTEST_TRACE
    }
}

impl Part {
    fn new(all: Vec<(usize, Vec<Secret>)>, size: usize) -> Self {
        let mut masks = Masks::sized(size);
        let mut values: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (number, forms) in &all {
            for form in forms {
                values.entry(masks.add(form.bytes())).or_default().push(*number);
            }
        }
        masks.link();
        Self { masks, values }
    }
}

/// One file or stream that is looked through.
pub struct Scan<'t> {
    parts: Vec<(&'t Part, u32)>,
    line: u64,
    found: BTreeMap<usize, Lines>,
}

/// The lines in which a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The first, from 1.
    pub first: u64,
    /// How many there are.
    pub count: u64,
    last: u64,
}

impl<'t> Scan<'t> {
    /// Nothing of it was read yet.
    pub fn new(traces: &'t Traces) -> Self {
        let parts = traces.0.iter().map(|part| (part, ROOT)).collect();
        Self { parts, line: 1, found: BTreeMap::new() }
    }

    /// Goes on with these bytes.
    pub fn read(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            for (part, at) in &mut self.parts {
                part.masks.step(at, byte, |end| {
                    for &value in part.values.get(&end).into_iter().flatten() {
                        let new = Lines { first: self.line, count: 0, last: 0 };
                        let lines = self.found.entry(value).or_insert(new);
                        lines.count += u64::from(lines.last != self.line);
                        lines.last = self.line;
                    }
                });
            }
            self.line += u64::from(byte == b'\n');
        }
    }

    /// The values that were found, by their numbers.
    pub fn found(self) -> BTreeMap<usize, Lines> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str], text: &str) -> Vec<(u64, usize)> {
        let values: Vec<Secret> = values.iter().map(|v| Secret::copy_of(v.as_bytes())).collect();
        let traces = Traces::new(&values).unwrap();
        let whole = {
            let mut scan = Scan::new(&traces);
            scan.read(text.as_bytes());
            scan.found()
        };
        let mut split = Scan::new(&traces);
        text.as_bytes().iter().for_each(|byte| split.read(&[*byte]));
        assert_eq!(split.found(), whole, "however it is split");
        let mut all: Vec<_> = whole.iter().map(|(value, lines)| (lines.first, *value)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn each_value_is_told_where_it_is() {
        let values = ["hunter2-hunter2", "two words", "hunter2!", "two words"];
        assert_eq!(found(&values, "a\nx=hunter2!\n"), [(2, 2)]);
        assert_eq!(found(&values, "two%20words"), [(1, 1), (1, 3)], "both that are the same");
        assert_eq!(found(&values, "\n\ndHdvIHdvcmRz\n"), [(3, 1), (3, 3)]);
        assert_eq!(found(&values, "hunter2-hunter2!"), [(1, 0), (1, 2)], "one inside another");
        assert_eq!(found(&values, "hunter2 two\nwords"), []);
        assert_eq!(found(&[], "anything"), []);
        let suffix = ["secret-horse", "correct-secret-horse"];
        assert_eq!(found(&suffix, "correct-secret-horse"), [(1, 0), (1, 1)]);
        assert_eq!(found(&suffix, "secret-horse"), [(1, 0)]);
    }

    #[test]
    fn lines_are_counted_once_each() {
        let traces = Traces::new(&[Secret::copy_of(b"hunter2-hunter2")]).unwrap();
        let mut scan = Scan::new(&traces);
        scan.read(b"\nhunter2-hunter2 hunter2-hunter2\n\nhunter2-hunter2\n");
        let lines = scan.found()[&0];
        assert_eq!((lines.first, lines.count), (2, 2));
    }

    #[test]
    fn many_values_go_into_several_trees() {
        let text = |i: usize| (0..400).map(|n| format!("{i}%{n}&")).collect::<String>();
        let value = |i: usize| Secret::copy_of(text(i).as_bytes());
        let values: Vec<Secret> = (0..150).map(value).collect();
        let traces = Traces::new(&values).unwrap();
        assert!(traces.0.len() > 1, "{}", traces.0.len());
        for number in [0, 75, 149] {
            let mut scan = Scan::new(&traces);
            scan.read(text(number).as_bytes());
            assert_eq!(scan.found().into_keys().collect::<Vec<_>>(), [number]);
        }
    }
}
