//! A team at work, told by running the program: every row of `table.rs` is a person, a command,
//! and what comes of it, on a directory and in a bucket of a real server, without and with KMS.

mod place;
mod table;

use std::collections::HashMap;

use crate::cli::home::{Home, Ran, finish};
use place::Place;
use table::{Expect, On, Row, STORY, Step};

/// Everybody's homes, and what is called by name in the table.
struct World {
    place: Place,
    homes: HashMap<&'static str, Home>,
    names: HashMap<String, String>,
}

impl World {
    fn new(place: Place) -> Self {
        let mut world = Self { place, homes: HashMap::new(), names: HashMap::new() };
        let ann = Home::new();
        let mut init = vec!["init".to_owned(), world.place.location(), "--name".into()];
        init.extend(["main", "--no-passphrase", "--recovery-out", "words"].map(String::from));
        init.extend(world.place.flags());
        let made = finish(world.place.command(&ann, "ann", &init), b"").ok();
        world.name("join", made.text().trim());
        world.name("wrap", &world.place.group_flag());
        world.homes.insert("ann", ann);
        for who in table::PEOPLE {
            let home = Home::new();
            // With other identities, one without: what it has is a variable.
            if !table::WITHOUT_IDENTITY.contains(&who) {
                let id = finish(home.command(["id", "new", "--no-passphrase"]), b"").ok();
                world.name(who, id.text().trim());
            }
            world.homes.insert(who, home);
        }
        world
    }

    fn name(&mut self, name: &str, text: &str) {
        self.names.insert(format!("${name}"), text.to_owned());
    }

    /// Runs a line of the table; what is behind ` < ` goes to stdin, `$name` is replaced.
    fn run(&self, who: &str, line: &str) -> Ran {
        let (line, stdin) = line.split_once(" < ").unwrap_or((line, ""));
        let word = |word: &str| self.names.get(word).cloned().unwrap_or_else(|| word.to_owned());
        let words: Vec<String> = line
            .split(' ')
            .flat_map(|w| word(w).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let home = &self.homes[who];
        let mut command = self.place.command(home, who, &words);
        command.env("USER", who);
        if let Some(name) = table::BY_VARIABLE.iter().find(|(of, _)| *of == who).map(|(_, n)| n) {
            let value = self.names.get(&format!("${}", name.to_lowercase()));
            command.env(format!("VAULT_{name}"), value.map_or("", String::as_str));
        }
        finish(command, stdin.as_bytes())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Keep(name) => {
                let text = self.run("ann", "vaults --json").ok().json();
                self.name(name, text[0]["join"].as_str().unwrap());
            }
            Step::Capability(who, folder) => {
                let made = self.run(who, &format!("capability {folder}")).ok();
                self.name("capability", made.text().trim());
            }
            Step::Words(from, name, to) => {
                let file = self.homes[from].path().join(name);
                // With its mode: it is for its owner alone.
                std::fs::copy(file, self.homes[to].path().join(name)).unwrap();
            }
            Step::WrongWords(to) => {
                let words = vault::vault::DeviceIdentity::random().to_words();
                std::fs::write(self.homes[to].path().join("wrong"), words.bytes()).unwrap();
            }
            Step::Copy(who, copy) => {
                let home = Home::new();
                let from = format!("{}/.", self.homes[who].path().display());
                let copied =
                    std::process::Command::new("cp").args(["-a", &from]).arg(home.path()).status();
                assert!(copied.unwrap().success());
                self.homes.insert(copy, home);
                let kept = self.place.keep_a_copy();
                self.name("kept", &kept);
            }
            Step::Graft(key) => self.place.graft(key),
            Step::CutIam(who) => self.place.cut(who),
        }
    }
}

/// What is wrong with an outcome; `None` if it is as the row says.
fn wrong(row: &Row, ran: &Ran) -> Option<String> {
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), &ran.stderr);
    let (code, fits) = match row.expect {
        Expect::Allow(says) => (0, stdout.contains(says) || stderr.contains(says)),
        Expect::Value(value) => (0, stdout == value),
        Expect::Deny(code, says) => (code, stderr.contains(says) && stdout.is_empty()),
    };
    let noise = stderr.contains("panicked") || stderr.contains('\u{1b}');
    (ran.code != code || !fits || noise).then(|| {
        let Row { who, does, expect, .. } = row;
        format!("{who}: {does}\n  expected {expect:?}\n  exit {}: {stdout}{stderr}", ran.code)
    })
}

fn tell(place: Place) {
    let start = std::time::Instant::now();
    let on = place.wrap();
    let mut world = World::new(place);
    let (mut allowed, mut denied, mut failed) = (0, 0, Vec::new());
    for part in STORY {
        match part {
            table::Part::Then(at, step) if at.includes(on) => world.step(*step),
            table::Part::Row(row) if row.on.includes(on) => {
                let ran = world.run(row.who, row.does);
                match row.expect {
                    Expect::Deny(..) => denied += 1,
                    _ => allowed += 1,
                }
                failed.extend(wrong(row, &ran));
            }
            _ => {}
        }
    }
    let (rows, seconds) = (allowed + denied, start.elapsed().as_secs_f64());
    println!("story: {rows} rows, {allowed} allowed, {denied} denied, {seconds:.1} s");
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n"));
    assert!(rows >= 60 && allowed >= 30 && denied >= 30, "too short a story");
}

#[test]
fn in_a_directory() {
    tell(Place::directory());
}

#[test]
fn in_a_bucket() {
    tell(Place::bucket(On::Local));
}

#[test]
fn in_a_bucket_with_kms() {
    tell(Place::bucket(On::Kms));
}

/// A row that is not as it says is noticed.
#[test]
fn the_check_of_rows_notices() {
    let row = |expect| Row { on: On::Both, who: "ann", does: "get a", expect };
    let ran = |code, out: &str, err: &str| Ran {
        code,
        stdout: out.as_bytes().to_vec(),
        stderr: err.to_owned(),
    };
    assert!(wrong(&row(Expect::Value("1")), &ran(0, "1", "")).is_none());
    assert!(wrong(&row(Expect::Value("1")), &ran(0, "12", "")).is_some());
    assert!(wrong(&row(Expect::Value("1")), &ran(5, "", "error")).is_some());
    let deny = || row(Expect::Deny(5, "may not"));
    assert!(wrong(&deny(), &ran(5, "", "error: may not")).is_none());
    assert!(wrong(&deny(), &ran(0, "", "error: may not")).is_some());
    assert!(wrong(&deny(), &ran(5, "a value", "error: may not")).is_some());
    assert!(wrong(&deny(), &ran(5, "", "error: something else")).is_some());
}
