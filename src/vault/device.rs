//! What this device remembers: how far it has seen the chain and each path (so that a storage
//! that goes back in time is noticed), and a cache of pinned objects.
//!
//! Marks are authenticated with a key of the identity, so that a restored or edited state
//! directory does not pass for what this device has seen. The cache is sealed: it would otherwise
//! show names of members on a stolen disk.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::files::{cannot, edited, entries, make_dir, read, replace};
use super::open::Places;
use crate::core::cipher::{self, Hash, NONCE, TAG, hmac, sha256};
use crate::core::error::Result;
use crate::core::header::{KeyId, SignedHeader};
use crate::core::path::SecretPath;
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::text::{b64url, b64url_decode, decimal, hex, hex_array, lps};
use crate::keys::holder::{DeviceFiles, Holder};
use crate::team::State;

/// The sealed name of a mark is padded to a multiple of this many bytes.
const NAME_STEP: usize = 64;
/// Longest sealed name in bytes: that of the longest path, with nonce and tag.
const MAX_NAME: usize = 512 + NONCE + TAG;
/// Additional data of a sealed name.
const MARK_NAME: &[u8] = b"vault/v1/mark-path";

/// The newest version of a path that this device has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Version number.
    pub n: u64,
    /// Record hash.
    pub record: Hash,
    /// Its author.
    pub by: KeyId,
    /// Seq of the newest `restored` note that was known when it was seen last, 0 for none: a
    /// consent that is older is none to its loss.
    pub restored: u64,
}

impl Mark {
    /// The mark of a version, seen under this state.
    pub fn of(signed: &SignedHeader, state: &State) -> Self {
        let restored = state.restored.keys().last().copied().unwrap_or(0);
        Self { n: signed.header.n, record: signed.record_hash, by: signed.header.by, restored }
    }

    /// True if both are of the same version.
    pub fn is(&self, other: &Self) -> bool {
        (self.n, self.record) == (other.n, other.record)
    }
}

/// How far this device has seen the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecord {
    /// Seq of the first note that it knows by hash.
    pub first: u64,
    /// Hashes of that note and all later ones.
    pub hashes: Vec<Hash>,
    /// Hash of the state after the last one.
    pub state: Hash,
}

/// What this device remembers of one vault: nothing, where there is no identity to keep it under.
pub(super) struct Memory(Option<Device>);

impl Memory {
    /// The files for `vault` below `places`; none without an identity.
    pub fn new(vault: Hash, places: &Places, identity: Option<&dyn Holder>) -> Result<Self> {
        let files = |identity| Device::new(vault, &places.state, &places.cache, identity);
        identity.map(files).transpose().map(Self)
    }

    /// [`Device::mark`]
    pub fn mark(&self, path: &SecretPath) -> Result<Option<Mark>> {
        self.0.as_ref().map_or(Ok(None), |device| device.mark(path))
    }

    /// [`Device::raise`]
    pub fn raise(&self, path: &SecretPath, mark: Mark, lower: bool) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.raise(path, mark, lower))
    }

    /// [`Device::forget`]
    pub fn forget(&self, path: &SecretPath) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.forget(path))
    }

    /// [`Device::check`]
    pub fn check(&self) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), Device::check)
    }

    /// [`Device::chain`]
    pub fn chain(&self) -> Result<Option<ChainRecord>> {
        self.0.as_ref().map_or(Ok(None), Device::chain)
    }

    /// [`Device::save_chain`]
    pub fn save_chain(&self, record: &ChainRecord) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.save_chain(record))
    }

    /// [`Device::replace_chain`]
    pub fn replace_chain(&self, record: &ChainRecord) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.replace_chain(record))
    }

    /// [`Device::marks`]
    pub fn marks(&self) -> Result<BTreeMap<SecretPath, Mark>> {
        self.0.as_ref().map_or(Ok(BTreeMap::new()), Device::marks)
    }

    /// [`Device::keep_marks`]
    pub fn keep_marks(&self, paths: &[&SecretPath]) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.keep_marks(paths))
    }

    /// [`Device::agreed`]
    pub fn agreed(&self) -> u64 {
        self.0.as_ref().map_or(0, Device::agreed)
    }

    /// [`Device::agree`]
    pub fn agree(&self, seq: u64) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.agree(seq))
    }

    /// [`Device::looked`]
    pub fn looked(&self) -> u64 {
        self.0.as_ref().map_or(0, Device::looked)
    }

    /// [`Device::look`]
    pub fn look(&self, seq: u64) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |device| device.look(seq))
    }

    /// [`Device::cached`]
    pub fn cached(&self, hash: &Hash) -> Option<Vec<u8>> {
        self.0.as_ref()?.cached(hash)
    }

    /// The files, if there are any.
    pub fn files(&self) -> Option<&Device> {
        self.0.as_ref()
    }

    /// [`Device::cache`]
    pub fn cache(&self, hash: &Hash, object: &[u8]) {
        if let Some(device) = &self.0 {
            device.cache(hash, object);
        }
    }
}

