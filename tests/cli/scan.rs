use std::fs;

use serde_json::json;

use super::home::{Home, Ran, finish, program};

const KEY: &str = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3vVpgA8812\n-----END KEY-----\n";

/// Values in a vault, and a tree with some of them.
fn with_tree() -> Home {
    let home = Home::with_vault();
    home.run_with(["put", "prod/db", "user=application", "password=-"], b"s3cret/one").ok();
    home.put("prod/pin", "1234");
    home.run_with(["put", "dev/key", "--raw"], KEY.as_bytes()).ok();
    let tree = home.path().join("tree");
    fs::create_dir_all(tree.join("src/.hidden")).unwrap();
    fs::create_dir_all(tree.join(".git")).unwrap();
    fs::write(tree.join("src/app.py"), "user = 'application'\npw = 's3cret/one'\n").unwrap();
    fs::write(tree.join("src/.hidden/url"), "x\ny\npostgres://a:s3cret%2Fone@h 1234\n").unwrap();
    fs::write(tree.join("key.txt"), "  MC4CAQAwBQYDK2VwBCIEIJ1hsZ3vVpgA8812\n").unwrap();
    fs::write(tree.join(".git/packed"), "s3cret/one").unwrap();
    fs::write(tree.join("other"), "-----BEGIN KEY-----\nanother\n-----END KEY-----\n").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
    home
}

/// A line of the shell in the home, where `$VAULT` is the program.
fn shell(home: &Home, line: &str) -> Ran {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line]).env_clear().env("VAULT", program()).current_dir(home.path());
    let inner = home.command(["ls"]);
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    finish(command, b"")
}

fn found(ran: &Ran) -> String {
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for value in ["s3cret", "1234", "MC4C"] {
        assert!(!ran.text().contains(value) && !ran.stderr.contains(value));
    }
    ran.text()
}

#[test]
fn values_are_found_in_every_form() {
    let home = with_tree();
    let ran = home.run(["scan", "tree"]);
    assert_eq!(
        found(&ran),
        "tree/key.txt\t1\tdev/key\t\n\
         tree/src/.hidden/url\t3\tprod/db\tpassword\n\
         tree/src/app.py\t2\tprod/db\tpassword\n"
    );
    assert!(ran.stderr.contains("less than eight bytes, not looked for: 1"), "{}", ran.stderr);
    let dev = home.run(["scan", "tree", "--prefix", "dev", "--json"]);
    found(&dev);
    let hit =
        json!({ "file": "tree/key.txt", "line": 1, "path": "dev/key", "field": null, "lines": 1 });
    assert_eq!(dev.json(), json!([hit]));
    let one = home.run(["scan", "tree/src/app.py", "tree/other"]);
    assert_eq!(found(&one), "tree/src/app.py\t2\tprod/db\tpassword\n");
    let here = shell(&home, "cd tree/src && \"$VAULT\" scan </dev/null");
    assert_eq!(found(&here), ".hidden/url\t3\tprod/db\tpassword\napp.py\t2\tprod/db\tpassword\n");
}

#[test]
fn standard_input_is_looked_through() {
    let home = with_tree();
    let ran = home.run_with(["scan", "-"], b"+a\n+key: s3cret/one\n");
    assert_eq!(found(&ran), "-\t2\tprod/db\tpassword\n");
    // More than a secret holds, and across the pieces in which it is read.
    let mut long = "line of text\n".repeat(2_000_000).into_bytes();
    long.extend(b"s3cret/one");
    assert_eq!(found(&home.run_with(["scan", "-"], &long)), "-\t2000001\tprod/db\tpassword\n");
    home.run_with(["scan", "-"], b"nothing of it").ok();
    home.run_with(["scan", "-"], b"").ok();
}

