//! `vault git-credential`, alone and behind git itself.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::home::{Home, Ran, finish, program};
use crate::support::servers::python_command;

const HOST: &str = "protocol=https\nhost=github.com\n";

fn ask(home: &Home, action: &str, request: &str) -> Ran {
    home.run_with(["git-credential", action], request.as_bytes())
}

fn versions(home: &Home, path: &str) -> usize {
    home.run(["history", path]).ok().lines().len()
}

#[test]
fn what_is_stored_is_found_and_what_is_refused_goes() {
    let home = Home::with_vault();
    assert_eq!(ask(&home, "get", HOST).ok().text(), "");
    let login = format!("{HOST}username=ann\npassword=s3cret\n\n");
    for _ in 0..2 {
        assert_eq!(ask(&home, "store", &login).ok().text(), "");
    }
    assert_eq!(versions(&home, "git/github.com/ann"), 1, "nothing had changed");
    assert_eq!(home.get("git/github.com/ann"), "s3cret");
    let answer = "username=ann\npassword=s3cret\n";
    assert_eq!(ask(&home, "get", HOST).ok().text(), answer);
    assert_eq!(ask(&home, "get", &format!("{HOST}username=ann\n\n")).ok().text(), answer);
    assert_eq!(ask(&home, "get", &format!("{HOST}username=bob\n\n")).ok().text(), "");
    // Another password than the one that is there: somebody has changed it meanwhile.
    let other = format!("{HOST}username=ann\npassword=before\n");
    assert!(!ask(&home, "erase", &other).ok().stderr.contains("deleted"));
    assert_eq!(ask(&home, "get", HOST).ok().text(), answer);
    let erased = ask(&home, "erase", &login).ok();
    assert!(erased.stderr.contains("Undo: vault undelete git/github.com/ann"), "{}", erased.stderr);
    assert_eq!(ask(&home, "get", HOST).ok().text(), "");
    ask(&home, "erase", &login).ok();
    home.run(["undelete", "git/github.com/ann"]).ok();
    assert_eq!(ask(&home, "get", HOST).ok().text(), answer);
}

#[test]
fn nothing_goes_unless_its_own_password_was_refused() {
    let home = Home::with_vault();
    for path in ["git/github.com/ann", "git/github.com/bob", "git/github.com/org/repo/carol"] {
        home.put(path, "s3cret");
    }
    let all = home.run(["ls"]).ok().lines();
    for vague in ["", "username=ann\n", "path=org/repo\n", "password=\n", "password=s3cre\n"] {
        let ran = ask(&home, "erase", &format!("{HOST}{vague}\n")).ok();
        assert_eq!(ran.stderr, "", "{vague}");
        assert_eq!(home.run(["ls"]).ok().lines(), all, "{vague}");
    }
    ask(&home, "erase", "url=https://ann@github.com\n").ok();
    assert_eq!(home.run(["ls"]).ok().lines(), all);
    ask(&home, "erase", &format!("{HOST}username=bob\npassword=s3cret\n")).ok();
    assert_eq!(home.run(["ls"]).ok().lines(), [&all[0][..], &all[2]]);
}

#[test]
fn what_could_not_be_answered_is_not_kept() {
    let home = Home::with_vault();
    for login in
        ["username=ann\npassword=a\rb", "username=ann\npassword=a\r", "username=a\rb\npassword=x"]
    {
        let ran = ask(&home, "store", &format!("{HOST}{login}\n")).ok();
        assert!(ran.stderr.contains("has a line break, and is not kept"), "{}", ran.stderr);
        assert!(!ran.stderr.contains('\r'), "{}", ran.stderr);
    }
    let other = "protocol=https\nhost=b\u{fc}cher.example\n";
    for action in ["get", "store", "erase"] {
        let ran = ask(&home, action, &format!("{other}username=ann\npassword=x\n")).ok();
        assert_eq!((ran.text(), ran.stderr), (String::new(), String::new()), "{action}");
    }
    assert_eq!(home.run(["ls"]).ok().text(), "");
}

