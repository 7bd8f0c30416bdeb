//! One table of keys: dispatch, the bar at the bottom, the help page, the palette and
//! `docs/KEYS.md` are all made from it.

use std::collections::HashMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::vault::{Error, Result, escape};

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
    /// Take back the last deletion or renaming.
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
}

use Context::{
    Browse, Choice, Compare, Confirm, Error as InError, Filter, Form, Generator, Help, History,
    Palette, Setup, Unlock, Unsaved,
};

impl Context {
    /// All, with the heading of each in the help page.
    pub const ALL: [(Self, &'static str); 14] = [
        (Browse, "List"),
        (Filter, "Filter"),
        (History, "History"),
        (Compare, "Compare"),
        (Form, "Form"),
        (Generator, "Generator"),
        (Choice, "Choice"),
        (Palette, "Palette"),
        (Help, "Help"),
        (Confirm, "Question"),
        (InError, "Error"),
        (Unsaved, "Not written"),
        (Unlock, "Unlock"),
        (Setup, "First start"),
    ];

    /// True if plain characters are text here.
    pub fn is_text(self) -> bool {
        matches!(self, Filter | Unlock | Setup | Form | Palette)
    }

    /// The heading.
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(c, _)| *c == self).expect("every context is listed").1
    }
}

/// A line of the table.
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its name in the configuration.
    pub name: &'static str,
    /// Its keys unless the configuration says otherwise.
    pub keys: &'static [&'static str],
    /// Where.
    pub contexts: &'static [Context],
    /// For the help page.
    pub help: &'static str,
    /// For the bar at the bottom; empty: not there.
    pub bar: &'static str,
}

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    contexts: &'static [Context],
    help: &'static str,
    bar: &'static str,
) -> Binding {
    Binding { action, name, keys, contexts, help, bar }
}

const LISTS: &[Context] = &[Browse, History, Compare, Choice, Help];
const TYPED: &[Context] = &[Palette, Filter];
const ANYWHERE: &[Context] = &[
    Browse, Filter, Unlock, Setup, Form, History, Compare, Generator, Choice, Palette, Help,
    Confirm, InError, Unsaved,
];

