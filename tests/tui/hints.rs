//! What the vault says of commands, the UI says of its own keys.

use vault::tui::model::Problem;
use vault::vault::{Document, Error, Places, Secret, Vault};

use super::ui::Sample;
use crate::support::{World, path};

fn hint(error: &Error) -> String {
    let hint = Problem::from(error).hint.expect("there is a hint");
    assert!(!hint.contains("vault ") && !hint.contains("--"), "{hint}");
    hint
}

#[tokio::test]
async fn hints_name_keys() {
    let sample = Sample::new().await;
    let (vault, name) = (&sample.vault, path("acme/db/password"));
    sample.put("acme/mail", &[("value", "x")]).await;
    let error = vault.rename(&path("acme/mail"), &name).await.unwrap_err();
    assert_eq!(hint(&error), "choose another name, or delete that one first, with d");
    let error = vault.read(&name, Some(7)).await.err().unwrap();
    assert_eq!(hint(&error), "h lists its versions");
    let mut set =
        |document: &mut Document, seq| document.set("value", None, Secret::copy_of(b"late"), seq);
    let error = vault.put(&name, Some(1), &mut set).await.unwrap_err();
    assert_eq!(hint(&error), "nothing was written; h shows who changed it");
    vault.delete(&name, None).await.unwrap();
    let error = vault.read(&name, None).await.err().unwrap();
    assert_eq!(hint(&error), "h shows its versions; r on one of them brings it back");
    let error = vault.read(&path("zzz"), None).await.err().unwrap();
    assert_eq!(hint(&error), ". reads the names again");
    let nowhere = Places { state: "/nowhere".into(), cache: "/nowhere".into() };
    let error = Vault::check_ready("two words", &nowhere).unwrap_err();
    assert_eq!(hint(&error), "type another one");
    let error = vault::config::check_vault_name(".hidden").unwrap_err();
    assert_eq!(hint(&error), "choose a location whose last part is such a name");
}

/// A renaming that was overtaken leaves both.
#[tokio::test]
async fn a_hint_of_an_overtaken_renaming() {
    let error = Error::conflict("a was changed while it was copied to b")
        .hint("both are there now; compare them and remove one with `vault rm`");
    assert_eq!(hint(&error), "both are there now; compare them and delete one with d");
    let source = include_str!("../../src/vault/transfer.rs");
    assert!(source.contains(error.hint.as_deref().unwrap()), "the hint has other words now");
}

/// What no key does, a command does: these stay.
#[tokio::test]
async fn other_hints_stay() {
    let world = World::new().await;
    let vault = world.device("one").await;
    let says = "`vault verify --repair` tries again";
    let error = Error::general("not finished").hint(says);
    assert_eq!(Problem::from(&error).hint.as_deref(), Some(says));
    let error = vault.rename(&path("no"), &path("other")).await.unwrap_err();
    assert!(Problem::from(&error).hint.is_some());
}