#[test]
fn several_users_and_paths_are_kept_apart() {
    let home = Home::with_vault();
    let store = |what: &str| {
        ask(&home, "store", &format!("{HOST}{what}\n")).ok();
    };
    store("username=bob@example.com\npassword=b");
    store("username=ann/1\npassword=a");
    store("path=org/repo.git\nusername=carol\npassword=c");
    let names = [
        "git/github.com/ann%2F1",
        "git/github.com/bob@example.com",
        "git/github.com/org/repo.git/carol",
    ];
    assert_eq!(home.run(["ls"]).ok().lines(), names);
    let get = |what: &str| ask(&home, "get", &format!("{HOST}{what}\n")).ok().text();
    assert_eq!(get("username=bob@example.com"), "username=bob@example.com\npassword=b\n");
    assert_eq!(get("username=ann/1"), "username=ann/1\npassword=a\n");
    assert_eq!(get("path=org/repo.git"), "username=carol\npassword=c\n");
    for nothing in ["username=carol", "path=org", "path=org/repo.git\nusername=ann/1", "path=x"] {
        assert_eq!(get(nothing), "", "{nothing}");
    }
    let other = ask(&home, "get", "protocol=https\nhost=github.com.example\n\n").ok();
    assert_eq!(other.text(), "");
    // Neither by another port, nor by http, nor by a part of the name.
    for host in ["github.com:8443", "hub.com", "github"] {
        let text = format!("protocol=https\nhost={host}\n");
        assert_eq!(ask(&home, "get", &text).ok().text(), "", "{host}");
    }
}

#[test]
fn passwords_that_were_put_by_hand_are_found() {
    let home = Home::with_vault();
    home.run_with(["put", "git/a/ann", "user=x", "note[text]=y", "password=-"], b"one").ok();
    home.run_with(["put", "git/b/bob", "--raw"], b"two").ok();
    home.put("git/c/carol smith", "three");
    home.run(["put", "git/d/dan", "user=dan"]).ok();
    let get = |host: &str| ask(&home, "get", &format!("url=https://{host}/\n"));
    assert_eq!(get("a").ok().text(), "username=ann\npassword=one\n");
    assert_eq!(get("b").ok().text(), "username=bob\npassword=two\n");
    assert_eq!(get("c").ok().text(), "username=carol smith\npassword=three\n");
    get("d").fails(3, "git/d/dan has no password");
    // The field that was read is the one that is written; the others stay.
    ask(&home, "store", "protocol=https\nhost=a\nusername=ann\npassword=new\n").ok();
    assert_eq!(home.run(["get", "git/a/ann", "password"]).ok().text(), "new");
    assert_eq!(home.run(["get", "git/a/ann", "note"]).ok().text(), "y");
    ask(&home, "store", "protocol=https\nhost=c\nusername=carol smith\npassword=new\n").ok();
    assert_eq!(home.get("git/c/carol smith"), "new");
    assert_eq!(home.run(["ls", "git/c"]).ok().lines().len(), 1);
}

#[test]
fn a_value_never_becomes_a_line_of_its_own() {
    let home = Home::with_vault();
    for value in ["x\nhost=evil.example", "x\r", "x\0y"] {
        home.run_with(["put", "git/github.com/ann", "--raw"], value.as_bytes()).ok();
        ask(&home, "get", HOST).fails(2, "has a line break");
    }
    home.put("git/github.com/b%0Apassword=x", "y");
    home.run(["rm", "git/github.com/ann"]).ok();
    ask(&home, "get", HOST).fails(2, "has a line break");
    ask(&home, "get", "protocol=https\nhost=git hub\n").fails(2, "is no host");
    // What is in the wrong place may be a piece of a password.
    for url in ["https://ann:p@geheim@host/x", "https://ann:geheim/x@host/", "https://geheim /x"] {
        let ran = ask(&home, "get", &format!("url={url}\n"));
        assert!(!ran.stderr.contains("geheim"), "{url}: {}", ran.stderr);
        assert_eq!(ran.code, if url.contains("p@") { 0 } else { 2 }, "{url}: {}", ran.stderr);
    }
    ask(&home, "store", "protocol=https\nhost=h\nusername=a\npassword=b\0c\n")
        .fails(2, "zero byte");
    ask(&home, "get", "s3cret\n").fails(2, "a line without `=`");
}

