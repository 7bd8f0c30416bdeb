//! The generator: a kind, a length, and a value that nobody has yet.

use std::time::Duration;

use super::message::Id;
use crate::vault::Path;
use crate::vault::Secret;
use crate::vault::generate::{Alphabet, PASSPHRASE_WORDS, PASSWORD_LENGTH, Spec};

/// What the value is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The new value of this secret.
    Secret(Path),
    /// This line of the form below.
    Line(usize),
    /// Nothing: it can be copied.
    Nothing,
}

/// The popup.
pub struct Generator {
    /// What is drawn.
    pub spec: Spec,
    /// What was drawn.
    pub value: Secret,
    /// It is shown until then.
    pub until: Option<Duration>,
    /// What it is for.
    pub target: Target,
    /// The read that tells which field it is for.
    pub busy: Option<Id>,
}

impl Generator {
    /// With a first value.
    pub fn new(target: Target) -> Self {
        let spec = Spec::default();
        Self { spec, value: spec.generate(), until: None, target, busy: None }
    }

    /// Draws another one.
    pub fn again(&mut self) {
        self.value = self.spec.generate();
    }

    /// The next kind.
    pub fn next_kind(&mut self) {
        let password = |alphabet| Spec::Password { length: PASSWORD_LENGTH, alphabet };
        self.spec = match self.spec {
            Spec::Password { alphabet: Alphabet::Alnum, .. } => password(Alphabet::Symbols),
            Spec::Password { alphabet: Alphabet::Symbols, .. } => password(Alphabet::Hex),
            Spec::Password { alphabet: Alphabet::Hex, .. } => {
                Spec::Password { length: 6, alphabet: Alphabet::Digits }
            }
            Spec::Password { alphabet: Alphabet::Digits, .. } => {
                Spec::Passphrase { words: PASSPHRASE_WORDS }
            }
            Spec::Passphrase { .. } => password(Alphabet::Alnum),
        };
        self.again();
    }

    /// Longer or shorter, within what is allowed.
    pub fn resize(&mut self, by: isize) {
        let (size, limits) = match &mut self.spec {
            Spec::Password { length, alphabet: Alphabet::Digits } => (length, 4..=64),
            Spec::Password { length, .. } => (length, 8..=128),
            Spec::Passphrase { words } => (words, 4..=12),
        };
        *size = size.saturating_add_signed(by).clamp(*limits.start(), *limits.end());
        self.again();
    }

    /// Kind and size in words.
    pub fn describe(&self) -> String {
        match self.spec {
            Spec::Passphrase { words } => format!("{words} words"),
            Spec::Password { length, alphabet } => {
                let of = match alphabet {
                    Alphabet::Alnum => "letters and digits",
                    Alphabet::Symbols => "letters, digits and symbols",
                    Alphabet::Digits => "digits",
                    Alphabet::Hex => "hex digits",
                };
                format!("{length} {of}")
            }
        }
    }

    /// How many bits an attacker has to guess; exact, for it is drawn and not chosen.
    pub fn bits(&self) -> u32 {
        let (size, of) = match self.spec {
            Spec::Passphrase { words } => (words, 2048.0),
            Spec::Password { length, alphabet } => {
                let of: f64 = match alphabet {
                    Alphabet::Alnum => 62.0,
                    Alphabet::Symbols => 90.0,
                    Alphabet::Digits => 10.0,
                    Alphabet::Hex => 16.0,
                };
                (length, of)
            }
        };
        (size as f64 * of.log2()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_round_and_sizes_have_limits() {
        let mut generator = Generator::new(Target::Nothing);
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push((generator.describe(), generator.bits()));
            generator.next_kind();
        }
        let texts: Vec<_> = seen.iter().map(|(text, bits)| format!("{text}: {bits}")).collect();
        assert_eq!(
            texts,
            [
                "24 letters and digits: 142",
                "24 letters, digits and symbols: 155",
                "24 hex digits: 96",
                "6 digits: 19",
                "6 words: 66"
            ]
        );
        assert_eq!(generator.describe(), "24 letters and digits");
        generator.resize(-100);
        assert_eq!(generator.value.len(), 8);
        generator.resize(1000);
        assert_eq!(generator.value.len(), 128);
    }
}