/// The files of one vault on this device.
pub struct Device {
    vault: Hash,
    state: PathBuf,
    cache: PathBuf,
    mark_key: Key,
    cache_key: Key,
}

impl Device {
    /// The device's files for `vault` below the two directories. Nothing is touched yet.
    ///
    /// # Errors
    /// If the keys of the identity are out of reach.
    pub fn new(vault: Hash, state: &Path, cache: &Path, identity: &dyn Holder) -> Result<Self> {
        // A directory for each identity: another one has seen other things, under other keys.
        let name = format!("{}-{}", hex(&vault[..16]), identity.public().id());
        Ok(Self {
            vault,
            state: state.join(&name),
            cache: cache.join(&name),
            mark_key: identity.key_of_files(DeviceFiles::Marks)?,
            cache_key: identity.key_of_files(DeviceFiles::Cache)?,
        })
    }

    pub(super) fn vault(&self) -> &Hash {
        &self.vault
    }

    pub(super) fn cache_dir(&self) -> &Path {
        &self.cache
    }

    pub(super) fn cache_key(&self) -> &Key {
        &self.cache_key
    }

    /// The mark of a path, if there is one.
    ///
    /// # Errors
    /// [`Kind::Integrity`](crate::core::error::Kind::Integrity) if it was edited.
    pub fn mark(&self, path: &SecretPath) -> Result<Option<Mark>> {
        let file = self.mark_file(path);
        let Some(bytes) = read(&file)? else { return Ok(None) };
        let mark = std::str::from_utf8(&bytes).ok().and_then(|text| self.parse_mark(path, text));
        mark.map(Some).ok_or_else(|| edited(&file))
    }

