//! Commands of the library for tests in which requests fail, and what they must leave.

use vault::vault::{Error, Kind, Vault};

use super::{get, path, put};

/// A command whose requests fail.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    Get,
    PutNew,
    Put,
    Delete,
    Undelete,
    Rollback,
    MoveTo,
    CopyTo,
    Purge,
}

use Command::{CopyTo, Delete, Get, MoveTo, Purge, Put, PutNew, Rollback, Undelete};

impl Command {
    /// Writes what it works on.
    pub async fn prepare(self, vault: &Vault) {
        put(vault, "other", "other").await.unwrap();
        if matches!(self, PutNew) {
            return;
        }
        put(vault, "a", "1").await.unwrap();
        put(vault, "a", "2").await.unwrap();
        if matches!(self, Undelete) {
            vault.delete(&path("a"), None).await.unwrap();
        }
    }

    pub async fn run(self, vault: &Vault) -> Result<(), Error> {
        let (a, b) = (path("a"), path("b"));
        match self {
            Get => vault.read(&a, None).await.map(drop),
            PutNew | Put => put(vault, "a", "new").await.map(drop),
            Delete => vault.delete(&a, None).await.map(drop),
            Undelete => vault.undelete(&a).await.map(drop),
            Rollback => vault.rollback(&a, 1).await.map(drop),
            MoveTo => vault.rename(&a, &b).await.map(drop),
            CopyTo => vault.copy(&a, &b).await.map(drop),
            Purge => vault.purge(&a).await.map(drop),
        }
    }

    /// Runs it again where it may have happened already, which it then says.
    pub async fn run_again(self, vault: &Vault, what: &str) {
        let Err(error) = self.run(vault).await else { return };
        let done = matches!(
            (self, error.kind),
            (Delete | MoveTo, Kind::NotFound) | (Undelete, Kind::Conflict)
        );
        assert!(done, "{what}: again: {error}");
    }

    /// The values of `a` and `b` before and after; `None`: there is no such secret.
    pub fn values(self) -> [[Option<&'static str>; 2]; 2] {
        match self {
            Get => [[Some("2"), None], [Some("2"), None]],
            PutNew => [[None, None], [Some("new"), None]],
            Put => [[Some("2"), None], [Some("new"), None]],
            Delete | Purge => [[Some("2"), None], [None, None]],
            Undelete => [[None, None], [Some("2"), None]],
            Rollback => [[Some("2"), None], [Some("1"), None]],
            MoveTo => [[Some("2"), None], [None, Some("2")]],
            CopyTo => [[Some("2"), None], [Some("2"), Some("2")]],
        }
    }
}

/// The value of a name; `None`: there is no such secret.
pub async fn value(vault: &Vault, name: &str) -> Option<String> {
    match get(vault, name).await {
        Ok(value) => Some(value),
        Err(Kind::NotFound) => None,
        Err(kind) => panic!("{name}: {kind:?}"),
    }
}
