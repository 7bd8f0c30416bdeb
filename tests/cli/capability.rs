use std::os::unix::fs::PermissionsExt;

use super::home::{Home, Ran, finish};
use super::people::{is_clean, member, two};

/// A machine that has a capability and nothing else.
fn machine(capability: &str, args: &[&str]) -> Ran {
    let home = Home::new();
    let mut command = home.command(args);
    command.env("VAULT_CAPABILITY", capability);
    let ran = finish(command, b"x");
    assert!(!home.path().join(".local").exists(), "a machine keeps nothing");
    ran
}

fn make(home: &Home, folder: &str) -> String {
    home.run(["capability", folder]).ok().text().trim().to_owned()
}

#[test]
fn it_reads_its_folder_and_writes_nothing() {
    let ann = Home::with_vault();
    ann.put("dev/a", "1");
    ann.put("dev/x/b", "2");
    ann.put("prod/a", "3");
    let ran = ann.run(["capability", "dev/"]).ok();
    assert!(ran.stderr.contains("everything below dev/ (main, generation 1)"), "{}", ran.stderr);
    assert!(ran.text().starts_with("vault-capability1") && ran.text().ends_with('\n'));
    let dev = ran.text().trim().to_owned();
    assert_eq!(machine(&dev, &["get", "dev/a"]).ok().text(), "1");
    assert_eq!(machine(&dev, &["get", "dev/x/b"]).ok().text(), "2");
    assert_eq!(machine(&dev, &["exists", "dev/a"]).ok().text(), "");
    assert_eq!(machine(&dev, &["ls", "dev"]).ok().text(), "dev/a\ndev/x/b\n");
    machine(&dev, &["get", "prod/a"]).fails(5, "not below dev");
    machine(&dev, &["get", "dev/none"]).fails(3, "no secret");
    machine(&dev, &["get", "dev"]).fails(3, "no secret");
    for args in [
        &["put", "dev/a"][..],
        &["rm", "dev/a"],
        &["mv", "dev/a", "dev/b"],
        &["rollback", "dev/a@1"],
        &["purge", "dev/a", "--yes"],
        &["rotate"],
        &["capability", "dev/x"],
        &["member", "rm", "ann", "--yes"],
    ] {
        let ran = machine(&dev, args);
        assert_eq!(ran.code, 5, "{args:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    assert_eq!(ann.get("dev/a"), "1");
}

#[test]
fn it_ends_with_its_generation() {
    let ann = Home::with_vault();
    ann.put("dev/a", "1");
    ann.put("dev/b", "1");
    let old = make(&ann, "dev");
    ann.run(["rotate"]).ok();
    assert_eq!(machine(&old, &["get", "dev/a"]).ok().text(), "1", "not sealed anew yet");
    let doctor = machine(&old, &["doctor"]).ok().text();
    let warned = doctor.lines().any(|line| {
        line.contains("capability") && line.contains("opens nothing that is written in dev/ now")
    });
    assert!(warned && doctor.contains("env VAULT_CAPABILITY"), "{doctor}");
    let doctor = machine(&make(&ann, "dev"), &["doctor"]).ok().text();
    assert!(doctor.contains("it opens dev/ in main.2, the newest"), "{doctor}");
    ann.put("dev/a", "2");
    let ran = machine(&old, &["get", "dev/a"]).fails(5, "made for other generations");
    assert!(ran.stderr.contains("vault capability dev/"), "{}", ran.stderr);
    assert_eq!(machine(&make(&ann, "dev"), &["get", "dev/a"]).ok().text(), "2");
    assert_eq!(machine(&old, &["get", "dev/b"]).ok().text(), "1");
}

/// A job of a fork has the variable, without the secret.
#[test]
fn an_empty_one_is_named() {
    for (pin, code) in [(None, 3), (Some(Home::with_vault()), 4)] {
        // A bucket is asked without an identity as well.
        if pin.is_some() && std::env::var_os("VAULT_TEST_BUCKET").is_some() {
            continue;
        }
        let home = Home::new();
        let mut command = home.command(["get", "dev/a"]);
        command.env("VAULT_CAPABILITY", "");
        if let Some(ann) = &pin {
            let vaults = ann.run(["vaults", "--json"]).ok().json();
            command.env("VAULT_PIN", vaults[0]["join"].as_str().unwrap());
        }
        finish(command, b"").fails(code, "VAULT_CAPABILITY is set, but empty");
    }
}

#[test]
fn a_secret_is_no_folder() {
    let home = Home::with_vault();
    home.put("dev/api", "x");
    home.run(["capability", "dev/api"]).fails(2, "dev/api is a secret");
    let ran = home.run(["ls", "dev/api"]).ok();
    assert_eq!(ran.stderr, "dev/api is a secret; there is nothing below it\n");
    assert_eq!(home.run(["ls", "prdo"]).ok().stderr, "there is nothing below prdo\n");
}

#[test]
fn nobody_gives_more_than_they_have() {
    let (ann, bob) = two();
    ann.put("prod/pay/card", "1");
    ann.put("prod/web", "1");
    let eve = member(&ann, "eve", &["--role", "read"]);
    let ran = ann.run(["group", "add", "pay", "--path", "prod/pay"]).ok();
    assert!(ran.stderr.contains("read by ann."), "{}", ran.stderr);
    let ran = eve.run(["capability", "prod"]).ok();
    assert!(ran.stderr.contains("It does not open prod/pay/"), "{}", ran.stderr);
    let prod = ran.text();
    assert_eq!(machine(prod.trim(), &["get", "prod/web"]).ok().text(), "1");
    machine(prod.trim(), &["get", "prod/pay/card"]).fails(5, "opens nothing of the group pay");
    bob.run(["capability", "prod/pay"]).fails(5, "cannot open the group pay");
    eve.run(["capability", "prod/pay"]).fails(5, "cannot open the group pay");
    ann.run(["capability", ""]).fails(2, "not of everything");
    ann.run(["capability", "/prod"]).fails(2, "begin");
    ann.run(["capability"]).fails(2, "");
    is_clean(&ann.run(["capability", "a\u{202e}b"]).fails(2, "control"));
    let ran = ann.run(["capability", "empty"]).ok();
    assert!(ran.stderr.contains("There is nothing below empty/ yet."), "{}", ran.stderr);
}

#[test]
fn it_goes_to_a_private_file_or_json() {
    let ann = Home::with_vault();
    ann.put("dev/a", "1");
    let ran = ann.run(["capability", "dev", "-o", "out"]).ok();
    assert!(ran.text().is_empty());
    let file = ann.path().join("out");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(machine(&text, &["get", "dev/a"]).ok().text(), "1", "with its line break");
    let json = ann.run(["capability", "dev", "--json"]).ok().json();
    let text = json["capability"].as_str().unwrap();
    assert_eq!(machine(text, &["get", "dev/a"]).ok().text(), "1");
}

#[test]
fn a_changed_or_foreign_one_is_refused() {
    let ann = Home::with_vault();
    ann.put("dev/a", "1");
    let good = make(&ann, "dev");
    let (cut, longer) = (&good[..good.len() - 1], format!("{good}A"));
    let middle = good.len() / 2;
    let other = if &good[middle..=middle] == "A" { "B" } else { "A" };
    let flipped = format!("{}{other}{}", &good[..middle], &good[middle + 1..]);
    for wrong in [cut, &longer, &flipped, "x", "vault-capability1", "\u{1b}[2J\u{202e}"] {
        let ran = machine(wrong, &["get", "dev/a"]).fails(2, "");
        is_clean(&ran);
        assert!(!ran.stderr.contains(&good[20..60]), "a key in an error: {}", ran.stderr);
    }
    // Beside the configuration of another vault, it is not taken for that one's.
    let theirs = Home::with_vault();
    theirs.put("dev/a", "theirs");
    let mut command = theirs.command(["get", "dev/a", "--vault", "main"]);
    command.env("VAULT_CAPABILITY", &good);
    finish(command, b"").fails(2, "for another vault");
}
