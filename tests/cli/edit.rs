use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::home::{Home, Ran, finish, program, traced};

/// A home, a directory in memory for what is edited, and a script as the editor: `$1` is the file.
struct Desk {
    home: Home,
    memory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
        Self { home: Home::with_vault(), memory }
    }

    /// With a user, a password and bytes.
    fn with_fields() -> Self {
        let desk = Self::new();
        std::fs::write(desk.home.path().join("key"), [0xff, 0]).unwrap();
        desk.home.run_with(["put", "db", "user=ann", "password=-", "key=@key"], b"s3cret-one").ok();
        desk
    }

    fn command(&self, path: &str, script: &str) -> Command {
        let editor = self.home.path().join("editor");
        std::fs::write(&editor, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = self.home.command(["edit", path]);
        command.env("EDITOR", &editor).env("XDG_RUNTIME_DIR", self.memory.path());
        command.env("VAULT", program());
        command
    }

    /// Edits, and nothing stays of the file.
    #[track_caller]
    fn edit(&self, path: &str, script: &str) -> Ran {
        let ran = finish(self.command(path, script), b"");
        self.is_clean();
        ran
    }

    #[track_caller]
    fn is_clean(&self) {
        let left: Vec<_> = self.memory.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// What the editor was shown, copied by the script to this name.
    fn shown(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap()
    }
}

#[test]
fn one_value_is_the_text() {
    let desk = Desk::new();
    desk.home.put("token", "s3cret-one");
    let ran = desk.edit("token", "cp \"$1\" shown; stat -c %a \"$1\" >mode; echo new >\"$1\"").ok();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("token: version 2"), "{}", ran.stderr);
    assert_eq!((desk.shown("shown").as_str(), desk.shown("mode").trim()), ("s3cret-one\n", "600"));
    assert_eq!(desk.home.get("token"), "new");
    let text = "printf 'a\\n\\nb' >\"$1\"";
    desk.edit("token", text).ok();
    assert_eq!(desk.home.get("token"), "a\n\nb");
    desk.home.run_with(["put", "raw", "--raw"], b"{}").ok();
    desk.edit("raw", "echo '[]' >\"$1\"").ok();
    assert_eq!(desk.home.get("raw"), "[]");
}

#[test]
fn fields_are_changed_added_and_removed() {
    let desk = Desk::with_fields();
    let script = "cp \"$1\" shown
        sed -i -e '/^== user/,+1d' -e 's/s3cret-one/s3cret-two/' \"$1\"
        printf '== site [url]\\nhttps://x\\n' >>\"$1\"";
    desk.edit("db", script).ok();
    let shown = desk.shown("shown");
    let fields = "== user [text]\nann\n== password [secret]\ns3cret-one\n== key [secret] (bytes)\n";
    assert!(shown.ends_with(fields), "{shown}");
    assert_eq!(desk.home.run(["fields", "db"]).ok().lines().len(), 3);
    assert_eq!(desk.home.run(["get", "db", "password"]).ok().text(), "s3cret-two");
    assert_eq!(desk.home.run(["get", "db", "site"]).ok().text(), "https://x");
    assert_eq!(desk.home.run(["get", "db", "key"]).ok().stdout, [0xff, 0], "bytes stay");
    let types = desk.home.run(["fields", "db", "--json"]).ok().text();
    assert!(types.contains("url") && !types.contains("user"), "{types}");
}

#[test]
fn what_is_not_there_becomes_new() {
    let desk = Desk::new();
    let json = finish(
        {
            let mut command = desk.command("new/one", "cp \"$1\" shown; echo s3cret >\"$1\"");
            command.arg("--json");
            command
        },
        b"",
    );
    assert_eq!(json.ok().json(), serde_json::json!({ "path": "new/one", "version": 1 }));
    assert_eq!((desk.home.get("new/one").as_str(), desk.shown("shown").as_str()), ("s3cret", ""));
    let ran = desk.edit("other", "true").ok();
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    desk.home.run(["exists", "other"]).fails(3, "");
}

#[test]
fn nothing_is_written_for_nothing() {
    let desk = Desk::with_fields();
    for script in ["true", "touch \"$1\"", "echo >>\"$1.other\""] {
        let ran = desk.edit("db", script).ok();
        assert!(ran.stderr.contains("db: nothing was changed"), "{}", ran.stderr);
    }
    desk.edit("db", "echo x >\"$1\"; exit 3").fails(1, "the editor failed");
    desk.edit("db", "kill -KILL $$").fails(1, "the editor failed");
    desk.edit("db", "rm \"$1\"").fails(1, "cannot read what was edited");
    desk.edit("db", "rm \"$1\"; mkfifo \"$1\"").fails(1, "something else than a file");
    desk.edit("db", "rm \"$1\"; ln -s /etc/passwd \"$1\"").fails(1, "cannot read what was edited");
    let mut none = desk.command("db", "");
    none.env("EDITOR", "no-such-editor-here");
    finish(none, b"").fails(1, "the editor failed");
    assert_eq!(desk.home.run(["history", "db"]).ok().lines().len(), 1);
    desk.edit("a//b", "true").fails(2, "a//b");
    desk.home.run_with(["put", "bytes", "--raw"], &[0xff]).ok();
    desk.edit("bytes", "true").fails(2, "holds bytes, not text");
}

