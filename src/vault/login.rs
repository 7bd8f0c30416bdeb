//! User names and passwords that other programs keep in a vault, at `FOLDER/PLACE/USER`.
//!
//! The user is in the name: one listing shows who there is at a place, decrypting nothing, and one
//! read gives the password. Segments that would not be legal, or mean something, are
//! percent-encoded.

use std::cmp::Reverse;

use futures_util::{StreamExt, TryStreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::fields::choose;
use super::read::{Content, Opened};
use super::write::Written;
use super::{PARALLEL, Vault};
use crate::core::document::{DEFAULT_FIELD, Document};
use crate::core::error::{Error, Kind, Result};
use crate::core::path::{Prefix, SecretPath};
use crate::core::secret::Secret;

/// What is written as it is in a segment.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'+').remove(b'@').remove(b':');
/// The field that is meant if there is one.
const PASSWORD: &str = "password";

/// A user at a place. The password is not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The secret.
    pub path: SecretPath,
    /// The user, decoded from its last segment.
    pub user: String,
}

/// Any text but the empty one as a segment of a path that is legal, and the same for the same text.
pub fn segment(text: &str) -> String {
    let mut out = utf8_percent_encode(text, ENCODED).to_string();
    if out.starts_with('.') {
        out.replace_range(..1, "%2E");
    }
    if let Some(name) = out.strip_suffix(".instruction") {
        out = format!("{name}%2Einstruction");
    }
    if let Some((name, digits)) = out.rsplit_once('@')
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        out = format!("{name}%40{digits}");
    }
    out
}

/// The text that a segment stands for; `None` if that is not UTF-8. Also reads segments that
/// somebody wrote by hand, without encoding what need not be.
pub fn segment_text(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(Into::into)
}

/// The password of a login: the field `password`, or the one that `get` prints.
///
/// # Errors
/// Not found if there is none, or it is not clear which one is meant.
pub fn login_password<'o>(path: &SecretPath, opened: &'o Opened) -> Result<&'o Secret> {
    let document = match &opened.content {
        Content::Raw(bytes) => return Ok(bytes),
        Content::Doc(document) => document,
    };
    let field = match document.field(PASSWORD) {
        Some(field) => field,
        None => choose(path, document, None)?,
    };
    if field.kind.is_secret() {
        return Ok(&field.value);
    }
    Err(Error::not_found(format!("{path} has no password")))
}

/// The name of the field that holds the password, or is to hold it.
fn password_field(path: &SecretPath, document: &Document) -> String {
    let found = document
        .field(PASSWORD)
        .or_else(|| choose(path, document, None).ok().filter(|field| field.kind.is_secret()));
    match found {
        Some(field) => field.name.clone(),
        None if document.fields.is_empty() => DEFAULT_FIELD.to_owned(),
        None => PASSWORD.to_owned(),
    }
}

impl Vault {
    /// The users at a place. Where two names stand for the same user, the one that [`segment`]
    /// would have made goes first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logins(&self, place: &Prefix) -> Result<Vec<Login>> {
        let names = self.list(place).await?;
        let login = |path: SecretPath| {
            let last = path.as_str().strip_prefix(place.as_str())?.strip_prefix('/')?;
            let user = segment_text(last).filter(|_| !last.contains('/'))?;
            Some(Login { path, user })
        };
        let mut logins: Vec<Login> = names.into_iter().filter_map(login).collect();
        logins.sort_by_key(|login| {
            let made = login.path.segments().next_back() == Some(&segment(&login.user));
            (login.user.clone(), !made)
        });
        logins.dedup_by(|other, first| other.user == first.user);
        Ok(logins)
    }

    /// The one that was written last; one small request each, if there are several.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn newest_login(&self, mut logins: Vec<Login>) -> Result<Option<Login>> {
        if logins.len() < 2 {
            return Ok(logins.pop());
        }
        self.refresh().await?;
        let dated = stream::iter(logins).map(|login| async move {
            let entry = self.entry(login.path.clone()).await?;
            let time = entry.and_then(|entry| entry.header).map(|header| header.time);
            Ok::<_, Error>((time, login))
        });
        let dated: Vec<_> = dated.buffered(PARALLEL).try_collect().await?;
        let newest = dated.into_iter().max_by_key(|(time, l)| (*time, Reverse(l.user.clone())));
        Ok(newest.map(|(_, login)| login))
    }

    /// Keeps a password. Nothing is written, and the answer is `None`, if it is the one that is
    /// there already.
    ///
    /// # Errors
    /// Usage for a user that is too long for a path; as of [`Self::put`].
    pub async fn keep_login(
        &self,
        place: &Prefix,
        user: &str,
        password: &Secret,
    ) -> Result<Option<Written>> {
        let known = self.logins(place).await?.into_iter().find(|login| login.user == user);
        let path = match known {
            Some(login) => {
                if let Some(opened) = self.read_if_there(&login.path).await?
                    && login_password(&login.path, &opened).is_ok_and(|there| there.same(password))
                {
                    return Ok(None);
                }
                login.path
            }
            None => SecretPath::parse(&format!("{place}/{}", segment(user)))?,
        };
        let mut set = |document: &mut Document, seq: u64| {
            let field = password_field(&path, document);
            document.set(&field, None, Secret::copy_of(password.bytes()), seq)
        };
        self.put(&path, None, &mut set).await.map(Some)
    }

    /// Deletes a login, with a password only if that is the one. `None` if it is another one, or
    /// gone already.
    ///
    /// # Errors
    /// As of [`Self::delete`].
    pub async fn drop_login(
        &self,
        login: &Login,
        password: Option<&Secret>,
    ) -> Result<Option<Written>> {
        let mut version = None;
        if let Some(password) = password {
            match self.read_if_there(&login.path).await? {
                Some(opened)
                    if login_password(&login.path, &opened)
                        .is_ok_and(|there| there.same(password)) =>
                {
                    version = Some(opened.n);
                }
                _ => return Ok(None),
            }
        }
        match self.delete(&login.path, version).await {
            // Somebody has changed or deleted it meanwhile.
            Err(e) if matches!(e.kind, Kind::Conflict | Kind::NotFound) => Ok(None),
            other => other.map(Some),
        }
    }

    /// What is there; `None` if it was deleted since it was listed.
    ///
    /// # Errors
    /// As of [`Self::read`], but for that.
    pub async fn read_if_there(&self, path: &SecretPath) -> Result<Option<Opened>> {
        match self.read(path, None).await {
            Err(e) if e.kind == Kind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_legal_segment_and_comes_back() {
        let long = "x".repeat(200);
        for (text, expected) in [
            ("ann", "ann"),
            ("ann@example.com", "ann@example.com"),
            ("ann@1", "ann%401"),
            ("@7", "%407"),
            ("a/b", "a%2Fb"),
            ("..", "%2E."),
            (".vault", "%2Evault"),
            ("x.instruction", "x%2Einstruction"),
            ("100%", "100%25"),
            ("<token>", "%3Ctoken%3E"),
            ("a b\n", "a%20b%0A"),
            ("e\u{301}", "e%CC%81"),
            ("https://index.docker.io/v1/", "https:%2F%2Findex.docker.io%2Fv1%2F"),
            (&long, &long),
        ] {
            let made = segment(text);
            assert_eq!(made, expected);
            assert_eq!(segment_text(&made).as_deref(), Some(text));
            assert_eq!(SecretPath::parse(&format!("git/{made}")).map(|_| ()).ok(), Some(()));
        }
        assert_eq!(segment_text("%ff"), None);
        assert!(SecretPath::parse(&format!("git/{}", segment(&"x".repeat(201)))).is_err());
    }
}
