//! `vault docker-credential`: docker asks it for user names and passwords of registries.

use std::collections::BTreeMap;

use clap::Args;

use super::exit::Exit;
use super::output;
use super::put::{read_all, read_until};
use super::report;
use super::session::Session;
use crate::vault::{
    Charset, Error, JsonError, JsonReader, Kind, Login, Path, Prefix, Result, Secret, Vault,
    escape, login_password, segment, segment_text, write_string,
};

/// What docker looks for in an answer, word by word.
const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_SERVER: &str = "no credentials server URL";
const NO_USER: &str = "no credentials username";

/// Keep docker's user names and passwords in the vault
///
/// Docker starts it by itself, by the name docker-credential-vault, with `get`, `store`, `erase`,
/// `list` or `version`. What `docker login` is told is at docker/SERVER/USER: the field `password`, or
/// the one that `vault get` prints. SERVER is the address as docker has it, such as ghcr.io or
/// https:%2F%2Findex.docker.io%2Fv1%2F: what is no letter, digit or one of - . _ + @ : is
/// percent-encoded. So `list` reads names only, and names the user that `get` would give: of several,
/// the one that was written last.
///
/// There is one user for a server: `store` of another one deletes those before. It writes no new
/// version of what is the same. `vault undelete` brings back what that, or `docker logout`, deletes,
/// and is said on standard error. With --read-only neither does anything. As docker
/// wants it, the message of an error is on standard output, too; 1 is the exit code of what is not
/// there. A .vault.toml is not read.
#[derive(Args)]
#[command(after_help = "Examples:
  vault put docker/ghcr.io/ann < token
  ln -s \"$(command -v vault)\" ~/.local/bin/docker-credential-vault
  echo '{\"credsStore\": \"vault\"}' > ~/.docker/config.json
  docker login ghcr.io
  echo ghcr.io | vault docker-credential get")]
pub struct DockerCredential {
    /// Folder in which the passwords are
    #[arg(long, value_name = "FOLDER", default_value = "docker")]
    prefix: String,
    /// Neither store nor erase anything
    #[arg(long)]
    read_only: bool,
    /// get, store, erase, list or version
    action: String,
}

impl DockerCredential {
    pub async fn run(self, session: &Session) -> Exit {
        let Err(error) = self.answer(session).await else { return Exit::Ok };
        let known = [NOT_FOUND, NO_SERVER, NO_USER];
        // There is nothing else that could be told docker, or that could be done about it.
        let _ = output::line(&escape(&error.message));
        match known.contains(&error.message.as_str()) {
            true => Exit::General,
            false => report(&error, session.json),
        }
    }

    async fn answer(&self, session: &Session) -> Result<()> {
        let folder = Prefix::parse(&self.prefix)?;
        match self.action.as_str() {
            "get" => get(session, &folder, &server()?).await,
            "store" => match Given::read()? {
                _ if self.read_only => Ok(()),
                given => store(session, &folder, &given).await,
            },
            "erase" => match server()? {
                _ if self.read_only => Ok(()),
                server => erase(session, &folder, &server).await,
            },
            "list" => list(session, &folder).await,
            "version" => output::line(&format!(
                "docker-credential-vault (vault) {}",
                env!("CARGO_PKG_VERSION")
            )),
            other => Err(Error::usage(format!("Unknown credential action `{}`", escape(other)))),
        }
    }
}

/// The address that docker writes on our standard input.
fn server() -> Result<String> {
    let text = read_until(std::io::stdin().lock(), |text, new| text[new..].contains(&b'\n'))?;
    let text = text.text().ok_or_else(|| Error::usage("the server's address is not UTF-8"))?;
    match text.trim() {
        "" => Err(Error::usage(NO_SERVER)),
        server => Ok(server.to_owned()),
    }
}

fn place(folder: &Prefix, server: &str) -> Result<Prefix> {
    match folder.as_str() {
        "" => Prefix::parse(&segment(server)),
        folder => Prefix::parse(&format!("{folder}/{}", segment(server))),
    }
}

async fn get(session: &Session, folder: &Prefix, server: &str) -> Result<()> {
    let vault = session.vault().await?;
    let found = find(&vault, &place(folder, server)?, server).await;
    session.warn(&vault);
    output::secret_text(&found?, None)
}

async fn find(vault: &Vault, place: &Prefix, server: &str) -> Result<Secret> {
    let none = || Error::not_found(NOT_FOUND);
    let logins = vault.logins(place).await?;
    let login = vault.newest_login(logins).await?.ok_or_else(none)?;
    let opened = vault.read_if_there(&login.path).await?.ok_or_else(none)?;
    let password = login_password(&login.path, &opened)?;
    let password = password
        .text()
        .ok_or_else(|| Error::usage(format!("the password in {} is not text", login.path)))?;
    let mut answer = Secret::with_capacity(server.len() + password.len() * 6 + 256);
    for (name, text) in [("{\"ServerURL\":", server), (",\"Username\":", &login.user)] {
        answer.extend(name.as_bytes());
        write_string(&mut answer, text, Charset::Utf8);
    }
    answer.extend(b",\"Secret\":");
    write_string(&mut answer, password, Charset::Utf8);
    answer.extend(b"}\n");
    Ok(answer)
}

