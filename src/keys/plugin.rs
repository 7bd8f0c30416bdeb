//! age plugins: programs called `age-plugin-NAME` on the PATH that hold keys elsewhere, on a
//! hardware token for instance. What they ask goes to whoever uses the library ([`Ask`]).

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use age::plugin::{IdentityPluginV1, RecipientPluginV1};
use age::secrecy::SecretString;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};

use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::core::secret::Secret;

/// Most characters of what a plugin says that are passed on.
const MAX_TOLD: usize = 400;

/// What went wrong with a plugin. Travels through `age` inside an `io::Error`, since what `age`
/// itself says of plugins cannot be told apart.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It asked, and nobody answered.
    #[error("{0}")]
    Unanswered(String),
    /// It failed, died, or did not keep to the protocol.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// What `age` says of the plugin: for a plugin that died the first line, what follows is advice
    /// to whoever writes one. Without the marks that `age` puts around names.
    fn of(name: &str, why: &dyn fmt::Display, all: bool) -> Self {
        let why = why.to_string().replace(['\u{2068}', '\u{2069}'], "");
        let lines: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let why =
            if all { lines.join(" ") } else { lines.first().copied().unwrap_or_default().into() };
        let mut told: String = why.chars().take(MAX_TOLD).collect();
        if told.len() < why.len() {
            told.push('…');
        }
        let program = format!("age-plugin-{name}");
        Self::Failed(if told.contains(&program) { told } else { format!("{program}: {told}") })
    }

    fn boxed(self) -> io::Error {
        io::Error::other(self)
    }
}

/// Whoever can be asked for what opens a key. Texts are safe to show on a terminal.
pub trait Ask: Send + Sync {
    /// The passphrase of `what`, for instance of `the identity`.
    ///
    /// # Errors
    /// Usage if there is nobody to ask.
    fn passphrase(&self, what: &str) -> Result<Secret>;

    /// Something to do, such as to touch a token. Nobody need see it.
    fn tell(&self, message: &str);

    /// A PIN or something else that is not shown while it is typed.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn hidden(&self, question: &str) -> Result<Secret>;

    /// A line that may be shown.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn line(&self, question: &str) -> Result<String>;

    /// True for `yes`.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool>;
}

/// What a plugin asks, and the first question that was not answered.
#[derive(Clone)]
struct Questions {
    ask: Option<Arc<dyn Ask>>,
    unanswered: Arc<Mutex<Option<String>>>,
}

impl Questions {
    fn new(ask: Option<Arc<dyn Ask>>) -> Self {
        Self { ask, unanswered: Arc::default() }
    }

    fn put<T>(&self, question: &str, put: impl FnOnce(&dyn Ask) -> Result<T>) -> Option<T> {
        let why = match self.ask.as_deref().map(put) {
            Some(Ok(answer)) => return Some(answer),
            Some(Err(e)) => e.message,
            None => format!("it asks `{question}`, and nobody can answer here"),
        };
        self.unanswered.lock().expect("no panic holds this lock").get_or_insert(why);
        None
    }

    /// The failure that an unanswered question is, whatever the plugin made of it.
    fn failure(&self) -> Option<Failure> {
        let why = self.unanswered.lock().expect("no panic holds this lock").take();
        why.map(Failure::Unanswered)
    }
}

impl age::Callbacks for Questions {
    fn display_message(&self, message: &str) {
        if let Some(ask) = &self.ask {
            ask.tell(&escape(message));
        }
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let (message, yes, no) = (escape(message), escape(yes), no.map(escape));
        self.put(&message, |ask| ask.confirm(&message, &yes, no.as_deref()))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        let question = escape(description);
        self.put(&question, |ask| ask.line(&question))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let question = escape(description);
        let answer = self.put(&question, |ask| ask.hidden(&question))?;
        secret_string(&answer)
    }
}

/// The same as a string that `age` zeroes; `None` if it is not UTF-8.
pub fn secret_string(secret: &Secret) -> Option<SecretString> {
    Some(SecretString::from(secret.text()?.to_owned()))
}

/// All recipients of one plugin.
pub struct PluginRecipients {
    name: String,
    inner: RecipientPluginV1<Questions>,
    questions: Questions,
}

/// Prepares to encrypt to recipients of the plugin `name`. Sealing asks nobody anything.
///
/// # Errors
/// Credentials if the plugin is not on the PATH.
pub fn recipients(name: &str, recipients: &[age::plugin::Recipient]) -> Result<PluginRecipients> {
    let questions = Questions::new(None);
    let inner = RecipientPluginV1::new(name, recipients, &[], questions.clone())
        .map_err(|_| missing(name).hint("encrypting to a member's key takes it: install it"))?;
    Ok(PluginRecipients { name: name.to_owned(), inner, questions })
}

impl age::Recipient for PluginRecipients {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        self.inner.wrap_file_key(file_key).map_err(|e| {
            let all = matches!(e, EncryptError::Plugin(_));
            let failure = self.questions.failure();
            let failure = failure.unwrap_or_else(|| Failure::of(&self.name, &e, all));
            EncryptError::Io(failure.boxed())
        })
    }
}

/// A key that a plugin keeps.
pub struct PluginIdentity {
    name: String,
    inner: IdentityPluginV1<Questions>,
    questions: Questions,
}

impl PluginIdentity {
    /// Reads `AGE-PLUGIN-NAME-1…`.
    ///
    /// # Errors
    /// Usage if it is none; credentials if the plugin is not on the PATH.
    pub fn new(text: &str, ask: Arc<dyn Ask>) -> Result<Self> {
        let identity: age::plugin::Identity = text.parse().map_err(|_| {
            Error::usage("not the identity of an age plugin (`AGE-PLUGIN-NAME-1…`)")
        })?;
        let name = identity.plugin().to_owned();
        let questions = Questions::new(Some(ask));
        let inner = IdentityPluginV1::new(&name, &[identity], questions.clone()).map_err(|_| {
            missing(&name).hint("the key of this identity is reached through it: install it")
        })?;
        Ok(Self { name, inner, questions })
    }

    /// Name of the plugin.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<FileKey, DecryptError>> {
        let answer = age::Identity::unwrap_stanzas(&self.inner, stanzas);
        let failure = match (answer, self.questions.failure()) {
            (Some(Ok(key)), _) => return Some(Ok(key)),
            (None, None) => return None,
            (_, Some(unanswered)) => unanswered,
            (Some(Err(e)), None) => {
                Failure::of(&self.name, &e, matches!(e, DecryptError::Plugin(_)))
            }
        };
        Some(Err(DecryptError::Io(failure.boxed())))
    }
}

fn missing(name: &str) -> Error {
    Error::credentials(format!("the program age-plugin-{} is not on the PATH", escape(name)))
}

/// What to tell if a plugin's failure is the cause; `None` if something else is.
pub fn failed(error: &io::Error) -> Option<Error> {
    Some(match error.get_ref()?.downcast_ref::<Failure>()? {
        Failure::Unanswered(why) => {
            Error::usage(why.clone()).hint("run it at a terminal, and without --no-input")
        }
        Failure::Failed(why) => Error::credentials(escape(why))
            .hint("the key of a plugin has to be within reach: is the token plugged in?"),
    })
}
