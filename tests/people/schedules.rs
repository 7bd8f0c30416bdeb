//! Random histories of a team with somebody who turns against it, on a storage that shows any
//! object as it was at any earlier time, in another place, or not at all.
//!
//! Values say where they were written, as which attempt, and by whom with what right. What an
//! honest device reads must be of that place, written with a right, and not older than what it
//! read before. On a storage that was honest so far it must be the newest. Keys are changed, and
//! people removed, also while the storage lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use vault::store::{Condition, MemoryStore, Metadata, Store, list_all};
use vault::vault::{Grant, Kind, Late, Reseal, Role, Vault};

use crate::support::{World, add, get, identity, put};

const PATHS: [&str; 3] = ["a", "b", "dir/c"];
const BOB: u8 = 50;
const STEPS: usize = 12;
const SCHEDULES: u64 = 2_500;
/// How many of them each kind of outcome must be among, or the test shows nothing.
const ENOUGH: u64 = 500;

/// A generator of numbers that depends on its seed only.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn path(&mut self) -> &'static str {
        PATHS[self.roll(PATHS.len())]
    }
}

type Image = BTreeMap<String, (Metadata, Vec<u8>)>;

async fn image(store: &MemoryStore) -> Image {
    let mut image = Image::new();
    for key in list_all(store, "").await.unwrap() {
        let object = store.get(&key, 1 << 30).await.unwrap();
        image.insert(key, (object.metadata, object.body));
    }
    image
}

async fn show(store: &MemoryStore, key: &str, object: Option<&(Metadata, Vec<u8>)>) {
    match object {
        Some((metadata, body)) => {
            store.put(key, metadata, body, &Condition::None).await.unwrap();
        }
        None => drop(store.delete(key, None).await),
    }
}

async fn copy_of(image: &Image) -> MemoryStore {
    let store = MemoryStore::new();
    for (key, object) in image {
        show(&store, key, Some(object)).await;
    }
    store
}

/// What happened in all schedules.
#[derive(Debug, Default)]
struct Count {
    reads: u64,
    refused: u64,
    forged: u64,
    replayed: u64,
    removals: u64,
    /// Changes of the team that were made while the storage lied.
    beset: u64,
    dropped: u64,
}

struct Run {
    dice: Dice,
    world: World,
    ann: Vault,
    /// The other admin.
    bob: Vault,
    /// True if bob saw everything that eve lost.
    bob_knows: bool,
    /// Eve, while she is a member, and with what.
    eve: Option<(Vault, Role)>,
    /// Eve as she was before she lost a right, on a storage of her own.
    turned: Option<(Vault, MemoryStore)>,
    /// Everything as it was at earlier times.
    past: Vec<Image>,
    /// True until the storage lied for the first time.
    honest: bool,
    /// The newest value that was acknowledged.
    newest: BTreeMap<&'static str, String>,
    /// The newest attempt that each device has read.
    seen: BTreeMap<(&'static str, &'static str), u64>,
    attempt: u64,
    eves: u8,
    what: String,
}

fn value(path: &str, attempt: u64, right: bool) -> String {
    format!("{path}#{attempt}#{}", if right { "right" } else { "FORGED" })
}

impl Run {
    async fn new(seed: u64) -> Self {
        let world = World::new().await;
        let ann = world.device("ann").await;
        add(&ann, "bob", BOB, Role::Admin, None).await;
        let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
        Self {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            world,
            ann,
            bob,
            bob_knows: true,
            eve: None,
            turned: None,
            past: Vec::new(),
            honest: true,
            newest: BTreeMap::new(),
            seen: BTreeMap::new(),
            attempt: 0,
            eves: 0,
            what: format!("schedule {seed}"),
        }
    }

    fn note(&mut self, step: &str) {
        self.what.push_str("; ");
        self.what.push_str(step);
    }

    /// A refusal is right where the storage lied, and nowhere else.
    fn refused(&self, kind: Kind) {
        assert!(!self.honest, "{}: refused ({kind:?}) by an honest storage", self.what);
        // What is hidden whole from somebody who knows nothing of it looks as if it was not there.
        let known =
            matches!(kind, Kind::Integrity | Kind::NotFound | Kind::Conflict | Kind::Denied);
        assert!(known, "{}: {kind:?}", self.what);
    }

    async fn write(&mut self, by: &'static str) {
        let path = self.dice.path();
        self.attempt += 1;
        let text = value(path, self.attempt, true);
        self.note(&format!("{by} writes {path}"));
        let done = match (&self.eve, by) {
            (Some((eve, Role::Write)), "eve") => put(eve, path, &text).await,
            (_, "eve") => return,
            (_, "bob") => put(&self.bob, path, &text).await,
            _ => put(&self.ann, path, &text).await,
        };
        match done {
            Ok(_) => {
                self.newest.insert(path, text);
                self.seen.insert((by, path), self.attempt);
            }
            Err(e) => self.refused(e.kind),
        }
    }

