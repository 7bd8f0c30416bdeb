//! What keys do. One table ([`BINDINGS`]) makes dispatch, the bar at the bottom, the help page, the
//! palette and `docs/KEYS.md`.

mod table;

use std::collections::HashMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::vault::{Error, Result, escape};

pub use table::{BINDINGS, Binding, reference};

/// Something that a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To the line above.
    Up,
    /// To the line below.
    Down,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// To the next pane or field.
    Next,
    /// To the pane or field before.
    Previous,
    /// Show or hide the values.
    Reveal,
    /// Copy the value.
    Copy,
    /// Copy another field.
    CopyOther,
    /// Narrow the list.
    Filter,
    /// To the next match.
    NextMatch,
    /// To the match before.
    PreviousMatch,
    /// Another order of the list.
    Sort,
    /// Edit in `$EDITOR`.
    Editor,
    /// Edit in a form.
    Edit,
    /// Set a new value.
    Replace,
    /// Add a secret.
    Add,
    /// Delete the secret.
    Delete,
    /// Give it another name.
    Rename,
    /// Take back deletions and renamings, the newest first.
    Undo,
    /// Its versions.
    History,
    /// Compare a version with its neighbour.
    Compare,
    /// Make a version the newest again.
    Rollback,
    /// Generate a value.
    Generate,
    /// Draw another one.
    Again,
    /// Another kind of generated value.
    Kind,
    /// Longer.
    Longer,
    /// Shorter.
    Shorter,
    /// The palette.
    Palette,
    /// The help page.
    Help,
    /// Another vault.
    Vaults,
    /// Read everything again.
    Reload,
    /// Draw everything again.
    Redraw,
    /// Forget the keys.
    Lock,
    /// One step back.
    Back,
    /// Do it.
    Accept,
    /// Write the form, from any line.
    Write,
    /// Add a field to a form.
    AddField,
    /// Answer yes.
    Yes,
    /// Answer no.
    No,
    /// Try again.
    Retry,
    /// The error in full.
    Explain,
    /// Close what is on top, or quit.
    Close,
    /// Quit at once.
    Quit,
    /// Back to the shell for a while.
    Suspend,
    /// The members of the folder's group.
    Members,
    /// What a member may do.
    Role,
    /// Seal anew what is not of the current generation.
    Seal,
    /// The values that have to be changed.
    Exposure,
    /// The notes of the team.
    Log,
    /// The news were seen.
    Dismiss,
    /// Keep the value of a late write.
    Adopt,
    /// Keep the value before it.
    DropWrite,
}

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The list and what is beside it.
    Browse,
    /// The line of the filter.
    Filter,
    /// The passphrase.
    Unlock,
    /// The guided start.
    Setup,
    /// A form.
    Form,
    /// The versions of a secret.
    History,
    /// Two versions side by side.
    Compare,
    /// The generator.
    Generator,
    /// A list to choose from.
    Choice,
    /// The palette.
    Palette,
    /// The help page.
    Help,
    /// A question.
    Confirm,
    /// An error.
    Error,
    /// A change that was not written.
    Unsaved,
    /// The members of a group.
    Members,
    /// Somebody was added.
    Joined,
    /// What a change of the team led to.
    Report,
    /// A late write.
    Late,
    /// The notes of the team.
    Log,
}

impl Context {
    /// All, with the heading of each in the help page.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::Browse, "List"),
        (Self::Filter, "Filter"),
        (Self::History, "History"),
        (Self::Compare, "Compare"),
        (Self::Form, "Form"),
        (Self::Members, "Members"),
        (Self::Joined, "Join string"),
        (Self::Report, "Values to change"),
        (Self::Late, "Late write"),
        (Self::Log, "Team log"),
        (Self::Generator, "Generator"),
        (Self::Choice, "Choice"),
        (Self::Palette, "Palette"),
        (Self::Help, "Help"),
        (Self::Confirm, "Question"),
        (Self::Error, "Error"),
        (Self::Unsaved, "Not written"),
        (Self::Unlock, "Unlock"),
        (Self::Setup, "First start"),
    ];

    /// True if plain characters are text here.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Filter | Self::Unlock | Self::Setup | Self::Form | Self::Palette)
    }

    /// The heading.
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(c, _)| *c == self).expect("every context is listed").1
    }
}

/// A key with its modifiers, as the table names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

const NAMES: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("backspace", KeyCode::Backspace),
];

