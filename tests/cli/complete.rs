//! `vault complete`: which names it offers, and what it must never do for them.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::home::{Home, Ran, finish};
use super::unlock::Desk;

/// What is offered behind `words`, the last of which is being typed.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let ran = home.run([&["complete", "fish", "--", "vault"], words].concat()).ok();
    assert_eq!(ran.stderr, "");
    ran.lines().iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

/// Asks again while it is not this: a busy machine may need longer than the second that there is.
#[track_caller]
fn offers(home: &Home, words: &[&str], expected: &[&str]) {
    let start = Instant::now();
    loop {
        let found = offered(home, words);
        if found == expected {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{words:?}: {found:?}, not {expected:?}"
        );
    }
}

#[test]
fn commands_and_flags_are_offered() {
    let home = Home::new();
    assert_eq!(offered(&home, &["und"]), ["undelete"]);
    assert_eq!(offered(&home, &["verify", "--rep"]), ["--repair"]);
    assert_eq!(offered(&home, &["completions", "po"]), ["powershell"]);
    assert!(offered(&home, &["nothing-like"]).is_empty());
    let all = offered(&home, &[""]);
    for command in vault::cli::command().get_subcommands() {
        let name = command.get_name();
        assert_eq!(all.iter().any(|word| word == name), !command.is_hide_set(), "{name}");
    }
    // Without a vault there are no names, and nothing is said about it.
    assert!(offered(&home, &["get", ""]).is_empty());
    assert!(home.run(["complete", "bash"]).ok().text().is_empty());
    assert!(home.run(["complete", "odd", "--"]).ok().text().is_empty());
}

#[test]
fn names_are_offered_a_segment_at_a_time() {
    let home = Home::with_vault();
    for path in ["prod/db/password", "prod/db/user", "prod/web", "staging/%x y", "@odd"] {
        home.put(path, "s3cret");
    }
    home.put("gone", "x");
    home.run(["rm", "gone"]).ok();
    let offers = |words: &[&str], expected: &[&str]| offers(&home, words, expected);
    offers(&["undelete", ""], &["gone"]);
    offers(&["undelete", "pr"], &[]);
    offers(&["get", ""], &["@odd", "prod/", "staging/"]);
    offers(&["get", "prod/"], &["prod/db/", "prod/web"]);
    offers(&["get", "prod/d"], &["prod/db/"]);
    offers(&["rm", "prod/db/p"], &["prod/db/password"]);
    offers(&["cp", "prod/web", "st"], &["staging/"]);
    offers(&["ls", "prod/"], &["prod/db/"]);
    offers(&["import", "file", "pr"], &["prod/"]);
    offers(&["run", "--prefix", "pr"], &["prod/"]);
    offers(&["run", "--prefix=pr"], &["--prefix=prod/"]);
    offers(&["read", "va"], &["vault://"]);
    offers(&["read", "vault://"], &["vault://%40odd", "vault://prod/", "vault://staging/"]);
    offers(&["read", "vault://staging/"], &["vault://staging/%25x%20y"]);
    offers(&["read", "vault://@main/prod/w"], &["vault://@main/prod/web"]);
    offers(&["run", "-e", "A=vault://prod/w"], &["A=vault://prod/web"]);
    offers(&["--vault", "m"], &["main"]);
    offers(&["--vault", "main", "get", "prod/w"], &["prod/web"]);
    for none in [
        &["get", "none/"][..],
        &["get", "/"],
        &["get", "prod//"],
        &["get", "../"],
        &["get", "prod/\u{1b}"],
        &["--vault", "other", "get", ""],
        &["read", "vault://@other/"],
        &["read", "vault://%zz/"],
        &["run", "-e", "A"],
        &["get", "prod/web", ""],
        &["import", "pr"],
        &["run", "--", "pr"],
    ] {
        assert_eq!(offered(&home, none), [""; 0], "{none:?}");
    }
}

#[test]
fn a_locked_identity_is_left_alone() {
    let desk = Desk::new();
    let ask = |desk: &Desk| desk.run(["complete", "fish", "--", "vault", "get", ""]).ok();
    let ran = ask(&desk);
    assert_eq!((ran.text().as_str(), ran.stderr.as_str()), ("", ""));
    assert!(!desk.sockets().join("agent").exists());
    desk.config("[agent]\nstart = true\n");
    assert_eq!(ask(&desk).text(), "", "no agent is started for it");
    desk.typed(["unlock"]).ok();
    let start = Instant::now();
    while ask(&desk).text() != "a\n" {
        assert!(start.elapsed() < Duration::from_secs(60), "never offered");
    }
}

#[test]
fn what_does_not_answer_is_not_waited_for() {
    let home = Home::with_vault();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = home.path().join(".config/vault/config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let pin = config.lines().find(|line| line.starts_with("pin = ")).unwrap();
    let slow = format!(
        "\n[vault.slow]\nlocation = \"s3://bucket/there\"\n{pin}\nregion = \"us-east-1\"\n\
         endpoint_s3 = \"http://{}\"\n",
        silent.local_addr().unwrap()
    );
    std::fs::write(&file, config + &slow).unwrap();
    let mut command =
        home.command(["complete", "fish", "--", "vault", "--vault", "slow", "get", ""]);
    command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
    command.env_remove("AWS_ENDPOINT_URL");
    let before = Instant::now();
    let Ran { code, stdout, stderr } = finish(command, b"");
    assert_eq!((code, stdout.len(), stderr.as_str()), (0, 0, ""));
    let took = before.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(20), "{took:?}");
    // It did ask.
    let mut begin = [0; 4];
    silent.accept().unwrap().0.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"GET ");
}

#[test]
fn nothing_that_was_started_stays() {
    let home = Home::with_vault();
    let file = home.path().join(".config/vault/config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let pin = config.lines().find(|line| line.starts_with("pin = ")).unwrap();
    let there = format!(
        "\n[vault.there]\nlocation = \"s3://bucket/there\"\n{pin}\nregion = \"us-east-1\"\n\
         endpoint_s3 = \"http://127.0.0.1:1\"\nprofile = \"slow\"\n"
    );
    std::fs::write(&file, config + &there).unwrap();
    // What it starts stays behind if only it is ended.
    let (pids, script) = (home.path().join("pids"), home.path().join("slow"));
    let text = "#!/bin/sh\nsleep 1000 & echo $$ $! > pids.new; mv pids.new pids; wait\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let profile = format!("[profile slow]\ncredential_process = {}\n", script.display());
    std::fs::write(home.path().join("aws"), profile).unwrap();
    let start = Instant::now();
    while !pids.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "never asked");
        let words = ["complete", "fish", "--", "vault", "--vault", "there", "get", ""];
        let mut command = home.command(words);
        command.env("AWS_CONFIG_FILE", home.path().join("aws"));
        for ours in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"] {
            command.env_remove(ours);
        }
        assert_eq!(finish(command, b"").ok().text(), "");
    }
    for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
        let runs = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Who is dead may still have to be buried by somebody.
            stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
        };
        while runs() {
            assert!(start.elapsed() < Duration::from_secs(60), "{pid} stays");
        }
    }
}
