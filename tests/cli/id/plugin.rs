//! An identity whose key an age plugin keeps.

use super::super::home::{Home, Ran, finish};
use super::age_files;
use crate::support::plugins::{Plugins, identity, identity_file, recipient};

/// A home, and plugins on the PATH of what is run there.
struct Desk {
    home: Home,
    plugins: Plugins,
}

impl Desk {
    /// With the identity file of a plugin in `key.txt`.
    fn new(name: &str) -> Self {
        let desk = Self { home: Home::new(), plugins: Plugins::new(&[name]) };
        desk.write("key.txt", &identity_file(name, 1));
        desk
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    fn run(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.home.command(args);
        command.env("PATH", self.plugins.path());
        finish(command, stdin.as_bytes())
    }

    fn init(&self, answers: &str) -> Ran {
        let args = ["init", "--recovery-out", "words", "--passphrase-fd", "0"];
        self.run(&args, answers)
    }
}

const NEW: [&str; 4] = ["id", "new", "--age-plugin", "key.txt"];

#[test]
fn a_vault_opens_with_a_plugin() {
    let desk = Desk::new("vtest");
    let new = desk.run(&NEW, "").ok();
    assert_eq!(desk.run(&["id", "show"], "").ok().text(), new.text());
    assert_eq!(
        desk.run(&["id", "show", "--json"], "").ok().json()["recipient"],
        recipient("vtest", 1)
    );
    desk.init("").ok();
    desk.run(&["put", "a"], "value").ok();
    assert_eq!(desk.run(&["get", "a"], "").ok().text(), "value");
    assert_eq!(age_files(&desk.home).len(), 1);
    desk.run(&["id", "export", "--age"], "")
        .fails(2, "this identity's key is the age plugin vtest");
    let doctor = desk.run(&["doctor"], "").text();
    assert!(doctor.contains("the age plugin vtest opens the identity"), "{doctor}");
    // The same device, without the plugin.
    desk.home.run(["get", "a"]).fails(4, "the program age-plugin-vtest is not on the PATH");
    desk.home.run(["get", "a"]).fails(4, "install it");
}

#[test]
fn a_post_quantum_recipient_has_a_file_of_its_own_beside_the_recovery_key() {
    let desk = Desk::new("vpq");
    desk.run(&NEW, "").ok();
    desk.init("").ok();
    desk.run(&["put", "a"], "value").ok();
    assert_eq!(desk.run(&["get", "a"], "").ok().text(), "value");
    let files = age_files(&desk.home);
    let has = |kind: &str| {
        let found = |file: &&Vec<u8>| String::from_utf8_lossy(file).contains(kind);
        files.iter().filter(found).count()
    };
    assert_eq!((files.len(), has("-> X25519 "), has("-> vault-test ")), (2, 1, 1));
    // The pinned files are all fetched until one opens: another device has none of them cached.
    std::fs::remove_dir_all(desk.home.path().join(".cache")).unwrap();
    assert_eq!(desk.run(&["get", "a"], "").ok().text(), "value");
    desk.run(&["verify"], "").ok();
}

#[test]
fn what_the_plugin_asks_is_asked_here() {
    let desk = Desk::new("vask");
    desk.run(&NEW, "").fails(2, "an age plugin asks `PIN of the token?`");
    desk.run(&[&NEW[..], &["--no-input"]].concat(), "").fails(2, "--no-input asks nothing");
    // It also asks whether it shall go on, and that is no secret.
    let asked = desk.run(&[&NEW[..], &["--passphrase-fd", "0"]].concat(), "1234\n");
    let asked = asked.fails(2, "an age plugin asks `Really?`");
    assert!(asked.stderr.contains("touch \\u{1b}[31mthe token"), "{}", asked.stderr);
    assert!(!asked.stderr.contains('\x1b'));
    assert!(!desk.home.identity().exists());
}

#[test]
fn a_plugin_that_fails_makes_no_identity() {
    for (name, says) in [("vfail", "no ink"), ("vdie", "age-plugin-vdie"), ("vmute", "vmute")] {
        let desk = Desk::new(name);
        let failed = desk.run(&NEW, "").fails(4, says);
        assert!(!failed.stderr.contains('\x1b'), "{}", failed.stderr);
        assert!(!desk.home.identity().exists());
    }
    let desk = Desk::new("vtest");
    desk.home.run(NEW).fails(4, "age-plugin-vtest is not on the PATH");
    let mut command = desk.home.command(NEW);
    command.env("PATH", "/usr/bin:/bin");
    finish(command, b"").fails(4, "install it");
}

#[test]
fn what_the_plugin_is_told_is_never_printed() {
    let desk = Desk::new("vtest");
    desk.run(&NEW, "").ok();
    for value in ["plugin", "1"] {
        let mut show = desk.home.command(["id", "show"]);
        show.env("AGEDEBUG", value).env("PATH", desk.plugins.path());
        let ran = finish(show, b"");
        assert!(!ran.stderr.contains("->"), "{}", ran.stderr);
        assert_eq!(ran.code, if value == "plugin" { 2 } else { 0 }, "{}", ran.stderr);
    }
}

#[test]
fn the_recipient_is_in_a_comment_or_given() {
    let desk = Desk::new("vtest");
    desk.write("bare.txt", &identity("vtest", 1));
    let bare = ["id", "new", "--age-plugin", "bare.txt"];
    desk.run(&bare, "").fails(2, "give it with --recipient");
    let wrong = recipient("vtest", 2);
    let given = |to: &str| desk.run(&[&bare[..], &["--recipient", to]].concat(), "");
    given(&wrong).fails(4, "was not made with the age plugin vtest");
    given("age1xyz").fails(2, "not a recipient: age1xyz");
    given(&recipient("vtest", 1)).ok();
    desk.run(&["id", "new", "--recipient", &wrong], "").fails(2, "--age-plugin");
    desk.write("other.txt", "AGE-SECRET-KEY-1QQQQ\n");
    std::fs::remove_file(desk.home.identity()).unwrap();
    desk.run(&["id", "new", "--age-plugin", "other.txt"], "")
        .fails(2, "no identity of an age plugin");
}
