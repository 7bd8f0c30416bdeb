//! Masks values in a stream of bytes, however they are split. Holds back only what could still
//! become a value; everything else passes byte for byte.

use std::collections::VecDeque;
use std::sync::Arc;

use zeroize::Zeroize;

use super::forms::{SHORTEST, forms};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// What is written in the place of a value, whatever its length.
pub const MASK: &[u8] = b"***";
/// Most bytes of all forms of all values in one tree of a scan: each takes a node of 24 bytes.
pub(super) const MOST: usize = 4 * 1024 * 1024;
/// The same where the output of a program is masked, of which there is one tree. Room for more nodes
/// than are made costs nothing: many forms have their beginning in common.
const MOST_MASKED: usize = 16 * 1024 * 1024;
/// Index of the root, and of nothing where a child or sibling is meant.
pub(super) const ROOT: u32 = 0;

/// A place in the tree of all forms: what was read ends with the bytes from the root to it.
struct Node {
    byte: u8,
    first_child: u32,
    sibling: u32,
    /// The longest proper suffix of it that is in the tree, too.
    fail: u32,
    depth: u32,
    /// Length of the longest form that ends here; 0 for none.
    ends: u32,
}

/// All forms of the values, as an automaton after Aho and Corasick. Its size is known before it is
/// built, so that no copy of a part of a value is left behind, and it is overwritten when dropped.
pub struct Masks {
    nodes: Vec<Node>,
    /// The children of the root by their byte: most bytes of most output are looked up there.
    first: [u32; 256],
    /// The children of those by both bytes: with many values they have many.
    second: Vec<u32>,
}

impl Masks {
    /// What masks these values. Those that are too short are passed over: [`Self::can_mask`].
    ///
    /// # Errors
    /// Usage if they are too large.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a Secret>) -> Result<Self> {
        let mut all: Vec<Secret> = Vec::new();
        let mut size = 0;
        for value in values {
            // Before the forms are made: they take a multiple.
            let made = if value.len() > MOST_MASKED { Vec::new() } else { forms(value.bytes()) };
            size += made.iter().map(Secret::len).sum::<usize>();
            if value.len() > MOST_MASKED || size > MOST_MASKED {
                return Err(Error::usage("the values are too large to be masked")
                    .hint("--no-mask passes what the program writes on as it is"));
            }
            all.extend(made);
        }
        let mut masks = Self::sized(size);
        for form in &all {
            let _ = masks.add(form.bytes());
        }
        masks.link();
        Ok(masks)
    }

    /// An empty one with room for forms of this many bytes: [`Self::add`] and [`Self::link`] follow.
    pub(super) fn sized(size: usize) -> Self {
        let (nodes, second) = (Vec::with_capacity(size + 1), vec![ROOT; 256 * 256]);
        let mut masks = Self { nodes, first: [ROOT; 256], second };
        masks.push(0, 0);
        masks
    }

    /// Goes on with one more byte of a stream, and says at which forms that ends (by what
    /// [`Self::add`] answered for them), the longest first.
    pub(super) fn step(&self, at: &mut u32, byte: u8, mut ends: impl FnMut(u32)) {
        *at = self.next(*at, byte);
        let mut end = *at;
        // Zero where no form ends here, nor at any suffix.
        while end != ROOT && self.node(end).ends > 0 {
            ends(end);
            end = self.node(end).fail;
        }
    }

    /// True if a value is long enough to be looked for.
    pub fn can_mask(value: &Secret) -> bool {
        value.len() >= SHORTEST
    }

    fn push(&mut self, byte: u8, depth: u32) -> u32 {
        let at = u32::try_from(self.nodes.len()).expect("the size is limited");
        self.nodes.push(Node { byte, first_child: 0, sibling: 0, fail: ROOT, depth, ends: 0 });
        at
    }

    /// Adds a form; the answer is the place in the tree where it ends.
    pub(super) fn add(&mut self, form: &[u8]) -> u32 {
        let mut at = ROOT;
        for &byte in form {
            at = match self.child(at, byte) {
                Some(child) => child,
                None => {
                    let child = self.push(byte, self.node(at).depth + 1);
                    self.nodes[child as usize].sibling = self.node(at).first_child;
                    self.nodes[at as usize].first_child = child;
                    match self.node(at).depth {
                        0 => self.first[usize::from(byte)] = child,
                        1 => {
                            let pair = pair(self.node(at).byte, byte);
                            self.second[pair] = child;
                        }
                        _ => {}
                    }
                    child
                }
            };
        }
        self.nodes[at as usize].ends = self.node(at).depth;
        at
    }

    /// Sets where to go on when a byte does not fit, from the root outwards.
    pub(super) fn link(&mut self) {
        let mut queue = VecDeque::from([ROOT]);
        while let Some(at) = queue.pop_front() {
            let mut child = self.node(at).first_child;
            while child != ROOT {
                let byte = self.node(child).byte;
                if at != ROOT {
                    let fail = self.next(self.node(at).fail, byte);
                    let ends = self.node(child).ends.max(self.node(fail).ends);
                    let node = &mut self.nodes[child as usize];
                    (node.fail, node.ends) = (fail, ends);
                }
                queue.push_back(child);
                child = self.node(child).sibling;
            }
        }
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    fn child(&self, at: u32, byte: u8) -> Option<u32> {
        if at == ROOT {
            let child = self.first[usize::from(byte)];
            return (child != ROOT).then_some(child);
        }
        let node = self.node(at);
        if node.depth == 1 {
            let child = self.second[pair(node.byte, byte)];
            return (child != ROOT).then_some(child);
        }
        let mut child = node.first_child;
        while child != ROOT && self.node(child).byte != byte {
            child = self.node(child).sibling;
        }
        (child != ROOT).then_some(child)
    }

    fn next(&self, mut at: u32, byte: u8) -> u32 {
        loop {
            match self.child(at, byte) {
                Some(child) => return child,
                None if at == ROOT => return ROOT,
                None => at = self.node(at).fail,
            }
        }
    }
}