    /// Remembers a version. Unless `lower`, an older one than what is remembered changes nothing.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn raise(&self, path: &SecretPath, mark: Mark, lower: bool) -> Result<()> {
        if self.mark(path)? == Some(mark) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let newer = |known: Mark| match known.is(&mark) {
            true => known.restored >= mark.restored,
            false => known.n >= mark.n,
        };
        if !lower && self.mark(path)?.is_some_and(newer) {
            return Ok(());
        }
        let Mark { n, record, by, restored } = mark;
        let mac = self.mark_mac(path, &mark);
        let (record, name) = (hex(&record), b64url(&self.seal_name(path)));
        let text =
            format!("vault-mark/v2 {n} {record} {by} {restored} {name} {}\n", hex(mac.bytes()));
        replace(&self.mark_file(path), text.as_bytes())
    }

    /// Forgets the mark of a path.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn forget(&self, path: &SecretPath) -> Result<()> {
        let _lock = self.lock()?;
        let file = self.mark_file(path);
        match fs::remove_file(&file) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(cannot("remove", &file, e)),
            _ => Ok(()),
        }
    }

    /// Checks that marks can be written.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn check(&self) -> Result<()> {
        self.lock().map(drop)
    }

    /// How far this device has seen the chain.
    ///
    /// # Errors
    /// [`Kind::Integrity`](crate::core::error::Kind::Integrity) if the file was edited.
    pub fn chain(&self) -> Result<Option<ChainRecord>> {
        let file = self.state.join("chain");
        let Some(bytes) = read(&file)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).ok();
        text.and_then(|t| self.parse_chain(t)).map(Some).ok_or_else(|| edited(&file))
    }

    /// Remembers the chain, unless a longer one is remembered.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn save_chain(&self, record: &ChainRecord) -> Result<()> {
        let end = |r: &ChainRecord| r.first + r.hashes.len() as u64;
        let _lock = self.lock()?;
        if self.chain()?.is_some_and(|known| end(&known) >= end(record)) {
            return Ok(());
        }
        self.write_chain(record)
    }

    /// Remembers the chain, whatever is remembered: only after a person agreed.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn replace_chain(&self, record: &ChainRecord) -> Result<()> {
        let _lock = self.lock()?;
        self.write_chain(record)
    }

    /// All marks.
    ///
    /// # Errors
    /// If the state directory cannot be read; [`Kind::Integrity`](crate::core::error::Kind) if one
    /// was edited.
    pub fn marks(&self) -> Result<BTreeMap<SecretPath, Mark>> {
        let mut marks = BTreeMap::new();
        for dir in entries(&self.state.join("marks"))? {
            for file in entries(&dir)? {
                // Removed meanwhile by somebody who agreed to forget it.
                let Some(bytes) = read(&file)? else { continue };
                let text = std::str::from_utf8(&bytes).ok();
                let path = text.and_then(|text| self.open_name(text.split(' ').nth(5)?));
                let path = path.filter(|path| self.mark_file(path) == file);
                let mark = path.and_then(|path| Some((self.parse_mark(&path, text?)?, path)));
                let (mark, path) = mark.ok_or_else(|| edited(&file))?;
                marks.insert(path, mark);
            }
        }
        Ok(marks)
    }

    /// Forgets all marks but those of `paths`: only after a person agreed.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn keep_marks(&self, paths: &[&SecretPath]) -> Result<()> {
        let keep: HashSet<PathBuf> = paths.iter().map(|path| self.mark_file(path)).collect();
        let _lock = self.lock()?;
        for dir in entries(&self.state.join("marks"))? {
            for file in entries(&dir)?.into_iter().filter(|file| !keep.contains(file)) {
                fs::remove_file(&file).map_err(|e| cannot("remove", &file, e))?;
            }
        }
        Ok(())
    }

    /// Seq of the newest note about a backup that a person agreed to here.
    pub fn agreed(&self) -> u64 {
        let text = fs::read_to_string(self.state.join("agreed")).unwrap_or_default();
        decimal(text.trim_end()).unwrap_or(0)
    }

    /// Remembers [`Self::agreed`]. Whoever edits it makes a person be asked once more, or once
    /// less about a note that an admin signed.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn agree(&self, seq: u64) -> Result<()> {
        replace(&self.state.join("agreed"), format!("{seq}\n").as_bytes())
    }

    /// Seq of the newest note by the recovery key that a person was told of here.
    pub fn looked(&self) -> u64 {
        let text = fs::read_to_string(self.state.join("looked")).unwrap_or_default();
        decimal(text.trim_end()).unwrap_or(0)
    }

    /// Remembers [`Self::looked`]. Whoever edits it makes a person be told once more, or once less
    /// about a note that the team log shows all the same.
    ///
    /// # Errors
    /// If the state directory cannot be written.
    pub fn look(&self, seq: u64) -> Result<()> {
        replace(&self.state.join("looked"), format!("{seq}\n").as_bytes())
    }

    fn write_chain(&self, record: &ChainRecord) -> Result<()> {
        let mut text =
            format!("vault-chain/v1\nfirst {}\nstate {}\n", record.first, hex(&record.state));
        for hash in &record.hashes {
            text.push_str(&hex(hash));
            text.push('\n');
        }
        let mac = self.chain_mac(&text);
        text.push_str(&format!("mac {}\n", hex(mac.bytes())));
        replace(&self.state.join("chain"), text.as_bytes())
    }

    /// An object by its hash, if it is cached and whole. A damaged cache is an empty one.
    pub fn cached(&self, hash: &Hash) -> Option<Vec<u8>> {
        let bytes = read(&self.cache_file(hash)).ok()??;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let object = cipher::open(&self.cache_key, nonce, hash, sealed.to_vec())?.into_public();
        (sha256(&[&object]) == *hash).then_some(object)
    }

    /// Caches an object; a cache that cannot be written is no error.
    pub fn cache(&self, hash: &Hash, object: &[u8]) {
        let nonce = random::array::<NONCE>();
        let sealed = cipher::seal(&self.cache_key, &nonce, hash, Secret::copy_of(object));
        let _ = replace(&self.cache_file(hash), &[&nonce[..], &sealed].concat());
    }

    fn parse_mark(&self, path: &SecretPath, text: &str) -> Option<Mark> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        if words.next()? != "vault-mark/v2" {
            return None;
        }
        let mark = Mark {
            n: decimal(words.next()?)?,
            record: hex_array(words.next()?)?,
            by: KeyId(hex_array(words.next()?)?),
            restored: decimal(words.next()?)?,
        };
        if self.open_name(words.next()?)? != *path {
            return None;
        }
        let mac: Hash = hex_array(words.next()?)?;
        let good = cipher::equal(&mac, self.mark_mac(path, &mark).bytes());
        (good && words.next().is_none()).then_some(mark)
    }

    fn parse_chain(&self, text: &str) -> Option<ChainRecord> {
        let body = text.get(..text.len().checked_sub(4 + 64 + 1)?)?;
        let mac: Hash = hex_array(text[body.len()..].strip_prefix("mac ")?.strip_suffix('\n')?)?;
        if !cipher::equal(&mac, self.chain_mac(body).bytes()) {
            return None;
        }
        let mut lines = body.strip_suffix('\n')?.split('\n');
        if lines.next()? != "vault-chain/v1" {
            return None;
        }
        let first = decimal(lines.next()?.strip_prefix("first ")?)?;
        let state = hex_array(lines.next()?.strip_prefix("state ")?)?;
        let hashes = lines.map(hex_array).collect::<Option<Vec<Hash>>>()?;
        (!hashes.is_empty()).then_some(ChainRecord { first, hashes, state })
    }

    fn mark_mac(&self, path: &SecretPath, mark: &Mark) -> Key {
        let named = lps(&[&self.vault, path.as_str().as_bytes()]);
        hmac(
            self.mark_key.bytes(),
            &[
                b"vault/v1/mark",
                &named,
                &mark.n.to_be_bytes(),
                &mark.record,
                &mark.by.0,
                &mark.restored.to_be_bytes(),
            ],
        )
    }

    fn chain_mac(&self, text: &str) -> Key {
        hmac(self.mark_key.bytes(), &[b"vault/v1/chain", &lps(&[&self.vault]), text.as_bytes()])
    }

    /// The name of a path as its mark has it: padded, so that its length does not give it away.
    fn seal_name(&self, path: &SecretPath) -> Vec<u8> {
        let (nonce, name) = (random::array::<NONCE>(), path.as_str().as_bytes());
        let mut padded = name.to_vec();
        padded.resize(name.len().next_multiple_of(NAME_STEP), 0);
        let sealed = cipher::seal(&self.cache_key, &nonce, MARK_NAME, Secret::copy_of(&padded));
        [&nonce[..], &sealed].concat()
    }

    fn open_name(&self, sealed: &str) -> Option<SecretPath> {
        let sealed = b64url_decode(sealed, MAX_NAME)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let name = cipher::open(&self.cache_key, nonce, MARK_NAME, sealed.to_vec())?.into_public();
        let end = name.iter().rposition(|b| *b != 0)? + 1;
        SecretPath::parse(std::str::from_utf8(&name[..end]).ok()?).ok()
    }

    /// Named by a MAC, so that the state directory does not list the names of secrets.
    fn mark_file(&self, path: &SecretPath) -> PathBuf {
        let named = lps(&[&self.vault, path.as_str().as_bytes()]);
        let name = hex(hmac(self.mark_key.bytes(), &[b"vault/v1/mark-name", &named]).bytes());
        self.state.join("marks").join(&name[..2]).join(&name[2..])
    }

    fn cache_file(&self, hash: &Hash) -> PathBuf {
        let name = hmac(self.cache_key.bytes(), &[b"vault/v1/cache-name", hash]);
        self.cache.join("obj").join(hex(name.bytes()))
    }

    /// Held while a mark is compared, and raised or acted on; released when the file is closed.
    pub(super) fn lock(&self) -> Result<File> {
        make_dir(&self.state)?;
        let path = self.state.join("lock");
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|e| cannot("open", &path, e))?;
        file.lock().map_err(|e| cannot("lock", &path, e))?;
        Ok(file)
    }
}
