use std::os::unix::fs::PermissionsExt;

use super::home::Home;

#[test]
fn a_reference_names_a_value() {
    let home = Home::with_vault();
    home.put("prod/db", "one");
    home.put("prod/db", "two");
    home.run_with(["put", "prod/api", "password=-", "user=ann"], b"pw").ok();
    home.put("@odd/a b#c?", "odd");
    for (reference, value) in [
        ("vault://prod/db", "two"),
        ("vault://prod/db?version=1", "one"),
        ("vault://prod/db#value", "two"),
        ("vault://prod/api#user", "ann"),
        ("vault://%40odd/a b%23c%3F", "odd"),
        ("vault://@main/prod/db", "two"),
    ] {
        assert_eq!(home.run(["read", reference]).ok().text(), value, "{reference}");
    }
}

#[test]
fn what_does_not_resolve_is_not_found() {
    let home = Home::with_vault();
    home.put("prod/db", "one");
    home.run_with(["put", "prod/api", "password=-", "user=ann"], b"pw").ok();
    home.run(["read", "vault://prod/dbb"]).fails(3, "did you mean prod/db");
    home.run(["read", "vault://prod/db#usr"]).fails(3, "it has: value");
    home.run(["read", "vault://prod/db?version=2"]).fails(3, "no version 2");
    home.run(["read", "vault://@team/prod/db"]).fails(3, "no vault team");
    home.run(["read", "vault://prod/api"]).fails(2, "password, user");
    home.put("prod/no", "not base32!");
    home.run(["read", "vault://prod/no?attribute=otp"]).fails(3, "no field of type otp");
    home.run_with(["put", "prod/bad", "otp=-"], b"not base32!").ok();
    home.run(["read", "vault://prod/bad?attribute=otp"]).fails(2, "not the seed");
    home.run(["read", "prod/db"]).fails(2, "begins with `vault://`");
    home.run(["read", "vault://prod/db@1"]).fails(2, "?version=N");
}

#[test]
fn one_time_passwords_are_made_of_their_seed() {
    let home = Home::with_vault();
    let seed = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    home.run_with(["put", "web", "password=prompt", "totp=-"], seed).fails(2, "terminal");
    home.run_with(["put", "web", "user=ann", "totp=-"], seed).ok();
    for reference in ["vault://web?attribute=otp", "vault://web?attribute=otp#totp"] {
        let code = home.run(["read", reference]).ok().text();
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    }
    assert_eq!(home.run(["read", "vault://web#totp"]).ok().text().as_bytes(), seed);
}

#[test]
fn another_vault_is_opened_by_its_name() {
    let home = Home::with_vault();
    home.put("a", "here");
    let dir = home.path().join("second");
    home.run(["init", dir.to_str().unwrap(), "--name", "second", "--recovery-out", "r2"]).ok();
    home.run_with(["put", "a", "--vault", "second"], b"there").ok();
    home.run(["vaults", "use", "main"]).ok();
    assert_eq!(home.run(["read", "vault://@second/a"]).ok().text(), "there");
    assert_eq!(home.run(["read", "vault://a"]).ok().text(), "here");
    assert_eq!(home.run(["read", "vault://a", "--vault", "second"]).ok().text(), "there");
    let both = ["run", "-e", "A=vault://a", "-e", "B=vault://@second/a", "--no-mask", "--only"];
    let ran = home.run(both.iter().chain(&["--", "sh", "-c", "echo $A $B"]));
    assert_eq!(ran.ok().text(), "here there\n");
}

#[test]
fn output_is_as_of_get() {
    let home = Home::with_vault();
    home.run_with(["put", "raw", "--raw"], &[0xff, 0]).ok();
    assert_eq!(home.run(["read", "vault://raw"]).ok().stdout, [0xff, 0]);
    assert!(home.run(["read", "vault://raw", "-o", "out"]).ok().stdout.is_empty());
    let file = home.path().join("out");
    assert_eq!(std::fs::read(&file).unwrap(), [0xff, 0]);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let json = home.run(["read", "vault://raw", "--json"]).ok().json();
    assert_eq!(json, serde_json::json!({ "reference": "vault://raw", "b64": "/wA=" }));
}
