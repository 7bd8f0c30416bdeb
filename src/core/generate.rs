//! Passwords and passphrases, and an estimate of how strong a chosen one is.

use bip39::Language;

use super::error::{Error, Result};
use super::random::below;
use super::secret::Secret;

const LETTERS_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SYMBOLS: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~";
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";

/// Length of a password when none is asked for: 24 of 62 characters are 142 bits.
pub const PASSWORD_LENGTH: usize = 24;
/// Words of a passphrase when no number is asked for: 6 of 2,048 words are 66 bits.
pub const PASSPHRASE_WORDS: usize = 6;
const MAX_LENGTH: usize = 1024;
const MAX_WORDS: usize = 64;

/// Which characters a password is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Letters and digits: safe in every shell, URL and connection string.
    Alnum,
    /// Letters, digits and ASCII symbols (no quotes, backslash or space).
    Symbols,
    /// Decimal digits.
    Digits,
    /// Lower-case hex digits.
    Hex,
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Characters drawn from an alphabet.
    Password {
        /// Number of characters.
        length: usize,
        /// What they are drawn from.
        alphabet: Alphabet,
    },
    /// Words drawn from the 2,048 English words of BIP 39, joined by `-`.
    Passphrase {
        /// Number of words.
        words: usize,
    },
}

impl Default for Spec {
    fn default() -> Self {
        Self::Password { length: PASSWORD_LENGTH, alphabet: Alphabet::Alnum }
    }
}

impl Spec {
    /// Reads `LENGTH`, `password[:LENGTH[:ALPHABET]]` or `passphrase[:WORDS]`.
    ///
    /// # Errors
    /// [`Kind::Usage`](super::error::Kind::Usage) with the grammar as the hint.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage(format!("not something to generate: {}", super::path::escape(text))).hint(
                "LENGTH, password[:LENGTH[:alnum|symbols|digits|hex]] or passphrase[:WORDS]; \
                 8 to 1024 characters (digits: from 4), 4 to 64 words",
            )
        };
        let number = |text: Option<&str>, default: usize| match text {
            None => Ok(default),
            Some(digits) => digits.parse().map_err(|_| wrong()),
        };
        let mut parts = text.split(':');
        let spec = match parts.next() {
            Some("passphrase") => {
                Self::Passphrase { words: number(parts.next(), PASSPHRASE_WORDS)? }
            }
            first => {
                let length = if first == Some("password") { parts.next() } else { first };
                let length = number(length, PASSWORD_LENGTH)?;
                let alphabet = match parts.next() {
                    None | Some("alnum") => Alphabet::Alnum,
                    Some("symbols") => Alphabet::Symbols,
                    Some("digits") => Alphabet::Digits,
                    Some("hex") => Alphabet::Hex,
                    Some(_) => return Err(wrong()),
                };
                Self::Password { length, alphabet }
            }
        };
        let fits = match spec {
            Self::Password { length, alphabet: Alphabet::Digits } => {
                (4..=MAX_LENGTH).contains(&length)
            }
            Self::Password { length, .. } => (8..=MAX_LENGTH).contains(&length),
            Self::Passphrase { words } => (4..=MAX_WORDS).contains(&words),
        };
        if parts.next().is_some() || !fits { Err(wrong()) } else { Ok(spec) }
    }

    /// Draws one from the operating system's generator.
    pub fn generate(self) -> Secret {
        match self {
            Self::Password { length, alphabet } => {
                let alphabet = match alphabet {
                    Alphabet::Alnum => LETTERS_DIGITS,
                    Alphabet::Symbols => SYMBOLS,
                    Alphabet::Digits => DIGITS,
                    Alphabet::Hex => HEX,
                };
                let mut out = Secret::with_capacity(length);
                for _ in 0..length {
                    out.push(alphabet[below(alphabet.len() as u32) as usize]);
                }
                out
            }
            Self::Passphrase { words } => {
                let list = Language::English.word_list();
                let mut out = Secret::with_capacity(words * 9);
                for i in 0..words {
                    if i > 0 {
                        out.push(b'-');
                    }
                    out.extend(list[below(list.len() as u32) as usize].as_bytes());
                }
                out
            }
        }
    }
}

/// A careful guess of how many bits an attacker has to try for a passphrase that a person chose.
/// It counts kinds of characters and new ones, and knows nothing of dictionaries: a hint, not a
/// promise.
pub fn strength_bits(passphrase: &str) -> u32 {
    let has = |test: fn(char) -> bool| passphrase.chars().any(test);
    let mut pool = 0u32;
    for (present, size) in [
        (has(|c| c.is_ascii_lowercase()), 26),
        (has(|c| c.is_ascii_uppercase()), 26),
        (has(|c| c.is_ascii_digit()), 10),
        (has(|c| c.is_ascii() && !c.is_ascii_alphanumeric()), 20),
        (has(|c| !c.is_ascii()), 60),
    ] {
        pool += if present { size } else { 0 };
    }
    // A character that continues a run or a sequence (aaa, abc, 321) adds next to nothing, and
    // people's words carry about half of what random letters would.
    let mut fresh = 0u32;
    let mut last: Option<u32> = None;
    for c in passphrase.chars() {
        let code = u32::from(c);
        fresh += u32::from(last.is_none_or(|l| code.abs_diff(l) > 1));
        last = Some(code);
    }
    let bits = f64::from(fresh) * f64::from(pool.max(1)).log2();
    (bits * 0.55) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs() {
        let password = |length, alphabet| Spec::Password { length, alphabet };
        for (text, spec) in [
            ("password", Spec::default()),
            ("32", password(32, Alphabet::Alnum)),
            ("password:40:symbols", password(40, Alphabet::Symbols)),
            ("password:4:digits", password(4, Alphabet::Digits)),
            ("passphrase", Spec::Passphrase { words: 6 }),
            ("passphrase:8", Spec::Passphrase { words: 8 }),
        ] {
            assert_eq!(Spec::parse(text).unwrap(), spec, "{text}");
        }
        for bad in [
            "",
            "x",
            "7",
            "password:7",
            "password:3:digits",
            "1025",
            "passphrase:3",
            "passphrase:65",
            "password:20:odd",
            "20:hex:x",
            "-20",
        ] {
            assert!(Spec::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_generated_has_the_shape_asked_for() {
        let text = |s: &str| Spec::parse(s).unwrap().generate().text().unwrap().to_owned();
        assert!(text("50:hex").bytes().all(|b| HEX.contains(&b)));
        assert_eq!(text("50").len(), 50);
        assert_eq!(text("passphrase:7").split('-').count(), 7);
        assert_ne!(text("20"), text("20"));
    }

    #[test]
    fn strength_grows_with_length_and_variety() {
        assert!(strength_bits("aaaaaaaaaaaaaaaaaaaa") < 10);
        assert!(strength_bits("abcdefghijklmnop") < 10);
        assert!(strength_bits("hunter2") < 35);
        assert!(strength_bits("correct-horse-battery-staple") > 60);
        assert_eq!(strength_bits(""), 0);
    }
}