    async fn read(&mut self, device: &'static str, count: &mut Count) {
        let path = self.dice.path();
        self.note(&format!("{device} reads {path}"));
        count.reads += 1;
        let got = match device {
            "ann" => get(&self.ann, path).await,
            "bob" => get(&self.bob, path).await,
            "eve" => match &self.eve {
                Some((eve, _)) => get(eve, path).await,
                None => return,
            },
            _ => {
                // With the newest pin: without it, a new device can be shown the past
                // (`people::limits`).
                let (pin, store) = (self.ann.join().pin, Arc::new(self.world.store.clone()));
                match self.world.open_pin(&pin, store, "fresh", 1).await {
                    Ok(fresh) => get(&fresh, path).await,
                    Err(e) => Err(e.kind),
                }
            }
        };
        let text = match got {
            Ok(text) => text,
            Err(Kind::NotFound) if !self.newest.contains_key(path) => return,
            Err(kind) => {
                count.refused += 1;
                self.refused(kind);
                return;
            }
        };
        let mut parts = text.split('#');
        assert_eq!(parts.next(), Some(path), "{}: swapped: {text}", self.what);
        let attempt: u64 = parts.next().unwrap().parse().unwrap();
        if device == "eve" {
            // She believes what she likes, as long as the storage keeps the truth from her.
            return;
        }
        if device == "bob" && !self.bob_knows {
            // From whom the storage keeps that she lost it.
            return;
        }
        assert_eq!(parts.next(), Some("right"), "{}: forged: {text}", self.what);
        if self.honest {
            assert_eq!(Some(&text), self.newest.get(path), "{}", self.what);
        }
        let seen = self.seen.entry((device, path)).or_default();
        assert!(attempt >= *seen, "{}: rolled back to {attempt} from {seen}", self.what);
        *seen = attempt;
    }

    async fn eve_joins(&mut self) {
        if self.eve.is_some() || !self.honest {
            return;
        }
        self.eves += 1;
        let role = [Role::Read, Role::Write, Role::Write][self.dice.roll(3)];
        self.note(&format!("eve joins: {role:?}"));
        let seed = 100 + self.eves;
        add(&self.ann, &format!("eve{seed}"), seed, role, None).await;
        let store = Arc::new(self.world.store.clone());
        let eve = self.world.open(store, &format!("eve{seed}"), seed).await.unwrap();
        self.eve = Some((eve, role));
    }

    /// Eve is removed, or may only read from now on; she keeps a copy of everything before.
    async fn eve_loses(&mut self, count: &mut Count) {
        let Some((eve, role)) = self.eve.take() else { return };
        let seed = 100 + self.eves;
        let copy = copy_of(&image(&self.world.store).await).await;
        let name = format!("eve{seed}");
        let less = role == Role::Write && self.dice.roll(3) == 0;
        let lost = match less {
            true => {
                self.note("eve may only read");
                let grant = Grant { role: Role::Read, path: None };
                self.ann.set_role(&name, &grant).await
            }
            false => {
                self.note("eve is removed");
                self.ann.remove_members(&[&name]).await
            }
        };
        if let Err(e) = lost {
            self.refused(e.kind);
            self.eve = Some((eve, role));
            return;
        }
        count.removals += 1;
        count.beset += u64::from(!self.honest);
        self.bob_knows &= self.honest && self.bob.check_membership().await.is_ok();
        if role == Role::Write {
            // By herself, on what she had; unless that is a lie, too.
            let device = format!("turned{seed}");
            let turned = self.world.open(Arc::new(copy.clone()), &device, seed).await;
            self.turned = turned.ok().map(|turned| (turned, copy)).or(self.turned.take());
        }
        if less {
            self.eve = Some((eve, Role::Read));
        }
    }

    /// Ann drops what she is asked about.
    async fn drop_late(&mut self, count: &mut Count) {
        self.note("ann drops what came late");
        let found = match self.ann.look_again(None).await {
            Ok(found) => found,
            Err(e) => return self.refused(e.kind),
        };
        for late in &found.late {
            match self.ann.resolve_late(late, Late::Drop).await {
                Ok(done) => count.dropped += u64::from(done),
                Err(e) => self.refused(e.kind),
            }
        }
    }

    /// Eve goes on with the keys that she had, and the storage takes what she made.
    async fn eve_forges(&mut self, count: &mut Count) {
        let Some((turned, theirs)) = &self.turned else { return };
        let path = self.dice.path();
        self.attempt += 1;
        let before = image(theirs).await;
        if put(turned, path, &value(path, self.attempt, false)).await.is_err() {
            return;
        }
        count.forged += 1;
        let after = image(theirs).await;
        let made: Vec<_> = after.iter().filter(|(key, o)| before.get(*key) != Some(*o)).collect();
        let only = self.dice.roll(3);
        for (key, object) in made {
            if only == 0 && !key.starts_with("h/") || only == 1 && !key.starts_with("s/") {
                continue;
            }
            show(&self.world.store, key, Some(object)).await;
        }
        self.note(&format!("eve forges {path} ({only})"));
        self.honest = false;
    }

