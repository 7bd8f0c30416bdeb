use std::os::unix::fs::PermissionsExt;

use super::home::{Home, Ran};

fn with_values() -> Home {
    let home = Home::with_vault();
    home.put("prod/db", "it's $5");
    home.run_with(["put", "prod/api", "password=-", "user=ann"], b"s3cret\nline two").ok();
    home.put("other", "elsewhere");
    home
}

fn export(home: &Home, format: &str, more: &[&str]) -> Ran {
    home.run([&["export", "--prefix", "prod", "--format", format], more].concat())
}

#[test]
fn a_folder_in_each_format() {
    let home = with_values();
    let text = |format: &str, more: &[&str]| export(&home, format, more).ok().text();
    assert_eq!(
        text("dotenv", &[]),
        "API_PASSWORD='s3cret\nline two'\nAPI_USER='ann'\nDB=\"it's \\$5\"\n"
    );
    assert_eq!(
        text("systemd", &[]),
        "API_PASSWORD=\"s3cret\nline two\"\nAPI_USER=\"ann\"\nDB=\"it's \\$5\"\n"
    );
    assert_eq!(
        text("tfvars", &[]),
        "api_password = \"s3cret\\nline two\"\napi_user = \"ann\"\ndb = \"it's $5\"\n"
    );
    assert_eq!(
        text("java-properties", &[]),
        "API_PASSWORD=s3cret\\nline two\nAPI_USER=ann\nDB=it's $5\n"
    );
    assert_eq!(
        text("k8s-secret", &["--name", "api"]),
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"api\"\ntype: Opaque\ndata:\n  \
         \"API_PASSWORD\": \"czNjcmV0CmxpbmUgdHdv\"\n  \"API_USER\": \"YW5u\"\n  \
         \"DB\": \"aXQncyAkNQ==\"\n"
    );
    assert_eq!(
        text("csv", &[]),
        "path,field,type,value,b64\n\
         \"prod/api\",\"password\",secret,\"s3cret\nline two\",\n\
         \"prod/api\",\"user\",text,\"ann\",\n\"prod/db\",\"value\",secret,\"it's $5\",\n"
    );
    assert_eq!(
        text("yaml", &[]),
        "- path: \"prod/api\"\n  version: 1\n  fields:\n    - name: \"password\"\n      \
         type: \"secret\"\n      value: \"s3cret\\nline two\"\n    - name: \"user\"\n      \
         type: \"text\"\n      value: \"ann\"\n- path: \"prod/db\"\n  version: 1\n  fields:\n    \
         - name: \"value\"\n      type: \"secret\"\n      value: \"it's $5\"\n"
    );
}

/// An item of the JSON is what `get --json` prints; `--json` alone is that format.
#[test]
fn json_is_as_get_prints_it() {
    let home = with_values();
    home.run_with(["put", "prod/raw", "--raw"], &[0xff, 0]).ok();
    let all = export(&home, "json", &[]).ok().json();
    let get = |path: &str| home.run(["get", path, "--json"]).ok().json();
    let expected = [get("prod/api"), get("prod/db"), get("prod/raw")];
    assert_eq!(all.as_array().unwrap()[..], expected);
    assert_eq!(all, home.run(["export", "--prefix", "prod", "--json"]).ok().json());
    let everything = home.run(["export", "--json"]).ok().json();
    assert_eq!(everything.as_array().unwrap().len(), 4);
}

#[test]
fn files_are_private_and_whole() {
    let home = with_values();
    let file = home.path().join(".env");
    std::fs::write(&file, "before").unwrap();
    let ran = export(&home, "dotenv", &["-o", ".env"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{}", ran.stderr);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("API_PASSWORD='s3cret\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    export(&home, "docker-env", &["-o", ".env"]).fails(2, "nothing was written");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("API_PASSWORD='s3cret\n"));
}

#[test]
fn a_dry_run_prints_names_and_writes_nothing() {
    let home = with_values();
    let ran = export(&home, "dotenv", &["--dry-run", "-o", "out"]).ok();
    assert_eq!(
        ran.text(),
        "API_PASSWORD\tprod/api#password\nAPI_USER\tprod/api#user\nDB\tprod/db#value\n"
    );
    assert!(!home.path().join("out").exists());
    let ran = export(&home, "csv", &["--dry-run", "--json"]).ok().json();
    assert_eq!(ran[2], serde_json::json!({ "name": "prod/db#value", "from": "prod/db#value" }));
    assert_eq!(export(&home, "github", &["--dry-run"]).ok().lines().len(), 3);
    // What the real run would refuse, it refuses.
    let ran = export(&home, "docker-env", &["--dry-run"]).fails(2, "prod/api#password");
    assert!(!ran.stderr.contains("line two"), "{}", ran.stderr);
}

#[test]
fn github_gets_masks_first_and_the_variables_in_its_file() {
    let home = with_values();
    home.put("prod/short", "abc");
    home.put("prod/tricky", "50%25\nvault-end\n::set-env::\r\nx");
    let file = home.path().join("github_env");
    std::fs::write(&file, "OF_ANOTHER_STEP=1").unwrap();
    let ran = export(&home, "github", &["-o", "github_env"]).ok();
    assert_eq!(
        ran.text(),
        "::add-mask::s3cret\n::add-mask::line two\n::add-mask::it's $5\n::add-mask::50%2525\n\
         ::add-mask::vault-end\n::add-mask::::set-env::\n"
    );
    assert!(ran.stderr.contains("prod/short#value: too short to be masked"), "{}", ran.stderr);
    let e = "vault-end-1";
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!(
            "OF_ANOTHER_STEP=1\nAPI_PASSWORD<<{e}\ns3cret\nline two\n{e}\n\
             API_USER<<{e}\nann\n{e}\nDB<<{e}\nit's $5\n{e}\nSHORT<<{e}\nabc\n{e}\n\
             TRICKY<<{e}\n50%25\nvault-end\n::set-env::\r\nx\n{e}\n"
        )
    );
    export(&home, "github", &[]).fails(2, "needs a file");
    export(&home, "github", &["-o", "new_file"]).ok();
    let new = home.path().join("new_file");
    assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&new).unwrap().starts_with("API_PASSWORD<<"));
    home.put("prod/github/token", "runner-owned");
    export(&home, "github", &["-o", "github_env"]).fails(2, "GITHUB_TOKEN is the runner's own");
}

