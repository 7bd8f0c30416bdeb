use std::path::{Path as FilePath, PathBuf};

use clap::Args;
use serde_json::json;

use super::output;
use super::rotation::{Follow, Reason};
use super::session::{Session, read_words, shown, words_only};
use crate::config::{VaultEntry, add_vault, name_of};
use crate::vault::{
    AwsOptions, DeviceIdentity, Error, Join, Location, Result, Storage, Vault, escape,
};

/// Become an admin again with the 24 recovery words, or replace the words
///
/// Makes the identity of this device an admin's. That is one note of the team, which everybody
/// sees from then on. Afterwards, replace the words: they have been used.
#[derive(Args)]
#[command(after_help = "Examples:
  vault id new && vault recover               asks for the words
  vault recover --join vault-join1AAAA…       on a new device
  vault recover --words-file words.txt --member ann
  vault recover --replace --reseal            an admin makes new words")]
pub struct Recover {
    /// Make new recovery words; the old ones open nothing that is written from then on
    #[arg(long, conflicts_with_all = ["join", "words_file", "member"])]
    replace: bool,
    /// The vault, on a device that does not know it yet
    #[arg(long, value_name = "JOIN")]
    join: Option<String>,
    /// Read the 24 words from this file
    #[arg(long, value_name = "FILE")]
    words_file: Option<PathBuf>,
    /// Your name in the team, new or known. Default: the login name
    #[arg(long)]
    member: Option<String>,
    /// Write new words to this new file instead of showing them
    // Also of those that rule --replace out: clap does not ask for it beside them.
    #[arg(long, value_name = "FILE", requires = "replace",
          conflicts_with_all = ["join", "words_file", "member"])]
    recovery_out: Option<PathBuf>,
    #[command(flatten)]
    follow: Follow,
}

impl Recover {
    pub async fn run(self, session: &Session) -> Result<()> {
        if self.replace {
            return self.make_new_words(session).await;
        }
        if self.follow.is_given() {
            return Err(Error::usage("nothing is sealed anew by a recovery")
                .hint("replace the words afterwards: vault recover --replace --reseal"));
        }
        let member = self.member.as_deref().or(session.settings.user.as_deref());
        let member = member.unwrap_or("owner").to_owned();
        let words = match &self.words_file {
            Some(file) => read_words(file)?,
            None => words_only(&session.prompt.words().await?),
        };
        let recovery = DeviceIdentity::from_words(&words)?;
        let (vault, new) = match &self.join {
            None => (session.vault().await?, None),
            Some(join) => {
                let (vault, entry, name) = open(session, join).await?;
                (vault, Some((entry, name)))
            }
        };
        if self.member.is_none() && vault.is_plain_member(&member).await? {
            return Err(Error::usage(format!("{member} is a member who is no admin")).hint(
                format!(
                    "--member {member} makes all of their devices an admin's; another name makes \
                     a new member"
                ),
            ));
        }
        let done = vault.recover(&recovery, &member).await;
        session.warn(&vault);
        done?;
        if let Some((entry, name)) = new {
            add_vault(&session.settings.config_file, &name, &entry)?;
        }
        let member = vault.member().unwrap_or(member);
        output::note(&format!("{member} is an admin now, and everybody in the team sees it."));
        output::note("Replace the words, since they were used: vault recover --replace");
        if session.json {
            return output::json(&json!({ "member": member, "vault": vault.id() }));
        }
        Ok(())
    }

    async fn make_new_words(&self, session: &Session) -> Result<()> {
        session.check_words(self.recovery_out.as_deref())?;
        self.follow.confirm(session, None).await?;
        let vault = session.vault().await?;
        vault.check_admin().await?;
        if let Some(file) = self.recovery_out.as_deref().filter(|file| file.exists()) {
            return Err(there_already(&vault, file).await);
        }
        let recovery = DeviceIdentity::random();
        session.hand_over(&recovery, self.recovery_out.as_deref()).await?;
        let changed = match vault.replace_recovery(&recovery).await {
            Ok(changed) => changed,
            Err(e) => {
                // Whatever failed: are these the words, or not?
                let are = vault.has_recovery(&recovery).await;
                if let (Ok(false), Some(file)) = (&are, &self.recovery_out) {
                    let _ = std::fs::remove_file(file);
                }
                output::note(match are {
                    Ok(true) => "The new words hold. What comes after them failed:",
                    Ok(false) => "The new words are worth nothing: the OLD words still hold.",
                    Err(_) => {
                        "Keep the old words and the new ones: `vault team log` will say whether \
                         there is a new recovery key."
                    }
                });
                return Err(e);
            }
        };
        if let Some(file) = &self.recovery_out {
            output::note(&format!("The new words are in {}.", shown(file)));
        }
        self.follow.finish(session, &vault, changed, Reason::Rotation(None)).await
    }
}

/// The file of words is there: of an earlier run that was done, or was cut off.
async fn there_already(vault: &Vault, file: &FilePath) -> Error {
    let words = read_words(file).and_then(|words| DeviceIdentity::from_words(&words));
    let holds = match words {
        Ok(recovery) => vault.has_recovery(&recovery).await.unwrap_or(false),
        Err(_) => false,
    };
    let file = shown(file);
    match holds {
        true => Error::conflict(format!("{file} is there already, and its words hold")).hint(
            "they were replaced before: `vault rotate --resume` does what that run left; to \
             replace them again, name another file",
        ),
        false => Error::conflict(format!(
            "{file} is there already, and has no words that hold in this vault"
        ))
        .hint(
            "if it is of an earlier run that was cut off, it is worth nothing: move it away and \
             run this again",
        ),
    }
}

/// The vault that a join string names, and its entry in the configuration.
async fn open(session: &Session, join: &str) -> Result<(Vault, VaultEntry, String)> {
    let join = Join::parse(join)?;
    let location = Location::parse(&join.location)?;
    let name = name_of(session.vault_name(), &location, true)?;
    if session.settings.vaults.contains_key(&name) {
        return Err(Error::conflict(format!("a vault {} is configured already", escape(&name)))
            .hint("leave --join out, or choose another name: --vault NAME"));
    }
    let region = Some(join.region.clone()).filter(|region| !region.is_empty());
    let options = AwsOptions { region, ..AwsOptions::default() };
    let identity = session.unlock().await?;
    let storage = Storage::open(location, options).await?;
    let places = &session.settings.places;
    let vault = Vault::open_in(storage, &join.pin, places, Some(identity)).await?;
    let entry = VaultEntry::new(join.location.clone(), join.encode(), AwsOptions::default());
    Ok((vault, entry, name))
}