/// The editor opens again and says why; the text left as it is gives up.
#[test]
fn a_slip_is_mended_or_given_up() {
    let desk = Desk::with_fields();
    let twice = "if [ -e once ]; then cp \"$1\" again; SECOND; else touch once
        printf '== user\\nbob\\n' >>\"$1\"; fi";
    let ran = desk.edit("db", &twice.replace("SECOND", "true"));
    ran.fails(2, "the field user is there twice");
    assert!(desk.shown("again").starts_with("Nothing was written: the field user is there twice"));
    std::fs::remove_file(desk.home.path().join("once")).unwrap();
    desk.edit("db", &twice.replace("SECOND", "sed -i '/^== user \\[text/,+1d' \"$1\"")).ok();
    assert_eq!(desk.home.run(["get", "db", "user"]).ok().text(), "bob");
    desk.edit("db", "printf '\\377' >\"$1\"").fails(2, "not UTF-8");
    desk.edit("db", "printf '== a [odd]\\nx\\n' >\"$1\"").fails(2, "the type of a is not one");
    desk.edit("db", "echo gone >\"$1\"").fails(2, "there is text above the first field");
    desk.edit("db", "sed -i '1i new' \"$1\"").fails(2, "there is text above the first field");
    desk.edit("db", ": >\"$1\"").fails(2, "no field is left");
    desk.edit("db", "sed -i '/^== key/a text' \"$1\"").fails(2, "key is bytes, and has text");
    desk.edit("db", "sed -i 's/ (bytes)//' \"$1\"").fails(2, "key has no text");
    desk.edit("db", "sed -i 's/^== user .text.$/& (bytes)/' \"$1\"")
        .fails(2, "user is bytes, and has");
    // A line of a value that looks like a field is not repeated.
    let ran = desk.edit("db", "printf '== s3cret=x\\n' >>\"$1\"");
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    ran.fails(2, "a line that begins with `== ` names no field");
    desk.home.put("one", "x");
    desk.edit("one", ": >\"$1\"").fails(2, "the value is empty");
}

#[test]
fn other_fields_of_somebody_else_are_merged() {
    let desk = Desk::with_fields();
    let script = "[ -e once ] || { touch once; printf other | \"$VAULT\" put db pin=- note=-; }
        sed -i 's/s3cret-one/s3cret-two/' \"$1\"";
    let script = script.replace(" note=-", "");
    let ran = desk.edit("db", &script).ok();
    assert!(ran.stderr.contains("version 2 was written meanwhile"), "{}", ran.stderr);
    assert!(ran.stderr.contains("db: version 3"), "{}", ran.stderr);
    for (field, value) in [("pin", "other"), ("password", "s3cret-two"), ("user", "ann")] {
        assert_eq!(desk.home.run(["get", "db", field]).ok().text(), value);
    }
}

/// Both wrote the same field: both values are shown, and one is chosen.
#[test]
fn the_same_field_is_a_conflict() {
    let script = "if [ -e once ]; then cp \"$1\" again; SECOND; else touch once
        printf theirs | \"$VAULT\" put db password=-; printf x | \"$VAULT\" put db pin=-
        sed -i -e 's/s3cret-one/mine/' -e 's/^ann/bob/' \"$1\"; fi";
    let desk = Desk::with_fields();
    desk.edit("db", &script.replace("SECOND", "true")).fails(6, "db is at version 3, not 1");
    let again = desk.shown("again");
    let both = "== password [secret] (yours)\nmine\n== password [secret] (theirs)\ntheirs\n";
    assert!(again.contains(both) && again.contains("== user [text]\nbob\n"), "{again}");
    assert!(again.contains("== pin [secret]\nx\n"), "{again}");
    assert_eq!(desk.home.run(["get", "db", "password"]).ok().text(), "theirs");

    let desk = Desk::with_fields();
    desk.edit("db", &script.replace("SECOND", "sed -i '/(theirs)/,+1d' \"$1\"")).ok();
    for (field, value) in [("pin", "x"), ("password", "mine"), ("user", "bob")] {
        assert_eq!(desk.home.run(["get", "db", field]).ok().text(), value);
    }
    // Neither was chosen: said once more.
    let desk = Desk::with_fields();
    let ran = desk.edit("db", &script.replace("SECOND", "echo '== z' >>\"$1\""));
    ran.fails(2, "the field password is there twice");
}