#[test]
fn what_is_not_served_is_left_to_git() {
    let home = Home::with_vault();
    home.put("git/h/ann", "s3cret");
    home.put("git/http+h/ann", "plain");
    let ran = ask(&home, "get", "protocol=http\nhost=h\n").ok();
    assert_eq!(ran.text(), "");
    assert!(ran.stderr.contains("no password is given out for http to h"), "{}", ran.stderr);
    let http = home.run_with(["git-credential", "--http", "get"], b"protocol=http\nhost=h\n").ok();
    assert_eq!(http.text(), "username=ann\npassword=plain\n", "never what is for https");
    assert_eq!(ask(&home, "get", "protocol=smtp\nhost=h\n").ok().text(), "");
    assert_eq!(ask(&home, "capability", "").ok().text(), "");
    ask(&home, "store", "protocol=https\nhost=h\nusername=t\npassword=x\npassword_expiry_utc=9\n")
        .ok();
    ask(&home, "store", "protocol=https\nhost=h\nusername=t\n").ok();
    let only = ["git-credential", "--read-only"];
    let login = b"protocol=https\nhost=h\nusername=ann\npassword=s3cret\n";
    for action in ["store", "erase"] {
        home.run_with([only[0], only[1], action], login).ok();
    }
    home.run_with([only[0], "store", only[1]], b"protocol=https\nhost=h\nusername=u\npassword=p\n")
        .ok();
    assert_eq!(home.run(["ls", "git/h"]).ok().lines(), ["git/h/ann"]);
    assert_eq!(versions(&home, "git/h/ann"), 1);
    home.run(["git-credential"]).fails(2, "ACTION");
    // Without a vault it is an error that git shows, and no answer.
    Home::new().run_with(["git-credential", "get"], HOST.as_bytes()).fails(3, "no vault");
}

#[test]
fn the_directory_of_somebody_else_says_nothing() {
    let home = Home::with_vault();
    home.put("git/github.com/ann", "s3cret");
    std::fs::write(home.path().join(".vault.toml"), "vault = \"other\"\n").unwrap();
    home.run(["ls"]).fails(3, "other");
    assert_eq!(ask(&home, "get", HOST).ok().text(), "username=ann\npassword=s3cret\n");
    std::fs::write(home.path().join(".vault.toml"), "nonsense").unwrap();
    ask(&home, "get", HOST).ok();
}

#[test]
fn the_one_written_last_answers_for_a_host() {
    let home = Home::with_vault();
    home.put("git/github.com/zoe", "z");
    home.put("git/github.com/ann", "a");
    let answer = ask(&home, "get", HOST).ok().text();
    assert_eq!(answer, "username=ann\npassword=a\n", "the later one, or the first by name");
    let folder = home.run_with(["git-credential", "get", "--prefix", "other"], HOST.as_bytes());
    assert_eq!(folder.ok().text(), "");
}

#[test]
fn no_password_is_in_an_argument_or_a_file() {
    let home = Home::with_vault();
    home.put("git/github.com/ann", "s3cret-of-git");
    let log = home.path().join("log");
    let mut command = Command::new("strace");
    command.args(["-f", "-s", "4096", "-o"]).arg(&log);
    command.args(["-e", "trace=write,pwrite64,writev,sendto,sendmsg,execve,openat"]);
    command.arg(program()).args(["git-credential", "get"]);
    command.env_clear().env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(Home::credentials()).current_dir(home.path());
    let answer = finish(command, HOST.as_bytes()).ok().text();
    assert_eq!(answer, "username=ann\npassword=s3cret-of-git\n");
    let text = std::fs::read_to_string(&log).unwrap();
    let hits: Vec<&str> = text.lines().filter(|line| line.contains("s3cret-of-git")).collect();
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert!(hits[0].contains("write(1, \"username=ann"), "to git, and nobody else: {hits:?}");
}