/// Where the table of pairs has these two bytes.
fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

impl Drop for Masks {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.byte.zeroize());
        self.first.zeroize();
        self.second.zeroize();
    }
}

/// One stream that is masked.
pub struct Masked {
    masks: Arc<Masks>,
    at: u32,
    /// What was read and not yet passed on: at least as many bytes as the automaton is deep.
    held: Secret,
    /// How many bytes were read before those.
    before: u64,
    /// Where values were found that no mask was written for yet: from and to, without overlap.
    found: VecDeque<(u64, u64)>,
    /// Up to here, a mask that was written stands in the place of what was read.
    masked_to: u64,
}

impl Masked {
    /// A stream of which nothing was read yet.
    pub fn new(masks: Arc<Masks>) -> Self {
        let held = Secret::with_capacity(4096);
        Self { masks, at: ROOT, held, before: 0, found: VecDeque::new(), masked_to: 0 }
    }

    /// Reads bytes, and appends to `out` what can no longer become a part of a value.
    pub fn read(&mut self, bytes: &[u8], out: &mut Secret) {
        for &byte in bytes {
            self.held.push(byte);
            self.at = self.masks.next(self.at, byte);
            let node = self.masks.node(self.at);
            let (ends, depth) = (u64::from(node.ends), node.depth as usize);
            if ends > 0 {
                self.mask(ends);
            }
            // Moving what is left is not worth it for every byte.
            if self.held.len() >= 2 * depth + 4096 {
                self.pass(self.held.len() - depth, out);
            }
        }
        let depth = self.masks.node(self.at).depth as usize;
        self.pass(self.held.len().saturating_sub(depth), out);
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        (self.end() - self.masked_to.clamp(self.before, self.end())) as usize
    }

    /// Passes on what is held back. If it becomes a value all the same, the rest of it is masked.
    pub fn flush(&mut self, out: &mut Secret) {
        self.pass(self.held.len(), out);
    }

    fn end(&self) -> u64 {
        self.before + self.held.len() as u64
    }

    /// The last `len` bytes are a value. What overlaps gets one mask.
    fn mask(&mut self, len: u64) {
        let end = self.end();
        // What was flushed before it was known to be a value is out.
        let mut begin = (end - len).max(self.before);
        while let Some((from, _)) = self.found.pop_back_if(|(_, to)| *to > begin) {
            begin = begin.min(from);
        }
        self.found.push_back((begin, end));
    }

    /// Passes on this many of the bytes that are held, or a mask.
    fn pass(&mut self, len: usize, out: &mut Secret) {
        let limit = self.before + len as u64;
        let mut at = self.before;
        // One that begins here is certain to be masked, whatever it becomes a part of.
        while let Some((from, to)) = self.found.pop_front_if(|(from, _)| *from <= limit) {
            if from >= self.masked_to {
                self.copy(at.max(self.masked_to), from, out);
                out.extend(MASK);
            }
            self.masked_to = self.masked_to.max(to);
            at = from;
        }
        self.copy(at.max(self.masked_to), limit, out);
        let rest = Secret::copy_of(&self.held.bytes()[len..]);
        self.held.truncate(0);
        self.held.extend(rest.bytes());
        self.before = limit;
    }

    /// Copies held bytes by their places in the stream.
    fn copy(&self, from: u64, to: u64, out: &mut Secret) {
        if from < to {
            let place = |at: u64| (at - self.before) as usize;
            out.extend(&self.held.bytes()[place(from)..place(to)]);
        }
    }
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
