//! `vault docker-credential`: the protocol case by case, and a client of it.

use std::os::unix::fs::symlink;

use super::home::{Home, Ran, finish, program};
use crate::support::servers::python_command;

fn ask(home: &Home, action: &str, stdin: &str) -> Ran {
    home.run_with(["docker-credential", action], stdin.as_bytes())
}

const HUB: &str = "https://index.docker.io/v1/";

fn login(server: &str, user: &str, secret: &str) -> String {
    serde_json::json!({ "ServerURL": server, "Username": user, "Secret": secret }).to_string()
}

#[test]
fn the_protocol_case_by_case() {
    let home = Home::with_vault();
    let missing = "credentials not found in native keychain\n";
    // action, stdin, exit code, stdout
    let list = r#"{"ghcr.io":"ann@example.com","https://index.docker.io/v1/":"<token>"}"#;
    for (action, stdin, code, stdout) in [
        ("list", "", 0, "{}\n".to_owned()),
        ("get", HUB, 1, missing.to_owned()),
        ("get", "", 1, "no credentials server URL\n".to_owned()),
        ("get", " \n", 1, "no credentials server URL\n".to_owned()),
        ("erase", "", 1, "no credentials server URL\n".to_owned()),
        ("store", &login("", "u", "s"), 1, "no credentials server URL\n".to_owned()),
        ("store", &login("h", "", "s"), 1, "no credentials username\n".to_owned()),
        ("store", &login(HUB, "ann", "one"), 0, String::new()),
        ("get", &format!("{HUB}\n"), 0, login_of(HUB, "ann", "one")),
        ("get", "https://index.docker.io/v1", 1, missing.to_owned()),
        ("get", "index.docker.io", 1, missing.to_owned()),
        ("store", &login(HUB, "<token>", "tw\"o\n\u{e9}"), 0, String::new()),
        ("get", HUB, 0, login_of(HUB, "<token>", "tw\"o\n\u{e9}")),
        ("store", &login("ghcr.io", "ann@example.com", "three"), 0, String::new()),
        ("list", "", 0, format!("{list}\n")),
        ("erase", &format!("{HUB}\n"), 0, String::new()),
        ("get", HUB, 1, missing.to_owned()),
        ("erase", HUB, 0, String::new()),
        ("get", "ghcr.io", 0, login_of("ghcr.io", "ann@example.com", "three")),
    ] {
        let ran = ask(&home, action, stdin);
        assert_eq!((ran.code, ran.text()), (code, stdout), "{action} {stdin}: {}", ran.stderr);
    }
    let version = ask(&home, "version", "").ok().text();
    assert!(version.starts_with("docker-credential-vault (vault) 0."), "{version}");
    // Docker shows what is on stdout, people see stderr.
    let odd = ask(&home, "odd", "");
    assert_eq!((odd.code, odd.text()), (2, "Unknown credential action `odd`\n".to_owned()));
    for bad in ["", "[]", "{\"ServerURL\":1}", "{\"ServerURL\":\"h\",\"Username\":\"u\"}", "{"] {
        assert_eq!(ask(&home, "store", bad).code, 2, "{bad}");
    }
    let none = Home::new().run_with(["docker-credential", "get"], b"h");
    assert_eq!((none.code, none.text()), (3, "no vault is configured\n".to_owned()));
    assert!(none.stderr.contains("hint: "), "{}", none.stderr);
}

fn login_of(server: &str, user: &str, secret: &str) -> String {
    // In the order in which docker's own helpers write it.
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let [server, user, secret] = [server, user, secret].map(json);
    format!("{{\"ServerURL\":{server},\"Username\":{user},\"Secret\":{secret}}}\n")
}

#[test]
fn every_server_has_one_name() {
    let home = Home::with_vault();
    let servers = [
        HUB,
        "https://index.docker.io/v1/access-token",
        "localhost:5000",
        "http://[::1]:5000/v2/",
        "a.example/team%2Fx",
        "..",
        "registry.example/a b?c#d",
        ".vault",
        "host@5",
    ];
    for (i, server) in servers.iter().enumerate() {
        ask(&home, "store", &login(server, &format!("u{i}"), &format!("s{i}"))).ok();
    }
    let list = ask(&home, "list", "").ok().json();
    assert_eq!(list.as_object().unwrap().len(), servers.len());
    for (i, server) in servers.iter().enumerate() {
        assert_eq!(list[server], format!("u{i}"), "{server}");
        let found = ask(&home, "get", server).ok().json();
        assert_eq!(found["Secret"], format!("s{i}"), "{server}");
    }
    let names = home.run(["ls", "docker"]).ok().lines();
    assert!(
        names.contains(&"docker/https:%2F%2Findex.docker.io%2Fv1%2F/u0".to_owned()),
        "{names:?}"
    );
}

