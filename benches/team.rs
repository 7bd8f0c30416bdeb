//! Teams: 1,000 notes replayed, against the same number of bare signature checks; a member removed
//! from a vault of 10,000 secrets with everything sealed anew, against the puts that made them,
//! and the same killed halfway and run again.
//!
//! `cargo bench --bench team`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use vault::core::cipher::{public_key, sha256, sign, verify};
use vault::core::secret::Key;
use vault::store::{
    Condition, DirStore, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, Store,
    list_all,
};
use vault::team::rules;
use vault::vault::{
    AwsOptions, DeviceIdentity, Grant, Init, Location, Path as SecretPath, Places, Prefix, Reseal,
    Role, Secret, Storage, Vault,
};

const NOTES: u64 = 1_000;
const MEMBERS: u64 = 40;
const SECRETS: usize = 10_000;

fn identity(seed: u64) -> DeviceIdentity {
    DeviceIdentity::from_seed(Key::new(sha256(&[&seed.to_be_bytes()])))
}

fn places(dir: &Path) -> Places {
    Places { state: dir.join("state"), cache: dir.join("cache") }
}

fn storage(store: Arc<dyn Store>) -> Storage {
    Storage::of(store, Location::Dir("/bench".into()), AwsOptions::default())
}

async fn init(store: Arc<dyn Store>, dir: &Path) -> Vault {
    let recovery = identity(1 << 40);
    let init = Init { kms: None, member: "ann", identity: identity(0), recovery: &recovery };
    Vault::init(storage(store), init, &places(dir)).await.expect("a vault")
}

/// A store that counts what is asked of it.
struct Counted {
    inner: DirStore,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

#[async_trait]
impl Store for Counted {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key, limit).await
    }

    async fn head(&self, key: &str) -> Result<Head> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, m: &Metadata, body: &[u8], c: &Condition) -> Result<Etag> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.inner.put(key, m, body, c).await
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.inner.delete(key, etag).await
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.list(listing).await
    }
}

/// Members come, change roles and go.
async fn grow(vault: &Vault) {
    let mut next = 0;
    while vault.join().pin.seq < NOTES {
        let name = |n: u64| format!("member{n}");
        let grant = |role| Grant { role, path: None };
        let who = identity(next + 1);
        vault.add_member(&name(next), who.public(), Some(&grant(Role::Read))).await.expect("adds");
        vault.set_role(&name(next), &grant(Role::Write)).await.expect("changes");
        if next >= MEMBERS {
            vault.remove_members(&[&name(next - MEMBERS)]).await.expect("removes");
        }
        next += 1;
    }
}

async fn replay(dir: &Path) {
    let store = MemoryStore::new();
    let vault = init(Arc::new(store.clone()), &dir.join("grow")).await;
    grow(&vault).await;
    let notes = list_all(&store, ".vault/team/").await.expect("lists");
    let mut bytes = Vec::new();
    for key in &notes {
        bytes.push(store.get(key, 1 << 20).await.expect("is there").body);
    }
    let key = identity(0);
    let (seed, public) = (key.signing_seed(), public_key(key.signing_seed()));
    let signatures: Vec<_> = bytes.iter().map(|note| sign(seed, note)).collect();
    let mut best = [Duration::MAX; 3];
    for _ in 0..5 {
        let start = Instant::now();
        let good = bytes.iter().zip(&signatures).filter(|(note, s)| verify(&public, note, s));
        assert_eq!(good.count(), bytes.len());
        best[0] = best[0].min(start.elapsed());
        let start = Instant::now();
        let (_, mut state) = rules::first(&bytes[0]).expect("note 0");
        let id = sha256(&[&bytes[0]]);
        let mut last = id;
        for (seq, note) in (0..).zip(&bytes[1..]) {
            state = rules::next(&id, seq, &last, &state, note).expect("a note").1;
            last = sha256(&[note]);
        }
        best[1] = best[1].min(start.elapsed());
        let fresh = tempfile::tempdir().expect("a directory");
        let pin = vault::vault::Pin { vault: id, seq: 0, hash: id };
        let start = Instant::now();
        let here = storage(Arc::new(store.clone()));
        let opened = Vault::open_in(here, &pin, &places(fresh.path()), Some(identity(0))).await;
        let opened = opened.expect("opens");
        opened.check_membership().await.expect("a member");
        best[2] = best[2].min(start.elapsed());
        assert_eq!(opened.join().pin.seq, bytes.len() as u64 - 1);
    }
    let ms = best.map(|time| time.as_secs_f64() * 1e3);
    println!("{} notes, about {MEMBERS} members:", bytes.len());
    println!("  signatures alone    {:8.1} ms", ms[0]);
    println!("  replayed            {:8.1} ms  {:.2} x", ms[1], ms[1] / ms[0]);
    println!("  by a fresh device   {:8.1} ms  {:.2} x", ms[2], ms[2] / ms[0]);
}

