use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use vault::store::{Condition, DirStore, Metadata, Store, list_all};

use super::home::{Home, Ran, finish};

mod bucket;

/// Status, message and hint by the name of the check.
struct Found(BTreeMap<String, (String, String, String)>);

impl Found {
    #[track_caller]
    fn of(ran: Ran) -> Self {
        let json = ran.json();
        let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let checks = json["checks"].as_array().unwrap();
        let found: BTreeMap<_, _> = checks
            .iter()
            .map(|c| (text(c, "name"), (text(c, "status"), text(c, "message"), text(c, "hint"))))
            .collect();
        assert_eq!(found.len(), checks.len(), "names are unique: {json}");
        let bad = found.values().any(|(status, _, _)| status == "error");
        assert_eq!((ran.code, &json["ok"]), (i32::from(bad), &Value::Bool(!bad)), "{json}");
        Self(found)
    }

    /// This check ended like this, and says this in its message or hint.
    #[track_caller]
    fn has(&self, name: &str, status: &str, says: &str) {
        let check = self.0.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.0));
        assert_eq!(check.0, status, "{name}: {check:?}");
        let text = format!("{}\n{}", check.1, check.2);
        assert!(text.contains(says), "{says:?} not in {name}: {text}");
    }

    /// Nothing else than these is not well.
    #[track_caller]
    fn only(&self, expected: &[&str]) {
        let bad = self.0.iter().filter(|(_, (status, _, _))| status != "ok");
        let bad: Vec<&str> = bad.map(|(name, _)| name.as_str()).collect();
        assert_eq!(bad, expected, "{:#?}", self.0);
    }
}

