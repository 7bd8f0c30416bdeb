//! The picture in the README: the real program on a real terminal, drawn as SVG. `docs/picture`
//! makes it anew.

use std::fmt::Write as _;
use std::path::Path;

use super::pty::{Session, command_in};
use crate::cli::home::Home;

const SIZE: (u16, u16) = (26, 104);
/// Width and height of a cell.
const CELL: (f32, f32) = (8.4, 18.0);
const GROUND: &str = "#101418";
const TEXT: &str = "#d8dee4";

fn session() -> (Home, Session) {
    let home = Home::with_vault();
    for name in [
        "acme/ci/npm-token",
        "acme/db/readonly",
        "acme/mail/smtp",
        "acme/pay/stripe",
        "home/router",
        "home/wifi",
    ] {
        home.run(["put", name, "--generate"]).ok();
    }
    home.put("acme/db/password", "first");
    home.run_with(
        ["put", "acme/db/password", "user=app", "url=postgres://db", "value=-"],
        b"salt-orbit-crane-11",
    )
    .ok();
    let mut session = Session::sized(command_in(&home), SIZE);
    session.shows("acme/db");
    session.type_keys("/dbpass\r");
    session.shows("History (2)");
    // All names again; the cursor stays.
    session.type_keys("\x1b");
    session.shows("home/wifi");
    session.type_keys("\r");
    session.shows("salt-orbit-crane-11");
    (home, session)
}

fn svg(screen: &vt100::Screen) -> String {
    let (width, height) = (f32::from(SIZE.1) * CELL.0 + 24.0, f32::from(SIZE.0) * CELL.1 + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"14\">\n<title>The terminal UI of vault</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..SIZE.0 {
        for column in 0..SIZE.1 {
            let Some(cell) = screen.cell(row, column) else { continue };
            let text = cell.contents();
            let (x, y) = (12.0 + f32::from(column) * CELL.0, 12.0 + f32::from(row) * CELL.1);
            let mut front = colour(cell.fgcolor());
            if cell.inverse() {
                let ground = std::mem::replace(&mut front, GROUND);
                write!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{ground}\"/>",
                    CELL.0 + 0.2,
                    CELL.1
                )
                .unwrap();
            }
            if text.trim().is_empty() {
                continue;
            }
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let bold = if cell.bold() { " font-weight=\"bold\"" } else { "" };
            write!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{front}\"{bold}>{text}</text>",
                y + 14.0
            )
            .unwrap();
        }
        out.push('\n');
    }
    out + "</svg>\n"
}

fn colour(colour: vt100::Color) -> &'static str {
    match colour {
        vt100::Color::Idx(1 | 9) => "#f47067",
        vt100::Color::Idx(3 | 11) => "#e3b341",
        vt100::Color::Idx(4 | 12) => "#6cb6ff",
        vt100::Color::Idx(6 | 14) => "#56d4dd",
        vt100::Color::Idx(8) => "#7d8590",
        _ => TEXT,
    }
}

/// The picture shows this program: what does not change from day to day is in it.
#[test]
fn docs_picture_is_of_this_program() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tui.svg");
    let (_home, mut session) = session();
    let made = svg(session.terminal().screen());
    session.type_keys("q");
    assert_eq!(session.ends(), 0);
    if std::env::var_os("VAULT_UPDATE_PICTURE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    // Times and the path of the temporary home differ.
    let fixed = |svg: &str| -> Vec<String> {
        let texts = svg.lines().map(|line| {
            let cells = line
                .split("<text")
                .skip(1)
                .filter_map(|cell| cell.split_once('>')?.1.split('<').next().map(str::to_owned));
            cells.collect::<String>()
        });
        texts.filter(|text| text.contains("acme") && !text.contains("hidden")).collect()
    };
    assert!(fixed(&made).len() >= 4, "{:?}", fixed(&made));
    let names = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().map(|line| line.chars().take(12).collect()).collect()
    };
    assert_eq!(names(fixed(&stored)), names(fixed(&made)), "docs/tui.svg is stale: docs/picture");
}
