//! The terminal UI with 100,000 names: the first frame, a letter in the filter, scrolling, and the
//! memory of it all. Drives `update` and draws, without a terminal.
//!
//! `cargo bench --bench tui`

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use vault::config::Interface;
use vault::tui::effect::Effect;
use vault::tui::message::{Message, Now, Session};
use vault::tui::model::{Model, Start};
use vault::tui::view;
use vault::vault::Path;

const NAMES: usize = 100_000;
/// Names in one page of a bucket's listing.
const PAGE: usize = 1000;
const QUERIES: [&str; 8] =
    ["a", "password", "team3 db", "svc12key", "e", "zzzz", "t/s/p", "production"];

struct Ui {
    model: Model,
    terminal: Terminal<TestBackend>,
}

impl Ui {
    /// One message and its frame.
    fn step(&mut self, message: Message) -> (Duration, Vec<Effect>) {
        let start = Instant::now();
        let effects = self.model.update(message);
        let model = &self.model;
        self.terminal.draw(|frame| view::draw(model, frame)).expect("draws");
        (start.elapsed(), effects)
    }

    /// Slices of a search until it has looked at all names.
    fn settle(&mut self, slices: &mut Vec<Duration>) {
        while self.model.rows.is_searching() {
            let now = self.model.now;
            slices.push(self.step(Message::Tick(now)).0);
        }
    }

    fn key(&mut self, code: KeyCode) -> Duration {
        self.step(Message::Key(KeyEvent::new(code, KeyModifiers::NONE))).0
    }
}

fn main() {
    let mut names: Vec<Path> = (0..NAMES).map(name).collect();
    names.sort();
    let before = memory();
    let start = Start {
        interface: Interface::default(),
        vaults: vec![("team".to_owned(), "/srv/vault".to_owned())],
        vault: Some((Some("team".to_owned()), "/srv/vault".to_owned())),
        sealed: false,
        held: false,
        usual: String::new(),
        user: None,
        size: (140, 40),
    };
    let terminal = Terminal::new(TestBackend::new(140, 40)).expect("a terminal");
    let mut ui = Ui { model: Model::new(start).expect("a model"), terminal };
    ui.step(Message::Tick(Now { running: Duration::ZERO, unix: 1_795_000_000 }));
    let effects = ui.model.start();
    let Some(Effect::Unlock(id, ..)) = effects.first() else { panic!("no unlock") };
    let (_, effects) = ui.step(Message::Unlocked(*id, Ok(Session::default())));
    let Some(Effect::List(id)) = effects.iter().find(|e| matches!(e, Effect::List(_))) else {
        panic!("no listing")
    };
    let mut pages = Vec::new();
    for page in names.chunks(PAGE) {
        pages.push(ui.step(Message::Names(*id, page.to_vec())).0);
    }
    let whole = ui.step(Message::NamesEnd(*id, Ok(()))).0;
    drop(names);
    assert_eq!(ui.model.rows.total(), NAMES);
    println!("{NAMES} names, 140x40");
    show("first frame, first page", vec![pages[0]]);
    show("a page of 1000 names and its frame", pages);
    show("last frame of the listing", vec![whole]);

    let mut letters = Vec::new();
    let mut deletions = Vec::new();
    let mut slices = Vec::new();
    let mut whole = Vec::new();
    for _ in 0..5 {
        for query in QUERIES {
            ui.key(KeyCode::Char('/'));
            for c in query.chars() {
                let start = Instant::now();
                letters.push(ui.key(KeyCode::Char(c)));
                ui.settle(&mut slices);
                whole.push(start.elapsed());
            }
            for _ in query.chars() {
                deletions.push(ui.key(KeyCode::Backspace));
                ui.settle(&mut slices);
            }
            ui.key(KeyCode::Esc);
        }
    }
    show("a letter in the filter to its frame", letters);
    show("a deleted letter to its frame", deletions);
    show("a further frame of the same search", slices);
    show("a letter until all names are searched", whole);

    let mut moves = Vec::new();
    for code in [KeyCode::Down, KeyCode::PageDown, KeyCode::End, KeyCode::PageUp, KeyCode::Home] {
        moves.extend((0..200).map(|_| ui.key(code)));
    }
    show("a movement to its frame", moves);
    println!(
        "memory: {} MiB at most, {} MiB of it before the model",
        memory() / 1024,
        before / 1024
    );
}

fn name(i: usize) -> Path {
    let text = format!(
        "team{}/{}/svc{}/{}-{i}",
        i % 17,
        ["production", "staging", "db"][i % 3],
        i % 211,
        ["password", "token", "key", "certificate"][i % 4]
    );
    Path::parse(&text).expect("a path")
}

/// Most memory that this process ever had, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{what:<40} n {:>5}  median {:>9.1?}  p99 {:>9.1?}  worst {:>9.1?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
