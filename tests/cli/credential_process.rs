//! `vault credential-process`, alone and behind Amazon's command line.

use super::home::{Bucket, Home, finish, program};
use crate::support::servers;

const KEY: &str = "AKIDEXAMPLE";

fn put(home: &Home, path: &str, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        home.run_with(["put", path, &format!("{name}=-")], value.as_bytes()).ok();
    }
}

#[test]
fn fields_become_credentials() {
    let home = Home::with_vault();
    let long = [("access_key_id", KEY), ("secret_access_key", "s3\"cret/+")];
    put(&home, "aws/long", &long);
    let expected =
        "{\"Version\":1,\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"s3\\\"cret/+\"}\n";
    assert_eq!(home.run(["credential-process", "aws/long"]).ok().text(), expected);
    put(
        &home,
        "aws/short",
        &[
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_CREDENTIAL_EXPIRATION", "2999-01-02T03:04:05Z"),
        ],
    );
    let short = home.run(["credential-process", "aws/short"]).ok().json();
    assert_eq!(short["SessionToken"], "token");
    assert_eq!(short["Expiration"], "2999-01-02T03:04:05Z");
    // As Amazon's programs write them, and a time as people do.
    let theirs = [("AccessKeyId", KEY), ("SecretAccessKey", "x"), ("SessionToken", "token")];
    put(&home, "aws/theirs", &theirs);
    put(&home, "aws/theirs", &[("Expiration", "2999-01-02 04:04:05.6789+01:00")]);
    assert_eq!(home.run(["credential-process", "aws/theirs"]).ok().json(), short);
    put(&home, "aws/long", &[("access_key_id", "other")]);
    let before = home.run(["credential-process", "aws/long@2"]).ok().json();
    assert_eq!(before["AccessKeyId"], KEY);
    std::fs::write(home.path().join(".vault.toml"), "vault = \"other\"\n").unwrap();
    home.run(["credential-process", "aws/long"]).ok();
}

#[test]
fn what_is_missing_or_over_is_said() {
    let home = Home::with_vault();
    put(&home, "a", &[("access_key_id", KEY)]);
    let ran = home.run(["credential-process", "a"]).fails(3, "a has no field secret_access_key");
    assert!(ran.stderr.contains("vault put a secret_access_key=prompt"), "{}", ran.stderr);
    put(&home, "b", &[("secret_access_key", "s")]);
    home.run(["credential-process", "b"]).fails(3, "b has no field access_key_id");
    let both = [("access_key_id", KEY), ("secret_access_key", "s")];
    put(&home, "c", &both);
    put(&home, "c", &[("expiration", "2001-01-01T00:00:00Z")]);
    home.run(["credential-process", "c"]).fails(4, "the credentials in c have expired");
    put(&home, "c", &[("expiration", "tomorrow")]);
    home.run(["credential-process", "c"]).fails(2, "expiration of c is no time");
    put(&home, "d", &both);
    put(&home, "d", &[("AWS_ACCESS_KEY_ID", "another")]);
    home.run(["credential-process", "d"]).fails(2, "more than one field access_key_id");
    home.run_with(["put", "e", "--raw"], b"x").ok();
    home.run(["credential-process", "e"]).fails(3, "raw bytes");
    home.run(["credential-process", "none"]).fails(3, "there is no secret none");
}

/// The configuration of Amazon's programs.
fn profile(home: &Home, name: &str, path: &str) -> String {
    let file = home.path().join("aws-config");
    let text = format!(
        "[profile {name}]\nregion = us-east-1\ncredential_process = {} credential-process {path}\n",
        program().display()
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn amazon_s_command_line_takes_them() {
    let server = servers::ministack();
    servers::make_bucket(server, "for-credential-process");
    let home = Home::with_vault();
    let keys = [
        ("access_key_id", server.access_key.as_str()),
        ("secret_access_key", server.secret_key.as_str()),
    ];
    put(&home, "aws/right", &keys);
    put(&home, "aws/wrong", &[keys[0], ("secret_access_key", "wrong")]);
    let list = |path: &str| {
        let file = profile(&home, "deploy", path);
        let mut command = servers::python_command();
        let others = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        for name in others {
            command.env_remove(name);
        }
        command.envs(Home::credentials()).env("HOME", home.path()).env("AWS_CONFIG_FILE", file);
        command.args(["-m", "awscli", "--profile", "deploy", "s3", "ls"]);
        command.args(["--endpoint-url", &server.endpoint()]);
        finish(command, b"")
    };
    let listed = list("aws/right").ok().text();
    assert!(listed.lines().any(|line| line.ends_with(" for-credential-process")), "{listed}");
    let refused = list("aws/wrong");
    assert!(refused.code != 0 && refused.stderr.contains("SignatureDoesNotMatch"));
}

#[test]
fn a_vault_that_would_ask_itself_says_so() {
    let server = servers::ministack();
    servers::make_bucket(server, "for-credential-process");
    let home = Home::new();
    let env = Bucket::env(server);
    let run = |args: &[&str], env: &[(&str, String)]| {
        let mut command = home.command(args);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.envs(env.iter().map(|(name, value)| (name, value)));
        finish(command, b"x")
    };
    let location = format!("s3://for-credential-process/circle-{}", std::process::id());
    run(&["init", &location, "--name", "main", "--no-passphrase", "--recovery-out", "r"], &env)
        .ok();
    run(&["put", "a"], &env).ok();
    let file = profile(&home, "circle", "aws/self");
    let circle = [
        env[0].clone(),
        env[1].clone(),
        ("AWS_CONFIG_FILE", file),
        ("AWS_PROFILE", "circle".into()),
    ];
    for args in [&["get", "a"][..], &["credential-process", "aws/self"]] {
        let ran = run(args, &circle);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let says = "credentials that are to come from this vault";
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
    // What comes from another vault is no circle.
    run(&["init", "--name", "keys", "--recovery-out", "r2"], &[]).ok();
    for (field, (_, value)) in ["access_key_id", "secret_access_key"].iter().zip(&env[2..]) {
        let field = format!("{field}[text]={value}");
        run(&["--vault", "keys", "put", "aws/other", &field], &[]).ok();
    }
    profile(&home, "circle", "aws/other --vault keys");
    assert_eq!(run(&["--vault", "main", "get", "a"], &circle).ok().text(), "x");
}
