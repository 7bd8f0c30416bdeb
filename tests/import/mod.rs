//! `vault import`: a sample of each format goes in, comes out again with every export, and goes in
//! once more; what is wrong is refused before anything is written.

mod bad;
mod buckets;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::home::{Home, Ran, finish};

/// Where the samples are.
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/samples").join(name)
}

/// The samples, and the flags that they need.
const SAMPLES: [(&str, &[&str]); 19] = [
    ("vars.env", &[]),
    ("docker.list", &["--format", "docker-env"]),
    ("github_env", &["--format", "github"]),
    ("nested.json", &[]),
    ("nested.yaml", &[]),
    ("chamber.json", &[]),
    ("secret.yaml", &[]),
    ("own.csv", &[]),
    ("1password.csv", &[]),
    ("bitwarden.csv", &[]),
    ("lastpass.csv", &[]),
    ("keepass.csv", &[]),
    ("keepassxc.csv", &[]),
    ("chrome.csv", &[]),
    ("bitwarden.json", &[]),
    ("export.1pux", &[]),
    ("duplicates.csv", &["--rename"]),
    ("vars.tfvars", &[]),
    ("app.properties", &[]),
];
/// Samples of sops.
const SOPS: [&str; 5] =
    ["sops.json", "sops.yaml", "sops.env", "sops-regex.yaml", "sops-suffix.json"];

/// A home with the keys that samples need: of age, and of `gpg`.
struct Importer(Home);

impl Importer {
    fn new() -> Self {
        Self(Home::with_vault())
    }

    fn import(&self, args: &[&str]) -> Ran {
        self.0.run(["import"].iter().chain(args))
    }

    /// A sample below a folder of its name.
    fn sample(&self, name: &str, flags: &[&str]) -> Ran {
        let file = sample(name);
        self.import(&[&[file.to_str().unwrap(), name], flags].concat())
    }

    /// A database of KeePass, with a passphrase on a file descriptor.
    fn keepass(&self, name: &str, passphrase: &str, flags: &[&str]) -> Ran {
        let file = self.0.path().join("passphrase");
        fs::write(&file, passphrase).unwrap();
        let inner = self.0.command(["import", sample(name).to_str().unwrap(), name]);
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" --source-passphrase-fd 7 7<passphrase"]);
        command.arg(inner.get_program()).args(inner.get_args()).args(flags).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.0.path());
        finish(command, b"")
    }

    /// The sample store of `pass`, whose key is known to `gpg` here; or not.
    fn pass(&self, with_key: bool) -> Ran {
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        let gpg = |program: &str, args: &[&str]| {
            let ran = Command::new(program).args(args).env("GNUPGHOME", home.path()).output();
            ran.expect("gpg, which tests/run installs")
        };
        if with_key {
            let key = sample("pass-key.asc");
            let done = gpg("gpg", &["--batch", "--quiet", "--import", key.to_str().unwrap()]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        let store = sample("password-store");
        let mut command = self.0.command(["import", store.to_str().unwrap(), "pass"]);
        command.env("GNUPGHOME", home.path());
        let ran = finish(command, b"");
        gpg("gpgconf", &["--kill", "all"]);
        ran
    }

    /// Everything in the vault, without the numbers of versions.
    fn all(&self) -> Value {
        let mut all = self.0.run(["export", "--json"]).ok().json();
        for one in all.as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove("version");
        }
        all
    }
}

/// The identity of age that the samples of sops are for.
fn age_key() -> String {
    sample("sops-age.txt").to_str().unwrap().to_owned()
}

fn everything() -> Importer {
    let importer = Importer::new();
    for (name, flags) in SAMPLES {
        importer.sample(name, flags).ok();
    }
    for name in SOPS {
        importer.sample(name, &["--age-identity", &age_key()]).ok();
    }
    importer.keepass("team.kdbx", "made-up passphrase\n", &[]).ok();
    importer.keepass("older.kdbx", "made-up passphrase\n", &[]).ok();
    let key_file = sample("team.keyx");
    let with_file = ["--key-file", key_file.to_str().unwrap()];
    importer.keepass("keyfile.kdbx", "made-up passphrase\n", &with_file).ok();
    importer.pass(true).ok();
    importer
}

/// What every sample becomes, written down; and each export of it goes in again as it was.
#[test]
fn each_sample_goes_in_and_each_export_of_it_comes_back() {
    let importer = everything();
    let all = importer.all();
    if std::env::var_os("VAULT_UPDATE_SAMPLES").is_some() {
        fs::write(sample("expected.json"), format!("{all:#}\n")).unwrap();
    }
    let expected: Value = serde_json::from_slice(&fs::read(sample("expected.json")).unwrap())
        .expect("what the samples become");
    for one in all.as_array().unwrap() {
        let path = one["path"].as_str().unwrap();
        let same = expected.as_array().unwrap().iter().find(|e| e["path"] == path);
        assert_eq!(Some(one), same, "{path}");
    }
    assert_eq!(all.as_array().unwrap().len(), expected.as_array().unwrap().len());
    for format in ["json", "yaml", "csv"] {
        let file = importer.0.path().join(format!("all.{format}"));
        importer.0.run(["export", "-f", format, "-o", file.to_str().unwrap()]).ok();
        let other = Importer::new();
        // By its name, and by what is in it.
        other.import(&[file.to_str().unwrap()]).ok();
        assert_eq!(other.all(), all, "{format}");
        let third = Importer::new();
        let text = fs::read(&file).unwrap();
        third.0.run_with(["import", "-"], &text).ok();
        assert_eq!(third.all(), all, "{format} from standard input");
    }
}