/// The table. Order is that of the bar and of the help page. `s` (share), `m` (members) and `A`
/// (audit) are kept free for the screens of these names.
pub const BINDINGS: &[Binding] = &[
    bind(
        Action::Reveal,
        "reveal",
        &["enter"],
        &[Browse],
        "Show the values for 15 seconds, or hide them",
        "reveal",
    ),
    bind(
        Action::Copy,
        "copy",
        &["y"],
        &[Browse, Generator],
        "Copy the value; the clipboard is cleared after 45 seconds",
        "copy",
    ),
    bind(
        Action::CopyOther,
        "copy-other",
        &["Y"],
        &[Browse],
        "Choose another field to copy, such as user or one-time password",
        "",
    ),
    bind(Action::Editor, "editor", &["e"], &[Browse], "Edit in $EDITOR, in memory only", "edit"),
    bind(Action::Edit, "edit", &["E"], &[Browse], "Edit in a form, right here", ""),
    bind(
        Action::Replace,
        "replace",
        &["r"],
        &[Browse],
        "Set a new value; the old one stays in the history",
        "new value",
    ),
    bind(Action::Add, "add", &["a"], &[Browse], "Add a secret", "add"),
    bind(
        Action::Delete,
        "delete",
        &["d"],
        &[Browse],
        "Delete the secret, after a question; u brings it back",
        "",
    ),
    bind(Action::Rename, "rename", &["R"], &[Browse], "Give the secret another name", ""),
    bind(Action::Undo, "undo", &["u"], &[Browse], "Take back the last deletion or renaming", ""),
    bind(
        Action::History,
        "history",
        &["h"],
        &[Browse, Unsaved],
        "Versions: compare, roll back",
        "history",
    ),
    bind(
        Action::Generate,
        "generate",
        &["g"],
        &[Browse],
        "Generate a value; writes nothing until Enter",
        "",
    ),
    bind(
        Action::Filter,
        "filter",
        &["/"],
        &[Browse],
        "Narrow the list to names that match",
        "search",
    ),
    bind(Action::NextMatch, "next-match", &["n"], &[Browse], "To the next match", ""),
    bind(Action::PreviousMatch, "previous-match", &["N"], &[Browse], "To the match before", ""),
    bind(Action::Sort, "sort", &["o"], &[Browse], "Order: by name, newest first, oldest first", ""),
    bind(
        Action::Compare,
        "compare",
        &["enter"],
        &[History],
        "Compare with the newest version (the newest: with the one before)",
        "compare",
    ),
    bind(
        Action::Rollback,
        "rollback",
        &["r"],
        &[History],
        "Make this version the newest again, after a question",
        "roll back",
    ),
    bind(
        Action::Reveal,
        "show",
        &["v", "enter"],
        &[Compare],
        "Show the values for 15 seconds, or hide them",
        "show",
    ),
    bind(
        Action::Reveal,
        "show-typed",
        &["ctrl-r"],
        &[Form, Unlock, Setup],
        "Show what is typed, or hide it",
        "show",
    ),
    bind(
        Action::Reveal,
        "show-generated",
        &["v"],
        &[Generator],
        "Show the generated value, or hide it",
        "show",
    ),
    bind(
        Action::Kind,
        "kind",
        &["tab", "right"],
        &[Generator],
        "Another kind: letters and digits, symbols, words, …",
        "kind",
    ),
    bind(Action::Longer, "longer", &["up", "+"], &[Generator], "Longer", "longer"),
    bind(Action::Shorter, "shorter", &["down", "-"], &[Generator], "Shorter", "shorter"),
    bind(Action::Again, "again", &["space", "g"], &[Generator], "Draw another one", "another"),
    bind(
        Action::Generate,
        "generate-here",
        &["ctrl-g"],
        &[Form],
        "Generate a value for this field",
        "generate",
    ),
    bind(Action::AddField, "add-field", &["ctrl-n"], &[Form], "Another field", "add field"),
    bind(
        Action::Accept,
        "accept",
        &["enter"],
        &[Filter, Form, Unlock, Setup, Generator, Choice, Palette],
        "Go on, choose, or write",
        "go on",
    ),
    bind(Action::Write, "write", &["ctrl-s"], &[Form], "Write it, from any field", "write"),
    bind(Action::Yes, "yes", &["y"], &[Confirm], "Yes", "yes"),
    bind(Action::No, "no", &["n"], &[Confirm], "No", "no"),
    bind(Action::Retry, "retry", &["r"], &[InError, Unsaved], "Try again", "try again"),
    bind(Action::Explain, "explain", &["x"], &[Browse], "The last error in full", ""),
    bind(Action::Up, "up", &["up", "k"], LISTS, "To the line above", ""),
    bind(Action::Down, "down", &["down", "j"], LISTS, "To the line below", ""),
    bind(Action::Up, "up-typed", &["up"], TYPED, "To the line above", ""),
    bind(Action::Down, "down-typed", &["down"], TYPED, "To the line below", ""),
    bind(Action::HalfUp, "half-page-up", &["ctrl-u"], &[Browse, Help], "Half a page up", ""),
    bind(Action::HalfDown, "half-page-down", &["ctrl-d"], &[Browse, Help], "Half a page down", ""),
    bind(Action::PageUp, "page-up", &["pageup"], LISTS, "A page up", ""),
    bind(Action::PageDown, "page-down", &["pagedown"], LISTS, "A page down", ""),
    bind(Action::First, "first", &["home"], LISTS, "To the first line", ""),
    bind(Action::Last, "last", &["end", "G"], LISTS, "To the last line", ""),
    bind(Action::Next, "next-pane", &["tab", "right"], &[Browse], "To the next pane", ""),
    bind(
        Action::Previous,
        "previous-pane",
        &["backtab", "left"],
        &[Browse],
        "To the pane before: list, then folders",
        "",
    ),
    bind(Action::Next, "next-field", &["tab", "down"], &[Form, Setup], "To the next field", ""),
    bind(
        Action::Previous,
        "previous-field",
        &["backtab", "up"],
        &[Form, Setup],
        "To the field before",
        "",
    ),
    bind(Action::Vaults, "vaults", &["V"], &[Browse], "Open another vault", ""),
    bind(Action::Vaults, "vaults-locked", &["ctrl-o"], &[Unlock], "Open another vault", "vaults"),
    bind(Action::Reload, "reload", &["."], &[Browse], "Read names and dates again", ""),
    bind(
        Action::Lock,
        "lock",
        &["L"],
        &[Browse],
        "Forget the keys and ask for the passphrase again",
        "lock",
    ),
    bind(
        Action::Palette,
        "palette",
        &[":", "ctrl-p"],
        &[Browse],
        "Find an action by its name",
        "palette",
    ),
    bind(
        Action::Help,
        "help",
        &["?"],
        &[Browse, History, Compare, Generator, Choice, Confirm, InError, Unsaved],
        "The keys of this screen, then of all",
        "help",
    ),
    bind(
        Action::Back,
        "back",
        &["esc"],
        ANYWHERE,
        "Hide the values, stop what is waited for, clear the filter, or close what is on top",
        "back",
    ),
    bind(
        Action::Close,
        "close",
        &["q"],
        &[Browse, History, Compare, Generator, Choice, Help, Confirm, InError, Unsaved],
        "Close what is on top, or quit",
        "",
    ),
    bind(Action::Redraw, "redraw", &["ctrl-l"], ANYWHERE, "Draw the screen anew", ""),
    bind(Action::Suspend, "suspend", &["ctrl-z"], ANYWHERE, "To the shell; `fg` comes back", ""),
    bind(Action::Quit, "quit", &["ctrl-c"], ANYWHERE, "Quit at once, whatever is open", ""),
];

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
    /// Usage for an unknown action or key, or one key for two things.
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
        if !actions.values().any(|action| *action == Action::Quit) {
            return Err(wrong("no key quits".to_owned()));
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

/// `docs/KEYS.md`.
pub fn reference() -> String {
    let mut out = String::from(
        "# Keys of the terminal UI\n\nMade from the table in `src/tui/keys.rs`; \
         `VAULT_UPDATE_DOCS=1 cargo test docs` writes it anew. `NAME` is what an action is called \
         in the configuration:\n\n```toml\n[tui.keys]\nreveal = [\"enter\", \"space\"]\nlock = \
         \"f2\"\n```\n\nKeys are `x`, `ctrl-x`, `alt-x`, `f1` to `f24`, `enter`, `esc`, `tab`, \
         `backtab`, `space`, `up`, `down`, `left`, `right`, `home`, `end`, `pageup`, `pagedown`, \
         `insert`, `delete` and `backspace`.\n",
    );
    for (context, title) in Context::ALL {
        out += &format!("\n## {title}\n\n| Key | Name | What it does |\n|---|---|---|\n");
        for binding in BINDINGS.iter().filter(|b| b.contexts.contains(&context)) {
            let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{k}`")).collect();
            out += &format!("| {} | `{}` | {} |\n", keys.join(" "), binding.name, binding.help);
        }
    }
    out
}

#[cfg(test)]
mod tests {
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
        ] {
            let error = map(changes).err().unwrap_or_else(|| panic!("{says}"));
            assert!(error.message.contains(says), "{}", error.message);
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
