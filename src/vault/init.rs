//! Making a new vault.

use std::sync::Arc;

use super::chain::View;
use super::open::{Location, Places};
use super::{Device, Vault, note_key, now, object_key};
use crate::core::cipher::sha256;
use crate::core::error::{Error, Result};
use crate::core::path::Prefix;
use crate::core::random;
use crate::keys::identity::Identity;
use crate::keys::keyring::Keyring;
use crate::store::{Condition, DirStore, Store, StoreError};
use crate::team::Note;
use crate::team::ops::{Op, Right, WrapChoice, is_member_name};
use crate::team::{State, rules};

/// What a new vault is made of.
pub struct Init<'a> {
    /// Where it goes.
    pub location: Location,
    /// Name of the first admin in the team.
    pub member: &'a str,
    /// The first admin.
    pub identity: Identity,
    /// The recovery identity; its words must be in safe hands before this is called.
    pub recovery: &'a Identity,
}

impl Vault {
    /// Makes the directory, and fails early, before a person is shown recovery words, if that
    /// cannot be or there is a vault already.
    ///
    /// # Errors
    /// Conflict if there is one; usage if the directory holds other things.
    pub async fn check_vacant(location: &Location) -> Result<()> {
        let Location::Dir(path) = location;
        match DirStore::create(path)?.head(&note_key(0)).await {
            Ok(_) => Err(taken(location)),
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
        check_name(member)?;
        super::device::check_writable(&places.state)?;
        super::device::check_writable(&places.cache)
    }

    /// Makes a vault. Note 0, written last and create-only, is the moment at which it exists.
    ///
    /// # Errors
    /// Conflict if there is one at this location already.
    pub async fn init(init: Init<'_>, places: &Places) -> Result<Self> {
        check_name(init.member)?;
        let store: Arc<dyn Store> = match &init.location {
            Location::Dir(path) => Arc::new(DirStore::create(path)?),
        };
        Self::init_on(store, init, places).await
    }

    /// [`Self::init`] on a store that is already open.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub async fn init_on(store: Arc<dyn Store>, init: Init<'_>, places: &Places) -> Result<Self> {
        let Init { location, member, identity, recovery } = init;
        check_name(member)?;
        let me = identity.public();
        let keyring = Keyring::first("main");
        let file = keyring.seal(&[&me.recipient, &recovery.public().recipient])?;
        let ops = vec![
            Op::Genesis(random::array()),
            Op::MemberAdd(member.to_owned()),
            Op::KeyAdd { member: member.to_owned(), key: me.key, recipient: me.recipient.clone() },
            Op::Role { member: member.to_owned(), grant: true, right: Right::Admin },
            Op::RecoverySet {
                key: recovery.public().key,
                recipient: recovery.public().recipient.clone(),
            },
            Op::GroupSet {
                group: "main".to_owned(),
                wrap: WrapChoice::Local,
                prefixes: [Prefix::default()].into(),
            },
            Op::Keyring { group: "main".to_owned(), generation: 1, files: vec![sha256(&[&file])] },
        ];
        let state = rules::after(&State::default(), &ops, 0)
            .map_err(|why| Error::general(format!("cannot make note 0: {why}")))?;
        let note =
            Note { vault: None, seq: 0, prev: [0; 32], time: now(), state: state.hash(), ops };
        let note = note.sign(identity.signing_seed(), &me.key);
        let text = state.to_string();
        for object in [&file[..], text.as_bytes()] {
            let key = object_key(&sha256(&[object]));
            store.put(&key, &vec![], object, &Condition::None).await?;
        }
        match store.put(&note_key(0), &vec![], &note, &Condition::Absent).await {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => return Err(taken(&location)),
            Err(e) => return Err(e.into()),
        }
        let id = sha256(&[&note]);
        let device = Device::new(id, &places.state, &places.cache, &identity);
        let view = || View { first: 0, hashes: vec![id], state: state.clone() };
        let vault = Self::assemble(store, location, "", id, identity, device, view());
        // The vault exists from here on: what this device cannot remember is no reason to fail.
        if let Err(e) = vault.adopt(view()) {
            vault.warn(format!("this device cannot remember the vault: {e}"));
        }
        Ok(vault)
    }
}

fn check_name(member: &str) -> Result<()> {
    if is_member_name(member) {
        return Ok(());
    }
    Err(Error::usage("not a name for a member: 1 to 64 of A-Z a-z 0-9 . _ @ + -")
        .hint("--member NAME gives another one"))
}

fn taken(location: &Location) -> Error {
    Error::conflict(format!("there is a vault at {location} already"))
        .hint("`vault join` opens it with a join string; `vault init DIRECTORY` makes another one")
}