impl Key {
    /// Reads `x`, `enter`, `f5`, `ctrl-x`, `alt-x`.
    pub fn parse(name: &str) -> Option<Self> {
        let (name, ctrl) = strip(name, "ctrl-");
        let (name, alt) = strip(name, "alt-");
        let mut chars = name.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => match NAMES.iter().find(|(n, _)| *n == name) {
                Some((_, code)) => *code,
                None => {
                    let number: u8 = name.strip_prefix('f')?.parse().ok()?;
                    KeyCode::F(Some(number).filter(|n| (1..=24).contains(n))?)
                }
            },
        };
        Some(Self { code, ctrl, alt })
    }

    /// What to use instead, if a terminal cannot send this key: with Ctrl most characters arrive as
    /// another key, or not at all.
    fn instead(self) -> Option<String> {
        let KeyCode::Char(c) = self.code else {
            let plain = matches!(
                self.code,
                KeyCode::Enter
                    | KeyCode::Esc
                    | KeyCode::Tab
                    | KeyCode::BackTab
                    | KeyCode::Backspace
            );
            let name = NAMES.iter().find(|(_, code)| *code == self.code)?.0;
            return (self.ctrl && plain).then(|| name.to_owned());
        };
        if !self.ctrl {
            return None;
        }
        match c {
            'i' | 'I' => Some("tab".to_owned()),
            'm' | 'M' => Some("enter".to_owned()),
            '[' => Some("esc".to_owned()),
            'a'..='z' | '4'..='7' | ' ' => None,
            'A'..='Z' => Some(format!("ctrl-{}", c.to_ascii_lowercase())),
            _ => Some("ctrl with a small letter, or alt".to_owned()),
        }
    }
}

fn strip<'n>(name: &'n str, prefix: &str) -> (&'n str, bool) {
    match name.strip_prefix(prefix) {
        Some(rest) if !rest.is_empty() => (rest, true),
        _ => (name, false),
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        // Terminals differ in whether Shift-Tab is a key of its own.
        let code = match event.code {
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Self { code, ctrl, alt }
    }
}

/// A key as it is shown to people.
pub fn shown(key: &str, ascii: bool) -> String {
    let sign = match key {
        "enter" => ["⏎", "Enter"],
        "up" => ["↑", "Up"],
        "down" => ["↓", "Down"],
        "left" => ["←", "Left"],
        "right" => ["→", "Right"],
        "esc" => ["Esc", "Esc"],
        "tab" => ["Tab", "Tab"],
        "backtab" => ["Shift-Tab", "Shift-Tab"],
        "space" => ["Space", "Space"],
        "home" => ["Home", "Home"],
        "end" => ["End", "End"],
        "pageup" => ["PgUp", "PgUp"],
        "pagedown" => ["PgDn", "PgDn"],
        other => match other.strip_prefix("ctrl-") {
            Some(rest) => return format!("Ctrl-{rest}"),
            None => return other.to_owned(),
        },
    };
    sign[usize::from(ascii)].to_owned()
}

/// The table with the keys of the configuration.
pub struct KeyMap {
    keys: Vec<Vec<String>>,
    actions: HashMap<(Context, Key), Action>,
}

impl KeyMap {
    /// The table, with these actions on other keys.
    ///
    /// # Errors
    /// Usage for an unknown action or key, one that no terminal sends, one key for two things, or
    /// none for what must have one.
    pub fn new(changes: &[(String, Vec<String>)]) -> Result<Self> {
        let own = |binding: &Binding| binding.keys.iter().map(|k| (*k).to_owned()).collect();
        let mut keys: Vec<Vec<String>> = BINDINGS.iter().map(own).collect();
        for (name, new) in changes {
            let at = BINDINGS.iter().position(|b| b.name == name).ok_or_else(|| {
                wrong(format!("there is no action {}", escape(name))).hint("docs/KEYS.md has all")
            })?;
            keys[at].clone_from(new);
        }
        let mut names: HashMap<(Context, Key), &str> = HashMap::new();
        let mut actions = HashMap::new();
        for (binding, keys) in BINDINGS.iter().zip(&keys) {
            for name in keys {
                let key = Key::parse(name).ok_or_else(|| {
                    wrong(format!("there is no key {}", escape(name)))
                        .hint("x, ctrl-x, alt-x, f5, enter, space, tab, pageup, …")
                })?;
                if let Some(instead) = key.instead() {
                    return Err(wrong(format!("no terminal sends {}", escape(name)))
                        .hint(format!("use {instead}")));
                }
                for context in binding.contexts {
                    let text =
                        matches!(key, Key { code: KeyCode::Char(_), ctrl: false, alt: false });
                    if context.is_text() && text {
                        return Err(wrong(format!("{name} would be typed, not {}", binding.name)));
                    }
                    if let Some(other) = names.insert((*context, key), binding.name) {
                        let both = format!("{name} is both {other} and {}", binding.name);
                        return Err(wrong(both));
                    }
                    actions.insert((*context, key), binding.action);
                }
            }
        }
        for (action, missing) in [
            (Action::Quit, "no key quits"),
            (Action::Back, "no key goes back"),
            (Action::Lock, "no key locks"),
        ] {
            if !actions.values().any(|other| *other == action) {
                return Err(wrong(missing.to_owned()));
            }
        }
        Ok(Self { keys, actions })
    }

    /// What a key does here.
    pub fn action(&self, context: Context, key: KeyEvent) -> Option<Action> {
        self.actions.get(&(context, key.into())).copied()
    }

    /// The lines of the table that hold here, with their keys.
    pub fn here(&self, context: Context) -> impl Iterator<Item = (&'static Binding, &[String])> {
        let all = BINDINGS.iter().zip(&self.keys);
        all.filter(move |(b, _)| b.contexts.contains(&context)).map(|(b, k)| (b, k.as_slice()))
    }

    /// The first key of an action here, as it is shown.
    pub fn key_of(&self, context: Context, action: Action, ascii: bool) -> String {
        let found = self.here(context).find(|(b, keys)| b.action == action && !keys.is_empty());
        found.map_or_else(String::new, |(_, keys)| shown(&keys[0], ascii))
    }
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::new(&[]).expect("the table agrees with itself")
    }
}

