//! Which values are sealed, by the names above them. Who made the file chooses the rule, and it is
//! followed before the MAC can be checked: a pattern is limited, and tried once on each name.

use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};

use super::INSTEAD;
use crate::core::error::{Error, Result};

/// Longest pattern, in bytes, and most that it may become.
const MAX_PATTERN: usize = 1024;
const MAX_REGEX: usize = 256 * 1024;
/// Most that a pattern is tried on, in bytes.
const MAX_TRIED: usize = 4 * 1024 * 1024;

/// Which values are sealed.
pub enum Rule {
    /// All but those below a name with this end.
    AllBut(String),
    /// Those below a name with this end.
    Only(String),
    /// All but those below a name that matches.
    AllButMatching(Regex),
    /// Those below a name that matches.
    OnlyMatching(Regex),
}

impl Rule {
    /// What a file says; sops allows one rule in it.
    ///
    /// # Errors
    /// Usage for several, and for patterns that are not read here.
    pub fn read(text: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut rules = Vec::new();
        for name in
            ["unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex"]
        {
            let Some(value) = text(name) else { continue };
            rules.push(match name {
                "unencrypted_suffix" => Self::AllBut(value),
                "encrypted_suffix" => Self::Only(value),
                "unencrypted_regex" => Self::AllButMatching(regex(&value)?),
                _ => Self::OnlyMatching(regex(&value)?),
            });
        }
        match (rules.pop(), rules.is_empty()) {
            (None, _) => Ok(Self::AllBut("_unencrypted".to_owned())),
            (Some(rule), true) => Ok(rule),
            _ => {
                Err(Error::usage("the file has more than one rule of what is sealed").hint(INSTEAD))
            }
        }
    }

    /// The rule at the top, where there is no name yet.
    pub fn start(&self) -> Matches<'_> {
        Matches { rule: self, known: HashMap::new(), tried: 0, above: Vec::new() }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::AllBut(end) | Self::Only(end) => name.ends_with(end.as_str()),
            Self::AllButMatching(regex) | Self::OnlyMatching(regex) => regex.is_match(name),
        }
    }
}

fn regex(pattern: &str) -> Result<Regex> {
    let built = RegexBuilder::new(pattern).size_limit(MAX_REGEX).build().ok();
    built.filter(|_| pattern.len() <= MAX_PATTERN).ok_or_else(|| {
        Error::usage("the file says by a pattern that is not known here what is sealed")
            .hint(INSTEAD)
    })
}

/// A rule on the way through a tree.
pub struct Matches<'s> {
    rule: &'s Rule,
    known: HashMap<&'s str, bool>,
    tried: usize,
    /// For each name above, whether it or one before it matches.
    above: Vec<bool>,
}

impl<'s> Matches<'s> {
    /// Goes below a name.
    ///
    /// # Errors
    /// Usage if there are too many for a pattern.
    pub fn enter(&mut self, name: &'s str) -> Result<()> {
        let matches = match self.known.get(name) {
            Some(matches) => *matches,
            None => {
                self.tried += name.len();
                if self.tried > MAX_TRIED {
                    return Err(Error::usage("the file has more names than are looked at here")
                        .hint(INSTEAD));
                }
                let matches = self.rule.matches(name);
                self.known.insert(name, matches);
                matches
            }
        };
        self.above.push(matches || self.above.last() == Some(&true));
        Ok(())
    }

    /// Comes back from it.
    pub fn leave(&mut self) {
        self.above.pop();
    }

    /// Whether a value here is sealed.
    pub fn seals(&self) -> bool {
        let matches = self.above.last() == Some(&true);
        match self.rule {
            Rule::AllBut(_) | Rule::AllButMatching(_) => !matches,
            Rule::Only(_) | Rule::OnlyMatching(_) => matches,
        }
    }
}
