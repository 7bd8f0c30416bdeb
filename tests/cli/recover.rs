use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::home::Home;
use super::people::{is_clean, member, newcomer, on_a_terminal, two};

/// The words of a vault, given to somebody: a private file, as `write` has it.
fn give(from: &Home, to: &Home, write: impl Fn(&[&str]) -> String) {
    let words = fs::read_to_string(from.path().join("recovery.txt")).unwrap();
    let file = to.path().join("words");
    fs::write(&file, write(&words.split_whitespace().collect::<Vec<_>>())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn join_string(home: &Home) -> String {
    home.run(["vaults", "--json"]).ok().json()[0]["join"].as_str().unwrap().to_owned()
}

const WORDS: [&str; 3] = ["recover", "--words-file", "words"];

#[test]
fn a_new_device_becomes_an_admins_and_all_see_it() {
    let (ann, bob) = two();
    ann.put("a", "1");
    let (new, _) = newcomer();
    give(&ann, &new, |words| words.join(" "));
    let join = join_string(&ann);
    let ran = new.run(WORDS.iter().chain(&["--member", "ops", "--join", &join])).ok();
    assert!(ran.text().is_empty());
    assert!(ran.stderr.contains("ops is an admin now, and everybody in the team sees it."));
    assert!(ran.stderr.contains("vault recover --replace"), "{}", ran.stderr);
    new.put("a", "2");
    assert_eq!(bob.get("a"), "2");
    let log = bob.run(["team", "log", "--json"]).ok().json();
    let used = log.as_array().unwrap().iter().find(|note| note["author"] == "recovery").unwrap();
    let text = used["changes"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("the recovery key made ops an admin: "), "{text}");
    // Configured already: it is refused, and without --join it is done already.
    new.run(WORDS.iter().chain(&["--join", &join])).fails(6, "configured already");
    let json = new.run(WORDS.iter().chain(&["--json"])).ok().json();
    assert_eq!(json["member"], "ops");
    assert_eq!(bob.run(["member", "ls"]).ok().lines().len(), 3);
}

#[test]
fn words_are_read_however_they_were_written_down() {
    let numbered = |words: &[&str]| {
        let word = |(i, word): (usize, &&str)| {
            format!("  {:2}. {word}{}", i + 1, if i % 4 == 3 { "\n" } else { "\t" })
        };
        words.iter().enumerate().map(word).collect()
    };
    let forms: [fn(&[&str]) -> String; 4] = [
        |words| words.join("\n"),
        |words| format!("\r\n {}\r\n\r\n", words.join("\r\n").to_uppercase()),
        |words| words.join(" ") + "\n",
        |words| format!("1 {}", words.join(" ")),
    ];
    let ann = Home::with_vault();
    let join = join_string(&ann);
    let recover = |write: &dyn Fn(&[&str]) -> String| {
        let home = newcomer().0;
        give(&ann, &home, write);
        home.run(WORDS.iter().chain(&["--join", &join, "--member", "ann"]))
    };
    recover(&numbered).ok();
    for form in forms {
        recover(&form).ok();
    }
    assert_eq!(ann.run(["member", "ls"]).ok().text(), "ann\tadmin\t6\n");
    let wrong: [fn(&[&str]) -> String; 5] = [
        |words| words[..23].join(" "),
        |words| words.join(" ") + " zoo",
        |words| words.join(","),
        |words| words.join(" ").replacen('a', "\u{430}", 1),
        |_| String::new(),
    ];
    for form in wrong {
        recover(&form).fails(2, "not 24 recovery words");
    }
    // One time in 256 their checksum is right: then they are somebody else's.
    let ran = recover(&|words| words.iter().rev().copied().collect::<Vec<_>>().join(" "));
    match ran.code {
        5 => ran.fails(5, "not the recovery words of this vault"),
        _ => ran.fails(2, "not 24 recovery words"),
    };
}

#[test]
fn words_of_another_vault_or_of_before_open_nothing() {
    let (ann, bob) = two();
    let other = Home::with_vault();
    give(&other, &bob, |words| words.join(" "));
    bob.run(WORDS.iter().chain(&["--member", "bob"])).fails(5, "not the recovery words");
    ann.run(["recover", "--replace", "--recovery-out", "new"]).ok();
    give(&ann, &bob, |words| words.join(" "));
    bob.run(WORDS.iter().chain(&["--member", "bob"])).fails(5, "not the recovery words");
    let new = newcomer().0;
    fs::copy(ann.path().join("new"), new.path().join("new")).unwrap();
    let join = join_string(&ann);
    new.run(["recover", "--words-file", "new", "--member", "bob", "--join", &join]).ok();
    assert!(ann.run(["member", "ls"]).ok().text().contains("bob\tadmin"));
}

#[test]
fn new_words_are_written_once_and_privately() {
    let (ann, bob) = two();
    ann.put("a", "1");
    let args = ["recover", "--replace", "--recovery-out", "new"];
    bob.run(args).fails(5, "only an admin");
    assert!(!bob.path().join("new").exists(), "words that are worth nothing");
    let ran = ann.run(args.iter().chain(&["--reseal"])).ok();
    assert!(ran.stderr.contains("The new words are in new."), "{}", ran.stderr);
    assert_eq!(ran.text(), "a\t2\tmain\tthe recovery key was replaced\n");
    let file = ann.path().join("new");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let words = fs::read_to_string(&file).unwrap();
    assert_eq!(words.split(' ').count(), 24);
    ann.run(args).fails(6, "is there already, and its words hold");
    assert_eq!(fs::read_to_string(&file).unwrap(), words, "not overwritten");
    // Of a run that was cut off before its note; and something else altogether.
    for text in [fs::read_to_string(ann.path().join("recovery.txt")).unwrap(), "x".to_owned()] {
        fs::write(&file, text).unwrap();
        let ran = ann.run(args).fails(6, "has no words that hold");
        assert!(ran.stderr.contains("move it away"), "{}", ran.stderr);
    }
    let log = ann.run(["team", "log", "--json"]).ok().json();
    assert_eq!(log[0]["changes"][0]["op"], "recovery-set");
    assert_eq!(log[0]["seq"], 2, "one note for one replacement");
}

#[test]
fn a_person_reads_the_words_from_the_screen_and_types_them() {
    let ann = Home::with_vault();
    let replace = ["recover", "--replace"];
    ann.run(replace).fails(2, "--recovery-out");
    ann.run(["recover", "--replace", "--no-input"]).fails(2, "--recovery-out");
    let mut command = crate::tui::pty::command_in(&ann);
    command.args(replace);
    let mut session = crate::tui::pty::Session::sized(command, (40, 120));
    session.shows("Press Enter when they are written down");
    let screen = session.terminal().screen().contents();
    session.type_keys("\r");
    assert_eq!(session.ends(), 0);
    session.shows("New generation: main.");
    let begin = screen.find("1. ").unwrap();
    let end = screen.find("Press Enter").unwrap();
    let shown = screen[begin..end].to_owned();
    let left = session.terminal().screen().contents();
    assert!(!left.contains("1. "), "the words stay on the screen: {left}");

    let (new, _) = newcomer();
    let join = join_string(&ann);
    let args = ["recover", "--join", &join, "--member", "ann"];
    new.run(args).fails(2, "--words-file");
    new.run(args.iter().chain(&["--no-input"])).fails(2, "--words-file");
    let words: Vec<&str> = shown.split_whitespace().filter(|word| !word.ends_with('.')).collect();
    assert_eq!(words.len(), 24, "{shown}");
    let typed = format!("{}\r", words.join(" "));
    let question = "The 24 recovery words, in one line:";
    let screen = on_a_terminal(&new, &args, &[(question, &typed)], (0, "ann is an admin now"));
    assert!(!screen.contains(words[1]) || !screen.contains(words[2]), "echoed: {screen}");
    // As the screen had them.
    let (third, _) = newcomer();
    fs::write(third.path().join("words"), &shown).unwrap();
    third.run(WORDS.iter().chain(&["--join", &join, "--member", "ann"])).ok();
}

#[test]
fn nobody_is_made_an_admin_by_mistake() {
    let ann = Home::with_vault();
    let bob = member(&ann, "bob", &["--role", "read"]);
    give(&ann, &bob, |words| words.join(" "));
    let mut command = bob.command(WORDS);
    command.env("USER", "bob");
    let ran = super::home::finish(command, b"").fails(2, "bob is a member who is no admin");
    assert!(ran.stderr.contains("--member bob makes all of their devices"), "{}", ran.stderr);
    bob.run(WORDS.iter().chain(&["--reseal"])).fails(2, "nothing is sealed anew");
    bob.run(WORDS.iter().chain(&["--recovery-out", "x"])).fails(2, "--recovery-out");
    bob.run(WORDS.iter().chain(&["--replace"])).fails(2, "cannot be used with");
    bob.run(["recover", "--words-file", "none"]).fails(2, "there is no file none");
    for odd in ["b\u{202e}b", "b\u{1b}[2J", "", "a b", "recovery"] {
        let ran = bob.run(WORDS.iter().chain(&["--member", odd])).fails(2, "not a name");
        is_clean(&ran);
    }
    bob.run(WORDS.iter().chain(&["--join", "vault-join1x"])).fails(2, "not a vault-join1");
    let own = bob.run(WORDS.iter().chain(&["--member", "bob"]));
    let own = own.fails(6, "this identity is a device of bob already");
    assert!(own.stderr.contains("vault id new"), "{}", own.stderr);
    let log = ann.run(["team", "log", "--json"]).ok().json();
    assert!(!log.to_string().contains("recovery-used"));
    assert_eq!(log[0]["seq"], json!(1), "no note was written");
    // A removed key does not come back by the words either.
    ann.run(["member", "rm", "bob", "--yes"]).ok();
    bob.run(WORDS.iter().chain(&["--member", "bob"])).fails(6, "cannot be recovered");
}

#[test]
fn words_that_others_can_read_are_warned_of() {
    let ann = Home::with_vault();
    let (new, _) = newcomer();
    give(&ann, &new, |words| words.join(" "));
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(new.path().join("words"), open).unwrap();
    let join = join_string(&ann);
    let ran = new.run(WORDS.iter().chain(&["--join", &join, "--member", "ann"])).ok();
    assert!(ran.stderr.contains("words can be read by other users"), "{}", ran.stderr);
}