async fn store(session: &Session, folder: &Prefix, given: &Given) -> Result<()> {
    let vault = session.vault().await?;
    let place = place(folder, &given.server)?;
    let stored = replace(session, &vault, &place, given).await;
    session.warn(&vault);
    stored
}

/// The new one is there before the old ones go.
async fn replace(session: &Session, vault: &Vault, place: &Prefix, given: &Given) -> Result<()> {
    let before = vault.logins(place).await?;
    vault.keep_login(place, &given.user, &given.secret).await?;
    for login in before.iter().filter(|login| login.user != given.user) {
        drop_one(session, vault, login).await?;
    }
    Ok(())
}

/// Deletes a login, and says so: docker does not.
async fn drop_one(session: &Session, vault: &Vault, login: &Login) -> Result<()> {
    if vault.drop_login(login, None).await?.is_some() {
        let (path, vault) = (login.path.quoted(), session.vault_flag());
        output::note(&format!("{} is deleted. Undo: vault{vault} undelete {path}", login.path));
    }
    Ok(())
}

async fn erase(session: &Session, folder: &Prefix, server: &str) -> Result<()> {
    let vault = session.vault().await?;
    let erased = drop_all(session, &vault, &place(folder, server)?).await;
    session.warn(&vault);
    erased
}

async fn drop_all(session: &Session, vault: &Vault, place: &Prefix) -> Result<()> {
    for login in vault.logins(place).await? {
        drop_one(session, vault, &login).await?;
    }
    Ok(())
}

async fn list(session: &Session, folder: &Prefix) -> Result<()> {
    let vault = session.vault().await?;
    let users = users(&vault, folder).await;
    session.warn(&vault);
    output::json(&users?.into())
}

/// The user that `get` gives for each server.
async fn users(
    vault: &Vault,
    folder: &Prefix,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let mut servers = BTreeMap::<String, Vec<String>>::new();
    for path in vault.list(folder).await? {
        if let Some((server, user)) = login_of(folder, &path) {
            servers.entry(server).or_default().push(user);
        }
    }
    let mut found = serde_json::Map::new();
    for (server, mut users) in servers {
        if users.len() > 1 {
            let logins = vault.logins(&place(folder, &server)?).await?;
            users = vault.newest_login(logins).await?.into_iter().map(|login| login.user).collect();
        }
        found.extend(users.pop().map(|user| (server, user.into())));
    }
    Ok(found)
}

/// The server and the user that a name is of; `None` for what `get` would not look at.
fn login_of(folder: &Prefix, path: &Path) -> Option<(String, String)> {
    let below = match folder.as_str() {
        "" => path.as_str(),
        folder => path.as_str().strip_prefix(folder)?.strip_prefix('/')?,
    };
    let (server, user) = below.split_once('/').filter(|(_, user)| !user.contains('/'))?;
    let address = segment_text(server).filter(|address| segment(address) == server)?;
    Some((address, segment_text(user)?))
}

/// What `docker login` wants kept.
struct Given {
    server: String,
    user: String,
    secret: Secret,
}

impl Given {
    fn read() -> Result<Self> {
        Self::parse(&read_all(std::io::stdin().lock(), None)?)
    }

    fn parse(text: &Secret) -> Result<Self> {
        let (mut server, mut user, mut secret) = (String::new(), String::new(), None);
        let text_of = |reader: &mut JsonReader<'_>| {
            let text = reader.string()?;
            text.text().map(str::to_owned).ok_or_else(|| reader.error("not UTF-8"))
        };
        let mut read = || -> std::result::Result<(), JsonError> {
            let mut reader = JsonReader::new(text.bytes());
            reader.object(|name, reader| {
                match name {
                    "ServerURL" => server = text_of(reader)?,
                    "Username" => user = text_of(reader)?,
                    "Secret" => secret = Some(reader.string()?),
                    _ => drop(reader.raw()?),
                }
                Ok(())
            })?;
            reader.end()
        };
        let wrong = |why: JsonError| Error::usage("not a description of credentials").because(why);
        read().map_err(wrong)?;
        let server = server.trim().to_owned();
        match (server.is_empty(), user.is_empty()) {
            (true, _) => Err(Error::usage(NO_SERVER)),
            (_, true) => Err(Error::usage(NO_USER)),
            _ => {
                let secret = secret.ok_or_else(|| Error::new(Kind::Usage, "no secret"))?;
                Ok(Self { server, user, secret })
            }
        }
    }
}
