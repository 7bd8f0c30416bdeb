//! What several folders of tests share: a vault in memory with several devices, and team notes.

pub mod commands;
pub mod doubles;
pub mod faulty;
pub mod plugins;
pub mod servers;
pub mod team;

use std::path::PathBuf;
use std::sync::Arc;

use vault::core::secret::{Key, Secret};
use vault::store::{MemoryStore, Store};
use vault::vault::{
    AwsOptions, Content, DeviceIdentity, Error, Grant, Init, Kind, Location, Opened, Path, Pin,
    Places, Prefix, Role, Storage, Vault,
};

/// Seed of the first admin.
pub const ANN: u8 = 1;
/// Seed of the recovery key.
pub const RECOVERY: u8 = 200;

/// The identity with a given seed.
pub fn identity(seed: u8) -> DeviceIdentity {
    DeviceIdentity::from_seed(Key::new([seed; 32]))
}

/// A vault in memory and the devices that use it.
pub struct World {
    pub store: MemoryStore,
    pub pin: Pin,
    dir: tempfile::TempDir,
}

impl World {
    /// A new vault whose admin is `ann`, made on a device that is not used again.
    pub async fn new() -> Self {
        let (store, dir) = (MemoryStore::new(), scratch());
        let recovery = identity(RECOVERY);
        let init = Init { kms: None, member: "ann", identity: identity(ANN), recovery: &recovery };
        let places = places(dir.path().join("init"));
        let made = Vault::init(storage(Arc::new(store.clone())), init, &places).await.unwrap();
        Self { store, pin: made.join().pin, dir }
    }

    /// Ann on a device, which remembers what it has seen under this name.
    pub async fn device(&self, name: &str) -> Vault {
        self.open(Arc::new(self.store.clone()), name, ANN).await.unwrap()
    }

    /// Ann on a device that sees another store.
    pub async fn device_on(&self, store: &Arc<impl Store + 'static>, name: &str) -> Vault {
        self.open(store.clone(), name, ANN).await.unwrap()
    }

    /// Somebody on a device.
    pub async fn open(&self, store: Arc<dyn Store>, name: &str, seed: u8) -> Result<Vault, Error> {
        self.open_pin(&self.pin, store, name, seed).await
    }

    /// Somebody on a device that was given another pin.
    pub async fn open_pin(
        &self,
        pin: &Pin,
        store: Arc<dyn Store>,
        name: &str,
        seed: u8,
    ) -> Result<Vault, Error> {
        let places = places(self.dir.path().join(name));
        Vault::open_in(storage(store), pin, &places, Some(identity(seed))).await
    }
}

/// A directory for what devices remember, in memory if there is such a file system.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn storage(store: Arc<dyn Store>) -> Storage {
    Storage::of(store, Location::Dir("/memory".into()), AwsOptions::default())
}

fn places(dir: PathBuf) -> Places {
    Places { state: dir.join("state"), cache: dir.join("cache") }
}

pub fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// Writes a raw value; answers its version.
pub async fn put(vault: &Vault, name: &str, value: &str) -> Result<u64, Error> {
    let value = Secret::copy_of(value.as_bytes());
    vault.put_raw(&path(name), None, &value).await.map(|written| written.n)
}

/// Reads a raw value.
pub async fn get(vault: &Vault, name: &str) -> Result<String, Kind> {
    vault.read(&path(name), None).await.map(text).map_err(|e| e.kind)
}

/// Reads an older raw value.
pub async fn get_at(vault: &Vault, name: &str, n: u64) -> Result<String, Kind> {
    vault.read(&path(name), Some(n)).await.map(text).map_err(|e| e.kind)
}

/// The text of a raw value.
pub fn text(opened: Opened) -> String {
    match opened.content {
        Content::Raw(value) => value.text().unwrap().to_owned(),
        Content::Doc(_) => panic!("a document, not a raw value"),
    }
}

/// The key of a version and of a head.
pub fn h(name: &str, n: u64) -> String {
    format!("h/{name}/.vault/{n:016}")
}

pub fn s(name: &str) -> String {
    format!("s/{name}")
}

/// Adds a member with one device, and what they may do.
pub async fn add(vault: &Vault, name: &str, seed: u8, role: Role, folder: Option<&str>) {
    let folder = folder.map(|folder| Prefix::parse(folder).unwrap());
    let grant = Grant { role, path: folder };
    vault.add_member(name, identity(seed).public(), Some(&grant)).await.unwrap();
}
