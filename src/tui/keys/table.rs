//! The table of keys.

use super::{Action, Context};

use Context::{
    Browse, Choice, Compare, Confirm, Error as InError, Filter, Form, Generator, Help, History,
    Joined, Late, Log, Members, Palette, Report, Setup, Unlock, Unsaved,
};

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

const LISTS: &[Context] = &[Browse, History, Compare, Choice, Help, Members, Report, Log];
const TYPED: &[Context] = &[Palette, Filter];
const ANYWHERE: &[Context] = &[
    Browse, Filter, Unlock, Setup, Form, History, Compare, Generator, Choice, Palette, Help,
    Confirm, InError, Unsaved, Members, Joined, Report, Late, Log,
];

/// The table. Order is that of the bar and of the help page. `s` (share) and `A` (audit) are kept
/// free in the list for the screens of these names.
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
        &[Browse, Generator, Joined],
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
    bind(
        Action::Undo,
        "undo",
        &["u"],
        &[Browse],
        "Take back deletions and renamings, the newest first",
        "",
    ),
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
    bind(
        Action::Members,
        "members",
        &["m"],
        &[Browse],
        "Who can read and write here: the members of the folder's group",
        "members",
    ),
    bind(
        Action::Add,
        "add-member",
        &["a"],
        &[Members],
        "Add a member, or another device of one",
        "add",
    ),
    bind(Action::Role, "role", &["r"], &[Members], "Say what the member may do", "role"),
    bind(
        Action::Delete,
        "remove-member",
        &["d"],
        &[Members],
        "Remove the member; asks for the name, seals anew, lists what to change",
        "remove",
    ),
    bind(
        Action::Seal,
        "seal",
        &["s"],
        &[Members, Report],
        "Seal anew what is of an older generation; goes on where it stopped",
        "seal anew",
    ),
    bind(
        Action::Accept,
        "jump",
        &["enter"],
        &[Report],
        "To the secret, to give it a new value",
        "go to it",
    ),
    bind(Action::Adopt, "adopt", &["a"], &[Late], "Keep the value of the late write", "adopt"),
    bind(
        Action::DropWrite,
        "drop",
        &["d"],
        &[Late],
        "Keep the value before the late write",
        "drop",
    ),
    bind(
        Action::Exposure,
        "exposure",
        &["X"],
        &[Browse, Members],
        "The values to change: somebody knows them who may not any more",
        "to change",
    ),
    bind(
        Action::Log,
        "team-log",
        &["T"],
        &[Browse, Members],
        "Who changed the team, when and how",
        "log",
    ),
    bind(Action::Dismiss, "dismiss", &["B"], &[Browse], "Put the line of news away", ""),
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
        "Another kind: letters and digits, symbols, digits, words",
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
    bind(Action::Next, "next-field", &["tab", "down"], &[Form, Setup], "To the next field", "next"),
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
        &[
            Browse, History, Compare, Generator, Choice, Confirm, InError, Unsaved, Members,
            Joined, Report, Late, Log,
        ],
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
        &[
            Browse, History, Compare, Generator, Choice, Help, Confirm, InError, Unsaved, Members,
            Joined, Report, Late, Log,
        ],
        "Close what is on top, or quit",
        "",
    ),
    bind(Action::Redraw, "redraw", &["ctrl-l"], ANYWHERE, "Draw the screen anew", ""),
    bind(Action::Suspend, "suspend", &["ctrl-z"], ANYWHERE, "To the shell; `fg` comes back", ""),
    bind(Action::Quit, "quit", &["ctrl-c"], ANYWHERE, "Quit at once, whatever is open", ""),
];

/// `docs/KEYS.md`.
pub fn reference() -> String {
    let mut out = String::from(
        "# Keys of the terminal UI\n\nMade from the table in `src/tui/keys.rs`; \
         `VAULT_UPDATE_DOCS=1 cargo test docs` writes it anew. `NAME` is what an action is called \
         in the configuration:\n\n```toml\n[tui.keys]\nreveal = [\"enter\", \"space\"]\nlock = \
         \"f2\"\n```\n\nKeys are `x`, `ctrl-x`, `alt-x`, `f1` to `f24`, `enter`, `esc`, `tab`, \
         `backtab`, `space`, `up`, `down`, `left`, `right`, `home`, `end`, `pageup`, `pagedown`, \
         `insert`, `delete` and `backspace`. With Ctrl, terminals \
         send small letters but for `ctrl-i`, which is `tab`, and `ctrl-m`, which is `enter`; what \
         they do not send is refused, and so is no key for `quit`, `back` or `lock`.\n",
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
