//! The use cases: what the commands and the terminal UI call. Ties keys, team and store
//! together; never prints, prompts or reads the environment.

mod access;
pub mod agent;
mod ahead;
mod capability;
mod chain;
mod context;
mod device;
mod diff;
pub mod doctor;
mod edit;
mod env_file;
pub mod error;
mod export;
mod fields;
mod files;
mod forms;
mod head;
mod history;
mod import;
mod init;
mod kept;
mod list;
mod login;
mod mask;
mod offline;
mod open;
mod read;
mod reference;
mod remove;
mod scan;
mod standing;
mod team;
mod template;
mod transfer;
mod variables;
mod verify;
mod versions;
mod wraps;
mod write;
mod writers;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::aws::LazyAws;
use crate::core::cipher::Hash;
use crate::core::path::SecretPath;
use crate::core::text::hex;
use crate::keys::holder::Holder;
use crate::store::Store;

use ahead::Ahead;
use chain::{Secrets, View};
use device::Memory;
// Not for callers: what is fuzzed of imports.
#[doc(hidden)]
pub use import::{open_nitor, parse_pass, split_envelope};
// Not for callers: the vectors of this device's files read and write through it.
#[doc(hidden)]
pub use device::{ChainRecord, Device, Mark};

pub use crate::aws::{AwsOptions, Sse};
pub use crate::core::document::{
    DEFAULT_FIELD, Document, Field, FieldType, MAX_PLAINTEXT, check_field_name,
};
pub use crate::core::error::{Error, Kind, Result};
pub use crate::core::generate;
pub use crate::core::header::{Header, Kind as ContentKind, Op as VersionOp};
pub use crate::core::json::{Charset, JsonError, Reader as JsonReader, write_string, write_value};
pub use crate::core::otp;
pub use crate::core::path::{Prefix, SecretPath as Path, escape, is_hidden};
pub use crate::core::secret::Secret;
pub use crate::core::text::b64_secret;
pub use crate::keys::age_file::AgeKeys;
pub use crate::keys::holder::Holder as IdentityHolder;
pub use crate::keys::identity::{
    Identity as DeviceIdentity, Keeper, LockedIdentity, MAX_FILE as MAX_IDENTITY, PublicIdentity,
    with_plugin as identity_with_plugin, with_ssh_key as identity_with_ssh_key,
};
pub use crate::keys::plugin::{Ask, AskOnce};
pub use crate::team::capability::Capability;
pub use crate::team::join::{Join, Pin};
pub use crate::team::ops::is_member_name;
pub use access::Folder;
pub use diff::{FieldDiff, diff};
pub use edit::{Edits, Rebased, Sheet};
pub use env_file::{
    Declared, MAX_ENV_FILE, is_variable_name, parse_env, parse_env_within, write_env,
};
pub use export::{Export, Format, write_json};
pub use fields::{choose as choose_field, no_field};
pub use history::Version;
pub use import::{
    BucketKeys, BucketKind, FileFormat, ForeignBucket, ForeignKey, Imported, ItemContent,
    MAX_IMPORT, Manner as ImportManner, Older, Outcome as ImportOutcome, Parsed,
    Plan as ImportPlan, Planned, SopsFile, SopsKeys, foreign_items, parse as parse_import,
    plan as plan_import, read_keepass, read_pass,
};
pub use init::Init;
pub use kept::Kept;
pub use list::{Deleted, Entry};
pub use login::{Login, login_password, segment, segment_text};
pub use mask::{MASK, Masked, Masks};
pub use offline::{Keeping, KeptSecret};
pub use open::{Location, Places, Storage};
pub use read::{Content, Opened};
pub use reference::{Reference, SCHEME, Value, otp_seed};
pub use remove::Purged;
pub use scan::{Scan, Traces};
pub use team::{
    Change, Changed, Device as MemberDevice, Exposed, Grant, Group, GroupChange, Late, LateWrite,
    LogEntry, Loss, LostVersion, Meanwhile, Member, Moved, Progress, Recovered, Reseal, Resealed,
    Role, Rotated, Unshown, Wrapping,
};
pub use template::{MAX_TEMPLATE, Template};
pub use variables::{Variable, is_dangerous_variable, variables};
pub use verify::{Finding, Report, Severity};
pub use write::Written;

