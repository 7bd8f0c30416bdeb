//! `vault git-credential`: git asks it for user names and passwords.

mod request;

use clap::Args;

use super::output;
use super::put::read_until;
use super::session::Session;
use crate::vault::{Error, Login, Prefix, Result, Secret, Vault, login_password};
use request::Request;

/// Keep git's user names and passwords in the vault
///
/// Git starts it by itself, with `get`, `store` or `erase`, and a description of what it wants on
/// standard input (gitcredentials(7)). What it finds is at git/HOST/USER, or git/HOST:PORT/USER: the
/// field `password`, or the one that `vault get` prints. Where git has credential.useHttpPath set
/// it is at git/HOST/PATH/USER, and nowhere else. Letters of a host are small; in users, what is no
/// letter, digit or one of - . _ + @ : is percent-encoded. Of several users, if git names none, it
/// is the one that was written last.
///
/// `get` answers nothing if there is nothing, so that git goes on to ask. `store` writes no new
/// version of what is the same, and nothing of passwords that expire or have a line break. `erase`, which git does when
/// a server has refused a password, deletes it only if it is still the one that was refused, and
/// nothing if git names none; `vault undelete` brings it back. With --read-only neither does
/// anything.
///
/// Only https is served, and http to this machine; --http adds http to others, where whoever is in
/// between reads the password. What is for http is at git/http+HOST/USER, and never answers https.
/// A .vault.toml is not read: the directory may be somebody else's.
#[derive(Args)]
#[command(after_help = "Examples:
  vault put git/github.com/ann < token
  git config --global credential.helper '!vault git-credential'
  git config --global credential.helper vault      with a link git-credential-vault to vault on PATH
  git config credential.helper '!vault --vault team git-credential --read-only'
  printf 'protocol=https\\nhost=github.com\\n\\n' | vault git-credential get")]
pub struct GitCredential {
    /// Folder in which the passwords are
    #[arg(long, value_name = "FOLDER", default_value = "git")]
    prefix: String,
    /// Serve http, not only https
    #[arg(long)]
    http: bool,
    /// Neither store nor erase anything
    #[arg(long)]
    read_only: bool,
    /// get, store or erase; anything else is left to other helpers
    action: String,
}

impl GitCredential {
    pub async fn run(self, session: &Session) -> Result<()> {
        let changes = match self.action.as_str() {
            "get" => false,
            "store" | "erase" => true,
            _ => return Ok(()),
        };
        // Also where nothing is done: whoever writes it is not to find a closed pipe.
        let request = Request::parse(&read_until(std::io::stdin().lock(), ends)?)?;
        if changes && self.read_only {
            return Ok(());
        }
        let Some(place) = request.place(&Prefix::parse(&self.prefix)?, self.http)? else {
            return Ok(());
        };
        let vault = session.vault().await?;
        let done = match self.action.as_str() {
            "get" => get(&vault, &place, &request).await,
            "store" => store(&vault, &place, &request).await,
            _ => erase(session, &vault, &place, &request).await,
        };
        session.warn(&vault);
        done
    }
}

/// True once the blank line is there that ends a request. Only what came last is looked at, and the
/// byte before it: the rest was looked at when it came.
fn ends(text: &[u8], new: usize) -> bool {
    let new = &text[new.saturating_sub(1)..];
    text.starts_with(b"\n") || new.windows(2).any(|two| two == b"\n\n")
}

/// The users that the request can mean.
async fn meant(vault: &Vault, place: &Prefix, request: &Request) -> Result<Vec<Login>> {
    let mut logins = vault.logins(place).await?;
    if let Some(user) = &request.username {
        logins.retain(|login| login.user == *user);
    }
    Ok(logins)
}

async fn get(vault: &Vault, place: &Prefix, request: &Request) -> Result<()> {
    let logins = meant(vault, place, request).await?;
    let Some(login) = vault.newest_login(logins).await? else { return Ok(()) };
    let Some(opened) = vault.read_if_there(&login.path).await? else { return Ok(()) };
    let password = login_password(&login.path, &opened)?;
    let mut answer = Secret::with_capacity(login.user.len() + password.len() + 32);
    for (key, value) in [("username", login.user.as_bytes()), ("password", password.bytes())] {
        // What follows a line break would be read as something else that we say.
        if has_break(value) {
            return Err(Error::usage(format!(
                "the {key} in {} has a line break, which git would take for its end",
                login.path
            ))
            .hint("nothing was answered; write the value again as one line"));
        }
        answer.extend(key.as_bytes());
        answer.push(b'=');
        answer.extend(value);
        answer.push(b'\n');
    }
    output::secret_text(&answer, None)
}

async fn store(vault: &Vault, place: &Prefix, request: &Request) -> Result<()> {
    let (Some(user), Some(password)) = (&request.username, &request.password) else {
        return Ok(());
    };
    if request.expires {
        return Ok(());
    }
    for (what, value) in [("user name", user.as_bytes()), ("password", password.bytes())] {
        if has_break(value) {
            // `get` would have to refuse it.
            output::note(&format!("note: the {what} has a line break, and is not kept"));
            return Ok(());
        }
    }
    vault.keep_login(place, user, password).await.map(drop)
}

/// True for what would be more than one line of an answer.
fn has_break(value: &[u8]) -> bool {
    value.iter().any(|byte| b"\n\r\0".contains(byte))
}

async fn erase(session: &Session, vault: &Vault, place: &Prefix, request: &Request) -> Result<()> {
    // Git sends the password that was refused. Whoever sends none has not said which is to go.
    let Some(password) = &request.password else { return Ok(()) };
    for login in meant(vault, place, request).await? {
        if vault.drop_login(&login, Some(password)).await?.is_some() {
            let (path, vault) = (login.path.quoted(), session.vault_flag());
            output::note(&format!(
                "{} was refused and is deleted. Undo: vault{vault} undelete {path}",
                login.path
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_at_the_first_blank_line_however_it_comes() {
        for (text, expected) in [
            ("a=b\nc=d\n\n", 9),
            ("\n", 1),
            ("\na=b\n", 1),
            ("a=b\n", usize::MAX),
            ("a=b\n\nc=d\n", 5),
            ("", usize::MAX),
        ] {
            for step in 1..=3 {
                let parts = text.as_bytes().chunks(step).scan(0, |len, part| {
                    let before = *len;
                    *len += part.len();
                    Some((before, *len))
                });
                let end = parts.clone().find(|(new, len)| ends(&text.as_bytes()[..*len], *new));
                let part = |at: usize| at.div_ceil(step).saturating_mul(step).min(text.len());
                let end = end.map_or(usize::MAX, |(_, len)| len);
                let expected = if expected == usize::MAX { expected } else { part(expected) };
                assert_eq!(end, expected, "{text:?} by {step}");
            }
        }
    }
}