/// Formats of variables have names only: what they are imported as is exported to the same lines.
#[test]
fn exports_of_variables_come_back_to_the_same_lines() {
    let importer = Importer::new();
    importer.sample("vars.env", &[]).ok();
    importer.sample("1password.csv", &[]).ok();
    importer.sample("chamber.json", &[]).ok();
    for (format, folder) in [
        ("dotenv", "vars.env"),
        ("dotenv", "1password.csv"),
        ("docker-env", "chamber.json"),
        ("k8s-secret", "vars.env"),
        ("github", "1password.csv"),
        ("systemd", "vars.env"),
        ("tfvars", "vars.env"),
        ("tfvars", "1password.csv"),
        ("java-properties", "vars.env"),
        ("java-properties", "1password.csv"),
    ] {
        let file = importer.0.path().join(format!("out.{format}"));
        let _ = fs::remove_file(&file);
        let name: &[&str] = if format == "k8s-secret" { &["--name", "a"] } else { &[] };
        let export = |home: &Home, folder: &str| {
            let out = ["-o", file.to_str().unwrap()];
            let _ = fs::remove_file(&file);
            home.run([&["export", "-f", format, "--prefix", folder], name, &out].concat()).ok();
            // In the order of their names: the fields of one path have another order afterwards.
            let mut lines: Vec<_> =
                fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let text = export(&importer.0, folder);
        assert!(text.len() > 1 && text.iter().all(|line| !line.is_empty()), "{text:?}");
        let other = Importer::new();
        // What a unit reads in double quotes is read by a shell, too.
        let known = if format == "systemd" { "dotenv" } else { format };
        other.import(&[file.to_str().unwrap(), "in", "--format", known]).ok();
        assert_eq!(export(&other.0, "in"), text, "{format} of {folder}");
    }
}

#[test]
fn imported_logins_work_with_the_other_commands() {
    let importer = Importer::new();
    importer.sample("bitwarden.json", &[]).ok();
    let path = "bitwarden.json/Web/Team/Example";
    assert_eq!(importer.0.get(path), "made-up-1");
    assert_eq!(importer.0.run(["otp", path]).ok().text().trim().len(), 6);
    assert_eq!(importer.0.run(["find", "example"]).ok().lines(), [path]);
    let run = ["run", "--prefix", "bitwarden.json/Web", "--", "sh", "-c", "echo $TEAM_EXAMPLE_URL"];
    assert_eq!(importer.0.run(run).ok().text().trim(), "https://example.com");
}

/// Names only, and nothing is written.
#[test]
fn a_dry_run_shows_names_and_no_value() {
    let importer = Importer::new();
    for (name, flags) in SAMPLES {
        let ran = importer.sample(name, &[flags, &["--dry-run"]].concat()).ok();
        let said = format!("{}{}", ran.text(), ran.stderr);
        assert!(!said.contains("made-up") && !said.contains("GEZDGNBV"), "{name}: {said}");
        assert!(!ran.lines().is_empty() && said.contains("would be written"), "{name}");
    }
    let ran = importer.sample("sops.yaml", &["--age-identity", &age_key(), "--dry-run"]).ok();
    assert!(ran.text().contains("sops.yaml/db/password\tvalue"), "{}", ran.text());
    assert!(importer.0.run(["ls"]).ok().text().is_empty());
    let ran = importer.sample("own.csv", &["--dry-run", "--json"]).ok().json();
    assert_eq!(
        ran[0],
        json!({ "path": "own.csv/a/login", "fields": ["username", "value", "seed"] })
    );
    assert_eq!(ran[1], json!({ "path": "own.csv/a/raw", "fields": null }));
}

#[test]
fn what_has_no_place_is_named() {
    let importer = Importer::new();
    for (name, left) in [
        ("export.1pux", "not imported: an attachment of Private/Example: scan.png"),
        ("export.1pux", "not imported: the document Team/Plan: plan.pdf"),
        ("bitwarden.json", "not imported: a passkey of Web/Team/Example: example.com"),
        ("nested.json", "not imported: db/none: it has no value"),
    ] {
        let ran = importer.sample(name, &["--dry-run"]).ok();
        assert!(ran.stderr.contains(left), "{name}: {}", ran.stderr);
    }
    let ran = importer.keepass("team.kdbx", "made-up passphrase\n", &["--dry-run"]).ok();
    for left in ["an attachment of Web/Example: scan.png", "what is in Recycle Bin (1)"] {
        assert!(ran.stderr.contains(left), "{}", ran.stderr);
    }
}