fn doctor(home: &Home) -> Found {
    Found::of(home.run(["doctor", "--json"]))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_healthy_vault_is_well() {
    let home = Home::with_vault();
    home.put("a", "1");
    let found = doctor(&home);
    found.only(&["passphrase"]);
    found.has("passphrase", "warning", "can read the secrets");
    found.has("vault", "ok", "main at /");
    found.has("membership", "ok", "ann, an admin");
    found.has("team chain", "ok", "note 0");
    found.has("memory", "ok", "no core dumps");
    found.has("file system", "ok", "hard links");
    found.has("store: create-only write", "ok", "works");
    found.has("store: race of writers", "ok", "works");
    assert_eq!(found.0.len(), 29, "{:#?}", found.0.keys());
    let store = DirStore::open(&home.vault_dir()).unwrap();
    assert!(wait(list_all(&store, ".vault/probe/")).unwrap().is_empty());
    assert_eq!(fs::read_dir(home.vault_dir().join("tmp")).unwrap().count(), 0);
}

#[test]
fn in_a_pipe_it_is_one_record_a_line() {
    let home = Home::with_vault();
    let lines = home.run(["doctor"]).ok().lines();
    for line in &lines {
        let cells: Vec<&str> = line.split('\t').collect();
        assert!(cells.len() == 4 && ["ok", "warning"].contains(&cells[0]), "{line}");
    }
    assert!(lines[0].starts_with("ok\tconfiguration\t/"), "{}", lines[0]);
}

#[test]
fn broken_settings_are_a_finding() {
    let home = Home::with_vault();
    fs::write(home.path().join(".config/vault/config.toml"), "defualt = \"main\"\n").unwrap();
    let found = doctor(&home);
    found.has("configuration", "error", "unknown key `defualt`");
    found.has("memory", "ok", "");
    assert!(!found.0.contains_key("team chain"));
    let found = doctor(&Home::new());
    found.has("location", "error", "vault init");
    found.has("identity", "skipped", "vault id new");
}

#[test]
fn modes_of_files_are_looked_at() {
    let home = Home::with_vault();
    let mode = |path: &str, mode| {
        fs::set_permissions(home.path().join(path), Permissions::from_mode(mode)).unwrap();
    };
    mode(".local/share/vault/identity", 0o640);
    mode(".config/vault/config.toml", 0o666);
    mode(".local/state/vault", 0o755);
    mode(".local/share/vault/vaults/main", 0o777);
    let found = doctor(&home);
    found.has("identity", "error", "chmod 600 /");
    found.has("configuration", "warning", "chmod go-w /");
    found.has("state directory", "warning", "chmod 700 /");
    found.has("directory", "warning", "chmod o-w /");
    found.only(&["configuration", "directory", "identity", "passphrase", "state directory"]);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error() {
    let home = Home::with_vault();
    fs::remove_dir_all(home.path().join(".cache/vault")).unwrap();
    fs::write(home.path().join(".cache/vault"), "").unwrap();
    doctor(&home).has("cache directory", "error", "XDG_CACHE_HOME");
}

#[test]
fn a_vault_that_is_gone_is_an_error() {
    let home = Home::with_vault();
    fs::rename(home.vault_dir(), home.path().join("away")).unwrap();
    let found = doctor(&home);
    found.has("location", "error", "no store");
    found.has("identity", "ok", "mode 600");
}

#[test]
fn a_chain_that_is_not_whole_is_an_error() {
    let home = Home::with_vault();
    let store = DirStore::open(&home.vault_dir()).unwrap();
    let key = ".vault/team/0000000000000000";
    wait(async {
        let note = store.get(key, 1 << 20).await.unwrap();
        let other = [&note.body[..], b"x"].concat();
        store.put(key, &Metadata::new(), &other, &Condition::None).await.unwrap();
    });
    doctor(&home).has("team chain", "error", "not the one that this device has seen");
    wait(store.delete(key, None)).unwrap();
    doctor(&home).has("team chain", "error", "gone");
}

#[test]
fn a_stranger_is_told_so() {
    let home = Home::with_vault();
    let mut new = home.command(["id", "new", "--no-passphrase"]);
    new.env("VAULT_IDENTITY", home.path().join("other"));
    finish(new, b"").ok();
    let mut doctor = home.command(["doctor", "--json"]);
    doctor.env("VAULT_IDENTITY", home.path().join("other"));
    Found::of(finish(doctor, b"")).has("membership", "error", "vault id show");
}

#[test]
fn without_the_passphrase_the_rest_is_checked() {
    let home = Home::new();
    home.run_with(
        ["init", "--recovery-out", "r", "--passphrase-fd", "0"],
        b"four words are good\n",
    )
    .ok();
    let found = Found::of(home.run(["doctor", "--json", "--no-input"]));
    found.has("passphrase", "skipped", "--passphrase-fd");
    found.has("membership", "skipped", "no identity");
    found.has("team chain", "ok", "note 0");
    let with = |passphrase: &[u8]| {
        Found::of(home.run_with(["doctor", "--json", "--passphrase-fd", "0"], passphrase))
    };
    with(b"four words are good\n").only(&[]);
    with(b"wrong\n").has("passphrase", "error", "cannot open");
}

#[test]
fn the_environment_is_looked_at() {
    let home = Home::with_vault();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("vault"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("vault"), Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = home.command(["doctor", "--json"]);
    command.env("VAULT_ADDR", "http://127.0.0.1:1").env("VAULT_TOKEN", "very secret");
    command.env("PATH", format!("{}:{path}", bin.display()));
    let ran = finish(command, b"");
    assert!(!ran.text().contains("very secret"));
    let found = Found::of(ran);
    found.has("environment", "ok", "VAULT_ADDR, VAULT_TOKEN");
    found.has("program", "warning", "bin/vault");
    let mut command = home.command(["doctor", "--json"]);
    command.env("VAULT_IDENTIY", "x\u{1b}[2J");
    Found::of(finish(command, b"")).has("environment", "warning", "VAULT_IDENTIY");
}

#[test]
fn leftovers_are_found_and_repair_removes_them() {
    let home = Home::with_vault();
    let store = DirStore::open(&home.vault_dir()).unwrap();
    wait(store.put(".vault/probe/0-x", &Metadata::new(), b"", &Condition::None)).unwrap();
    fs::write(home.vault_dir().join("tmp/0"), "").unwrap();
    let found = doctor(&home);
    found.has("leftovers", "warning", "1 objects");
    found.has("temporary files", "warning", "--repair");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::options()
        .write(true)
        .open(home.vault_dir().join("tmp/0"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    home.run(["verify", "--repair"]).ok();
    doctor(&home).only(&["passphrase"]);
}