#[test]
fn what_a_format_cannot_hold_is_named_and_nothing_is_written() {
    let home = Home::with_vault();
    home.run_with(["put", "a/bin", "--raw"], &[0xff, 0xfe]).ok();
    home.run_with(["put", "a/nul", "--raw"], b"x\0y").ok();
    home.put("a/fine", "text");
    let refused = |format: &str| {
        let ran = home.run(["export", "--prefix", "a", "--format", format, "-o", "out"]);
        assert!(!home.path().join("out").exists(), "{format}");
        ran.fails(2, "a/bin: bytes that are no text").stderr
    };
    for format in ["dotenv", "docker-env", "github", "systemd"] {
        assert!(refused(format).contains("a/nul: a value with a NUL byte"), "{format}");
    }
    for format in ["tfvars", "java-properties"] {
        assert!(!refused(format).contains("a/nul"), "{format}");
    }
    for format in ["json", "yaml", "csv"] {
        home.run(["export", "--format", format]).ok();
    }
    for (path, value, format, says) in [
        ("b/cr", &b"a\rb"[..], "docker-env", "line break"),
        ("c/long", &[b'x'; 65_536], "docker-env", "64 KiB"),
        ("d/bell", b"a\x07b", "systemd", "control characters"),
        ("e/accent", "e\u{301}".as_bytes(), "tfvars", "NFC"),
        ("f/cr", b"a\r", "github", "carriage return"),
    ] {
        home.run_with(["put", path], value).ok();
        let args = ["export", "--prefix", &path[..1], "--format", format, "-o", "out"];
        home.run(args).fails(2, says);
        assert!(!home.path().join("out").exists(), "{path}");
    }
}

#[test]
fn names_that_collide_or_take_over_are_refused() {
    let home = Home::with_vault();
    home.put("a/x-y", "1");
    home.put("a/x.y", "2");
    home.put("b/ld/preload", "/tmp/evil.so");
    for format in ["dotenv", "tfvars", "java-properties"] {
        let ran = home.run(["export", "--prefix", "a", "--format", format]);
        ran.fails(2, "becomes X_Y, too");
    }
    for format in ["dotenv", "docker-env", "systemd"] {
        let ran = home.run(["export", "--prefix", "b", "--format", format]);
        ran.fails(2, "LD_PRELOAD is not taken from a folder");
    }
    home.run(["export", "--prefix", "b", "--format", "tfvars"]).ok();
    assert_eq!(home.run(["export", "--json"]).ok().json().as_array().unwrap().len(), 3);
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let home = with_values();
    home.run(["export"]).fails(2, "--format is needed");
    home.run(["export", "--format", "xml"]).fails(2, "invalid value 'xml'");
    export(&home, "k8s-secret", &[]).fails(2, "needs a name");
    for bad in ["Api", "a_b", "a-", "a..b", "", "a\n"] {
        export(&home, "k8s-secret", &["--name", bad]).fails(2, "not a name in Kubernetes");
    }
    export(&home, "json", &["--name", "api"]).fails(2, "--name is for");
    home.run(["export", "--prefix", "none", "--json"]).fails(3, "no secret below none");
    Home::with_vault().run(["export", "--json"]).fails(3, "no secret in this vault");
}

/// A value of a version that was tampered with is not exported, and neither is any other.
#[test]
fn one_damaged_secret_stops_all() {
    let home = with_values();
    for folder in ["s.d/prod.d/db.o", "h.d/prod.d/db.d/.vault.d/0000000000000001.o"] {
        let file = home.vault_dir().join(folder);
        let mut bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    export(&home, "json", &["-o", "out"]).fails(7, "prod/db");
    assert!(!home.path().join("out").exists());
}