fn wrong(what: String) -> Error {
    Error::usage(format!("[tui.keys]: {what}"))
}

#[cfg(test)]
mod tests {
    use super::Context::Browse;
    use super::*;

    fn map(changes: &[(&str, &[&str])]) -> Result<KeyMap> {
        let owned = |(a, k): &(&str, &[&str])| {
            ((*a).to_owned(), k.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>())
        };
        KeyMap::new(&changes.iter().map(owned).collect::<Vec<_>>())
    }

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn keys_can_be_changed() {
        let map = map(&[("lock", &["f2", "alt-l"]), ("reveal", &["space"])]).unwrap();
        assert_eq!(map.action(Browse, press(KeyCode::F(2))), Some(Action::Lock));
        assert_eq!(map.action(Browse, press(KeyCode::Char('L'))), None);
        assert_eq!(map.action(Browse, press(KeyCode::Enter)), None);
        assert_eq!(map.action(Browse, press(KeyCode::Char(' '))), Some(Action::Reveal));
    }

    #[test]
    fn mistakes_are_refused() {
        for (changes, says) in [
            (&[("fly", &["x"][..])][..], "no action fly"),
            (&[("lock", &["hyper-x"])], "no key hyper-x"),
            (&[("lock", &["y"])], "both"),
            (&[("accept", &["x"])], "typed"),
            (&[("quit", &[])], "no key quits"),
            (&[("lock", &["f25"])], "no key f25"),
            (&[("back", &[])], "no key goes back"),
            (&[("lock", &[])], "no key locks"),
        ] {
            let error = map(changes).err().unwrap_or_else(|| panic!("{says}"));
            assert!(error.message.contains(says), "{}", error.message);
        }
    }

    /// What a terminal cannot tell from another key, or does not send, is bound to nothing.
    #[test]
    fn keys_that_no_terminal_sends_are_refused() {
        for (key, instead) in [
            ("ctrl-i", "use tab"),
            ("ctrl-m", "use enter"),
            ("ctrl-[", "use esc"),
            ("ctrl-L", "use ctrl-l"),
            ("ctrl-enter", "use enter"),
            ("ctrl-1", "use ctrl with a small letter, or alt"),
            ("ctrl-é", "use ctrl with a small letter, or alt"),
        ] {
            let error = map(&[("lock", &[key])]).err().unwrap_or_else(|| panic!("{key}"));
            assert!(error.message.contains("no terminal sends"), "{}", error.message);
            assert_eq!(error.hint.as_deref(), Some(instead), "{key}");
        }
        for key in ["ctrl-b", "ctrl-space", "ctrl-up", "ctrl-f5", "alt-L", "alt-i", "ctrl-alt-b"] {
            assert!(map(&[("lock", &[key])]).is_ok(), "{key}");
        }
    }

    #[test]
    fn names_are_unique_and_every_text_screen_can_be_left() {
        let mut names: Vec<_> = BINDINGS.iter().map(|b| b.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BINDINGS.len());
        let map = KeyMap::default();
        for (context, _) in Context::ALL {
            let esc = map.action(context, press(KeyCode::Esc));
            assert_eq!(esc, Some(Action::Back), "{context:?}");
        }
    }
}