/// A key that is about to be committed, and one whose removal is.
#[test]
fn a_diff_is_looked_through_as_the_help_says() {
    let home = with_tree();
    let git = |script: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-ec", script]).env_clear().env("HOME", home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(home.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    home.run_with(["put", "dev/doc", "value=-"], b"{\n  \"key\": \"s3cret\"\n}\n").ok();
    git("mkdir r; cd r; git init -q; git config user.email a@b; git config user.name a
         printf '{\\n  \"key\": \"s3cret\"\\n}\\n' >doc; git add doc");
    let added = "cd r; git diff --cached -U0 | grep -a '^+' || true";
    let ran = home.run_with(["scan", "-"], &git(added));
    assert_eq!(found(&ran), "-\t4\tdev/doc\tvalue\n");
    git("cd r; git commit -qm x; git rm -q doc");
    home.run_with(["scan", "-"], &git(added)).ok();
}

/// A pipe is not passed over in silence, and neither is a directory with nothing in it.
#[test]
fn what_is_looked_at_is_never_a_guess() {
    let home = with_tree();
    for stdin in ["printf 's3cret/one' |", "true |"] {
        let ran = shell(&home, &format!("{stdin} \"$VAULT\" scan"));
        let ran = ran.fails(2, "standard input is a pipe or a file");
        assert!(ran.stderr.contains("vault scan -"), "{}", ran.stderr);
    }
    shell(&home, "\"$VAULT\" scan <tree/other").fails(2, "standard input is a pipe or a file");
    fs::create_dir(home.path().join("empty")).unwrap();
    home.run(["scan", "empty"]).fails(3, "there is no file to look at");
    // A folder of the vault that is set in the directory narrows other commands only.
    fs::write(home.path().join(".vault.toml"), "prefix = \"dev\"\n").unwrap();
    assert!(found(&home.run(["scan", "tree"])).contains("prod/db"));
}

#[test]
fn earlier_values_are_found_if_they_are_asked_for() {
    let home = with_tree();
    home.put("prod/gone", "once-a-value");
    home.run(["rm", "prod/gone"]).ok();
    home.run_with(["put", "prod/db", "password=-"], b"another-s3cret").ok();
    fs::write(home.path().join("log"), "a s3cret/one\nonce-a-value\nanother-s3cret\n").unwrap();
    assert_eq!(found(&home.run(["scan", "log"])), "log\t3\tprod/db\tpassword\n");
    let all = "log\t1\tprod/db\tpassword\nlog\t2\tprod/gone\tvalue\n";
    assert_eq!(found(&home.run(["scan", "log", "--history"])), all);
    let one = home.run(["scan", "log", "--history", "--prefix", "prod/db"]);
    assert_eq!(found(&one), "log\t1\tprod/db\tpassword\n");
}

#[test]
fn nothing_found_is_success_and_said_of_what() {
    let home = with_tree();
    let ran = home.run(["scan", "tree/other"]).ok();
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("2 values were looked for in 1 files"), "{}", ran.stderr);
    let nothing = ["nowhere", "prod/pin"];
    for prefix in nothing {
        home.run(["scan", "tree", "--prefix", prefix]).fails(3, "there is no value to look for");
    }
    home.run(["scan", "tree/other", "--prefix", "prod/db"]).ok();
    assert!(found(&home.run(["scan", "tree", "--prefix", "prod/db"])).contains("app.py"));
    assert_eq!(home.run(["scan", "tree/other", "--json"]).ok().json(), json!([]));
}

#[test]
fn what_was_not_looked_at_is_told() {
    let home = with_tree();
    let ran = home.run(["scan", "tree/none", "tree/other"]);
    assert_eq!(ran.code, 9);
    assert!(ran.stderr.contains("not looked at: tree/none: No such file"), "{}", ran.stderr);
    let ran = home.run(["scan", "tree/none", "tree/src"]);
    assert!(found(&ran).contains("app.py") && ran.stderr.contains("tree/none"), "{}", ran.stderr);
    home.run(["scan", "--prefix", "a//b"]).fails(2, "a//b");
}