    /// The storage shows one object, or all of a kind, as it was, elsewhere, or not at all.
    async fn storage_lies(&mut self, count: &mut Count) {
        if self.past.is_empty() {
            return;
        }
        let at = self.dice.roll(self.past.len());
        let past = self.past[at].clone();
        let now = image(&self.world.store).await;
        let keys: Vec<&String> = now.keys().collect();
        let key = keys[self.dice.roll(keys.len())].clone();
        count.replayed += 1;
        match self.dice.roll(6) {
            0 => show(&self.world.store, &key, None).await,
            1 => {
                let other = keys[self.dice.roll(keys.len())];
                show(&self.world.store, &key, now.get(other)).await;
            }
            kind @ (2 | 3) => {
                let path = self.dice.path();
                for key in keys.iter().filter(|k| k[2..].starts_with(path)) {
                    if kind == 2 || key.starts_with("s/") {
                        show(&self.world.store, key, past.get(*key)).await;
                    }
                }
            }
            4 => {
                for key in &keys {
                    show(&self.world.store, key, past.get(*key)).await;
                }
            }
            _ => show(&self.world.store, &key, past.get(&key)).await,
        }
        self.note(&format!("the storage shows {key} as at {at}"));
        self.honest = false;
    }

    async fn step(&mut self, count: &mut Count) {
        if self.honest {
            self.past.push(image(&self.world.store).await);
        }
        match self.dice.roll(12) {
            0 => self.write("ann").await,
            1 => {
                let admin = ["ann", "bob"][self.dice.roll(2)];
                self.write(admin).await;
            }
            2 | 3 => self.write("eve").await,
            4 => self.read("ann", count).await,
            5 => {
                let device = ["eve", "fresh", "bob"][self.dice.roll(3)];
                self.read(device, count).await;
            }
            6 if !self.honest && self.dice.roll(2) == 0 => self.drop_late(count).await,
            6 => self.rotate(count).await,
            7 if self.dice.roll(3) == 0 => self.storage_lies(count).await,
            8..=10 if self.turned.is_some() => self.eve_forges(count).await,
            _ if self.eve.is_some() => self.eve_loses(count).await,
            _ => self.eve_joins().await,
        }
    }

    async fn rotate(&mut self, count: &mut Count) {
        let by_bob = self.dice.roll(3) == 0;
        self.note(if by_bob { "bob rotates" } else { "ann rotates" });
        let admin = if by_bob { &self.bob } else { &self.ann };
        match admin.rotate(None).await {
            Ok(_) => count.beset += u64::from(!self.honest),
            Err(e) => return self.refused(e.kind),
        }
        if self.dice.roll(2) == 0 {
            let what = Reseal { purge_history: self.dice.roll(2) == 0, ..Reseal::default() };
            let done = admin.reseal(&what, &mut |_, _| {}).await;
            let failed = match done {
                Ok(done) => done.failed.into_iter().map(|(_, e)| e.kind).next(),
                Err(e) => Some(e.kind),
            };
            failed.into_iter().for_each(|kind| self.refused(kind));
        }
    }
}

async fn schedules(from: u64) {
    let mut count = Count::default();
    for seed in from..from + SCHEDULES {
        let mut run = Run::new(seed).await;
        for _ in 0..STEPS {
            run.step(&mut count).await;
        }
        // Whatever happened: every device reads every path once more.
        for device in ["ann", "fresh", "bob"] {
            for _ in PATHS {
                run.read(device, &mut count).await;
            }
        }
    }
    eprintln!("schedules from {from}: {count:?}");
    let Count { refused, forged, replayed, removals, beset, dropped, .. } = count;
    let enough = [
        ("refused", refused),
        ("forged", forged),
        ("lies", replayed),
        ("removals", removals),
        ("changes while it lied", beset),
        ("dropped", 10 * dropped),
    ];
    for (what, n) in enough {
        assert!(n >= ENOUGH, "only {n} {what}: this shows nothing");
    }
    drop(identity(1));
}

#[tokio::test]
async fn schedules_1() {
    schedules(0).await;
}

#[tokio::test]
async fn schedules_2() {
    schedules(SCHEDULES).await;
}

#[tokio::test]
async fn schedules_3() {
    schedules(2 * SCHEDULES).await;
}

#[tokio::test]
async fn schedules_4() {
    schedules(3 * SCHEDULES).await;
}