/// Repositories over HTTP on this machine, for `ann` with a password. Ends with the test.
struct Forge {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Forge {
    fn start(root: &Path, password: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/git_http.py");
        let mut command = python_command();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.arg(script).arg(root).args(["ann", password]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Self { child, lines, port: port.trim().parse().expect("a port") }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/team.git", self.port)
    }

    /// Who came, and whether they were let in.
    fn ends(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let lines = (&mut self.lines).lines();
        lines.map(Result::unwrap).collect()
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A home with git, `vault` on its path, and a bare repository in `repositories`.
fn home_with_git(helper: &str) -> Home {
    let home = Home::with_vault();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in ["vault", "git-credential-vault", "vault-askpass"] {
        symlink(program(), bin.join(name)).unwrap();
    }
    for args in [
        &["config", "--global", "credential.helper", helper][..],
        &["config", "--global", "user.name", "Ann"],
        &["config", "--global", "user.email", "ann@example.com"],
        &["config", "--global", "init.defaultBranch", "main"],
        &["init", "--bare", "repositories/team.git"],
        &["-C", "repositories/team.git", "config", "http.receivepack", "true"],
        &["init", "work"],
        &["-C", "work", "commit", "--allow-empty", "-m", "one"],
    ] {
        git(&home, args, &[]).ok();
    }
    home
}

fn git(home: &Home, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = Command::new("git");
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap());
    command.args(args).current_dir(home.path()).env_clear().env("PATH", path);
    command.env("HOME", home.path()).env("GIT_TERMINAL_PROMPT", "0").envs(Home::credentials());
    command.env("GIT_CONFIG_NOSYSTEM", "1").envs(env.iter().copied());
    finish(command, b"")
}

#[test]
fn git_pushes_and_clones_with_it() {
    let home = home_with_git("!vault git-credential");
    let forge = Forge::start(&home.path().join("repositories"), "right");
    let (url, login) = (forge.url(), format!("git/http+127.0.0.1:{}/ann", forge.port));
    let push = ["-C", "work", "push", &url, "main"];
    home.put(&login, "wrong");
    let refused = git(&home, &push, &[]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("Authentication failed"), "{}", refused.stderr);
    assert!(refused.stderr.contains("was refused and is deleted"), "{}", refused.stderr);
    home.run(["exists", &login]).fails(3, "");
    // Nothing is there now, so that git asks.
    let asked = git(&home, &push, &[]);
    assert!(asked.stderr.contains("terminal prompts disabled"), "{}", asked.stderr);
    home.put(&login, "right");
    git(&home, &push, &[]).ok();
    git(&home, &["clone", &url, "copy"], &[]).ok();
    let log = git(&home, &["-C", "copy", "log", "--format=%s"], &[]).ok();
    assert_eq!(log.text(), "one\n");
    // Put, deleted, put: git stores what worked, which changes nothing.
    assert_eq!(versions(&home, &login), 3);
    let came = forge.ends();
    assert_eq!(came[0], "ann out");
    assert!(came.len() > 3 && came[1..].iter().all(|line| line == "ann in"), "{came:?}");
}

#[test]
fn git_stores_what_was_typed_and_worked() {
    let home = home_with_git("vault");
    let forge = Forge::start(&home.path().join("repositories"), "typed");
    let (url, login) = (forge.url(), format!("git/http+127.0.0.1:{}/ann", forge.port));
    let typist = home.path().join("typist");
    std::fs::write(&typist, "#!/bin/sh\ncase $1 in User*) echo ann;; *) echo \"$WORD\";; esac\n")
        .unwrap();
    std::fs::set_permissions(&typist, std::fs::Permissions::from_mode(0o755)).unwrap();
    let typist = typist.to_str().unwrap();
    let push = ["-C", "work", "push", &url, "main"];
    let wrong = git(&home, &push, &[("GIT_ASKPASS", typist), ("WORD", "mistyped")]);
    assert_ne!(wrong.code, 0);
    assert!(home.run(["ls"]).ok().text().is_empty(), "what did not work is not kept");
    git(&home, &push, &[("GIT_ASKPASS", typist), ("WORD", "typed")]).ok();
    assert_eq!(home.get(&login), "typed");
    git(&home, &["clone", &url, "copy"], &[]).ok();
    assert_eq!(versions(&home, &login), 1);
}

#[test]
fn git_asks_askpass() {
    let home = home_with_git("");
    let forge = Forge::start(&home.path().join("repositories"), "by-askpass");
    home.run_with(["put", "web", "user=ann", "password=-"], b"by-askpass").ok();
    let push = ["-C", "work", "push", &forge.url(), "main"];
    let reference = ("VAULT_ASKPASS", "vault://web#password");
    git(&home, &push, &[("GIT_ASKPASS", "vault-askpass"), reference]).ok();
    assert!(forge.ends().iter().all(|line| line == "ann in"));
}
