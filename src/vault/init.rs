//! Making a new vault.

use std::collections::BTreeSet;

use super::chain::View;
use super::device::Memory;
use super::open::{Location, Places, Storage};
use super::team::{ANOTHER_NAME, check_name};
use super::{Vault, note_key, now, object_key};
use crate::aws::LazyAws;
use crate::core::cipher::sha256;
use crate::core::error::{Error, Result};
use crate::core::header::GroupGen;
use crate::core::path::{Prefix, SecretPath};
use crate::core::random;
use crate::keys::identity::Identity;
use crate::keys::keyring::Keyring;
use crate::keys::kms::{self, KmsKeys};
use crate::store::{Condition, StoreError};
use crate::team::Note;
use crate::team::note::MAX_NOTE;
use crate::team::ops::{Op, Right, WrapChoice};
use crate::team::{State, rules};

/// What a new vault is made of.
pub struct Init<'a> {
    /// ARN of the KMS key that wraps its data keys, from [`Vault::check_kms`]; `None`: a key of
    /// the team's own does.
    pub kms: Option<&'a str>,
    /// Name of the first admin in the team.
    pub member: &'a str,
    /// The first admin.
    pub identity: Identity,
    /// The recovery identity; its words must be in safe hands before this is called.
    pub recovery: &'a Identity,
}

impl Vault {
    /// Fails early, before a person is shown recovery words, if there is a vault already.
    ///
    /// # Errors
    /// Conflict if there is one; whatever the storage says.
    pub async fn check_vacant(storage: &Storage) -> Result<()> {
        match storage.store.get(&note_key(0), MAX_NOTE as u64).await {
            Ok(_) | Err(StoreError::TooLarge { .. }) => Err(taken(&storage.location)),
            Err(StoreError::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Fails early if the first admin's name is not legal, or this device could not remember the
    /// vault.
    ///
    /// # Errors
    /// Usage, denied.
    pub fn check_ready(member: &str, places: &Places) -> Result<()> {
        check_name(member).map_err(|e| e.hint(ANOTHER_NAME))?;
        super::files::check_writable(&places.state)?;
        super::files::check_writable(&places.cache)
    }

    /// The ARN of a KMS key, after it has proved that it can wrap data keys.
    ///
    /// # Errors
    /// Usage for a key that cannot; not found; denied.
    pub async fn check_kms(storage: &Storage, key: &str) -> Result<String> {
        proved_kms(&storage.aws, key).await
    }

    /// Makes a vault. Note 0, written last and create-only, is the moment at which it exists.
    ///
    /// # Errors
    /// Conflict if there is one at this location already.
    pub async fn init(storage: Storage, init: Init<'_>, places: &Places) -> Result<Self> {
        let Init { kms, member, identity, recovery } = init;
        let wrap = match kms {
            Some(arn) => WrapChoice::Kms(arn.to_owned()),
            None => WrapChoice::Local,
        };
        let store = &*storage.store;
        check_name(member).map_err(|e| e.hint(ANOTHER_NAME))?;
        let me = identity.public();
        let keyring = Keyring::first("main");
        let sealed = keyring.seal(&[&me.recipient, &recovery.public().recipient])?;
        // A note names them in this order.
        let files: BTreeSet<_> = sealed.iter().map(|file| sha256(&[file])).collect();
        let ops = vec![
            Op::Genesis(random::array()),
            Op::MemberAdd(member.to_owned()),
            Op::KeyAdd { member: member.to_owned(), key: me.key, recipient: me.recipient.clone() },
            Op::Role { member: member.to_owned(), grant: true, right: Right::Admin },
            Op::RecoverySet {
                key: recovery.public().key,
                recipient: recovery.public().recipient.clone(),
            },
            Op::GroupSet { group: "main".to_owned(), wrap, prefixes: [Prefix::default()].into() },
            Op::Keyring {
                group: "main".to_owned(),
                generation: 1,
                files: files.into_iter().collect(),
            },
        ];
        let state = rules::after(&State::default(), &ops, 0)
            .map_err(|why| Error::general(format!("cannot make note 0: {why}")))?;
        let note =
            Note { vault: None, seq: 0, prev: [0; 32], time: now(), state: state.hash(), ops };
        let note = note.sign(identity.signing_seed(), &me.key);
        let text = state.to_string();
        for object in sealed.iter().map(Vec::as_slice).chain([text.as_bytes()]) {
            let key = object_key(&sha256(&[object]));
            store.put(&key, &vec![], object, &Condition::None).await?;
        }
        match store.put(&note_key(0), &vec![], &note, &Condition::Absent).await {
            Ok(_) => {}
            // Our own, by a request whose answer was lost, or somebody else's?
            Err(StoreError::Conflict { .. }) => {
                match store.get(&note_key(0), MAX_NOTE as u64).await {
                    Ok(object) if object.body == note => {}
                    Ok(_) | Err(StoreError::TooLarge { .. }) => {
                        return Err(taken(&storage.location));
                    }
                    Err(e) => return Err(e.into()),
                }
            }
            Err(e) => return Err(e.into()),
        }
        let id = sha256(&[&note]);
        let device = Memory::new(id, places, Some(&identity))?;
        let view = || View { first: 0, hashes: vec![id], state: state.clone() };
        let vault = Self::assemble(storage, id, Some(identity.into()), device, view());
        // The vault exists from here on: what this device cannot remember is no reason to fail.
        if let Err(e) = vault.adopt(view()) {
            vault.warn(format!("this device cannot remember the vault: {e}"));
        }
        Ok(vault)
    }
}

/// The ARN of a KMS key, after it has proved that it can wrap data keys.
pub(super) async fn proved_kms(aws: &LazyAws, key: &str) -> Result<String> {
    let aws = aws.get().await?;
    let arn = kms::resolve(aws, key).await?;
    let group = GroupGen { group: "main".to_owned(), generation: 1 };
    let path = SecretPath::parse("vault/init")?;
    KmsKeys::new(aws, &arn, [0; 32], group).prove(&path).await?;
    Ok(arn.to_string())
}

fn taken(location: &Location) -> Error {
    Error::conflict(format!("there is a vault at {location} already"))
        .hint("`vault join` opens it with a join string; `vault init LOCATION` makes another one elsewhere")
}
