//! A line that is typed. Its text is a [`Secret`] always, masked or not: ready-made text widgets
//! keep what was typed in buffers and an undo history.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::vault::Secret;

/// Most bytes that can be typed or pasted.
const MAX: usize = 64 * 1024;

/// A line of text with a cursor.
pub struct Input {
    text: Secret,
    /// In bytes, at a character's edge.
    cursor: usize,
    /// Dots are shown instead.
    pub masked: bool,
    /// Changed since it was made.
    pub touched: bool,
}

impl Input {
    /// An empty line.
    pub fn new(masked: bool) -> Self {
        Self { text: Secret::with_capacity(64), cursor: 0, masked, touched: false }
    }

    /// A line that holds `text`, the cursor behind it.
    pub fn with(text: Secret, masked: bool) -> Self {
        let cursor = text.len();
        Self { text, cursor, masked, touched: false }
    }

    /// What is typed; always UTF-8.
    pub fn text(&self) -> &str {
        self.text.text().unwrap_or_default()
    }

    /// What is typed.
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    /// Characters before the cursor.
    pub fn cursor(&self) -> usize {
        self.text()[..self.cursor].chars().count()
    }

    /// Takes what is typed out, and is empty then.
    pub fn take(&mut self) -> Secret {
        self.cursor = 0;
        self.touched = true;
        std::mem::replace(&mut self.text, Secret::with_capacity(64))
    }

    /// Replaces what is typed.
    pub fn set(&mut self, text: Secret) {
        if text.text().is_some() {
            self.cursor = text.len();
            self.text = text;
            self.touched = true;
        }
    }

    /// Inserts at the cursor; false, and nothing is changed, if that would be too long.
    pub fn insert(&mut self, text: &str) -> bool {
        let fits = self.text.len() + text.len() <= MAX;
        if fits {
            self.splice(self.cursor, text);
        }
        fits
    }

    /// Edits; false if the key means nothing here.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Char('u') if ctrl => self.splice(0, ""),
            KeyCode::Char('w') if ctrl => self.splice(self.word(), ""),
            KeyCode::Char(c) if !ctrl && !alt => {
                let mut buffer = zeroize::Zeroizing::new([0u8; 4]);
                let _ = self.insert(c.encode_utf8(&mut *buffer));
            }
            KeyCode::Backspace => self.splice(self.before(), ""),
            KeyCode::Delete => {
                let after = self.after();
                let from = std::mem::replace(&mut self.cursor, after);
                self.splice(from, "");
            }
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Replaces what is between `from` and the cursor.
    fn splice(&mut self, from: usize, with: &str) {
        let old = self.text.bytes();
        let mut new = Secret::with_capacity(old.len() + with.len() + 64);
        new.extend(&old[..from]);
        new.extend(with.as_bytes());
        new.extend(&old[self.cursor..]);
        self.cursor = from + with.len();
        self.text = new;
        self.touched = true;
    }

    fn before(&self) -> usize {
        self.text()[..self.cursor].char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor + self.text()[self.cursor..].chars().next().map_or(0, char::len_utf8)
    }

    /// Where the word before the cursor begins; `/` ends one, too.
    fn word(&self) -> usize {
        let head = self.text()[..self.cursor].trim_end_matches([' ', '/']);
        head.rfind([' ', '/']).map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(start: &str, keys: &[(KeyCode, bool)]) -> (String, usize) {
        let mut input = Input::with(Secret::copy_of(start.as_bytes()), true);
        for (code, ctrl) in keys {
            let modifiers = if *ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            assert!(input.key(KeyEvent::new(*code, modifiers)), "{code:?}");
        }
        (input.text().to_owned(), input.cursor())
    }

    #[test]
    fn editing_a_line() {
        let (char, back) = (KeyCode::Char, KeyCode::Backspace);
        for (start, keys, text, cursor) in [
            ("", &[(char('a'), false), (char('é'), false)][..], "aé", 2),
            ("aé", &[(back, false)], "a", 1),
            ("", &[(back, false)], "", 0),
            ("abc", &[(KeyCode::Left, false), (char('é'), false)], "abéc", 3),
            ("abc", &[(KeyCode::Home, false), (KeyCode::Delete, false)], "bc", 0),
            ("abc", &[(KeyCode::Delete, false)], "abc", 3),
            ("prod/db/x", &[(char('w'), true)], "prod/db/", 8),
            ("prod/db/", &[(char('w'), true)], "prod/", 5),
            ("abc", &[(KeyCode::Left, false), (char('u'), true)], "c", 0),
            ("abc", &[(char('a'), true), (char('x'), false), (char('e'), true)], "xabc", 4),
        ] {
            assert_eq!(typed(start, keys), (text.to_owned(), cursor), "{start} {keys:?}");
        }
    }

    #[test]
    fn nothing_is_typed_without_end() {
        let mut input = Input::new(false);
        assert!(!input.insert(&"x".repeat(MAX + 1)));
        assert!(input.secret().is_empty() && !input.touched);
        assert!(!input.key(KeyEvent::new(KeyCode::F(1), KeyModifiers::NONE)));
    }
}