async fn fill(vault: &Vault) -> Duration {
    let start = Instant::now();
    for i in 0..SECRETS {
        let path = SecretPath::parse(&format!("team{}/service{}/key{i}", i % 7, i % 97));
        let value = Secret::copy_of(format!("value-{i}").as_bytes());
        vault.put_raw(&path.expect("a path"), None, &value).await.expect("writes");
    }
    let taken = start.elapsed();
    let grant = Grant { role: Role::Write, path: None };
    vault.add_member("bob", identity(7).public(), Some(&grant)).await.expect("adds");
    taken
}

async fn removal(dir: &Path) {
    let at = dir.join("vault");
    let made = Arc::new(DirStore::create(&at).expect("a directory"));
    let vault = init(made, &dir.join("ann")).await;
    let filled = fill(&vault).await;
    let inner = DirStore::open(&at).expect("opens");
    let counted =
        Arc::new(Counted { inner, reads: AtomicUsize::new(0), writes: AtomicUsize::new(0) });
    let counts = || {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&counted.reads), take(&counted.writes))
    };
    let pin = vault.join().pin;
    let here = storage(counted.clone());
    let places = places(&dir.join("ann"));
    let vault = Vault::open_in(here, &pin, &places, Some(identity(0))).await.expect("opens");
    counts();
    let start = Instant::now();
    vault.remove_members(&["bob"]).await.expect("removes");
    let removed = (start.elapsed(), counts());
    let start = Instant::now();
    let exposed = vault.exposure(&Prefix::default()).await.expect("reports").len();
    let reported = (start.elapsed(), counts());
    assert_eq!(exposed, SECRETS);
    let start = Instant::now();
    let done = vault.reseal(&Reseal::default(), &mut |_, _| {}).await.expect("seals");
    let sealed = (start.elapsed(), counts());
    assert_eq!((done.done, done.failed.len()), (SECRETS, 0));
    println!("{SECRETS} secrets in a directory; the puts that made them {:.1} s", secs(filled));
    for (what, (time, (reads, writes))) in
        [("remove a member", removed), ("exposure report", reported), ("seal anew", sealed)]
    {
        let ratio = secs(time) / secs(filled);
        println!("  {what:16} {:6.2} s  {ratio:.2} x  {reads} reads, {writes} writes", secs(time));
    }
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The program, killed when half is sealed anew, and run again.
async fn killed(dir: &Path) {
    let home = dir.join("home");
    std::fs::create_dir_all(&home).expect("a directory");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vault"));
        command.args(args).env_clear().env("HOME", &home).current_dir(&home);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made = run(&["init", "--no-passphrase", "--recovery-out", "recovery"]).status();
    assert!(made.expect("runs").success());
    let data: PathBuf = home.join(".local/share/vault");
    let file = Secret::new(std::fs::read(data.join("identity")).expect("a file"));
    let open = async || {
        let identity = DeviceIdentity::from_file(&file, || unreachable!()).expect("opens");
        let store = Arc::new(DirStore::open(&data.join("vaults/main")).expect("opens"));
        let note = store.get(".vault/team/0000000000000000", 1 << 20).await.expect("note 0");
        let id = sha256(&[&note.body]);
        let pin = vault::vault::Pin { vault: id, seq: 0, hash: id };
        let places =
            Places { state: home.join(".local/state/vault"), cache: home.join(".cache/vault") };
        Vault::open_in(storage(store), &pin, &places, Some(identity)).await.expect("opens")
    };
    let vault = open().await;
    fill(&vault).await;
    let args = ["member", "rm", "bob", "--yes", "--reseal"];
    let start = Instant::now();
    let mut child = run(&args).spawn().expect("starts");
    let half = 2 * SECRETS + SECRETS / 2;
    let versions = async || list_all(&*vault_store(&data), "h/").await.expect("lists").len();
    while versions().await < half - SECRETS {
        assert!(child.try_wait().expect("is ours").is_none(), "it was faster than the listing");
    }
    child.kill().expect("is ours");
    child.wait().expect("is ours");
    let (at, first) = (versions().await - SECRETS, start.elapsed());
    let start = Instant::now();
    assert!(run(&args).status().expect("runs").success());
    let second = start.elapsed();
    assert_eq!(versions().await, 2 * SECRETS, "each was sealed anew exactly once");
    let report = open().await.verify(&Prefix::default(), false).await.expect("checks");
    assert!(report.findings.is_empty(), "{:?}", report.findings.first());
    println!(
        "  killed after {at} of {SECRETS} ({:.2} s), run again: {:.2} s for the rest, all good",
        secs(first),
        secs(second)
    );
}

fn vault_store(data: &Path) -> Arc<DirStore> {
    Arc::new(DirStore::open(&data.join("vaults/main")).expect("opens"))
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    runtime.block_on(async {
        replay(dir.path()).await;
        removal(dir.path()).await;
        killed(dir.path()).await;
    });
}