#[test]
fn one_value_or_bytes_changed_by_both() {
    let desk = Desk::new();
    let script = "if [ -e once ]; then cp \"$1\" again; sed -i '/(theirs)/,+1d' \"$1\"
        else touch once; printf theirs | \"$VAULT\" put a RAW; echo mine >\"$1\"; fi";
    for raw in ["", "--raw"] {
        let _ = std::fs::remove_file(desk.home.path().join("once"));
        desk.home
            .run_with(
                ["put", "a", "--raw"].into_iter().filter(|a| *a != "--raw" || raw == *a),
                b"first",
            )
            .ok();
        desk.edit("a", &script.replace("RAW", raw)).ok();
        let again = desk.shown("again");
        assert!(
            again.contains("(yours)\nmine\n") && again.contains("(theirs)\ntheirs\n"),
            "{again}"
        );
        assert_eq!(desk.home.get("a"), "mine");
    }
}

#[test]
fn a_deletion_meanwhile_takes_nothing_along() {
    let desk = Desk::with_fields();
    let script = "if [ -e once ]; then cp \"$1\" again; SECOND; else touch once
        \"$VAULT\" rm db; sed -i 's/s3cret-one/mine/' \"$1\"; fi";
    desk.edit("db", &script.replace("SECOND", "true")).fails(6, "db was deleted meanwhile");
    let again = desk.shown("again");
    assert!(again.contains("was deleted meanwhile"), "{again}");
    assert!(
        again.contains("== user [text]\nann\n") && again.contains("[secret]\nmine\n"),
        "{again}"
    );
    desk.home.run(["exists", "db"]).fails(3, "");
    desk.home.run(["undelete", "db"]).ok();
    std::fs::remove_file(desk.home.path().join("once")).unwrap();
    let anew = "sed -i -e '/^== key/d' -e '/Remove this line/d' \"$1\"";
    desk.edit("db", &script.replace("SECOND", anew)).ok();
    assert_eq!(desk.home.run(["get", "db", "user"]).ok().text(), "ann");
}

#[test]
fn who_may_not_write_edits_nothing() {
    let desk = Desk::with_fields();
    let other = Home::new();
    let join =
        desk.home.run(["vaults", "--json"]).ok().json()[0]["join"].as_str().unwrap().to_owned();
    let id = other.run(["id", "new", "--no-passphrase"]).ok().text();
    desk.home.run(["member", "add", "bob", id.trim(), "--role", "read", "-y"]).ok();
    other.join(&join);
    let guest = Desk { home: other, memory: tempfile::tempdir_in("/dev/shm").unwrap() };
    let ran = guest.edit("db", "touch opened");
    ran.fails(5, "may not write db");
    assert!(!guest.home.path().join("opened").exists());
}

#[test]
fn a_signal_ends_the_editor_and_leaves_nothing() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let desk = Desk::with_fields();
        let fifo = desk.home.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let script = "trap '' TERM HUP INT; echo $$ >fifo; exec sleep 600";
        let inner = desk.command("db", script);
        let mut command = Command::new("env");
        // Whatever is ignored where the tests are run, as below `nohup`.
        command.arg("--default-signal").arg(program()).args(["edit", "db"]).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(desk.home.path()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(std::fs::File::open(&fifo).unwrap()).read_line(&mut pid).unwrap();
        let us = Pid::from_child(&child);
        // Ctrl-C is the editor's business, and ends neither.
        kill_process(us, Signal::INT).unwrap();
        kill_process(us, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let editor = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        super::agent::wait_for(editor);
        desk.is_clean();
    }
}

#[test]
fn no_value_is_in_an_argument_or_on_a_disk() {
    let desk = Desk::with_fields();
    let (ran, text) = traced(&desk.command("db", "sed -i 's/s3cret-one/s3cret-two/' \"$1\""));
    ran.ok();
    let hits: Vec<&str> = text.lines().filter(|line| line.contains("s3cret")).collect();
    let memory = format!("<{}/", desk.memory.path().display());
    let quoted = |line: &&str| line.contains("sed\", \"-i\"");
    let (by_sed, rest): (Vec<&str>, Vec<&str>) = hits.iter().partition(|line| quoted(line));
    assert_eq!(by_sed.len(), 1, "the test's own script: {by_sed:?}");
    assert!(rest.len() >= 2, "the file in memory is written by us and by sed: {rest:?}");
    for line in rest {
        assert!(line.contains("write(") && line.contains(&memory), "{line}");
    }
    assert_eq!(desk.home.run(["get", "db", "password"]).ok().text(), "s3cret-two");
}
