//! Roles, not colours. Every state also has a sign or an attribute, so that nothing is lost
//! without colour.

use ratatui::style::{Color, Modifier, Style};

use crate::config::interface::Theme as Choice;

/// The styles of all roles, and the signs.
#[derive(Clone, Copy)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// The line of the cursor.
    pub selected: Style,
    /// The frame of a pane.
    pub border: Style,
    /// The frame of the pane that has the keys.
    pub focus: Style,
    /// Look here.
    pub warn: Style,
    /// Something failed, or is about to be lost.
    pub danger: Style,
    /// Something worked.
    pub ok: Style,
    /// Less important.
    pub muted: Style,
    /// Headings.
    pub accent: Style,
    /// A key in the bar.
    pub key: Style,
    /// The signs.
    pub signs: &'static Signs,
}

/// The signs that stand for states.
pub struct Signs {
    /// Of a hidden value; always twelve, whatever its length.
    pub mask: &'static str,
    /// One character of what is typed.
    pub dot: char,
    /// The line of the cursor.
    pub cursor: char,
    /// To be changed.
    pub stale: char,
    /// Not readable for this identity.
    pub locked: char,
    /// Written today.
    pub today: char,
    /// A bar's full and empty parts.
    pub bar: [char; 2],
    /// A spinner.
    pub spinner: &'static [char],
    /// Something was cut off.
    pub more: char,
    /// Something goes on.
    pub dots: &'static str,
    /// Corners and lines: ┌ ┐ └ ┘ ─ │
    pub lines: [&'static str; 6],
    /// A line end inside a value.
    pub newline: char,
}

static UNICODE: Signs = Signs {
    mask: "●●●●●●●●●●●●",
    dot: '●',
    cursor: '>',
    stale: '!',
    locked: '#',
    today: '*',
    bar: ['━', '─'],
    spinner: &['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
    more: '…',
    dots: "…",
    lines: ["┌", "┐", "└", "┘", "─", "│"],
    newline: '⏎',
};

static ASCII: Signs = Signs {
    mask: "************",
    dot: '*',
    cursor: '>',
    stale: '!',
    locked: '#',
    today: '*',
    bar: ['=', '-'],
    spinner: &['|', '/', '-', '\\'],
    more: '~',
    dots: "...",
    lines: ["+", "+", "+", "+", "-", "|"],
    newline: '$',
};

impl Theme {
    /// The theme of that name. Pairs are blue or cyan with yellow, never red with green alone.
    pub fn new(choice: Choice, ascii: bool) -> Self {
        let signs = if ascii { &ASCII } else { &UNICODE };
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let colour = |ansi: Color, own: (u8, u8, u8)| match choice {
            Choice::Ansi => plain.fg(ansi),
            Choice::True => plain.fg(Color::Rgb(own.0, own.1, own.2)),
            // No colour at all: then none is written between cells either, which would undo the
            // reversed line of the cursor.
            Choice::Mono => plain,
        };
        Self {
            text: plain,
            selected: plain.add_modifier(Modifier::REVERSED),
            border: match choice {
                Choice::Mono => plain,
                _ => colour(Color::DarkGray, (0x80, 0x80, 0x80)),
            },
            focus: colour(Color::Cyan, (0x56, 0xb4, 0xe9)).add_modifier(Modifier::BOLD),
            warn: colour(Color::Yellow, (0xe6, 0x9f, 0x00)),
            danger: colour(Color::Red, (0xd5, 0x5e, 0x00)).add_modifier(Modifier::BOLD),
            ok: colour(Color::Cyan, (0x00, 0x9e, 0x73)),
            muted: match choice {
                Choice::Mono => plain,
                _ => colour(Color::DarkGray, (0x99, 0x99, 0x99)),
            },
            accent: match choice {
                Choice::Mono => bold,
                _ => colour(Color::Blue, (0x56, 0xb4, 0xe9)).add_modifier(Modifier::BOLD),
            },
            key: bold,
            signs,
        }
    }
}
