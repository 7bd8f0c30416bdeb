//! A vault that this library wrote, opened by a second reader: stock Python, stock age, and
//! `docs/FORMAT.md`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use vault::core::secret::Secret;
use vault::vault::{
    AwsOptions, DeviceIdentity, Init, Location, Path as SecretPath, Places, Storage, Vault,
};

use crate::cli::home::{Home, finish};
use crate::support::plugins::{Plugins, identity_file, ssh_key, ssh_key_path};

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

struct World {
    dir: tempfile::TempDir,
    vault: Vault,
    age_key: Secret,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seed = || vault::core::random::key();
        let (ann, recovery) = (DeviceIdentity::from_seed(seed()), DeviceIdentity::random());
        let age_key = ann.age_secret_key().unwrap();
        let places = Places { state: dir.path().join("state"), cache: dir.path().join("cache") };
        let location = Location::Dir(dir.path().join("vault"));
        let storage = Storage::create(location, AwsOptions::default()).await.unwrap();
        let init = Init { kms: None, member: "ann", identity: ann, recovery: &recovery };
        let vault = Vault::init(storage, init, &places).await.unwrap();
        Self { dir, vault, age_key }
    }

    async fn put(&self, path: &str, value: &[u8]) {
        let set = |document: &mut vault::vault::Document, seq| {
            document.set("user", None, Secret::copy_of(b"ann"), seq)?;
            document.set("value", None, Secret::copy_of(value), seq)
        };
        let path = SecretPath::parse(path).unwrap();
        self.vault.put(&path, None, &mut { set }).await.unwrap();
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    fn read(&self, path: &str) -> Output {
        self.read_as(path, &self.vault.join().encode(), self.age_key.bytes())
    }

    fn read_as(&self, path: &str, join: &str, age_key: &[u8]) -> Output {
        read(&self.root(), path, join, age_key)
    }
}