#[test]
fn one_user_a_server_and_no_version_for_nothing() {
    let home = Home::with_vault();
    for _ in 0..2 {
        ask(&home, "store", &login("h", "ann", "one")).ok();
    }
    assert_eq!(home.run(["history", "docker/h/ann"]).ok().lines().len(), 1);
    for (action, stdin) in [("store", login("h", "bob", "two")), ("erase", "h\n".to_owned())] {
        let args = ["docker-credential", "--read-only", action];
        let ran = home.run_with(args, stdin.as_bytes()).ok();
        assert_eq!((ran.text(), ran.stderr), (String::new(), String::new()), "{action}");
        assert_eq!(home.run(["ls"]).ok().lines(), ["docker/h/ann"]);
    }
    let stored = ask(&home, "store", &login("h", "bob", "two")).ok();
    // Of a store that cannot keep writers apart, each write warns.
    let notes = |ran: &super::home::Ran| {
        let lines = ran.stderr.lines().filter(|line| !line.starts_with("warning: "));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let undo =
        |user: &str| format!("docker/h/{user} is deleted. Undo: vault undelete docker/h/{user}\n");
    assert_eq!((stored.text(), notes(&stored)), (String::new(), undo("ann")));
    assert_eq!(home.run(["ls"]).ok().lines(), ["docker/h/bob"]);
    home.run(["undelete", "docker/h/ann"]).ok();
    let erased = ask(&home, "erase", "h").ok();
    assert_eq!((erased.text(), notes(&erased)), (String::new(), undo("ann") + &undo("bob")));
    assert!(home.run(["ls"]).ok().text().is_empty(), "all of them");
    home.put("docker/ghcr.io/by hand", "x");
    assert_eq!(ask(&home, "get", "ghcr.io").ok().json()["Username"], "by hand");
    let elsewhere =
        home.run_with(["docker-credential", "get", "--prefix", "ci/docker"], b"ghcr.io");
    assert_eq!(elsewhere.code, 1);
}

#[test]
fn the_list_has_what_get_gives_and_nothing_else() {
    let home = Home::with_vault();
    for path in [
        "docker/h/ann",
        "docker/h/zoe",
        "docker/h/bob",
        "docker/h/deeper/carol",
        "docker/https%3A%2F%2Fx/ann",
        "docker/a b/ann",
        "docker/alone",
        "docker/single/ann",
    ] {
        home.put(path, "x");
    }
    home.put("docker/h/ann", "newest");
    let list = ask(&home, "list", "").ok().json();
    assert_eq!(list, serde_json::json!({ "h": "ann", "single": "ann" }));
    for (server, user) in list.as_object().unwrap() {
        assert_eq!(ask(&home, "get", server).ok().json()["Username"], *user);
    }
    for server in ["https://x", "a b", "alone"] {
        assert_eq!(ask(&home, "get", server).code, 1, "{server}");
    }
}

#[test]
fn a_client_of_docker_s_uses_it() {
    let home = Home::with_vault();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(program(), bin.join("docker-credential-vault")).unwrap();
    let script = r#"
from docker.credentials import Store, errors
store = Store("vault")
try:
    store.get("ghcr.io")
    raise SystemExit("found")
except errors.CredentialsNotFound:
    pass
store.store("ghcr.io", "ann", "s3cret")
store.store("https://index.docker.io/v1/", "bob", "t0ken\"")
assert store.get("ghcr.io") == {"ServerURL": "ghcr.io", "Username": "ann", "Secret": "s3cret"}
assert store.get("https://index.docker.io/v1/")["Secret"] == 't0ken"'
assert store.list() == {"ghcr.io": "ann", "https://index.docker.io/v1/": "bob"}
store.erase("ghcr.io")
assert list(store.list()) == ["https://index.docker.io/v1/"]
print("done")
"#;
    let mut command = python_command();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    command.env_clear().env("HOME", home.path()).env("PATH", path).envs(Home::credentials());
    command.args(["-c", script]).current_dir(home.path());
    assert_eq!(finish(command, b"").ok().text(), "done\n");
}