/// How many requests are under way at once where one does not need the other's answer.
const PARALLEL: usize = 32;

/// An open vault.
pub struct Vault {
    store: Arc<dyn Store>,
    location: Location,
    region: String,
    aws: Arc<LazyAws>,
    single_writer: bool,
    id: Hash,
    identity: Option<Box<dyn Holder>>,
    device: Memory,
    view: RwLock<Arc<View>>,
    secrets: Mutex<Secrets>,
    warnings: Mutex<Vec<String>>,
    ahead: Ahead,
    capability: Option<Capability>,
    /// Notes that somebody at this device is about to give up.
    lost: Mutex<Vec<RangeInclusive<u64>>>,
    /// Set if nothing but this device is asked.
    offline: Option<Arc<offline::Offline>>,
    /// Paths that are to be kept on this device when they are read next, and are not yet.
    wanted: Mutex<HashSet<SecretPath>>,
}

impl Vault {
    /// What is odd but did not stop anything, since the last call. For people to read.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().expect("no panic holds this lock"))
    }

    /// The vault id in hex.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// The name of whoever holds this identity, if it is a member.
    pub fn member(&self) -> Option<String> {
        let view = self.view();
        let me = self.identity.as_ref()?.public().id();
        view.state.member_of(me).map(|(name, _)| name.to_owned())
    }

    /// The hint for somebody who lacks a right: `otherwise`, unless this identity was removed from
    /// the team, where asking for more is of no use.
    fn ask_for(&self, otherwise: impl Into<String>) -> String {
        let view = self.view();
        let me = self.identity.as_ref().map(|me| me.public().id());
        let removed = |me| view.state.member_of(me).is_none() && view.state.key(me).is_some();
        match me.is_some_and(removed) {
            true => {
                "this identity was removed from the team, and a removed key never returns: move \
                     its file away, `vault id new` makes another one, which an admin can add"
                    .to_owned()
            }
            false => otherwise.into(),
        }
    }

    /// Who acts.
    fn identity(&self) -> Result<&dyn Holder> {
        self.identity.as_deref().ok_or_else(|| {
            if self.capability.is_some() {
                return Error::denied("a capability only reads")
                    .hint("unset VAULT_CAPABILITY to act as a member");
            }
            Error::credentials("this takes an identity, and there is none on this device")
                .hint("`vault id new` makes one; VAULT_IDENTITY names another file")
        })
    }

    fn warn(&self, message: String) {
        let mut warnings = self.warnings.lock().expect("no panic holds this lock");
        if !warnings.contains(&message) {
            warnings.push(message);
        }
    }

    fn view(&self) -> Arc<View> {
        self.view.read().expect("no panic holds this lock").clone()
    }
}

/// The head of a path: the newest version's bytes under a name of its own.
fn head_key(path: &SecretPath) -> String {
    format!("s/{path}")
}

/// Where all versions of a path are.
fn history_prefix(path: &SecretPath) -> String {
    format!("h/{path}/.vault/")
}

/// One version of a path.
fn version_key(path: &SecretPath, n: u64) -> String {
    format!("h/{path}/.vault/{n:016}")
}

/// The number in the last segment of a version's key.
fn version_number(digits: &str) -> Option<u64> {
    let canonical = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit());
    if canonical { digits.parse().ok().filter(|&n| n > 0) } else { None }
}

/// An object that a note pins by its hash.
fn object_key(hash: &Hash) -> String {
    format!(".vault/obj/{}", hex(hash))
}

/// A note of the chain.
fn note_key(seq: u64) -> String {
    format!(".vault/team/{seq:016}")
}

/// Seconds since 1970; a clock before that counts as 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