fn read(root: &Path, path: &str, join: &str, age_key: &[u8]) -> Output {
    let script = Path::new(MANIFEST).join("tests/reader/vault_reader.py");
    let mut command = Command::new(python());
    command.arg("-I").arg(script).arg(root).args([join, path]);
    let piped = || Stdio::piped();
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(age_key).unwrap();
    child.wait_with_output().unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A Python that has `cryptography`; `age` must be there as well.
fn python() -> PathBuf {
    let python = std::env::var_os("VAULT_TEST_PYTHON")
        .map_or_else(|| Path::new(MANIFEST).join(".test-tools/venv/bin/python3"), PathBuf::from);
    let works = |command: &mut Command| {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    };
    let has_cryptography = works(Command::new(&python).args(["-I", "-c", "import cryptography"]));
    assert!(
        has_cryptography && works(Command::new("age").arg("--version")),
        "no `age`, or no Python with `cryptography` at {}: run `tests/run`, which sets both up \
         (`VAULT_TEST_PYTHON` names another Python)",
        python.display()
    );
    python
}

/// The file of an object in a directory store.
fn object_file(root: &Path, key: &str) -> PathBuf {
    let (folders, name) = key.rsplit_once('/').unwrap();
    let folder = folders.split('/').fold(root.to_owned(), |dir, f| dir.join(format!("{f}.d")));
    folder.join(format!("{name}.o"))
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_second_reader_opens_what_this_library_wrote() {
    let world = wait(World::new());
    let values: [(&str, &[u8]); 4] = [
        ("prod/db/password", b"hunter2"),
        ("größe/日本語/a b", "p\"ä\\\n😀".as_bytes()),
        ("x", b"\xff\x00\x01"),
        ("prod/empty", b""),
    ];
    for (path, value) in values {
        wait(world.put(path, b"an older value"));
        wait(world.put(path, value));
        let output = world.read(path);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, value, "{path}");
    }
}

#[test]
fn it_opens_with_an_ssh_key_and_with_the_recovery_key_beside_a_post_quantum_one() {
    let run = |home: &Home, plugins: &Plugins, args: &[&str], stdin: &[u8]| {
        let mut command = home.command(args);
        command.env("PATH", plugins.path());
        finish(command, stdin).ok().text()
    };
    let plugins = Plugins::new(&["vpq"]);
    let ssh = ["id", "new", "--ssh", "key"];
    // The files of a keyring lie in the order of their hashes: now this first, now that.
    for new in
        [ssh, ["id", "new", "--age-plugin", "key.txt"], ["id", "new", "--age-plugin", "key.txt"]]
    {
        let home = Home::new();
        std::fs::copy(ssh_key_path("ed25519"), home.path().join("key")).unwrap();
        std::fs::write(home.path().join("key.txt"), identity_file("vpq", 1)).unwrap();
        run(&home, &plugins, &new, b"");
        let join = run(&home, &plugins, &["init", "--recovery-out", "words"], b"");
        run(&home, &plugins, &["put", "a/b"], b"value");
        let words = std::fs::read_to_string(home.path().join("words")).unwrap();
        let words = Secret::copy_of(words.trim().as_bytes());
        let recovery = DeviceIdentity::from_words(&words).unwrap().age_secret_key().unwrap();
        let mut keys = vec![recovery];
        if new == ssh {
            keys.push(ssh_key("ed25519"));
        }
        for key in keys {
            let output = read(&home.vault_dir(), "a/b", join.trim(), key.bytes());
            assert_eq!(output.stdout, b"value", "{}", String::from_utf8_lossy(&output.stderr));
        }
        let error = refused(&read(
            &home.vault_dir(),
            "a/b",
            join.trim(),
            DeviceIdentity::random().age_secret_key().unwrap().bytes(),
        ));
        assert!(error.contains("no keyring for this key"), "{error}");
    }
}

/// The recovery drill: the words on paper, stock age, the reader, and a copy of the storage.
#[test]
fn the_recovery_words_open_every_generation_without_this_program() {
    let home = Home::with_vault();
    let join = home.run(["vaults", "--json"]).ok().json()[0]["join"].as_str().unwrap().to_owned();
    let (other, id) = (Home::new(), "--no-passphrase");
    let id = other.run(["id", "new", id]).ok().text();
    home.put("pay/first", "of generation 1");
    home.run(["group", "add", "pay", "--path", "pay"]).ok();
    home.put("pay/old", "sealed before the rotation");
    home.run(["member", "add", "bob", id.trim(), "--role", "read", "--path", "pay"]).ok();
    home.run(["member", "rm", "bob", "--yes"]).ok();
    home.put("pay/new", "sealed after it");
    let groups = home.run(["group", "ls", "--json"]).ok().json();
    assert_eq!((&groups[1]["name"], &groups[1]["generation"]), (&"pay".into(), &2.into()));
    for (path, generation) in [("pay/old", "g=pay.1;"), ("pay/new", "g=pay.2;")] {
        let head = std::fs::read(object_file(&home.vault_dir(), &format!("s/{path}"))).unwrap();
        assert!(String::from_utf8_lossy(&head).contains(generation), "{path}");
    }
    let drill = Home::new();
    let key_of = |words: &Path| {
        let words = words.to_str().unwrap();
        drill.run(["id", "export", "--age", "--words-file", words]).ok().stdout
    };
    let words = home.path().join("recovery.txt");
    let key = key_of(&words);
    let read = |path: &str, key: &[u8]| read(&home.vault_dir(), path, &join, key);
    for (path, value) in [
        ("pay/first", "of generation 1"),
        ("pay/old", "sealed before the rotation"),
        ("pay/new", "sealed after it"),
    ] {
        let output = read(path, &key);
        assert_eq!(output.stdout, value.as_bytes(), "{output:?}");
    }
    let bob = other.run(["id", "export", "--age"]).ok().stdout;
    assert!(refused(&read("pay/new", &bob)).contains("no keyring for this key"));
    // New words: theirs alone is the keyring from then on.
    home.run(["recover", "--replace", "--recovery-out", "new-words"]).ok();
    assert!(refused(&read("pay/new", &key)).contains("no keyring for this key"));
    let key = key_of(&home.path().join("new-words"));
    assert_eq!(read("pay/new", &key).stdout, b"sealed after it");
    assert!(!drill.identity().exists(), "the drill leaves nothing on the machine");
}

#[test]
fn the_second_reader_refuses_what_was_changed() {
    let world = wait(World::new());
    wait(world.put("prod/db/password", b"hunter2"));
    wait(world.put("prod/db/other", b"hunter3"));
    assert_eq!(world.read("prod/db/password").stdout, b"hunter2");

    let stranger = DeviceIdentity::random().age_secret_key().unwrap();
    refused(&world.read_as("prod/db/password", &world.vault.join().encode(), stranger.bytes()));
    let other_vault = wait(World::new()).vault.join().encode();
    let error = refused(&world.read_as("prod/db/password", &other_vault, world.age_key.bytes()));
    assert!(error.contains("another vault"), "{error}");

    let file = object_file(&world.root(), "s/prod/db/password");
    let other = object_file(&world.root(), "s/prod/db/other");
    let good = std::fs::read(&file).unwrap();
    std::fs::copy(&other, &file).unwrap();
    let error = refused(&world.read("prod/db/password"));
    assert!(error.contains("InvalidSignature"), "{error}");

    let mut tampered = good.clone();
    *tampered.last_mut().unwrap() ^= 1;
    std::fs::write(&file, tampered).unwrap();
    let error = refused(&world.read("prod/db/password"));
    assert!(error.contains("the body is not the signed one"), "{error}");

    std::fs::write(&file, good).unwrap();
    assert_eq!(world.read("prod/db/password").stdout, b"hunter2");
}
